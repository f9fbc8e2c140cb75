//! The packages that `make dist` makes: what is in them, and what they do to a machine when they come, are renewed, go
//! and go for good. On a Debian as it comes, and on a PBX with the database and the firewall at work.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::clean::Clean;
use crate::testenv::*;
use serde_json::Value;

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The version before, made by the same scripts.
const BEFORE: &str = "0.0.9";
const UNITS: [&str; 4] =
    ["banbridge-sync.timer", "banbridge-apply.timer", "banbridge-apply.path", "banbridge-boot.service"];

fn source() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[track_caller]
fn done(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// Where `make dist` keeps what it made.
fn dist() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("dist")
}

/// Packs what was built once more.
fn pack(from: &Path, out: &Path, version: &str) {
    done(
        Command::new(from.join("packaging/pack"))
            .arg(dist().join("x86_64-unknown-linux-gnu/release/banbridge"))
            .arg(dist().join("pages"))
            .arg(out)
            .env("VERSION", version)
            .env("SOURCE_DATE_EPOCH", "1700000000"),
    );
}

/// The directory with the packages of this version and of the one before, built at the first call.
fn packages() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        // The Debian is fetched while the compiler works.
        let debian = std::thread::spawn(crate::clean::root);
        let target = dist();
        let mut dist = Command::new(source().join("packaging/dist"));
        // Which tests/run sets for its own sake.
        dist.env_remove("RUSTC_BOOTSTRAP").env("CARGO_TARGET_DIR", target.parent().unwrap());
        done(&mut dist);
        let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("packages");
        let _ = fs::remove_dir_all(&out);
        pack(source(), &out, VERSION);
        pack(source(), &out, BEFORE);
        debian.join().unwrap();
        out
    })
}

fn deb(version: &str) -> PathBuf {
    packages().join(format!("banbridge_{version}_amd64.deb"))
}

fn rpm(version: &str) -> PathBuf {
    packages().join(format!("banbridge-{version}-1.x86_64.rpm"))
}

fn archive(version: &str) -> PathBuf {
    packages().join(format!("banbridge-{version}-x86_64.tar.gz"))
}

/// What is there now and was not, was and is not, or is another.
fn differences(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<String> {
    let paths: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let changed = paths.into_iter().filter(|path| before.get(*path) != after.get(*path));
    changed.map(|path| format!("{path}: {:?} -> {:?}", before.get(path), after.get(path))).collect()
}

#[test]
fn the_same_input_is_packed_to_the_same_bytes_in_another_directory() {
    let copy = tempfile::tempdir().unwrap();
    let elsewhere = copy.path().join("some/where else");
    fs::create_dir_all(&elsewhere).unwrap();
    let script = "tar -C \"$1\" --exclude=./target --exclude=./.git --exclude=node_modules -cf - . | tar -C \"$2\" -xf -";
    done(Command::new("bash").args(["-c", script, "sh"]).arg(source()).arg(&elsewhere));
    let out = copy.path().join("packages");
    packages();
    pack(&elsewhere, &out, VERSION);
    let mut compared = 0;
    for file in fs::read_dir(&out).unwrap() {
        let file = file.unwrap();
        assert!(
            fs::read(file.path()).unwrap() == fs::read(packages().join(file.file_name())).unwrap(),
            "{file:?}"
        );
        compared += 1;
    }
    assert_eq!(compared, 4);
}

#[test]
fn the_program_runs_with_glibc_2_17_and_the_check_of_it_finds_one_that_does_not() {
    let check =
        |file: &Path| Command::new(source().join("packaging/check-binary")).arg(file).output().unwrap();
    packages();
    assert!(check(&dist().join("x86_64-unknown-linux-gnu/release/banbridge")).status.success());
    // The tests' own program is linked against this machine's library, and holds its paths.
    let refused = check(Path::new(env!("CARGO_BIN_EXE_banbridge")));
    assert!(!refused.status.success());
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("GLIBC_2."), "{said}");
}

