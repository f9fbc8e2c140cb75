//! A file that is made whole, or not at all, and never in the place of another.

use std::io::{self, ErrorKind, Write};
use std::path::Path;

use rustix::fs::{AtFlags, Gid, OFlags, Uid, fchown, linkat};
use rustix::io::Errno;

use super::place_of;

/// Makes a file with this content, mode, user and group. Its directory must belong to that user or to root.
///
/// # Errors
/// [`ErrorKind::AlreadyExists`] where there is something of this name, which stays as it is.
pub fn create(path: &Path, content: &[u8], mode: u32, (user, group): (u32, u32)) -> io::Result<()> {
    let place = place_of(path, user).or_else(|_| place_of(path, 0))?;
    let beside = place.beside()?;
    let mut file = place.create(&beside, OFlags::WRONLY, 0o600)?;
    let done = (|| {
        file.write_all(content)?;
        if rustix::process::geteuid().is_root() {
            fchown(&file, Some(Uid::from_raw(user)), Some(Gid::from_raw(group)))?;
        }
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))?;
        file.sync_all()?;
        // A link is made only where nothing of this name is.
        let directory = place.directory();
        match linkat(directory, beside.as_os_str(), directory, place.name(), AtFlags::empty()) {
            Err(Errno::EXIST) => Err(io::Error::from(ErrorKind::AlreadyExists)),
            other => Ok(other?),
        }
    })();
    place.remove(&beside)?;
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
