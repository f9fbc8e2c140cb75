//! Bad input of every kind ends in a message that names the thing and the mend, in the documented exit code, and
//! with nothing lost or half-done: rows and ledger are as they were, and the next good run is a good run.

use crate::testenv::{self, ATTACKER, CONFIG, KEY, Run, TestEnv, addresses, set, shows_key, until};

const CONF: &str = "/etc/freepbx.conf";

/// A bad run: its code, the words in what it printed, nothing changed.
#[track_caller]
fn ends_with(env: &TestEnv, what: &str, code: i32, words: &[&str]) -> Run {
    let run = env.run(&["sync"]);
    let said = format!("{}{}", run.stdout, run.stderr);
    assert_eq!(run.code, code, "{what}: {said}");
    for word in words {
        assert!(said.contains(word), "{what}: {said:?} does not say {word:?}");
    }
    run
}

#[test]
fn no_answer_of_a_feed_changes_what_is_blocked_unless_it_is_a_good_one() {
    let table: &[(&str, i32, &[&str])] = &[
        ("no-json", 65, &["unusable answer", "not in apiban's form"]),
        ("truncated", 65, &["cut"]),
        ("wrong-types", 65, &["unusable answer"]),
        ("html", 65, &["web page"]),
        ("html=403", 65, &["web filter"]),
        ("html=404", 65, &["wrong url"]),
        ("status=204", 65, &["204"]),
        ("status=404", 65, &["did not accept", "url"]),
        ("echo", 65, &["did not accept", "***"]),
        ("status=500", 69, &["500"]),
        ("status=502", 69, &["502"]),
        ("busy", 69, &["503"]),
        ("rate", 75, &["too many requests"]),
        ("rate-plain", 75, &["too many requests"]),
        ("key", 77, &["did not accept the API key", "key"]),
        ("drip=400", 69, &["no complete answer within 1 seconds"]),
        ("stall", 69, &["no complete answer within 1 seconds"]),
        ("close", 69, &["broke"]),
        ("reset", 69, &["broke"]),
        ("reset-early", 69, &["broke"]),
        ("long-length", 65, &["cut"]),
        ("short-length", 65, &["cut"]),
        ("bad-length", 65, &["unusable answer"]),
        ("cut-chunk", 65, &["cut"]),
        ("endless-head", 65, &["unusable answer"]),
        ("endless", 65, &["8 MiB"]),
        ("oversize", 65, &["8 MiB"]),
        ("gzip", 65, &["compressed"]),
        ("garbage", 65, &["unusable answer"]),
        ("redirect-loop*10", 65, &["redirects"]),
        ("redirect-http", 65, &["plain http on another machine"]),
        ("redirect=file:///etc/passwd", 65, &["neither https nor http"]),
    ];
    for api in [2, 1] {
        let env = TestEnv::without_firewall(&addresses(300));
        env.configure(&format!("api = {api}"));
        env.sync(0, &[]);
        let sums = env.sums();
        for (fault, code, words) in table {
            // Short where it has to be waited out, long where a busy machine must not matter.
            let slow = ["drip=400", "stall"].contains(fault);
            env.configure(&format!("api = {api}\ntimeout = \"{}\"", if slow { "1s" } else { "30s" }));
            env.later(1);
            let cursor: Vec<String> = env.pbx.sql("SELECT cursor_id FROM banbridge_feed", ());
            let before = env.sums();
            env.faults(&[fault]);
            ends_with(&env, fault, *code, words);
            assert_eq!(env.sums(), before, "{fault}: rows and ledger are as they were");
            let after: Vec<String> = env.pbx.sql("SELECT cursor_id FROM banbridge_feed", ());
            assert_eq!(after, cursor, "{fault}: it goes on from where it was");
            env.pbx.sql_run("UPDATE banbridge_feed SET retry_at = NULL", ());
            env.pbx.sql_run("DELETE FROM banbridge_request", ());
            env.feed.reset_rate();
            env.feed.clear_faults();
        }
        assert_ne!(env.sums(), sums, "only the times that the test itself moved");
        env.feed.sight(ATTACKER);
        env.sync(0, &[]);
        assert_eq!(env.ours().len(), 301, "and then all is well");
    }
}

