//! `setup`: from a FreePBX without a configuration to one that blocks, again without a change, and back.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Stdio;

use crate::testenv::*;
use serde_json::Value;

const PROGRAM: &str = "/usr/bin/banbridge";
const KEY_FILE: &str = "/root/key";
const CRON: &str = "/etc/cron.d/banbridge";
const MODULES: &str = "/var/www/html/admin/modules";
const CALLS: &str = "/var/log/asterisk/fwconsole-calls";

/// Copies the program to where a package puts it, removes the configuration, and leaves a file with the key.
fn prepared(env: TestEnv) -> TestEnv {
    let pbx = &env.pbx;
    fs::copy(env!("CARGO_BIN_EXE_banbridge"), pbx.outside(PROGRAM)).unwrap();
    pbx.remove_file(CONFIG);
    pbx.run(&["rm", "-rf", "/var/lib/banbridge", "/run/banbridge"]).ok();
    // Roots' home is the machine's and cannot be written; this one goes with the sandbox.
    pbx.run(&["mount", "-t", "tmpfs", "tmpfs", "/root"]).ok();
    pbx.write_file(KEY_FILE, format!("{KEY}\n"));
    env
}

fn fresh() -> TestEnv {
    prepared(TestEnv::new(NFT, &[ATTACKER]))
}

/// `setup --json`: the exit code, and what it prints.
#[track_caller]
fn setup(env: &TestEnv, words: &[&str]) -> (i32, Value) {
    let run = run(env, &[&["--json"], words].concat());
    let value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"));
    (run.code, value)
}

#[track_caller]
fn run(env: &TestEnv, words: &[&str]) -> Run {
    let url = env.feed.url();
    let url: &[&str] = if words.contains(&"--remove") { &[] } else { &["--url", &url] };
    let run = env.pbx.run(&[&[PROGRAM, "setup"], words, url].concat());
    assert!(!shows_key(&run.stdout) && !shows_key(&run.stderr), "{run:?}");
    run
}

fn step<'a>(outcome: &'a Value, name: &str) -> &'a Value {
    let all = outcome["steps"].as_array().unwrap();
    all.iter().find(|step| step["step"] == name).unwrap_or_else(|| panic!("no step {name}: {outcome:#}"))
}

/// Whether a unit is so, as `systemctl` says.
fn is(env: &TestEnv, what: &str, unit: &str) -> bool {
    env.pbx.run(&["systemctl", "--quiet", what, unit]).code == 0
}

