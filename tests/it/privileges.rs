//! What talks to the internet is not root, and whoever took over asterisk makes root neither write nor run anything.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::{Child, Stdio};

use crate::testenv::{self, ATTACKER, CONFIG, LOG, NFT, Run, TestEnv, set, until};

const PROGRAM: &str = env!("CARGO_BIN_EXE_banbridge");

/// All processes below one, as seen from outside.
fn below(pid: u32) -> Vec<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let children: Vec<u32> = text.split_whitespace().map(|pid| pid.parse().unwrap()).collect();
    children.iter().flat_map(|pid| [vec![*pid], below(*pid)].concat()).collect()
}

fn words(pid: u32) -> Vec<String> {
    let text = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    text.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

/// A line of a process's `status`, without its name.
fn status(pid: u32, name: &str) -> Vec<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name}:"))).unwrap();
    line.split_whitespace().map(str::to_owned).collect()
}

/// Its session and its terminal, 0 for none.
fn session_and_terminal(pid: u32) -> (String, String) {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = text.rsplit_once(')').unwrap().1.split_whitespace().collect();
    (fields[3].to_owned(), fields[4].to_owned())
}

/// A command of root's on a terminal.
fn on_a_terminal(env: &TestEnv, words: &str) -> Child {
    let mut command = env.pbx.command("/usr/bin/script");
    command.args(["--quiet", "--return", "--command", words, "/dev/null"]);
    command.env("BANBRIDGE_APIBAN_KEY", testenv::KEY).env("SECRET_OF_ROOT", "yes");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn end(mut child: Child) -> Run {
    drop(child.stdin.take());
    child.wait_with_output().unwrap().into()
}

#[test]
fn what_asks_the_feeds_is_asterisk_and_can_become_nobody_else() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    env.faults(&["stall"]);
    let run = on_a_terminal(&env, &format!("{PROGRAM} sync"));
    until("the request", || env.requests().len() == 1);
    let all = below(run.id());
    let find = |word: &str| {
        let is = |pid: &&u32| {
            words(**pid).first().is_some_and(|first| first == PROGRAM)
                && words(**pid).iter().any(|one| one == word)
        };
        all.iter().find(is).copied().unwrap()
    };
    let (parent, child) = (find("sync"), find("child"));
    assert_eq!(status(parent, "Uid"), ["0"; 4]);
    let owner = fs::metadata(env.pbx.outside("/etc/freepbx.conf")).unwrap();
    assert_eq!(status(child, "Uid"), vec![owner.uid().to_string(); 4]);
    assert_eq!(status(child, "Gid"), vec![owner.gid().to_string(); 4]);
    assert_eq!(status(child, "Groups"), [""; 0]);
    for capabilities in ["CapEff", "CapPrm", "CapInh", "CapAmb"] {
        assert_eq!(status(child, capabilities), ["0000000000000000"], "{capabilities}");
    }
    assert_eq!(status(child, "NoNewPrivs"), ["1"]);
    // Root's own terminal is not its.
    assert_ne!(session_and_terminal(parent).1, "0");
    let (session, terminal) = session_and_terminal(child);
    assert_eq!((session, terminal), (child.to_string(), "0".to_owned()));
    let limits = fs::read_to_string(format!("/proc/{child}/limits")).unwrap();
    for (name, most) in
        [("Max address space", "1073741824"), ("Max cpu time", "300"), ("Max core file size", "0")]
    {
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
        assert_eq!(line[name.len()..].split_whitespace().next(), Some(most), "{line}");
    }
    let variables = fs::read(format!("/proc/{child}/environ")).unwrap();
    let names: BTreeSet<String> = variables
        .split(|byte| *byte == 0)
        .filter(|variable| !variable.is_empty())
        .map(|variable| String::from_utf8_lossy(variable).split('=').next().unwrap().to_owned())
        .collect();
    assert_eq!(names, set(["BANBRIDGE_APIBAN_KEY", "MALLOC_MMAP_THRESHOLD_", "PATH"]));
    // Nobody of its user looks into it: what it holds belongs to root.
    assert_eq!(fs::metadata(format!("/proc/{child}/environ")).unwrap().uid(), 0);
    let inside = status(child, "NSpid").pop().unwrap();
    let look = env.pbx.run_as("asterisk", &["cat", &format!("/proc/{inside}/environ")]);
    assert_ne!(look.code, 0, "{look:?}");

    // It dies with its parent.
    let parent = rustix::process::Pid::from_raw(parent as i32).unwrap();
    rustix::process::kill_process(parent, rustix::process::Signal::KILL).unwrap();
    until("the child to end", || !fs::exists(format!("/proc/{child}")).unwrap());
    end(run);
}

