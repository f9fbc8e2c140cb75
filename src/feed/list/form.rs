//! Which form a list has, told from its beginning.

use super::entry::{address, dshield, is_one};
use super::error::{ListErrorKind, shown};
use super::registry;
use super::statement;
use super::text::{FIELDS, Layout, Separator, Shape, content, fields};
use super::{Column, Format, Settings};

/// So many bytes are looked at.
pub(super) const HEAD: u64 = 64 * 1024;
/// So many lines of them.
const SAMPLE: usize = 200;
/// Columns that are tried.
const COLUMNS: usize = 16;
/// Words of the logs that people paste in the place of a list.
const LOG_WORDS: [&str; 12] = [
    "fail2ban.",
    "chan_sip",
    "res_pjsip",
    "NOTICE[",
    "WARNING[",
    "ERROR[",
    "SECURITY[",
    "VERBOSE[",
    "sshd[",
    "kernel:",
    "Registration from",
    "Failed password",
];

/// How the entries stand in the text.
#[derive(Debug)]
pub(super) enum Form {
    /// Lines with columns.
    Text(Layout),
    /// One JSON value a line.
    JsonLines {
        /// The fields that hold addresses.
        fields: Vec<String>,
    },
    /// One JSON value in all.
    Json {
        /// The fields that hold addresses.
        fields: Vec<String>,
    },
}

/// Tells the form from the beginning of a text. `whole`: there is nothing after it.
pub(super) fn recognise(head: &[u8], whole: bool, settings: &Settings) -> Result<Form, ListErrorKind> {
    let first = (1u64..).zip(head.split(|b| *b == b'\n')).find(|(_, line)| !line.trim_ascii().is_empty());
    let (number, first) = first.unwrap_or((1, b""));
    let first = first.trim_ascii();
    if first.starts_with(b"<") {
        return Err(ListErrorKind::Html { line: number, text: shown(first) });
    }
    if head.contains(&0) {
        return Err(ListErrorKind::NotText { why: "it contains zero bytes".to_owned() });
    }
    log_lines(head)?;
    let fields = || match (&settings.fields[..], &settings.column) {
        ([], Some(Column::Name(name))) => vec![name.clone()],
        ([], _) => vec![field_of(head)],
        (named, _) => named.to_vec(),
    };
    match settings.format {
        Some(Format::Json) => return Ok(Form::Json { fields: fields() }),
        Some(Format::Jsonl) => return Ok(Form::JsonLines { fields: fields() }),
        None if first.starts_with(b"{") && serde_json::from_slice::<serde::de::IgnoredAny>(first).is_ok() => {
            return Ok(Form::JsonLines { fields: fields() });
        }
        None if first.starts_with(b"{") || first.starts_with(b"[") => {
            return Ok(Form::Json { fields: fields() });
        }
        _ => {}
    }
    let mut lines: Vec<(u64, &[u8])> = (1..).zip(head.split(|b| *b == b'\n')).collect();
    if !whole {
        // The last one is not all there.
        lines.pop();
    }
    text(&lines, settings).map(Form::Text)
}

/// An error where most lines of the beginning are those of a log.
fn log_lines(head: &[u8]) -> Result<(), ListErrorKind> {
    let is_log = |line: &[u8]| {
        let text = String::from_utf8_lossy(&line[..line.len().min(1_000)]);
        LOG_WORDS.iter().any(|word| text.contains(word))
    };
    let lines = (1u64..).zip(head.split(|b| *b == b'\n')).filter(|(_, line)| !content(line).is_empty());
    let sample: Vec<(u64, &[u8])> = lines.take(SAMPLE).collect();
    let mut logs = sample.iter().filter(|(_, line)| is_log(line));
    match logs.next() {
        Some((line, text)) if (logs.count() + 1) * 2 > sample.len() => {
            Err(ListErrorKind::Log { line: *line, text: shown(text) })
        }
        _ => Ok(()),
    }
}

/// The likeliest field, by the names that stand in the beginning.
fn field_of(head: &[u8]) -> String {
    let text = String::from_utf8_lossy(head);
    let is_key = |name: &str| {
        let quoted = format!("\"{name}\"");
        text.match_indices(&quoted).any(|(at, _)| text[at + quoted.len()..].trim_start().starts_with(':'))
    };
    // CrowdSec's decisions, each beside where it comes from.
    if ["decisions", "scope", "value"].into_iter().all(is_key) {
        return "value".to_owned();
    }
    // A MISP warning list is one array of that name.
    FIELDS.iter().chain(&["list"]).find(|name| is_key(name)).unwrap_or(&FIELDS[0]).to_string()
}

