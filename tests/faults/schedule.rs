//! What a schedule does: a world by chance, then a handful of steps with faults in them, then a clean run.

use std::collections::BTreeSet;
use std::process::Child;

use serde_json::json;

use crate::oracle::{Oracle, Writer};
use crate::pbx::{Pbx, Shape};
use crate::testenv::{Attacker, DAY, Fault, KEY, Probe};
use crate::world::{Dice, Place, address, all_places, places};
use crate::{POINTS, POINTS_OF_FWCONSOLE, POINTS_OF_THE_DAEMON};

/// Answers of a feed that come at once and bring nothing.
const BAD_ANSWERS: [&str; 12] = [
    "no-json",
    "truncated",
    "wrong-types",
    "html",
    "status=500",
    "rate=1",
    "rate-plain",
    "key",
    "close",
    "reset-early",
    "cut-chunk",
    "garbage",
];
/// What the administrator writes besides addresses of the world.
const HIS_OWN: [&str; 3] = ["bad.example.com", "5.188.10.9", "5.188.11.0/24"];
const YEAR: i64 = 365 * DAY;

pub struct Schedule<'a> {
    pub pbx: &'a mut Pbx,
    /// What was done, for who looks for the reason.
    pub story: Vec<String>,
    /// How often it was said that all is well, where packets could be tried.
    pub said_well: u64,
    /// How many packets were tried then.
    pub tried: u64,
    /// Whether the kernel set is wanted, where it can be.
    set: bool,
    dice: Dice,
    oracle: Oracle,
    user: &'static str,
}

impl<'a> Schedule<'a> {
    pub fn new(seed: u64, pbx: &'a mut Pbx) -> Self {
        let mut dice = Dice(seed);
        let user = if dice.once_in(3) { "asterisk" } else { "root" };
        let writer = if dice.once_in(8) { Writer::Fwconsole } else { Writer::Db };
        let oracle = Oracle {
            nftables: match pbx.shape {
                Shape::Quiet => dice.once_in(2),
                Shape::Live => false,
                Shape::LiveNftables => true,
            },
            writer,
            limit: if dice.once_in(5) { Some(4 + dice.below(20) as usize) } else { None },
            ..Oracle::default()
        };
        let set = pbx.shape != Shape::Quiet && dice.once_in(2);
        Self { pbx, story: Vec::new(), said_well: 0, tried: 0, set, dice, oracle, user }
    }

    pub fn play(&mut self) {
        self.begin();
        for _ in 0..2 + self.dice.below(4) {
            self.two_minutes_pass();
            self.feed_has_news();
            self.step();
            self.look();
        }
        self.clean_run();
    }

    fn tell(&mut self, text: String) {
        self.story.push(text);
    }

