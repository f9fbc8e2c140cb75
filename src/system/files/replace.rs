//! Files that are replaced whole: written beside, synced, renamed, so that a reader sees the old or the new one and
//! a power cut leaves one of the two.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags, openat};

use super::not_trusted;
use super::place::Place;

/// Replaces a file. A file that was there keeps its mode and owner; a new one gets `mode`. A link of root's stays a link,
/// and what it leads to is replaced.
///
/// # Errors
/// Those of the system; the old file stays then.
pub fn replace(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    replace_owned(path, content, mode, None)
}

/// The same; a new file is given to a user and a group.
///
/// # Errors
/// Those of the system; the old file stays then.
pub fn replace_owned(
    path: &Path,
    content: &[u8],
    mode: u32,
    new_owner: Option<(u32, u32)>,
) -> io::Result<()> {
    let place = Place::of(path)?;
    let old = place.look()?;
    let strange = old.is_some_and(|old| {
        let owned = [0, place.owner().0].contains(&old.st_uid) && old.st_nlink == 1;
        FileType::from_raw_mode(old.st_mode) != FileType::RegularFile || (place.guarded && !owned)
    });
    if strange {
        return Err(not_trusted());
    }
    let beside = place.beside()?;
    let file = place.create(&beside, OFlags::WRONLY, 0o600)?;
    let owner = old.map(|old| (old.st_uid, old.st_gid)).or(new_owner);
    let mode = old.map_or(mode, |old| old.st_mode & 0o7777);
    let done = write(file, content, owner, mode).and_then(|()| place.rename_from(&beside));
    if done.is_err() {
        let _ = place.remove(&beside);
        return done;
    }
    // The new name too is to survive a power cut; where a directory cannot be synced it is as good as it gets.
    let readable = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let _ = openat(place.directory(), ".", readable, Mode::empty()).map(|all| File::from(all).sync_all());
    Ok(())
}

fn write(mut file: File, content: &[u8], owner: Option<(u32, u32)>, mode: u32) -> io::Result<()> {
    file.write_all(content)?;
    if let Some((user, group)) = owner {
        let mine = file.metadata()?;
        if (mine.uid(), mine.gid()) != (user, group) {
            fchown(&file, Some(user), Some(group))?;
        }
    }
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.sync_all()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_with_its_mode_and_a_new_one_gets_the_mode_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.toml");
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        replace(&path, b"one", 0o640).unwrap();
        assert_eq!((fs::read(&path).unwrap(), mode()), (b"one".to_vec(), 0o640));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        replace(&link, b"two", 0o644).unwrap();
        assert_eq!((fs::read(&path).unwrap(), mode()), (b"two".to_vec(), 0o600));
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "nothing is left beside");
        assert!(replace(dir.path(), b"x", 0o644).is_err());
    }
}