#[test]
fn what_tries_a_list_out_is_confined_too_whoever_runs_it() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    env.write_config("[[feed]]\nname = \"one\"\nkind = \"list\"\nurl = \"http://127.0.0.1:8098/list\"\n");
    env.give_to_asterisk(CONFIG);
    let owner = fs::metadata(env.pbx.outside("/etc/freepbx.conf")).unwrap().uid().to_string();
    for user in ["root", "asterisk"] {
        // A server that takes the question and says nothing.
        let silent = "$s = stream_socket_server('tcp://127.0.0.1:8098'); touch($argv[1]); $c = stream_socket_accept($s, 60); \
                      fread($c, 1); touch($argv[2]); sleep(60);";
        let file = |name: &str| env.pbx.dir().join(format!("{user}-{name}")).display().to_string();
        let mut server = env.pbx.command("php");
        let mut server = server.args(["-r", silent, &file("listens"), &file("asked")]).spawn().unwrap();
        until("the server", || fs::exists(file("listens")).unwrap());
        let mut run = env.pbx.command_as(user, PROGRAM);
        run.args(["feed", "test", "one"]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let run = run.spawn().unwrap();
        until("the question", || fs::exists(file("asked")).unwrap());
        let all = below(run.id());
        let child = *all.iter().find(|pid| words(**pid).iter().any(|word| word == "child")).unwrap();
        assert_eq!(status(child, "Uid"), vec![owner.clone(); 4], "{user}");
        assert_eq!(status(child, "NoNewPrivs"), ["1"], "{user}");
        let limits = fs::read_to_string(format!("/proc/{child}/limits")).unwrap();
        assert!(limits.contains("1073741824"), "{limits}");
        let server_pid = env.pbx.pid_of(&server);
        let server_pid = rustix::process::Pid::from_raw(server_pid.cast_signed()).unwrap();
        rustix::process::kill_process(server_pid, rustix::process::Signal::KILL).unwrap();
        server.wait().unwrap();
        let run = end(run);
        assert!(run.code == 69 && run.stderr.contains("127.0.0.1:8098"), "{user}: {run:?}");
    }
}

#[test]
fn a_child_that_somebody_stops_is_ended_and_holds_nobody_up() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    env.sync(0, &[]);
    env.faults(&["stall"]);
    let asked = env.requests().len();
    let run = env.start(&["-q"]);
    until("the feed to be asked", || env.requests().len() > asked);
    let child = *below(run.id()).iter().find(|pid| words(**pid).iter().any(|word| word == "child")).unwrap();
    // Root's own process is bounded too, whoever started it.
    let limits = fs::read_to_string(format!("/proc/{}/limits", status(child, "PPid")[0])).unwrap();
    assert!(limits.contains("2147483648") && limits.contains(" 900 "), "{limits}");
    let child = rustix::process::Pid::from_raw(child as i32).unwrap();
    rustix::process::kill_process(child, rustix::process::Signal::STOP).unwrap();
    let run: Run = run.wait_with_output().unwrap().into();
    assert_eq!(run.code, 75, "{run:?}");
    assert!(env.pbx.read_file(LOG).contains("asking the feeds was stopped from outside"), "{run:?}");
    until("the child to end", || !fs::exists(format!("/proc/{}", child.as_raw_nonzero())).unwrap());
    assert_eq!(env.run(&["apply"]).code, 0, "the lock is free");
}

#[test]
fn a_child_that_stays_root_asks_nobody() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    // No way to become asterisk: its user is root.
    env.pbx.run(&["chown", "root", "/etc/freepbx.conf"]).ok();
    env.pbx.run(&["sed", "-i", "/^asterisk:/d", "/etc/passwd"]).ok();
    for words in [&["sync"][..], &["child"]] {
        let run = env.run(words);
        assert!(run.code != 0 && run.stderr.contains("belongs to root"), "{run:?}");
    }
    assert_eq!(env.requests().len(), 0);
}

/// fwconsole as whoever owns asterisk's files would have it: it notes who runs it and tries root's terminal.
const HOSTILE: &str = "#!/bin/sh\n(id -u; id -G) >>/var/log/asterisk/who\n\
     if (: >/dev/tty) 2>/dev/null; then echo terminal >>/var/log/asterisk/who; fi\nexit 1\n";