#[test]
fn with_the_packages_units_one_command_leads_to_a_pbx_that_blocks_and_a_second_one_changes_nothing() {
    let env = prepared(TestEnv::on(Sandbox::builder(NFT).period(3600).systemd(), &[ATTACKER]));
    let pbx = &env.pbx;
    let packaging = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging");
    for unit in fs::read_dir(packaging.join("systemd")).unwrap() {
        let unit = unit.unwrap();
        let to = format!("/lib/systemd/system/{}", unit.file_name().to_str().unwrap());
        fs::copy(unit.path(), pbx.outside(to)).unwrap();
    }
    pbx.write_file(CRON, fs::read(packaging.join("cron")).unwrap());
    let units = ["banbridge-sync.timer", "banbridge-apply.timer", "banbridge-apply.path"];

    let (code, outcome) = setup(&env, &["--yes", "--key-file", KEY_FILE]);
    assert_eq!((code, &outcome["ok"], &outcome["changed"]), (0, &true.into(), &true.into()), "{outcome:#}");
    assert_eq!(outcome["status"]["blocking"], true, "{outcome:#}");
    for name in ["configuration", "tables", "directories", "timers", "first_run"] {
        assert_eq!(step(&outcome, name)["changed"], true, "{name}");
    }
    let meta = fs::metadata(pbx.outside(CONFIG)).unwrap();
    let asterisk = fs::metadata(pbx.outside("/etc/asterisk")).unwrap();
    assert_eq!((meta.uid(), meta.gid(), meta.mode() & 0o777), (asterisk.uid(), asterisk.gid(), 0o640));
    for unit in units {
        assert!(is(&env, "is-enabled", unit) && is(&env, "is-active", unit), "{unit}");
    }
    assert!(is(&env, "is-enabled", "banbridge-boot.service"));
    assert_eq!(pbx.probe(Attacker(ATTACKER)), Probe::Refused);
    let owner = fs::metadata(pbx.outside("/run/banbridge")).unwrap().uid();
    assert_eq!(owner, asterisk.uid());

    let before = (env.requests().len(), pbx.read_file(CONFIG));
    let (code, outcome) = setup(&env, &["--yes", "--key-file", KEY_FILE]);
    assert_eq!((code, &outcome["changed"]), (0, &false.into()), "{outcome:#}");
    assert_eq!((env.requests().len(), pbx.read_file(CONFIG)), before);
    // A stopped timer is started again.
    pbx.run(&["systemctl", "stop", units[0]]).ok();
    let (_, outcome) = setup(&env, &["--yes"]);
    assert_eq!(step(&outcome, "timers")["changed"], true);
    assert!(is(&env, "is-active", units[0]));

    let (code, outcome) = setup(&env, &["--remove", "--yes"]);
    assert_eq!((code, &outcome["changed"]), (0, &true.into()), "{outcome:#}");
    for unit in units {
        assert!(!is(&env, "is-enabled", unit) && !is(&env, "is-active", unit), "{unit}");
    }
    // Files of the package stay, and so do blocked addresses.
    assert_eq!(pbx.read_file(CRON), fs::read_to_string(packaging.join("cron")).unwrap());
    assert_eq!((env.ours(), pbx.read_file(CONFIG)), (set([ATTACKER]), before.1));
    let (_, outcome) = setup(&env, &["--remove", "--yes"]);
    assert_eq!(outcome["changed"], false, "{outcome:#}");
}

#[test]
fn without_systemd_cron_is_used_and_lines_of_others_are_enough() {
    let env = fresh();
    let pbx = &env.pbx;
    let (code, outcome) = setup(&env, &["--yes", "--key-file", KEY_FILE]);
    assert_eq!(code, 0, "{outcome:#}");
    let lines = pbx.read_file(CRON);
    assert!(
        lines.contains("\n*/5 * * * * root ") && lines.contains("/usr/bin/banbridge sync -q\n"),
        "{lines}"
    );
    assert_eq!(fs::metadata(pbx.outside(CRON)).unwrap().mode() & 0o777, 0o644);
    let (_, outcome) = setup(&env, &["--yes"]);
    assert_eq!(outcome["changed"], false, "{outcome:#}");
    let doctor = pbx.run(&[PROGRAM, "doctor", "--offline"]);
    assert!(doctor.stdout.contains("ok       timers "), "{doctor:?}");
    let (_, outcome) = setup(&env, &["--yes", "--remove"]);
    assert_eq!(outcome["changed"], true);
    assert!(!pbx.outside(CRON).exists());

    let mine = "*/5 * * * * root banbridge sync -q\n";
    pbx.write_file("/etc/cron.d/mine", mine);
    let (_, outcome) = setup(&env, &["--yes"]);
    assert_eq!(step(&outcome, "timers")["changed"], false, "{outcome:#}");
    setup(&env, &["--yes", "--remove"]);
    assert_eq!(pbx.read_file("/etc/cron.d/mine"), mine);
}

#[test]
fn a_program_that_others_can_change_is_not_run_by_cron() {
    let env = fresh();
    fs::set_permissions(env.pbx.outside(PROGRAM), fs::Permissions::from_mode(0o777)).unwrap();
    let (code, outcome) = setup(&env, &["--yes", "--key-file", KEY_FILE]);
    assert_eq!(code, 69, "{outcome:#}");
    assert!(step(&outcome, "timers")["error"].as_str().unwrap().contains("others than root"));
    assert!(!env.pbx.outside(CRON).exists());
    // The other steps are done.
    assert_eq!(env.ours(), set([ATTACKER]));
}