    /// The world as it is before the first run.
    fn begin(&mut self) {
        let engine = if self.dice.once_in(2) { "MyISAM" } else { "InnoDB" };
        self.pbx.reset(self.oracle.nftables, engine);
        let aggregate = !self.dice.once_in(3);
        let set = if self.set { "auto" } else { "no" };
        let mut config = format!("[set]\nenabled = \"{set}\"\n[blacklist]\naggregate = {aggregate}\n");
        // Not by what a row costs on this machine: the oracle does not know.
        config += &format!("limit = {}\n", self.oracle.limit.unwrap_or(5_000));
        if self.oracle.writer == Writer::Fwconsole {
            config += "writer = \"fwconsole\"\n";
        }
        let url = self.pbx.env.feed.url();
        let mut feeds =
            format!("[[feed]]\nname = \"apiban\"\nkind = \"apiban\"\nkey = \"{KEY}\"\nurl = \"{url}\"\n");
        if self.dice.once_in(3) {
            let list: BTreeSet<String> = (0..12 + self.dice.below(10)).map(|_| self.entry()).collect();
            self.publishes(list);
            let url = crate::pbx::LIST;
            feeds += &format!(
                "[[feed]]\nname = \"list\"\nkind = \"list\"\nurl = \"{url}\"\ninterval = \"1m\"\nhold_times = 2\n\
                 hold_more = 20\n"
            );
        }
        self.pbx.env.write_config(&format!("{feeds}{config}"));
        let (user, nftables, writer) = (self.user, self.oracle.nftables, self.oracle.writer);
        self.tell(format!("{user}, {engine}, nftables {nftables}, {writer:?}; {config:?}"));
        let mut trusted = vec!["192.168.77.0/24".to_owned()];
        for _ in 0..self.dice.below(3) {
            trusted.push(self.dice.entry());
        }
        if self.dice.once_in(2) {
            trusted.push("office.example.com".into());
        }
        self.trust(trusted);
        for _ in 0..self.dice.below(4) {
            let key = if self.dice.once_in(3) {
                self.dice.one_of(&HIS_OWN).to_owned()
            } else if self.dice.once_in(4) {
                // FreePBX 18's driver takes it for 0.0.0.0/0.
                "0.0.0.0/0x".to_owned()
            } else {
                self.dice.entry()
            };
            if self.oracle.his.insert(key.clone(), "1".into()).is_none() {
                self.pbx.env.pbx.write_blacklist([key.as_str()], "1");
                self.tell(format!("the administrator has {key}"));
            }
        }
        let list: Vec<String> = (0..3 + self.dice.below(25)).map(|_| self.entry()).collect();
        self.tell(format!("listed {}", list.join(" ")));
        self.oracle.listed.extend(list.iter().cloned());
        self.pbx.env.feed.set_list(&list);
        self.look();
    }

    fn trust(&mut self, trusted: Vec<String>) {
        let map: serde_json::Map<String, serde_json::Value> =
            trusted.iter().map(|one| (one.clone(), json!("trusted"))).collect();
        self.pbx.env.pbx.set_config("networkmaps", &json!(map));
        self.tell(format!("trusted {}", trusted.join(" ")));
        self.oracle.trusted = trusted;
    }

    /// Something that a feed may list, so that neighbours and overlaps come up.
    fn entry(&mut self) -> String {
        if self.oracle.writer == Writer::Fwconsole { self.dice.entry_v4() } else { self.dice.entry() }
    }

    fn feed_has_news(&mut self) {
        for _ in 0..self.dice.below(5) {
            let entry = self.entry();
            self.pbx.env.feed.sight(&entry);
            self.tell(format!("listed {entry}"));
            self.oracle.listed.insert(entry);
        }
    }

    /// The list's publisher has a good version.
    fn publishes(&mut self, list: BTreeSet<String>) {
        self.pbx.publish(&list);
        self.tell(format!("the list names {}", list.iter().cloned().collect::<Vec<_>>().join(" ")));
        self.oracle.list = list;
    }

    /// A good version follows the last one: an entry more, and perhaps one less.
    fn list_changes(&mut self) {
        let mut list = self.oracle.list.clone();
        if list.len() > 12 && self.dice.once_in(2) {
            list.pop_first();
            // Until the list is asked again what it dropped may stay.
            self.oracle.fresh = false;
        }
        list.insert(self.entry());
        self.publishes(list);
    }

    /// The list has a version that nobody can mean: it loses nearly all, or names very much more, or is no list. What
    /// the last good one named stays blocked, and nothing that came with the bad one is.
    fn bad_version(&mut self) {
        if self.oracle.list.is_empty() {
            return self.run_with_a_fault();
        }
        self.clean_run();
        let new: BTreeSet<String> = (0..60).map(|_| self.entry()).collect();
        let kept = self.oracle.list.iter().take(3).cloned();
        let (bad, what): (BTreeSet<String>, _) = match self.dice.below(4) {
            0 => (BTreeSet::new(), "empty"),
            1 => (kept.collect(), "nearly all gone"),
            2 => (new.iter().cloned().chain(kept).collect(), "nearly all others"),
            _ => (self.oracle.list.union(&new).cloned().collect(), "very many more"),
        };
        self.pbx.publish(&bad);
        self.tell(format!("the list is bad: {what}: {}", bad.iter().cloned().collect::<Vec<_>>().join(" ")));
        for first in [true, false] {
            self.two_minutes_pass();
            let fault = if self.dice.once_in(2) { self.fault(&["kill", "error"]) } else { String::new() };
            let code = self.run(&["sync"], &fault);
            // The second one may leave the list alone: it has just failed.
            let must_tell = first && fault.is_empty();
            assert!(!must_tell || code != Some(0), "(i) a bad version was taken: {what}");
            self.look();
            let rows = self.pbx.rows();
            let ours = all_places(self.oracle.ours(&rows));
            let wanted = self.oracle.wanted(&self.releases());
            let held: Vec<_> = ours.difference(&wanted).collect();
            assert!(held.is_empty(), "(i) blocked by a version that is held: {held:?}");
        }
        let list = self.oracle.list.clone();
        self.publishes(list);
    }

