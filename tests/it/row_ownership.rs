//! Who owns which row: what the administrator wrote, took out or added again is his, on every firewall, also after
//! the ledger or the firewall's table was lost and restored.

use crate::testenv::{
    self, ATTACKER, Attacker, DAY, FIREWALLS, Firewall, NFT, Probe, Sandbox, TestEnv, WINDOW, addresses, set,
    until,
};
use serde_json::json;

/// Every row of the administrator's with its value.
fn his_rows(env: &TestEnv) -> Vec<(String, String)> {
    env.pbx.blacklist().into_iter().filter(|(_, value)| value != "banbridge").collect()
}

#[test]
fn rows_of_ours_never_overlap_his_nor_what_his_names_resolve_to() {
    let listed = ["5.188.10.5", "45.9.8.0/24", "62.210.149.30", ATTACKER, "104.37.175.0/28", "104.37.175.3"];
    for firewall in FIREWALLS {
        let env = TestEnv::new(firewall, &listed);
        let pbx = &env.pbx;
        pbx.names("bad.example.com 62.210.149.30\n");
        pbx.fwconsole(&["firewall", "add", "blacklist", "5.188.10.0/24", "45.9.8.77", "bad.example.com"])
            .ok();
        let his = his_rows(&env);
        let report = env.sync(0, &[]);
        assert_eq!(his_rows(&env), his, "{firewall:?}");
        assert_eq!(report["blacklist"]["other_rows"], 3);
        let carved = [
            "45.9.8.0/26",
            "45.9.8.64/29",
            "45.9.8.72/30",
            "45.9.8.76",
            "45.9.8.78/31",
            "45.9.8.80/28",
            "45.9.8.96/27",
            "45.9.8.128/25",
        ];
        let mut rows = set(carved);
        rows.extend(set([ATTACKER, "104.37.175.0/28"]));
        assert_eq!(env.ours(), rows, "{firewall:?}");
        let (_, listing) = env.json(&["list"]);
        let of = |prefix: &str| {
            listing.as_array().unwrap().iter().find(|item| item["address"] == prefix).unwrap().clone()
        };
        assert_eq!(
            (&of("5.188.10.5")["state"], &of("5.188.10.5")["row"]),
            (&json!("your_row"), &json!("5.188.10.0/24"))
        );
        assert_eq!(of("62.210.149.30")["row"], "bad.example.com");
        // The daemon takes all of it.
        pbx.hup();
        for source in
            ["5.188.10.5", "45.9.8.76", "45.9.8.77", "45.9.8.200", "62.210.149.30", ATTACKER, "104.37.175.3"]
        {
            assert_eq!(pbx.probe(Attacker(source)), Probe::Refused, "{source}, {firewall:?}");
        }

        // He adds an address inside a row of ours, and his name moves to another one that is listed.
        pbx.fwconsole(&["firewall", "add", "blacklist", "104.37.175.3"]).ok();
        pbx.names("bad.example.com 104.37.175.9\n");
        let his = his_rows(&env);
        let report = env.sync(0, &[]);
        assert_eq!(his_rows(&env), his, "{firewall:?}");
        assert_eq!(report["blacklist"]["unblocked"], 0, "nothing was taken out: {report:#}");
        let mut rows = set(carved);
        rows.extend(set([
            ATTACKER,
            "62.210.149.30",
            "104.37.175.0/31",
            "104.37.175.2",
            "104.37.175.4/30",
            "104.37.175.8",
            "104.37.175.10/31",
            "104.37.175.12/30",
        ]));
        assert_eq!(env.ours(), rows, "{firewall:?}");
        pbx.hup();
        for source in ["104.37.175.3", "104.37.175.9", "104.37.175.12", "62.210.149.30"] {
            assert_eq!(pbx.probe(Attacker(source)), Probe::Refused, "{source}, {firewall:?}");
        }
        let log = pbx.read_file("/var/log/asterisk/firewall.log");
        assert!(!log.contains("conflicting intervals"), "{log}");
    }
}

