//! Feeds of kind `crowdsec`, end to end: the program in a sandboxed PBX, and Debian's real CrowdSec beside it with its
//! local API alone. What no real one answers comes from a web server in its place.

use std::fs;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;

use crate::sandbox::{Attacker, Backend, Firewall, Probe, Run, Sandbox, until};
use crate::testenv;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde_json::Value;

const CONFIG: &str = "/etc/asterisk/banbridge.toml";
/// Where CrowdSec has its files, in the sandbox.
const HOME: &str = "/var/lib/sandbox/crowdsec";
const KEY: &str = "bouncer-key-1";

/// A PBX.
struct Pbx {
    sandbox: Sandbox,
    lapi: Option<Child>,
}

impl Pbx {
    fn new() -> Self {
        let sandbox = Sandbox::builder(Firewall::Iptables(Backend::Nft)).period(3600).start();
        Self { sandbox, lapi: None }
    }

    /// One with CrowdSec beside it, which knows a bouncer.
    fn with_crowdsec() -> Self {
        let mut pbx = Self::new();
        pbx.configure(&format!("key = \"{KEY}\""));
        pbx.sandbox.run(&["mkdir", "-p", HOME]).ok();
        let file = |name: &str, text: &str| pbx.sandbox.write_file(Path::new(HOME).join(name), text);
        // Nothing that reaches out, reads logs or listens elsewhere.
        file(
            "config.yaml",
            &format!(
                "common: {{daemonize: false, log_media: stdout, log_level: info, working_dir: {HOME}}}\n\
                 config_paths: {{config_dir: {HOME}, data_dir: {HOME}/data, simulation_path: {HOME}/simulation.yaml, \
                 hub_dir: {HOME}/hub, index_path: {HOME}/hub/.index.json}}\n\
                 cscli: {{output: human}}\n\
                 db_config: {{type: sqlite, db_path: {HOME}/data/crowdsec.db, use_wal: false}}\n\
                 api:\n  client: {{credentials_path: {HOME}/client.yaml}}\n  \
                 server: {{listen_uri: \"127.0.0.1:8080\", profiles_path: {HOME}/profiles.yaml}}\n\
                 prometheus: {{enabled: false}}\n"
            ),
        );
        file("simulation.yaml", "");
        file("profiles.yaml", "name: none\nfilters: [\"false\"]\ndecisions: [{type: ban, duration: 4h}]\n");
        pbx.fresh_database();
        pbx.start_crowdsec();
        pbx
    }

    /// A database with nothing in it but the machine and the bouncer.
    fn fresh_database(&self) {
        self.sandbox.run(&["bash", "-c", &format!("rm -rf {HOME}/data; mkdir {HOME}/data")]).ok();
        let credentials = format!("{HOME}/client.yaml");
        self.cscli(&["machines", "add", "pbx", "--force", "--password", "secret", "-f", &credentials]);
        self.cscli(&["bouncers", "add", "banbridge", "-k", KEY]);
    }

    fn start_crowdsec(&mut self) {
        let out = fs::OpenOptions::new().create(true).append(true).open(self.log_path()).unwrap();
        let config = format!("{HOME}/config.yaml");
        let mut command = self.sandbox.command(&program("crowdsec"));
        command.args(["-c", &config, "-no-cs"]).stdout(out.try_clone().unwrap()).stderr(out);
        self.lapi = Some(command.spawn().unwrap());
        until("CrowdSec", || self.sandbox.run(&["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080"]).code == 0);
    }

    fn stop_crowdsec(&mut self) {
        let mut child = self.lapi.take().unwrap();
        let pid = self.sandbox.pid_of(&child);
        rustix::process::kill_process(
            rustix::process::Pid::from_raw(pid.cast_signed()).unwrap(),
            rustix::process::Signal::KILL,
        )
        .unwrap();
        child.wait().unwrap();
    }

    fn log_path(&self) -> PathBuf {
        self.sandbox.dir().join("crowdsec.log")
    }

    /// What the API was asked for, in order: `true` for everything, `false` for what changed.
    fn startups(&self) -> Vec<String> {
        let log = fs::read_to_string(self.log_path()).unwrap();
        let asked = log.lines().filter_map(|line| line.split_once("/v1/decisions/stream?startup="));
        asked.map(|(_, rest)| rest.split('&').next().unwrap_or_default().to_owned()).collect()
    }

