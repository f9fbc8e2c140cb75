//! Learns who must get through before anything is blocked.

use super::report::Report;
use super::session::Session;
use crate::ban::{NeverBlock, Prefix, Protection, Source};
use crate::pbx::interfaces;
use crate::pbx::names::Resolver;
use crate::pbx::zones::{self, Named, Target, ZoneError};

impl Session<'_> {
    /// Reads every source, resolves the names in them and in the administrator's rows, and remembers what came. What
    /// cannot be read counts as it was last known.
    pub(super) fn learn_who_is_protected(
        &mut self,
        resolver: &dyn Resolver,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        let now = super::super::now();
        let zones = match zones::read(self.ledger.conn()) {
            Ok(zones) => Ok(zones),
            Err(ZoneError::Database(error)) => return Err(error.into()),
            Err(error) => Err(error.to_string()),
        };
        self.resolve(&zones, resolver, report)?;
        let mut known = self.ledger.protections()?;
        let mut learned: Vec<(Source, Result<Vec<Protection>, String>)> =
            vec![(Source::Interface, interfaces::read().map_err(|error| error.to_string()))];
        for source in [Source::Zone, Source::Hidden] {
            let found = zones.as_ref().map_err(String::clone);
            learned.push((source, found.map(|named| self.protections(named, source, report))));
        }
        for (source, found) in learned {
            match found {
                Ok(found) => {
                    known.retain(|protection| protection.source != source);
                    if !self.is_dry() {
                        self.ledger.save_source(source, &found, now)?;
                    }
                    known.extend(found);
                }
                Err(error) => {
                    report.warn(format!("{error}; those protected before stay protected"));
                    if !self.is_dry() {
                        self.ledger.fail_source(source, &error)?;
                    }
                }
            }
        }
        self.picture.never_block = NeverBlock::new(known);
        Ok(())
    }

    /// Asks for all names at once, in the zones and in the administrator's rows.
    fn resolve(
        &mut self,
        zones: &Result<Vec<Named>, String>,
        resolver: &dyn Resolver,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        let in_zones = zones.iter().flatten().filter_map(|named| match &named.target {
            Target::Name(name) => Some(name.clone()),
            Target::Prefix(_) => None,
        });
        let in_rows = self.picture.rows.foreign.iter().filter_map(|key| match zones::target(key) {
            Some(Target::Name(name)) => Some(name),
            _ => None,
        });
        let mut names: Vec<String> = in_zones.chain(in_rows).collect();
        names.sort_unstable();
        names.dedup();
        if names.is_empty() {
            return Ok(());
        }
        let found = resolver.resolve(&names);
        for name in names.iter().filter(|name| !found.contains_key(*name)) {
            report.warn(match self.picture.names.contains_key(name) {
                true => {
                    format!("the name {name} was not resolved now; its last known addresses go on to count")
                }
                false => format!(
                    "the name {name} was never resolved, so its addresses are not known and not protected"
                ),
            });
        }
        if !self.is_dry() {
            self.ledger.save_names(&found, &names, super::super::now())?;
        }
        self.picture.names.extend(found);
        self.picture.look_at_rows(&mut self.ledger)?;
        Ok(())
    }

    /// The protections of one source, names replaced by what they resolve to.
    fn protections(&self, named: &[Named], source: Source, report: &mut Report) -> Vec<Protection> {
        let mut all = Vec::new();
        for one in named.iter().filter(|one| one.source == source) {
            let prefixes: Vec<Prefix> = match &one.target {
                Target::Prefix(prefix) => vec![*prefix],
                Target::Name(name) => {
                    self.picture.names.get(name).into_iter().flatten().copied().map(Prefix::host).collect()
                }
            };
            for prefix in &prefixes {
                if prefix.length() == 0 {
                    report.warn(format!("{} protects every address, so nothing can be blocked", one.label));
                }
            }
            let protect = |prefix| Protection { prefix, source, label: one.label.clone() };
            all.extend(prefixes.into_iter().map(protect));
        }
        all
    }
}
