//! Downloads a list: conditionally, and straight into its reader, so that no list is in memory as text.

use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, ETAG, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
};

use super::super::error::{FetchError, Problem};
use super::super::list::{self, ListErrorKind, Parsed, Settings};
use super::{HttpClient, Login, Url, host_of};
use crate::ban::snapshot::Validators;
use crate::system::secret::Secret;

/// The longest ETag or date that is kept.
const MAX_VALIDATOR: usize = 180;

/// What came of asking for a list.
#[derive(Debug)]
pub enum Download {
    /// It is the one that is known.
    Unchanged,
    /// A whole list.
    List {
        /// What it says.
        parsed: Parsed,
        /// What to hand back next time.
        validators: Validators,
    },
}

impl HttpClient {
    /// GET the list at `url`, unless it is still the one that `known` stands for. `name` is what errors call it. A client
    /// that shows a login must not follow redirects to other servers.
    ///
    /// # Errors
    /// [`FetchError`] where no whole list came.
    pub fn list(
        &self,
        url: Url,
        name: &str,
        settings: &Settings,
        known: &Validators,
        login: Option<&Login>,
    ) -> Result<Download, FetchError> {
        let host = host_of(&url);
        let nothing = Secret::new("");
        let secret = login.map_or(&nothing, Login::secret);
        let mut request = self
            .client
            .get(url)
            .header(ACCEPT, "text/plain, application/json;q=0.9, */*;q=0.1")
            .header(ACCEPT_ENCODING, "gzip, zstd");
        for (header, value) in [(IF_NONE_MATCH, &known.etag), (IF_MODIFIED_SINCE, &known.last_modified)] {
            if let Some(value) = value.as_deref().and_then(|value| HeaderValue::from_str(value).ok()) {
                request = request.header(header, value);
            }
        }
        if let Some(login) = login {
            let Some(with_login) = login.show(request) else { return Err(FetchError::LoginRefused { host }) };
            request = with_login;
        }
        let opened = self.send(request, host, secret)?;
        if let Some(error) = opened.unavailable() {
            return Err(error);
        }
        match opened.status() {
            200 => {}
            401 | 403 if login.is_some() => return Err(FetchError::LoginRefused { host: opened.host }),
            401 => return Err(FetchError::LoginMissing { host: opened.host }),
            304 if *known != Validators::default() => return Ok(Download::Unchanged),
            status => {
                let why = format!("status {status} instead of the list. Check the feed's url");
                return Err(FetchError::NotUnderstood { host: opened.host, why });
            }
        }
        let validators = Validators {
            etag: opened.header(&ETAG).and_then(validator),
            last_modified: opened.header(&LAST_MODIFIED).and_then(validator),
        };
        // gzip and zstd are told by the content, whatever the header says.
        let parsed =
            opened.read_body(&["gzip", "x-gzip", "zstd"], |body| list::read(name, body, settings))?;
        match parsed {
            Ok(mut parsed) => {
                // A server may send back what it was shown.
                for skipped in &mut parsed.skipped {
                    skipped.text = secret.scrub(&skipped.text);
                }
                Ok(Download::List { parsed, validators })
            }
            Err(error) => Err(match list_error(error) {
                FetchError::List { why } => FetchError::List { why: secret.scrub(&why) },
                error => error,
            }),
        }
    }
}

/// A reader's error as one of the feed.
pub(in super::super) fn list_error(error: list::ListError) -> FetchError {
    match error.kind {
        ListErrorKind::Io(_) => FetchError::Unreachable {
            host: error.list.clone(),
            problem: Problem::Other(error.kind.to_string()),
        },
        _ => FetchError::List { why: error.to_string() },
    }
}

/// What is kept of an ETag or a date.
fn validator(value: &str) -> Option<String> {
    (!value.is_empty() && value.len() <= MAX_VALIDATOR).then(|| value.to_owned())
}
