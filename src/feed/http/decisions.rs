//! Asks CrowdSec's local API for decisions, and hands the answer straight to its reader.

use reqwest::header::{ACCEPT, HeaderValue};

use super::super::crowdsec::{self, Decisions, Settings, StreamErrorKind};
use super::super::error::{FetchError, Problem};
use super::{HttpClient, Url, host_of};
use crate::system::secret::Secret;

/// The header with the bouncer's key.
const KEY_HEADER: &str = "X-Api-Key";
/// The most bytes of a refusal that are looked at.
const REFUSAL: u64 = 4 * 1024;

/// What to ask CrowdSec for.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Where its local API answers, up to and without `/v1`.
    pub base: &'a Url,
    /// The bouncer's key.
    pub key: &'a Secret,
    /// What errors call the feed.
    pub name: &'a str,
    /// All that is active, instead of what changed since this key asked last.
    pub whole: bool,
}

impl HttpClient {
    /// GET the decisions.
    ///
    /// # Errors
    /// [`FetchError`] where no whole answer came. CrowdSec may have counted it as given all the same, so that the
    /// next request is to be for the whole.
    pub fn decisions(&self, question: Question<'_>, settings: &Settings) -> Result<Decisions, FetchError> {
        let (host, secret) = (host_of(question.base), question.key);
        let Ok(mut key) = HeaderValue::from_str(secret.expose()) else {
            return Err(FetchError::BouncerRefused { host });
        };
        key.set_sensitive(true);
        let request = self.client.get(address(question, settings));
        let request = request.header(ACCEPT, "application/json").header(KEY_HEADER, key);
        let mut opened = self.send(request, host.clone(), secret)?;
        if let Some(error) = opened.unavailable() {
            return Err(error);
        }
        match opened.status() {
            200 => {}
            401 | 403 if is_refusal(&opened.beginning(REFUSAL)) => {
                return Err(FetchError::BouncerRefused { host });
            }
            status @ (401 | 403) => {
                let why = format!(
                    "status {status}, but not from CrowdSec. A web filter or a proxy may be the cause"
                );
                return Err(FetchError::NotUnderstood { host, why });
            }
            status => {
                let why = format!("status {status} instead of CrowdSec's decisions. Check the feed's url");
                return Err(FetchError::NotUnderstood { host, why });
            }
        }
        let decisions = opened.read_body(&[], |body| crowdsec::read(question.name, body, settings))?;
        decisions.map_err(|error| match error.kind {
            StreamErrorKind::Io(_) => {
                FetchError::Unreachable { host, problem: Problem::Other(error.kind.to_string()) }
            }
            // The server chose these words.
            _ => FetchError::List { why: secret.scrub(&error.to_string()) },
        })
    }
}

/// What is asked: the base with the path and the filters added.
fn address(question: Question<'_>, settings: &Settings) -> Url {
    let mut url = question.base.clone();
    // It fails for URLs without a host only, which `check_url` refuses.
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(["v1", "decisions", "stream"]);
    }
    let mut query = url.query_pairs_mut();
    query.clear();
    query.append_pair("startup", if question.whole { "true" } else { "false" });
    query.append_pair("scopes", "ip,range");
    if !settings.origins.is_empty() {
        query.append_pair("origins", &settings.origins.join(","));
        // It names one decision an address otherwise, the longest of all origins: one of another origin would hide
        // the one that was asked for.
        query.append_pair("dedup", "false");
    }
    drop(query);
    url
}

/// Whether a refusal is one in CrowdSec's words, and not a web filter's.
fn is_refusal(body: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Refusal {
        #[serde(rename = "message")]
        _message: String,
    }
    body.trim_ascii_start().starts_with(b"{") && serde_json::from_slice::<Refusal>(body).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_has_its_path_and_filters_whatever_the_base_looks_like() {
        let key = Secret::new("k");
        let asked = |base: &str, whole: bool, origins: &[&str]| {
            let base = Url::parse(base).unwrap();
            let origins = origins.iter().map(|one| (*one).to_owned()).collect();
            let question = Question { base: &base, key: &key, name: "cs", whole };
            address(question, &Settings { origins, ..Settings::default() }).to_string()
        };
        let tail = "v1/decisions/stream?startup=";
        assert_eq!(
            asked("http://127.0.0.1:8080", true, &[]),
            format!("http://127.0.0.1:8080/{tail}true&scopes=ip%2Crange")
        );
        assert_eq!(
            asked("https://cs.example.com/lapi/?x=1", false, &["cscli", "a b&c"]),
            format!(
                "https://cs.example.com/lapi/{tail}false&scopes=ip%2Crange&origins=cscli%2Ca+b%26c&dedup=false"
            )
        );
    }

    #[test]
    fn a_refusal_is_told_from_a_web_filters_page() {
        let table: [(&[u8], bool); 6] = [
            (br#"{"message":"access forbidden"}"#, true),
            (br#" {"message":"cookie token is empty","code":401}"#, true),
            (b"<html>Forbidden", false),
            (br#"{"error":"x"}"#, false),
            (br#"["access forbidden"]"#, false),
            (b"", false),
        ];
        for (body, told) in table {
            assert_eq!(is_refusal(body), told, "{}", String::from_utf8_lossy(body));
        }
    }
}