#[test]
fn a_feed_that_is_not_there_is_named_with_the_mend() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    env.sync(0, &[]);
    let sums = env.sums();
    for (url, code, words) in [
        ("http://127.0.0.1:9/api", 69, "connection refused. Check the feed's url"),
        ("https://no-such-host.invalid/api", 69, "cannot resolve the name"),
        ("https://127.0.0.1:9/api", 69, "refused"),
    ] {
        let key = format!("key = \"{KEY}\"");
        env.write_config(&format!(
            "[[feed]]\nname = \"apiban\"\nkind = \"apiban\"\n{key}\nurl = \"{url}\"\n"
        ));
        ends_with(&env, url, code, &[words]);
        assert_eq!(env.sums(), sums, "{url}");
    }
}

#[test]
fn junk_among_the_entries_is_counted_with_its_reason_and_never_becomes_a_row() {
    for api in [2, 1] {
        let env = TestEnv::without_firewall(&[ATTACKER]);
        env.configure(&format!("api = {api}"));
        // Entry, words of the reason; the escaped form is what may be printed.
        let long = "9".repeat(97) + "...";
        let table = [
            ("137.184.10/32", "invalid address"),
            ("010.0.0.1", "invalid address"),
            ("1.2.3.4/33", "length"),
            ("1.2.3.4;DROP TABLE", "invalid address"),
            (long.as_str(), "invalid address"),
            ("0.0.0.0/0", "wider than /16"),
            ("::/0", "wider than /32"),
            ("10.0.0.1", "private network"),
            ("127.0.0.1", "loopback"),
            ("224.0.0.1", "multicast"),
            ("0.1.0.1", "this network"),
            ("", "invalid address"),
            ("\\u{1b}[2J", "invalid address"),
            ("1.2.3.4\\n5.6.7.8", "invalid address"),
            ("example.com", "invalid address"),
            ("'; --", "invalid address"),
            ("fe80::1%eth0", "invalid address"),
        ];
        env.faults(&["junk"]);
        let report = env.sync(0, &[]);
        assert_eq!(env.ours(), set(["1.2.3.4"]), "what `1.2.3.4 ` and `::ffff:1.2.3.4` mean");
        let refused = report["feeds"][0]["skipped"].as_array().unwrap();
        let (_, listed) = env.json(&["list", "--skipped"]);
        for (entry, words) in table {
            let one = refused.iter().find(|refused| refused["entry"] == entry);
            let one = one.unwrap_or_else(|| panic!("{entry:?} is not among {refused:#?}"));
            assert!(one["reason"].as_str().unwrap().contains(words), "{one:#}");
            assert!(listed.as_array().unwrap().iter().any(|l| l["entry"] == entry), "{entry:?}: {listed:#}");
        }
        for text in [env.run(&["list", "--skipped"]).ok(), env.run(&["sync"]).ok(), env.log()] {
            let bad = |c: char| c.is_control() && c != '\n';
            assert!(!text.contains(bad), "control characters: {text:?}");
        }
    }
}

#[test]
fn entries_that_are_no_texts_are_refused_and_the_rest_of_the_batch_is_taken() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    env.faults(&["mixed"]);
    let report = env.sync(0, &[]);
    let refused = report["feeds"][0]["skipped"].as_array().unwrap();
    let reasons: Vec<_> = refused.iter().map(|r| r["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons.iter().filter(|reason| **reason == "not text").count(), 4, "{reasons:?}");
    // The two addresses are documentation's, which are refused too, for a reason of their own.
    assert_eq!(reasons.iter().filter(|reason| reason.contains("documentation")).count(), 2, "{reasons:?}");
}

#[test]
fn a_feed_without_end_does_not_hold_a_run_and_an_unmoving_one_is_complete() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    env.faults(&["same-id"]);
    assert_eq!(env.sync(0, &[])["feeds"][0]["requests"], 1);
    env.faults(&["empty"]);
    assert_eq!(env.sync(0, &[])["feeds"][0]["requests"], 1);
}

