//! The client of apiban.org's API, in both versions.
//!
//! Version 2 sends the key in a header. Version 1, for older keys and mirrors, has it in the URL,
//! which is why no error of this room shows a URL. The public clients (github.com/apiban/golib,
//! github.com/palner/apiban) are the source of both.

use std::time::Duration;

use serde::Deserialize;

use super::answer::{Answer, RawEntry, classify, like_an_address};
use super::error::{FetchError, SetupError};
use super::http::{HttpClient, Redirects, Reply, Url, check_url, host_of};
use super::{Feed, Fetch};
use crate::secret::{MASK, Secret};

/// Where apiban answers.
pub const DEFAULT_URL: &str = "https://apiban.org/api";
/// The cursor that starts from the beginning.
pub const FIRST_CURSOR: &str = "100";

/// The version of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Api {
    /// The key in the URL.
    V1,
    /// The key in a header.
    #[default]
    V2,
}

/// Which attackers to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dataset {
    /// Those of SIP.
    #[default]
    Sip,
    /// Those of web servers.
    Http,
    /// Both.
    All,
}

impl Dataset {
    /// As the API calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sip => "sip",
            Self::Http => "http",
            Self::All => "all",
        }
    }
}

/// What a client needs to know.
#[derive(Debug, Clone)]
pub struct ApibanSettings {
    /// Up to and without `/get` or `/KEY`; [`DEFAULT_URL`] for apiban itself.
    pub base_url: String,
    /// The version of the API.
    pub api: Api,
    /// Which attackers to list; version 1 has [`Dataset::Sip`] only.
    pub dataset: Dataset,
    /// The key that apiban gave out.
    pub key: Secret,
    /// For each whole request; [`super::http::TIMEOUT`] will do.
    pub timeout: Duration,
}

/// Asks apiban for batches, one request a call.
#[derive(Debug)]
pub struct ApibanClient {
    http: HttpClient,
    base: Url,
    settings: ApibanSettings,
}

impl ApibanClient {
    /// A client that has not connected yet.
    ///
    /// # Errors
    /// [`SetupError`] where the settings cannot work, told without any request.
    pub fn new(settings: ApibanSettings) -> Result<Self, SetupError> {
        let base = check_url(&settings.base_url)?;
        let key = settings.key.expose();
        if key.is_empty() || !key.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(SetupError::Key);
        }
        let redirects = match settings.api {
            Api::V1 if settings.dataset != Dataset::Sip => return Err(SetupError::Dataset),
            Api::V1 => Redirects::Anywhere,
            Api::V2 => Redirects::SameOrigin,
        };
        let http = HttpClient::new(&base, settings.timeout, redirects)?;
        Ok(Self {
            http,
            base,
            settings,
        })
    }

    /// Asks for what came after `cursor` ([`FIRST_CURSOR`] for everything), with one request.
    ///
    /// # Errors
    /// [`FetchError`] for every answer that is neither a batch nor the end of the list.
    pub fn fetch(&self, cursor: &str) -> Result<Fetch, FetchError> {
        let key = &self.settings.key;
        let reply = match self.settings.api {
            Api::V1 => self
                .http
                .get(self.url(&[key.expose(), "banned", cursor]), key)?,
            Api::V2 => {
                let body = serde_json::json!({"set": self.settings.dataset.as_str(), "id": cursor});
                self.http
                    .post_json(self.url(&["get"]), key, body.to_string())?
            }
        };
        understand(reply, host_of(&self.base), key)
    }

    /// The base with these segments added, each percent-encoded as one segment.
    fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        // It fails for URLs without a host only, which `check_url` refuses.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }
}

impl Feed for ApibanClient {
    fn next_batch(&mut self, cursor: &str) -> Result<Fetch, FetchError> {
        self.fetch(cursor)
    }
}

/// Turns a reply into a batch or an error, both without the key, should the server repeat it.
fn understand(reply: Reply, host: String, key: &Secret) -> Result<Fetch, FetchError> {
    let Reply {
        status,
        body,
        retry_after,
        server_time,
    } = reply;
    let answer = classify(status, &body);
    let why = answer.why().map(|why| {
        // Once more from a scrubbed body: a shortened text may end in the middle of the key.
        let text = String::from_utf8_lossy(&body);
        if !key.is_in(&text) {
            return key.scrub(why);
        }
        let again = classify(status, key.scrub(&text).as_bytes());
        key.scrub(again.why().unwrap_or(MASK))
    });
    let why = why.unwrap_or_default();
    match answer {
        Answer::Batch { mut entries, next } => {
            for entry in &mut entries {
                if let RawEntry::Text(text) = entry
                    && !like_an_address(text)
                    && key.is_in(text)
                {
                    *text = key.scrub(text);
                }
            }
            Ok(Fetch {
                entries,
                next,
                server_time,
            })
        }
        Answer::Complete => Ok(Fetch {
            entries: Vec::new(),
            next: None,
            server_time,
        }),
        Answer::KeyRefused => Err(FetchError::KeyRefused { host }),
        Answer::RateLimited => Err(FetchError::RateLimited { host, retry_after }),
        Answer::BadRequest { .. } => Err(FetchError::BadRequest { host, why }),
        Answer::Unavailable { .. } => Err(FetchError::Unavailable {
            host,
            why,
            retry_after,
        }),
        Answer::Unusable { .. } => Err(FetchError::NotUnderstood { host, why }),
    }
}
