//! Why a request brought nothing, in words for people and in kinds for the exit code.

use crate::system::exit::Exit;
use crate::system::failure::Classify;
use std::time::Duration;

/// What an error means for the run. The program's exit codes follow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FetchErrorKind {
    /// The answer is unusable (exit code 65).
    Unusable,
    /// The feed cannot be reached, or its server has an error (69).
    Unreachable,
    /// Too many requests: later it works (75).
    RateLimited,
    /// The key is not accepted (77).
    KeyRefused,
}

/// Why a request brought nothing. Each text names the feed's host (never a URL, which may contain a
/// key), what happened, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// No connection, or it broke.
    #[error("{host}: {problem}")]
    Unreachable {
        /// The feed's host, with the port where it is an unusual one.
        host: String,
        /// What went wrong.
        problem: Problem,
    },
    /// A status 5xx.
    #[error("{host}: server error ({why}). The next run tries again.")]
    Unavailable {
        /// The feed's host.
        host: String,
        /// The status and the server's words.
        why: String,
        /// How long the server asked to be left alone, an hour at most.
        retry_after: Option<Duration>,
    },
    /// Too many requests.
    #[error(
        "{host}: too many requests with this key. The next run continues from here. \
         Check whether another machine uses the same key."
    )]
    RateLimited {
        /// The feed's host.
        host: String,
        /// How long the server asked to be left alone, an hour at most.
        retry_after: Option<Duration>,
    },
    /// The key is unknown or was withdrawn.
    #[error(
        "{host} did not accept the API key. Compare the feed's key in the configuration with the one that you were given."
    )]
    KeyRefused {
        /// The feed's host.
        host: String,
    },
    /// CrowdSec knows no bouncer with this key.
    #[error(
        "{host} did not accept the API key: CrowdSec has no bouncer with it. To make one, run on CrowdSec's machine: \
         cscli bouncers add NAME. Set the feed's key to the one that it prints."
    )]
    BouncerRefused {
        /// The feed's host.
        host: String,
    },
    /// A list's server does not accept user and password, or the header.
    #[error(
        "{host} did not accept the login. Compare username and password_file, or header_name and header_file, with what its \
         publisher gave you."
    )]
    LoginRefused {
        /// The feed's host.
        host: String,
    },
    /// A list's server wants a login.
    #[error(
        "{host} gives out this list to those only who log in. Set username and password_file, or header_name and header_file, \
         of the feed."
    )]
    LoginMissing {
        /// The feed's host.
        host: String,
    },
    /// The server does not accept the request.
    #[error(
        "{host} did not accept the request ({why}). Check the feed's url, api and dataset in the configuration."
    )]
    BadRequest {
        /// The feed's host.
        host: String,
        /// The status and the server's words.
        why: String,
    },
    /// The answer is not one of this feed's.
    #[error("{host}: unusable answer: {why}. Its addresses stay blocked.")]
    NotUnderstood {
        /// The feed's host.
        host: String,
        /// What came instead.
        why: String,
    },
    /// The answer ended before its end.
    #[error("{host}: the answer is cut off. Nothing of it is used. The next run tries again.")]
    CutOff {
        /// The feed's host.
        host: String,
    },
    /// The answer is longer than is taken.
    #[error("{host}: the answer is larger than {limit} MiB. Check the feed's url in the configuration.")]
    TooLarge {
        /// The feed's host.
        host: String,
        /// The most that is taken, in MiB.
        limit: usize,
    },
    /// The answer is compressed, although nobody asked for that.
    #[error(
        "{host}: the answer is compressed, which was not asked for. A proxy that compresses may be the cause."
    )]
    Compressed {
        /// The feed's host.
        host: String,
    },
    /// No list, or not a whole one.
    #[error("{why}. Its addresses stay blocked.")]
    List {
        /// The reader's words, which name the list.
        why: String,
    },
    /// A redirect that is not followed.
    #[error(
        "{host} redirects to {to}, which banbridge does not follow: {why}. Check the feed's url in the configuration."
    )]
    RefusedRedirect {
        /// The feed's host.
        host: String,
        /// Scheme and host of the place, no more of it.
        to: String,
        /// The rule that it breaks.
        why: &'static str,
    },
}