#[test]
fn freepbx_conf_that_is_missing_or_wrong_is_named_with_the_setting() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    env.sync(0, &[]);
    let good = env.pbx.read_file(CONF);
    let (sums, asked) = (env.sums(), env.requests().len());
    let without = |key: &str| -> String {
        good.lines().filter(|line| !line.contains(key)).map(|line| format!("{line}\n")).collect()
    };
    let table: &[(&str, String, i32, &[&str])] = &[
        ("empty", String::new(), 78, &[CONF, "AMPDBNAME"]),
        ("no user", without("AMPDBUSER"), 78, &[CONF, "has no AMPDBUSER"]),
        ("no name", without("AMPDBNAME"), 78, &[CONF, "has no AMPDBNAME"]),
        ("cut off", good[..good.find("AMPDBNAME").unwrap()].into(), 78, &[CONF, "AMPDBNAME"]),
        ("binary", "\u{0}\u{1}\u{fffd}".into(), 78, &[CONF]),
        ("sqlite", good.replace("'mysql'", "'sqlite3'"), 78, &[CONF, "AMPDBENGINE", "sqlite3"]),
        ("port", good.replace("'3306'", "'many'"), 78, &[CONF, "AMPDBPORT", "many"]),
        (
            "password",
            good.replace("correct-horse", "wrong-horse"),
            77,
            &["does not accept the user", "AMPDBPASS", CONF],
        ),
        (
            "user",
            good.replace("freepbxuser", "nobody"),
            77,
            &["does not accept the user \"nobody\"", "AMPDBUSER"],
        ),
        ("database", good.replace("'asterisk'", "'nosuch'"), 77, &["nosuch"]),
        ("host", good.replace("'localhost'", "'127.0.0.9'"), 69, &["127.0.0.9", "does not answer"]),
        ("socket", format!("{good}$amp_conf['AMPDBSOCK'] = '/run/none.sock';\n"), 69, &["/run/none.sock"]),
    ];
    for (what, text, code, words) in table {
        env.pbx.write_file(CONF, text);
        let run = ends_with(&env, what, *code, words);
        assert!(!run.stderr.contains("horse"), "{run:?}");
        for command in [&["status"][..], &["list"], &["check", ATTACKER]] {
            assert_eq!(env.run(command).code, *code, "{what}: {command:?}");
        }
    }
    env.pbx.remove_file(CONF);
    ends_with(&env, "missing", 78, &[CONF, "is this a FreePBX?", "--freepbx-conf"]);
    env.pbx.write_file(CONF, &good);
    assert_eq!((env.sums(), env.requests().len()), (sums, asked), "nothing was changed, nobody was asked");
    // Somebody who may not read it.
    env.pbx.run(&["chmod", "600", CONF]).ok();
    env.pbx.run(&["chown", "root", CONF]).ok();
    let run = env.run_as("asterisk", &["sync"]);
    assert!(run.code == 77 && run.stderr.contains("Run banbridge as root"), "{run:?}");
}

#[test]
fn a_database_that_is_down_or_lacks_something_is_told_and_nothing_is_lost() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    let pbx = &env.pbx;
    env.sync(0, &[]);
    let (sums, asked) = (env.sums(), env.requests().len());
    pbx.stop_database();
    ends_with(&env, "down", 69, &["does not answer", "systemctl status mariadb"]);
    pbx.start_database();

    pbx.sql_run("RENAME TABLE kvstore_FreePBX_modules_Firewall TO elsewhere", ());
    let run =
        ends_with(&env, "no table", 69, &["kvstore_FreePBX_modules_Firewall", "Firewall module installed?"]);
    assert_eq!(run.stdout, "");
    assert_eq!(env.run(&["status"]).code, 69);
    pbx.sql_run("RENAME TABLE elsewhere TO kvstore_FreePBX_modules_Firewall", ());

    pbx.sql_run("RENAME TABLE freepbx_settings TO elsewhere", ());
    ends_with(&env, "no settings", 69, &["freepbx_settings"]);
    pbx.sql_run("RENAME TABLE elsewhere TO freepbx_settings", ());

    pbx.sql_run("INSERT INTO banbridge_schema (version, program, applied_at) VALUES (99, '9.9.9', 0)", ());
    ends_with(&env, "newer tables", 78, &["newer banbridge (9.9.9; this is ", "Install that version"]);
    pbx.sql_run("DELETE FROM banbridge_schema WHERE version = 99", ());
    assert_eq!(env.requests().len(), asked, "nobody was asked");

    pbx.sql_run("REVOKE ALL ON asterisk.* FROM freepbxuser@localhost", ());
    pbx.sql_run("GRANT SELECT ON asterisk.* TO freepbxuser@localhost", ());
    ends_with(&env, "read only", 77, &["lacks a right", "FreePBX's own user has ALL"]);
    assert_eq!(env.run(&["status"]).code, 0, "looking needs no more");
    pbx.sql_run("GRANT ALL ON asterisk.* TO freepbxuser@localhost", ());
    assert_eq!(env.sums(), sums);
    assert_eq!(env.sync(0, &[])["blacklist"]["kept"], 1);
}

