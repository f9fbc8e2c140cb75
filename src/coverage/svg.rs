//! A chart of attempts per hour, with and without a listing: one file without scripts, fonts or links, so that any
//! browser shows it and it can be attached to an e-mail.

use std::collections::BTreeMap;
use std::fmt::Write;

use jiff::Timestamp;

use super::tally::Hour;

const WIDTH: i64 = 1_000;
const HEIGHT: i64 = 400;
/// Of the area with the bars.
const LEFT: i64 = 80;
const RIGHT: i64 = 980;
const TOP: i64 = 80;
const BOTTOM: i64 = 340;
/// The widest time below the bars.
const LABEL: i64 = 95;
/// The most bars; more hours share a bar.
const BARS: i64 = 180;
/// Colors that people who cannot tell red from green can tell apart.
const UNLISTED: &str = "#c0392b";
const LISTED: &str = "#8fb8de";

/// Hours that one bar can stand for.
const STEPS: [i64; 9] = [1, 2, 3, 6, 12, 24, 48, 168, 744];

/// Draws it. `title` may contain anything.
pub fn draw(hours: &BTreeMap<i64, Hour>, title: &str) -> String {
    let first = hours.keys().next().copied().unwrap_or(0);
    let last = hours.keys().next_back().copied().unwrap_or(first).max(first);
    let length = last.saturating_sub(first).saturating_add(1);
    let step = STEPS.into_iter().find(|step| length <= step * BARS).unwrap_or(length / BARS + 1);
    let start = first.div_euclid(step) * step;
    let count = (last.saturating_sub(start) / step).saturating_add(1);
    let mut bars: BTreeMap<i64, Hour> = BTreeMap::new();
    for (hour, of) in hours {
        let bar = bars.entry((hour - start) / step).or_default();
        bar.listed = bar.listed.saturating_add(of.listed);
        bar.unlisted = bar.unlisted.saturating_add(of.unlisted);
    }
    let most = bars.values().map(Hour::total).max().unwrap_or(0);
    let (tick, top) = scale(most);
    let mut svg = String::new();
    // Writing to a String never fails.
    let _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" \
         height=\"{HEIGHT}\" role=\"img\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <title>{title}</title>\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\n\
         <text x=\"{LEFT}\" y=\"28\" font-size=\"18\" fill=\"#222222\">{title}</text>\n",
        title = escaped(title)
    );
    legend(&mut svg, hours);
    grid(&mut svg, tick, top);
    let width = (RIGHT - LEFT) as f64 / count as f64;
    let tall = |attempts: u64| attempts as f64 / top as f64 * (BOTTOM - TOP) as f64;
    for (place, bar) in &bars {
        let x = LEFT as f64 + *place as f64 * width;
        let mut foot = BOTTOM as f64;
        // What got through is at the bottom, where heights can be compared.
        for (attempts, color) in [(bar.unlisted, UNLISTED), (bar.listed, LISTED)] {
            if attempts > 0 {
                // One attempt among thousands is to be visible.
                let height = tall(attempts).max(1.0);
                foot -= height;
                let shown = (width * 0.9).max(0.6);
                let _ = writeln!(
                    svg,
                    "<rect x=\"{x:.1}\" y=\"{foot:.1}\" width=\"{shown:.1}\" height=\"{height:.1}\" \
                     fill=\"{color}\"/>"
                );
            }
        }
    }
    times(&mut svg, start, step, count);
    let per = match step {
        1 => "an hour".to_owned(),
        24 => "a day".to_owned(),
        hours if hours % 24 == 0 => format!("{} days", hours / 24),
        hours => format!("{hours} hours"),
    };
    let _ = write!(
        svg,
        "<text x=\"{LEFT}\" y=\"{}\" fill=\"#555555\">Each bar is {per}; times are UTC.</text>\n</svg>\n",
        HEIGHT - 12
    );
    svg
}

fn legend(svg: &mut String, hours: &BTreeMap<i64, Hour>) {
    let sum = |of: fn(&Hour) -> u64| hours.values().map(of).fold(0u64, u64::saturating_add);
    let (unlisted, listed) = (sum(|hour| hour.unlisted), sum(|hour| hour.listed));
    let lines = [
        (LEFT, UNLISTED, format!("without a listing: {unlisted} attempts")),
        (LEFT + 330, LISTED, format!("while a feed listed the attacker: {listed} attempts")),
    ];
    for (x, color, text) in lines {
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"43\" width=\"14\" height=\"14\" fill=\"{color}\"/>\
             <text x=\"{}\" y=\"55\" fill=\"#222222\">{text}</text>",
            x + 20
        );
    }
}

/// Horizontal lines with their numbers.
fn grid(svg: &mut String, tick: u64, top: u64) {
    let mut at = 0;
    while at <= top {
        let y = BOTTOM as f64 - at as f64 / top as f64 * (BOTTOM - TOP) as f64;
        let _ = writeln!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#dddddd\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#555555\">{at}</text>",
            LEFT - 8,
            y + 4.0
        );
        let Some(next) = at.checked_add(tick) else { break };
        at = next;
    }
}

