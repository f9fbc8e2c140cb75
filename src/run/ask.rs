//! Asks apiban and CrowdSec about one address, now. A confined child does it; apiban's rate limit is kept as always.

use serde::{Deserialize, Serialize};

use super::child::{self, Work};
use super::context::Environment;
use super::fetch::{client, now_ms, pace};
use crate::ban::{Prefix, pacing};
use crate::config::{FeedConfig, FeedKind};
use crate::feed::http::{HttpClient, Redirects};
use crate::system::child::say;
use crate::system::failure::{Failure, Result};
use crate::system::text::one_line;

/// What one feed says of an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The feed.
    pub feed: String,
    /// Whether it lists the address; none where it did not say.
    pub listed: Option<bool>,
    /// What else it says, or why it said nothing.
    pub text: Option<String>,
}

/// Asks all enabled feeds that can be asked about one address.
pub fn ask(environment: &Environment, address: Prefix) -> Result<Vec<Asked>> {
    if address.net().prefix_len() != address.net().max_prefix_len() {
        return Err(Failure::new(
            crate::system::exit::Exit::Usage,
            "--ask asks about one address, not about a network",
        ));
    }
    child::ask(environment, &Work::AskAbout { address: address.to_string() })
}

/// The child. The caller has confined this process.
pub fn ask_as_child(environment: &Environment, address: &str) -> Result<()> {
    let config = environment.config()?;
    let (mut ledger, _) = environment.ledger()?;
    for feed in config.enabled() {
        let asked = match &feed.kind {
            FeedKind::Apiban(apiban) => {
                let pace = pace(&config, feed);
                let wait = pacing::wait(&ledger.requests(&pace)?, now_ms()).as_secs_f64().ceil();
                if wait > 0.0 {
                    Ok((None, Some(format!("its rate limit allows the next request in {wait} s"))))
                } else {
                    let client = client(feed, apiban)?;
                    ledger.note_request(&pace, now_ms())?;
                    client
                        .check(address)
                        .map(|listed| (Some(listed), None))
                        .map_err(|error| error.to_string())
                }
            }
            FeedKind::Crowdsec(crowdsec) => by_crowdsec(feed, &crowdsec.base, address),
            FeedKind::List(_) | FeedKind::Log(_) | FeedKind::Fail2ban(_) => continue,
        };
        let (listed, text) = asked.unwrap_or_else(|error| (None, Some(error)));
        let text = text.map(|text| one_line(&text, 300).into_owned());
        say(&Asked { feed: feed.name.clone(), listed, text });
    }
    Ok(())
}

type Said = std::result::Result<(Option<bool>, Option<String>), String>;

fn by_crowdsec(feed: &FeedConfig, base: &crate::feed::http::Url, address: &str) -> Said {
    #[derive(Deserialize)]
    struct Decision {
        #[serde(default)]
        scenario: String,
        #[serde(default)]
        duration: String,
        #[serde(default)]
        origin: String,
    }
    let key = feed.read_key().map_err(|error| error.to_string())?;
    let client = HttpClient::new(base, feed.timeout.duration(), Redirects::SameOrigin, &feed.route)
        .map_err(|error| error.to_string())?;
    let reply = client.decisions_of(base, &key, address).map_err(|error| error.to_string())?;
    if reply.status != 200 {
        return Err(format!("it answered with the status {}", reply.status));
    }
    // Without any it answers `null`.
    let decisions: Option<Vec<Decision>> =
        serde_json::from_slice(&reply.body).map_err(|_| "its answer is not CrowdSec's".to_owned())?;
    let decisions = decisions.unwrap_or_default();
    let words =
        decisions.first().map(|one| format!("{} by {} for {}", one.scenario, one.origin, one.duration));
    Ok((Some(!decisions.is_empty()), words))
}