fn text(lines: &[(u64, &[u8])], settings: &Settings) -> Result<Layout, ListErrorKind> {
    let sample: Vec<(u64, &[u8])> = lines
        .iter()
        .map(|(number, line)| (*number, content(line)))
        .filter(|(_, line)| !line.is_empty())
        .take(SAMPLE)
        .collect();
    let mut layout = Layout::default();
    let is_open = settings.format.is_none() && settings.column.is_none();
    if is_open && sample.iter().take(3).any(|(_, line)| registry::is_one(line)) {
        return Ok(Layout { separator: Separator::Bar, shape: Shape::Registry, ..layout });
    }
    if let Some((line, text)) = sample.first().filter(|_| settings.is_for_registries()) {
        return Err(ListErrorKind::NoRegistry { line: *line, text: shown(text) });
    }
    if let Some(Column::Name(name)) = &settings.column {
        layout.separator = separator_of_names(lines, name).unwrap_or_default();
    }
    match &settings.column {
        Some(Column::Name(name)) => {
            layout.column = find_name(lines, layout.separator, name)
                .ok_or_else(|| ListErrorKind::NoPlace { what: format!("column {name:?}"), how: "column" })?;
        }
        Some(Column::Number(number)) => {
            layout.column = usize::from(*number).saturating_sub(1);
            layout.separator = best(&sample, Some(layout.column)).0;
        }
        None => (layout.separator, layout.column) = best(&sample, None),
    }
    layout.shape = match settings.format {
        Some(Format::Dshield) => Shape::Dshield,
        Some(Format::Ranges) => Shape::Ranges,
        Some(Format::Text) => Shape::Entry,
        _ if is_dshield(&sample, &layout) => Shape::Dshield,
        _ => Shape::Entry,
    };
    layout.is_guess = settings.column.is_none() && settings.format.is_none();
    if layout.is_guess && layout.shape == Shape::Entry {
        prose(&sample, &layout)?;
        let said = sample.iter().filter(|(_, line)| statement::read(line).is_some()).count();
        match said > 0 && said * 2 >= sample.len() {
            true => layout.shape = Shape::Statements,
            false => two_columns(lines, &sample, &mut layout)?,
        }
    }
    layout.score = match (&settings.score_column, settings.min_score) {
        (_, None) => None,
        (None, Some(_)) => Some(layout.column + 1),
        (Some(Column::Number(number)), _) => Some(usize::from(*number).saturating_sub(1)),
        (Some(Column::Name(name)), _) => Some(find_name(lines, layout.separator, name).ok_or_else(|| {
            ListErrorKind::NoPlace { what: format!("column {name:?}"), how: "score_column" }
        })?),
    };
    Ok(layout)
}

/// An error where one or two lines in all are a sentence that names an address, or none.
fn prose(sample: &[(u64, &[u8])], layout: &Layout) -> Result<(), ListErrorKind> {
    let [(line, text), ..] = sample else { return Ok(()) };
    let is_sentence = |text: &[u8]| {
        let words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let plain = |word: &&[u8]| word.iter().filter(|b| b.is_ascii_alphabetic()).count() * 2 > word.len();
        words.filter(plain).count() >= 2
    };
    let no_statement = sample.iter().all(|(_, line)| statement::read(line).is_none());
    let is_prose =
        sample.len() <= 2 && layout.separator == Separator::Any && no_statement && is_sentence(text);
    match is_prose {
        true => Err(ListErrorKind::Prose { line: *line, text: shown(text) }),
        false => Ok(()),
    }
}