/// Times below the bars, at most ten.
fn times(svg: &mut String, start: i64, step: i64, count: i64) {
    let every = (count / 9).max(1);
    for place in (0..count).step_by(usize::try_from(every).unwrap_or(1)) {
        let seconds = place.saturating_mul(step).saturating_add(start).saturating_mul(3_600);
        let Ok(time) = Timestamp::from_second(seconds) else { continue };
        let form = if step.saturating_mul(every) < 24 { "%d %b %H:%M" } else { "%Y-%m-%d" };
        let x = LEFT as f64 + place as f64 / count as f64 * (RIGHT - LEFT) as f64;
        // It would be cut off at the edge.
        if x > (WIDTH - LABEL) as f64 {
            break;
        }
        let _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{BOTTOM}\" y2=\"{}\" stroke=\"#999999\"/>\
             <text x=\"{x:.1}\" y=\"{}\" fill=\"#555555\">{}</text>",
            BOTTOM + 5,
            BOTTOM + 20,
            time.strftime(form)
        );
    }
}

/// The distance of the horizontal lines, and the number at the top: round ones.
fn scale(most: u64) -> (u64, u64) {
    let mut tick = 1u64;
    for factor in [2, 5, 10].into_iter().cycle() {
        // 1, 2, 5, 10, 20, 50, ...
        if most <= tick.saturating_mul(5) {
            break;
        }
        let power = 10u64.saturating_pow(tick.checked_ilog10().unwrap_or(0));
        tick = power.saturating_mul(factor);
    }
    (tick, most.div_ceil(tick).max(1).saturating_mul(tick))
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            // XML has no way to write these.
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('?'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hours(all: &[(i64, u64, u64)]) -> BTreeMap<i64, Hour> {
        all.iter()
            .map(|(hour, listed, unlisted)| (*hour, Hour { listed: *listed, unlisted: *unlisted }))
            .collect()
    }

    fn bars(svg: &str, color: &str) -> usize {
        svg.lines().filter(|line| line.contains(color) && !line.contains("<text")).count()
    }

    #[test]
    fn each_hour_has_its_bars_and_the_legend_its_sums() {
        let svg = draw(&hours(&[(498_750, 3, 9), (498_751, 0, 1), (498_760, 5, 0)]), "My PBX");
        assert_eq!((bars(&svg, LISTED), bars(&svg, UNLISTED)), (2, 2));
        assert!(svg.contains("without a listing: 10 attempts"), "{svg}");
        assert!(svg.contains("listed the attacker: 8 attempts"), "{svg}");
        assert!(svg.contains("Each bar is an hour") && svg.contains("24 Nov"), "{svg}");
        assert!(draw(&BTreeMap::new(), "").contains("0 attempts"));
    }

    #[test]
    fn a_long_span_is_drawn_in_few_bars() {
        let all: Vec<(i64, u64, u64)> = (0..5_000).map(|hour| (480_000 + hour, 1, 1)).collect();
        let svg = draw(&hours(&all), "x");
        let drawn = bars(&svg, LISTED);
        assert!((80..=200).contains(&drawn), "{drawn}");
        assert!(svg.contains("Each bar is 2 days") && svg.contains("5000 attempts"), "{svg}");
    }

    #[test]
    fn the_title_is_text_whatever_it_contains() {
        let svg = draw(&BTreeMap::new(), "</title><script>alert(\"1\")</script>&\u{1b}");
        assert!(
            !svg.contains("<script") && svg.contains("&lt;script&gt;") && !svg.contains('\u{1b}'),
            "{svg}"
        );
    }

    #[test]
    fn the_scale_is_round_and_reaches_the_most() {
        let table = [
            (0, (1, 1)),
            (1, (1, 1)),
            (5, (1, 5)),
            (6, (2, 6)),
            (11, (5, 15)),
            (26, (10, 30)),
            (999, (200, 1_000)),
        ];
        for (most, expected) in table {
            assert_eq!(scale(most), expected, "{most}");
        }
    }

    proptest! {
        #[test]
        fn no_hours_make_it_panic_or_grow(
            all in prop::collection::btree_map(any::<i64>(), (any::<u64>(), any::<u64>()), 0..20), near in any::<bool>()
        ) {
            let bound = |hour: i64| if near { hour.rem_euclid(100_000) } else { hour / 3_600 };
            let half = |count: u64| count / 64;
            let all: BTreeMap<i64, Hour> = all
                .into_iter()
                .map(|(hour, (listed, unlisted))| (bound(hour), Hour { listed: half(listed), unlisted: half(unlisted) }))
                .collect();
            let svg = draw(&all, "x");
            prop_assert!(svg.len() < 100_000);
            prop_assert!(svg.ends_with("</svg>\n"));
        }
    }
}
