//! Posts to CrowdSec's local API, with a key or a token in the head.

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};

use super::super::error::FetchError;
use super::{HttpClient, Reply, Url, host_of};
use crate::system::secret::Secret;

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub enum Caller<'a> {
    /// Nobody yet: the password is in the text.
    Login(&'a Secret),
    /// A machine, by the token of its login.
    Machine(&'a Secret),
    /// A bouncer, by its key.
    Bouncer(&'a Secret),
}

impl HttpClient {
    /// POST a JSON text to `base` with the segments of a path added.
    ///
    /// # Errors
    /// As [`get`](Self::get); [`FetchError::BouncerRefused`] where the key cannot stand in a header.
    pub fn tell_crowdsec(
        &self,
        base: &Url,
        path: &[&str],
        caller: Caller<'_>,
        json: &serde_json::Value,
    ) -> Result<Reply, FetchError> {
        let host = host_of(base);
        let mut url = base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        let mut request =
            self.client.post(url).header(CONTENT_TYPE, "application/json").body(json.to_string());
        let secret = match caller {
            Caller::Login(secret) | Caller::Machine(secret) | Caller::Bouncer(secret) => secret,
        };
        let header = match caller {
            Caller::Login(_) => None,
            Caller::Machine(token) => Some((AUTHORIZATION.as_str(), format!("Bearer {}", token.expose()))),
            Caller::Bouncer(key) => Some(("X-Api-Key", key.expose().to_owned())),
        };
        if let Some((name, value)) = header {
            let Ok(mut value) = HeaderValue::from_str(&value) else {
                return Err(FetchError::BouncerRefused { host });
            };
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        self.run(request, host, secret)
    }

    /// GET what CrowdSec decided of one address, as a bouncer.
    ///
    /// # Errors
    /// As [`tell_crowdsec`](Self::tell_crowdsec).
    pub fn decisions_of(&self, base: &Url, key: &Secret, address: &str) -> Result<Reply, FetchError> {
        let host = host_of(base);
        let mut url = base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["v1", "decisions"]);
        }
        url.query_pairs_mut().clear().append_pair("ip", address);
        let Ok(mut value) = HeaderValue::from_str(key.expose()) else {
            return Err(FetchError::BouncerRefused { host });
        };
        value.set_sensitive(true);
        self.run(self.client.get(url).header("X-Api-Key", value), host, key)
    }
}
