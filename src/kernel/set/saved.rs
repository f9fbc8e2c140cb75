//! The saved copy: the script that makes the set, so that it is in force early at boot, before the database is up.
//!
//! Root feeds it to `nft`, so nobody else may have written it: its directory and itself must be root's, closed to
//! others, and no links are followed.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat, fstat, mkdirat, openat, renameat, unlinkat};
use rustix::io::Errno;

use super::SetError;
use crate::ban::hits::Backend;

/// The note of what was last read back.
const NOTE: &str = "set.seen";
/// The file while it is written.
const NEW: &str = "set.new";
/// The most that is read: a script of a million prefixes is 40 MB.
const LARGEST: u64 = 256 << 20;

impl Backend {
    fn file(self) -> &'static str {
        match self {
            Self::Nft => "set.nft",
            Self::Ipset => "set.ipset",
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Nft => Self::Ipset,
            Self::Ipset => Self::Nft,
        }
    }
}

/// Whether only we ourselves (root) could have written it.
fn is_ours(stat: &Stat) -> bool {
    stat.st_uid == rustix::process::geteuid().as_raw() && stat.st_mode & 0o022 == 0
}

fn open_directory(path: &Path) -> io::Result<OwnedFd> {
    let directory = openat(CWD, path, OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
    if is_ours(&fstat(&directory)?) {
        Ok(directory)
    } else {
        let why = "others than root can write in it. Fix: chown root:root and chmod 755";
        Err(io::Error::new(ErrorKind::PermissionDenied, why))
    }
}

fn failed(path: &Path) -> impl Fn(io::Error) -> SetError {
    move |error| SetError::Saved(path.display().to_string(), error)
}

/// Writes the copy of one way, and takes that of the other away. The directory is made if it is missing.
pub(super) fn save(path: &Path, backend: Backend, text: &str) -> Result<(), SetError> {
    save_as(path, backend.file(), backend.other().file(), text)
}

/// Writes a copy under a name, and takes that of another name away.
pub(in crate::kernel) fn save_as(path: &Path, name: &str, other: &str, text: &str) -> Result<(), SetError> {
    let write = || {
        match mkdirat(CWD, path, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        let directory = open_directory(path)?;
        unlink(&directory, NEW)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(openat(&directory, NEW, flags, Mode::from_raw_mode(0o600))?);
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        renameat(&directory, NEW, &directory, name)?;
        unlink(&directory, other)?;
        rustix::fs::fsync(&directory)?;
        io::Result::Ok(())
    };
    write().map_err(failed(path))
}

/// Writes the note of [`super::seen`].
pub(super) fn save_note(path: &Path, text: &str) -> io::Result<()> {
    save_note_as(path, NOTE, text)
}

/// Writes a note under a name.
pub(in crate::kernel) fn save_note_as(path: &Path, name: &str, text: &str) -> io::Result<()> {
    let directory = open_directory(path)?;
    unlink(&directory, NEW)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(openat(&directory, NEW, flags, Mode::from_raw_mode(0o600))?);
    file.write_all(text.as_bytes())?;
    Ok(renameat(&directory, NEW, &directory, name)?)
}

/// Reads it; none where there is none that only root can have written.
pub(super) fn load_note(path: &Path) -> Option<String> {
    load_note_as(path, NOTE)
}

/// The same under a name.
pub(in crate::kernel) fn load_note_as(path: &Path, name: &str) -> Option<String> {
    let directory = open_directory(path).ok()?;
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = openat(&directory, name, flags, Mode::empty()).ok()?;
    let stat = fstat(&file).ok()?;
    if !is_ours(&stat) || !FileType::from_raw_mode(stat.st_mode).is_file() {
        return None;
    }
    let mut text = String::new();
    File::from(file).take(1_000).read_to_string(&mut text).ok()?;
    Some(text)
}

/// Removes a file; true when there was one.
fn unlink(directory: &OwnedFd, name: &str) -> io::Result<bool> {
    match unlinkat(directory, name, AtFlags::empty()) {
        Ok(()) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Whether there is a copy of this way.
pub(super) fn is_there(path: &Path, backend: Backend) -> bool {
    std::fs::symlink_metadata(path.join(backend.file())).is_ok()
}

/// Whether there is a copy of this name.
pub(in crate::kernel) fn is_there_as(path: &Path, name: &str) -> bool {
    std::fs::symlink_metadata(path.join(name)).is_ok()
}

/// Reads the copy of a name; none where there is none.
pub(in crate::kernel) fn load_as(path: &Path, name: &str) -> Result<Option<String>, SetError> {
    let read = || match open_directory(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        directory => read_file(&directory?, name),
    };
    read().map_err(failed(path))
}

/// A file that only root can have written; none where there is none.
fn read_file(directory: &OwnedFd, name: &str) -> io::Result<Option<String>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match openat(directory, name, flags, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let stat = fstat(&file)?;
    if !is_ours(&stat) || !FileType::from_raw_mode(stat.st_mode).is_file() {
        let why = format!("{name} is not a file that only root can write");
        return Err(io::Error::new(ErrorKind::PermissionDenied, why));
    }
    let mut text = String::new();
    File::from(file).take(LARGEST).read_to_string(&mut text)?;
    Ok(Some(text))
}

/// Removes files, and the directory when nothing else is in it. True when there was one.
pub(in crate::kernel) fn remove_as(path: &Path, names: &[&str]) -> Result<bool, SetError> {
    let remove = || {
        let directory = match open_directory(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            other => other?,
        };
        let mut any = false;
        for name in names {
            any |= unlink(&directory, name)?;
        }
        let _ = std::fs::remove_dir(path);
        Ok(any)
    };
    remove().map_err(failed(path))
}

/// Reads the copy; none when nothing was saved.
pub(super) fn load(path: &Path) -> Result<Option<(Backend, String)>, SetError> {
    let read = || {
        let directory = match open_directory(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        for backend in [Backend::Nft, Backend::Ipset] {
            if let Some(text) = read_file(&directory, backend.file())? {
                return Ok(Some((backend, text)));
            }
        }
        Ok(None)
    };
    read().map_err(failed(path))
}

/// Removes the copies, and the directory when nothing else is in it. True when there was a copy.
pub(super) fn remove(path: &Path) -> Result<bool, SetError> {
    let remove = || {
        let directory = match open_directory(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            other => other?,
        };
        let mut any = false;
        for name in [NEW, Backend::Nft.file(), Backend::Ipset.file()] {
            any |= unlink(&directory, name)?;
        }
        unlink(&directory, NOTE)?;
        // Somebody else's file in it keeps it.
        let _ = std::fs::remove_dir(path);
        Ok(any)
    };
    remove().map_err(failed(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn what_is_saved_is_loaded_and_only_one_way_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("banbridge");
        assert_eq!(load(&path).unwrap(), None);
        assert!(!remove(&path).unwrap());
        save(&path, Backend::Ipset, "old").unwrap();
        save(&path, Backend::Nft, "new").unwrap();
        assert_eq!(load(&path).unwrap(), Some((Backend::Nft, "new".to_owned())));
        let names: Vec<_> = fs::read_dir(&path).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, ["set.nft"]);
        assert_eq!(fs::metadata(path.join("set.nft")).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(is_there(&path, Backend::Nft) && !is_there(&path, Backend::Ipset));
        assert!(remove(&path).unwrap());
        assert!(!path.exists());
    }

    #[test]
    fn a_directory_or_copy_that_others_can_write_is_neither_used_nor_trusted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path();
        save(path, Backend::Nft, "x").unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o775)).unwrap();
        assert!(load(path).is_err() && save(path, Backend::Nft, "y").is_err() && remove(path).is_err());
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(path.join("set.nft"), fs::Permissions::from_mode(0o666)).unwrap();
        assert!(load(path).is_err());

        let link = dir.path().join("link");
        symlink(path, &link).unwrap();
        assert!(load(&link).is_err() && save(&link, Backend::Nft, "y").is_err());
        fs::remove_file(path.join("set.nft")).unwrap();
        fs::write(path.join("target"), "x").unwrap();
        symlink(path.join("target"), path.join("set.nft")).unwrap();
        symlink(path.join("target"), path.join("set.new")).unwrap();
        assert!(load(path).is_err());
        save(path, Backend::Nft, "y").unwrap();
        assert_eq!(fs::read_to_string(path.join("target")).unwrap(), "x");
        assert_eq!(load(path).unwrap(), Some((Backend::Nft, "y".to_owned())));
    }
}
