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
        "banbridge_blocking",
        "1 if everything to block is blocked, as far as can be seen.",
        flag(status.blocking),
    );
    out.gauge("banbridge_firewall_enabled", "1 if the firewall is enabled.", flag(status.firewall.enabled));
    out.gauge("banbridge_firewall_running", "1 if the firewall service runs.", flag(status.firewall.running));
    let b = &status.blacklist;
    out.gauges(
        "banbridge_blacklist_rows",
        "Rows in the firewall blacklist, by owner.",
        [("banbridge", b.rows), ("you", b.other_rows)]
            .map(|(owner, rows)| (vec![("owner", owner.to_owned())], rows)),
    );
    out.gauge("banbridge_blacklist_limit_rows", "The row limit: banbridge rows at most.", b.limit);
    out.gauge("banbridge_blacklist_pending_rows", "Rows that the next run adds or removes.", b.pending);
    out.gauge("banbridge_over_limit_addresses", "Addresses and networks over the row limit.", b.over_limit);
    out.gauge(
        "banbridge_not_by_row_addresses",
        "Addresses and networks that no row can block.",
        b.not_by_row,
    );
    out.gauge(
        "banbridge_protected_addresses",
        "Listed addresses and networks that are protected.",
        b.protected,
    );
    out.gauge("banbridge_unblocked_addresses", "Addresses and networks that you unblocked.", b.unblocked);
    out.gauge(
        "banbridge_set_addresses",
        "Addresses and networks in the kernel set; 0 without it.",
        status.set.size,
    );
    out.add(
        &Metric {
            name: "banbridge_blocked_packets_total",
            kind: "counter",
            help: "Packets that the kernel set blocked, at least.",
        },
        [(Vec::new(), status.set.blocked_packets)],
    );
    if let Some(permit) = &status.permit {
        out.gauge(
            "banbridge_permit_in_force",
            "1 if the permit list is in the kernel.",
            flag(permit.in_force),
        );
        out.gauge("banbridge_permit_networks", "Networks that the permit lists let in.", permit.size);
        out.add(
            &Metric {
                name: "banbridge_outside_packets_total",
                kind: "counter",
                help: "Packets from outside of the permit lists, at least.",
            },
            [(Vec::new(), permit.outside_packets)],
        );
    }
    feeds(&mut out, status);
    if let Some(run) = &status.last_run {
        out.gauge("banbridge_last_run_timestamp_seconds", "Start of the last run.", run.started_at.0);
        if let Some(end) = run.finished_at {
            let help = "Duration of the last run.";
            out.gauge("banbridge_last_run_duration_seconds", help, end.0 - run.started_at.0);
        }
        if let Some(code) = run.exit_code {
            out.gauge("banbridge_last_run_exit_code", "Exit code of the last run; 0 is success.", code);
        }
    }
    out.gauges(
        "banbridge_problem",
        "1 for each problem, by its id.",
        status
            .problems
            .iter()
            .map(|problem| (vec![("id", problem.id.clone()), ("level", problem.level.to_owned())], 1)),
    );
    out.0
}

fn feeds(out: &mut Exposition, status: &Status) {
    let of = |value: fn(&crate::run::status::FeedStatus) -> Option<i64>| {
        let values = status
            .feeds
            .iter()
            .filter_map(move |feed| Some((vec![("feed", feed.name.clone())], value(feed)?)));
        values.collect::<Vec<_>>()
    };
    out.gauges("banbridge_feed_enabled", "1 if the feed is enabled.", of(|f| Some(f.enabled.into())));
    out.gauges(
        "banbridge_feed_entries",
        "Entries of the feed that are used.",
        of(|f| i64::try_from(f.entries).ok()),
    );
    out.gauges("banbridge_feed_held_entries", "Entries held for review.", of(|f| i64::try_from(f.held).ok()));
    out.gauges(
        "banbridge_feed_complete",
        "1 if the feed was fetched to its end.",
        of(|f| Some(f.complete.into())),
    );
    out.gauges(
        "banbridge_feed_out_of_date",
        "1 if the feed has not updated for over a day.",
        of(|f| Some(f.out_of_date.into())),
    );
    out.gauges(
        "banbridge_feed_failing",
        "1 if the last fetch failed.",
        of(|f| Some(f.last_error.is_some().into())),
    );
    out.gauges(
        "banbridge_feed_last_success_timestamp_seconds",
        "Time of the last update.",
        of(|f| f.last_success.map(|time| time.0)),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_labels_text_cannot_end_its_line_or_its_quotes() {
        let mut out = Exposition::default();
        let evil = "a\"} 1\nbanbridge_blocking 1 \\";
        out.gauges("x", "y", [(vec![("feed", evil.to_owned())], 7)]);
        out.gauges("none", "y", Vec::<(Vec<Label>, u8)>::new());
        assert_eq!(out.0, "# HELP x y\n# TYPE x gauge\nx{feed=\"a\\\"} 1\\nbanbridge_blocking 1 \\\\\"} 7\n");
    }
}