#[test]
fn a_row_the_administrator_deleted_stays_out_until_its_time_is_over() {
    // By fwconsole and by the GUI.
    for how in ["fwconsole", "gui"] {
        let env = TestEnv::new(Firewall::Nftables, &[ATTACKER, "163.172.207.104"]);
        let pbx = &env.pbx;
        env.sync(0, &[]);
        pbx.hup();
        match how {
            "gui" => pbx.gui_blacklist("del", ATTACKER).ok(),
            _ => pbx.fwconsole(&["firewall", "del", "blacklist", ATTACKER]).ok(),
        };
        env.feed.sight(ATTACKER);
        let report = env.sync(0, &[]);
        assert_eq!(
            (&report["blacklist"]["unblocked"], &report["blacklist"]["added"]),
            (&json!(1), &json!(0))
        );
        assert_eq!(env.ours(), set(["163.172.207.104"]), "{how}");
        let (_, released) = env.json(&["list", "--unblocked"]);
        assert_eq!(released[0]["address"], ATTACKER);
        assert!(env.log().contains(&format!("unblocked {ATTACKER}")), "{}", env.log());
        let check = env.run(&["check", ATTACKER]);
        assert!(check.code == 1 && check.stdout.contains("unblocked until"), "{check:?}");
        pbx.hup();
        assert_eq!(pbx.probe(Attacker(ATTACKER)), Probe::Answered);

        env.later(29 * DAY);
        env.feed.sight(ATTACKER);
        env.sync(0, &[]);
        assert!(!env.ours().contains(ATTACKER), "29 days later: {how}");
        env.later(2 * DAY);
        env.sync(0, &[]);
        assert!(env.ours().contains(ATTACKER), "31 days later and listed: {how}");
    }
}

#[test]
fn one_address_of_a_merged_row_that_he_deleted_takes_the_row_out_whole() {
    let env = TestEnv::without_firewall(&["45.9.8.0", "45.9.8.1", ATTACKER]);
    env.sync(0, &[]);
    env.pbx.fwconsole(&["firewall", "del", "blacklist", "45.9.8.0/31"]).ok();
    env.sync(0, &[]);
    assert_eq!(env.ours(), set([ATTACKER]));
    // A neighbour that is listed later does not bring it back.
    env.feed.sight("45.9.8.2");
    env.feed.sight("45.9.8.0/30");
    env.sync(0, &[]);
    assert_eq!(env.ours(), set([ATTACKER, "45.9.8.2/31"]));
}

#[test]
fn a_row_he_added_again_is_his_from_then_on() {
    for how in ["fwconsole", "gui", "after deleting it"] {
        let env = TestEnv::without_firewall(&[ATTACKER, "163.172.207.104"]);
        let pbx = &env.pbx;
        env.sync(0, &[]);
        if how == "after deleting it" {
            pbx.fwconsole(&["firewall", "del", "blacklist", ATTACKER]).ok();
            env.sync(0, &[]);
        }
        match how {
            "gui" => pbx.gui_blacklist("add", ATTACKER).ok(),
            _ => pbx.fwconsole(&["firewall", "add", "blacklist", ATTACKER]).ok(),
        };
        let report = env.sync(0, &[]);
        assert_eq!(report["blacklist"]["other_rows"], 1, "{how}");
        assert_eq!((env.his(), env.ours()), (set([ATTACKER]), set(["163.172.207.104"])), "{how}");
        // Not even when the feed's time is over.
        env.later(8 * DAY);
        env.sync(0, &[]);
        assert_eq!((env.his(), env.ours()), (set([ATTACKER]), set([""; 0])), "{how}");
    }
}

