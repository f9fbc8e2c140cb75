//! `status --format prometheus`: the same figures for node_exporter's textfile collector.

use std::fmt::{Display, Write};

use super::Status;

/// One figure: its name, its type and what it says. The names are kept.
struct Metric {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
}

/// Text in the form that Prometheus reads.
#[derive(Default)]
struct Exposition(String);

impl Exposition {
    /// Begins a figure and writes its values, each with its labels.
    fn add<V: Display>(&mut self, metric: &Metric, values: impl IntoIterator<Item = (Vec<Label>, V)>) {
        let Metric { name, kind, help } = metric;
        let mut values = values.into_iter().peekable();
        // A name without a value would be noise.
        if values.peek().is_none() {
            return;
        }
        // Writing to a String never fails.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in values {
            let labels: Vec<String> =
                labels.iter().map(|(label, text)| format!("{label}=\"{}\"", escaped(text))).collect();
            let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            let _ = writeln!(self.0, "{name}{labels} {value}");
        }
    }

    fn gauge(&mut self, name: &'static str, help: &'static str, value: impl Display) {
        self.add(&Metric { name, kind: "gauge", help }, [(Vec::new(), value)]);
    }

    fn gauges<V: Display>(
        &mut self,
        name: &'static str,
        help: &'static str,
        values: impl IntoIterator<Item = (Vec<Label>, V)>,
    ) {
        self.add(&Metric { name, kind: "gauge", help }, values);
    }
}

/// A label and its text.
type Label = (&'static str, String);

/// A label's text as the form wants it.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// All figures.
pub(super) fn text(status: &Status) -> String {
    let mut out = Exposition::default();
    let flag = u8::from;
    out.gauges(
        "banbridge_build_info",
        "Always 1; the version is its label.",
        [(vec![("version", env!("CARGO_PKG_VERSION").to_owned())], 1)],
    );
    out.gauge(
        "banbridge_in_force",
        "Whether what is wanted is blocked, as far as can be seen.",
        flag(status.in_force),
    );
    out.gauge(
        "banbridge_firewall_enabled",
        "Whether the firewall is switched on.",
        flag(status.firewall.enabled),
    );
    out.gauge(
        "banbridge_firewall_running",
        "Whether the firewall's daemon runs.",
        flag(status.firewall.running),
    );
    let b = &status.blacklist;
    out.gauges(
        "banbridge_blacklist_rows",
        "Rows in the firewall's blacklist, by whose they are.",
        [("banbridge", b.ours), ("administrator", b.foreign)]
            .map(|(owner, rows)| (vec![("owner", owner.to_owned())], rows)),
    );
    out.gauge("banbridge_blacklist_limit_rows", "Rows of banbridge at most.", b.limit);
    out.gauge("banbridge_blacklist_due_rows", "Rows that the next run changes.", b.due);
    out.gauge("banbridge_over_limit_prefixes", "Prefixes that found no room among the rows.", b.over_limit);
    out.gauge("banbridge_not_by_row_prefixes", "Prefixes that no row can block.", b.not_by_row);
    out.gauge("banbridge_protected_prefixes", "Prefixes that are listed and never blocked.", b.refused);
    out.gauge("banbridge_released_prefixes", "Prefixes that an administrator took out.", b.released);
    out.gauge(
        "banbridge_set_prefixes",
        "Prefixes in the kernel's set of banbridge; 0 without a set.",
        status.set.size,
    );
    out.add(
        &Metric {
            name: "banbridge_refused_packets_total",
            kind: "counter",
            help: "Packets that the set refused, at least so many.",
        },
        [(Vec::new(), status.set.refused_packets)],
    );
    feeds(&mut out, status);
    if let Some(run) = &status.last_run {
        out.gauge("banbridge_last_run_timestamp_seconds", "When the last run began.", run.started_at.0);
        if let Some(end) = run.finished_at {
            let help = "How long the last run took.";
            out.gauge("banbridge_last_run_duration_seconds", help, end.0 - run.started_at.0);
        }
        if let Some(code) = run.exit_code {
            out.gauge("banbridge_last_run_exit_code", "How the last run ended; 0 is well.", code);
        }
    }
    out.gauges(
        "banbridge_notice",
        "1 for each notice that stands, by its id.",
        status
            .notices
            .iter()
            .map(|notice| (vec![("id", notice.id.clone()), ("level", notice.level.to_owned())], 1)),
    );
    out.0
}

fn feeds(out: &mut Exposition, status: &Status) {
    let of = |value: fn(&super::FeedStatus) -> Option<i64>| {
        let values = status
            .feeds
            .iter()
            .filter_map(move |feed| Some((vec![("feed", feed.name.clone())], value(feed)?)));
        values.collect::<Vec<_>>()
    };
    out.gauges("banbridge_feed_enabled", "Whether the feed is switched on.", of(|f| Some(f.enabled.into())));
    out.gauges(
        "banbridge_feed_entries",
        "Entries of the feed that count.",
        of(|f| i64::try_from(f.entries).ok()),
    );
    out.gauges(
        "banbridge_feed_held_entries",
        "Entries that the surge guard holds.",
        of(|f| i64::try_from(f.held).ok()),
    );
    out.gauges(
        "banbridge_feed_complete",
        "Whether its list was read to its end.",
        of(|f| Some(f.complete.into())),
    );
    out.gauges(
        "banbridge_feed_stale",
        "Whether it gave no good answer for over a day.",
        of(|f| Some(f.stale.into())),
    );
    out.gauges(
        "banbridge_feed_failing",
        "Whether its last answer was an error.",
        of(|f| Some(f.last_error.is_some().into())),
    );
    out.gauges(
        "banbridge_feed_last_success_timestamp_seconds",
        "When it last gave a good answer.",
        of(|f| f.last_success.map(|time| time.0)),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_labels_text_cannot_end_its_line_or_its_quotes() {
        let mut out = Exposition::default();
        let evil = "a\"} 1\nbanbridge_in_force 1 \\";
        out.gauges("x", "y", [(vec![("feed", evil.to_owned())], 7)]);
        out.gauges("none", "y", Vec::<(Vec<Label>, u8)>::new());
        assert_eq!(out.0, "# HELP x y\n# TYPE x gauge\nx{feed=\"a\\\"} 1\\nbanbridge_in_force 1 \\\\\"} 7\n");
    }
}
