//! The feed room against a real server on a loopback port that misbehaves: every fault ends in
//! bounded time and memory, as an error of the right kind, and the key goes nowhere it should not.

use std::process::Command;
use std::sync::{Mutex, Once, mpsc};
use std::time::Duration;

use banbridge::feed::apiban::{Api, ApibanClient, ApibanSettings, Dataset, FIRST_CURSOR};
use banbridge::feed::http::{HttpClient, Redirects, Route, check_url};
use banbridge::feed::{Fetch, FetchError, FetchErrorKind};
use banbridge::system::secret::Secret;

use crate::simulator::tls::Certificate;
use crate::simulator::{Fault, Options, Simulator};

/// With characters that look otherwise in a URL.
const KEY: &str = "k3y/Quirk+Test%42";
const KEY_IN_URL: &str = "k3y%2FQuirk";
const BOTH: [Api; 2] = [Api::V1, Api::V2];

fn simulator(entries: usize) -> Simulator {
    let entries = (0..entries).map(|n| format!("198.18.{}.{}", n / 256, n % 256)).collect();
    Simulator::start(Options { keys: vec![KEY.into()], entries, ..Options::default() }).unwrap()
}

fn unlimited(entries: usize) -> Simulator {
    let entries = (0..entries).map(|n| format!("198.18.{}.{}", n / 256, n % 256)).collect();
    Simulator::start(Options { keys: vec![KEY.into()], entries, rate: None, ..Options::default() }).unwrap()
}

fn client(url: &str, api: Api, timeout: Duration) -> ApibanClient {
    let key = Secret::new(KEY);
    ApibanClient::new(ApibanSettings {
        base_url: url.into(),
        api,
        dataset: Dataset::Sip,
        key,
        timeout,
        route: Route::Environment,
    })
    .unwrap()
}

/// Fetches once. A fetch without end fails here instead of hanging: this is no measurement.
fn fetch(url: &str, api: Api, timeout: Duration, cursor: &str) -> Result<Fetch, FetchError> {
    let (done, result) = mpsc::channel();
    let (url, cursor) = (url.to_owned(), cursor.to_owned());
    std::thread::spawn(move || done.send(client(&url, api, timeout).fetch(&cursor)));
    result.recv_timeout(Duration::from_secs(60)).expect("the fetch has no end")
}

fn one(simulator: &Simulator, api: Api, fault: &str) -> Result<Fetch, FetchError> {
    simulator.fault(&Fault::parse(fault).unwrap(), 1);
    let slow = ["drip", "stall", "interim"].iter().any(|name| fault.starts_with(name));
    fetch(&simulator.url(), api, Duration::from_millis(if slow { 400 } else { 20_000 }), FIRST_CURSOR)
}

fn no_key_in(text: &str) {
    assert!(!text.contains(KEY) && !text.contains(KEY_IN_URL) && !text.contains("Quirk"), "{text}");
}

#[test]
fn every_fault_ends_in_an_error_of_its_kind_that_shows_no_key_and_no_url() {
    use FetchErrorKind::{KeyRefused, RateLimited, Unreachable, Unusable};
    // fault, kind, words, seconds to wait
    let table: &[(&str, FetchErrorKind, &str, Option<u64>)] = &[
        ("no-json", Unusable, "not in apiban's form", None),
        ("truncated", Unusable, "cut off", None),
        ("wrong-types", Unusable, "unusable answer", None),
        ("html", Unusable, "web page", None),
        ("html=403", Unusable, "web filter", None),
        ("html=404", Unusable, "wrong url", None),
        ("status=204", Unusable, "204", None),
        ("status=500", Unreachable, "500", None),
        ("status=502", Unreachable, "502", None),
        ("busy", Unreachable, "503", Some(7)),
        ("busy=86400", Unreachable, "503", Some(3600)),
        ("rate", RateLimited, "too many requests", Some(7)),
        ("rate-plain", RateLimited, "too many requests", None),
        ("key", KeyRefused, "did not accept the API key", None),
        ("echo", Unusable, "***", None),
        ("drip", Unreachable, "no complete answer within 0.4 seconds", None),
        ("drip-head", Unreachable, "no complete answer within 0.4 seconds", None),
        ("interim", Unreachable, "no complete answer within 0.4 seconds", None),
        ("interim-flood", Unreachable, "no complete answer within 0.4 seconds", None),
        ("stall", Unreachable, "no complete answer within 0.4 seconds", None),
        ("close", Unreachable, "broke", None),
        ("reset", Unreachable, "broke", None),
        ("reset-early", Unreachable, "broke", None),
        ("long-length", Unusable, "cut", None),
        ("short-length", Unusable, "cut off", None),
        ("bad-length", Unusable, "unusable answer", None),
        ("endless", Unusable, "8 MiB", None),
        ("cut-chunk", Unusable, "cut", None),
        ("endless-head", Unusable, "unusable answer", None),
        ("oversize", Unusable, "8 MiB", None),
        ("gzip", Unusable, "compressed", None),
        ("garbage", Unusable, "unusable answer", None),
        ("redirect-http", Unusable, "plain http on another machine", None),
        ("redirect=file:///etc/passwd", Unusable, "neither https nor http", None),
        ("redirect=https://user:pass@192.0.2.1/", Unusable, "user name", None),
    ];
    let simulator = unlimited(3);
    for api in BOTH {
        for (fault, kind, words, wait) in table {
            let error = one(&simulator, api, fault).expect_err(fault);
            let text = error.to_string();
            assert_eq!(error.kind(), *kind, "{fault} {api:?}: {error:?}");
            assert!(text.contains(words), "{fault} {api:?}: {text}");
            assert!(text.starts_with(&simulator.address.to_string()), "{text}");
            // What the server itself repeats is its own.
            assert!(*fault == "echo" || !text.contains("/api"), "no URL: {text}");
            assert_eq!(error.retry_after(), wait.map(Duration::from_secs), "{fault}");
            no_key_in(&format!("{error} {error:?} {error:#?}"));
        }
        let after = fetch(&simulator.url(), api, Duration::from_secs(20), FIRST_CURSOR).unwrap();
        assert_eq!(after.entries.len(), 3, "and then all is well");
    }
}