#[test]
fn his_rows_of_every_shape_stay_as_they_are() {
    let env = TestEnv::without_firewall(&addresses(20));
    let odd = [
        "0.0.0.0/0x",
        "not an address",
        "45.0.0.1/33",
        "2001:db8::5",
        "<b>",
        "UPPER.example.com",
        "10.0.0.0/8",
    ];
    env.pbx.write_blacklist(odd, "1");
    env.pbx.write_blacklist(["45.0.0.9"], "2");
    env.pbx.write_blacklist(["45.0.0.11"], "Banbridge");
    let his = his_rows(&env);
    for _ in 0..2 {
        env.sync(0, &[]);
        assert_eq!(his_rows(&env), his);
    }
    assert_eq!(env.ours().len(), 18);
    env.later(8 * DAY);
    env.sync(0, &[]);
    assert_eq!((his_rows(&env), env.ours()), (his, set([""; 0])));
}

/// As when the database's tables of ours are dropped or were never in the backup.
fn lose_the_ledger(env: &TestEnv) {
    let tables = env.tables();
    assert!(tables.len() > 5, "{tables:?}");
    env.pbx.sql_run(&format!("DROP TABLE {}", tables.join(", ")), ());
}

#[test]
fn a_lost_ledger_opens_nothing_and_converges_in_the_run_that_completes_the_feeds() {
    let all = addresses(700);
    let env = TestEnv::without_firewall(&all);
    env.pbx.write_blacklist(["5.188.10.5"], "1");
    env.sync(0, &[]);
    lose_the_ledger(&env);
    env.feed.reset_rate();
    // Meanwhile the feed forgot the last 100 and lists another.
    let mut now = all[..600].to_vec();
    now.push("163.172.207.104".into());
    env.feed.set_list(&now);

    env.faults(&["none", "status=500"]);
    let report = env.sync(69, &[]);
    assert_eq!(env.ours(), set(&all), "all rows stay until the feeds were read again");
    assert_eq!((&report["blacklist"]["kept"], &report["blacklist"]["removed"]), (&json!(700), &json!(0)));
    assert!(env.run(&["status"]).ok().contains("Existing rows stay"));
    let report = env.sync(0, &[]);
    assert_eq!(env.ours(), set(&now), "and then they are what the feeds say");
    assert_eq!(
        (&report["blacklist"]["removed"], &report["blacklist"]["unblocked"]),
        (&json!(100), &json!(0))
    );
    assert_eq!(env.his(), set(["5.188.10.5"]));
    let sums = env.sums();
    env.sync(0, &[]);
    assert_eq!(env.sums(), sums, "once");
}

#[test]
fn a_lost_ledger_whose_feeds_answer_converges_in_one_run() {
    let env = TestEnv::without_firewall(&[ATTACKER, "163.172.207.104"]);
    env.sync(0, &[]);
    lose_the_ledger(&env);
    env.feed.set_list(&[ATTACKER.to_owned()]);
    let plan = env.sync(0, &["--dry-run"]);
    assert_eq!(plan["plan_remove"], json!(["163.172.207.104"]));
    env.sync(0, &[]);
    assert_eq!(env.ours(), set([ATTACKER]));
}

#[test]
fn a_lost_ledger_keeps_rows_for_a_day_when_a_feed_stays_down() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    env.sync(0, &[]);
    lose_the_ledger(&env);
    env.faults(&["status=500*3"]);
    env.sync(69, &[]);
    env.later(DAY - 60);
    env.sync(69, &[]);
    assert_eq!(env.ours(), set([ATTACKER]), "nearly a day");
    env.later(120);
    env.sync(69, &[]);
    assert_eq!(env.ours(), set([""; 0]));
}

