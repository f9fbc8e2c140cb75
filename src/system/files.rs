//! Files in directories that somebody else can write.
//!
//! `/etc/asterisk` and `/var/log/asterisk` belong to asterisk, and root reads and writes there. Whoever took over
//! asterisk could put a link to `/etc/shadow` in the place of a configuration, or one to `/etc/passwd` in the place of
//! a log. So where a directory is not root's alone, root follows no link, opens no pipe, and takes only a plain file
//! that has no second name and belongs to root or to the owner of the directory.

mod create;
mod replace;

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{AtFlags, Gid, Mode, OFlags, Uid, fchown, open, openat, unlinkat};
use rustix::io::Errno;

pub use create::create;
pub use replace::{replace, replace_owned};

/// Why a file is left alone.
const NOT_TRUSTED: &str = "root does not touch it: it is a link, has a second name, or is not a plain file of the owner \
                           of its directory";

/// Reads a text of at most `most` bytes.
pub fn read_text(path: &Path, most: u64) -> io::Result<String> {
    String::from_utf8(read(path, most)?)
        .map_err(|_| io::Error::new(ErrorKind::InvalidData, "it is not UTF-8 text"))
}

/// Reads a file of at most `most` bytes.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = open_to_read(path)?;
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::new(ErrorKind::FileTooLarge, format!("it is larger than {most} bytes")));
    }
    Ok(bytes)
}

/// Opens a file of any size.
pub fn open_to_read(path: &Path) -> io::Result<File> {
    let guarded = must_guard(path)?;
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let flags = if guarded { flags | OFlags::NOFOLLOW } else { flags };
    open_guarded(path, flags, guarded)
}

/// Opens the file of this path for appending, makes it where there is none, readable by owner and group.
///
/// The directory is one that the database names, and asterisk writes there. So root writes only where asterisk could
/// write itself: in a directory that belongs to `owner`. A file that root makes is given to that user, so that runs as
/// him can go on with it.
pub fn append(path: &Path, owner: u32) -> io::Result<File> {
    let (directory, name) = named_directory(path, owner)?;
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    match openat(&directory, name, flags, Mode::empty()) {
        Err(Errno::NOENT) => {}
        Err(Errno::LOOP) => return Err(not_trusted()),
        other => return checked(File::from(other?), Some(directory.metadata()?.uid())),
    }
    let new = flags | OFlags::CREATE | OFlags::EXCL;
    let made = File::from(openat(&directory, name, new, Mode::from_raw_mode(0o640))?);
    if rustix::process::geteuid().is_root() {
        let meta = directory.metadata()?;
        fchown(&made, Some(Uid::from_raw(meta.uid())), Some(Gid::from_raw(meta.gid())))?;
    }
    Ok(made)
}

/// Removes a file that [`append`] made. False when there was none.
pub fn remove(path: &Path, owner: u32) -> io::Result<bool> {
    let (directory, name) = named_directory(path, owner)?;
    match unlinkat(&directory, name, AtFlags::empty()) {
        Err(Errno::NOENT) => Ok(false),
        other => Ok(other.map(|()| true)?),
    }
}

/// Opens the directory of a path: what is looked at and what is used are the same one, however it is renamed.
fn named_directory(path: &Path, owner: u32) -> io::Result<(File, &OsStr)> {
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::Error::new(ErrorKind::InvalidInput, "not the path of a file"));
    };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = File::from(open(directory, flags, Mode::empty())?);
    if rustix::process::geteuid().is_root() && directory.metadata()?.uid() != owner {
        return Err(io::Error::new(
            ErrorKind::PermissionDenied,
            "root does not write there: the directory does not belong to the user of FreePBX",
        ));
    }
    Ok((directory, name))
}

fn not_trusted() -> io::Error {
    io::Error::new(ErrorKind::PermissionDenied, NOT_TRUSTED)
}

/// Takes a plain file, and where somebody else may have put it there, one that has no second name and belongs to root
/// or to the owner of its directory.
fn checked(file: File, directory: Option<u32>) -> io::Result<File> {
    let meta = file.metadata()?;
    let guarded = rustix::process::geteuid().is_root();
    let strange = |owner: u32| meta.nlink() != 1 || ![0, owner].contains(&meta.uid());
    if !meta.is_file() || (guarded && directory.is_some_and(strange)) {
        return Err(not_trusted());
    }
    Ok(file)
}

fn open_guarded(path: &Path, flags: OFlags, guarded: bool) -> io::Result<File> {
    let file = match open(path, flags, Mode::empty()) {
        Err(Errno::LOOP) => return Err(not_trusted()),
        other => File::from(other?),
    };
    checked(file, if guarded { Some(parent(path)?.uid()) } else { None })
}

/// Whether somebody else than root, who runs this, can put something else in the place of the file.
fn must_guard(path: &Path) -> io::Result<bool> {
    if !rustix::process::geteuid().is_root() {
        return Ok(false);
    }
    let directory = parent(path)?;
    Ok(directory.uid() != 0 || directory.mode() & 0o022 != 0)
}

fn parent(path: &Path) -> io::Result<Metadata> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.metadata(),
        _ => Path::new(".").metadata(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    /// A directory that others can write, as asterisk's are.
    fn open_directory() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
        dir
    }

    #[test]
    fn root_takes_no_link_no_second_name_and_no_directory() {
        if !rustix::process::geteuid().is_root() {
            panic!("this test plays root and must be run as root");
        }
        let dir = open_directory();
        let secret = dir.path().join("secret");
        let path = dir.path().join("file");
        fs::write(&secret, "secret").unwrap();
        let refused = || read_text(&path, 100).is_err() && append(&path, 0).is_err();
        symlink(&secret, &path).unwrap();
        assert!(refused());
        fs::remove_file(&path).unwrap();
        fs::hard_link(&secret, &path).unwrap();
        assert!(refused());
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(refused());
        assert_eq!(fs::read_to_string(&secret).unwrap(), "secret");
    }

    #[test]
    fn a_plain_file_is_made_appended_to_and_read() {
        let dir = open_directory();
        let path = dir.path().join("file");
        append(&path, rustix::process::geteuid().as_raw()).unwrap().write_all(b"one ").unwrap();
        append(&path, rustix::process::geteuid().as_raw()).unwrap().write_all(b"two").unwrap();
        assert_eq!(read_text(&path, 7).unwrap(), "one two");
        assert!(read_text(&path, 6).is_err());
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
    }

    #[test]
    fn in_a_directory_of_roots_a_link_is_followed() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("real"), "text").unwrap();
        symlink(dir.path().join("real"), dir.path().join("link")).unwrap();
        assert_eq!(read_text(&dir.path().join("link"), 100).unwrap(), "text");
    }
}
