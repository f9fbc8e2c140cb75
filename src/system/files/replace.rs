//! Files that are replaced whole: written beside, synced, renamed, so that a reader sees the old or the new one and
//! a power cut leaves one of the two.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;

use super::{NOT_TRUSTED, must_guard, parent};

/// Replaces a file. A file that was there keeps its mode and owner; a new one gets `mode`.
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
    let guarded = must_guard(path)?;
    // A link stays a link and what it leads to is replaced; but not one that somebody else may have put there.
    let path = match fs::canonicalize(path) {
        Ok(real) if !guarded => real,
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => path.to_owned(),
    };
    let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::Error::new(ErrorKind::InvalidInput, "not the path of a file"));
    };
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    let old = match fs::symlink_metadata(&path) {
        Ok(old) => {
            let owner = !guarded || [0, parent(&path)?.uid()].contains(&old.uid());
            if !old.is_file() || !owner || (guarded && old.nlink() != 1) {
                return Err(io::Error::new(ErrorKind::PermissionDenied, NOT_TRUSTED));
            }
            Some(old)
        }
        Err(_) => None,
    };
    let beside = dir.join(format!(".{}.{}.new", name.to_string_lossy(), std::process::id()));
    // A new file and nothing else: what somebody put there under this name is not followed.
    let _ = fs::remove_file(&beside);
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    let owner = old.as_ref().map(|old| (old.uid(), old.gid())).or(new_owner);
    let mode = old.map_or(mode, |old| old.permissions().mode() & 0o7777);
    let done = write(file, content, owner, mode).and_then(|()| fs::rename(&beside, &path));
    if done.is_err() {
        let _ = fs::remove_file(&beside);
        return done;
    }
    // The new name too is to survive a power cut; where a directory cannot be synced it is as good as it gets.
    let _ = File::open(dir).and_then(|dir| dir.sync_all());
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