#[test]
fn a_restored_firewall_table_is_not_taken_for_the_administrators_hand() {
    for engine in ["innodb", "myisam"] {
        let builder = Sandbox::builder(NFT).disabled();
        let builder = if engine == "myisam" { builder.myisam() } else { builder };
        let env = TestEnv::on(builder, &[ATTACKER]);
        let pbx = &env.pbx;
        env.sync(0, &[]);
        pbx.sql_run("CREATE TABLE backup AS SELECT * FROM kvstore_FreePBX_modules_Firewall", ());
        env.feed.sight("163.172.207.104");
        env.sync(0, &[]);
        pbx.fwconsole(&["firewall", "add", "blacklist", "5.188.10.5"]).ok();
        pbx.sql_run("DELETE FROM kvstore_FreePBX_modules_Firewall", ());
        pbx.sql_run("INSERT INTO kvstore_FreePBX_modules_Firewall SELECT * FROM backup", ());

        let report = env.sync(0, &[]);
        assert_eq!(report["blacklist"]["unblocked"], 0, "{engine}");
        assert_eq!(env.ours(), set([ATTACKER, "163.172.207.104"]), "{engine}");
        // From there on his hand is seen again.
        pbx.fwconsole(&["firewall", "del", "blacklist", ATTACKER]).ok();
        assert_eq!(env.sync(0, &[])["blacklist"]["unblocked"], 1, "{engine}");
    }
}

#[test]
fn his_hand_is_seen_also_after_a_restored_table_that_lacked_no_row() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    let pbx = &env.pbx;
    env.sync(0, &[]);
    let number = "UPDATE kvstore_FreePBX_modules_Firewall SET val = '0' WHERE `key` = 'generation'";
    pbx.sql_run(number, ());
    assert_eq!(env.sync(0, &[])["blacklist"]["kept"], 1);
    pbx.fwconsole(&["firewall", "del", "blacklist", ATTACKER]).ok();
    assert_eq!(env.sync(0, &[])["blacklist"]["unblocked"], 1);
    assert_eq!(env.ours(), set([""; 0]));
}

#[test]
fn an_emptied_firewall_table_is_filled_again() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    env.sync(0, &[]);
    env.pbx
        .sql_run("DELETE FROM kvstore_FreePBX_modules_Firewall WHERE id IN ('blacklist', 'banbridge')", ());
    let report = env.sync(0, &[]);
    assert_eq!((&report["blacklist"]["unblocked"], &report["blacklist"]["added"]), (&json!(0), &json!(1)));
}

#[test]
fn a_ledger_older_than_the_blacklist_goes_on_from_what_is_there() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    let pbx = &env.pbx;
    env.sync(0, &[]);
    for table in env.tables() {
        pbx.sql_run(&format!("CREATE TABLE old_{table} AS SELECT * FROM {table}"), ());
    }
    env.feed.sight("163.172.207.104");
    env.sync(0, &[]);
    for table in env.tables() {
        pbx.sql_run(&format!("DELETE FROM {table}"), ());
        pbx.sql_run(&format!("INSERT INTO {table} SELECT * FROM old_{table}"), ());
    }
    env.faults(&["status=500"]);
    env.sync(69, &[]);
    assert_eq!(env.ours(), set([ATTACKER, "163.172.207.104"]), "nothing goes before the feed was read again");
    let report = env.sync(0, &[]);
    assert_eq!(env.ours(), set([ATTACKER, "163.172.207.104"]));
    assert_eq!((&report["blacklist"]["removed"], &report["blacklist"]["unblocked"]), (&json!(0), &json!(0)));
}

#[test]
fn a_name_that_cannot_be_resolved_is_said_and_its_last_addresses_count() {
    let env = TestEnv::new(Firewall::Nftables, &["62.210.149.30", "163.172.207.104", ATTACKER]);
    let pbx = &env.pbx;
    pbx.names("bad.example.com 62.210.149.30\noffice.example.com 163.172.207.104\n");
    pbx.fwconsole(&["firewall", "add", "blacklist", "bad.example.com"]).ok();
    pbx.fwconsole(&["firewall", "trust", "office.example.com"]).ok();
    env.sync(0, &[]);
    assert_eq!(env.ours(), set([ATTACKER]));
    pbx.names("");
    let run = env.run(&["sync"]);
    assert_eq!(run.code, 0);
    for name in ["bad.example.com", "office.example.com"] {
        assert!(run.stderr.contains(&format!("Could not resolve {name}.")), "{run:?}");
    }
    assert_eq!(env.ours(), set([ATTACKER]));
}

