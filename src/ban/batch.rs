//! What a batch of a feed's texts means: which are entries, which are invalid, which are protected.

use super::never_block::Verdict;
use super::wanted::{self, FeedPolicy};
use super::{Entry, NeverBlock, Prefix};
use crate::ban::entry::Said;

/// One text of a feed.
#[derive(Debug, Clone, Copy)]
pub struct Word<'a> {
    /// The text; none where the feed said something that is no text.
    pub text: Option<&'a str>,
    /// The same as it is shown when it is not used.
    pub shown: &'a str,
}

/// What is known before a batch comes. Times are seconds since 1970.
#[derive(Debug, Clone, Copy)]
pub struct Before<'a> {
    /// What all feeds said, in the order of [`wanted::sort`].
    pub known: &'a [Entry],
    /// How the feed counts.
    pub feed_policy: &'a FeedPolicy,
    /// Who is protected.
    pub never_block: &'a NeverBlock,
    /// Whether the feed only repeats itself: then what is known already was not seen again.
    pub repeated: bool,
    /// The time.
    pub now: i64,
}

/// What became of a batch. The three parts are disjoint but for what is protected, which is an entry too: it is wanted
/// as soon as nothing protects it any more.
#[derive(Debug, Default)]
pub struct Judged {
    /// Entries that are new or were seen again, sorted, each once.
    pub entries: Vec<Entry>,
    /// Places in the batch of texts that are not used, and why.
    pub invalid: Vec<(usize, String)>,
    /// Places in the batch of texts that are protected, and by what.
    pub protected: Vec<(usize, String)>,
}

impl Before<'_> {
    /// Sorts a batch.
    pub fn judge<'w>(&self, batch: impl IntoIterator<Item = Word<'w>>) -> Judged {
        let mut judged = Judged::default();
        for (place, word) in batch.into_iter().enumerate() {
            let prefix = match self.read(word) {
                Ok(prefix) => prefix,
                Err(reason) => {
                    judged.invalid.push((place, reason));
                    continue;
                }
            };
            if let Verdict::Protected(protection) = self.never_block.judge(&prefix) {
                judged.protected.push((place, protection.to_string()));
            }
            let known = self.find(&prefix);
            if self.repeated && known.is_some() {
                continue;
            }
            judged.entries.push(Entry::from(Said {
                prefix,
                feed: self.feed_policy.feed,
                first_seen: known.map_or(self.now, |known| known.first_seen().min(self.now)),
                last_seen: self.now,
                expires_at: self.now + self.feed_policy.ttl,
            }));
        }
        // One place for each, as the saved state has it.
        wanted::sort(&mut judged.entries);
        judged.entries.dedup_by_key(|entry| entry.prefix);
        judged
    }

    /// Reads a text as an address or network that is not wider than the feed may ask for.
    fn read(&self, word: Word<'_>) -> Result<Prefix, String> {
        let text = word.text.ok_or("not text")?;
        let prefix: Prefix = text.parse().map_err(|error: super::prefix::PrefixError| error.to_string())?;
        self.feed_policy.widest.check(&prefix).map_err(|error| error.to_string())?;
        Ok(prefix)
    }

    fn find(&self, prefix: &Prefix) -> Option<&Entry> {
        let key = (*prefix, self.feed_policy.feed);
        let place = self.known.binary_search_by_key(&key, |entry| (entry.prefix, entry.feed)).ok()?;
        self.known.get(place)
    }
}

/// Puts new sightings among the known entries, which stay in the order of [`wanted::sort`].
pub fn merge(entries: &mut Vec<Entry>, new: &[Entry]) {
    let mut unknown = Vec::new();
    for &entry in new {
        match entries.binary_search_by_key(&(entry.prefix, entry.feed), |known| (known.prefix, known.feed)) {
            Ok(place) => entries[place] = entry,
            Err(_) => unknown.push(entry),
        }
    }
    entries.extend(unknown);
    wanted::sort(entries);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ban::width::Widest;
    use crate::ban::{Protection, Source};

    const POLICY: FeedPolicy = FeedPolicy {
        feed: 7,
        priority: 0,
        ttl: 100,
        held_since: None,
        wide: false,
        widest: Widest { v4: 16, v6: 32 },
        quorum: crate::ban::wanted::Quorum { group: 0, agree: 0, trusted: false },
    };

    fn entry(prefix: &str, feed: u16, seen: i64) -> Entry {
        Entry::from(Said {
            prefix: prefix.parse().unwrap(),
            feed,
            first_seen: seen,
            last_seen: seen,
            expires_at: seen + 100,
        })
    }

    fn judge(known: &[Entry], texts: &[&str], repeated: bool) -> Judged {
        let office = Protection {
            prefix: "45.0.0.9".parse().unwrap(),
            source: Source::Allow,
            label: "office".to_owned(),
        };
        let never_block = NeverBlock::new([office]);
        let before = Before { known, feed_policy: &POLICY, never_block: &never_block, repeated, now: 50 };
        before.judge(texts.iter().map(|text| Word { text: Some(text), shown: text }))
    }

    #[test]
    fn a_batch_is_entries_invalid_texts_and_protected_ones() {
        let texts = ["45.0.0.2", "x", "45.0.0.2", "45.0.0.1", "45.0.0.9", "45.0.0.0/15"];
        let judged = judge(&[], &texts, false);
        let entries = [entry("45.0.0.1", 7, 50), entry("45.0.0.2", 7, 50), entry("45.0.0.9", 7, 50)];
        assert_eq!(judged.entries, entries);
        assert_eq!(judged.invalid.iter().map(|(place, _)| *place).collect::<Vec<_>>(), [1, 5]);
        assert!(judged.invalid[1].1.contains("/16"), "{:?}", judged.invalid);
        assert_eq!(judged.protected.len(), 1);
        assert_eq!(judged.protected[0].0, 4);
    }

    #[test]
    fn what_a_feed_repeats_keeps_its_first_sighting_and_is_not_seen_again_in_a_repeated_batch() {
        let known = [entry("45.0.0.1", 7, 10), entry("45.0.0.2", 8, 10)];
        let again = judge(&known, &["45.0.0.1", "45.0.0.2"], false);
        assert_eq!(again.entries[0], Entry::from(Said { first_seen: 10, ..entry("45.0.0.1", 7, 50).said() }));
        assert_eq!(again.entries[1], entry("45.0.0.2", 7, 50), "another feed's word is not this one's");
        let repeated = judge(&known, &["45.0.0.1", "45.0.0.2"], true);
        assert_eq!(repeated.entries, [entry("45.0.0.2", 7, 50)]);
    }

    #[test]
    fn new_sightings_take_the_place_of_old_ones() {
        let mut all = vec![entry("45.0.0.1", 7, 10), entry("45.0.0.3", 7, 10)];
        merge(&mut all, &[entry("45.0.0.2", 7, 50), entry("45.0.0.3", 7, 50)]);
        assert_eq!(all, [entry("45.0.0.1", 7, 10), entry("45.0.0.2", 7, 50), entry("45.0.0.3", 7, 50)]);
    }
}
