//! Where a file is: its directory, opened, and its name in it.
//!
//! A path is walked one component at a time, each from the directory before it, so nothing that is renamed meanwhile
//! leads elsewhere. Root follows a link only in a directory that belongs to root alone: any other link may be somebody
//! else's, and may lead anywhere. `openat2` could forbid all links, but `/var/run` and others are links of the system.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, Stat, fstat, openat, readlinkat, renameat, statat, unlinkat,
};
use rustix::io::Errno;

/// Links that one path may lead through, as the kernel has it.
const LINKS: usize = 40;
/// A directory as a place to go on from.
const DIRECTORY: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// A directory and a name in it. The name is no link, but for one that is not followed.
pub struct Place {
    directory: File,
    about: Stat,
    name: OsString,
    /// Whether somebody else than root, who runs this, can put something else in the place of the file.
    pub guarded: bool,
}

impl Place {
    /// Finds the directory of the file that a path leads to, through links too.
    ///
    /// # Errors
    /// Those of the system; [`ErrorKind::PermissionDenied`] where root would have to follow a link of somebody else's.
    pub fn of(path: &Path) -> io::Result<Self> {
        Self::walk(path, true)
    }

    /// Finds the directory that a path itself is in: where it is a link, the link's own.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub fn itself(path: &Path) -> io::Result<Self> {
        Self::walk(path, false)
    }

    fn walk(path: &Path, follow_last: bool) -> io::Result<Self> {
        let is_root = rustix::process::geteuid().is_root();
        let mut directory = start(path)?;
        let mut ahead = components(path);
        let mut links = 0;
        loop {
            let about = fstat(&directory)?;
            let guarded = is_root && !is_roots_alone(&about);
            let Some(name) = ahead.pop_front() else {
                return Err(io::Error::new(ErrorKind::InvalidInput, "not the path of a file"));
            };
            let found = match statat(&directory, name.as_os_str(), AtFlags::SYMLINK_NOFOLLOW) {
                Err(Errno::NOENT) if ahead.is_empty() => None,
                found => Some(found?),
            };
            let is_link =
                found.is_some_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::Symlink);
            if is_link && !guarded && (follow_last || !ahead.is_empty()) {
                links += 1;
                if links > LINKS {
                    return Err(Errno::LOOP.into());
                }
                let target = readlinkat(&directory, name.as_os_str(), Vec::new())?;
                let target = Path::new(OsStr::from_bytes(target.as_bytes())).to_owned();
                if target.is_absolute() {
                    directory = start(&target)?;
                }
                let mut all = components(&target);
                all.append(&mut ahead);
                ahead = all;
            } else if ahead.is_empty() {
                return Ok(Self { directory, about, name, guarded });
            } else if is_link {
                return Err(not_followed(&name));
            } else {
                directory = step(&directory, &name)?;
            }
        }
    }

    /// Whom the directory belongs to.
    pub fn owner(&self) -> (u32, u32) {
        (self.about.st_uid, self.about.st_gid)
    }

    /// The directory.
    pub fn directory(&self) -> &File {
        &self.directory
    }

    /// The file's name.
    pub fn name(&self) -> &OsStr {
        &self.name
    }

    /// What is there; none where nothing is.
    pub fn look(&self) -> io::Result<Option<Stat>> {
        match statat(&self.directory, self.name.as_os_str(), AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Ok(None),
            found => Ok(Some(found?)),
        }
    }

    /// Opens the file, and no link.
    pub fn open(&self, flags: OFlags) -> Result<File, Errno> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        openat(&self.directory, self.name.as_os_str(), flags, Mode::empty()).map(File::from)
    }

    /// Makes a file of this name in the directory, where there is none.
    pub fn create(&self, name: &OsStr, flags: OFlags, mode: u32) -> io::Result<File> {
        let flags = flags | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(File::from(openat(&self.directory, name, flags, Mode::from_raw_mode(mode))?))
    }

    /// A name beside the file's, for its next version. What a killed process left there is removed.
    pub fn beside(&self) -> io::Result<OsString> {
        let mut name = OsString::from(".");
        name.push(&self.name);
        name.push(format!(".{}.new", std::process::id()));
        self.remove(&name)?;
        Ok(name)
    }

    /// Renames a file of the directory to the file's name.
    pub fn rename_from(&self, name: &OsStr) -> io::Result<()> {
        Ok(renameat(&self.directory, name, &self.directory, self.name.as_os_str())?)
    }

    /// Removes a file of the directory. False when there was none.
    pub fn remove(&self, name: &OsStr) -> io::Result<bool> {
        match unlinkat(&self.directory, name, AtFlags::empty()) {
            Err(Errno::NOENT) => Ok(false),
            other => Ok(other.map(|()| true)?),
        }
    }
}

fn is_roots_alone(directory: &Stat) -> bool {
    directory.st_uid == 0 && directory.st_mode & 0o022 == 0
}

fn start(path: &Path) -> io::Result<File> {
    step(CWD, OsStr::new(if path.is_absolute() { "/" } else { "." }))
}

fn step(directory: impl std::os::fd::AsFd, name: &OsStr) -> io::Result<File> {
    Ok(File::from(openat(directory, name, DIRECTORY | OFlags::DIRECTORY, Mode::empty())?))
}

/// What is to be walked. A path that ends with a slash or a dot names no file.
fn components(path: &Path) -> VecDeque<OsString> {
    let step = |component: Component<'_>| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    };
    path.components().filter_map(step).collect()
}

fn not_followed(link: &OsStr) -> io::Error {
    let link = link.to_string_lossy();
    io::Error::new(
        ErrorKind::PermissionDenied,
        format!("root does not follow the link {link:?}: it is in a directory that others can change"),
    )
}
