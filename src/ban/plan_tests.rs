//! Tests of the plan, apart only for their length.

use proptest::prelude::*;

use super::*;
use crate::ban::cover::tests::{corner, crowded};
use crate::ban::{Protection, Source};

fn p(text: &str) -> Prefix {
    text.parse().unwrap()
}

fn wanted(texts: &[&str]) -> Vec<Wanted> {
    texts.iter().map(|text| Wanted { prefix: p(text), priority: 0, last_seen: 0 }).collect()
}

fn others(key: &str, prefixes: &[&str]) -> OtherRow {
    OtherRow { key: key.to_owned(), prefixes: prefixes.iter().map(|text| p(text)).collect() }
}

fn present(ours: &[&str], others: Vec<OtherRow>) -> Present {
    Present { ours: ours.iter().map(|key| (*key).to_owned()).collect(), others }
}

fn zone(text: &str) -> Protection {
    Protection { prefix: p(text), source: Source::Zone, label: format!("trusted: {text}") }
}

const IPTABLES: Policy = Policy { driver: Driver::Iptables, limit: 5_000, aggregate: true, ipv6: false };
const NFTABLES: Policy = Policy { driver: Driver::Nftables, limit: 20_000, aggregate: true, ipv6: true };

fn plan(wanted: &[Wanted], present: &Present, policy: Policy) -> Plan {
    Plan::new(wanted, &NeverBlock::new([]), &[], present, policy)
}

#[test]
fn what_is_new_is_added_what_is_no_longer_wanted_goes_and_the_rest_is_kept() {
    let plan =
        plan(&wanted(&["45.0.0.1", "46.0.0.1"]), &present(&["45.0.0.1", "47.0.0.1"], vec![]), IPTABLES);
    assert_eq!(plan.add, ["46.0.0.1"]);
    assert_eq!(plan.remove, ["47.0.0.1"]);
    assert_eq!(plan.kept, 1);
}

#[test]
fn a_row_with_our_mark_that_is_no_address_goes() {
    let plan =
        plan(&wanted(&["45.0.0.1"]), &present(&["45.0.0.1", "rubbish", "45.0.0.1/32"], vec![]), IPTABLES);
    assert_eq!(plan.add, [""; 0]);
    assert_eq!(plan.remove, ["45.0.0.1/32", "rubbish"]);
}

#[test]
fn what_is_protected_is_refused_with_its_reason_and_a_network_around_it_is_carved() {
    let never_block = NeverBlock::new([zone("45.0.0.2")]);
    let plan = Plan::new(
        wanted(&["45.0.0.2", "45.0.0.0/30", "10.0.0.1"]),
        &never_block,
        &[],
        &Present::default(),
        IPTABLES,
    );
    assert_eq!(plan.add, ["45.0.0.0/31", "45.0.0.3"]);
    let reasons: Vec<_> = plan.protected.iter().map(|(prefix, why)| format!("{prefix}: {why}")).collect();
    assert_eq!(
        reasons,
        ["45.0.0.2: in the firewall's zone trusted: 45.0.0.2", "10.0.0.1: 10.0.0.0/8, private network"]
    );
}

#[test]
fn rows_give_way_to_the_administrators_and_to_what_his_names_resolve_to() {
    let his = vec![others("45.0.0.0/31", &["45.0.0.0/31"]), others("host.example.com", &["46.0.0.1"])];
    let plan =
        plan(&wanted(&["45.0.0.1", "45.0.0.0/30", "46.0.0.1"]), &present(&["46.0.0.1"], his), IPTABLES);
    assert_eq!(plan.add, ["45.0.0.2/31"]);
    assert_eq!(plan.remove, ["46.0.0.1"]);
    assert_eq!(plan.others, 2);
    let fate = |text| plan.fate(&p(text), &NeverBlock::new([]));
    assert_eq!(fate("46.0.0.1"), Fate::YourRow("host.example.com".into()));
    assert_eq!(fate("45.0.0.1"), Fate::YourRow("45.0.0.0/31".into()));
    assert_eq!(fate("45.0.0.2"), Fate::Row("45.0.0.2/31".into()));
}