#[test]
fn what_belongs_to_asterisk_is_run_as_asterisk_without_roots_terminal_or_not_at_all() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    let pbx = &env.pbx;
    env.configure("[blacklist]\nwriter = \"fwconsole\"");
    pbx.run(&["rm", "/usr/sbin/fwconsole", "/usr/sbin/asterisk"]).ok();
    pbx.run(&["install", "-d", "-o", "asterisk", "/var/lib/asterisk/bin"]).ok();
    for name in
        ["fwconsole", "asterisk", "nft", "ipset", "iptables-save", "iptables-restore", "iptables", "setsid"]
    {
        let path = format!("/var/lib/asterisk/bin/{name}");
        pbx.write_file(&path, HOSTILE);
        pbx.run(&["chown", "asterisk", &path]).ok();
        pbx.run(&["chmod", "755", &path]).ok();
    }
    for name in ["fwconsole", "asterisk"] {
        pbx.run(&["ln", "-s", &format!("/var/lib/asterisk/bin/{name}"), &format!("/usr/sbin/{name}")]).ok();
    }
    // Root's PATH does not matter.
    let run = on_a_terminal(&env, &format!("env PATH=/var/lib/asterisk/bin:$PATH {PROGRAM} sync"));
    let run = end(run);
    assert_eq!(run.code, 69, "{run:?}");
    let who = pbx.read_file("/var/log/asterisk/who");
    assert!(!who.is_empty() && who.lines().all(|line| line == "5060"), "{who}");
}

/// Everything that root could be made to write, with its check sum.
fn roots_files(env: &TestEnv) -> String {
    let find =
        "find /etc /var/spool /usr/local/sbin -type f -user root 2>/dev/null | sort | xargs -d '\\n' md5sum";
    env.pbx.run(&["sh", "-c", find]).ok()
}

#[test]
fn whoever_owns_the_logs_place_makes_root_write_nowhere_else() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    let pbx = &env.pbx;
    env.sync(0, &[]);
    let before = roots_files(&env);
    let tricks = [
        format!("ln -sf /etc/passwd {LOG}"),
        format!("ln -sf /etc/cron.d/new {LOG}"),
        format!("mkfifo {LOG}"),
        format!("mkdir {LOG}"),
        format!("ln /var/log/asterisk/other {LOG}"),
    ];
    for trick in tricks {
        let prepare = format!("rm -rf {LOG}; echo x >/var/log/asterisk/other; {trick}");
        pbx.run_as("asterisk", &["sh", "-c", &prepare]).ok();
        let run = env.run(&["apply"]);
        assert!(run.code == 0 && run.stderr.contains("cannot write the log"), "{trick}: {run:?}");
        assert_eq!(pbx.read_file("/var/log/asterisk/other"), "x\n", "{trick}");
    }
    // A directory that the database names is no better than one that asterisk made.
    pbx.run_as("asterisk", &["ln", "-s", "/etc/cron.d", "/var/log/asterisk/elsewhere"]).ok();
    pbx.write_file("/etc/banbridge.log", "root's own");
    let before_purge = roots_files(&env);
    for place in ["/etc/cron.d", "/etc", "/var/log/asterisk/elsewhere", "/", "/root", "", "etc", "/nowhere"] {
        pbx.sql_run("UPDATE freepbx_settings SET value = ? WHERE keyword = 'ASTLOGDIR'", (place,));
        let run = env.run(&["apply"]);
        assert!(run.code == 0 && run.stderr.contains("cannot write the log"), "{place}: {run:?}");
    }
    assert_eq!(roots_files(&env), before_purge);
    pbx.sql_run("UPDATE freepbx_settings SET value = '/etc' WHERE keyword = 'ASTLOGDIR'", ());
    let run = env.run(&["purge", "--yes"]);
    assert!(run.code == 0 && run.stderr.contains("cannot remove the log"), "{run:?}");
    pbx.remove_file("/etc/banbridge.log");
    assert_eq!(roots_files(&env), before);
}