#[test]
fn the_bill_of_materials_names_what_is_linked_in_and_nothing_else() {
    let out = tempfile::tempdir().unwrap();
    done(Command::new("dpkg-deb").arg("-x").arg(deb(VERSION)).arg(out.path()));
    let doc = out.path().join("usr/share/doc/banbridge");
    let bill: Value =
        serde_json::from_str(&fs::read_to_string(doc.join("banbridge.cdx.json")).unwrap()).unwrap();
    assert_eq!((&bill["bomFormat"], &bill["specVersion"]), (&"CycloneDX".into(), &"1.5".into()));
    let components = bill["components"].as_array().unwrap();
    let ours: BTreeSet<String> = components
        .iter()
        .map(|one| format!("{} v{}", one["name"].as_str().unwrap(), one["version"].as_str().unwrap()))
        .collect();
    // What is linked in shows in the program by the places of its source.
    let program = fs::read(out.path().join("usr/bin/banbridge")).unwrap();
    let mut seen = BTreeSet::new();
    for place in String::from_utf8_lossy(&program).split("/cargo/registry/src/").skip(1) {
        let crate_name = place.split('/').nth(1).unwrap_or_default();
        // The version begins behind the first dash with a digit.
        let version = crate_name
            .match_indices('-')
            .find(|(at, _)| crate_name[at + 1..].starts_with(|c: char| c.is_ascii_digit()));
        if let Some((at, _)) = version {
            seen.insert(format!("{} v{}", &crate_name[..at], &crate_name[at + 1..]));
        }
    }
    assert!(seen.len() > 30, "{seen:?}");
    assert_eq!(seen.difference(&ours).collect::<Vec<_>>(), Vec::<&String>::new());
    // Of the tests, of macros, of build scripts.
    for other in ["proptest", "clap_mangen", "serde_derive", "cc"] {
        assert!(!components.iter().any(|one| one["name"] == other), "{other}");
    }
    let licences = done(Command::new("gzip").arg("-dc").arg(doc.join("LICENCES.gz")));
    for component in components {
        let name = component["name"].as_str().unwrap();
        assert!(component["licenses"][0]["expression"].is_string(), "{component:#}");
        assert!(licences.contains(name), "{name}");
    }
}

#[test]
fn every_command_and_every_exit_code_has_its_place_in_the_manual() {
    let out = tempfile::tempdir().unwrap();
    done(Command::new("dpkg-deb").arg("-x").arg(deb(VERSION)).arg(out.path()));
    let share = out.path().join("usr/share");
    let page =
        |name: &str| done(Command::new("gzip").arg("-dc").arg(share.join("man").join(format!("{name}.gz"))));
    let help = done(Command::new(env!("CARGO_BIN_EXE_banbridge")).arg("--help"));
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' '))?.split(' ').next())
        .filter(|command| *command != "help")
        .collect();
    assert!(commands.len() > 10, "{help}");
    let completions = ["bash-completion/completions/banbridge", "zsh/vendor-completions/_banbridge"];
    let completions = completions.map(|file| fs::read_to_string(share.join(file)).unwrap());
    for command in commands {
        assert!(page(&format!("man1/banbridge-{command}.1")).contains("SYNOPSIS"), "{command}");
        assert!(completions.iter().all(|text| text.contains(command)), "{command}");
    }
    let (main, messages) = (page("man1/banbridge.1"), page("man7/banbridge-messages.7"));
    for code in [1, 2, 65, 69, 70, 75, 77, 78] {
        assert!(main.contains(&format!("\\fB{code}\\fR")), "{code}");
        assert!(messages.contains(&format!("EXIT CODE {code}")), "{code}");
    }
    // A message that somebody looks for.
    assert!(messages.contains("did not accept the API key"), "{messages}");
    for text in completions.iter().chain([&main]) {
        assert!(!text.contains("thaw"), "a command that is not for people is shown");
    }
}

