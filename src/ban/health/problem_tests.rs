use super::*;
use crate::ban::health::{LATE, OUT_OF_DATE};

const NOW: i64 = 1_700_000_000;

/// All is well.
fn well() -> Facts {
    Facts {
        now: NOW,
        last_run: Some(NOW - 300),
        enabled: true,
        service: Service::Runs,
        limit: 5_000,
        feeds: vec![feed("apiban"), feed("voipbl")],
        ..Facts::default()
    }
}

fn feed(name: &str) -> FeedFacts {
    FeedFacts {
        name: name.to_owned(),
        last_attempt: Some(NOW - 300),
        last_success: Some(NOW - 300),
        ..FeedFacts::default()
    }
}

fn ids(facts: &Facts) -> Vec<String> {
    problems(facts).into_iter().map(|notice| notice.id).collect()
}

#[test]
fn each_cause_has_its_notice_and_without_a_cause_there_is_none() {
    type Change = fn(&mut Facts);
    let table: &[(&str, Change, &[&str])] = &[
        ("nothing", |_| (), &[]),
        ("the key", |f| f.feeds[0].key_refused = Some(NOW - 9), &["key_not_accepted:apiban"]),
        ("a day", |f| f.feeds[1].last_success = Some(NOW - OUT_OF_DATE), &[]),
        ("over a day", |f| f.feeds[1].last_success = Some(NOW - OUT_OF_DATE - 1), &["out_of_date:voipbl"]),
        (
            "a day and the key: one cause",
            |f| {
                f.feeds[0].last_success = Some(NOW - OUT_OF_DATE - 1);
                f.feeds[0].key_refused = Some(NOW - OUT_OF_DATE);
            },
            &["key_not_accepted:apiban"],
        ),
        (
            "a day, of a feed that is asked every day",
            |f| {
                f.feeds[1].interval = 86_400;
                f.feeds[1].last_success = Some(NOW - 2 * 86_400);
            },
            &[],
        ),
        ("never", |f| f.feeds[0].last_success = None, &["out_of_date:apiban"]),
        ("never asked", |f| (f.feeds[0].last_success, f.feeds[0].last_attempt) = (None, None), &[]),
        ("held", |f| f.feeds[1].held = 9, &["held:voipbl"]),
        ("over the limit", |f| f.over_limit = 3, &["row_limit"]),
        ("over the limit and in the set", |f| (f.over_limit, f.by_set) = (3, true), &[]),
        ("switched off", |f| f.enabled = false, &["not_blocking"]),
        ("no daemon", |f| f.service = Service::Stopped, &["not_blocking"]),
        ("a paused daemon", |f| f.service = Service::Paused, &["not_blocking"]),
        ("switched off, nothing wanted", |f| (f.enabled, f.feeds) = (false, vec![]), &[]),
        ("switched off before the first run", |f| (f.enabled, f.last_run) = (false, None), &["no_sync"]),
        ("an hour", |f| f.last_run = Some(NOW - LATE), &[]),
        ("over an hour", |f| f.last_run = Some(NOW - LATE - 1), &["no_sync"]),
        ("the clock", |f| f.clock = Some("it leapt".into()), &["clock"]),
        (
            "the worst first",
            |f| (f.clock, f.over_limit, f.enabled) = (Some("it leapt".into()), 1, false),
            &["not_blocking", "row_limit", "clock"],
        ),
    ];
    for (what, change, expected) in table {
        let mut facts = well();
        change(&mut facts);
        assert_eq!(ids(&facts), *expected, "{what}");
    }
}

#[test]
fn what_is_protected_and_listed_is_named_with_who_lists_it_and_never_without_end() {
    let one = |n: usize| Listed {
        what: format!("81.2.69.{n}").parse().unwrap(),
        why: format!("of the PJSIP trunk {n}"),
        feeds: vec!["apiban".into(), "voipbl".into()],
    };
    let mut facts = well();
    facts.listed = vec![one(1)];
    let told = &problems(&facts)[0];
    assert_eq!((told.id.as_str(), told.level), ("protected_listed", Level::Warning));
    assert!(
        told.text.starts_with(
            "81.2.69.1 (of the PJSIP trunk 1) is listed by apiban and voipbl. banbridge does not"
        ),
        "{}",
        told.text
    );
    facts.listed = (1..=200).map(one).collect();
    let told = &problems(&facts)[0];
    assert_eq!(told.title, "200 protected addresses are listed");
    assert!(told.text.contains("trunk 5)") && !told.text.contains("trunk 6)"), "{}", told.text);
    assert!(told.text.contains(" And 195 more."), "{}", told.text);
}

#[test]
fn where_the_facts_say_since_when_the_notice_does_too() {
    let mut facts = well();
    facts.feeds[0].last_success = Some(NOW - OUT_OF_DATE - 7);
    facts.feeds[1].key_refused = Some(NOW - 11);
    facts.last_run = Some(NOW - LATE - 5);
    let since: Vec<Option<i64>> = problems(&facts).into_iter().map(|notice| notice.since).collect();
    assert_eq!(since, [Some(NOW - 11), Some(NOW - 7), Some(NOW - 5)]);
}
