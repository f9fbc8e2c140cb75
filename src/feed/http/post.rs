//! Posts without a key in the head: the address itself may be the secret.

use reqwest::Url;
use reqwest::header::CONTENT_TYPE;

use super::super::error::FetchError;
use super::{HttpClient, Reply, host_of};
use crate::system::secret::Secret;

impl HttpClient {
    /// POST a JSON text to `url`. `secret` is kept out of errors.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn post_plain(&self, url: Url, json: String, secret: &Secret) -> Result<Reply, FetchError> {
        let host = host_of(&url);
        self.run(self.client.post(url).header(CONTENT_TYPE, "application/json").body(json), host, secret)
    }
}
