//! Feeds that are lists, end to end: the program in a sandboxed PBX, a real HTTP server on its loopback.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Stdio};

use crate::sandbox::{Backend, Firewall, Run, Sandbox, until};
use serde_json::Value;

const CONFIG: &str = "/etc/asterisk/banbridge.toml";

/// A PBX with a publisher of lists on its loopback.
struct Pbx {
    sandbox: Sandbox,
    server: Child,
}

impl Pbx {
    fn start() -> Self {
        Self::with(Firewall::Iptables(Backend::Nft))
    }

    fn with(firewall: Firewall) -> Self {
        let sandbox = Sandbox::builder(firewall).period(3600).start();
        let lists = sandbox.dir().join("lists");
        fs::create_dir(&lists).unwrap();
        let router = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sandbox/list_server/router.php");
        let server = sandbox
            .command("php")
            .args(["-S", "127.0.0.1:8099", router])
            .env("LISTS", &lists)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let pbx = Self { sandbox, server };
        until("the publisher", || {
            pbx.sandbox.run(&["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8099"]).code == 0
        });
        pbx
    }

    fn path(&self, name: &str) -> PathBuf {
        self.sandbox.dir().join("lists").join(name)
    }

    /// Publishes a list.
    fn publish(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).unwrap();
    }

    fn fault(&self, name: &str, fault: &str) {
        self.publish(&format!("{name}.fault"), fault);
    }

    fn no_fault(&self, name: &str) {
        fs::remove_file(self.path(&format!("{name}.fault"))).unwrap();
    }

    /// What was asked for: name, If-None-Match, If-Modified-Since.
    fn requests(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("requests.log")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Feeds that are lists, each by its name and further lines.
    fn configure(&self, feeds: &[(&str, &str)]) {
        let text: String = feeds
            .iter()
            .map(|(name, lines)| {
                format!(
                    "[[feed]]\nname = \"{name}\"\nkind = \"list\"\nurl = \"http://127.0.0.1:8099/{name}\"\n{lines}\n"
                )
            })
            .collect();
        self.sandbox.write_file(CONFIG, text);
    }

    fn run(&self, words: &[&str]) -> Run {
        self.sandbox.banbridge(words)
    }

    fn json(&self, words: &[&str]) -> Value {
        let run = self.run(&[words, &["--json"]].concat());
        serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"))
    }

    /// A run that asks one list now.
    fn sync(&self, name: &str) -> Value {
        self.json(&["sync", "--feed", name])
    }

    fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = self.sandbox.blacklist().into_iter().map(|(key, _)| key).collect();
        keys.sort();
        keys
    }

    /// A checksum of each table of the database.
    fn sums(&self) -> Vec<(String, Option<u64>)> {
        let tables: Vec<String> = self.sandbox.sql("SHOW TABLES", ());
        tables.iter().flat_map(|table| self.sandbox.sql(&format!("CHECKSUM TABLE `{table}`"), ())).collect()
    }
}