/// Types lines on a terminal. Returns what the terminal showed, and the exit code.
fn on_a_terminal(env: &TestEnv, words: &str, lines: &[&str]) -> Run {
    let url = env.feed.url();
    let words = format!("{PROGRAM} setup --url {url} {words}");
    let mut command = env.pbx.command("/usr/bin/script");
    command.args(["--quiet", "--return", "--command", &words, "/dev/null"]).env("TERM", "dumb");
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // Input before the question would be discarded when the terminal stops its echo.
    let mut stdout = child.stdout.take().unwrap();
    let mut shown = Vec::new();
    let mut lines = lines.iter();
    let mut asked = 0;
    let mut byte = [0];
    while std::io::Read::read(&mut stdout, &mut byte).unwrap_or(0) == 1 {
        shown.push(byte[0]);
        let questions = String::from_utf8_lossy(&shown).matches("shown):").count()
            + String::from_utf8_lossy(&shown).matches("client):").count()
            + String::from_utf8_lossy(&shown).matches("[yes/no]").count();
        if questions > asked {
            asked = questions;
            // The question is written before the terminal stops its echo.
            std::thread::sleep(std::time::Duration::from_millis(300));
            let line = lines
                .next()
                .unwrap_or_else(|| panic!("asked too often: {:?}", String::from_utf8_lossy(&shown)));
            stdin.write_all(format!("{line}\n").as_bytes()).unwrap();
        }
    }
    drop(stdin);
    let status = child.wait().unwrap();
    Run {
        code: status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&shown).into_owned(),
        stderr: String::new(),
    }
}

