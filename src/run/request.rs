//! The request to root: rules and set in the kernel are root's, so what another user changed in the ledger or in the
//! configuration is brought into force by root's `apply`. Where the package made the directory, writing a file there
//! has systemd start it; elsewhere the minute's `apply` comes by itself.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;

/// The file. Root looks at nothing but that it was written.
const FILE: &str = "/run/banbridge/request";

/// Asks root to look, unless this is root.
pub fn after_change() {
    if rustix::process::geteuid().is_root() {
        return;
    }
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let opened = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o644)
        .custom_flags(flags.bits().cast_signed())
        .open(FILE);
    match opened.and_then(|mut file| file.write_all(b"look\n")) {
        Err(error) if error.kind() != ErrorKind::NotFound => log::warn!("{FILE} cannot be written: {error}"),
        _ => {}
    }
}
