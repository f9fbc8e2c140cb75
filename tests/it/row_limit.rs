//! How many rows there are: as many as cost the PBX little where the kernel set blocks, as many as protect where it does
//! not.

use crate::testenv::{Attacker, FIREWALLS, Firewall, Probe, TestEnv, addresses};
use serde_json::json;

const WITH_SET: &str = "[set]\nenabled = \"auto\"";

#[test]
fn with_the_set_in_force_rows_are_few_and_what_has_none_is_refused_all_the_same() {
    for firewall in FIREWALLS {
        let all = addresses(800);
        let env = TestEnv::new(firewall, &all);
        env.configure(WITH_SET);
        // The first run already knows, and writes no row too many.
        let report = env.sync(0, &[]);
        let limit = report["blacklist"]["limit"].as_u64().unwrap();
        // The measured cost of a row, on a machine as fast as the one of the facts or slower.
        let most = match firewall {
            Firewall::Nftables => 125,
            _ => 650,
        };
        assert!((25..=most).contains(&limit), "{firewall:?}: {limit}");
        assert_eq!(report["blacklist"]["added"], limit, "{report:#}");
        assert_eq!(report["blacklist"]["over_limit"], 800 - limit);
        let ours = env.ours();
        assert_eq!(ours.len() as u64, limit);
        let without = all.iter().find(|address| !ours.contains(*address)).unwrap();
        assert_eq!(env.pbx.probe(Attacker(without)), Probe::Refused, "{firewall:?}");
        let (code, check) = env.json(&["check", without]);
        assert_eq!((code, &check["blocked"]), (0, &json!(true)), "{check:#}");

        let (_, status) = env.json(&["status"]);
        let b = &status["blacklist"];
        let (cost, most, words) = match firewall {
            Firewall::Nftables => ("pass_s", 1, "Each pass of the firewall"),
            _ => ("restart_s", 5, "A restart of the firewall takes about"),
        };
        assert!((1..=most).contains(&b[cost].as_u64().unwrap()), "{firewall:?}: {b:#}");
        assert!(env.run(&["status"]).ok().contains(words), "{firewall:?}");

        // Who attacks now has a row, in the place of somebody who was seen before.
        env.later(3_600);
        env.feed.sight("46.0.0.1");
        env.sync(0, &[]);
        assert!(env.ours().contains("46.0.0.1"));
        assert_eq!(env.ours().len() as u64, limit);

        // Without the set rows are all that blocks; asterisk knows it too.
        env.configure("[set]\nenabled = \"no\"");
        env.run(&["apply"]).ok();
        assert_eq!(env.ours().len(), 801, "{firewall:?}");
        env.configure(WITH_SET);
        env.run(&["apply"]).ok();
        assert_eq!(env.ours().len() as u64, limit);
        env.run_as("asterisk", &["sync"]).ok();
        assert_eq!(env.ours().len() as u64, limit);
        // A set that root has not seen for a day may be gone.
        env.pbx.sql_run("UPDATE banbridge_set SET checked_at = checked_at - 90000", ());
        env.later(600);
        env.run_as("asterisk", &["sync"]).ok();
        assert_eq!(env.ours().len(), 801, "{firewall:?}");
    }
}

#[test]
fn a_limit_that_is_configured_holds_with_and_without_the_set() {
    let env = TestEnv::without_firewall(&addresses(40));
    for set in ["auto", "no"] {
        env.configure(&format!("[blacklist]\nlimit = 30\n[set]\nenabled = \"{set}\""));
        env.sync(0, &[]);
        assert_eq!(env.ours().len(), 30, "{set}");
    }
}