#[test]
fn a_row_of_the_administrators_that_the_driver_ignores_takes_no_cover_away() {
    let his = vec![others("40.0.0.0/5", &["40.0.0.0/5"])];
    let plan = plan(&wanted(&["45.0.0.1"]), &present(&[], his), IPTABLES);
    assert_eq!(plan.add, ["45.0.0.1"]);
}

#[test]
fn ipv6_is_a_row_only_where_the_driver_enforces_it() {
    let both = wanted(&["45.0.0.1", "2a05::1"]);
    let with_iptables = plan(&both, &Present::default(), IPTABLES);
    assert_eq!((with_iptables.add, with_iptables.not_by_row), (vec!["45.0.0.1".to_owned()], 1));
    let with_nftables = plan(&both, &Present::default(), NFTABLES);
    assert_eq!(with_nftables.add, ["45.0.0.1", "2a05::1"]);
}

#[test]
fn a_released_prefix_stays_out_also_of_a_network_around_it() {
    let plan = Plan::new(
        wanted(&["45.0.0.1", "45.0.0.2/31"]),
        &NeverBlock::new([]),
        &[p("45.0.0.1"), p("45.0.0.3")],
        &Present::default(),
        IPTABLES,
    );
    assert_eq!(plan.add, ["45.0.0.2"]);
    assert_eq!(plan.fate(&p("45.0.0.1"), &NeverBlock::new([])), Fate::Unblocked);
}

#[test]
fn under_the_limit_feeds_come_in_their_order_and_the_newest_sighting_first() {
    let want = |text, priority, last_seen| Wanted { prefix: p(text), priority, last_seen };
    let all =
        [want("45.0.0.1", 1, 99), want("46.0.0.1", 0, 5), want("47.0.0.1", 0, 7), want("48.0.0.1", 0, 6)];
    let plan = plan(&all, &present(&["45.0.0.1"], vec![]), Policy { limit: 2, ..IPTABLES });
    assert_eq!(plan.rows, [p("47.0.0.1"), p("48.0.0.1")]);
    assert_eq!(plan.remove, ["45.0.0.1"]);
    assert_eq!(plan.over_limit, 2);
    assert_eq!(plan.fate(&p("46.0.0.1"), &NeverBlock::new([])), Fate::OverLimit);
}

#[test]
fn room_that_merging_makes_is_used() {
    let all = wanted(&["45.0.0.0", "45.0.0.1", "45.0.0.2", "45.0.0.3", "46.0.0.1", "47.0.0.1", "48.0.0.1"]);
    let plan = plan(&all, &Present::default(), Policy { limit: 3, ..IPTABLES });
    assert_eq!(plan.rows, [p("45.0.0.0/30"), p("46.0.0.1"), p("47.0.0.1")]);
    assert_eq!(plan.over_limit, 1);
}

#[test]
fn what_the_set_blocks_knows_no_limit_no_driver_and_no_rows_of_the_administrator() {
    let never_block = NeverBlock::new([zone("45.0.0.2")]);
    let his = present(&[], vec![others("46.0.0.1", &["46.0.0.1"])]);
    let all = ["45.0.0.0/30", "46.0.0.1", "46.0.0.0", "2a05::/64", "2a05::1", "47.0.0.1", "10.0.0.1"];
    for policy in [Policy { limit: 1, ..IPTABLES }, NFTABLES] {
        let plan = Plan::new(wanted(&all), &never_block, &[p("47.0.0.1")], &his, policy);
        let blocked: Vec<String> = plan.blocked.iter().map(Prefix::to_string).collect();
        assert_eq!(blocked, ["45.0.0.0/31", "45.0.0.3", "46.0.0.0/31", "2a05::/64"]);
    }
}