    #[track_caller]
    fn cscli(&self, words: &[&str]) -> String {
        let program = program("cscli");
        let config = format!("{HOME}/config.yaml");
        let all: Vec<&str> = [program.as_str(), "-c", &config].iter().chain(words).copied().collect();
        self.sandbox.run(&all).ok()
    }

    #[track_caller]
    fn ban(&self, what: &str, duration: &str) {
        let how = if what.contains('/') { "--range" } else { "--ip" };
        self.cscli(&["decisions", "add", how, what, "--duration", duration]);
    }

    /// Bans of another origin, for nine hours.
    #[track_caller]
    fn import<S: AsRef<str>>(&self, addresses: &[S]) {
        let line = |address: &S| format!("9h,{},import,ban\n", address.as_ref());
        let lines: String = addresses.iter().map(line).collect();
        let path = format!("{HOME}/values.csv");
        self.sandbox.write_file(&path, format!("duration,value,reason,type\n{lines}"));
        self.cscli(&["decisions", "import", "-i", &path]);
    }

    fn configure(&self, lines: &str) {
        let text = format!("[[feed]]\nname = \"cs\"\nkind = \"crowdsec\"\n{lines}\n");
        self.sandbox.write_file(CONFIG, text);
    }

    fn run(&self, words: &[&str]) -> Run {
        self.sandbox.banbridge(words)
    }

    fn json(&self, words: &[&str]) -> Value {
        let run = self.run(&[words, &["--json"]].concat());
        serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"))
    }

    /// A run, with its exit code and what it says of the feed.
    fn sync(&self, words: &[&str]) -> (i32, Value) {
        let run = self.run(&[&["sync", "--json"], words].concat());
        let report: Value =
            serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"));
        assert!(!run.stdout.contains(KEY) && !run.stderr.contains(KEY), "{run:?}");
        (run.code, report["feeds"][0].clone())
    }

    fn keys(&self) -> Vec<String> {
        self.sandbox.blacklist().into_iter().map(|(key, _)| key).collect()
    }

    /// Moves back when everything was read last.
    fn a_day_later(&self) {
        let cursor: Vec<String> = self.sandbox.sql("SELECT cursor_id FROM banbridge_feed", ());
        let words: Vec<&str> = cursor[0].split(' ').collect();
        let at: i64 = words[1].parse().unwrap();
        let earlier = cursor[0].replace(words[1], &(at - 86_400).to_string());
        self.sandbox.sql_run("UPDATE banbridge_feed SET cursor_id = ?", (earlier,));
    }
}

