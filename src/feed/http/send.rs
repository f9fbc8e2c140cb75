//! The one way a request goes out: whatever the answer is read for, its time, its redirects, its packing and its size
//! are guarded here, and errors are made here.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::blocking::{RequestBuilder, Response};
use reqwest::header::{CONTENT_ENCODING, DATE, HeaderName, LOCATION, RETRY_AFTER};

use super::super::error::{FetchError, Problem, UrlError};
use super::{HttpClient, http_date, retry_after, text_of, unreachable};
use crate::system::secret::Secret;

/// An answer whose head has come.
pub(super) struct Opened<'a> {
    client: &'a HttpClient,
    response: Response,
    started: Instant,
    secret: &'a Secret,
    failed: Option<FetchError>,
    pub(super) host: String,
}

impl HttpClient {
    /// Sends a request and waits for the head of its answer, whatever its status. `secret` is kept out of errors.
    pub(super) fn send<'a>(
        &'a self,
        request: RequestBuilder,
        host: String,
        secret: &'a Secret,
    ) -> Result<Opened<'a>, FetchError> {
        let started = Instant::now();
        // Also for the request: only then does the library bound the answer's last byte by it.
        let response = request
            .timeout(self.timeout)
            .send()
            .map_err(|error| self.explain(&error.without_url(), &host, secret, false))?;
        let status = response.status();
        let redirects = status.is_redirection() && status != StatusCode::NOT_MODIFIED;
        if redirects && response.headers().contains_key(LOCATION) {
            // The library hands these back without asking the policy.
            let why = UrlError::Scheme.for_redirect();
            return Err(FetchError::RefusedRedirect { host, to: "another place".into(), why });
        }
        Ok(Opened { client: self, response, started, secret, failed: None, host })
    }
}

impl Opened<'_> {
    pub(super) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// A header, where it is text.
    pub(super) fn header(&self, name: &HeaderName) -> Option<&str> {
        text_of(self.response.headers(), name)
    }

    /// The server's clock, to the second.
    pub(super) fn server_time(&self) -> Option<Timestamp> {
        self.header(&DATE).and_then(http_date)
    }

    /// How long the server asks to be left alone.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        let now = self.server_time().unwrap_or_else(Timestamp::now);
        self.header(&RETRY_AFTER).and_then(|text| retry_after(text, now))
    }

    /// The error that the status stands for where the server cannot answer now.
    pub(super) fn unavailable(&self) -> Option<FetchError> {
        let status = self.response.status();
        (status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS).then(|| {
            FetchError::Unavailable {
                host: self.host.clone(),
                why: format!("status {}", status.as_u16()),
                retry_after: self.retry_after(),
            }
        })
    }

    /// The beginning of the body; what cannot be read of it is left out.
    pub(super) fn beginning(&mut self, most: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        let _ = self.by_ref().take(most).read_to_end(&mut bytes);
        bytes
    }

    /// Hands the body to a reader, which bounds its size. A body in an encoding other than these is refused, and where
    /// the network failed that is the error, whatever the reader made of it.
    pub(super) fn read_body<T>(
        mut self,
        encodings: &[&str],
        read: impl FnOnce(&mut Self) -> T,
    ) -> Result<T, FetchError> {
        let headers = self.response.headers();
        let plain = |value: &[u8]| value.is_empty() || value == b"identity";
        let fits = |value: &[u8]| plain(value) || encodings.iter().any(|known| known.as_bytes() == value);
        if !headers.get_all(CONTENT_ENCODING).iter().all(|value| fits(value.as_bytes())) {
            return Err(FetchError::Compressed { host: self.host });
        }
        let value = read(&mut self);
        self.failed.map_or(Ok(value), Err)
    }
}

/// The body, bounded in time.
impl Read for Opened<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let error = if self.started.elapsed() > self.client.timeout {
            unreachable(&self.host, Problem::Timeout(self.client.timeout))
        } else {
            match self.response.read(buffer) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                    self.client.explain(&error, &self.host, self.secret, true)
                }
                other => return other,
            }
        };
        self.failed.get_or_insert(error);
        Err(io::Error::other("the download failed"))
    }
}