#[test]
fn odd_but_usable_answers_are_used() {
    let simulator = unlimited(0);
    for api in BOTH {
        assert_eq!(one(&simulator, api, "mixed").unwrap().entries.len(), 6);
        assert_eq!(one(&simulator, api, "junk").unwrap().entries.len(), 20);
        let empty = one(&simulator, api, "empty").unwrap();
        assert!(empty.is_complete(FIRST_CURSOR) && empty.cursor_after(FIRST_CURSOR) == "107");
        let same = one(&simulator, api, "same-id").unwrap();
        assert!(same.is_complete(FIRST_CURSOR) && same.entries.len() == 1);
    }
}

#[test]
fn a_list_comes_whole_and_in_order_in_both_versions() {
    let simulator = unlimited(600);
    for api in BOTH {
        let client = client(&simulator.url(), api, Duration::from_secs(20));
        let (mut cursor, mut entries, mut requests) = (FIRST_CURSOR.to_owned(), Vec::new(), 0);
        loop {
            let fetch = client.fetch(&cursor).unwrap();
            requests += 1;
            assert!(fetch.server_time.is_some());
            let complete = fetch.is_complete(&cursor);
            cursor = fetch.cursor_after(&cursor).to_owned();
            entries.extend(fetch.entries.iter().filter_map(|entry| entry.text()).map(str::to_owned));
            if complete {
                break;
            }
        }
        assert_eq!((entries.len(), requests), (600, 4), "250, 250, 100, and the end");
        assert_eq!(entries.last().unwrap(), "198.18.2.87");
    }
    let sent = simulator.requests();
    assert!(sent.iter().all(|request| { request.header("user-agent").unwrap().starts_with("banbridge/") }));
    assert!(sent.iter().all(|request| request.header("accept-encoding").is_none()));
    assert!(sent[4..].iter().all(|request| request.path == "/api/get"), "no key in the URL of version 2");
}

#[test]
fn the_twelfth_request_in_two_minutes_meets_the_rate_limit_and_another_key_the_refusal() {
    let simulator = simulator(1);
    let ask = client(&simulator.url(), Api::V2, Duration::from_secs(20));
    for _ in 0..11 {
        ask.fetch(FIRST_CURSOR).unwrap();
    }
    let error = ask.fetch(FIRST_CURSOR).unwrap_err();
    assert_eq!((error.kind(), error.retry_after()), (FetchErrorKind::RateLimited, None));

    let other = ApibanSettings {
        route: Route::Environment,
        base_url: simulator.url(),
        api: Api::V1,
        dataset: Dataset::Sip,
        key: Secret::new("another"),
        timeout: Duration::from_secs(20),
    };
    let error = ApibanClient::new(other).unwrap().fetch(FIRST_CURSOR).unwrap_err();
    assert_eq!(error.kind(), FetchErrorKind::KeyRefused);
}