    fn step(&mut self) {
        match self.dice.below(20) {
            0..=4 => self.run_with_a_fault(),
            5 => self.killed_group(),
            6 => self.database_goes(),
            7 => self.wrong_clock(),
            8 => self.two_runs(),
            9 => self.administrator_at_rest(),
            10 => self.bad_answer(),
            11 => self.commands(),
            12 => self.time_passes(),
            13 => self.new_trust(),
            14 => self.administrator_meanwhile(),
            15 => self.read_only(),
            16 => self.daemon_dies(),
            17 => self.bad_version(),
            18 if !self.oracle.list.is_empty() => self.list_changes(),
            _ => self.full_disk(),
        }
    }

    /// A point of a run, and at which time that it is passed.
    fn point(&mut self) -> (String, u32) {
        let mut points = POINTS.to_vec();
        if self.pbx.shape != Shape::Quiet {
            points.extend([POINTS_OF_THE_DAEMON; 10].concat());
        }
        if self.oracle.writer == Writer::Fwconsole {
            points.extend([POINTS_OF_FWCONSOLE; 15].concat());
        }
        let point = self.dice.one_of(&points).to_owned();
        // A busy machine has a run change rows and chain together once at most.
        let hit = if POINTS_OF_THE_DAEMON.contains(&point.as_str()) { 1 } else { 1 + self.dice.below(5) / 3 };
        (point, hit)
    }

    fn fault(&mut self, actions: &[&str]) -> String {
        let (point, hit) = self.point();
        format!("{point}:{hit}:{}", self.dice.one_of(actions))
    }

    fn run(&mut self, words: &[&str], fault: &str) -> Option<i32> {
        let ended = self.pbx.run(self.user, words, fault);
        self.ended(words, fault, ended)
    }

    fn ended(&mut self, words: &[&str], fault: &str, ended: crate::pbx::Ended) -> Option<i32> {
        let last = ended.text.lines().last().unwrap_or_default().to_owned();
        self.tell(format!("{} with {fault:?} ended with {:?}: {last}", words.join(" "), ended.code));
        assert_ne!(ended.code, Some(70), "a bug: {}", ended.text);
        assert!(!ended.text.contains("panicked"), "{}", ended.text);
        self.oracle.undisturbed = ended.code == Some(0) && fault.is_empty();
        self.oracle.fresh |= ended.code == Some(0) && words == ["sync"];
        ended.code
    }

    fn run_with_a_fault(&mut self) {
        for _ in 0..1 + self.dice.below(3) {
            let fault = self.fault(&["kill", "kill", "kill", "error", "full", "term", "int", "hup"]);
            let words: &[&str] = if self.dice.once_in(6) { &["apply"] } else { &["sync"] };
            self.run(words, &fault);
            self.look();
        }
    }

    /// Starts a run that stands still at a point; none when it never came there.
    fn held(&mut self) -> Option<(Child, String)> {
        let fault = self.fault(&["hold"]);
        let mut child = self.pbx.start_run(self.user, &["sync"], &fault);
        if self.pbx.is_held(&mut child) {
            return Some((child, fault));
        }
        let ended = self.pbx.wait(child);
        self.ended(&["sync"], &fault, ended);
        None
    }