#[test]
fn a_debian_takes_the_package_and_after_a_purge_is_what_it_was() {
    for asterisk in [false, true] {
        let debian = Clean::start(true);
        if asterisk {
            debian.ok("useradd --system asterisk; mkdir -p /etc/asterisk /var/log/asterisk; chown asterisk: /etc/asterisk /var/log/asterisk");
        }
        debian.ok("until [ \"$(systemctl is-system-running)\" = running ]; do sleep 0.1; done; systemctl stop apt-daily.timer apt-daily-upgrade.timer");
        let before = debian.everything();
        let package = debian.bring(&deb(VERSION));
        let said = debian.sh(&format!("dpkg -i {package}"));
        assert_eq!(said.code, 0, "{said:?}");
        assert!(said.stderr.contains("banbridge setup"), "{said:?}");
        // No compiler, no library beside the C library.
        debian.ok("! command -v cc gcc ld as; banbridge --version; ldd /usr/bin/banbridge >/dev/null");
        for unit in UNITS {
            debian.ok(&format!("systemctl -q is-enabled {unit}"));
        }
        debian.ok("systemctl -q is-active banbridge-sync.timer banbridge-apply.timer banbridge-apply.path");
        assert_eq!(debian.ok("systemctl list-units --failed --plain --no-legend"), "");
        assert_eq!(debian.sh("test -d /run/banbridge").code, i32::from(!asterisk));
        // Its log is rotated, as asterisk.
        if asterisk {
            debian.ok("echo line >/var/log/asterisk/banbridge.log; chown asterisk: /var/log/asterisk/banbridge.log; \
                       logrotate -s /tmp/rotated -f /etc/logrotate.d/banbridge; rm /tmp/rotated; ! test -e /var/log/asterisk/banbridge.log; \
                       [ \"$(stat -c %U /var/log/asterisk/banbridge.log.1)\" = asterisk ]");
            debian.ok(
                "echo '# mine' >/etc/asterisk/banbridge.toml; chown asterisk: /etc/asterisk/banbridge.toml",
            );
        }
        debian.ok("dpkg -r banbridge");
        debian.ok("! systemctl -q is-active banbridge-sync.timer; ! test -e /usr/bin/banbridge; ! test -e /run/banbridge");
        let kept = debian.ok("find /etc -name '*banbridge*' ! -path '/etc/systemd/*' | sort");
        let mine = if asterisk { "/etc/asterisk/banbridge.toml\n" } else { "" };
        assert_eq!(kept, format!("{mine}/etc/cron.d/banbridge\n/etc/logrotate.d/banbridge\n"));
        debian.ok("dpkg -P banbridge");
        assert_eq!(differences(&before, &debian.everything()), Vec::<String>::new());
        assert_eq!(debian.ok("dpkg -l | grep -c banbridge || true"), "0\n");
    }
}

/// What a service of the PBX with systemd says of itself.
#[track_caller]
fn on(env: &TestEnv, script: &str) -> Run {
    env.pbx.run(&["/bin/sh", "-euc", script])
}

/// Everything in the database that is ours, but for the times of runs; and the rows, all of them.
fn remembered(env: &TestEnv) -> BTreeMap<String, Option<u64>> {
    env.sums()
}

/// Timers of this very minute would run in the middle of what is compared, and a run that one of them began just now would
/// leave the next one nothing to do.
const STILL: &str = "systemctl stop banbridge-sync.timer banbridge-apply.timer; \
     while systemctl is-active banbridge-sync.service banbridge-apply.service | grep -q ^activating; do sleep 0.1; done";