impl Drop for Pbx {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn many(count: u32) -> String {
    (0..count).map(|n| format!("45.{}.{}.{}\n", n >> 16, (n >> 8) & 255, n & 255)).collect()
}

/// Feeds of lists, one of which will be held and one of which will shrink: a dry run decides about them as the run after
/// it does, whoever writes the rows and whoever runs it, and keeps nothing of what it decided.
#[test]
fn a_list_behind_a_login_is_read_with_it_and_no_secret_is_shown_or_sent_elsewhere() {
    const SECRET: &str = "s3cr3t-w0rd";
    let pbx = Pbx::start();
    let secret_file = "/etc/asterisk/list.secret";
    pbx.sandbox.write_file(secret_file, format!("{SECRET}\n"));
    pbx.publish("basic", "45.0.0.1\n");
    pbx.publish("basic.login", "Authorization: Basic bWU6czNjcjN0LXcwcmQ=");
    // It sends back what it was shown.
    pbx.publish("header", format!("45.0.0.2\n{SECRET}\n"));
    pbx.publish("header.login", format!("X-Api-Key: {SECRET}"));
    let basic = format!("username = \"me\"\npassword_file = \"{secret_file}\"");
    let header = format!("header_name = \"X-Api-Key\"\nheader_file = \"{secret_file}\"");
    let mut said = String::new();
    let mut run = |words: &[&str], code: i32, expected: &str| {
        let run = pbx.run(words);
        let text = run.stdout + &run.stderr;
        assert_eq!(run.code, code, "{words:?}: {text}");
        assert!(text.contains(expected), "{words:?}: {text}");
        said += &text;
    };
    pbx.configure(&[("basic", &basic), ("header", &header)]);
    run(&["feed", "test", "basic"], 0, "");
    run(&["sync", "-vv"], 0, "");
    assert_eq!(pbx.keys(), ["45.0.0.1", "45.0.0.2"]);
    run(&["list", "--skipped", "--json"], 0, "***");
    run(&["config", "show"], 0, secret_file);
    run(&["status", "--json"], 0, "");
    // Wrong, missing, elsewhere.
    pbx.sandbox.write_file(secret_file, format!("{SECRET}-old\n"));
    run(&["sync", "--feed", "basic"], 77, "did not accept the login");
    run(&["sync", "--feed", "header"], 77, "did not accept the login");
    pbx.sandbox.write_file(secret_file, format!("{SECRET}\n"));
    pbx.publish("elsewhere", "45.0.0.9\n");
    pbx.fault("basic", "redirect http://localhost:8099/elsewhere");
    run(&["sync", "--feed", "basic"], 65, "not sent to another server");
    pbx.no_fault("basic");
    pbx.sandbox.remove_file(secret_file);
    run(&["sync", "--feed", "basic"], 78, secret_file);
    pbx.configure(&[("basic", "")]);
    run(&["sync", "--feed", "basic"], 77, "those only who log in. Set username and password_file");
    assert_eq!(pbx.keys(), ["45.0.0.1"], "the last good list stays");
    for wrong in [
        "username = \"me\"",
        "header_file = \"/x\"",
        "header_name = \"Host\"\nheader_file = \"/x\"",
        &format!("{basic}\n{header}"),
    ] {
        pbx.configure(&[("basic", wrong)]);
        run(&["config", "check"], 78, "header_");
    }
    said += &pbx.sandbox.read_file("/var/log/asterisk/banbridge.log");
    assert!(!said.contains(SECRET), "{said}");
    assert!(pbx.requests().iter().all(|request| !request.starts_with("elsewhere")));
}

#[test]
fn a_dry_run_of_held_and_shrunken_lists_plans_what_the_next_run_does_and_keeps_nothing() {
    for writer in ["db", "fwconsole"] {
        let pbx = Pbx::start();
        let guard = "hold_times = 2\nhold_more = 10";
        pbx.configure(&[("grows", guard), ("shrinks", ""), ("stays", "")]);
        let config = fs::read_to_string(pbx.sandbox.outside(CONFIG)).unwrap();
        pbx.sandbox.write_file(CONFIG, format!("{config}[blacklist]\nwriter = \"{writer}\"\n"));
        pbx.publish("grows", many(10));
        pbx.publish("shrinks", "46.0.0.1\n".to_owned() + &many(30).replace("45.", "47."));
        pbx.publish("stays", "48.0.0.1\n48.0.0.3\n");
        assert_eq!(pbx.run(&["sync"]).code, 0, "{writer}");
        for moved in [
            "UPDATE banbridge_feed SET last_attempt = last_attempt - 600, last_success = last_success - 600, \
             completed_at = completed_at - 600",
            "UPDATE banbridge_entry SET first_seen = first_seen - 600, last_seen = last_seen - 600",
        ] {
            pbx.sandbox.sql_run(moved, ());
        }

        pbx.publish("grows", many(90));
        pbx.publish("shrinks", "46.0.0.1\n");
        pbx.publish("stays", "48.0.0.1\n48.0.0.5\n");
        pbx.sandbox.fwconsole(&["firewall", "del", "blacklist", "45.0.0.1"]).ok();
        let (before, tables) = (pbx.keys(), pbx.sums());
        let asked = ["sync", "--full", "--dry-run", "--json"];
        let as_root = pbx.sandbox.banbridge(&asked);
        let as_asterisk = pbx.sandbox.banbridge_as("asterisk", &asked);
        assert_eq!(pbx.sums(), tables, "{writer}");
        assert_eq!(pbx.keys(), before, "{writer}");
        let done = pbx.sandbox.banbridge(&["sync", "--full", "--json"]);
        let [as_root, as_asterisk, done] = [as_root, as_asterisk, done]
            .map(|run| (run.code, serde_json::from_str::<Value>(&run.stdout).unwrap()));

        let after = pbx.keys();
        let new: Vec<&String> = after.iter().filter(|key| !before.contains(key)).collect();
        let gone: Vec<&String> = before.iter().filter(|key| !after.contains(key)).collect();
        assert_eq!(new, ["48.0.0.5"], "{writer}");
        assert_eq!(gone, ["48.0.0.3"], "{writer} {:#}", done.1);
        for (code, plan) in [as_root, as_asterisk] {
            assert_eq!(code, done.0, "{writer}");
            assert_eq!(plan["plan_add"], serde_json::json!(new), "{writer}");
            assert_eq!(plan["plan_remove"], serde_json::json!(gone), "{writer}");
            assert_eq!(plan["blacklist"], done.1["blacklist"], "{writer}");
            assert_eq!(plan["feeds"], done.1["feeds"], "{writer}");
        }
        assert_eq!(done.1["feeds"][0]["held"], true);
        assert!(done.1["feeds"][1]["error"].as_str().unwrap().contains("--accept"), "{:#}", done.1);
    }
}

/// The times of all feeds and entries move into the past, so that the next version comes later than the last.
fn an_hour_later(pbx: &Pbx) {
    for moved in [
        "UPDATE banbridge_feed SET last_attempt = last_attempt - 3600, last_success = last_success - 3600, \
         completed_at = completed_at - 3600, based_at = based_at - 3600, held_since = held_since - 3600",
        "UPDATE banbridge_entry SET first_seen = first_seen - 3600, last_seen = last_seen - 3600",
    ] {
        pbx.sandbox.sql_run(moved, ());
    }
}

/// What a feed's lines may end with, as the last of all: neighbors are not merged.
const ONE_ROW_EACH: &str = "[blacklist]\nlimit = 5000\naggregate = false";

/// Networks of one length, one after the other from an address on.
fn networks(first: u32, length: u32, count: u32) -> String {
    (0..count)
        .map(|n| format!("{}/{length}\n", std::net::Ipv4Addr::from(first + (n << (32 - length)))))
        .collect()
}

#[test]
fn a_bad_version_of_a_list_costs_nothing_of_the_last_good_one_which_is_taken_when_it_comes_back() {
    let pbx = Pbx::start();
    pbx.configure(&[("one", ONE_ROW_EACH)]);
    let good = many(1_301);
    pbx.publish("one", &good);
    pbx.sync("one");
    let before = pbx.keys();
    let sixty: String = good.lines().take(60).map(|line| format!("{line}\n")).collect();
    let bad = [
        ("many new ones and few old ones", format!("{sixty}{}", many(20_000).replace("45.", "47."))),
        ("networks in place of addresses", networks(0x5000_0000, 24, 20_000)),
        ("many new ones beside the old ones", format!("{good}{}", many(20_000).replace("45.", "47."))),
        ("few old ones", sixty.clone()),
    ];
    for (what, bad) in bad {
        an_hour_later(&pbx);
        pbx.publish("one", &bad);
        let run = pbx.run(&["sync", "--feed", "one"]);
        assert!(
            run.code == 65
                && run.stdout.contains("sync --accept --feed one")
                    | run.stdout.contains("--feed one --accept"),
            "{what}: {run:?}"
        );
        assert_eq!(pbx.keys(), before, "{what}");
        an_hour_later(&pbx);
        pbx.publish("one", format!("{good}46.0.0.1\n"));
        let back = pbx.sync("one");
        assert_eq!(back["feeds"][0]["error"], Value::Null, "{what}: {back}");
        assert_eq!(pbx.keys().len(), 1_302, "{what}");
        assert_eq!(pbx.json(&["status"])["feeds"][0]["held"], 0, "{what}");
        an_hour_later(&pbx);
        pbx.publish("one", &good);
        pbx.sync("one");
        assert_eq!(pbx.keys(), before, "{what}");
    }
}

#[test]
fn wide_networks_are_held_however_few_lines_they_take_and_however_small_the_steps() {
    let pbx = Pbx::start();
    pbx.configure(&[("one", ""), ("two", ONE_ROW_EACH)]);
    pbx.publish("two", "46.0.0.1\n");
    // A first load above the ceiling: 1,200 networks of 65,536 addresses.
    pbx.publish("one", networks(0x2000_0000, 16, 1_200));
    let report = pbx.sync("one");
    assert!(report["feeds"][0]["error"].as_str().unwrap().contains("protect.ceiling"), "{report}");
    assert_eq!(pbx.keys(), Vec::<String>::new());
    assert_eq!(pbx.json(&["status"])["feeds"][0]["held"], 1_200);
    assert_eq!(pbx.json(&["check", "32.0.0.1"])["blocked"], false);

    let addresses = many(1_000);
    an_hour_later(&pbx);
    pbx.publish("one", &addresses);
    assert_eq!(pbx.sync("one")["feeds"][0]["error"], Value::Null);
    let before = pbx.keys();
    assert_eq!(before.len(), 1_000);
    for step in 1..4 {
        an_hour_later(&pbx);
        pbx.publish("one", format!("{addresses}{}", networks(0x2000_0000, 16, 300 * step)));
        let report = pbx.sync("one");
        assert_eq!((&report["feeds"][0]["held"], pbx.keys().len()), (&true.into(), 1_000), "{report}");
        assert!(report["feeds"][0]["error"].as_str().unwrap().contains("IPv4 addresses"), "{report}");
    }
    // You accept it, or say that it is meant.
    let accepted = pbx.json(&["sync", "--feed", "one", "--accept"]);
    assert_eq!((&accepted["feeds"][0]["error"], pbx.keys().len()), (&Value::Null, 1_900), "{accepted}");
    an_hour_later(&pbx);
    pbx.publish("one", networks(0x2000_0000, 16, 1_200));
    pbx.configure(&[("one", "wide = true\nhold_more_addresses = 100_000_000"), ("two", ONE_ROW_EACH)]);
    let wide = pbx.json(&["sync", "--feed", "one", "--accept"]);
    assert_eq!((&wide["feeds"][0]["error"], pbx.keys().len()), (&Value::Null, 1_200), "{wide}");
    // What one feed covers that may be wide leaves the others their share.
    let other = pbx.sync("two");
    assert_eq!((&other["feeds"][0]["error"], pbx.keys().len()), (&Value::Null, 1_201), "{other}");
}

#[test]
fn a_list_is_wanted_and_what_it_dropped_goes() {
    let pbx = Pbx::start();
    pbx.configure(&[("one", "")]);
    pbx.publish("one", "# mine\n45.0.0.1\n45.0.2.0/24\n10.0.0.1\n137.184.10/32\n2a05::1\n");
    let report = pbx.sync("one");
    let feed = &report["feeds"][0];
    assert_eq!((&feed["fetched"], &feed["used"]), (&5.into(), &3.into()), "{report}");
    assert_eq!(feed["skipped"].as_array().unwrap().len(), 2, "{report}");
    assert_eq!(feed["skipped"][0]["reason"], "invalid address (line 5)");
    assert_eq!(feed["complete"], true);
    assert_eq!(pbx.keys(), ["45.0.0.1", "45.0.2.0/24"]);

    pbx.publish("one", "45.0.2.0/24\n45.0.3.1\n");
    pbx.sync("one");
    assert_eq!(pbx.keys(), ["45.0.2.0/24", "45.0.3.1"]);
    let check = pbx.json(&["check", "45.0.2.7"]);
    assert_eq!((&check["feeds"][0]["feed"], &check["feeds"][0]["expires_at"]), (&"one".into(), &Value::Null));
    assert!(pbx.run(&["check", "45.0.2.7"]).ok().contains("while listed"));
    assert_eq!(pbx.json(&["check", "45.0.0.1"])["blocked"], false);
}

#[test]
fn an_unchanged_list_is_asked_for_conditionally_and_changes_nothing() {
    let pbx = Pbx::start();
    pbx.configure(&[("one", "")]);
    pbx.publish("one", "45.0.0.1\n");
    pbx.sync("one");
    let report = pbx.sync("one");
    assert_eq!((&report["feeds"][0]["complete"], &report["reload"]), (&true.into(), &"none".into()));
    let requests = pbx.requests();
    assert_eq!(requests[0], "one - -");
    assert!(requests[1].starts_with("one \"") && requests[1].ends_with("GMT"), "{requests:?}");
    assert_eq!(pbx.keys(), ["45.0.0.1"]);
    // Read another way, it is asked for whole.
    pbx.configure(&[("one", "widest_v4 = 24")]);
    pbx.sync("one");
    assert_eq!(pbx.requests()[2], "one - -");
}

#[test]
fn a_list_is_asked_for_once_an_interval_and_less_often_while_it_fails() {
    let pbx = Pbx::start();
    pbx.configure(&[("one", "interval = \"1h\"")]);
    pbx.publish("one", "45.0.0.1\n");
    pbx.run(&["sync"]).ok();
    pbx.run(&["sync"]).ok();
    assert_eq!(pbx.requests().len(), 1);
    let back = |seconds: i64| {
        pbx.sandbox.sql_run(
            "UPDATE banbridge_feed SET last_attempt = last_attempt - ?, last_success = last_success - ?",
            (seconds, seconds),
        );
    };
    back(3_500);
    pbx.run(&["sync"]).ok();
    assert_eq!(pbx.requests().len(), 1, "not before its interval");
    back(500);
    pbx.fault("one", "status 503");
    let failed = pbx.run(&["sync"]);
    assert_eq!(failed.code, 69, "{failed:?}");
    assert_eq!(pbx.requests().len(), 2);
    pbx.run(&["sync"]).ok();
    assert_eq!(pbx.requests().len(), 2, "it is left alone");
    back(331);
    assert_eq!(pbx.run(&["sync"]).code, 69);
    back(331);
    pbx.run(&["sync"]).ok();
    assert_eq!(pbx.requests().len(), 3, "after the second failure twice as long");
    back(331);
    pbx.no_fault("one");
    pbx.run(&["sync"]).ok();
    assert_eq!(pbx.requests().len(), 4);
    assert_eq!(pbx.keys(), ["45.0.0.1"], "nothing was lost meanwhile");
}

#[test]
fn whatever_comes_in_its_place_the_last_good_list_stays_and_the_other_feeds_go_on() {
    let pbx = Pbx::start();
    pbx.configure(&[("bad", ""), ("good", "")]);
    pbx.publish("bad", many(40));
    pbx.publish("good", "46.0.0.0/24\n");
    pbx.run(&["sync"]).ok();
    let before = pbx.keys();
    let gz = |text: &[u8]| {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(text).unwrap();
        packer.finish().unwrap()
    };
    let bomb = gz(&vec![b'#'; 65 * 1024 * 1024]);
    assert!(bomb.len() < 1024 * 1024);
    let (forty, nineteen) = (many(40), many(19));
    let cut = gz(forty.as_bytes());
    let log = "[2026-08-22 10:00:00] NOTICE[9] chan_sip.c: Registration from '45.0.0.1' failed\n".repeat(3);
    // fault, what is published, exit code, words
    let table: [(&str, &[u8], i32, &str); 13] = [
        ("html", b"", 65, "web page"),
        ("status 404", b"", 65, "404"),
        ("status 503", b"", 69, "503"),
        ("redirect http://192.0.2.1/x", b"", 65, "plain http on another machine"),
        ("cut 30", forty.as_bytes(), 65, "cut"),
        ("", b"", 65, "none of the 40 entries"),
        ("", b"# nothing\n", 65, "--accept"),
        ("", nineteen.as_bytes(), 65, "only 19 of the 40 entries"),
        ("", b"\x1b]0;owned\x07 junk\n\x1b[2J\n", 65, "\\u{1b}]0;owned"),
        ("", log.as_bytes(), 65, "a log, not a list"),
        ("", &bomb, 65, "larger than 64 MiB"),
        ("", &cut[..cut.len() - 9], 65, "cut off"),
        ("", b"[\"45.0.0.1\",", 65, "cut off"),
    ];
    for (fault, body, code, words) in table {
        pbx.publish("bad", body);
        if !fault.is_empty() {
            pbx.fault("bad", fault);
        }
        let run = pbx.run(&["sync", "--full"]);
        assert_eq!(run.code, code, "{fault} {words}: {run:?}");
        assert!(run.stdout.contains(words), "{fault}: {run:?}");
        assert!(run.stdout.contains("good: 1 entry fetched, 1 used"), "{run:?}");
        for run in
            [run, pbx.run(&["status"]), pbx.run(&["status", "--json"]), pbx.run(&["list", "--skipped"])]
        {
            assert!(!run.stdout.contains('\u{1b}') && !run.stderr.contains('\u{1b}'), "{run:?}");
        }
        assert_eq!(pbx.keys(), before, "{fault} {words}");
        if !fault.is_empty() {
            pbx.no_fault("bad");
        }
    }
    pbx.publish("bad", many(12));
    let accepted = pbx.run(&["sync", "--feed", "bad", "--accept"]);
    assert_eq!(accepted.code, 0, "{accepted:?}");
    assert_eq!(pbx.json(&["status"])["feeds"][0]["entries"], 12);
}

#[test]
fn packed_lists_redirects_and_files_are_read() {
    let pbx = Pbx::start();
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(b"45.0.0.1\n").unwrap();
    pbx.publish("gz", packer.finish().unwrap());
    let level = ruzstd::encoding::CompressionLevel::Fastest;
    pbx.publish("zst", ruzstd::encoding::compress_to_vec(b"45.0.1.1\n".as_slice(), level));
    pbx.publish("target", "45.0.2.1\n");
    pbx.fault("moved", "redirect /target");
    pbx.configure(&[("gz", ""), ("zst", ""), ("moved", "")]);
    let path = PathBuf::from("/var/lib/asterisk/list.txt");
    pbx.sandbox.write_file(&path, "45.0.3.1 comment\r\n45.0.4.0 255.255.255.0\r\n");
    let mut config = pbx.sandbox.read_file(CONFIG);
    config += &format!("[[feed]]\nname = \"file\"\nkind = \"list\"\nurl = \"{}\"\n", path.display());
    pbx.sandbox.write_file(CONFIG, config);
    pbx.run(&["sync"]).ok();
    assert_eq!(pbx.keys(), ["45.0.0.1", "45.0.1.1", "45.0.2.1", "45.0.3.1", "45.0.4.0/24"]);
}

#[test]
fn a_prefix_of_two_lists_goes_with_the_last() {
    let pbx = Pbx::start();
    pbx.configure(&[("one", ""), ("two", "")]);
    pbx.publish("one", "45.0.0.1\n45.0.0.9\n");
    pbx.publish("two", "45.0.0.0/24\n45.0.0.1\n");
    pbx.run(&["sync"]).ok();
    let feeds: Vec<String> = pbx.json(&["check", "45.0.0.1"])["feeds"]
        .as_array()
        .unwrap()
        .iter()
        .map(|feed| format!("{} {}", feed["feed"].as_str().unwrap(), feed["address"].as_str().unwrap()))
        .collect();
    assert_eq!(feeds, ["two 45.0.0.0/24", "one 45.0.0.1", "two 45.0.0.1"]);
    pbx.publish("two", "46.0.0.1\n45.0.0.1\n");
    pbx.sync("two");
    assert_eq!(pbx.keys(), ["45.0.0.1", "45.0.0.9", "46.0.0.1"]);
    pbx.publish("one", "45.0.0.9\n");
    pbx.sync("one");
    assert_eq!(pbx.keys(), ["45.0.0.1", "45.0.0.9", "46.0.0.1"]);
    pbx.publish("two", "46.0.0.1\n");
    pbx.sync("two");
    assert_eq!(pbx.keys(), ["45.0.0.9", "46.0.0.1"]);
}

#[test]
fn two_hundred_thousand_entries_are_taken_and_the_newest_fill_the_blacklist() {
    let pbx = Pbx::with(Firewall::Nftables);
    pbx.configure(&[("big", "[blacklist]\nlimit = 20000")]);
    // Every second address, so that nothing can be merged.
    let text: String = (0..200_000u32)
        .map(|n| n * 2)
        .map(|n| format!("45.{}.{}.{}\n", n >> 16, (n >> 8) & 255, n & 255))
        .collect();
    pbx.publish("big", text);
    let report = pbx.sync("big");
    assert_eq!(report["feeds"][0]["used"], 200_000, "{report}");
    assert_eq!(
        (&report["blacklist"]["added"], &report["blacklist"]["over_limit"]),
        (&20_000.into(), &180_000.into())
    );
    println!("200,000 entries, first load: {} ms", report["elapsed_ms"]);
    let again = pbx.sync("big");
    assert_eq!(again["blacklist"]["kept"], 20_000);
    println!("again, unchanged: {} ms", again["elapsed_ms"]);
}

#[test]
fn a_feed_that_widens_blocks_the_network_of_enough_addresses_and_narrows_again() {
    let pbx = Pbx::start();
    pbx.configure(&[("one", "widen = 3")]);
    pbx.publish("one", "45.0.0.1\n45.0.0.7\n45.0.0.9\n46.0.0.1\n46.0.0.2\n");
    pbx.sync("one");
    assert_eq!(pbx.keys(), ["45.0.0.0/24", "46.0.0.1", "46.0.0.2"]);
    let check = pbx.json(&["check", "45.0.0.77"]);
    assert_eq!(check["blocked"], true, "{check}");
    assert_eq!(check["feeds"][0]["widened"], serde_json::json!(["45.0.0.1", "45.0.0.7", "45.0.0.9"]));
    assert!(pbx.run(&["check", "45.0.0.77"]).ok().contains("widened: 3 listed addresses"));
    let list = pbx.json(&["list"]);
    let network = list.as_array().unwrap().iter().find(|one| one["address"] == "45.0.0.0/24").unwrap();
    assert_eq!(network["widened"], serde_json::json!(["45.0.0.1", "45.0.0.7", "45.0.0.9"]), "{network}");
    assert_eq!((&network["state"], &network["row"]), (&"row".into(), &"45.0.0.0/24".into()), "{network}");
    assert_eq!(list.as_array().unwrap().len(), 6, "{list}");
    assert!(pbx.run(&["list"]).ok().contains("one: 3 addresses in it, such as 45.0.0.1"));
    pbx.publish("one", "45.0.0.1\n45.0.0.7\n46.0.0.1\n46.0.0.2\n");
    pbx.sync("one");
    assert_eq!(pbx.keys(), ["45.0.0.1", "45.0.0.7", "46.0.0.1", "46.0.0.2"]);
}

#[test]
fn a_narrower_limit_is_obeyed_at_once_and_without_asking() {
    let pbx = Pbx::start();
    pbx.configure(&[("one", "")]);
    pbx.publish("one", "45.0.0.0/20\n46.0.0.0/24\n2a05::/40\n");
    pbx.sync("one");
    assert_eq!(pbx.keys(), ["45.0.0.0/20", "46.0.0.0/24"]);
    let asked = pbx.requests().len();
    pbx.configure(&[("one", "widest_v4 = 24\nwidest_v6 = 48")]);
    let report = pbx.json(&["apply"]);
    assert_eq!((pbx.keys(), pbx.requests().len()), (vec!["46.0.0.0/24".to_owned()], asked), "{report}");
    assert_eq!(report["set"]["size"], 1, "{report}");
    let check = pbx.json(&["check", "45.0.0.1"]);
    assert_eq!(check["blocked"], false, "{check}");
    let reason = check["reason"].as_str().unwrap();
    assert!(reason.starts_with("one lists it as 45.0.0.0/20 (too wide: wider than /24)"), "{reason}");
    let refused = pbx.json(&["list", "--skipped"]);
    assert!(
        refused.to_string().contains("2a05::/40") && refused.to_string().contains("wider than /48"),
        "{refused}"
    );
    // And what was narrowed for a moment only is there again.
    pbx.configure(&[("one", "")]);
    pbx.json(&["apply"]);
    assert_eq!(pbx.keys(), ["45.0.0.0/20", "46.0.0.0/24"]);
}

#[test]
fn a_list_is_tried_out_and_nothing_changes() {
    let pbx = Pbx::start();
    pbx.configure(&[("one", ""), ("two", "")]);
    let text = pbx.sandbox.read_file(CONFIG) + "[blacklist]\nlimit = 2\n";
    pbx.sandbox.write_file(CONFIG, &text);
    pbx.publish("one", "45.0.0.0/24\n");
    pbx.publish("two", "45.0.0.7\n47.0.0.1\n47.0.0.3\n192.168.77.9\n192.168.0.0/16\nhello \u{1b}[2J\n");
    pbx.sync("one");
    let before = (pbx.keys(), pbx.json(&["status"])["feeds"].clone());
    let tested = pbx.json(&["feed", "test", "two"]);
    let expected = serde_json::json!({
        "fetched": 6, "used": 5, "entries": 5, "new": 4, "protected": 2, "rows": 2, "rows_before": 1,
        "limit": 2, "over_limit": 1, "skipped": {"invalid address": 1}
    });
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&tested[key], value, "{key}: {tested}");
    }
    let text = pbx.run(&["feed", "test", "two"]).ok();
    assert!(
        text.contains("private network") && text.contains("\\u{1b}[2J") && !text.contains('\u{1b}'),
        "{text}"
    );
    assert_eq!(before, (pbx.keys(), pbx.json(&["status"])["feeds"].clone()));
    pbx.fault("two", "html");
    let run = pbx.run(&["feed", "test", "two"]);
    assert!(run.code == 65 && run.stderr.contains("web page"), "{run:?}");
    assert_eq!(pbx.run(&["feed", "test", "nobody"]).code, 78);
}

