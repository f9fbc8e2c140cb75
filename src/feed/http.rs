//! The one place that opens connections for feeds, with a bound on everything that the other side
//! chooses: time, size, number and direction of redirects.
//!
//! What leaves here holds no URL: in version 1 of the apiban API the key is a part of it. Errors
//! are made anew from what the library tells, instead of being passed on.

pub mod decisions;
pub mod download;
pub mod lapi;
mod login;
mod post;
mod route;
mod send;

use std::error::Error;
use std::fmt;
use std::io::{self, Read};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
pub use reqwest::Url;
use reqwest::blocking::{Client, RequestBuilder};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;

use super::error::{FetchError, Problem, SetupError, UrlError};
use crate::system::secret::Secret;
use crate::system::text::one_line;
pub use decisions::Question;
pub use download::Download;
pub use login::Login;
pub use route::Route;

/// The longest answer that is taken, in bytes.
pub const MAX_BODY: usize = 8 * 1024 * 1024;
/// The time for a connection, TLS not included.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The time for a whole request, redirects and the last byte of the answer included, unless the
/// configuration says otherwise.
pub const TIMEOUT: Duration = Duration::from_secs(30);
/// The longest that a server may ask to be left alone.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);
/// Redirects followed in a row.
const MAX_REDIRECTS: usize = 5;

/// Reads a feed's URL: https to anywhere, http to this machine itself only, no user or password.
///
/// # Errors
/// [`UrlError`] names the rule and does not repeat the URL.
pub fn check_url(text: &str) -> Result<Url, UrlError> {
    let url = Url::parse(text).map_err(|_| UrlError::NotAUrl)?;
    check_rules(&url)?;
    Ok(url)
}

fn check_rules(url: &Url) -> Result<(), UrlError> {
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(url) => {}
        "http" => return Err(UrlError::PlainHttp),
        _ => return Err(UrlError::Scheme),
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(UrlError::NotAUrl);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UrlError::Credentials);
    }
    Ok(())
}

/// Whether the host is a loopback address or `localhost`. No name is resolved: what a resolver
/// says is up to others.
pub fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let v6 = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    host == "localhost"
        || host.parse().is_ok_and(|address: Ipv4Addr| address.is_loopback())
        || v6.and_then(|host| host.parse().ok()).is_some_and(|address: Ipv6Addr| address.is_loopback())
}

/// The host as errors name it, with the port where it is an unusual one.
pub fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or("the feed");
    let name = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    one_line(&name, 100).into_owned()
}

/// Where redirects may lead, besides the rules of [`check_url`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redirects {
    /// To the same scheme, host and port only: for requests with a key in a header. It is not sent
    /// anywhere else, and without it the answer would read as a refused key.
    SameOrigin,
    /// To any host, but from another machine never to this one.
    Anywhere,
}

/// An answer, whole and within bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// At most [`MAX_BODY`] bytes, never compressed.
    pub body: Vec<u8>,
    /// How long to leave the server alone, at most [`MAX_RETRY_AFTER`].
    pub retry_after: Option<Duration>,
    /// The server's clock, to the second.
    pub server_time: Option<Timestamp>,
}

/// Sends the requests of one feed.
#[derive(Debug, Clone)]
pub struct HttpClient {
    client: Client,
    timeout: Duration,
    /// The password of a proxy, which is kept out of errors.
    proxy: Secret,
}

impl HttpClient {
    /// A client for a feed at `url`, with `timeout` for each whole request, by a way out.
    ///
    /// # Errors
    /// [`SetupError::Tls`] where the system's certificates cannot be read.
    pub fn new(
        url: &Url,
        timeout: Duration,
        redirects: Redirects,
        route: &Route,
    ) -> Result<Self, SetupError> {
        // The second and later calls find it installed, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .user_agent(concat!("banbridge/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(timeout)
            // It would hand the URL, and so the key of API 1, to wherever a redirect leads.
            .referer(false)
            .redirect(Policy::custom(move |attempt| {
                match refusal(attempt.url(), attempt.previous(), redirects) {
                    Some(why) => {
                        let to = format!("{}://{}", attempt.url().scheme(), host_of(attempt.url()));
                        attempt.error(Refused { to, why })
                    }
                    None => attempt.follow(),
                }
            }));
        // A proxy is for the way out.
        builder = if is_loopback(url) { builder.no_proxy() } else { route.lead(builder)? };
        let client = builder.build().map_err(|error| SetupError::Tls(chain(&error.without_url())))?;
        Ok(Self { client, timeout, proxy: route.password() })
    }

