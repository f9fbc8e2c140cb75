//! Tells others that something went wrong or is over: a webhook, or a program of the administrator's. Both get the same
//! JSON text. Whoever calls this is not root.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::config::Webhook;
use crate::feed::http::{HttpClient, Redirects, Route, host_of};
use crate::ledger::problems::Recorded;
use crate::system::text::one_line;

/// How long each of both may take.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// The most characters of the machine's name.
const HOST_SHOWN: usize = 64;

/// What is told: everything that changed since the last message.
#[derive(Debug, Serialize)]
pub struct Message {
    program: &'static str,
    version: &'static str,
    /// This machine's name.
    host: String,
    at: String,
    /// All of it in words: the field that chat services show.
    text: String,
    changes: Vec<Change>,
}

#[derive(Debug, Serialize)]
struct Change {
    /// `raised` or `cleared`.
    change: &'static str,
    id: String,
    level: String,
    title: String,
    text: String,
    since: String,
}

impl Message {
    /// The message for these changes.
    pub fn new<'a>(recorded: impl IntoIterator<Item = &'a Recorded>, host: &str, now: i64) -> Self {
        let changes: Vec<Change> = recorded
            .into_iter()
            .map(|recorded| Change {
                change: if recorded.over_at.is_some() { "cleared" } else { "raised" },
                id: recorded.id.clone(),
                level: recorded.level.clone(),
                title: recorded.title.clone(),
                text: recorded.text.clone(),
                since: time(recorded.since),
            })
            .collect();
        let host = one_line(host.trim(), HOST_SHOWN).into_owned();
        let lines = changes.iter().map(|change| match change.change {
            "raised" => format!("{}: {}. {}", change.level, change.title, change.text),
            _ => format!("over: {}", change.title),
        });
        let text = format!("banbridge on {host}\n{}", lines.collect::<Vec<_>>().join("\n"));
        Self { program: "banbridge", version: env!("CARGO_PKG_VERSION"), host, at: time(now), text, changes }
    }

    /// A message that is a text and no change.
    pub fn of_text(text: &str, host: &str, now: i64) -> Self {
        let host = one_line(host.trim(), HOST_SHOWN).into_owned();
        let text = format!("banbridge on {host}\n{}", text.trim_end());
        let changes = Vec::new();
        Self { program: "banbridge", version: env!("CARGO_PKG_VERSION"), host, at: time(now), text, changes }
    }

    /// As it is sent.
    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

fn time(seconds: i64) -> String {
    Timestamp::from_second(seconds).map(|time| time.to_string()).unwrap_or_default()
}

/// Posts a message.
///
/// # Errors
/// Why it was not taken, in words; the address is not among them.
pub fn post(webhook: &Webhook, json: String, route: &Route) -> Result<(), String> {
    let url = webhook.url().ok_or("its address is not valid")?;
    let host = host_of(&url);
    let client =
        HttpClient::new(&url, PATIENCE, Redirects::SameOrigin, route).map_err(|error| error.to_string())?;
    let reply = client.post_plain(url, json, webhook.secret()).map_err(|error| error.to_string())?;
    match reply.status {
        200..=299 => Ok(()),
        status => Err(format!("{host} answered with the status {status}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_what_came_and_what_is_over_in_words_and_for_programs() {
        let recorded = |id: &str, over_at| Recorded {
            id: id.to_owned(),
            level: "error".to_owned(),
            title: format!("the title of {id}"),
            text: "What to do.".to_owned(),
            since: 1_700_000_000,
            over_at,
        };
        let message =
            Message::new(&[recorded("a", None), recorded("b", Some(1))], "pbx\u{1b}[2J\n", 1_700_000_060);
        let json: serde_json::Value = serde_json::from_str(&message.json()).unwrap();
        assert_eq!(json["host"], "pbx\\u{1b}[2J");
        assert_eq!(
            json["text"],
            "banbridge on pbx\\u{1b}[2J\nerror: the title of a. What to do.\nover: the title of b"
        );
        assert_eq!(
            (&json["changes"][0]["change"], &json["changes"][1]["change"]),
            (&"raised".into(), &"cleared".into())
        );
        assert_eq!(
            (&json["changes"][0]["since"], &json["at"]),
            (&"2023-11-14T22:13:20Z".into(), &"2023-11-14T22:14:20Z".into())
        );
    }
}