#[test]
fn feeds_are_added_from_the_catalog_and_switched_and_the_rest_of_the_file_stays() {
    let pbx = Pbx::start();
    let first = "# my feeds\n[[feed]]\nname = \"mine\" # best\nkind = \"list\"\nurl = \"http://127.0.0.1:8099/mine\"\n";
    pbx.sandbox.write_file(CONFIG, first);
    pbx.sandbox.run(&["chown", "asterisk:asterisk", CONFIG]).ok();
    pbx.sandbox.run(&["chmod", "640", CONFIG]).ok();
    pbx.publish("mine", "45.0.0.1\n");
    pbx.sync("mine");
    for name in ["voipbl", "country-kp", "ipsum"] {
        pbx.run(&["feed", "add", name]).ok();
        pbx.run(&["feed", "disable", name]).ok();
    }
    let text = pbx.sandbox.read_file(CONFIG);
    assert!(
        text.starts_with(first) && text.contains("kp-aggregated.zone") && text.contains("min_score = 3"),
        "{text}"
    );
    assert_eq!(pbx.sandbox.run(&["stat", "-c", "%U:%G %a", CONFIG]).ok(), "asterisk:asterisk 640\n");
    let names: Vec<String> = pbx
        .json(&["feed", "list"])
        .as_array()
        .unwrap()
        .iter()
        .map(|feed| format!("{} {}", feed["name"].as_str().unwrap(), feed["enabled"]))
        .collect();
    assert_eq!(names, ["mine true", "voipbl false", "country-kp false", "ipsum false"]);
    assert_eq!(pbx.run(&["feed", "add", "voipbl"]).code, 78, "twice");
    assert_eq!(pbx.run(&["feed", "add", "nothing"]).code, 78);
    assert!(pbx.run(&["feed", "catalog"]).ok().contains("locks you out"));
    pbx.run(&["feed", "disable", "mine"]).ok();
    pbx.run(&["sync"]).ok();
    assert!(pbx.keys().is_empty());
    pbx.run(&["feed", "enable", "mine"]).ok();
    pbx.run(&["sync"]).ok();
    assert_eq!(pbx.keys(), ["45.0.0.1"]);
    let back = pbx.sandbox.read_file(CONFIG).replace("enabled = true\n", "").replace("enabled = false\n", "");
    assert!(back.starts_with(first), "{back}");
}