#[test]
fn who_becomes_trusted_loses_his_row_on_the_next_run_and_gets_it_back_when_trust_ends() {
    for firewall in FIREWALLS {
        let env = TestEnv::new(firewall, &[Sandbox::PHONE_PUBLIC, ATTACKER]);
        let pbx = &env.pbx;
        env.sync(0, &[]);
        until("the phone to be refused", || {
            pbx.probe(testenv::Phone(Sandbox::PHONE_PUBLIC)) == Probe::Refused
        });
        pbx.fwconsole(&["firewall", "trust", Sandbox::PHONE_PUBLIC]).ok();
        let report = env.sync(0, &[]);
        assert_eq!(
            (&report["blacklist"]["removed"], &report["blacklist"]["protected"]),
            (&json!(1), &json!(1))
        );
        until("the phone to get through", || {
            pbx.probe(testenv::Phone(Sandbox::PHONE_PUBLIC)) == Probe::Answered
        });
        let check = env.run(&["check", Sandbox::PHONE_PUBLIC]);
        assert!(check.code == 1 && check.stdout.contains("trusted"), "{check:?}");
        pbx.fwconsole(&["firewall", "untrust", Sandbox::PHONE_PUBLIC]).ok();
        env.sync(0, &[]);
        assert!(env.ours().contains(Sandbox::PHONE_PUBLIC), "{firewall:?}: the feed still lists it");
    }
}

#[test]
fn zones_in_a_blob_hidden_networks_and_the_pbx_itself_are_protected() {
    let listed = ["91.2.3.4", "91.9.9.9", "5.44.3.2", Sandbox::WAN, "81.2.69.0/24", ATTACKER];
    let env = TestEnv::without_firewall(&listed);
    let mut map = serde_json::Map::new();
    for n in 0..400 {
        map.insert(format!("91.2.{}.{}/32", n / 256, n % 256), json!("trusted"));
    }
    map.insert("91.2.3.0/24".into(), json!("internal"));
    map.insert("5.44.3.2/32".into(), json!("reject"));
    env.pbx.set_config("networkmaps", &json!(map));
    env.pbx.set_config("hiddennets", &json!({"91.9.0.0/16": true}));
    env.sync(0, &[]);
    let rows = env.ours();
    assert!(rows.contains("5.44.3.2") && rows.contains(ATTACKER), "{rows:?}");
    assert!(
        !rows.contains("91.2.3.4") && !rows.contains("91.9.9.9") && !rows.contains(Sandbox::WAN),
        "{rows:?}"
    );
    // Around its address and its gateway, 81.2.69.1.
    let carved = ["81.2.69.0", "81.2.69.2/31", "81.2.69.64/26", "81.2.69.143", "81.2.69.192/26"];
    assert!(carved.iter().all(|row| rows.contains(*row)), "carved: {rows:?}");
    assert!(!rows.contains("81.2.69.1") && !rows.contains("81.2.69.0/24"), "{rows:?}");
    let (_, refused) = env.json(&["list", "--skipped"]);
    let reasons: Vec<_> = refused.as_array().unwrap().iter().map(|r| r["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons.len(), 3, "{reasons:?}");
    for words in ["internal: 91.2.3.0/24", "hidden network 91.9.0.0/16", "own address on wan"] {
        assert!(reasons.iter().any(|reason| reason.contains(words)), "{words}: {reasons:?}");
    }
}

#[test]
fn the_limit_of_two_minutes_outlives_nothing_but_the_ledger() {
    // A lost ledger has forgotten its requests; the feed says 429, and that is all that happens.
    let env = TestEnv::without_firewall(&addresses(2000));
    env.sync(0, &[]);
    lose_the_ledger(&env);
    let report = env.sync(75, &[]);
    assert_eq!((&report["blacklist"]["removed"], env.ours().len()), (&json!(0), 2000));
    env.later(WINDOW);
    env.sync(0, &[]);
    assert_eq!(env.ours().len(), 2000);
}
