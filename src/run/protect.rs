//! Learns who must get through before anything is blocked.

use crate::system::failure::Result;
use std::collections::BTreeMap;
use std::net::IpAddr;

use super::report::Report;
use super::session::Session;
use crate::ban::plan::{Driver, OtherRow};
use crate::ban::target::{self, Target};
use crate::ban::{NeverBlock, Prefix, Protection, Source};
use crate::config::Config;
use crate::ledger::Ledger;
use crate::pbx::named::Named;
use crate::pbx::names::Resolver;
use crate::pbx::protected::{self, Reading};
use crate::system::text::{count, one_line};

impl Session {
    /// Reads every source, resolves the names in them and in the administrator's rows, and remembers what came. What
    /// cannot be read counts as it was last known. True where that is something else than was known.
    pub(super) fn learn_who_is_protected(
        &mut self,
        resolver: &dyn Resolver,
        report: &mut Report,
    ) -> Result<bool> {
        self.surroundings.allow = allow_list(&self.config, &mut self.ledger)?;
        let (known, known_names) = (self.ledger.protections()?, self.saved.names.clone());
        let readings = protected::read(self.ledger.conn(), &self.surroundings)?;
        let names = self.resolve(&readings, resolver, report)?;
        let mut read = Vec::new();
        for (source, reading) in readings {
            match reading {
                Ok(reading) => {
                    let (found, warnings) = found(&reading.named, &names);
                    for warning in warnings.into_iter().chain(unread(source, &reading.unread)) {
                        report.warn(warning);
                    }
                    read.push((source, found));
                }
                Err(error) => {
                    report.warn(format!(
                        "Could not read {}: {error}. Addresses found before stay protected.",
                        source.title()
                    ));
                    self.ledger.fail_source(source, &error)?;
                }
            }
        }
        let changed = self.ledger.save_sources(&read, &known, self.clock.now())?;
        self.saved.never_block = NeverBlock::new(self.ledger.protections()?);
        for (key, prefix) in self.rows_read_otherwise() {
            report.warn(format!(
                "Your row {key} is no address, and FreePBX 18 takes it for {prefix}. Remove it: fwconsole firewall del \
                 blacklist {key}"
            ));
        }
        Ok(changed || self.saved.names != known_names)
    }

    /// Rows of the administrator's that are no address, and that FreePBX 18 takes for one, each as it is to be shown.
    fn rows_read_otherwise(&self) -> Vec<(String, Prefix)> {
        let odd = |row: &OtherRow| match (row.key.parse::<Prefix>(), target::as_nftables_reads(&row.key)) {
            (Err(_), Some(net)) => Some((one_line(&row.key, 60).into_owned(), Prefix::new(net))),
            _ => None,
        };
        match self.saved.firewall.driver {
            Driver::Nftables => self.saved.present.others.iter().filter_map(odd).collect(),
            Driver::Iptables => Vec::new(),
        }
    }

    /// Reads again what the administrator set in FreePBX's database, for a run that asks nobody: names count as they were
    /// last answered. What cannot be read, and what there is to say of it, is for the runs that read every source.
    pub(super) fn learn_settings(&mut self) -> Result<()> {
        let readings = protected::read_database(self.ledger.conn())?;
        let (names, known) = (self.ledger.names_lately()?, self.ledger.protections()?);
        let mut changed = false;
        for (source, reading) in readings {
            let Ok(reading) = reading else { continue };
            let (mut new, _) = found(&reading.named, &names);
            let mut old: Vec<Protection> = known.iter().filter(|one| one.source == source).cloned().collect();
            let key = |one: &Protection| (one.prefix, one.label.clone());
            new.sort_by_key(key);
            new.dedup();
            old.sort_by_key(key);
            if new != old {
                changed = true;
                self.ledger.save_source(source, &new, self.clock.now())?;
            }
        }
        if changed {
            self.saved.never_block = NeverBlock::new(self.ledger.protections()?);
        }
        Ok(())
    }

    /// Asks for all names at once, in the sources and in the administrator's rows. Returns every address that they had
    /// lately.
    fn resolve(
        &mut self,
        readings: &[Reading],
        resolver: &dyn Resolver,
        report: &mut Report,
    ) -> Result<BTreeMap<String, Vec<IpAddr>>> {
        let found = readings.iter().filter_map(|(_, reading)| reading.as_ref().ok());
        let named = found.flat_map(|found| &found.named);
        let in_rows = self.saved.rows.others.iter().filter_map(|key| target::target(key));
        let targets = named.map(|named| named.target.clone()).chain(in_rows);
        let mut questions: Vec<String> = targets.filter_map(|target| target.question()).collect();
        // Their order decides who is asked for when there are very many.
        let mut seen = std::collections::BTreeSet::new();
        questions.retain(|question| seen.insert(question.clone()));
        if questions.is_empty() {
            return Ok(BTreeMap::new());
        }
        let found = resolver.resolve(&questions);
        for question in questions.iter().filter(|question| !found.contains_key(*question)) {
            report.warn(unanswered(question, self.saved.names.contains_key(question)));
        }
        // Names of a source that could not be read now go on to be used.
        let all_read = readings.iter().all(|(_, reading)| reading.is_ok());
        let known = self.saved.names.keys().filter(|_| !all_read).cloned();
        let used: Vec<String> = questions.iter().cloned().chain(known).collect();
        self.ledger.save_names(&found, &used, self.clock.now())?;
        self.saved.names = self.ledger.names()?;
        let lately = self.ledger.names_lately()?;
        self.saved.look_at_rows(&mut self.ledger)?;
        Ok(lately)
    }
}