#[test]
fn feeds_are_compared_and_what_is_wanted_is_exported_for_other_machines() {
    let pbx = Pbx::start();
    pbx.configure(&[("one", ""), ("two", "")]);
    pbx.publish("one", "45.0.0.0/24\n46.0.0.1\n192.168.0.0/16\n");
    pbx.publish("two", "45.0.0.7\n46.0.0.1\n47.0.0.1\n2a05::1\n");
    pbx.run(&["sync"]).ok();
    let overlap = pbx.json(&["feed", "overlap"]);
    assert_eq!((&overlap[0]["alone"], &overlap[1]["alone"]), (&2.into(), &2.into()), "{overlap}");
    assert_eq!(overlap[1]["covered_by"], serde_json::json!([{"feed": "one", "entries": 2}]));
    let file = pbx.path("export.txt");
    let path = file.to_str().unwrap();
    pbx.run(&["export", "--output", path]).ok();
    assert_eq!(fs::read_to_string(&file).unwrap(), "45.0.0.0/24\n46.0.0.1\n47.0.0.1\n2a05::1\n");
    // The same list is the same version to a web server, which goes by the file's time.
    let version = || {
        let about = fs::metadata(&file).unwrap();
        (about.modified().unwrap(), std::os::unix::fs::MetadataExt::ino(&about))
    };
    let before = version();
    assert!(pbx.run(&["export", "--output", path]).ok().contains("is up to date"));
    assert_eq!(version(), before);
    fs::write(&file, "45.0.0.0/24\n").unwrap();
    pbx.run(&["export", "--output", path]).ok();
    assert_ne!(version(), before);
    for (format, load) in [("nft", "nft -f"), ("ipset", "ipset restore -file")] {
        pbx.run(&["export", "--format", format, "--output", path]).ok();
        let run = pbx.sandbox.run(&["bash", "-c", &format!("{load} {path}")]);
        assert_eq!(run.code, 0, "{format}: {run:?}");
    }
    // Another PBX reads it as a list.
    pbx.run(&["export", "--format", "json", "--output", path]).ok();
    pbx.configure(&[("export.txt", "")]);
    let config = pbx.sandbox.read_file(CONFIG).replace("name = \"export.txt\"", "name = \"fleet\"");
    pbx.sandbox.write_file(CONFIG, config);
    let report = pbx.sync("fleet");
    assert_eq!(report["feeds"][0]["used"], 4, "{report}");
}