impl Drop for Pbx {
    fn drop(&mut self) {
        if let Some(mut child) = self.lapi.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A program of Debian's package.
fn program(name: &str) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("tools/crowdsec/usr/bin").join(name);
    assert!(path.exists(), "{} is missing: make deps", path.display());
    path.to_str().unwrap().to_owned()
}

#[test]
fn bans_are_blocked_for_their_time_and_go_when_crowdsec_takes_them_back() {
    let pbx = Pbx::with_crowdsec();
    pbx.ban("45.0.0.1", "3h59m12.5s");
    pbx.ban("45.0.2.0/24", "1h");
    pbx.ban("2a05::1", "1h");
    pbx.ban("45.0.0.0/8", "1h");
    pbx.ban("10.1.2.3", "1h");
    pbx.cscli(&["decisions", "add", "--ip", "45.0.0.9", "--type", "captcha"]);
    pbx.cscli(&["decisions", "add", "--scope", "Country", "--value", "CN"]);
    let (code, feed) = pbx.sync(&[]);
    assert_eq!((code, &feed["complete"], &feed["error"]), (0, &Value::Bool(true), &Value::Null), "{feed}");
    // The country's is not asked for at all.
    assert_eq!(feed["note"], "decisions not used: 1 not a ban", "{feed}");
    assert_eq!((&feed["fetched"], &feed["used"]), (&5.into(), &3.into()), "{feed}");
    let reasons = feed["skipped"].to_string();
    assert!(reasons.contains("wider than /16") && reasons.contains("10.1.2.3"), "{reasons}");
    assert_eq!(pbx.keys(), ["45.0.0.1", "45.0.2.0/24"]);
    let entries = pbx.json(&["list"]);
    let of = |prefix: &str| {
        let found = entries.as_array().unwrap().iter().find(|one| one["address"] == prefix);
        let time = |name: &str| found.unwrap()[name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        (time("expires_at") - time("first_seen")).total(jiff::Unit::Minute).unwrap()
    };
    assert!((230.0..=240.0).contains(&of("45.0.0.1")), "{entries}");
    assert!((50.0..=60.0).contains(&of("45.0.2.0/24")), "{entries}");
    assert!(pbx.run(&["list", "--skipped"]).ok().contains("45.0.0.0/8"));

    // What changed, and no more, is asked for from now on.
    pbx.ban("45.0.3.3", "1h");
    pbx.cscli(&["decisions", "delete", "--ip", "45.0.0.1"]);
    let (code, feed) = pbx.sync(&[]);
    assert_eq!((code, &feed["fetched"], &feed["used"]), (0, &1.into(), &1.into()), "{feed}");
    assert_eq!(pbx.keys(), ["45.0.2.0/24", "45.0.3.3"]);
    let (code, feed) = pbx.sync(&[]);
    assert_eq!((code, &feed["fetched"], &feed["complete"]), (0, &0.into(), &Value::Bool(true)));
    assert_eq!(pbx.startups(), ["true", "false", "false"]);
    assert_eq!(pbx.keys(), ["45.0.2.0/24", "45.0.3.3"]);
    // And it is blocked, not only listed.
    assert_eq!(pbx.sandbox.probe(Attacker("45.0.3.3")), Probe::Refused);
    assert_eq!(pbx.sandbox.probe(Attacker("45.0.0.1")), Probe::Answered);
    assert!(pbx.run(&["check", "45.0.2.7"]).ok().contains("listed by cs as 45.0.2.0/24"));
}

#[test]
fn everything_is_read_again_after_a_gap_a_new_key_a_restart_a_lost_ledger_and_once_a_day() {
    let mut pbx = Pbx::with_crowdsec();
    pbx.ban("45.0.0.1", "4h");
    pbx.sync(&[]);
    // An answer that never arrived may have been counted as given.
    pbx.stop_crowdsec();
    let (code, feed) = pbx.sync(&[]);
    assert_eq!(code, 69, "{feed}");
    assert!(feed["error"].as_str().unwrap().contains("127.0.0.1:8080"), "{feed}");
    assert_eq!(pbx.keys(), ["45.0.0.1"], "what is known stays");
    pbx.start_crowdsec();
    pbx.sync(&[]);
    assert_eq!(pbx.startups(), ["true", "true"]);
    // So may one that a dry run had.
    pbx.ban("45.0.0.3", "4h");
    pbx.sync(&["--dry-run"]);
    assert_eq!(pbx.keys(), ["45.0.0.1"]);
    pbx.sync(&[]);
    assert_eq!(pbx.startups()[2..], ["true", "true"]);
    assert_eq!(pbx.keys(), ["45.0.0.1", "45.0.0.3"]);
    // Another key is another memory.
    pbx.cscli(&["bouncers", "add", "second", "-k", "bouncer-key-2"]);
    pbx.configure("key = \"bouncer-key-2\"");
    pbx.sync(&[]);
    pbx.sync(&[]);
    assert_eq!(pbx.startups()[4..], ["true", "false"]);
    // The machine was started again.
    pbx.sandbox.sql_run("UPDATE banbridge_feed SET cursor_id = CONCAT(cursor_id, '0')", ());
    pbx.sync(&[]);
    pbx.sync(&[]);
    assert_eq!(pbx.startups()[6..], ["true", "false"]);
    // Asked last more than an hour ago.
    pbx.sandbox.sql_run("UPDATE banbridge_feed SET last_success = last_success - 3700", ());
    pbx.sync(&[]);
    assert_eq!(pbx.startups()[8..], ["true"]);
    // Somebody else uses the key: what he was told, we are not. It is put right within a day.
    pbx.ban("45.0.0.5", "4h");
    pbx.cscli(&["decisions", "delete", "--ip", "45.0.0.1"]);
    let theft = "printf 'GET /v1/decisions/stream?startup=false HTTP/1.0\\r\\nX-Api-Key: bouncer-key-2\\r\\n\\r\\n' >&3; cat <&3";
    // A deletion is told again for two seconds.
    let stolen =
        pbx.sandbox.run(&["bash", "-c", &format!("sleep 3; exec 3<>/dev/tcp/127.0.0.1/8080; {theft}")]).ok();
    assert!(stolen.contains("45.0.0.5"), "{stolen}");
    pbx.sandbox.run(&["sleep", "3"]).ok();
    pbx.sync(&[]);
    assert_eq!(pbx.keys(), ["45.0.0.1", "45.0.0.3"], "else this test tests nothing");
    pbx.a_day_later();
    pbx.sync(&[]);
    assert_eq!(pbx.keys(), ["45.0.0.3", "45.0.0.5"]);
    // All that we knew is gone; CrowdSec says all of it again.
    let tables: Vec<String> = pbx.sandbox.sql("SHOW TABLES LIKE 'banbridge%'", ());
    for table in tables {
        pbx.sandbox.sql_run(&format!("DROP TABLE {table}"), ());
    }
    pbx.sync(&[]);
    assert_eq!(pbx.startups().last().unwrap(), "true");
    assert_eq!(pbx.keys(), ["45.0.0.3", "45.0.0.5"]);
}

#[test]
fn with_origins_a_longer_ban_of_another_origin_hides_none_and_a_shorter_one_that_goes_takes_none_along() {
    let pbx = Pbx::with_crowdsec();
    pbx.configure(&format!("key = \"{KEY}\"\norigins = [\"cscli\"]"));
    pbx.import(&["45.0.0.1", "45.0.0.5"]);
    pbx.ban("45.0.0.1", "1h");
    let (code, _) = pbx.sync(&[]);
    assert_eq!((code, pbx.keys()), (0, vec!["45.0.0.1".to_owned()]));
    pbx.ban("45.0.0.1", "2h");
    pbx.ban("45.0.0.1", "3h");
    pbx.sync(&[]);
    let list = pbx.cscli(&["decisions", "list", "--ip", "45.0.0.1", "-a", "-o", "raw"]);
    let id = |duration: &str| {
        let line =
            list.lines().find(|line| line.contains(&format!(",{duration}")) && line.contains("manual"));
        line.unwrap_or_else(|| panic!("{list}")).split(',').next().unwrap().to_owned()
    };
    pbx.cscli(&["decisions", "delete", "--id", &id("2h")]);
    let (code, feed) = pbx.sync(&[]);
    // What was taken back may not be the last, so everything was asked for once more.
    assert_eq!((code, &feed["requests"]), (0, &2.into()), "{feed}");
    assert_eq!(pbx.keys(), ["45.0.0.1"]);
    for duration in ["3h", "1h"] {
        let list = pbx.cscli(&["decisions", "list", "--ip", "45.0.0.1", "-a", "-o", "raw"]);
        assert!(list.contains("manual"), "{duration}: {list}");
        pbx.cscli(&["decisions", "delete", "--id", &id_of(&list)]);
        pbx.sync(&[]);
    }
    assert_eq!(pbx.keys(), [""; 0], "the last of that origin is gone");
}

/// The first decision of our own origin.
fn id_of(list: &str) -> String {
    let line = list.lines().find(|line| line.contains("manual"));
    line.unwrap_or_else(|| panic!("{list}")).split(',').next().unwrap().to_owned()
}

#[test]
fn a_crowdsec_that_forgot_its_bans_does_not_unblock_them_unless_the_administrator_says_so() {
    let mut pbx = Pbx::with_crowdsec();
    let many: Vec<String> = (1..=20).map(|n| format!("45.0.{n}.9")).collect();
    pbx.import(&many);
    pbx.sync(&[]);
    assert_eq!(pbx.keys().len(), 20);
    pbx.stop_crowdsec();
    pbx.fresh_database();
    pbx.start_crowdsec();
    pbx.sync(&[]);
    assert_eq!(pbx.keys().len(), 20, "nothing new, so nothing changed");
    pbx.a_day_later();
    let (code, feed) = pbx.sync(&[]);
    assert_eq!((code, pbx.keys().len()), (65, 20), "{feed}");
    assert!(feed["error"].as_str().unwrap().contains("had 20 bans and has 0 now"), "{feed}");
    let (code, feed) = pbx.sync(&["--feed", "cs", "--accept"]);
    assert_eq!((code, pbx.keys().len()), (0, 0), "{feed}");
}

#[test]
fn a_key_that_crowdsec_does_not_know_is_refused_with_the_mend() {
    let pbx = Pbx::with_crowdsec();
    pbx.ban("45.0.0.1", "4h");
    pbx.sync(&[]);
    pbx.configure("key = \"another-key-3\"");
    let (code, feed) = pbx.sync(&[]);
    assert_eq!((code, pbx.keys()), (77, vec!["45.0.0.1".to_owned()]), "{feed}");
    let error = feed["error"].as_str().unwrap();
    assert!(error.contains("cscli bouncers add") && !error.contains("another-key-3"), "{error}");
    pbx.configure("");
    let (code, feed) = pbx.sync(&[]);
    assert_eq!((code, pbx.keys().len()), (78, 1), "{feed}");
    pbx.sandbox.write_file("/etc/asterisk/crowdsec.key", format!("{KEY}\n"));
    pbx.configure("key_file = \"/etc/asterisk/crowdsec.key\"");
    assert_eq!(pbx.sync(&[]).0, 0);
    assert!(!pbx.run(&["config", "show"]).ok().contains(KEY));
}

#[test]
fn whatever_answers_in_crowdsecs_place_the_last_good_state_stays() {
    let pbx = Pbx::new();
    let answers = pbx.sandbox.dir().join("answers");
    fs::create_dir(&answers).unwrap();
    let router = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sandbox/list_server/router.php");
    let mut server = pbx.sandbox.command("php");
    server.args(["-S", "127.0.0.1:8099", router]).env("LISTS", &answers);
    let mut server = server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("the server", || pbx.sandbox.run(&["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8099"]).code == 0);
    pbx.configure(&format!("url = \"http://127.0.0.1:8099/api\"\nkey = \"{KEY}\"\n"));
    let good = r#"{"deleted":null,"new":[{"duration":"4h","origin":"CAPI","scope":"Ip","type":"ban","value":"45.0.0.1"}]}"#;
    let answer = |text: &str| fs::write(answers.join("stream"), text).unwrap();
    let fault = |text: &str| fs::write(answers.join("stream.fault"), text).unwrap();
    answer(good);
    assert_eq!(pbx.sync(&[]).0, 0);
    let cut = format!("cut {}", good.len() - 9);
    for (kind, text, code, words) in [
        ("fault", "status 500", 69, "status 500"),
        ("fault", "status 404", 65, "Check the feed's url"),
        ("fault", "status 403", 65, "not from CrowdSec"),
        ("fault", "html", 65, "a web page, not CrowdSec's decisions"),
        ("fault", "redirect https://example.com/", 65, "does not follow"),
        ("fault", &cut, 65, "cut"),
        ("answer", &good[..good.len() - 1], 65, "cut off after decision 1"),
        ("answer", "", 65, "empty"),
        ("answer", r#"{"message":"hello"}"#, 65, "both lists"),
        ("answer", "45.0.0.1\n", 65, "CrowdSec"),
        ("answer", "{\u{1b}[2J", 65, "invalid JSON"),
    ] {
        if kind == "fault" {
            fault(text);
        } else {
            let _ = fs::remove_file(answers.join("stream.fault"));
            answer(text);
        }
        let (found, feed) = pbx.sync(&["--feed", "cs"]);
        let error = feed["error"].as_str().unwrap_or_default();
        assert!(found == code && error.contains(words), "{text}: {found} {feed}");
        assert!(!error.contains('\u{1b}'), "{error}");
        assert_eq!(pbx.keys(), ["45.0.0.1"], "{text}");
    }
    answer(good);
    assert_eq!(pbx.sync(&["--feed", "cs"]).0, 0);
    server.kill().unwrap();
    server.wait().unwrap();
}

/// Hands what comes to 127.0.0.1:8080 in one sandbox to CrowdSec in another: the sandboxes have no network in common.
fn relay(from: &Sandbox, to: &Sandbox) {
    let listener = testenv::inside(from, || TcpListener::bind("127.0.0.1:8080")).unwrap();
    let network = fs::File::open(format!("/proc/{}/ns/net", to.pid())).unwrap();
    // It ends with the test's process; the sandboxes end before.
    thread::spawn(move || {
        move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
        for mut client in listener.incoming().flatten() {
            let Ok(mut server) = TcpStream::connect("127.0.0.1:8080") else { continue };
            let (mut from_client, mut to_client) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || drop(std::io::copy(&mut from_client, &mut server)));
            thread::spawn(move || {
                let _ = std::io::copy(&mut to_client, &mut client);
                let _ = client.shutdown(Shutdown::Both);
            });
        }
    });
}

#[test]
fn what_one_pbx_sees_two_others_refuse() {
    let stranger = "45.9.0.1";
    let attacked = Pbx::with_crowdsec();
    attacked.cscli(&["machines", "add", "one", "--force", "--password", "s3cret-of-one", "-f", "/dev/null"]);
    attacked.sandbox.write_file("/etc/asterisk/banbridge.share", "s3cret-of-one\n");
    let share = |password: &str| {
        format!(
            "key = \"{KEY}\"\n[[feed]]\nname = \"own\"\nkind = \"log\"\n\
             [share]\ncrowdsec = \"http://127.0.0.1:8080\"\nmachine = \"one\"\npassword_file = \"{password}\"\n"
        )
    };
    attacked.configure(&share("/etc/asterisk/banbridge.share"));
    attacked.sync(&[]);
    let others: Vec<Pbx> = ["two", "three"]
        .into_iter()
        .map(|name| {
            let key = format!("key-of-{name}");
            attacked.cscli(&["bouncers", "add", name, "-k", &key]);
            let pbx = Pbx::new();
            relay(&pbx.sandbox, &attacked.sandbox);
            pbx.configure(&format!("key = \"{key}\""));
            let (code, feed) = pbx.sync(&[]);
            assert_eq!(code, 0, "{feed}");
            pbx
        })
        .collect();
    let now = || jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M:%S").to_string();
    let call = |address: &str| {
        format!(
            "[{}] WARNING[1][C-1] Ext. s: \"Rejecting unknown SIP connection from {address}:5080\"\n",
            now()
        )
    };
    let began = std::time::Instant::now();
    attacked
        .sandbox
        .write_file("/var/log/asterisk/full", call(stranger).repeat(9) + &call("10.1.2.3").repeat(9));
    attacked.run(&["apply"]).ok();
    for pbx in &others {
        let (code, feed) = pbx.sync(&[]);
        assert_eq!((code, &feed["fetched"]), (0, &1.into()), "{feed}");
        assert_eq!(pbx.sandbox.probe(Attacker(stranger)), Probe::Refused);
    }
    println!("from the first attempt to the refusal elsewhere: {} ms of runs", began.elapsed().as_millis());
    let alerts = attacked.cscli(&["alerts", "list", "-o", "json"]);
    let alerts: Value = serde_json::from_str(&alerts).unwrap();
    assert_eq!(alerts.as_array().unwrap().len(), 1, "never a private address: {alerts:#}");
    assert_eq!(alerts[0]["source"]["value"], stranger);
    assert_eq!(alerts[0]["events_count"], 9);
    assert_eq!(alerts[0]["decisions"][0]["scenario"], "banbridge/asterisk");
    // Told once, and not again while the decision lasts.
    attacked.sandbox.write_file("/var/log/asterisk/full", call(stranger).repeat(20));
    attacked.sync(&[]);
    let again: Value = serde_json::from_str(&attacked.cscli(&["alerts", "list", "-o", "json"])).unwrap();
    assert_eq!(again.as_array().unwrap().len(), 1);
    // And asked for by name.
    let said = others[0].run(&["check", stranger, "--ask"]).ok();
    assert!(said.contains("asked: cs lists it now (banbridge/asterisk by crowdsec"), "{said}");
    let said = others[0].run(&["check", "45.9.0.99", "--ask"]).stdout;
    assert!(said.contains("asked: cs does not list it now"), "{said}");

    // A wrong password is told, keeps nobody from being protected, and is not tried again at once.
    attacked.sandbox.write_file("/etc/asterisk/banbridge.wrong", "no\n");
    attacked.configure(&share("/etc/asterisk/banbridge.wrong"));
    let log = attacked.sandbox.read_file("/var/log/asterisk/full");
    attacked.sandbox.write_file("/var/log/asterisk/full", log + &call("45.9.0.2").repeat(9));
    let run = attacked.run(&["sync"]);
    let said = format!("{}{}", run.stdout, run.stderr);
    assert!(said.contains("[share] crowdsec") && said.contains("does not let it in (status 401)"), "{said}");
    assert!(!said.contains("s3cret"), "{said}");
    assert!(attacked.run(&["check", "45.9.0.2"]).code == 0);
    let run = attacked.run(&["sync"]);
    assert!(!format!("{}{}", run.stdout, run.stderr).contains("[share]"), "{run:?}");
}

#[test]
fn usage_metrics_are_told_every_quarter_of_an_hour_and_an_older_server_is_left_alone() {
    let pbx = Pbx::new();
    let answers = pbx.sandbox.dir().join("answers");
    fs::create_dir(&answers).unwrap();
    let router = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sandbox/list_server/router.php");
    let mut server = pbx.sandbox.command("php");
    server.args(["-S", "127.0.0.1:8099", router]).env("LISTS", &answers);
    let mut server = server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("the server", || pbx.sandbox.run(&["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8099"]).code == 0);
    pbx.configure(&format!("url = \"http://127.0.0.1:8099/api\"\nkey = \"{KEY}\"\norigins = [\"CAPI\"]\n"));
    let ban = |address: &str| {
        format!(r#"{{"duration":"4h","origin":"CAPI","scope":"Ip","type":"ban","value":"{address}"}}"#)
    };
    let text = format!(r#"{{"deleted":null,"new":[{},{}]}}"#, ban("45.0.0.1"), ban("2a05::1"));
    fs::write(answers.join("stream"), text).unwrap();
    // An older server does not know it: left alone for a day, and nobody is bothered.
    assert_eq!(pbx.sync(&[]).0, 0);
    fs::write(answers.join("usage-metrics"), "").unwrap();
    let posted = || -> Vec<Value> {
        let text = fs::read_to_string(answers.join("usage-metrics.posted")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    assert_eq!(pbx.sync(&[]).0, 0);
    assert_eq!(posted().len(), 0);
    let later = |seconds: i64| {
        pbx.sandbox
            .sql_run("UPDATE banbridge_state SET value = value - ? WHERE name = 'metrics_at'", (seconds,));
    };
    later(86_400);
    assert_eq!(pbx.sandbox.probe(Attacker("45.0.0.1")), Probe::Refused);
    let _ = fs::remove_file(pbx.sandbox.outside("/var/lib/banbridge/set.seen"));
    pbx.run(&["apply"]).ok();
    assert_eq!(pbx.sync(&[]).0, 0);
    let first = &posted()[0]["remediation_components"][0];
    assert_eq!(first["type"], "banbridge");
    let items = first["metrics"][0]["items"].as_array().unwrap();
    let value = |name: &str, of: &str| {
        let is_it = |item: &&Value| item["name"] == name && item["labels"].to_string().contains(of);
        items.iter().find(is_it).unwrap_or_else(|| panic!("{name} {of}: {items:?}"))["value"]
            .as_u64()
            .unwrap()
    };
    assert_eq!((value("active_decisions", "ipv4"), value("active_decisions", "ipv6")), (1, 1));
    assert!(items.iter().all(|item| item["labels"]["origin"] == "CAPI"), "{items:?}");
    assert!(value("dropped", "CAPI") > 0, "{items:?}");
    pbx.sync(&[]);
    assert_eq!(posted().len(), 1, "at most every quarter of an hour");
    later(900);
    pbx.sync(&[]);
    let second = &posted()[1]["remediation_components"][0]["metrics"][0];
    let dropped = second["items"].as_array().unwrap().iter().find(|item| item["name"] == "dropped").unwrap();
    assert_eq!(dropped["value"], 0, "only what is new");
    server.kill().unwrap();
    server.wait().unwrap();
}