    fn killed_group(&mut self) {
        let Some((child, fault)) = self.held() else { return };
        self.pbx.kill_group(child);
        self.oracle.undisturbed = false;
        self.tell(format!("killed with its child at {fault}"));
    }

    fn database_goes(&mut self) {
        let Some((child, fault)) = self.held() else { return };
        let killed = self.dice.once_in(2);
        let pbx = &self.pbx.env.pbx;
        if killed {
            pbx.kill_database();
        } else {
            pbx.stop_database();
        }
        let first = self.dice.once_in(2);
        if first {
            pbx.start_database();
        }
        self.pbx.let_go();
        let ended = self.pbx.wait(child);
        if !first {
            self.pbx.env.pbx.start_database();
        }
        self.tell(format!("database killed {killed}, started before it went on {first}"));
        self.ended(&["sync"], &fault, ended);
    }

    /// The database takes no change for a while.
    fn read_only(&mut self) {
        self.pbx.env.pbx.sql_run("SET GLOBAL read_only = 1", ());
        for words in [&["sync"][..], &["apply"]] {
            let code = self.run(words, "");
            assert_ne!(code, None, "{words:?}");
            self.look();
        }
        self.pbx.env.pbx.sql_run("SET GLOBAL read_only = 0", ());
    }

    /// The firewall's daemon is killed while it is held still, or at any other moment; somebody starts it again.
    fn daemon_dies(&mut self) {
        if self.pbx.shape == Shape::Quiet {
            return self.run_with_a_fault();
        }
        let at = self.dice.one_of(&["frozen", "committed", "restored", "before-freeze", "thawed"]);
        let fault = format!("{at}:1:hold");
        let mut child = self.pbx.start_run(self.user, &["sync"], &fault);
        let held = self.pbx.is_held(&mut child);
        self.pbx.env.pbx.kill_daemon();
        self.pbx.let_go();
        let ended = self.pbx.wait(child);
        self.tell(format!("the daemon is killed, at that point: {held}"));
        self.ended(&["sync"], &fault, ended);
        self.look();
        self.pbx.env.pbx.start_daemon();
        self.look();
    }

    fn wrong_clock(&mut self) {
        let off = [YEAR, -YEAR, 10 * DAY, -20 * YEAR][self.dice.below(4) as usize] + 1000;
        let within = self.dice.once_in(3);
        if !within {
            self.pbx.set_clock(off);
        }
        self.tell(format!("the clock is off by {} days", off / DAY));
        self.oracle.note_blocked(&self.pbx.rows());
        for _ in 0..1 + self.dice.below(3) {
            let (point, hit) = self.point();
            let fault = match (within, self.dice.once_in(2)) {
                (true, _) => format!("{point}:{hit}:clock={off}"),
                (false, true) => self.fault(&["kill", "error"]),
                (false, false) => String::new(),
            };
            if self.dice.once_in(2) {
                self.answers_badly();
            }
            self.run(&["sync"], &fault);
            self.look();
            self.nothing_was_let_go();
            self.two_minutes_pass();
        }
        self.pbx.set_clock(0);
    }

    /// Under a wrong clock no address that is still wanted may lose its row.
    fn nothing_was_let_go(&mut self) {
        let before = std::mem::take(&mut self.oracle.blocked);
        self.oracle.note_blocked(&self.pbx.rows());
        let expected = self.oracle.expected(&self.pbx.rows(), &self.releases());
        if self.oracle.limit.is_none() && self.oracle.fresh {
            let lost: BTreeSet<_> =
                before.difference(&self.oracle.blocked).filter(|place| expected.contains(place)).collect();
            assert!(lost.is_empty(), "let go by a wrong clock: {lost:?}");
        }
    }

    fn two_runs(&mut self) {
        let Some((child, fault)) = self.held() else { return };
        let second = self.pbx.run(self.user, &["sync"], "");
        assert_eq!(second.code, Some(75), "{}", second.text);
        self.pbx.let_go();
        let ended = self.pbx.wait(child);
        self.tell("a second run came and went".into());
        self.ended(&["sync"], &fault, ended);
    }