#[test]
fn a_user_whom_the_database_does_not_let_in_is_told_by_the_cause() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    let conf = env.pbx.read_file("/etc/freepbx.conf");
    let with = |extra: &str| conf.clone() + "\n" + extra + "\n";
    env.sync(0, &[]);
    let user = "freepbxuser@localhost";
    let tcp = "$amp_conf['AMPDBHOST'] = '127.0.0.1';";
    // What is done to the user, where the database is asked, the exit code and what is said.
    let table: &[(&str, &str, &[&str])] = &[
        ("ALTER USER {} ACCOUNT LOCK", "", &["its account is locked", "ACCOUNT UNLOCK"]),
        ("ALTER USER {} PASSWORD EXPIRE", "", &["its password has expired", "/etc/freepbx.conf"]),
        ("ALTER USER {} REQUIRE SSL", "", &["does not accept the user", "REQUIRE SSL"]),
        ("SET @here = 1", tcp, &["may not connect from this machine", "localhost in AMPDBHOST"]),
        ("ALTER USER {} IDENTIFIED VIA unix_socket", "", &["does not accept the user"]),
        ("ALTER USER {} IDENTIFIED VIA pam", "", &["logs in by dialog", "ed25519"]),
    ];
    env.pbx.sql_run("INSTALL SONAME 'auth_pam'", ());
    env.pbx.sql_run("INSTALL SONAME 'auth_ed25519'", ());
    for (statement, extra, words) in table {
        env.pbx.write_file("/etc/freepbx.conf", with(extra));
        env.pbx.sql_run(&statement.replace("{}", user), ());
        let run = ends_with(&env, statement, 77, words);
        assert!(!run.stderr.contains("DriverError") && !run.stderr.contains("correct-horse"), "{run:?}");
        let good = "IDENTIFIED VIA mysql_native_password USING PASSWORD('correct-horse') REQUIRE NONE ACCOUNT UNLOCK";
        env.pbx.sql_run(&format!("ALTER USER {user} {good}"), ());
    }
    // A server that wants TLS of whoever comes by TCP.
    let by_tcp = "freepbxuser@127.0.0.1";
    env.pbx.sql_run(&format!("CREATE USER {by_tcp} IDENTIFIED BY 'correct-horse'"), ());
    env.pbx.sql_run(&format!("GRANT ALL ON asterisk.* TO {by_tcp}"), ());
    env.pbx.write_file("/etc/freepbx.conf", with(tcp));
    env.sync(0, &[]);
    env.pbx.sql_run("SET GLOBAL require_secure_transport = ON", ());
    ends_with(
        &env,
        "TLS",
        77,
        &["does not accept the user", "use TLS (REQUIRE SSL, or require_secure_transport)"],
    );
    env.pbx.sql_run("SET GLOBAL require_secure_transport = OFF", ());
    env.pbx.write_file("/etc/freepbx.conf", &conf);
    env.pbx.sql_run(&format!("ALTER USER {user} IDENTIFIED VIA ed25519 USING PASSWORD('correct-horse')"), ());
    env.sync(0, &[]);
}

