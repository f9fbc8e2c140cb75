//! Downloads a list: conditionally, and straight into its reader, so that no list is in memory as text.

use std::cell::RefCell;
use std::io::{self, Read};
use std::time::Instant;

use reqwest::blocking::Response;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, DATE, ETAG, HeaderMap, HeaderName, HeaderValue,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, LOCATION, RETRY_AFTER,
};

use super::super::error::{FetchError, Problem, UrlError};
use super::super::list::{self, ListErrorKind, Parsed, Settings};
use super::{HttpClient, Url, host_of, http_date, retry_after, text_of, unreachable};
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
    /// GET the list at `url`, unless it is still the one that `known` stands for. `name` is what errors call it.
    ///
    /// # Errors
    /// [`FetchError`] where no whole list came.
    pub fn list(
        &self,
        url: Url,
        name: &str,
        settings: &Settings,
        known: &Validators,
    ) -> Result<Download, FetchError> {
        let host = host_of(&url);
        let nothing = Secret::new("");
        let started = Instant::now();
        let mut request = self
            .client
            .get(url)
            .header(ACCEPT, "text/plain, application/json;q=0.9, */*;q=0.1")
            .header(ACCEPT_ENCODING, "gzip, zstd")
            .timeout(self.timeout);
        for (header, value) in [(IF_NONE_MATCH, &known.etag), (IF_MODIFIED_SINCE, &known.last_modified)] {
            if let Some(value) = value.as_deref().and_then(|value| HeaderValue::from_str(value).ok()) {
                request = request.header(header, value);
            }
        }
        let response =
            request.send().map_err(|error| self.explain(&error.without_url(), &host, &nothing, false))?;
        let headers = response.headers();
        let status = response.status();
        if status.as_u16() == 304 && *known != Validators::default() {
            return Ok(Download::Unchanged);
        }
        if status.is_redirection() && headers.contains_key(LOCATION) {
            let why = UrlError::Scheme.for_redirect();
            return Err(FetchError::RefusedRedirect { host, to: "another place".into(), why });
        }
        if status.is_server_error() || status.as_u16() == 429 {
            let now = text_of(headers, &DATE).and_then(http_date).unwrap_or_else(jiff::Timestamp::now);
            let retry_after = text_of(headers, &RETRY_AFTER).and_then(|text| retry_after(text, now));
            return Err(FetchError::Unavailable {
                host,
                why: format!("status {}", status.as_u16()),
                retry_after,
            });
        }
        if status.as_u16() != 200 {
            let why = format!("status {} instead of the list. Check the feed's url", status.as_u16());
            return Err(FetchError::NotUnderstood { host, why });
        }
        // gzip and zstd are told by the content, whatever the header says.
        let known_packing =
            |value: &HeaderValue| ["identity", "gzip", "x-gzip", "zstd", ""].iter().any(|p| value == p);
        if !headers.get_all(CONTENT_ENCODING).iter().all(known_packing) {
            return Err(FetchError::Compressed { host });
        }
        let validators =
            Validators { etag: validator(headers, &ETAG), last_modified: validator(headers, &LAST_MODIFIED) };
        let failed = RefCell::new(None);
        let body = Body { client: self, response, started, host: &host, failed: &failed };
        let parsed = list::read(name, body, settings);
        if let Some(error) = failed.take() {
            return Err(error);
        }
        match parsed {
            Ok(parsed) => Ok(Download::List { parsed, validators }),
            Err(error) => Err(list_error(error)),
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

fn validator(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let value = text_of(headers, name)?;
    (!value.is_empty() && value.len() <= MAX_VALIDATOR).then(|| value.to_owned())
}

/// The body of an answer, bounded in time; the reader above bounds its size.
pub(super) struct Body<'a> {
    pub(super) client: &'a HttpClient,
    pub(super) response: Response,
    pub(super) started: Instant,
    pub(super) host: &'a str,
    pub(super) failed: &'a RefCell<Option<FetchError>>,
}

impl Read for Body<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let stop = |error| {
            self.failed.borrow_mut().get_or_insert(error);
            Err(io::Error::other("the download failed"))
        };
        if self.started.elapsed() > self.client.timeout {
            return stop(unreachable(self.host, Problem::Timeout(self.client.timeout)));
        }
        match self.response.read(buffer) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                stop(self.client.explain(&error, self.host, &Secret::new(""), true))
            }
            other => other,
        }
    }
}