    /// An entry for the administrator to add: inside, around and beside ours. Through fwconsole nobody could tell his
    /// from ours where both want the same, so there it is one that no feed lists.
    fn his_choice(&mut self) -> String {
        if self.oracle.writer == Writer::Fwconsole || self.dice.once_in(4) {
            return self.dice.one_of(&HIS_OWN).to_owned();
        }
        self.dice.entry_v4()
    }

    fn adds(&mut self) {
        let key = self.his_choice();
        let run = self.pbx.env.pbx.fwconsole(&["firewall", "add", "blacklist", &key]);
        self.tell(format!("the administrator adds {key}: {}", run.code));
        if run.code == 0 {
            self.oracle.his.insert(key, "1".into());
        }
    }

    /// Deletes a row of ours, or one of his.
    fn deletes(&mut self, at_rest: bool) {
        let rows = self.pbx.rows();
        let keys: Vec<&str> = rows.keys().map(String::as_str).filter(|key| !key.contains(':')).collect();
        if keys.is_empty() {
            return;
        }
        let key = self.dice.one_of(&keys).to_owned();
        let noted = self.pbx.texts("banbridge_row", "SELECT prefix FROM banbridge_row").contains(&key);
        // A row that a cut-off run was writing: where its number came after it, it is known to have been there.
        let open = match self.pbx.numbers_agree() {
            true => "SELECT prefix FROM banbridge_row WHERE changing = 1 AND unmarked = 1",
            false => "SELECT prefix FROM banbridge_row WHERE changing = 1",
        };
        let changing = self.pbx.texts("banbridge_row", open).contains(&key);
        let run = self.pbx.env.pbx.fwconsole(&["firewall", "del", "blacklist", &key]);
        let his = self.oracle.his.remove(&key).is_some();
        self.tell(format!("the administrator deletes {key} (his: {his}, noted: {noted}): {}", run.code));
        if !his {
            let sure = at_rest && !changing && (noted || self.oracle.undisturbed);
            let released = if sure { &mut self.oracle.must_release } else { &mut self.oracle.may_release };
            released.insert(key);
        } else {
            // It may have been ours before he made it his.
            self.oracle.may_release.insert(key);
        }
    }

    fn administrator_at_rest(&mut self) {
        if self.dice.once_in(2) {
            self.run(&["sync"], "");
        }
        for _ in 0..1 + self.dice.below(3) {
            if self.dice.once_in(2) { self.adds() } else { self.deletes(true) }
        }
    }

    fn administrator_meanwhile(&mut self) {
        let Some((child, fault)) = self.held() else { return };
        // A row that is being written is locked until its change is committed, or is given up after a kill.
        let waits =
            ["before-insert", "after-insert", "before-number", "before-rows-commit", "before-first-rows"];
        if waits.iter().any(|point| fault.starts_with(point)) {
            self.pbx.let_go();
            self.adds();
            self.deletes(false);
        } else {
            self.adds();
            self.deletes(false);
            self.pbx.let_go();
        }
        let ended = self.pbx.wait(child);
        self.ended(&["sync"], &fault, ended);
        self.oracle.undisturbed = false;
    }

    fn answers_badly(&mut self) {
        let bad = self.dice.one_of(&BAD_ANSWERS);
        if self.dice.once_in(2) {
            self.pbx.env.feed.fault(&Fault::parse("none").unwrap(), 1);
        }
        self.pbx.env.feed.fault(&Fault::parse(bad).unwrap(), 1);
        self.tell(format!("the feed answers {bad}"));
    }

    fn bad_answer(&mut self) {
        self.answers_badly();
        let fault = if self.dice.once_in(2) { self.fault(&["kill", "error"]) } else { String::new() };
        self.run(&["sync"], &fault);
        self.pbx.env.feed.clear_faults();
        self.two_minutes_pass();
    }