#[test]
fn on_a_pbx_an_upgrade_touches_nothing_a_removal_lets_go_and_a_purge_leaves_no_trace() {
    let env = TestEnv::on(Sandbox::builder(NFT).period(3600).systemd(), &[ATTACKER, "45.0.0.7"]);
    env.configure("[set]\nenabled = \"yes\"");
    let pbx = &env.pbx;
    pbx.write_blacklist(["198.51.100.7"], "1");
    // fwconsole is asterisk's file: here it notes who runs it, through all that follows, and does nothing else for us.
    let hostile = "mv /usr/sbin/fwconsole /usr/sbin/fwconsole.real && touch /var/log/asterisk/who && \
                   chmod 666 /var/log/asterisk/who && printf '%s\\n' '#!/bin/sh' \
                   'case \"$1\" in ma) id -u >>/var/log/asterisk/who; exit 1 ;; esac' \
                   'exec /usr/sbin/fwconsole.real \"$@\"' >/usr/sbin/fwconsole && chmod 755 /usr/sbin/fwconsole && \
                   mkdir -p /var/www/html/admin/modules/banbridge";
    on(&env, hostile).ok();
    pbx.sql_run("REPLACE INTO modules (modulename, version, enabled) VALUES ('banbridge', '0.0.1', 1)", ());
    let before = files(&env);
    let bring = |version| {
        let inside = format!("/tmp/{version}.deb");
        fs::copy(deb(version), pbx.outside(&inside)).unwrap();
        inside
    };
    let (old, new) = (bring(BEFORE), bring(VERSION));
    on(&env, &format!("dpkg -i {old} 2>&1; {STILL}")).ok();
    on(&env, "systemctl start banbridge-sync.service").ok();
    assert_eq!(env.ours(), set([ATTACKER, "45.0.0.7"]));
    env.run(&["unblock", "45.0.0.7"]).ok();
    on(&env, "echo '# mine' >>/etc/logrotate.d/banbridge; systemctl -q disable banbridge-boot.service").ok();
    assert_eq!(pbx.probe(Attacker(ATTACKER)), Probe::Refused);

    let state = (remembered(&env), pbx.rules(), fs::read(pbx.outside(CONFIG)).unwrap());
    on(&env, &format!("dpkg -i --force-confold {new} 2>&1")).ok();
    assert_eq!((remembered(&env), pbx.rules(), fs::read(pbx.outside(CONFIG)).unwrap()), state);
    assert_eq!(on(&env, "dpkg-query -W -f '${Version}' banbridge").ok(), VERSION);
    on(&env, "grep -q '# mine' /etc/logrotate.d/banbridge; ! systemctl -q is-enabled banbridge-boot.service")
        .ok();
    on(&env, "! systemctl -q is-active banbridge-sync.timer; systemctl -q is-active banbridge-apply.path")
        .ok();

    on(&env, "dpkg -r banbridge 2>&1").ok();
    assert_eq!((env.ours(), env.his()), (set::<&str>([]), set(["198.51.100.7"])));
    assert_eq!(env.tables(), Vec::<String>::new());
    assert_eq!(pbx.probe(Attacker(ATTACKER)), Probe::Answered);
    assert!(!on(&env, "nft list tables").ok().contains("banbridge"));
    assert!(env.log().contains("done:"), "the log goes only with a purge");
    assert_eq!(fs::read(pbx.outside(CONFIG)).unwrap(), state.2);

    // It comes again, and knows what was released.
    on(&env, &format!("dpkg -i --force-confold {new} 2>&1; {STILL}")).ok();
    on(&env, "! test -e /var/lib/banbridge/removed.json; systemctl start banbridge-sync.service").ok();
    assert_eq!(env.ours(), set([ATTACKER]));
    assert_eq!(fs::read(pbx.outside(CONFIG)).unwrap(), state.2);
    on(&env, "dpkg -r banbridge 2>&1; test -e /var/lib/banbridge/removed.json").ok();
    assert!(!fs::read_to_string(pbx.outside("/var/lib/banbridge/removed.json")).unwrap().contains(KEY));

    on(&env, "dpkg -P banbridge 2>&1").ok();
    let mut after = files(&env);
    // It was there before the package, and is what a purge takes.
    assert!(after.insert(CONFIG.into()));
    assert_eq!(after, before);
    let who = pbx.read_file("/var/log/asterisk/who");
    let asterisk = on(&env, "id -u asterisk").ok();
    assert!(!who.is_empty() && who.lines().all(|user| user == asterisk.trim()), "fwconsole was run by {who}");
}