#[test]
fn a_database_that_sends_a_byte_now_and_then_holds_nobody() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    let drips = "$s = stream_socket_server('tcp://127.0.0.1:3999'); touch($argv[1]); $c = stream_socket_accept($s, 60); \
                 fwrite($c, \"\\x00\\x10\\x00\\x00\"); while (@fwrite($c, \"\\x4a\")) { usleep(200000); }";
    let listens = env.pbx.dir().join("listens");
    let mut server = env.pbx.command("php").args(["-r", drips]).arg(&listens).spawn().unwrap();
    until("the server", || listens.exists());
    let conf = env.pbx.read_file("/etc/freepbx.conf");
    let there = "\n$amp_conf['AMPDBHOST'] = '127.0.0.1';\n$amp_conf['AMPDBPORT'] = 3999;\n";
    env.pbx.write_file("/etc/freepbx.conf", conf + there);
    ends_with(&env, "drip", 69, &["127.0.0.1, port 3999 does not answer (no whole answer within 20 s)"]);
    let _ = server.kill();
    server.wait().unwrap();
}

#[test]
fn a_database_that_takes_small_statements_only_gets_small_ones() {
    for (most, entries) in [(16_384, 2_000u32), (1_024, 300)] {
        let env = TestEnv::without_firewall(&addresses(entries));
        env.pbx.sql_run(&format!("SET GLOBAL max_allowed_packet = {most}"), ());
        env.sync(0, &[]);
        assert_eq!(env.ours().len(), entries as usize);
        env.feed.set_list(&addresses(1));
        env.later(8 * crate::testenv::DAY);
        env.sync(0, &["--full", "--accept"]);
        assert_eq!(env.ours().len(), 1);
        assert_eq!(env.json(&["purge", "--yes"]).1["rows"], 1);
    }
}

#[test]
fn a_first_run_without_the_firewalls_table_makes_no_tables() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    env.pbx.sql_run("DROP TABLE kvstore_FreePBX_modules_Firewall", ());
    ends_with(&env, "no table", 69, &["Firewall module installed?"]);
    assert_eq!(env.tables(), [""; 0]);
}

#[test]
fn a_database_restarted_in_the_middle_ends_the_run_and_the_next_goes_on() {
    for how in ["stop", "kill"] {
        let all = addresses(600);
        let env = TestEnv::without_firewall(&all);
        env.configure("timeout = \"2s\"");
        env.faults(&["none", "stall"]);
        let child = env.start(&[]);
        until("the second request", || env.requests().len() == 2);
        if how == "kill" {
            env.pbx.kill_database();
        } else {
            env.pbx.stop_database();
        }
        env.pbx.start_database();
        let run: Run = child.wait_with_output().unwrap().into();
        assert_eq!(run.code, 69, "{how}: {run:?}");
        assert_eq!(run.stderr.matches("lost the connection to the database").count(), 1, "{how}: {run:?}");
        assert_eq!(env.ours(), set(&all[..250]), "{how}: what was committed stays");
        let next = env.sync(0, &[]);
        assert_eq!((env.ours(), &next["blacklist"]["unblocked"]), (set(&all), &0.into()), "{how}");
        let cursors = env.cursors();
        assert_eq!(cursors[1], cursors[2], "{how}: it goes on where it was");
    }
}

