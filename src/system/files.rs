//! Files in directories that somebody else can write.
//!
//! `/etc/asterisk` and `/var/log/asterisk` belong to asterisk, and root reads and writes there. Whoever took over
//! asterisk could put a link to `/etc/shadow` in the place of a configuration, or one to `/etc/passwd` in the place of
//! a log, or of a directory on the way to one. So where a directory is not root's alone, root follows no link, opens no
//! pipe, and takes only a plain file that has no second name and belongs to root or to the owner of the directory.

mod create;
mod place;
mod replace;

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{Gid, OFlags, Uid, fchown};
use rustix::io::Errno;

pub use create::create;
use place::Place;
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
    let place = Place::of(path)?;
    match place.open(OFlags::RDONLY) {
        Err(Errno::LOOP) => Err(not_trusted()),
        other => checked(other?, &place),
    }
}

/// Opens the file of this path for appending, makes it where there is none, readable by owner and group.
///
/// The directory is one that the database names, and asterisk writes there. So root writes only where asterisk could
/// write itself: in a directory that belongs to `owner`. A file that root makes is given to that user, so that runs as
/// him can go on with it.
pub fn append(path: &Path, owner: u32) -> io::Result<File> {
    let place = place_of(path, owner)?;
    match place.open(OFlags::WRONLY | OFlags::APPEND) {
        Err(Errno::NOENT) => {}
        Err(Errno::LOOP) => return Err(not_trusted()),
        other => return checked(other?, &place),
    }
    let made = place.create(place.name(), OFlags::WRONLY | OFlags::APPEND | OFlags::NONBLOCK, 0o640)?;
    if rustix::process::geteuid().is_root() {
        let (user, group) = place.owner();
        fchown(&made, Some(Uid::from_raw(user)), Some(Gid::from_raw(group)))?;
    }
    Ok(made)
}

/// Removes a file that [`replace`] made. False when there was none.
pub fn discard(path: &Path) -> io::Result<bool> {
    let place = Place::itself(path)?;
    place.remove(place.name())
}

/// Removes a file that [`append`] made. False when there was none.
pub fn remove(path: &Path, owner: u32) -> io::Result<bool> {
    let place = place_of(path, owner)?;
    place.remove(place.name())
}

/// The place of a path whose directory must belong to `owner`.
fn place_of(path: &Path, owner: u32) -> io::Result<Place> {
    let place = Place::itself(path)?;
    if rustix::process::geteuid().is_root() && place.owner().0 != owner {
        return Err(io::Error::new(
            ErrorKind::PermissionDenied,
            "root does not write there: the directory does not belong to the user of FreePBX",
        ));
    }
    Ok(place)
}

fn not_trusted() -> io::Error {
    io::Error::new(ErrorKind::PermissionDenied, NOT_TRUSTED)
}

/// Takes a plain file, and where somebody else may have put it there, one that has no second name and belongs to root
/// or to the owner of its directory.
fn checked(file: File, place: &Place) -> io::Result<File> {
    let meta = file.metadata()?;
    let strange = || meta.nlink() != 1 || ![0, place.owner().0].contains(&meta.uid());
    if !meta.is_file() || (place.guarded && strange()) {
        return Err(not_trusted());
    }
    Ok(file)
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
    fn root_follows_no_link_to_a_directory_that_others_can_put_there() {
        let own = rustix::process::geteuid().as_raw();
        let roots = tempfile::tempdir().unwrap();
        fs::create_dir(roots.path().join("deep")).unwrap();
        fs::write(roots.path().join("deep/file"), "secret").unwrap();
        let open = open_directory();
        symlink(roots.path(), open.path().join("link")).unwrap();
        for way in ["link/deep/file", "link/../link/deep/file", "./link/deep/file"] {
            let path = open.path().join(way);
            let refused = |error: io::Error| error.to_string().contains("does not follow the link \"link\"");
            assert!(read(&path, 100).is_err_and(refused), "{way}");
            assert!(append(&path, own).is_err_and(refused), "{way}");
            assert!(replace(&path, b"x", 0o644).is_err_and(refused), "{way}");
            assert!(remove(&path, own).is_err_and(refused), "{way}");
            let new = open.path().join("link/new");
            assert!(create(&new, b"x", 0o644, (own, own)).is_err_and(refused));
        }
        // What is no link is walked, and so is a link that only root can have made.
        symlink(open.path(), roots.path().join("link")).unwrap();
        fs::write(open.path().join("plain"), "plain").unwrap();
        assert_eq!(read_text(&roots.path().join("deep/../link/plain"), 100).unwrap(), "plain");
        assert_eq!(fs::read_to_string(roots.path().join("deep/file")).unwrap(), "secret");
    }

    #[test]
    fn links_that_lead_in_a_circle_and_paths_of_no_file_are_errors() {
        let dir = tempfile::tempdir().unwrap();
        symlink("b", dir.path().join("a")).unwrap();
        symlink("a", dir.path().join("b")).unwrap();
        assert!(read(&dir.path().join("a"), 1).is_err());
        for path in ["", "/", ".", ".."] {
            assert!(read(Path::new(path), 1).is_err(), "{path:?}");
        }
    }

    #[test]
    fn in_a_directory_of_roots_a_link_is_followed() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("real"), "text").unwrap();
        symlink(dir.path().join("real"), dir.path().join("link")).unwrap();
        assert_eq!(read_text(&dir.path().join("link"), 100).unwrap(), "text");
    }
}