#[test]
fn on_a_terminal_the_key_is_asked_for_without_being_shown_and_again_if_it_is_not_accepted() {
    let env = fresh();
    let run = on_a_terminal(&env, "--no-module", &["wrong-key-typed", KEY]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(
        run.stdout.contains("did not accept the API key")
            && run.stdout.contains("1 address or network is blocked."),
        "{run:?}"
    );
    assert!(!shows_key(&run.stdout) && !run.stdout.contains("wrong-key"), "{run:?}");
    assert_eq!(env.ours(), set([ATTACKER]));
    // The test of the good key counts against its limit; the wrong one was another key.
    let noted: Vec<usize> = env.pbx.sql("SELECT COUNT(*) FROM banbridge_request", ());
    assert_eq!(noted, [env.requests().len() - 1]);
}

#[test]
fn enter_uses_the_key_of_apibans_own_client() {
    let env = fresh();
    let directory = "/usr/local/bin/apiban";
    fs::create_dir_all(env.pbx.outside(directory)).unwrap();
    env.pbx
        .write_file(format!("{directory}/config.json"), format!("{{\"APIKEY\":\"{KEY}\",\"LKID\":\"100\"}}"));
    let run = on_a_terminal(&env, "--no-module --no-timers", &[""]);
    assert!(run.code == 0 && !shows_key(&run.stdout), "{run:?}");
    assert_eq!(env.ours(), set([ATTACKER]));
    assert!(!env.pbx.outside(CRON).exists());
}

#[test]
fn a_key_that_is_not_accepted_or_cannot_be_tested_leaves_nothing_behind() {
    let env = fresh();
    for (key, fault, code) in
        [("wrong", None, 77), (KEY, Some("reset-early"), 69), (KEY, Some("html"), 65), ("", None, 78)]
    {
        env.pbx.write_file(KEY_FILE, key);
        env.faults(fault.as_slice());
        let run = run(&env, &["--yes", "--key-file", KEY_FILE]);
        assert_eq!(run.code, code, "{run:?}");
        assert!(!env.pbx.outside(CONFIG).exists() && !env.pbx.outside(CRON).exists());
        assert_eq!(env.tables(), Vec::<String>::new());
    }
    let (code, outcome) = setup(&env, &["--yes", "--key-file", "/root/none"]);
    assert_eq!(
        (code, &outcome["ok"], &outcome["changed"]),
        (74, &false.into(), &false.into()),
        "{outcome:#}"
    );
    // A key in the environment is used; a key at its rate limit is known to the server.
    env.faults(&["rate"]);
    let url = env.feed.url();
    let mut command = env.pbx.command(PROGRAM);
    command.env("BANBRIDGE_APIBAN_KEY", KEY).args(["setup", "--yes", "--no-timers", "--url", &url]);
    let run: Run = command.output().unwrap().into();
    assert!(run.code == 0 && run.stdout.contains("not tested"), "{run:?}");
    assert!(env.pbx.read_file(CONFIG).contains(KEY), "it is in the file from then on");
}

#[test]
fn what_must_exist_first_is_named_and_nothing_is_made() {
    let env = fresh();
    let pbx = &env.pbx;
    let words = ["--yes", "--key-file", KEY_FILE];
    let case = |code: i32, says: &str, words: &[&str]| {
        let run = run(&env, words);
        assert!(run.code == code && run.stderr.contains(says), "{says}: {run:?}");
        assert!(!pbx.outside(CONFIG).exists());
        assert_eq!(env.requests().len(), 0);
    };
    case(2, "--yes", &["--key-file", KEY_FILE]);
    case(2, "--key-file FILE", &["--yes"]);
    let as_asterisk = pbx.run_as("asterisk", &[PROGRAM, "setup", "--yes"]);
    assert_eq!(as_asterisk.code, 77, "{as_asterisk:?}");
    pbx.sql_run("UPDATE modules SET enabled = 0 WHERE modulename = 'firewall'", ());
    case(78, "fwconsole ma enable firewall", &words);
    pbx.sql_run("UPDATE modules SET enabled = 1 WHERE modulename = 'firewall'", ());
    pbx.run(&["mv", "/etc/freepbx.conf", "/etc/kept"]).ok();
    case(78, "is this a FreePBX?", &words);
    pbx.run(&["mv", "/etc/kept", "/etc/freepbx.conf"]).ok();
    pbx.stop_database();
    case(69, "systemctl start mariadb", &words);
    pbx.start_database();
    assert_eq!(env.tables(), Vec::<String>::new());
}

#[test]
fn an_existing_configuration_stays_and_an_invalid_one_is_named() {
    let env = fresh();
    env.configure("# mine");
    let mine = env.pbx.read_file(CONFIG);
    let (code, outcome) = setup(&env, &["--yes", "--key-file", KEY_FILE]);
    assert_eq!(code, 0, "{outcome:#}");
    assert!(step(&outcome, "configuration")["found"].as_str().unwrap().contains("not used"));
    assert_eq!(env.pbx.read_file(CONFIG), mine);
    env.write_config("nonsense");
    let run = run(&env, &["--yes"]);
    assert!(run.code == 78 && run.stderr.contains("line 1"), "{run:?}");
}

#[test]
fn a_disabled_firewall_does_not_stop_setup_and_is_named() {
    let env = prepared(TestEnv::without_firewall(&[ATTACKER]));
    let run = run(&env, &["--yes", "--key-file", KEY_FILE]);
    assert!(run.code == 0 && run.stdout.contains("the firewall is disabled"), "{run:?}");
    assert_eq!(env.ours(), set([ATTACKER]), "the rows take effect when it is enabled");
}

/// A package's archive of the module, and an fwconsole that writes down who calls it, and installs and deletes if it
/// `works`.
fn with_module(env: &TestEnv, works: bool) {
    let pbx = &env.pbx;
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("freepbx-hook/banbridge");
    pbx.run(&[
        "sh",
        "-c",
        &format!(
            "chown asterisk:asterisk {MODULES} {MODULES}/..; mkdir -p /usr/share/banbridge /run/m; cp -r '{}' /run/m/",
            module.display()
        ),
    ])
    .ok();
    pbx.run(&["tar", "-C", "/run/m", "-czf", "/usr/share/banbridge/banbridge-module.tar.gz", "banbridge"])
        .ok();
    let sql = if works { "mariadb -u freepbxuser -pcorrect-horse asterisk -e" } else { ":" };
    let version = env!("CARGO_PKG_VERSION");
    pbx.run(&["rm", "/usr/sbin/fwconsole"]).ok();
    pbx.write_file(
        "/usr/sbin/fwconsole",
        format!(
            "#!/bin/sh\necho \"$(id -un) $*\" >>{CALLS}\ncase \"$2\" in\n\
             install) [ -e {MODULES}/banbridge/module.xml ] && {sql} \"REPLACE INTO modules (modulename, version, enabled) VALUES ('banbridge', '{version}', 1)\" ;;\n\
             delete) rm -rf {MODULES}/banbridge; {sql} \"DELETE FROM modules WHERE modulename = 'banbridge'\" ;;\nesac\nexit 0\n"
        ),
    );
    pbx.run(&["chmod", "755", "/usr/sbin/fwconsole"]).ok();
}

#[test]
fn the_page_is_unpacked_installed_and_updated_as_asterisk() {
    let env = fresh();
    let pbx = &env.pbx;
    with_module(&env, true);
    let (code, outcome) = setup(&env, &["--yes", "--key-file", KEY_FILE]);
    assert_eq!((code, &step(&outcome, "page")["changed"]), (0, &true.into()), "{outcome:#}");
    let asterisk = fs::metadata(pbx.outside("/etc/asterisk")).unwrap().uid();
    let meta = fs::metadata(pbx.outside(format!("{MODULES}/banbridge/module.xml"))).unwrap();
    assert_eq!(meta.uid(), asterisk);
    // FreePBX links script and style only when somebody presses Apply Config.
    let style = "/var/www/html/admin/assets/banbridge/css/banbridge.css";
    assert!(pbx.run(&["test", "-s", style]).code == 0);
    let (_, outcome) = setup(&env, &["--yes"]);
    assert_eq!(step(&outcome, "page")["changed"], false, "{outcome:#}");
    assert_eq!(pbx.read_file(CALLS), "asterisk ma install banbridge\n");
    pbx.run(&["rm", "/var/www/html/admin/assets/banbridge"]).ok();
    assert_eq!(
        env.json(&["doctor"]).1["checks"]
            .as_array()
            .unwrap()
            .iter()
            .find(|check| check["name"] == "page")
            .unwrap()["state"],
        "warning"
    );
    let (_, outcome) = setup(&env, &["--yes"]);
    assert_eq!(step(&outcome, "page")["changed"], true, "{outcome:#}");
    assert!(pbx.run(&["test", "-s", style]).code == 0);

    // An older version is replaced as a whole; nothing is left beside it.
    pbx.sql_run("UPDATE modules SET version = '0.0.1' WHERE modulename = 'banbridge'", ());
    pbx.write_file(format!("{MODULES}/banbridge/old"), "");
    let (_, outcome) = setup(&env, &["--yes"]);
    assert_eq!(step(&outcome, "page")["changed"], true, "{outcome:#}");
    assert!(!pbx.outside(format!("{MODULES}/banbridge/old")).exists());
    assert!(!pbx.outside(format!("{MODULES}/.banbridge-setup")).exists());
    // A disabled page stays disabled.
    pbx.sql_run("UPDATE modules SET version = '0.0.1', enabled = 0 WHERE modulename = 'banbridge'", ());
    let (_, outcome) = setup(&env, &["--yes"]);
    assert_eq!(step(&outcome, "page")["changed"], false, "{outcome:#}");

    let (code, outcome) = setup(&env, &["--yes", "--remove"]);
    assert_eq!((code, &step(&outcome, "page")["changed"]), (0, &true.into()), "{outcome:#}");
    assert!(!pbx.outside(format!("{MODULES}/banbridge")).exists());
}

#[test]
fn an_fwconsole_that_exits_with_0_without_installing_is_a_failure() {
    let env = fresh();
    with_module(&env, false);
    let (code, outcome) = setup(&env, &["--yes", "--key-file", KEY_FILE]);
    assert_eq!(code, 69, "{outcome:#}");
    assert!(step(&outcome, "page")["error"].as_str().unwrap().contains("fwconsole ma install banbridge"));
    assert_eq!(env.ours(), set([ATTACKER]), "all else is done");
    let (code, outcome) = setup(&env, &["--yes", "--no-module"]);
    assert_eq!(code, 0, "{outcome:#}");
}
