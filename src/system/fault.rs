//! Faults on purpose, in a build of the tests only.
//!
//! Between a feed's first byte and the signal to the firewall's daemon the work passes named points. In a build with
//! the feature `faults`, which no release has, a test says in the environment what happens at which of them; in any
//! other build a point is nothing.
//!
//! `BANBRIDGE_FAULT` is `POINT:HIT:ACTION`, several with a comma between them, and `BANBRIDGE_FAULT_DIR` a directory
//! that all users can write:
//!
//! | action | what happens at that hit of the point |
//! | --- | --- |
//! | `kill`, `term`, `int`, `hup` | this process gets the signal |
//! | `error`, `full` | the database says so |
//! | `hold` | it stands still until the test removes the file `held` |
//! | `clock=SECONDS` | the machine's clock is so far off from then on, for every process, by the file `clock` |
//!
//! Each point that is passed is noted in the file `trace`.

#[cfg(not(feature = "faults"))]
use crate::system::database::Result;

/// What a child must be given besides its own variables.
#[cfg(feature = "faults")]
pub const VARIABLES: &[&str] = &["BANBRIDGE_FAULT", "BANBRIDGE_FAULT_DIR"];
/// Nothing, for nothing is ever injected.
#[cfg(not(feature = "faults"))]
pub const VARIABLES: &[&str] = &[];

/// A place where a test can have something go wrong.
#[cfg(not(feature = "faults"))]
#[inline(always)]
pub fn point(_: &str) -> Result<()> {
    Ok(())
}

/// How far off the clock is, in seconds.
#[cfg(not(feature = "faults"))]
#[inline(always)]
pub fn clock_is_off() -> i64 {
    0
}

#[cfg(feature = "faults")]
pub use with_feature::{clock_is_off, point};

#[cfg(feature = "faults")]
mod with_feature {
    use std::collections::BTreeMap;
    use std::fs::{self, OpenOptions};
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    use std::path::PathBuf;
    use std::sync::{Mutex, PoisonError};
    use std::time::Duration;

    use rustix::process::{Signal, getpid, kill_process};

    use crate::system::database::{DatabaseError, Result};

    static PASSED: Mutex<BTreeMap<String, u32>> = Mutex::new(BTreeMap::new());

    /// A place where a test can have something go wrong.
    pub fn point(name: &str) -> Result<()> {
        let Some(dir) = dir() else { return Ok(()) };
        note(dir.join("trace"), name);
        let hit = {
            let mut passed = PASSED.lock().unwrap_or_else(PoisonError::into_inner);
            let hit = passed.entry(name.to_owned()).or_default();
            *hit += 1;
            *hit
        };
        let faults = std::env::var("BANBRIDGE_FAULT").unwrap_or_default();
        for fault in faults.split(',') {
            let mut words = fault.splitn(3, ':');
            if words.next() == Some(name) && words.next() == Some(&hit.to_string()) {
                let action = words.next().unwrap_or_default();
                note(dir.join("fired"), &format!("{name} {action}"));
                act(action, &dir)?;
            }
        }
        Ok(())
    }

    /// How far off the clock is, in seconds.
    pub fn clock_is_off() -> i64 {
        let text = dir().and_then(|dir| fs::read_to_string(dir.join("clock")).ok());
        text.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    }

    fn dir() -> Option<PathBuf> {
        std::env::var_os("BANBRIDGE_FAULT_DIR").map(PathBuf::from)
    }

    fn act(action: &str, dir: &std::path::Path) -> Result<()> {
        let signal = |signal| {
            let _ = kill_process(getpid(), signal);
            Ok(())
        };
        match action.split_once('=').unwrap_or((action, "")) {
            ("kill", _) => signal(Signal::KILL),
            ("term", _) => signal(Signal::TERM),
            ("int", _) => signal(Signal::INT),
            ("hup", _) => signal(Signal::HUP),
            ("error", _) => Err(DatabaseError::Lost("a fault of the test".into())),
            ("full", _) => Err(DatabaseError::Other("The table is full (error 1114)".into())),
            ("clock", seconds) => {
                let _ = fs::write(dir.join("clock"), seconds);
                Ok(())
            }
            ("hold", _) => {
                let held = dir.join("held");
                let _ = fs::write(&held, "");
                while held.exists() {
                    std::thread::sleep(Duration::from_millis(2));
                }
                Ok(())
            }
            _ => Err(DatabaseError::Other(format!("the test asks for {action:?}, which is no fault"))),
        }
    }

    fn note(path: PathBuf, text: &str) {
        let file = OpenOptions::new().create(true).append(true).mode(0o666).open(path);
        let _ = file.and_then(|mut file| file.write_all(format!("{text}\n").as_bytes()));
    }
}