    fn commands(&mut self) {
        let rows: Vec<String> =
            self.pbx.rows().into_keys().filter(|key| !self.oracle.his.contains_key(key)).collect();
        let keys: Vec<&str> = rows.iter().map(String::as_str).filter(|key| !places(key).is_empty()).collect();
        if keys.is_empty() || !self.pbx.has_ledger() {
            return;
        }
        let key = self.dice.one_of(&keys).to_owned();
        let fault = if self.dice.once_in(2) { self.fault(&["kill", "error"]) } else { String::new() };
        let code = self.run(&["unblock", &key], &fault);
        if code == Some(0) {
            self.oracle.must_release.insert(key.clone());
        } else {
            self.oracle.may_release.insert(key.clone());
        }
        if self.dice.once_in(3) {
            let code = self.run(&["unblock", "--undo", &key], "");
            if code == Some(0) {
                self.oracle.must_release.remove(&key);
            }
            self.oracle.may_release.insert(key);
        }
    }

    fn two_minutes_pass(&mut self) {
        if self.pbx.has_ledger() {
            self.pbx.env.later(120);
        }
    }

    /// Hours, or over a week: then the feed forgets what it listed before, and lists some of it again.
    fn time_passes(&mut self) {
        if !self.pbx.has_ledger() {
            return;
        }
        if !self.dice.once_in(2) {
            let hours = 1 + self.dice.below(15);
            self.pbx.env.later(i64::from(hours) * 3600);
            self.tell(format!("{hours} hours pass"));
            return;
        }
        self.clean_run();
        self.pbx.env.later(8 * DAY);
        let off = self.dice.once_in(2);
        if off {
            // The PBX was switched off: no run moved the clock of the ledger on.
            self.pbx
                .env
                .pbx
                .sql_run("UPDATE banbridge_state SET value = value - 691200 WHERE name = 'clock'", ());
        }
        let old: Vec<String> = std::mem::take(&mut self.oracle.listed).into_iter().collect();
        let kept: Vec<String> = old.into_iter().filter(|_| self.dice.once_in(2)).collect();
        self.pbx.env.feed.set_list(&[]);
        self.pbx.env.feed.set_list(&kept);
        self.tell(format!("8 days pass, switched off {off}, listed again {}", kept.join(" ")));
        self.oracle.listed.extend(kept);
        // What is listed again is not known before the feed is asked.
        self.oracle.fresh = false;
    }

    fn new_trust(&mut self) {
        let mut trusted = self.oracle.trusted.clone();
        if self.dice.once_in(3) && trusted.len() > 1 {
            trusted.pop();
        } else {
            trusted.push(self.dice.entry());
        }
        self.trust(trusted);
        let fault = self.fault(&["kill", "error"]);
        self.run(&["sync"], &fault);
    }