/// The kinds have their codes, and nothing else decides.
impl Classify for FetchError {
    fn exit(&self) -> Exit {
        match self.kind() {
            FetchErrorKind::Unusable => Exit::Unusable,
            FetchErrorKind::Unreachable => Exit::Unreachable,
            FetchErrorKind::RateLimited => Exit::TryAgain,
            FetchErrorKind::KeyRefused => Exit::Denied,
        }
    }
}

impl FetchError {
    /// What the error means for the run.
    pub fn kind(&self) -> FetchErrorKind {
        match self {
            Self::Unreachable { .. } | Self::Unavailable { .. } => FetchErrorKind::Unreachable,
            Self::RateLimited { .. } => FetchErrorKind::RateLimited,
            Self::KeyRefused { .. }
            | Self::BouncerRefused { .. }
            | Self::LoginRefused { .. }
            | Self::LoginMissing { .. } => FetchErrorKind::KeyRefused,
            Self::BadRequest { .. }
            | Self::NotUnderstood { .. }
            | Self::CutOff { .. }
            | Self::TooLarge { .. }
            | Self::Compressed { .. }
            | Self::List { .. }
            | Self::RefusedRedirect { .. } => FetchErrorKind::Unusable,
        }
    }

    /// How long the server asked to be left alone, an hour at most.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable { retry_after, .. } | Self::RateLimited { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

impl FetchError {
    /// Whether the request never came as far as the server, so that it does not count as one.
    pub fn never_came(&self) -> bool {
        let Self::Unreachable { problem, .. } = self else { return false };
        matches!(problem, Problem::Name | Problem::Refused | Problem::ConnectTimeout(_))
    }
}

/// What went wrong on the way to a feed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The name has no address.
    #[error("cannot resolve the name. Check the nameservers in /etc/resolv.conf and the feed's url.")]
    Name,
    /// Nobody listens there.
    #[error("connection refused. Check the feed's url, and whether a firewall blocks outgoing connections.")]
    Refused,
    /// No connection in time.
    #[error("no connection within {} seconds. Check the internet connection and the firewall.", .0.as_secs_f32())]
    ConnectTimeout(Duration),
    /// Connected, but the answer was not complete in time.
    #[error("no complete answer within {} seconds. The next run tries again.", .0.as_secs_f32())]
    Timeout(Duration),
    /// The other side reset or closed the connection.
    #[error("the connection broke before the answer was complete. The next run tries again.")]
    Broken,
    /// No trusted connection.
    #[error("no trusted connection: {0}.")]
    Tls(String),
    /// Anything else, in the words of the library that met it.
    #[error("cannot reach it: {0}.")]
    Other(String),
}

/// Why a client cannot be set up at all: the configuration or the system is wrong (exit code 78).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// The proxy cannot be used.
    #[error("the proxy cannot be used. Check [network] proxy in the configuration")]
    Proxy,
    /// The URL breaks a rule.
    #[error("invalid url of a feed: it {0}")]
    Url(#[from] UrlError),
    /// The key is empty, or cannot be sent.
    #[error(
        "the feed's key is empty or contains characters that are not allowed, such as spaces, line breaks or accents"
    )]
    Key,
    /// API 1 has no datasets.
    #[error("api = 1 has only the dataset \"sip\". For the others: api = 2")]
    Dataset,
    /// The TLS library or the certificates of the system do not work.
    #[error("cannot set up TLS: {0}. Check that the package ca-certificates is installed.")]
    Tls(String),
}

impl Classify for SetupError {
    fn exit(&self) -> Exit {
        Exit::Config
    }
}

/// The rule that a URL breaks. The URL itself is not repeated: it may hold a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Not a URL with a host.
    #[error("is not a complete URL such as https://example.com/list.txt")]
    NotAUrl,
    /// Neither https nor http.
    #[error("must begin with https://")]
    Scheme,
    /// http to another machine.
    #[error("must begin with https:// (http:// only for this machine: 127.0.0.1, ::1, localhost)")]
    PlainHttp,
    /// A user or password before the host.
    #[error("must not contain a user name or password")]
    Credentials,
}

impl UrlError {
    /// The rule for a place that a server redirects to.
    pub(super) fn for_redirect(self) -> &'static str {
        match self {
            Self::NotAUrl | Self::Scheme => "it is neither https nor http",
            Self::PlainHttp => "it is plain http on another machine",
            Self::Credentials => "it contains a user name or password",
        }
    }
}