#[test]
fn a_limit_of_nothing_writes_nothing() {
    let plan = plan(&wanted(&["45.0.0.0"]), &present(&["45.0.0.0"], vec![]), Policy { limit: 0, ..IPTABLES });
    assert_eq!((plan.rows.len(), plan.over_limit, plan.remove.len()), (0, 1, 1));
}

#[test]
fn merged_rows_that_the_module_would_ignore_are_written_in_parts() {
    let plan = plan(&wanted(&["44.0.0.0/8", "45.0.0.0/8"]), &Present::default(), IPTABLES);
    assert_eq!(plan.add, ["44.0.0.0/8", "45.0.0.0/8"]);
}

#[test]
fn without_merging_neighbours_stay_and_what_lies_inside_another_goes() {
    let policy = Policy { aggregate: false, ..IPTABLES };
    let plan =
        plan(&wanted(&["45.0.0.1", "45.0.0.0", "46.0.0.0/24", "46.0.0.9"]), &Present::default(), policy);
    assert_eq!(plan.add, ["45.0.0.0", "45.0.0.1", "46.0.0.0/24"]);
}

fn arbitrary_present() -> impl Strategy<Value = Present> {
    let ours = prop::collection::btree_set(crowded().prop_map(|p| p.to_string()), 0..6);
    let others = prop::collection::vec(crowded(), 0..4);
    (ours, others).prop_map(|(ours, others)| Present {
        ours,
        others: others
            .into_iter()
            .map(|prefix| OtherRow { key: prefix.to_string(), prefixes: vec![prefix] })
            .collect(),
    })
}

proptest! {
    #[test]
    fn rows_cover_all_that_is_wanted_and_nothing_protected_released_or_overlapping(
        wants in prop::collection::vec((crowded(), 0u16..3, 0i64..9), 0..12),
        protected in prop::collection::vec(crowded(), 0..3),
        unblocked in prop::collection::vec(crowded(), 0..3),
        present in arbitrary_present(),
        limit in prop_oneof![Just(1_000usize), 0usize..6],
        aggregate: bool,
        nftables: bool,
    ) {
        let driver = if nftables { Driver::Nftables } else { Driver::Iptables };
        let wants: Vec<Wanted> = wants
            .into_iter()
            .map(|(prefix, priority, last_seen)| Wanted { prefix, priority, last_seen })
            .collect();
        let never_block = NeverBlock::new(protected.iter().map(|p| zone(&p.to_string())));
        let policy = Policy { driver, limit, aggregate, ipv6: nftables };
        let plan = Plan::new(&wants, &never_block, &unblocked, &present, policy);

        prop_assert!(plan.rows.len() <= limit);
        let held = |rows: &[Prefix], address: &Prefix| rows.iter().filter(|row| row.contains(address)).count();
        for address in corner() {
            let in_rows = held(&plan.rows, &address);
            let his = present.others.iter().any(|row| {
                row.prefixes.iter().any(|p| p.contains(&address)) && driver.enforces(&address)
            });
            let want = wants.iter().any(|want| want.prefix.contains(&address))
                && held(&protected, &address) == 0
                && held(&unblocked, &address) == 0;
            prop_assert_eq!(held(&plan.blocked, &address), usize::from(want), "{} in the set", address);
            let want = want && driver.enforces(&address);
            prop_assert!(in_rows <= 1, "{} is in {} rows", address, in_rows);
            prop_assert!(in_rows == 0 || (want && !his), "{} must not be in a row", address);
            if limit == 1_000 && want && !his {
                prop_assert_eq!(in_rows, 1, "{} lost its cover", address);
            }
        }

        // Carried out, the plan is done: planning again changes nothing.
        let mut after = present.clone();
        for key in &plan.remove {
            prop_assert!(after.ours.remove(key));
        }
        for key in &plan.add {
            prop_assert!(after.ours.insert(key.clone()));
        }
        prop_assert_eq!(after.ours.len(), plan.kept + plan.add.len());
        let again = Plan::new(&wants, &never_block, &unblocked, &after, policy);
        prop_assert!(again.changes_nothing());
    }
}