    /// GET `url`. `secret` is what may be part of it, and is kept out of errors.
    ///
    /// # Errors
    /// [`FetchError`] where no whole answer came, whatever its status.
    pub fn get(&self, url: Url, secret: &Secret) -> Result<Reply, FetchError> {
        let host = host_of(&url);
        self.run(self.client.get(url), host, secret)
    }

    /// POST a JSON text to `url`, with the key as the bearer.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn post_json(&self, url: Url, bearer: &Secret, json: String) -> Result<Reply, FetchError> {
        let host = host_of(&url);
        let request = self.client.post(url).header(CONTENT_TYPE, "application/json").body(json);
        let request = match HeaderValue::from_str(&format!("Bearer {}", bearer.expose())) {
            Ok(mut value) => {
                value.set_sensitive(true);
                request.header(AUTHORIZATION, value)
            }
            Err(_) => return Err(FetchError::KeyRefused { host }),
        };
        self.run(request, host, bearer)
    }

    fn run(&self, request: RequestBuilder, host: String, secret: &Secret) -> Result<Reply, FetchError> {
        let request = request.header(ACCEPT, "application/json, text/plain;q=0.9, */*;q=0.1");
        let opened = self.send(request, host, secret)?;
        let (status, host) = (opened.status(), opened.host.clone());
        let (server_time, retry_after) = (opened.server_time(), opened.retry_after());
        let body = opened.read_body(&[], |body| {
            let mut bytes = Vec::new();
            // One byte more than is taken, whatever length the server claims. An error stands in the answer.
            let _ = body.take(MAX_BODY as u64 + 1).read_to_end(&mut bytes);
            bytes
        })?;
        if body.len() > MAX_BODY {
            return Err(FetchError::TooLarge { host, limit: MAX_BODY / 1024 / 1024 });
        }
        Ok(Reply { status, body, retry_after, server_time })
    }

    /// What an error of the library means.
    fn explain(
        &self,
        error: &(dyn Error + 'static),
        host: &str,
        secret: &Secret,
        in_body: bool,
    ) -> FetchError {
        let causes = causes(error);
        let find_io = |kinds: &[io::ErrorKind]| {
            causes
                .iter()
                .filter_map(|cause| cause.downcast_ref::<io::Error>())
                .any(|io| kinds.contains(&io.kind()))
        };
        let says = |text: &str| causes.iter().any(|cause| cause.to_string().contains(text));
        let library = || causes.iter().filter_map(|cause| cause.downcast_ref::<reqwest::Error>());

        if let Some(refused) = causes.iter().find_map(|cause| cause.downcast_ref::<Refused>()) {
            return FetchError::RefusedRedirect {
                host: host.to_owned(),
                to: secret.scrub(&refused.to),
                why: refused.why,
            };
        }
        if library().any(reqwest::Error::is_timeout) || find_io(&[io::ErrorKind::TimedOut]) {
            let problem = if library().any(reqwest::Error::is_connect) {
                Problem::ConnectTimeout(CONNECT_TIMEOUT.min(self.timeout))
            } else {
                Problem::Timeout(self.timeout)
            };
            return unreachable(host, problem);
        }
        if let Some(tls) = causes.iter().find_map(|cause| cause.downcast_ref::<rustls::Error>()) {
            return unreachable(host, Problem::Tls(secret.scrub(&tls_in_words(tls))));
        }
        if find_io(&[io::ErrorKind::ConnectionRefused]) {
            return unreachable(host, Problem::Refused);
        }
        // These have no type of their own that could be asked for; the words are hyper's.
        if says("dns error") {
            return unreachable(host, Problem::Name);
        }
        if find_io(&[
            io::ErrorKind::ConnectionReset,
            io::ErrorKind::BrokenPipe,
            io::ErrorKind::ConnectionAborted,
        ]) {
            return unreachable(host, Problem::Broken);
        }
        let ended =
            find_io(&[io::ErrorKind::UnexpectedEof]) || says("connection closed before message completed");
        if in_body || says("end of file before message length reached") {
            return FetchError::CutOff { host: host.to_owned() };
        }
        if ended {
            return unreachable(host, Problem::Broken);
        }
        let words = self.proxy.scrub(&secret.scrub(&chain(error)));
        if says("invalid HTTP") || says("message head is too large") || says("invalid content-length") {
            return FetchError::NotUnderstood {
                host: host.to_owned(),
                why: one_line(&words, 120).into_owned(),
            };
        }
        unreachable(host, Problem::Other(one_line(&words, 200).into_owned()))
    }
}

