//! What must be blocked and what must not, reckoned address by address from what the test itself did.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::world::{Place, all_places, places};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Writer {
    #[default]
    Db,
    Fwconsole,
}

#[derive(Default)]
pub struct Oracle {
    pub nftables: bool,
    pub writer: Writer,
    pub limit: Option<usize>,
    /// The administrator's rows.
    pub his: BTreeMap<String, String>,
    /// What the feed lists.
    pub listed: BTreeSet<String>,
    /// What the last good version of the list beside it names; none where there is no list.
    pub list: BTreeSet<String>,
    pub trusted: Vec<String>,
    /// Who was trusted when the last step began.
    pub trusted_before: Vec<String>,
    /// Rows of ours that the administrator certainly took out.
    pub must_release: BTreeSet<String>,
    /// Those where a run was at work or cut off, so that nobody can tell.
    pub may_release: BTreeSet<String>,
    /// Whether the last run was one without a fault.
    pub undisturbed: bool,
    /// Whether the feed was asked since it forgot what is over.
    pub fresh: bool,
    /// What our rows covered when that was last noted.
    pub blocked: BTreeSet<Place>,
}

impl Oracle {
    fn is_ours(&self, key: &str, value: &str) -> bool {
        match self.writer {
            Writer::Db => value == "banbridge",
            Writer::Fwconsole => !self.his.contains_key(key),
        }
    }

    pub fn ours<'a>(&self, rows: &'a BTreeMap<String, String>) -> Vec<&'a String> {
        rows.iter().filter(|(key, value)| self.is_ours(key, value)).map(|(key, _)| key).collect()
    }

    /// (a) No row of the administrator's was changed or lost.
    pub fn his_are_untouched(&self, rows: &BTreeMap<String, String>) {
        let found: BTreeMap<String, String> = rows
            .iter()
            .filter(|(key, value)| !self.is_ours(key, value))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        assert_eq!(found, self.his, "(a) the administrator's rows");
    }

    /// (d) Nobody who was trusted already when the step began was ever blocked in it, also not for a moment.
    pub fn never_protected(&self, written: &[(String, String)]) {
        let stays: Vec<&String> =
            self.trusted_before.iter().filter(|one| self.trusted.contains(one)).collect();
        let protected = all_places(stays);
        for (key, value) in written.iter().filter(|(key, value)| self.is_ours(key, value)) {
            let blocked: Vec<Place> = places(key).intersection(&protected).copied().collect();
            assert!(blocked.is_empty(), "(d) {key} ({value}) was written and blocks {blocked:?}");
        }
    }

    /// What must be blocked, by a row, by the set or by a row of the administrator's.
    pub fn wanted(&self, released: &BTreeSet<String>) -> BTreeSet<Place> {
        let mut all = all_places(self.listed.union(&self.list));
        let kept_out = [all_places(&self.trusted), all_places(released)];
        all.retain(|place| !kept_out.iter().any(|out| out.contains(place)));
        all
    }

    /// What the administrator's rows cover. FreePBX 18's driver reads whatever stands behind a slash as a number.
    pub fn his_places(&self) -> BTreeSet<Place> {
        self.his.keys().flat_map(|key| self.places_of_his(key)).collect()
    }

    fn places_of_his(&self, key: &str) -> BTreeSet<Place> {
        match key.split_once("/0x") {
            Some((address, _)) if self.nftables => places(&format!("{address}/0")),
            _ => places(key),
        }
    }

    /// Whether two of his rows stop every update of FreePBX 18's firewall.
    pub fn his_overlap(&self) -> bool {
        let one_by_one: usize = self.his.keys().map(|key| self.places_of_his(key).len()).sum();
        // Some of his rows are outside of the world, but nothing is outside of that one.
        let has_all = self.his.keys().any(|key| key.contains("/0x"));
        let v4 = self.his.keys().filter(|key| !key.contains(':')).count();
        self.nftables && (one_by_one > self.his_places().len() || has_all && v4 > 1)
    }

    /// What rows of ours must cover.
    pub fn expected(&self, _: &BTreeMap<String, String>, released: &BTreeSet<String>) -> BTreeSet<Place> {
        let mut all = self.wanted(released);
        let his = self.his_places();
        all.retain(|place| !his.contains(place));
        if !self.nftables || self.writer == Writer::Fwconsole {
            // No row can block IPv6.
            all.retain(|(v6, _)| !v6);
        }
        all
    }

    pub fn note_blocked(&mut self, rows: &BTreeMap<String, String>) {
        self.blocked = all_places(self.ours(rows));
    }

    /// Everything that must hold after a clean run.
    pub fn is_right(&self, rows: &BTreeMap<String, String>, released: &BTreeSet<String>, status: &Value) {
        for key in &self.must_release {
            let all = all_places(released);
            assert!(places(key).is_subset(&all), "(c) {key} was taken out by hand and is not released");
        }
        for key in released {
            let by_hand = self.must_release.contains(key) || self.may_release.contains(key);
            assert!(by_hand, "(c) {key} is released and nobody took it out");
        }
        let expected = self.expected(rows, released);
        let ours = self.ours(rows);
        let mut covered: BTreeSet<Place> = BTreeSet::new();
        let foreign = self.his_places();
        for key in &ours {
            let places = places(key);
            let unwanted: Vec<&Place> = places.difference(&expected).collect();
            let overlap: Vec<&Place> =
                places.iter().filter(|place| foreign.contains(place) || covered.contains(place)).collect();
            assert!(overlap.is_empty(), "(e) {key} overlaps at {overlap:?}");
            assert!(!places.is_empty() && unwanted.is_empty(), "(b) {key} has no reason at {unwanted:?}");
            covered.extend(places);
        }
        let missing: BTreeSet<&Place> = expected.difference(&covered).collect();
        let blacklist = &status["blacklist"];
        match self.limit {
            Some(limit) => {
                assert!(ours.len() <= limit, "{} rows with a limit of {limit}", ours.len());
                let over = blacklist["over_limit"].as_u64().unwrap() > 0;
                assert_eq!(over, !missing.is_empty(), "(c) over the limit, missing {missing:?}");
            }
            None => assert!(missing.is_empty(), "(c) wanted and not blocked: {missing:?}"),
        }
        assert_eq!(blacklist["rows"], ours.len(), "(f) {status:#}");
        assert_eq!(blacklist["other_rows"], self.his.len(), "(f) {status:#}");
        assert_eq!(blacklist["unblocked"], released.len(), "(f) {status:#}");
        assert_eq!(blacklist["pending"], 0, "(f) {status:#}");
        assert_eq!(status["last_run"]["exit_code"], 0, "(f) {status:#}");
        let notes = status["notes"].to_string();
        for word in ["Clock", "cut off", "Existing rows", "stay protected"] {
            assert!(!notes.contains(word), "(f) {notes}");
        }
    }
}
