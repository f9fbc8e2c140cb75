//! A file that is made whole, or not at all, and never in the place of another.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use rustix::fs::{AtFlags, Gid, Mode, OFlags, Uid, fchown, linkat, openat, unlinkat};
use rustix::io::Errno;

use super::named_directory;

/// Makes a file with this content, mode, user and group. Its directory must belong to that user or to root.
///
/// # Errors
/// [`ErrorKind::AlreadyExists`] where there is something of this name, which stays as it is.
pub fn create(path: &Path, content: &[u8], mode: u32, (user, group): (u32, u32)) -> io::Result<()> {
    let (directory, name) = named_directory(path, user).or_else(|_| named_directory(path, 0))?;
    let beside = format!(".{}.{}.new", name.to_string_lossy(), std::process::id());
    match unlinkat(&directory, beside.as_str(), AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(error) => return Err(error.into()),
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(openat(&directory, beside.as_str(), flags, Mode::from_raw_mode(0o600))?);
    let done = (|| {
        file.write_all(content)?;
        if rustix::process::geteuid().is_root() {
            fchown(&file, Some(Uid::from_raw(user)), Some(Gid::from_raw(group)))?;
        }
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))?;
        file.sync_all()?;
        // A link is made only where nothing of this name is.
        match linkat(&directory, beside.as_str(), &directory, name, AtFlags::empty()) {
            Err(Errno::EXIST) => Err(io::Error::from(ErrorKind::AlreadyExists)),
            other => Ok(other?),
        }
    })();
    unlinkat(&directory, beside.as_str(), AtFlags::empty())?;
    done
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::*;

    #[test]
    fn a_file_is_made_once_and_what_is_there_stays() {
        let dir = tempfile::tempdir().unwrap();
        let own = fs::metadata(dir.path()).unwrap();
        let own = (own.uid(), own.gid());
        let path = dir.path().join("x.toml");
        create(&path, b"one", 0o640, own).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
        assert_eq!(create(&path, b"two", 0o640, own).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"one");
        let link = dir.path().join("link");
        symlink("nowhere", &link).unwrap();
        assert_eq!(create(&link, b"two", 0o640, own).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "nothing is left beside");
    }
}
