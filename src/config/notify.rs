//! `[notify]`: who is told when something goes wrong, and when it is over.

use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::feed::http::{Url, check_url};
use crate::system::secret::{MASK, Secret};

/// `[notify]`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Notify {
    /// An address that each message is posted to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<Webhook>,
    /// A program that is given each message on its standard input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Program>,
    /// Whether both get a summary once a week too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub weekly: bool,
}

impl Notify {
    /// The ways that are in use, as the ledger names them.
    pub fn ways(&self) -> Vec<&'static str> {
        let webhook = self.webhook.as_ref().map(|_| WEBHOOK);
        webhook.into_iter().chain(self.command.as_ref().map(|_| COMMAND)).collect()
    }
}

/// The ledger's word for the webhook.
pub const WEBHOOK: &str = "webhook";
/// The ledger's word for the command.
pub const COMMAND: &str = "command";

/// An address to post to. Many services make the address itself the password, so it is never shown.
#[derive(Debug, Clone)]
pub struct Webhook(Secret);

impl Webhook {
    /// The address, for the place that asks it.
    pub fn url(&self) -> Option<Url> {
        check_url(self.0.expose()).ok()
    }

    /// What must not be shown.
    pub fn secret(&self) -> &Secret {
        &self.0
    }
}

impl Serialize for Webhook {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(MASK)
    }
}

impl<'de> Deserialize<'de> for Webhook {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Secret::deserialize(deserializer)?;
        match check_url(text.expose()) {
            Ok(_) => Ok(Self(text)),
            Err(error) => Err(serde::de::Error::custom(format!(
                "webhook: invalid url: it {error}. Write https://..., or http:// for this machine"
            ))),
        }
    }
}

/// A program, by its whole path. It is run as asterisk, never as root.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct Program(pub PathBuf);

impl<'de> Deserialize<'de> for Program {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let path = PathBuf::deserialize(deserializer)?;
        if path.is_absolute() {
            Ok(Self(path))
        } else {
            let what =
                "command must be the full path of a program, without arguments, such as /usr/local/bin/tell";
            Err(serde::de::Error::custom(what))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Notify, String> {
        toml::from_str(text).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn an_address_is_https_or_on_this_machine_and_is_never_shown() {
        for good in
            ["https://hooks.example.com/s3cret", "http://127.0.0.1:8080/s3cret", "http://[::1]/s3cret"]
        {
            let notify = read(&format!("webhook = \"{good}\"")).unwrap();
            let shown = format!("{notify:?} {}", toml::to_string(&notify).unwrap());
            assert!(shown.contains(MASK) && !shown.contains("s3cret"), "{shown}");
            assert_eq!(notify.webhook.unwrap().url().unwrap().as_str(), good);
        }
        for bad in
            ["http://hooks.example.com/s3cret", "https://u:s3cret@example.com/", "s3cret", "ftp://s3cret/"]
        {
            let error = read(&format!("webhook = \"{bad}\"")).unwrap_err();
            assert!(error.contains("https://") && !error.contains("s3cret"), "{error}");
        }
        assert!(read("webhook = 5").unwrap_err().contains("a text in quotes"));
    }

    #[test]
    fn a_command_is_a_whole_path_and_nothing_else_is_known() {
        let notify = read("command = \"/usr/local/bin/tell\"").unwrap();
        assert_eq!(notify.ways(), [COMMAND]);
        assert!(read("command = \"tell me\"").unwrap_err().contains("full path"));
        assert!(read("mail = \"me\"").unwrap_err().contains("unknown field"));
        assert!(read("").unwrap().ways().is_empty());
    }
}
