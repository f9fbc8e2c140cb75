//! What a run may take of the machine, whoever started it: a timer of systemd has its own limits, cron has none.

use std::thread;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, setrlimit};

/// Memory of a run as root, in bytes, and of each program that it starts. A set of a million entries takes a fifth of it.
const MEMORY: u64 = 2 << 30;
/// Processor time of the same, in seconds.
const PROCESSOR: u64 = 15 * 60;

/// Bounds memory and processor time of this process and of those that it starts.
///
/// # Errors
/// Those of the system.
pub fn bound_run() -> rustix::io::Result<()> {
    for (resource, most) in [(Resource::As, MEMORY), (Resource::Cpu, PROCESSOR)] {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    Ok(())
}

/// Calls `late` when that much time is over: whoever waits for a server that sends a byte now and then waits for ever.
/// A run can be ended anywhere, so `late` may end it.
pub fn deadline(patience: Duration, late: impl FnOnce() + Send + 'static) {
    thread::spawn(move || {
        thread::sleep(patience);
        late();
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_waits_too_long_is_told() {
        let (sender, told) = std::sync::mpsc::channel();
        deadline(Duration::from_millis(10), move || sender.send(()).unwrap());
        assert_eq!(told.recv_timeout(Duration::from_secs(30)), Ok(()));
    }
}