/// Texts that cannot be read that are named.
const UNREAD_SHOWN: usize = 5;

/// What of a source protects nobody, in sentences.
fn unread(source: Source, unread: &[String]) -> Vec<String> {
    let title = source.title();
    let mut all: Vec<String> = unread
        .iter()
        .take(UNREAD_SHOWN)
        .map(|text| {
            format!(
                "{title}: cannot read an address or host in {text}. Nobody is protected by it. Add the address: banbridge allow ADDRESS"
            )
        })
        .collect();
    if unread.len() > UNREAD_SHOWN {
        let more = count(unread.len() - UNREAD_SHOWN, "more value", "more values");
        all.push(format!("{title}: {more} cannot be read."));
    }
    all
}

/// The protections of one source, names replaced by what they resolve to; and what to warn of.
fn found(named: &[Named], names: &BTreeMap<String, Vec<IpAddr>>) -> (Vec<Protection>, Vec<String>) {
    let (mut all, mut warnings) = (Vec::new(), Vec::new());
    for protection in resolved(named, names) {
        let (source, prefix, label) = (protection.source, &protection.prefix, &protection.label);
        if source.accepts(prefix) {
            if prefix.length() == 0 {
                warnings.push(format!("{label} protects every address. Nothing can be blocked."));
            }
            all.push(protection);
        } else if prefix.length() > 0 || !source.is_trunks() {
            let title = source.title();
            warnings
                .push(format!("{title}: {prefix} ({label}) is most of the internet. It is not protected."));
        }
    }
    (all, warnings)
}

fn unanswered(question: &str, known: bool) -> String {
    match (question.strip_prefix(target::SERVICE), known) {
        (Some(domain), true) => {
            format!("No answer for the SIP servers of {domain} (SRV). Those found before stay protected.")
        }
        (Some(domain), false) => {
            format!("No answer for the SIP servers of {domain} (SRV) yet. Only the name itself is protected.")
        }
        (None, true) => {
            format!("Could not resolve {question}. Its addresses found before stay protected.")
        }
        (None, false) => format!("Could not resolve {question} yet. Its addresses are not protected."),
    }
}

/// Protections for what is named, as far as the names are known.
fn resolved<'a>(
    named: &'a [Named],
    names: &'a BTreeMap<String, Vec<IpAddr>>,
) -> impl Iterator<Item = Protection> + 'a {
    named.iter().flat_map(|one| {
        let prefixes: Vec<Prefix> = match (&one.target, one.target.question()) {
            (Target::Prefix(prefix), _) => vec![*prefix],
            (_, Some(question)) => {
                names.get(&question).into_iter().flatten().copied().map(Prefix::host).collect()
            }
            (_, None) => Vec::new(),
        };
        let protect = |prefix| Protection { prefix, source: one.source, label: one.label.clone() };
        prefixes.into_iter().map(protect).collect::<Vec<_>>()
    })
}

/// The `allow` list of the configuration and of the ledger, with a label each.
fn allow_list(config: &Config, ledger: &mut Ledger) -> Result<Vec<(Target, String)>> {
    let in_file =
        config.protect.allow.iter().map(|allow| (allow.0.clone(), format!("{allow} in the configuration")));
    let by_command = ledger.allowed()?.into_iter().filter_map(|allowed| {
        let comment = allowed.comment.map(|comment| format!(" ({comment})")).unwrap_or_default();
        Some((target::target(&allowed.target)?, format!("{}{comment}", allowed.target)))
    });
    Ok(in_file.chain(by_command).collect())
}

/// Learns the `allow` list alone, after it was changed, with the names that are new on it.
pub fn learn_allowed(
    config: &Config,
    ledger: &mut Ledger,
    new: &[Target],
    resolver: &dyn Resolver,
    now: i64,
) -> Result<()> {
    let questions: Vec<String> = new.iter().filter_map(Target::question).collect();
    if !questions.is_empty() {
        let found = resolver.resolve(&questions);
        let mut used: Vec<String> = ledger.names()?.into_keys().collect();
        used.extend(questions);
        ledger.save_names(&found, &used, now)?;
    }
    let list = allow_list(config, ledger)?;
    let named: Vec<Named> =
        list.into_iter().map(|(target, label)| Named::new(Source::Allow, target, &label)).collect();
    let names = ledger.names_lately()?;
    let found: Vec<Protection> =
        resolved(&named, &names).filter(|one| one.source.accepts(&one.prefix)).collect();
    ledger.save_source(Source::Allow, &found, now)?;
    Ok(())
}