#[test]
fn debians_own_check_of_the_package_finds_nothing_that_has_no_reason() {
    let mut lintian = Command::new("lintian");
    let said = done(lintian.args(["--allow-root", "--fail-on", "error,warning"]).arg(deb(VERSION)));
    assert_eq!(said, "");
}

#[test]
fn an_rpm_is_installed_renewed_verified_and_taken_away_as_the_debian_package_is() {
    let env = TestEnv::on(Sandbox::builder(NFT).period(3600).systemd(), &[ATTACKER, "45.0.0.7"]);
    env.configure("[set]\nenabled = \"yes\"");
    let pbx = &env.pbx;
    let before = files(&env);
    // A Debian has no packages of rpm's, so no dependency of any is known.
    let rpm_of = |words: &str, version: &str| {
        let inside = format!("/tmp/{version}.rpm");
        fs::copy(rpm(version), pbx.outside(&inside)).unwrap();
        on(&env, &format!("rpm --dbpath /tmp/rpm --force-debian --nodeps {words} {inside} 2>&1")).ok()
    };
    assert!(!rpm_of("-i", BEFORE).contains("banbridge setup"), "there is a configuration");
    on(&env, "systemctl -q is-enabled banbridge-boot.service banbridge-sync.timer; systemctl -q is-active banbridge-apply.path").ok();
    on(&env, &format!("{STILL}; systemctl start banbridge-sync.service")).ok();
    assert_eq!(env.ours(), set([ATTACKER, "45.0.0.7"]));
    env.run(&["unblock", "45.0.0.7"]).ok();
    on(&env, "! grep -r ^SystemCallFilter= /usr/lib/systemd/system/banbridge-*").ok();
    on(&env, "echo '# mine' >>/etc/logrotate.d/banbridge; systemctl -q disable banbridge-boot.service").ok();

    let state = (remembered(&env), pbx.rules(), fs::read(pbx.outside(CONFIG)).unwrap());
    rpm_of("-U", VERSION);
    assert_eq!((remembered(&env), pbx.rules(), fs::read(pbx.outside(CONFIG)).unwrap()), state);
    on(&env, "grep -q '# mine' /etc/logrotate.d/banbridge; ! systemctl -q is-enabled banbridge-boot.service")
        .ok();
    on(&env, "! systemctl -q is-active banbridge-sync.timer; systemctl -q is-active banbridge-apply.path")
        .ok();
    // Every file is as it was packed, but for what the administrator changed.
    let verified = on(&env, "rpm --dbpath /tmp/rpm -V --nodeps banbridge || true").ok();
    assert!(verified.lines().all(|line| line.ends_with("c /etc/logrotate.d/banbridge")), "{verified}");

    on(&env, "rpm --dbpath /tmp/rpm --force-debian -e banbridge 2>&1").ok();
    assert_eq!(env.ours(), set::<&str>([]));
    assert_eq!(pbx.probe(Attacker(ATTACKER)), Probe::Answered);
    assert!(!on(&env, "nft list tables").ok().contains("banbridge"));
    on(&env, "! test -e /usr/bin/banbridge; test -e /var/lib/banbridge/removed.json").ok();
    // It comes again, and knows what was unblocked.
    rpm_of("-i", VERSION);
    on(
        &env,
        &format!(
            "{STILL}; ! test -e /var/lib/banbridge/removed.json; systemctl start banbridge-sync.service"
        ),
    )
    .ok();
    assert_eq!(env.ours(), set([ATTACKER]));
    on(&env, "rpm --dbpath /tmp/rpm --force-debian -e banbridge 2>&1; rm -f /tmp/*.rpm").ok();
    let left: Vec<String> = files(&env).difference(&before).cloned().collect();
    let kept = |path: &String| {
        path.starts_with("/var/lib/banbridge") || path.ends_with(".rpmsave") || path.contains("/log/")
    };
    assert!(left.iter().all(kept), "{left:?}");
}