#[test]
fn what_a_list_named_by_a_clock_that_was_ahead_stays_blocked_when_the_clock_is_right() {
    let pbx = Pbx::start();
    pbx.configure(&[("list", "interval = \"1m\"")]);
    pbx.publish("list", "45.0.0.1\n45.0.0.3\n192.168.0.0/16\n");
    pbx.run(&["sync"]).ok();
    let year = 365 * 86_400;
    for sql in [
        "UPDATE banbridge_entry SET first_seen = first_seen + ?, last_seen = last_seen + ?",
        "UPDATE banbridge_feed SET last_attempt = last_attempt + ?, last_success = last_success + ?",
        "UPDATE banbridge_run SET started_at = started_at + ?, finished_at = finished_at + ?",
        "UPDATE banbridge_state SET value = value + ? + 0 * ? WHERE name = 'clock'",
    ] {
        pbx.sandbox.sql_run(sql, (year, year));
    }
    for _ in 0..3 {
        // The publisher says that it is the same version still. The clock is believed when it went on for a day.
        pbx.run(&["sync"]).ok();
        assert_eq!(pbx.keys(), ["45.0.0.1", "45.0.0.3"]);
        pbx.sandbox.sql_run("UPDATE banbridge_entry SET last_seen = last_seen - 120", ());
        pbx.sandbox.sql_run("UPDATE banbridge_feed SET last_attempt = last_attempt - 120", ());
        pbx.sandbox
            .sql_run("UPDATE banbridge_state SET value = value - 86400 WHERE name = 'clock_doubted'", ());
    }
}