#[test]
fn mistakes_in_the_configuration_name_file_line_and_fix() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    env.sync(0, &[]);
    let (sums, asked) = (env.sums(), env.requests().len());
    let feed = |lines: &str| format!("[[feed]]\nname = \"apiban\"\nkind = \"apiban\"\n{lines}\n");
    let table: &[(&str, String, &[&str])] = &[
        ("no key", feed(""), &["line 2", "no API key", "https://apiban.org/getkey.html"]),
        ("placeholder", feed("key = \"MY API KEY\""), &["line 2", "placeholder", "getkey"]),
        ("empty key", feed("key = \"\""), &["is empty"]),
        ("no key file", feed("key_file = \"/etc/none\""), &["/etc/none"]),
        (
            "unknown setting",
            feed("kee = \"x\""),
            &["line 4", "unknown setting \"kee\". Did you mean \"key\"?"],
        ),
        (
            "unknown table",
            "[blacklst]\n".into(),
            &["line 1", "unknown setting \"blacklst\". Did you mean \"blacklist\"?"],
        ),
        ("unknown kind", feed("").replace("= \"apiban\"\n\n", "= \"apibann\"\n"), &["line 3", "apibann"]),
        (
            "two of a name",
            feed(&format!("key = \"{KEY}\"")) + &feed("key = \"b\""),
            &["line 6", "two feeds", "line 2"],
        ),
        ("no TOML", format!("key = \"{KEY}"), &["line 1"]),
        ("key without quotes", feed(&format!("key = {KEY}")), &["line 4"]),
        ("ttl", feed("ttl = \"soon\""), &["line 4", "\"7d\""]),
        ("limit", "[blacklist]\nlimit = -1\n".into(), &["line 2", "\"auto\""]),
        ("plain http", feed("key = \"a\"\nurl = \"http://apiban.org/api\""), &["line 2", "https://"]),
        ("api 3", feed("key = \"a\"\napi = 3"), &["must be 1 or 2"]),
    ];
    for (what, text, words) in table {
        env.write_config(text);
        let run = ends_with(&env, what, 78, &[&[CONFIG], *words].concat());
        assert!(!shows_key(&run.stderr));
        let check = env.run(&["config", "check"]);
        assert!(check.code == 78 && check.stderr.contains(CONFIG), "{what}: {check:?}");
    }
    env.pbx.remove_file(CONFIG);
    ends_with(&env, "no file", 78, &[CONFIG, "there is no such file", "[[feed]]", "getkey"]);
    env.pbx.run(&["mkdir", CONFIG]).ok();
    ends_with(&env, "a directory", 78, &[CONFIG, "cannot read"]);
    env.pbx.run(&["rmdir", CONFIG]).ok();
    assert_eq!((env.sums(), env.requests().len()), (sums, asked), "nothing was changed, nobody was asked");
    env.configure("");
    assert_eq!(env.sync(0, &[])["blacklist"]["kept"], 1);
}

#[test]
fn a_log_that_cannot_be_written_is_said_and_the_run_goes_on() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    env.pbx.run(&["ln", "-s", "/etc/passwd", testenv::LOG]).ok();
    let run = env.run(&["sync"]);
    assert!(run.code == 0 && run.stderr.contains("cannot write the log"), "{run:?}");
    assert!(!env.pbx.read_file("/etc/passwd").contains("blocked"));
    assert_eq!(env.ours(), set([ATTACKER]));
}

#[test]
fn a_full_disk_under_the_log_is_one_plain_line_and_none_for_cron() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    let full = "cd /var/log/asterisk && mount -t tmpfs -o size=8k,mode=0755 none . && cd . && \
                chown asterisk:asterisk /var/log/asterisk && ! cat /dev/zero >/var/log/asterisk/rest";
    env.pbx.run(&["sh", "-c", full]).ok();
    for (arguments, lines) in [(&["sync", "--full"][..], 1), (&["sync", "--full", "-q"], 0)] {
        let run = env.run(arguments);
        assert_eq!(run.code, 0, "{run:?}");
        assert_eq!(run.stderr.lines().count(), lines, "{run:?}");
        let line = format!("cannot write the log {}: No space left on device", testenv::LOG);
        assert_eq!(run.stderr.contains(&line), lines == 1, "{run:?}");
    }
    assert_eq!(env.ours(), set([ATTACKER]));
}

#[test]
fn zones_that_cannot_be_understood_are_said_and_those_protected_before_stay_so() {
    let env = TestEnv::without_firewall(&["91.2.3.4", ATTACKER]);
    env.pbx.set_config("networkmaps", &serde_json::json!({"91.2.3.0/24": "trusted"}));
    env.sync(0, &[]);
    for broken in ["{", "7", "[\"a\"]"] {
        let write = "UPDATE kvstore_FreePBX_modules_Firewall SET val = ? WHERE `key` = 'networkmaps'";
        env.pbx.sql_run(write, (broken,));
        let run = env.run(&["sync"]);
        assert!(run.code == 0 && run.stderr.contains("networkmaps cannot be understood"), "{run:?}");
        assert_eq!(env.ours(), set([ATTACKER]), "{broken}");
    }
}
