//! Lists as a feed: from where a list stands to what it says, whole or not at all.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use super::error::{FetchError, Problem, SetupError, UrlError};
use super::http::{Download, HttpClient, Login, Redirects, Route, Url, check_url, download};
use super::list::{self, Settings};
use crate::ban::snapshot::Validators;

/// What is said of a list that names nobody.
pub const NO_ENTRIES: &str = "the answer has no entries. Check the feed's url";

/// Where a list stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// On a server.
    Http(Url),
    /// On this machine.
    File(PathBuf),
}

impl Place {
    /// Reads the `url` of a feed: https, http to this machine itself, `file:///path` or an absolute path.
    ///
    /// # Errors
    /// [`UrlError`] names the rule.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let path = text.strip_prefix("file://").unwrap_or(text);
        match path.starts_with('/') && !path.contains('\0') {
            true => Ok(Self::File(PathBuf::from(path))),
            false => check_url(text).map(Self::Http),
        }
    }

    /// As errors name it: a host or a path.
    pub fn shown(&self) -> String {
        match self {
            Self::Http(url) => super::http::host_of(url),
            Self::File(path) => crate::system::text::one_line(&path.display().to_string(), 100).into_owned(),
        }
    }
}

/// Which list to ask for, and how.
#[derive(Debug)]
pub struct Request<'r> {
    /// What errors call it.
    pub name: &'r str,
    /// Where it stands.
    pub place: &'r Place,
    /// What its server wants to be shown.
    pub login: Option<Login>,
    /// The longest time for the whole of it.
    pub timeout: Duration,
    /// The way out.
    pub route: &'r Route,
    /// How it is read.
    pub settings: &'r Settings,
    /// The version that is known.
    pub known: &'r Validators,
}

/// Asks for a list, unless it is still the one that is known.
///
/// # Errors
/// [`SetupError`] where TLS cannot be set up, [`FetchError`] inside where no whole list came.
pub fn fetch(request: &Request<'_>) -> Result<Result<Download, FetchError>, SetupError> {
    let Request { name, place, login, timeout, route, settings, known } = request;
    match place {
        Place::Http(url) => {
            let redirects = if login.is_some() { Redirects::SameOrigin } else { Redirects::Anywhere };
            let client = HttpClient::new(url, *timeout, redirects, route)?;
            Ok(client.list(url.clone(), name, settings, known, login.as_ref()))
        }
        Place::File(path) => Ok(read_file(name, path, settings, known)),
    }
}

fn read_file(
    name: &str,
    path: &Path,
    settings: &Settings,
    known: &Validators,
) -> Result<Download, FetchError> {
    let wrong = |why: String| FetchError::Unreachable {
        host: format!("file {}", Place::File(path.to_owned()).shown()),
        problem: Problem::Other(why),
    };
    let about = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?;
    if !about.is_file() {
        return Err(wrong("not a regular file".to_owned()));
    }
    let file = File::open(path).map_err(|error| wrong(error.to_string()))?;
    let about = file.metadata().map_err(|error| wrong(error.to_string()))?;
    // A file that is replaced within the same instant by one of the same length is another file.
    let modified = about.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let version = std::os::unix::fs::MetadataExt::ino(&about);
    let etag = modified.map(|time| format!("{}-{}-{version}", time.as_nanos(), about.len()));
    if etag.is_some() && etag == known.etag {
        return Ok(Download::Unchanged);
    }
    let parsed = list::read(name, file, settings).map_err(download::list_error)?;
    Ok(Download::List { parsed, validators: Validators { etag, last_modified: None } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_stands_on_a_server_or_in_a_file() {
        let table = [
            ("https://example.com/list.txt", "example.com"),
            ("http://127.0.0.1:8080/x", "127.0.0.1:8080"),
            ("file:///var/lib/list.txt", "/var/lib/list.txt"),
            ("/var/lib/list.txt", "/var/lib/list.txt"),
        ];
        for (text, shown) in table {
            assert_eq!(Place::parse(text).unwrap().shown(), shown);
        }
        for text in ["list.txt", "file://host/x", "ftp://example.com/", "http://example.com/"] {
            assert!(Place::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_file_is_read_again_only_when_it_changed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("list");
        let place = Place::File(path.clone());
        let ask = |known: &Validators| {
            let (timeout, settings) = (Duration::from_secs(1), &Settings::default());
            fetch(&Request {
                name: "x",
                place: &place,
                login: None,
                timeout,
                route: &Route::Direct,
                settings,
                known,
            })
            .unwrap()
        };
        assert!(ask(&Validators::default()).unwrap_err().to_string().contains("list"));
        std::fs::write(&path, "45.0.0.1\n").unwrap();
        let Ok(Download::List { parsed, validators }) = ask(&Validators::default()) else { panic!("a list") };
        assert_eq!(parsed.prefixes.len(), 1);
        assert!(matches!(ask(&validators), Ok(Download::Unchanged)));
        std::fs::write(&path, "45.0.0.1\n45.0.0.2\n").unwrap();
        assert!(matches!(ask(&validators), Ok(Download::List { .. })));
    }
}