#[test]
fn nobody_listening_and_a_name_without_an_address_cannot_be_reached() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for api in BOTH {
        let error =
            fetch(&format!("http://{free}/api"), api, Duration::from_secs(20), FIRST_CURSOR).unwrap_err();
        assert_eq!(error.kind(), FetchErrorKind::Unreachable);
        assert!(error.to_string().contains("connection refused"), "{error}");
        let error =
            fetch("https://banbridge.invalid/api", api, Duration::from_secs(5), FIRST_CURSOR).unwrap_err();
        assert_eq!(error.kind(), FetchErrorKind::Unreachable, "{error}");
        no_key_in(&format!("{error} {error:?}"));
    }
}

#[test]
fn a_redirect_loop_ends_after_five_redirects() {
    for api in BOTH {
        let simulator = unlimited(1);
        simulator.fault(&Fault::parse("redirect-loop").unwrap(), 50);
        let error = fetch(&simulator.url(), api, Duration::from_secs(20), FIRST_CURSOR).unwrap_err();
        assert_eq!(error.kind(), FetchErrorKind::Unusable, "{error}");
        assert_eq!(simulator.requests().len(), 6);
        no_key_in(&format!("{error} {error:?}"));
    }
}

#[test]
fn a_redirect_on_the_same_server_is_followed_with_the_key() {
    let simulator = unlimited(5);
    assert_eq!(one(&simulator, Api::V2, "redirect=/api/get").unwrap().entries.len(), 5);
    assert!(simulator.requests().iter().all(|request| request.header("authorization").is_some()));
}

#[test]
fn version_2_asks_no_other_host_at_all() {
    let (simulator, other) = (unlimited(5), unlimited(5));
    for host in ["127.0.0.1", "localhost"] {
        let to = format!("redirect=http://{host}:{}/api/get", other.address.port());
        let error = one(&simulator, Api::V2, &to).unwrap_err();
        assert_eq!(error.kind(), FetchErrorKind::Unusable);
        assert!(error.to_string().contains("the key or password is not sent to another server"), "{error}");
    }
    // The same machine by another name is another host.
    let to = format!("redirect=http://localhost:{}/api/get", simulator.address.port());
    assert_eq!(one(&simulator, Api::V2, &to).unwrap_err().kind(), FetchErrorKind::Unusable);
    assert_eq!(other.requests().len(), 0);
    assert_eq!(simulator.requests().len(), 3);
}

#[test]
fn the_key_in_the_header_follows_no_redirect_to_another_host_where_redirects_are_free() {
    let (simulator, other) = (unlimited(5), unlimited(5));
    for (count, host) in ["127.0.0.1", "localhost"].iter().enumerate() {
        let to = format!("redirect=http://{host}:{}/api/get", other.address.port());
        simulator.fault(&Fault::parse(&to).unwrap(), 1);
        let url = check_url(&format!("{}/get", simulator.url())).unwrap();
        let http =
            HttpClient::new(&url, Duration::from_secs(20), Redirects::Anywhere, &Route::Environment).unwrap();
        let reply = http.post_json(url, &Secret::new(KEY), "{}".into()).unwrap();
        assert_eq!(reply.status, 403, "the other host got no key");
        assert_eq!(other.requests().len(), count + 1);
    }
    for request in other.requests() {
        no_key_in(&format!("{request:?}"));
        assert_eq!(request.header("authorization"), None);
    }
}

#[test]
fn the_key_in_the_url_is_not_told_to_another_host_as_the_referer() {
    let (simulator, other) = (unlimited(5), unlimited(5));
    let to = format!("redirect=http://localhost:{}/elsewhere", other.address.port());
    one(&simulator, Api::V1, &to).unwrap_err();
    let [request] = other.requests().try_into().unwrap();
    assert_eq!(request.path, "/elsewhere");
    assert_eq!(request.header("referer"), None);
    no_key_in(&format!("{request:?}"));
}

/// Keeps everything that any library logs, at the most talkative level.
struct Keep(Mutex<String>);
static LOG: Keep = Keep(Mutex::new(String::new()));

impl log::Log for Keep {
    fn enabled(&self, _: &log::Metadata) -> bool {
        true
    }
    fn log(&self, record: &log::Record) {
        let line = format!("{} {}\n", record.target(), record.args());
        self.0.lock().unwrap().push_str(&line);
    }
    fn flush(&self) {}
}