/// Names of all files of the PBX that have to do with us.
fn files(env: &TestEnv) -> BTreeSet<String> {
    let found = on(
        env,
        "find /etc /usr /var /run -xdev -name '*banbridge*' ! -path '/run/sandbox/*' ! -path '/var/lib/mysql/*'",
    );
    found.ok().lines().map(str::to_owned).collect()
}

#[test]
fn a_removal_without_the_database_takes_the_set_away_and_says_what_is_left() {
    let env = TestEnv::on(Sandbox::builder(NFT).period(3600).systemd(), &[ATTACKER]);
    env.configure("[set]\nenabled = \"yes\"");
    let pbx = &env.pbx;
    fs::copy(deb(VERSION), pbx.outside("/tmp/new.deb")).unwrap();
    on(&env, &format!("dpkg -i /tmp/new.deb 2>&1; {STILL}")).ok();
    on(&env, "systemctl start banbridge-sync.service; nft list tables | grep -q banbridge; database stop")
        .ok();
    let said = on(&env, "dpkg -r banbridge 2>&1; ! test -e /usr/bin/banbridge").ok();
    assert!(said.contains("its rows stay") && said.contains("does not answer"), "{said}");
    assert!(!on(&env, "nft list tables").ok().contains("banbridge"));
    pbx.run(&["database", "start"]).ok();
    assert_eq!(env.ours(), set([ATTACKER]));
}

#[test]
fn the_archive_installs_renews_and_leaves_as_the_package_does_without_systemd_too() {
    let debian = Clean::start(false);
    let before = debian.everything();
    let (old, new) = (debian.bring(&archive(BEFORE)), debian.bring(&archive(VERSION)));
    debian.ok(&format!("cd /tmp; tar -xzf {old}; tar -xzf {new}"));
    debian.ok(&format!("/tmp/banbridge-{BEFORE}/install.sh"));
    debian.ok("banbridge --version; test -e /etc/cron.d/banbridge; ! command -v cc gcc ld as");
    // A file that this version has not any more, and one that the administrator changed.
    debian.ok("echo old >/usr/share/banbridge/old; echo 'x  /usr/share/banbridge/old' >>/usr/lib/banbridge/installed");
    debian.ok("echo '# mine' >>/etc/logrotate.d/banbridge");
    let said = debian.sh(&format!("/tmp/banbridge-{VERSION}/install.sh"));
    assert_eq!(said.code, 0, "{said:?}");
    debian.ok("! test -e /usr/share/banbridge/old; grep -q '# mine' /etc/logrotate.d/banbridge");
    // What it does for an old systemd is seen by another one's number.
    debian.ok(
        "grep -q ^SystemCallFilter= /lib/systemd/system/banbridge-apply.service; mv /bin/systemctl /tmp/real",
    );
    debian.program("/bin/systemctl", "#!/bin/sh\n[ \"$1\" = --version ] && echo 'systemd 219'\n");
    debian.ok(&format!("/tmp/banbridge-{VERSION}/install.sh 2>/dev/null"));
    debian.ok("! grep -r ^SystemCallFilter= /lib/systemd/system/banbridge-*; grep -q ^NoNewPrivileges= /lib/systemd/system/banbridge-apply.service");
    debian.ok("mv /tmp/real /bin/systemctl");
    debian.ok("mkdir -p /etc/asterisk; touch /etc/asterisk/banbridge.toml /var/lib/banbridge/removed.json");
    debian.ok("/usr/lib/banbridge/install.sh --uninstall; ! test -e /usr/bin/banbridge");
    debian.ok("test -e /etc/asterisk/banbridge.toml; test -e /var/lib/banbridge/removed.json");
    debian.ok(&format!(
        "/tmp/banbridge-{VERSION}/install.sh --purge; rm -r /tmp/banbridge-*; rmdir /etc/asterisk"
    ));
    assert_eq!(differences(&before, &debian.everything()), Vec::<String>::new());
}
