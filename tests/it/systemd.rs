//! The packages' units under a real systemd, in the sandbox: everything works from behind their walls, and nothing
//! stays stopped when a run is killed.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::testenv::*;
use serde_json::{Value, json};

const SET: &str = "[set]\nenabled = \"yes\"";

fn packaging(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging").join(file)
}

/// A PBX with the program and its units at their places, of which none is started.
fn installed(firewall: Firewall, entries: &[&str]) -> TestEnv {
    let env = TestEnv::on(Sandbox::builder(firewall).period(3600).systemd(), entries);
    env.configure(SET);
    let pbx = &env.pbx;
    let place = |from: &Path, to: String| {
        fs::create_dir_all(pbx.outside(Path::new(&to).parent().unwrap())).unwrap();
        fs::copy(from, pbx.outside(to)).unwrap();
    };
    place(Path::new(env!("CARGO_BIN_EXE_banbridge")), "/usr/bin/banbridge".into());
    place(&packaging("tmpfiles.conf"), "/usr/lib/tmpfiles.d/banbridge.conf".into());
    for unit in fs::read_dir(packaging("systemd")).unwrap() {
        let unit = unit.unwrap();
        place(&unit.path(), format!("/lib/systemd/system/{}", unit.file_name().to_str().unwrap()));
    }
    fs::create_dir_all(pbx.outside("/var/lib/banbridge")).unwrap();
    pbx.run(&["systemd-tmpfiles", "--create", "banbridge.conf"]).ok();
    pbx.run(&["systemctl", "daemon-reload"]).ok();
    env
}

fn systemctl(env: &TestEnv, words: &[&str]) -> Run {
    env.pbx.run(&[&["systemctl"], words].concat())
}

/// Starts a service that ends by itself and waits until it did.
#[track_caller]
fn start(env: &TestEnv, service: &str) {
    let run = systemctl(env, &["start", service]);
    assert_eq!(run.code, 0, "{service}: {run:?}\n{}\n{}", journal(env), env.log());
}

/// What the units said.
fn journal(env: &TestEnv) -> String {
    env.pbx.run(&["journalctl", "--no-pager", "-o", "cat", "--unit", "banbridge-*"]).stdout
}

/// Lines of the program's log that say that something did not work.
fn complaints(env: &TestEnv) -> Vec<String> {
    let log = env.log();
    log.lines()
        .filter(|line| line.contains(" WARN ") || line.contains(" ERROR "))
        .map(str::to_owned)
        .collect()
}

/// What a run as the unit starts it reports, as JSON; `command` is its command line without the program.
#[track_caller]
fn report_of(env: &TestEnv, service: &str, command: &str) -> Value {
    let directory = format!("/run/systemd/system/{service}.d");
    fs::create_dir_all(env.pbx.outside(&directory)).unwrap();
    let output = format!(
        "[Service]\nExecStart=\nExecStart=/usr/bin/banbridge {command} --json\nStandardOutput=truncate:/run/report.json\n"
    );
    env.pbx.write_file(format!("{directory}/report.conf"), &output);
    systemctl(env, &["daemon-reload"]).ok();
    start(env, service);
    let report = fs::read_to_string(env.pbx.outside("/run/report.json")).unwrap();
    serde_json::from_str(&report).unwrap_or_else(|error| panic!("{error}: {report}"))
}

/// A report without what is another in every run: how long it took, and how fast this machine was found to be.
fn timeless(mut report: Value) -> Value {
    report.as_object_mut().unwrap().remove("elapsed_ms");
    report["blacklist"].as_object_mut().unwrap().remove("limit");
    report
}

#[test]
fn from_behind_the_walls_of_its_unit_a_run_does_all_that_it_does_without() {
    for firewall in FIREWALLS {
        let entries = [ATTACKER, "45.0.0.0/24"];
        let free = installed(firewall, &entries);
        let walled = installed(firewall, &entries);
        assert_eq!(
            timeless(report_of(&walled, "banbridge-sync.service", "sync")),
            timeless(free.sync(0, &[])),
            "{firewall:?}"
        );
        assert_eq!(walled.ours(), set(entries));
        assert_eq!(walled.pbx.probe(Attacker(ATTACKER)), Probe::Refused, "{firewall:?}");
        // One goes, and only the firewall is asked to follow.
        for env in [&free, &walled] {
            env.pbx.run(&["gui-blacklist", "del", "45.0.0.0/24"]).ok();
        }
        assert_eq!(
            timeless(report_of(&walled, "banbridge-apply.service", "apply")),
            timeless(free.json(&["apply"]).1),
            "{firewall:?}"
        );
        assert_eq!(walled.ours(), set([ATTACKER]));
        assert_eq!(complaints(&walled), Vec::<String>::new());
        let log = fs::metadata(walled.pbx.outside(LOG)).unwrap();
        let asterisk = fs::metadata(walled.pbx.outside("/etc/asterisk")).unwrap();
        assert_eq!((log.uid(), log.mode() & 0o777), (asterisk.uid(), 0o640));
    }
}

