//! The client of apiban.org's API, in both versions.
//!
//! Version 2 sends the key in a header. Version 1, for older keys and mirrors, has it in the URL,
//! which is why no error of this room shows a URL. The public clients (github.com/apiban/golib,
//! github.com/palner/apiban) are the source of both.

use std::time::Duration;

use serde::Deserialize;

use super::Fetch;
use super::answer::{Answer, classify, like_an_address};
use super::body::{Addresses, Body, RawEntry};
use super::error::{FetchError, SetupError};
use super::http::{HttpClient, Redirects, Reply, Route, Url, check_url, host_of};
use crate::system::secret::{MASK, Secret};

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
    /// The way out.
    pub route: Route,
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
        let http = HttpClient::new(&base, settings.timeout, redirects, &settings.route)?;
        Ok(Self { http, base, settings })
    }

    /// Asks for what came after `cursor` ([`FIRST_CURSOR`] for everything), with one request.
    ///
    /// # Errors
    /// [`FetchError`] for every answer that is neither a batch nor the end of the list.
    pub fn fetch(&self, cursor: &str) -> Result<Fetch, FetchError> {
        let key = &self.settings.key;
        let reply = match self.settings.api {
            Api::V1 => self.http.get(self.url(&[key.expose(), "banned", cursor]), key)?,
            Api::V2 => {
                let body = serde_json::json!({"set": self.settings.dataset.as_str(), "id": cursor});
                self.http.post_json(self.url(&["get"]), key, body.to_string())?
            }
        };
        understand(reply, host_of(&self.base), key)
    }

    /// Asks whether one address is listed, with one request.
    ///
    /// # Errors
    /// [`FetchError`] for every answer that is neither yes nor no.
    pub fn check(&self, address: &str) -> Result<bool, FetchError> {
        let key = &self.settings.key;
        let reply = match self.settings.api {
            Api::V1 => self.http.get(self.url(&[key.expose(), "check", address]), key)?,
            Api::V2 => {
                let body = serde_json::json!({"set": self.settings.dataset.as_str(), "ipaddress": address});
                self.http.post_json(self.url(&["check"]), key, body.to_string())?
            }
        };
        let status = reply.status;
        match says(status, &reply.body, address) {
            Some(listed) => Ok(listed),
            None => match understand(reply, host_of(&self.base), key) {
                Ok(_) => Err(FetchError::NotUnderstood {
                    host: host_of(&self.base),
                    why: format!("status {status}, and neither yes nor no"),
                }),
                Err(error) => Err(error),
            },
        }
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

/// Whether an answer to a check says yes or no; none where it is another answer. The API answers a no with the status of
/// an error (400 or 404), and older versions have words of their own.
fn says(status: u16, body: &[u8], address: &str) -> Option<bool> {
    let body = Body::read(body).ok()?;
    if !matches!(status, 200 | 400 | 404) {
        return None;
    }
    match body.words().to_ascii_lowercase().as_str() {
        "not blocked" | "ok" => return Some(false),
        "blocked" => return Some(true),
        _ => {}
    }
    let is_it = |entry: &RawEntry| matches!(entry, RawEntry::Text(text) if text.trim() == address);
    match &body.addresses {
        Addresses::List(entries) if status == 200 && entries.iter().any(is_it) => Some(true),
        Addresses::Text(text) if status == 200 && text.trim() == address => Some(true),
        _ => None,
    }
}

/// Turns a reply into a batch or an error, both without the key, should the server repeat it.
fn understand(reply: Reply, host: String, key: &Secret) -> Result<Fetch, FetchError> {
    let Reply { status, body, retry_after, server_time } = reply;
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
            Ok(Fetch { entries, next, server_time })
        }
        Answer::Complete => Ok(Fetch { entries: Vec::new(), next: None, server_time }),
        Answer::KeyRefused => Err(FetchError::KeyRefused { host }),
        Answer::RateLimited => Err(FetchError::RateLimited { host, retry_after }),
        Answer::BadRequest { .. } => Err(FetchError::BadRequest { host, why }),
        Answer::Unavailable { .. } => Err(FetchError::Unavailable { host, why, retry_after }),
        Answer::Unusable { .. } => Err(FetchError::NotUnderstood { host, why }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::FetchErrorKind;
    use crate::feed::error::UrlError;

    const KEY: &str = "Kf83hGq0_key";

    fn settings() -> ApibanSettings {
        ApibanSettings {
            route: Route::Environment,
            base_url: "http://127.0.0.1:9/api/".into(),
            api: Api::V2,
            dataset: Dataset::Sip,
            key: Secret::new(KEY),
            timeout: Duration::from_secs(1),
        }
    }

    fn reply(status: u16, body: &str) -> Result<Fetch, FetchError> {
        let wait = Some(Duration::from_secs(7));
        let reply = Reply { status, body: body.into(), retry_after: wait, server_time: None };
        understand(reply, "apiban.org".into(), &Secret::new(KEY))
    }

    #[test]
    fn settings_that_cannot_work_are_told_before_any_request() {
        let bad = |change: fn(&mut ApibanSettings)| {
            let mut settings = settings();
            change(&mut settings);
            ApibanClient::new(settings).map(drop)
        };
        assert_eq!(bad(|_| {}), Ok(()));
        assert_eq!(bad(|s| s.key = Secret::new("")), Err(SetupError::Key));
        assert_eq!(bad(|s| s.key = Secret::new("MY API KEY")), Err(SetupError::Key));
        assert_eq!(bad(|s| s.key = Secret::new("key\r\nHost: x")), Err(SetupError::Key));
        assert_eq!(bad(|s| s.base_url = "http://apiban.org/api".into()), Err(UrlError::PlainHttp.into()));
        assert_eq!(bad(|s| (s.api, s.dataset) = (Api::V1, Dataset::All)), Err(SetupError::Dataset));
    }

    #[test]
    fn key_and_cursor_are_one_segment_of_the_path_each() {
        let client = ApibanClient::new(settings()).expect("a client");
        assert_eq!(client.url(&["get"]).path(), "/api/get");
        assert_eq!(client.url(&["a/b?c#d%", "banned", "../1"]).path(), "/api/a%2Fb%3Fc%23d%25/banned/..%2F1");
    }

    #[test]
    fn a_client_printed_for_debugging_shows_no_key() {
        let client = ApibanClient::new(settings()).expect("a client");
        assert!(!format!("{client:?}").contains(KEY));
    }

    #[test]
    fn a_check_is_answered_with_yes_or_no_in_old_words_and_new_ones() {
        let table = [
            (200, r#"{"ipaddress":["192.0.2.1"],"ID":"1700000000"}"#, Some(true)),
            (200, r#"{"ipaddress":["blocked"],"ID":"1700000000"}"#, Some(true)),
            (400, r#"{"ipaddress":["not blocked"],"ID":"none"}"#, Some(false)),
            (404, r#"{"ipaddress":["ok"],"ID":"0"}"#, Some(false)),
            (200, r#"{"ipaddress":["not blocked"],"ID":"none"}"#, Some(false)),
            (200, r#"{"ipaddress":["192.0.2.2"],"ID":"7"}"#, None),
            (403, r#"{"ipaddress":"none","ID":"unauthorized"}"#, None),
            (429, r#"{"ipaddress":"rate limit exceeded","ID":"unauthorized"}"#, None),
            (200, "<html>", None),
        ];
        for (status, body, expected) in table {
            assert_eq!(says(status, body.as_bytes(), "192.0.2.1"), expected, "{status} {body}");
        }
    }

    #[test]
    fn each_answer_ends_in_a_batch_or_in_an_error_of_its_kind() {
        use FetchErrorKind::{KeyRefused, RateLimited, Unreachable, Unusable};
        let table = [
            (403, r#"{"ipaddress":"none","ID":"unauthorized"}"#, KeyRefused, None),
            (429, r#"{"ipaddress":"rate limit exceeded","ID":"unauthorized"}"#, RateLimited, Some(7)),
            (503, "busy", Unreachable, Some(7)),
            (400, "{}", Unusable, None),
            (200, "<html>", Unusable, None),
        ];
        for (status, body, kind, wait) in table {
            let error = reply(status, body).expect_err(body);
            assert_eq!((error.kind(), error.retry_after()), (kind, wait.map(Duration::from_secs)));
            assert!(error.to_string().starts_with("apiban.org"), "{error}");
        }
        let batch = reply(200, r#"{"ipaddress":["192.0.2.1"],"ID":"7"}"#).expect("a batch");
        assert_eq!((batch.entries.len(), batch.next.as_deref()), (1, Some("7")));
        let quiet = reply(400, r#"{"ipaddress":["no new bans"],"ID":"none"}"#).expect("the end");
        assert!(quiet.is_complete("7") && quiet.cursor_after("7") == "7");
    }

    #[test]
    fn a_server_that_repeats_the_key_does_not_get_it_printed() {
        // The filling makes the shortening cut within the key.
        for filling in 60..110 {
            let words = format!("{}{KEY}", "x".repeat(filling));
            for status in [400, 500, 200] {
                for body in [words.clone(), format!(r#"{{"ipaddress":"{words}","ID":"7"}}"#)] {
                    let error = reply(status, &body).expect_err("no batch").to_string();
                    assert!(!error.contains(&KEY[..4]), "{error}");
                }
            }
        }
        let body = format!(r#"{{"ipaddress":["{KEY}","192.0.2.1"],"ID":"7"}}"#);
        let entries = reply(200, &body).expect("a batch").entries;
        assert_eq!(entries, [RawEntry::Text("***".into()), RawEntry::Text("192.0.2.1".into())]);
    }
}