#[test]
fn whoever_owns_the_configurations_place_makes_root_read_nothing_of_its_own() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    let pbx = &env.pbx;
    pbx.write_file("/etc/secret", "[[feed]]\nname = \"topsecret\"\n");
    pbx.run(&["chmod", "600", "/etc/secret"]).ok();
    for trick in ["ln -sf /etc/secret", "mkfifo", "mkdir"] {
        pbx.run_as("asterisk", &["sh", "-c", &format!("rm -rf {CONFIG}; {trick} {CONFIG}")]).ok();
        for words in [&["sync"][..], &["status"], &["config", "show"]] {
            let run = env.run(words);
            assert_eq!(run.code, 78, "{trick} {words:?}: {run:?}");
            assert!(!(run.stdout + &run.stderr).contains("topsecret"), "{trick} {words:?}");
        }
    }
    pbx.run(&["rm", "-r", CONFIG]).ok();
    // A key that only root can read is not sent to anybody.
    let url = env.feed.url();
    env.write_config(&format!(
        "[[feed]]\nname = \"apiban\"\nkind = \"apiban\"\nkey_file = \"/etc/secret\"\nurl = \"{url}\"\n"
    ));
    let run = env.run(&["sync"]);
    assert!(run.code != 0 && env.requests().is_empty(), "{run:?}");
    assert!(!(run.stdout + &run.stderr).contains("feed]]"));
}

#[test]
fn a_directory_that_asterisk_made_a_link_leads_root_nowhere() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    let pbx = &env.pbx;
    env.sync(0, &[]);
    pbx.run(&["mkdir", "-p", "/etc/secret/deep"]).ok();
    pbx.write_file("/etc/secret/deep/banbridge.toml", "[[feed]]\nname = \"topsecret\"\n");
    pbx.write_file("/etc/secret/deep/banbridge.log", "topsecret\n");
    pbx.run(&["chmod", "-R", "go=", "/etc/secret"]).ok();
    pbx.run_as("asterisk", &["ln", "-s", "/etc/secret", "/var/log/asterisk/way"]).ok();
    let before = roots_files(&env);
    let way = |name: &str| format!("/var/log/asterisk/way/deep/{name}");
    let (config, output) = (way("banbridge.toml"), way("list"));
    let commands: [&[&str]; 6] = [
        &["status", "--config", &config],
        &["config", "show", "--config", &config],
        &["config", "set", "log.level", "debug", "--config", &config],
        &["export", "--output", &output],
        &["export", "--output", &config],
        &["coverage", "/etc/hosts", "--svg", &output],
    ];
    for words in commands {
        let run = env.run(words);
        assert_ne!(run.code, 0, "{words:?}: {run:?}");
        let said = run.stdout + &run.stderr;
        assert!(said.contains("does not follow the link \"way\""), "{words:?}: {said}");
        assert!(!said.contains("topsecret"), "{words:?}: {said}");
    }
    pbx.sql_run("UPDATE freepbx_settings SET value = ? WHERE keyword = 'ASTLOGDIR'", (way(""),));
    assert!(!env.run(&["log"]).stdout.contains("topsecret"));
    assert!(env.run(&["apply"]).stderr.contains("cannot write the log"));
    assert!(env.run(&["purge", "--yes"]).stderr.contains("cannot remove the log"));
    assert_eq!(roots_files(&env), before);
}

#[test]
fn freepbx_conf_is_read_and_never_run() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    let pbx = &env.pbx;
    let text = pbx.read_file("/etc/freepbx.conf");
    let evil = "<?php touch('/tmp/owned'); system('touch /tmp/owned'); `touch /tmp/owned`;\n\
                $amp_conf['AMPDBPASS'] = system('touch /tmp/owned') . 'x';\n\
                $amp_conf['AMPDBNAME'] = '$(touch /tmp/owned)';\n";
    pbx.write_file("/etc/freepbx.conf", format!("{evil}?>{text}"));
    env.sync(0, &[]);
    assert!(!fs::exists(pbx.outside("/tmp/owned")).unwrap());
    assert_eq!(env.ours(), set([ATTACKER]));
}