fn unreachable(host: &str, problem: Problem) -> FetchError {
    FetchError::Unreachable { host: host.to_owned(), problem }
}

/// Why a redirect is not followed; none if it is.
fn refusal(to: &Url, previous: &[Url], redirects: Redirects) -> Option<&'static str> {
    let from = previous.last()?;
    if previous.len() > MAX_REDIRECTS {
        return Some("too many redirects in a row");
    }
    if let Err(rule) = check_rules(to) {
        return Some(rule.for_redirect());
    }
    if redirects == Redirects::SameOrigin && from.origin() != to.origin() {
        return Some("the key or password is not sent to another server");
    }
    if is_loopback(to) && !is_loopback(from) {
        // Another machine has no say in what this one asks of its own services.
        return Some("it leads from another machine to this one");
    }
    None
}

/// A redirect that the policy refused, on its way through the library's error.
#[derive(Debug)]
struct Refused {
    to: String,
    why: &'static str,
}

impl fmt::Display for Refused {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.why)
    }
}

impl Error for Refused {}

/// An error and everything below it. What an `io::Error` wraps is listed too, since its `source`
/// skips that.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> Vec<&'a (dyn Error + 'static)> {
    let mut found: Vec<&'a (dyn Error + 'static)> = Vec::new();
    let mut next = Some(error);
    // No honest chain is this long, and a ring would have no end.
    while let Some(cause) = next.filter(|_| found.len() < 32) {
        found.push(cause);
        let wrapped = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match wrapped {
            Some(inner) => Some(inner),
            None => cause.source(),
        };
    }
    found
}

/// The words of an error and everything below it, each once.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut words: Vec<String> = causes(error).iter().map(ToString::to_string).collect();
    words.dedup();
    words.join(": ")
}

/// The reason of a TLS failure, for people who have never seen a certificate.
fn tls_in_words(error: &rustls::Error) -> String {
    use rustls::CertificateError as Bad;
    let rustls::Error::InvalidCertificate(bad) = error else {
        return one_line(&error.to_string(), 120).into_owned();
    };
    match bad {
        Bad::Expired | Bad::ExpiredContext { .. } => {
            "its certificate has expired, or this machine's clock is wrong".into()
        }
        Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
            "its certificate is not valid yet. This machine's clock may be wrong".into()
        }
        Bad::NotValidForName | Bad::NotValidForNameContext { .. } => {
            "its certificate is for another name. Check the feed's url, and whether a proxy answers instead"
                .into()
        }
        Bad::UnknownIssuer => {
            "this system does not trust its certificate. Update the package ca-certificates, \
             and check whether a proxy answers instead"
                .into()
        }
        Bad::Revoked => "its certificate was revoked".into(),
        other => format!("its certificate is not accepted ({})", one_line(&other.to_string(), 120)),
    }
}

fn text_of<'a>(headers: &'a HeaderMap, name: &reqwest::header::HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
}

/// A date as HTTP writes it (RFC 9110, 5.6.7), of the preferred form.
fn http_date(text: &str) -> Option<Timestamp> {
    rfc2822::parse(text).ok().map(|time| time.timestamp())
}

