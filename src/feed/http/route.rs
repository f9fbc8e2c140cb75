//! How requests leave this machine: directly, or by a proxy.
//!
//! Whatever is secret goes over https only (but to this machine itself), so a proxy is asked for a tunnel and sees the
//! name of the server and no more.

use reqwest::blocking::ClientBuilder;
use reqwest::{NoProxy, Proxy, Url};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::super::error::SetupError;
use super::host_of;
use crate::system::secret::{MASK, Secret};

/// What the environment calls a proxy, the first one that is set.
const VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
/// What stands for no proxy at all.
const NONE: &str = "none";

/// The way out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Route {
    /// By the proxy that the environment names, if it names one.
    #[default]
    Environment,
    /// Without a proxy.
    Direct,
    /// By this proxy. Its address may contain a password.
    Proxy(Secret),
}

impl Route {
    /// Reads the setting: the address of a proxy, or `none`.
    ///
    /// # Errors
    /// What is wrong with it; the text is not repeated.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text == NONE {
            return Ok(Self::Direct);
        }
        let wrong = "write the proxy like \"http://proxy.example.com:3128\", or \"none\"";
        let url = Url::parse(text).map_err(|_| wrong)?;
        let plain = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        match matches!(url.scheme(), "http" | "https")
            && plain
            && url.host_str().is_some_and(|host| !host.is_empty())
        {
            true => Ok(Self::Proxy(Secret::new(text))),
            false => Err(wrong),
        }
    }

    /// Whether nothing was set.
    pub fn is_of_environment(&self) -> bool {
        *self == Self::Environment
    }

    /// The proxy's host and port, and where it is named; none for the direct way. `variable` reads the environment.
    pub fn shown(&self, variable: impl Fn(&str) -> Option<String>) -> Option<(String, &'static str)> {
        match self {
            Self::Direct => None,
            Self::Proxy(url) => Some((
                Url::parse(url.expose()).map_or_else(|_| MASK.into(), |url| host_of(&url)),
                "[network] proxy",
            )),
            Self::Environment => VARIABLES.into_iter().find_map(|name| {
                let text = variable(name).filter(|text| !text.trim().is_empty())?;
                let url = Url::parse(&if text.contains("://") { text } else { format!("http://{text}") });
                Some((url.map_or_else(|_| MASK.into(), |url| host_of(&url)), name))
            }),
        }
    }

    /// A password in the proxy's address; empty where there is none.
    pub(super) fn password(&self) -> Secret {
        let Self::Proxy(url) = self else { return Secret::new("") };
        let url = Url::parse(url.expose()).ok();
        Secret::new(url.as_ref().and_then(Url::password).unwrap_or_default())
    }

    pub(super) fn lead(&self, builder: ClientBuilder) -> Result<ClientBuilder, SetupError> {
        Ok(match self {
            Self::Environment => builder,
            Self::Direct => builder.no_proxy(),
            Self::Proxy(url) => {
                let proxy = Proxy::all(url.expose()).map_err(|_| SetupError::Proxy)?;
                builder.no_proxy().proxy(proxy.no_proxy(NoProxy::from_env()))
            }
        })
    }
}

impl<'de> Deserialize<'de> for Route {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Secret::deserialize(deserializer)?;
        Self::parse(text.expose()).map_err(serde::de::Error::custom)
    }
}

impl Serialize for Route {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Environment => serializer.serialize_str(""),
            Self::Direct => serializer.serialize_str(NONE),
            Self::Proxy(_) => {
                let host = self.shown(|_| None).map(|(host, _)| host).unwrap_or_default();
                let mask = if self.password().is_empty() { String::new() } else { format!("{MASK}@") };
                serializer.collect_str(&format_args!("http://{mask}{host}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_read_and_shown_without_its_password() {
        let shown = |text: &str| Route::parse(text).unwrap().shown(|_| None).map(|(host, _)| host);
        assert_eq!(
            shown("http://user:s3cr3t@proxy.example.com:3128").as_deref(),
            Some("proxy.example.com:3128")
        );
        assert_eq!(shown("https://proxy.example.com").as_deref(), Some("proxy.example.com"));
        assert_eq!(shown("none"), None);
        let json = serde_json::to_string(&Route::parse("http://user:s3cr3t@proxy.example.com:3128").unwrap())
            .unwrap();
        assert_eq!(json, r#""http://***@proxy.example.com:3128""#);
        for bad in [
            "",
            "proxy.example.com:3128",
            "ftp://proxy.example.com",
            "http://proxy.example.com/s3cr3t",
            "socks5://x",
        ] {
            assert!(Route::parse(bad).is_err_and(|why| !why.contains("s3cr3t")), "{bad}");
        }
    }

    #[test]
    fn the_environments_proxy_is_named_by_its_variable() {
        let of = |name: &'static str, value: &'static str| {
            Route::Environment.shown(move |asked| (asked == name).then(|| value.to_owned()))
        };
        assert_eq!(of("https_proxy", "http://u:s3cr3t@p:3128"), Some(("p:3128".into(), "https_proxy")));
        assert_eq!(of("HTTPS_PROXY", "proxy:3128"), Some(("proxy:3128".into(), "HTTPS_PROXY")));
        assert_eq!(of("HTTPS_PROXY", " "), None);
        assert_eq!(of("HTTP_PROXY", "http://p:3128"), None, "nothing is asked over plain http");
    }
}