#[test]
fn a_proxy_is_asked_for_a_tunnel_and_sees_neither_key_nor_path() {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, seen) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut bytes = [0; 4096];
            let length = stream.read(&mut bytes).unwrap();
            let _ =
                stream.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
            sender.send(String::from_utf8_lossy(&bytes[..length]).into_owned()).unwrap();
        }
    });
    let by = |route: &str, base_url: &str, api| {
        let route = Route::parse(route).unwrap();
        let (key, timeout) = (Secret::new(KEY), Duration::from_secs(20));
        let settings =
            ApibanSettings { base_url: base_url.into(), api, dataset: Dataset::Sip, key, timeout, route };
        ApibanClient::new(settings).unwrap().fetch(FIRST_CURSOR)
    };
    for api in BOTH {
        let error =
            by(&format!("http://user:pr0xy-pw@{address}"), "https://feed.example.com/api", api).unwrap_err();
        assert_eq!(error.kind(), FetchErrorKind::Unreachable, "{error}");
        let asked = seen.recv_timeout(Duration::from_secs(20)).unwrap();
        assert!(asked.starts_with("CONNECT feed.example.com:443 HTTP/1.1\r\n"), "{asked}");
        assert!(asked.to_lowercase().contains("proxy-authorization: basic"), "{asked}");
        for text in [asked, format!("{error} {error:?}")] {
            no_key_in(&text);
            assert!(!text.contains("pr0xy-pw") && !text.contains("/api"), "{text}");
        }
        // This machine itself is asked without it.
        let simulator = unlimited(3);
        let route = format!("http://{address}");
        assert_eq!(by(&route, &simulator.url(), api).unwrap().entries.len(), 3);
    }
    assert!(seen.try_recv().is_err());
}

#[test]
fn no_library_logs_the_key_at_any_level() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&LOG).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
    });
    let simulator = unlimited(5);
    for api in BOTH {
        fetch(&simulator.url(), api, Duration::from_secs(20), FIRST_CURSOR).unwrap();
        for fault in ["redirect-loop", "redirect-http", "reset", "garbage", "echo"] {
            let _ = one(&simulator, api, fault);
        }
    }
    let logged = LOG.0.lock().unwrap().clone();
    assert!(logged.contains("127.0.0.1"), "something was logged at all: {logged}");
    no_key_in(&logged);
}

/// Not a test by itself: what the tests below run in a process of its own, where the environment
/// and the memory are the client's alone. It prints the result and the most memory used, in kB.
#[test]
fn child() {
    let Ok(url) = std::env::var("FEED_FAULTS_URL") else {
        return;
    };
    let result = match fetch(&url, Api::V2, Duration::from_secs(20), FIRST_CURSOR) {
        Ok(fetch) => format!("batch of {}", fetch.entries.len()),
        Err(error) => format!("{:?}: {error}", error.kind()),
    };
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    println!("\nRESULT {result}\nPEAK {}", peak.trim().trim_end_matches(" kB"));
}

fn in_child(url: &str, roots: Option<&std::path::Path>) -> (String, u64) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "feed_faults::child", "--nocapture"]).env("FEED_FAULTS_URL", url);
    if let Some(roots) = roots {
        command.env("SSL_CERT_FILE", roots).env_remove("SSL_CERT_DIR");
    }
    let output = String::from_utf8(command.output().unwrap().stdout).unwrap();
    let line =
        |name: &str| output.lines().find_map(|line| line.strip_prefix(name)).expect(&output).to_owned();
    (line("RESULT "), line("PEAK ").parse().unwrap())
}

#[test]
fn no_answer_takes_more_than_40_mb_of_memory() {
    let simulator = unlimited(5);
    for fault in ["endless", "oversize", "gzip", "endless-head", "redirect-loop*6", "junk"] {
        let (name, count) = fault.split_once('*').map_or((fault, 1), |(name, n)| (name, n.parse().unwrap()));
        simulator.fault(&Fault::parse(name).unwrap(), count);
        let (result, peak) = in_child(&simulator.url(), None);
        assert!(peak < 40_000, "{fault}: {peak} kB, {result}");
    }
}

#[test]
fn certificates_that_prove_nothing_end_the_connection_with_the_reason() {
    let table = [
        (Certificate::Good, "batch of 1"),
        (Certificate::WrongName, "certificate is for another name"),
        (Certificate::Expired, "certificate has expired"),
        (Certificate::SelfSigned, "does not trust its certificate"),
    ];
    let place = tempfile::tempdir().unwrap();
    for (certificate, words) in table {
        let entries = vec!["192.0.2.1".into()];
        let options =
            Options { keys: vec![KEY.into()], entries, tls: Some(certificate), ..Options::default() };
        let simulator = Simulator::start(options).unwrap();
        let roots = place.path().join("roots.pem");
        std::fs::write(&roots, simulator.authority.as_ref().unwrap()).unwrap();
        let (result, _) = in_child(&simulator.url(), Some(&roots));
        assert!(result.contains(words), "{certificate:?}: {result}");
        if certificate != Certificate::Good {
            assert!(result.starts_with("Unreachable: "), "{result}");
            assert_eq!(simulator.requests().len(), 0, "the key was not sent");
        }
    }
}
