//! What a server wants to be shown before it gives out a list.

use reqwest::blocking::RequestBuilder;
use reqwest::header::{HeaderName, HeaderValue};

use crate::system::secret::Secret;

/// Headers that say something else than who asks.
const OTHERS: [&str; 10] = [
    "host",
    "accept",
    "accept-encoding",
    "connection",
    "content-length",
    "content-type",
    "if-modified-since",
    "if-none-match",
    "transfer-encoding",
    "user-agent",
];

/// A user with a password, or one secret header. Sent to the server of the list and to no other.
#[derive(Debug, Clone)]
pub enum Login {
    /// A user name and a password (HTTP Basic).
    Password(String, Secret),
    /// A header, and its value.
    Header(HeaderName, Secret),
}

impl Login {
    /// The name of a header that may hold a secret.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn header_name(name: &str) -> Result<HeaderName, &'static str> {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| "it is not the name of a header")?;
        match OTHERS.contains(&name.as_str()) {
            true => Err("this header says something else"),
            false => Ok(name),
        }
    }

    /// What must not be shown.
    pub fn secret(&self) -> &Secret {
        let (Self::Password(_, secret) | Self::Header(_, secret)) = self;
        secret
    }

    /// A request that shows it; none where the secret cannot stand in a header.
    pub(super) fn show(&self, request: RequestBuilder) -> Option<RequestBuilder> {
        match self {
            Self::Password(user, password) => Some(request.basic_auth(user, Some(password.expose()))),
            Self::Header(name, secret) => {
                let mut value = HeaderValue::from_str(secret.expose()).ok()?;
                value.set_sensitive(true);
                Some(request.header(name, value))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_means_something_else_holds_no_secret() {
        assert_eq!(Login::header_name("X-Api-Key").unwrap().as_str(), "x-api-key");
        assert!(Login::header_name("Authorization").is_ok() && Login::header_name("Key").is_ok());
        for bad in ["Host", "content-length", "", "a b", "a:b", "x\ny"] {
            assert!(Login::header_name(bad).is_err(), "{bad:?}");
        }
    }
}