/// A Retry-After (RFC 9110, 10.2.3), in seconds or as a date, `now` by the server's clock.
fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let wait = if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than fit are simply very long.
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        Duration::try_from(http_date(text)?.duration_since(now)).unwrap_or(Duration::ZERO)
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_https_or_http_to_this_machine_itself() {
        #[rustfmt::skip]
        let table = [
            ("https://apiban.org/api", Ok(())),
            ("HTTPS://apiban.org:8443/api?x=1", Ok(())),
            ("http://127.0.0.1:8080/", Ok(())),
            ("http://127.9.9.9/", Ok(())),
            ("http://[::1]:80/", Ok(())),
            ("http://localhost:1/", Ok(())),
            ("http://apiban.org/api", Err(UrlError::PlainHttp)),
            ("http://10.0.0.1/", Err(UrlError::PlainHttp)),
            ("http://localhost.example.com/", Err(UrlError::PlainHttp)),
            ("http://127.0.0.1.example.com/", Err(UrlError::PlainHttp)),
            ("http://[::ffff:127.0.0.1]/", Err(UrlError::PlainHttp)),
            ("http://127.0.0.1@example.com/", Err(UrlError::PlainHttp)),
            ("https://user@example.com/", Err(UrlError::Credentials)),
            ("https://user:password@example.com/", Err(UrlError::Credentials)),
            ("ftp://example.com/", Err(UrlError::Scheme)),
            ("file:///etc/passwd", Err(UrlError::Scheme)),
            ("javascript:alert(1)", Err(UrlError::Scheme)),
            ("apiban.org/api", Err(UrlError::NotAUrl)),
            ("https://", Err(UrlError::NotAUrl)),
            ("", Err(UrlError::NotAUrl)),
        ];
        for (url, told) in table {
            assert_eq!(check_url(url).map(drop), told, "{url}");
        }
    }

    #[test]
    fn redirects_obey_the_url_rules_their_number_and_the_direction() {
        use Redirects::{Anywhere, SameOrigin};
        let (far, near) = ("https://apiban.org/api/get", "http://127.0.0.1:80/get");
        let table = [
            (far, "https://apiban.org/v2/get", SameOrigin, true),
            (far, "https://apiban.org:444/get", SameOrigin, false),
            (far, "https://www.apiban.org/get", SameOrigin, false),
            (far, "https://www.apiban.org/get", Anywhere, true),
            (far, "http://apiban.org/api/get", Anywhere, false),
            (far, "https://user@apiban.org/get", Anywhere, false),
            (far, "http://127.0.0.1/get", Anywhere, false),
            (far, "https://localhost/get", Anywhere, false),
            (near, "http://localhost/get", Anywhere, true),
            (near, "http://127.0.0.1:80/other", SameOrigin, true),
            (near, "http://127.0.0.1:81/get", SameOrigin, false),
            (near, "https://example.com/get", Anywhere, true),
            (near, "http://example.com/get", Anywhere, false),
        ];
        for (from, to, redirects, followed) in table {
            let (from, to) = (Url::parse(from).expect(from), Url::parse(to).expect(to));
            for hops in 1..8 {
                let previous = vec![from.clone(); hops];
                let told = refusal(&to, &previous, redirects);
                assert_eq!(told.is_none(), followed && hops <= MAX_REDIRECTS, "{to} after {hops}: {told:?}");
            }
        }
    }

    #[test]
    fn retry_after_is_read_as_seconds_or_as_a_date_and_capped_at_an_hour() {
        let now = http_date("Sun, 06 Nov 1994 08:49:37 GMT").expect("a date");
        let table = [
            ("0", Some(0)),
            ("17", Some(17)),
            ("3601", Some(3600)),
            ("99999999999999999999999999", Some(3600)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", Some(30)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", Some(0)),
            ("Fri, 01 Jan 2100 00:00:00 GMT", Some(3600)),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ];
        for (text, seconds) in table {
            assert_eq!(retry_after(text, now), seconds.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn a_tls_failure_is_told_in_plain_words() {
        use rustls::{CertificateError, Error};
        let table = [
            (CertificateError::Expired, "expired"),
            (CertificateError::NotValidYet, "clock"),
            (CertificateError::NotValidForName, "another name"),
            (CertificateError::UnknownIssuer, "does not trust its certificate"),
        ];
        for (error, words) in table {
            let told = tls_in_words(&Error::InvalidCertificate(error));
            assert!(told.contains(words), "{told}");
        }
    }
}