/// Where two columns hold addresses, names of their first line that say a range make it one; else it is an error.
fn two_columns(
    lines: &[(u64, &[u8])],
    sample: &[(u64, &[u8])],
    layout: &mut Layout,
) -> Result<(), ListErrorKind> {
    let mut places = Vec::new();
    let mut counts = [0usize; COLUMNS];
    for (_, line) in sample {
        fields(line, layout.separator, &mut places);
        for (count, place) in counts.iter_mut().zip(&places) {
            *count += usize::from(is_one(&line[place.clone()]));
        }
    }
    let most = counts.iter().copied().max().unwrap_or(0);
    let full: Vec<usize> =
        (0..COLUMNS).filter(|at| counts[*at] > 0 && counts[*at] * 10 >= most * 8).collect();
    let &[first, second, ..] = full.as_slice() else { return Ok(()) };
    let name = |at: usize, places: &[std::ops::Range<usize>], line: &[u8]| {
        places.get(at).map(|place| String::from_utf8_lossy(&line[place.clone()]).to_ascii_lowercase())
    };
    let names = name_lines(lines).find_map(|line| {
        fields(line, layout.separator, &mut places);
        let names = (name(first, &places, line)?, name(second, &places, line)?);
        (!is_one(names.0.as_bytes()) && !names.0.is_empty() && !is_one(names.1.as_bytes())).then_some(names)
    });
    let ends = |name: &str, words: [&str; 4]| words.iter().any(|word| name.starts_with(word));
    if let Some((a, b)) = &names
        && second == first + 1
        && ends(a, ["start", "first", "from", "begin"])
        && ends(b, ["end", "last", "to", "stop"])
    {
        (layout.column, layout.shape) = (first, Shape::Ranges);
        return Ok(());
    }
    // A netmask beside its network.
    let is_mask = |line: &&[u8], places: &[std::ops::Range<usize>]| {
        places.get(second).is_some_and(|place| line[place.clone()].starts_with(b"255."))
    };
    if second == first + 1
        && sample.iter().skip(1).all(|(_, line)| {
            fields(line, layout.separator, &mut places);
            is_mask(line, &places)
        })
    {
        return Ok(());
    }
    Err(match names {
        Some((a, b)) => {
            let source = if b.contains("src") || b.contains("source") { &b } else { &a };
            ListErrorKind::TwoColumns {
                example: format!("{:?}", shown(source.as_bytes())),
                first: shown(a.as_bytes()),
                second: shown(b.as_bytes()),
            }
        }
        None => ListErrorKind::TwoColumns {
            first: (first + 1).to_string(),
            second: (second + 1).to_string(),
            example: (first + 1).to_string(),
        },
    })
}

/// The line of a list that names its columns is one of its first, a comment perhaps.
fn name_lines<'a>(lines: &'a [(u64, &'a [u8])]) -> impl Iterator<Item = &'a [u8]> {
    let bare = |line: &'a [u8]| {
        let start = line.iter().position(|b| !b"#;/ \t".contains(b)).unwrap_or(line.len());
        line[start..].trim_ascii()
    };
    lines.iter().take(50).map(move |(_, line)| bare(line))
}

fn find_name(lines: &[(u64, &[u8])], separator: Separator, name: &str) -> Option<usize> {
    let mut places = Vec::new();
    name_lines(lines).find_map(|line| {
        fields(line, separator, &mut places);
        places.iter().position(|place| line[place.clone()].eq_ignore_ascii_case(name.as_bytes()))
    })
}

fn separator_of_names(lines: &[(u64, &[u8])], name: &str) -> Option<Separator> {
    Separator::ALL.into_iter().find(|separator| find_name(lines, *separator, name).is_some())
}

/// The separator and column in which most lines have an entry; of equal ones the plainest.
fn best(sample: &[(u64, &[u8])], column: Option<usize>) -> (Separator, usize) {
    let (mut found, mut most) = ((Separator::default(), column.unwrap_or(0)), 0);
    let mut places = Vec::new();
    // Bars are drawn on purpose; words and commas stand in any column.
    let bars = !sample.is_empty() && sample.iter().all(|(_, line)| line.contains(&b'|'));
    let first = if bars { Separator::Bar } else { Separator::Any };
    for separator in std::iter::once(first).chain(Separator::ALL) {
        let mut counts = [0usize; COLUMNS];
        let wanted = column.map_or(0..COLUMNS, |column| column..column.saturating_add(1));
        for (_, line) in sample {
            fields(line, separator, &mut places);
            for at in wanted.clone().take_while(|at| *at < places.len()) {
                if is_one(&line[places[at].clone()])
                    && let Some(count) = counts.get_mut(at.min(COLUMNS - 1))
                {
                    *count += 1;
                }
            }
        }
        for (at, count) in counts.into_iter().enumerate() {
            if count > most {
                (found, most) = ((separator, column.unwrap_or(at)), count);
            }
        }
    }
    found
}

/// Whether most lines are a network as DShield writes it.
fn is_dshield(sample: &[(u64, &[u8])], layout: &Layout) -> bool {
    let mut places = Vec::new();
    let mut fitting = 0;
    for (_, line) in sample {
        fields(line, layout.separator, &mut places);
        if let Some([first, last, length]) = places.get(layout.column..layout.column + 3) {
            let [first, last, length] = [first, last, length].map(|place| &line[place.clone()]);
            if address(first).is_ok() && dshield(first, last, length, &mut Vec::new()).is_ok() {
                fitting += 1;
            }
        }
    }
    fitting > 0 && fitting * 2 > sample.len().saturating_sub(1)
}
