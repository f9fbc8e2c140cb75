//! A Debian 12 as it comes, in namespaces of its own: what a package does to it is undone when it is dropped.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::testenv::Run;

/// Where the Debian is; made at the first call.
pub fn root() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        let made = Command::new(script("make")).arg(env!("CARGO_TARGET_TMPDIR")).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        PathBuf::from(String::from_utf8(made.stdout).unwrap().trim())
    })
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clean").join(name)
}

/// The Debian, started.
pub struct Clean {
    dir: PathBuf,
    boot: Child,
    pid: String,
}

impl Clean {
    /// With systemd, or with nothing that runs.
    pub fn start(systemd: bool) -> Self {
        let dir = tempfile::Builder::new().prefix("banbridge-clean-").tempdir().unwrap().keep();
        let mut boot = Command::new(script("boot"))
            .arg(&dir)
            .arg(root())
            .arg(if systemd { "systemd" } else { "plain" })
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let patience = Instant::now() + Duration::from_secs(60);
        while !dir.join("ready").exists() {
            assert!(boot.try_wait().unwrap().is_none() && Instant::now() < patience, "it did not start");
            sleep(Duration::from_millis(10));
        }
        let pid = fs::read_to_string(dir.join("pid")).unwrap().trim().to_owned();
        Self { dir, boot, pid }
    }

    /// Puts a file into /mnt; returns its name there.
    pub fn bring(&self, file: &Path) -> String {
        let name = file.file_name().unwrap();
        fs::copy(file, self.dir.join(name)).unwrap();
        format!("/mnt/{}", name.to_str().unwrap())
    }

    /// A script of the shell, run by root.
    pub fn sh(&self, script: &str) -> Run {
        Command::new("nsenter")
            .args(["--target", &self.pid, "--mount", "--pid", "--net", "--uts", "--ipc", "--wd=/", "--"])
            .args([
                "/usr/bin/env",
                "-i",
                "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                "DEBIAN_FRONTEND=noninteractive",
            ])
            .args(["/bin/sh", "-euc", script])
            .stdin(Stdio::null())
            .output()
            .unwrap()
            .into()
    }

    /// The same, which must not fail; what it printed.
    #[track_caller]
    pub fn ok(&self, script: &str) -> String {
        let run = self.sh(script);
        assert_eq!(run.code, 0, "{script}: {run:?}");
        run.stdout
    }

    /// Puts a program in the place of one of the system's.
    pub fn program(&self, path: &str, text: &str) {
        let file = self.dir.join("program");
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        self.ok(&format!("cp /mnt/program {path}"));
    }

    /// Every file, directory and link but those of the kernel, with kind, rights, owner and content. What dpkg, the
    /// journal and systemd write of what they did is left out; that dpkg knows nothing more is seen in its status.
    #[track_caller]
    pub fn everything(&self) -> BTreeMap<String, String> {
        let found = self.ok(
            "find / \\( -path /proc -o -path /sys -o -path /dev -o -path /mnt -o -path /run/systemd -o -path /run/log \
             -o -path /run/lock -o -path /run/udev -o -path /run/mount -o -path /var/log/journal -o -path /tmp/systemd-private-* \
             -o -path /var/tmp/systemd-private-* -o -path /run/dbus -o -path /run/utmp -o -path /run/user \\) -prune \
             -o \\( -type f -printf '%p\\t%y %m %u %g ' -exec md5sum {} \\; -o -printf '%p\\t%y %m %u %g %l\\n' \\)",
        );
        let written =
            ["/var/log/", "/var/lib/dpkg/", "/var/cache/ldconfig/", "/var/lib/systemd/timers", "/run/"];
        found
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .filter(|(path, _)| {
                !written.iter().any(|start| path.starts_with(start)) || path.contains("banbridge")
            })
            .map(|(path, what)| (path.to_owned(), what.to_owned()))
            .collect()
    }
}

impl Drop for Clean {
    fn drop(&mut self) {
        drop(self.boot.stdin.take());
        let _ = self.boot.wait();
        let _ = fs::remove_dir_all(&self.dir);
    }
}