#[test]
fn what_asterisk_writes_into_the_ledger_is_blocked_where_it_is_a_prefix_and_shown_harmless_where_it_is_not() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    let pbx = &env.pbx;
    env.sync(0, &[]);
    let far = 4_000_000_000i64;
    for text in ["'; DROP TABLE x", "<script>", "-h", "45.0.0.1\n", "\u{1b}[2J", "010.0.0.1", "$(id)", ""] {
        pbx.sql_run("INSERT INTO banbridge_entry VALUES (1, ?, 1, ?, ?)", (text, far, far));
        pbx.sql_run("INSERT INTO banbridge_unblock VALUES (?, 1, ?)", (text, far));
        pbx.sql_run(
            "INSERT INTO banbridge_protection (source, prefix, label) VALUES ('zone', ?, ?)",
            (text, text),
        );
    }
    let evil = "\u{1b}]0;evil\u{7}\u{9b}2J\u{202e}";
    pbx.sql_run("UPDATE banbridge_feed SET last_error = ?, cursor_id = ?", (evil, evil));
    pbx.sql_run("UPDATE banbridge_run SET error = ?", (evil,));
    pbx.sql_run("UPDATE banbridge_source SET last_error = ?", (evil,));
    pbx.sql_run("INSERT INTO banbridge_skipped VALUES (1, ?, ?, ?, ?)", (evil, evil, far, far));
    pbx.sql_run(
        "INSERT INTO banbridge_protection (source, prefix, label) VALUES ('zone', ?, ?)",
        (ATTACKER, evil),
    );
    pbx.write_blacklist([evil], "1");
    for words in [
        &["status"][..],
        &["list"],
        &["list", "--skipped"],
        &["list", "--unblocked"],
        &["check", ATTACKER],
        &["apply"],
        &["sync", "--dry-run"],
        &["sync", "-v"],
    ] {
        for json in [false, true] {
            let mut words = words.to_vec();
            words.extend(json.then_some("--json"));
            let run = env.run(&words);
            let shown = run.stdout.clone() + &run.stderr;
            assert!(!shown.contains(['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}']), "{words:?}: {shown:?}");
            if json {
                serde_json::from_str::<serde_json::Value>(&run.stdout)
                    .unwrap_or_else(|error| panic!("{error}: {run:?}"));
            }
        }
    }
    assert!(!env.log().contains(['\u{1b}', '\u{9b}']));
    let ours = env.ours();
    assert!(ours.iter().all(|key| key.parse::<std::net::IpAddr>().is_ok()), "{ours:?}");
}

#[test]
fn no_process_of_asterisk_is_taken_for_the_daemon() {
    for env in [TestEnv::new(NFT, &[ATTACKER]), TestEnv::without_firewall(&[ATTACKER])] {
        let name = "/var/www/html/admin/modules/firewall/hooks/voipfirewalld";
        let mut fake = env.pbx.command_as("asterisk", "bash");
        let mut fake = fake.args(["-c", &format!("exec -a 'php {name}' sleep 300")]).spawn().unwrap();
        let pid = env.pbx.pid_of(&fake);
        until("the impostor", || words(pid).first().is_some_and(|word| word.contains(name)));
        env.sync(0, &[]);
        env.feed.sight("163.172.207.104");
        env.sync(0, &[]);
        // SIGHUP or SIGSTOP would show.
        assert!(fake.try_wait().unwrap().is_none(), "it was signalled");
        assert_eq!(status(pid, "State")[0], "S");
        env.pbx.run(&["sh", "-c", "kill -9 $(pgrep -u asterisk sleep)"]);
        let _ = fake.kill();
        let _ = fake.wait();
    }
}

/// On FreePBX fwconsole is a file of asterisk's. Whoever owns that must not become root when the package is removed.
#[test]
fn the_removal_of_the_package_runs_fwconsole_as_asterisk_and_without_a_terminal() {
    const SEEN: &str = "/var/log/asterisk/ran-as";
    let env = TestEnv::without_firewall(&[ATTACKER]);
    env.sync(0, &[]);
    let pbx = &env.pbx;
    pbx.run(&["rm", "/usr/sbin/fwconsole"]).ok();
    pbx.write_file(
        "/usr/sbin/fwconsole",
        format!("#!/bin/sh\n{{ id -un; id -Gn; tty; echo \"$*\"; }} >>{SEEN} 2>&1\n"),
    );
    pbx.run(&["chmod", "755", "/usr/sbin/fwconsole"]).ok();
    pbx.run(&["mkdir", "-p", "/var/www/html/admin/modules/banbridge"]).ok();
    pbx.sql_run("REPLACE INTO modules (modulename, version, enabled) VALUES ('banbridge', '0.1.0', 1)", ());
    let script = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/prerm-cleanup")).unwrap();
    pbx.write_file("/tmp/prerm-cleanup", script);
    pbx.run(&["ln", "-s", PROGRAM, "/usr/bin/banbridge"]).ok();
    let run = end(on_a_terminal(&env, "/bin/sh /tmp/prerm-cleanup"));
    assert_eq!(run.code, 0, "{run:?}");

    let seen = fs::read_to_string(pbx.outside(SEEN)).unwrap();
    assert_eq!(seen, "asterisk\nasterisk\nnot a tty\nma delete banbridge\n");
    assert!(run.stdout.contains("its page stays"), "what did nothing is not believed: {run:?}");
    assert_eq!(env.ours(), set::<&str>([]));
}