#[test]
fn what_the_pages_ask_for_is_done_at_once_and_a_set_is_there_before_the_database() {
    let env = installed(NFT, &[ATTACKER]);
    let pbx = &env.pbx;
    start(&env, "banbridge-sync.service");
    assert_eq!(pbx.probe(Attacker(ATTACKER)), Probe::Refused);

    systemctl(&env, &["start", "banbridge-apply.path"]).ok();
    env.run_as("asterisk", &["unblock", ATTACKER]).ok();
    let ask =
        || pbx.command_as("asterisk", "sh").args(["-c", "date >/run/banbridge/request"]).status().unwrap();
    assert!(ask().success());
    until("root to apply it", || pbx.probe(Attacker(ATTACKER)) == Probe::Answered);
    // However quickly somebody clicks, it is done, and goes on being done.
    for _ in 0..8 {
        start(&env, "banbridge-apply.service");
    }
    systemctl(&env, &["is-active", "banbridge-apply.path"]).ok();

    env.run(&["unblock", "--undo", ATTACKER]).ok();
    assert_eq!(pbx.probe(Attacker(ATTACKER)), Probe::Refused);
    // A boot: nothing in the kernel, no firewall yet, no database.
    systemctl(&env, &["stop", "banbridge-apply.path"]).ok();
    pbx.kill_daemon();
    pbx.run(&["database", "stop"]).ok();
    pbx.run(&["nft", "flush", "ruleset"]).ok();
    assert_eq!(pbx.probe(Attacker(ATTACKER)), Probe::Answered);
    start(&env, "banbridge-boot.service");
    assert_eq!(pbx.probe(Attacker(ATTACKER)), Probe::Refused);
    pbx.run(&["database", "start"]).ok();
}

#[test]
fn a_unit_that_is_killed_or_stopped_leaves_no_firewall_daemon_stopped() {
    let env = installed(NFT, &[ATTACKER]);
    let pbx = &env.pbx;
    let tool = Path::new(env!("CARGO_BIN_EXE_banbridge")).with_file_name("examples").join("apply-tool");
    let (order, at) = (pbx.dir().join("order.json"), pbx.dir().join("frozen"));
    let waits = json!({ "add": ["45.0.0.9"], "wait_at": "Frozen", "wait_file": at });
    fs::write(&order, waits.to_string()).unwrap();
    let directory = "/run/systemd/system/banbridge-apply.service.d";
    fs::create_dir_all(pbx.outside(directory)).unwrap();
    let (tool, order, dir) = (tool.display(), order.display(), pbx.dir().display());
    pbx.write_file(
        format!("{directory}/tool.conf"),
        format!(
            "[Service]\nExecStart=\nExecStart={tool}\nStandardInput=file:{order}\nReadWritePaths={dir}\n\
             ProtectHome=no\n"
        ),
    );
    systemctl(&env, &["daemon-reload"]).ok();
    let ends: [&[&str]; 2] = [
        &["kill", "--signal=KILL", "--kill-whom=main", "banbridge-apply.service"],
        &["stop", "banbridge-apply.service"],
    ];
    for end in ends {
        let _ = fs::remove_file(&at);
        systemctl(&env, &["start", "--no-block", "banbridge-apply.service"]).ok();
        until("the daemon to be held still", || at.exists());
        systemctl(&env, end).ok();
        until("the unit to end", || {
            !systemctl(&env, &["is-active", "banbridge-apply.service"]).stdout.contains("ating")
        });
        until("the daemon to go on", || pbx.daemon_state() != Some('T'));
        pbx.hup();
    }
    // All of the unit, the watch first, as it would notice the end of the other: nothing is left that could let it go
    // on. The next unit does, with its own timer.
    for next in ["banbridge-sync.service", "banbridge-boot.service"] {
        let _ = fs::remove_file(&at);
        systemctl(&env, &["start", "--no-block", "banbridge-apply.service"]).ok();
        until("the daemon to be held still", || at.exists());
        pbx.run(&["pkill", "-KILL", "-f", "thaw-watch"]).ok();
        systemctl(&env, &["kill", "--signal=KILL", "banbridge-apply.service"]).ok();
        until("the unit to end", || {
            !systemctl(&env, &["is-active", "banbridge-apply.service"]).stdout.contains("ating")
        });
        assert_eq!(pbx.daemon_state(), Some('T'), "{next}");
        start(&env, next);
        until("the daemon to go on", || pbx.daemon_state() != Some('T'));
        pbx.hup();
    }
    let timer = fs::read_to_string("packaging/systemd/banbridge-apply.timer").unwrap();
    assert!(timer.contains("OnCalendar=*:*:"), "each minute: {timer}");
}