    /// The database's disk is really full for a while.
    fn full_disk(&mut self) {
        let Some((mut child, fault)) = self.held() else { return };
        let used = "df --output=used -k /run | tail -1";
        let fill = format!("mount -o remount,size=$(($({used}) + 64))k /run");
        self.pbx.env.pbx.run(&["sh", "-c", &fill]).ok();
        self.pbx.let_go();
        // MariaDB waits for room when a table of MyISAM finds none.
        for _ in 0..300 {
            if child.try_wait().unwrap().is_some() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        self.pbx.env.pbx.run(&["mount", "-o", "remount,size=50%", "/run"]).ok();
        self.tell("the disk was full".into());
        let ended = self.pbx.wait(child);
        self.ended(&["sync"], &fault, ended);
    }

    fn releases(&self) -> BTreeSet<String> {
        self.pbx
            .texts("banbridge_unblock", "SELECT prefix FROM banbridge_unblock WHERE until > UNIX_TIMESTAMP()")
    }

    /// (g) What is said is so: where `status --check` says that all is well, a packet of whoever has a row is refused.
    fn what_is_said_is_so(&mut self) {
        if self.pbx.shape == Shape::Quiet || !self.pbx.has_ledger() {
            return;
        }
        let status = self.pbx.run("root", &["status", "--check"], "");
        if status.code != Some(0) {
            return;
        }
        self.said_well += 1;
        // What the firewall makes of the administrator's own rows is between the two.
        let rows = self.pbx.rows();
        let rows: Vec<String> = self.oracle.ours(&rows).into_iter().cloned().collect();
        for _ in 0..2 {
            let keys: Vec<&str> =
                rows.iter().map(String::as_str).filter(|key| !places(key).is_empty()).collect();
            if keys.is_empty() {
                return;
            }
            let key = self.dice.one_of(&keys).to_owned();
            let places: Vec<Place> = places(&key).into_iter().collect();
            let place = places[self.dice.below(u32::try_from(places.len()).unwrap()) as usize];
            // FreePBX 15 to 17 enforce no row of IPv6, whoever wrote it.
            if place.0 && !self.oracle.nftables {
                continue;
            }
            self.refused(place, &format!("row {key}; {}", status.text.trim()));
        }
    }

    fn refused(&mut self, place: Place, why: &str) {
        let address = address(place);
        let probe = self.pbx.env.pbx.probe(Attacker(&address));
        self.tried += 1;
        assert_eq!(probe, Probe::Refused, "(g) {address} is said to be blocked: {why}");
    }

    /// (g) After a clean run of root everything that is wanted is refused, by row or set, and who is trusted is answered.
    fn packets_are_right(&mut self, released: &BTreeSet<String>) {
        if self.pbx.shape == Shape::Quiet || self.user != "root" {
            return;
        }
        let status = self.pbx.run("root", &["status", "--check"], "");
        if self.oracle.writer == Writer::Fwconsole && status.code != Some(0) {
            // Written that way the firewall brings them into force by itself, in its own time, and that is said.
            return;
        }
        if self.oracle.his_overlap() {
            assert!(status.text.contains("Changes do not take effect"), "(g) {}", status.text);
            return;
        }
        let by_set =
            self.set && self.pbx.env.pbx.run(&["nft", "list", "table", "inet", "banbridge"]).code == 0;
        let rows = self.pbx.rows();
        let expected: Vec<Place> = match by_set {
            true => self.oracle.wanted(released).into_iter().collect(),
            false => all_places(self.oracle.ours(&rows))
                .into_iter()
                .filter(|place| !place.0 || self.oracle.nftables)
                .collect(),
        };
        for _ in 0..2.min(expected.len()) {
            let place = expected[self.dice.below(u32::try_from(expected.len()).unwrap()) as usize];
            self.refused(place, &format!("after a clean run (set: {by_set}); {}", status.text.trim()));
        }
        let his = self.oracle.his_places();
        let trusted: Vec<Place> = all_places(&self.oracle.trusted).difference(&his).copied().collect();
        if let Some(place) = trusted.first() {
            let address = address(*place);
            self.tried += 1;
            assert_ne!(
                self.pbx.env.pbx.probe(Attacker(&address)),
                Probe::Refused,
                "(h) {address} is trusted"
            );
        }
    }

    /// What must hold at every moment.
    fn look(&mut self) {
        self.pbx.nobody_runs();
        self.what_is_said_is_so();
        let audit = self.pbx.audit();
        self.oracle.never_protected(&audit);
        self.oracle.trusted_before.clone_from(&self.oracle.trusted);
        self.oracle.his_are_untouched(&self.pbx.rows());
    }

    /// The next clean run, and what must hold after it.
    fn clean_run(&mut self) {
        self.pbx.env.feed.clear_faults();
        self.pbx.set_clock(0);
        self.two_minutes_pass();
        self.look();
        let code = self.run(&["sync"], "");
        assert_eq!(code, Some(0), "the clean run");
        self.look();
        let status = self.pbx.run("root", &["status", "--json"], "");
        let status: serde_json::Value =
            serde_json::from_str(status.text.lines().collect::<String>().as_str()).unwrap();
        let releases = self.releases();
        let rows = self.pbx.rows();
        self.oracle.is_right(&rows, &releases, &status);
        self.oracle.note_blocked(&rows);
        if self.pbx.shape != Shape::Quiet {
            crate::testenv::until("the daemon to go on", || self.pbx.env.pbx.daemon_sleeps());
        }
        self.packets_are_right(&releases);
        // What is released now is known; what may have been is settled.
        self.oracle.must_release = releases;
        self.oracle.may_release.clear();
    }
}
