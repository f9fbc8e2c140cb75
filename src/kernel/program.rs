//! Stands in until the general runner of programs is merged.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Runs programs.
pub trait Programs {
    /// Runs one and returns what it printed; an error names it and what it said.
    fn run(&self, name: &str, words: &[&str], input: &[u8], limit: Duration) -> Result<String, String>;
}

/// The system's.
pub struct System;

impl Programs for System {
    fn run(&self, name: &str, words: &[&str], input: &[u8], limit: Duration) -> Result<String, String> {
        let failed = |error: std::io::Error| format!("{name}: {error}");
        let mut child = Command::new(format!("/sbin/{name}"))
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let until = Instant::now() + limit;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        thread::scope(|scope| {
            scope.spawn(move || stdin.map(|mut pipe| pipe.write_all(input)));
            let read = |pipe: Option<Box<dyn Read + Send>>| {
                move || {
                    let mut bytes = Vec::new();
                    if let Some(mut pipe) = pipe {
                        let _ = pipe.read_to_end(&mut bytes);
                    }
                    String::from_utf8_lossy(&bytes).into_owned()
                }
            };
            let out = scope.spawn(read(stdout.map(|pipe| Box::new(pipe) as _)));
            let err = scope.spawn(read(stderr.map(|pipe| Box::new(pipe) as _)));
            let status = loop {
                if let Some(status) = child.try_wait().map_err(failed)? {
                    break status;
                }
                if Instant::now() > until {
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(format!("{name} took longer than {limit:?}"));
                }
                thread::sleep(Duration::from_millis(1));
            };
            let (out, err) = (out.join().unwrap_or_default(), err.join().unwrap_or_default());
            if status.success() { Ok(out) } else { Err(format!("{name}: {}", err.trim())) }
        })
    }
}