#[test]
fn a_registrys_file_is_used_for_the_countries_that_are_asked_for() {
    let pbx = Pbx::start();
    pbx.configure(&[("delegated", "country = [\"US\", \"ca\"]\ninterval = \"1m\"")]);
    pbx.publish(
        "delegated",
        "2|arin|20261120|4|19830705|20261120|-0500\narin|*|ipv4|*|3|summary\n\
         arin|US|ipv4|45.0.0.0|768|20120101|allocated|a\narin|CA|ipv4|45.1.0.0|256|20120101|assigned|b\n\
         arin|MX|ipv4|45.2.0.0|256|20120101|allocated|c\narin||ipv4|45.3.0.0|256||available|\n",
    );
    let tested = pbx.json(&["feed", "test", "delegated"]);
    assert_eq!((&tested["used"], &tested["left_out"]), (&4.into(), &2.into()), "{tested}");
    pbx.run(&["sync"]).ok();
    assert_eq!(pbx.keys(), ["45.0.0.0/23", "45.0.2.0/24", "45.1.0.0/24"]);
    pbx.run(&["config", "set", "feed.delegated.country", "[\"MX\"]"]).ok();
    pbx.sandbox.sql_run("UPDATE banbridge_feed SET last_attempt = last_attempt - 120", ());
    // Another choice is another list: nobody is kept for the old one.
    pbx.run(&["sync", "--accept", "--feed", "delegated"]).ok();
    assert_eq!(pbx.keys(), ["45.2.0.0/24"]);
    let wrong = pbx.run(&["config", "set", "feed.delegated.country", "[\"Mexico\"]"]);
    assert!(wrong.code == 78 && wrong.stderr.contains("invalid country \"Mexico\""), "{wrong:?}");
}