#[test]
fn a_mail_program_of_notify_becomes_the_mail_systems_group_and_writes_its_queue() {
    let env = installed(NFT, &[ATTACKER]);
    let pbx = &env.pbx;
    // A mailer as distributions have it: whoever runs it is of the group that the queue belongs to.
    let mailer = "install -o root -g mail -m 2755 /usr/bin/tee /usr/local/bin/mailer && \
                  install -d -o root -g mail -m 730 /var/spool/queue";
    pbx.run(&["sh", "-c", mailer]).ok();
    let command = "/usr/local/bin/tell";
    pbx.write_file(command, "#!/bin/sh\nid -un >/var/spool/asterisk-tells\nexec /usr/local/bin/mailer /var/spool/queue/message >/dev/null\n");
    pbx.run(&["chmod", "755", command]).ok();
    pbx.run(&["install", "-o", "asterisk", "-m", "644", "/dev/null", "/var/spool/asterisk-tells"]).ok();
    env.configure(&format!("{SET}\n[notify]\ncommand = \"{command}\""));
    env.faults(&["key"]);
    let _ = systemctl(&env, &["start", "banbridge-sync.service"]);
    let queue = pbx.outside("/var/spool/queue/message");
    until("the message", || {
        fs::read_to_string(&queue).is_ok_and(|text| text.contains("did not accept the API key"))
    });
    assert_eq!(pbx.read_file("/var/spool/asterisk-tells"), "asterisk\n");
    until("the unit to end", || {
        !systemctl(&env, &["is-active", "banbridge-notify.service"]).stdout.contains("ating")
    });
    // It is told once.
    fs::remove_file(&queue).unwrap();
    start(&env, "banbridge-apply.service");
    let _ = systemctl(&env, &["start", "banbridge-notify.service"]);
    assert!(!queue.exists(), "{}", journal(&env));
}

#[test]
fn systemd_finds_no_fault_in_the_units_and_little_that_they_may_do() {
    let env = installed(NFT, &[]);
    let units =
        env.pbx.run(&["sh", "-c", "systemd-analyze verify --man=no /lib/systemd/system/banbridge-* 2>&1"]);
    assert_eq!((units.code, units.stdout.as_str()), (0, ""), "{units:?}");
    for service in ["banbridge-sync.service", "banbridge-apply.service", "banbridge-boot.service"] {
        // In tenths: what systemd calls OK ends at 4.
        let seen = env.pbx.run(&["systemd-analyze", "security", "--threshold=40", service]);
        assert_eq!(seen.code, 0, "{}", seen.stdout);
    }
}

#[test]
fn the_line_for_cron_that_people_have_works_and_two_that_meet_say_nothing() {
    let env = installed(NFT, &[ATTACKER]);
    let pbx = &env.pbx;
    // As cron on Debian and on EL7 starts it.
    let cron = |line: &str| {
        pbx.run(&[
            "env",
            "-i",
            "HOME=/root",
            "LOGNAME=root",
            "SHELL=/bin/sh",
            "PATH=/usr/bin:/bin",
            "/bin/sh",
            "-c",
            line,
        ])
    };
    let run = cron("banbridge sync -q");
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "", ""));
    assert_eq!(env.ours(), set([ATTACKER]));
    let both = cron("banbridge sync -q & banbridge sync -q; first=$?; wait $!; echo $first $?");
    assert!(["0 0\n", "75 0\n", "0 75\n"].contains(&both.stdout.as_str()), "{both:?}");
    assert_eq!(both.stderr, "");

    // The package's own lines do nothing where systemd is, and all of it where it is not.
    let lines = fs::read_to_string(packaging("cron")).unwrap();
    let commands: Vec<&str> = lines.lines().filter_map(|line| Some(line.split_once(" root ")?.1)).collect();
    assert_eq!(commands.len(), 3, "{lines}");
    let path = lines.lines().find_map(|line| line.strip_prefix("PATH=")).unwrap();
    for without in [false, true] {
        let requests = env.requests().len();
        for command in &commands {
            let command = match without {
                true => command.replace("/run/systemd/system", "/nonexistent").replace("-i 0-59", "-i 0-0"),
                false => (*command).to_owned(),
            };
            let run = cron(&format!("PATH={path}; {command}"));
            assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""), "{command}");
        }
        assert_eq!(env.requests().len() > requests, without);
    }
}