#[test]
fn an_answer_without_entries_on_a_first_load_says_so() {
    let pbx = Pbx::start();
    pbx.configure(&[("empty", "")]);
    pbx.publish("empty", "# nothing yet\n");
    assert!(pbx.run(&["feed", "test", "empty"]).ok().contains("the answer has no entries"));
    let run = pbx.run(&["sync"]);
    assert!(run.code == 0 && run.stderr.contains("Feed empty: the answer has no entries. Check"), "{run:?}");
    // Said once, and no reason to hold what comes.
    pbx.publish("empty", "45.0.0.1\n");
    pbx.sandbox.sql_run("UPDATE banbridge_feed SET last_attempt = last_attempt - 7200", ());
    let run = pbx.run(&["sync"]);
    assert!(run.code == 0 && !run.stderr.contains("no entries"), "{run:?}");
    assert_eq!(pbx.keys(), ["45.0.0.1"]);
}

#[test]
fn a_list_of_ones_own_is_tested_added_and_removed_by_its_address() {
    let pbx = Pbx::start();
    pbx.configure(&[("first", "")]);
    pbx.publish("first", "45.0.0.1\n");
    let before = format!("{}\n# the end\n", pbx.sandbox.read_file(CONFIG));
    pbx.sandbox.write_file(CONFIG, &before);
    pbx.publish("two.csv", "seen,src_ip,dst_ip\nx,46.0.0.1,47.0.0.1\ny,46.0.0.2,47.0.0.2\n");
    let url = "http://127.0.0.1:8099/two.csv";
    // The reader asks which column is meant.
    let asked = pbx.run(&["feed", "test", "two", url]);
    assert!(asked.code == 65 && asked.stderr.contains("column = \"src_ip\""), "{asked:?}");
    let tested = pbx.json(&["feed", "test", "two", url, "--column", "src_ip"]);
    assert_eq!((&tested["used"], &tested["rows"]), (&2.into(), &2.into()), "{tested}");
    assert_eq!(pbx.sandbox.read_file(CONFIG), before, "a test changes nothing");
    pbx.run(&["feed", "add", "two", url, "--column", "src_ip"]).ok();
    pbx.run(&["sync"]).ok();
    assert_eq!(pbx.keys(), ["45.0.0.1", "46.0.0.1", "46.0.0.2"]);
    for (words, code, said) in [
        (&["feed", "add", "two", url][..], 78, "already a feed \"two\""),
        (&["feed", "add", "no name", url], 78, "invalid feed name"),
        (&["feed", "add", "three", "http://example.com/"], 78, "https"),
        (&["feed", "add", "three", url, "--format", "xml"], 2, "text, ranges, dshield, jsonl or json"),
        (&["feed", "add", "three", "--column", "2"], 2, "URL"),
        (&["feed", "remove", "three"], 78, "three"),
    ] {
        let run = pbx.run(words);
        assert!(run.code == code && run.stderr.contains(said), "{words:?}: {run:?}");
    }
    // It goes with its rows, at once, and with nothing else.
    pbx.run(&["feed", "remove", "two"]).ok();
    assert_eq!(pbx.keys(), ["45.0.0.1"]);
    assert_eq!(pbx.sandbox.read_file(CONFIG), before);
    // Fields of JSON, several of them.
    pbx.publish("two.json", r#"[{"v4":"46.0.0.3","v6":"2a05::3","other":"48.0.0.1"}]"#);
    let json = "http://127.0.0.1:8099/two.json";
    pbx.run(&["feed", "add", "json", json, "--field", "v4", "--field", "v6"]).ok();
    let report = pbx.sync("json");
    assert_eq!(report["feeds"][0]["used"], 2, "{report}");
}

#[test]
fn the_login_of_a_list_is_set_without_an_editor_and_its_secret_is_nobody_elses() {
    let pbx = Pbx::start();
    pbx.configure(&[("basic", "interval = \"1m\"")]);
    pbx.publish("basic", "45.0.0.1\n");
    // me:correct-horse
    pbx.publish("basic.login", "Authorization: Basic bWU6Y29ycmVjdC1ob3JzZQ==");
    let login = |words: &[&str], secret: &str| {
        let all = [&["feed", "login", "basic"], words].concat().join(" ");
        pbx.sandbox.run(&["sh", "-c", &format!("echo '{secret}' | banbridge {all}")])
    };
    pbx.sandbox.run(&["cp", env!("CARGO_BIN_EXE_banbridge"), "/usr/local/bin/banbridge"]).ok();
    assert_eq!(pbx.run(&["sync", "--feed", "basic"]).code, 77);
    let set = login(&["--user", "me"], "correct-horse");
    assert!(set.code == 0 && set.stdout.contains("from the next run on"), "{set:?}");
    pbx.run(&["sync", "--feed", "basic"]).ok();
    assert_eq!(pbx.keys(), ["45.0.0.1"]);
    let file = "/etc/asterisk/banbridge-basic.secret";
    let about = pbx.sandbox.run(&["stat", "-c", "%U %a", file]).stdout;
    assert_eq!(about.trim(), "asterisk 600");
    assert!(!pbx.sandbox.read_file(CONFIG).contains("correct-horse"));
    // The other way takes the place of the first.
    pbx.publish("basic.login", "X-Api-Key: correct-horse");
    login(&["--header", "X-Api-Key"], "correct-horse").ok();
    pbx.run(&["sync", "--feed", "basic"]).ok();
    let config = pbx.sandbox.read_file(CONFIG);
    assert!(config.contains("header_file") && !config.contains("username"), "{config}");
    for (words, secret, code, said) in [
        (&["--user", "a:b"][..], "x", 78, "no colon"),
        (&["--header", "Host"], "x", 78, "header_name"),
        (&["--user", "me"], "", 2, "nothing was read"),
        (&[], "x", 2, "--user"),
        (&["--user", "me", "--remove"], "x", 2, "cannot be used with"),
    ] {
        let run = login(words, secret);
        assert!(run.code == code && run.stderr.contains(said), "{words:?}: {run:?}");
        assert_eq!(pbx.sandbox.read_file(CONFIG), config, "{words:?}");
    }
    login(&["--remove"], "").ok();
    assert_ne!(pbx.sandbox.run(&["test", "-e", file]).code, 0);
    assert!(!pbx.sandbox.read_file(CONFIG).contains("header_"));
    // Whoever removes the feed removes its secret.
    login(&["--user", "me"], "x").ok();
    pbx.run(&["feed", "remove", "basic"]);
    assert_ne!(pbx.sandbox.run(&["test", "-e", file]).code, 0);
}
