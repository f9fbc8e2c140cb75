//! The page of messages: what the program says when it ends with an error, by exit code.
//!
//! The messages are read from the source, where each is an `#[error("...")]` over a type or a variant, so a new one
//! is in the page without anybody's thinking of it. Which code a type ends with is decided by src/system/exit.rs; here
//! is the same once more, and a test that no type of exit.rs is missing.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use clap_mangen::roff::{Roff, bold, italic, roman};

use banbridge::system::exit::Exit;

use super::explained;

/// The code of a type, or of one of its variants where that has another. What is not here is said inside of other
/// messages, or while a run goes on.
const CODES: [(&str, Option<&str>, u8); 54] = [
    ("ConfError", Some("Denied"), 77),
    ("ConfError", None, 78),
    ("ConfigError", None, 78),
    ("DatabaseError", Some("Refused"), 77),
    ("DatabaseError", Some("NotLetIn"), 77),
    ("DatabaseError", Some("Denied"), 77),
    ("DatabaseError", Some("TooLarge"), 78),
    ("DatabaseError", Some("NoDatabase"), 78),
    ("DatabaseError", Some("NoColumn"), 78),
    ("DatabaseError", Some("Value"), 78),
    ("DatabaseError", None, 69),
    ("JailError", None, 69),
    ("FetchError", Some("Unreachable"), 69),
    ("FetchError", Some("Unavailable"), 69),
    ("FetchError", Some("RateLimited"), 75),
    ("FetchError", Some("KeyRefused"), 77),
    ("FetchError", Some("BouncerRefused"), 77),
    ("FetchError", Some("LoginRefused"), 77),
    ("FetchError", Some("LoginMissing"), 77),
    ("FetchError", None, 65),
    ("Problem", None, 69),
    ("ListError", None, 65),
    ("ListErrorKind", None, 65),
    ("SetupError", None, 78),
    ("UrlError", None, 78),
    ("SetError", Some("Denied"), 77),
    ("SetError", None, 69),
    ("LedgerError", Some("Newer"), 78),
    ("LedgerError", None, 69),
    ("Held", None, 75),
    ("LockError", None, 75),
    ("BackupError", None, 65),
    ("ChildError", Some("Start"), 74),
    ("ChildError", Some("Late"), 75),
    ("ChildError", Some("Ended"), 75),
    ("ChildError", Some("Stopped"), 75),
    ("ChildError", None, 70),
    ("CronError", Some("NoProgram"), 74),
    ("CronError", Some("Unseen"), 74),
    ("CronError", None, 69),
    ("FileProblem", Some("Unreadable"), 74),
    ("FileProblem", None, 65),
    ("NoLogs", Some("Missing"), 2),
    ("NoLogs", Some("Unreadable"), 74),
    ("NoLogs", None, 65),
    ("SetupError", Some("NotRoot"), 77),
    ("SetupError", Some("NoTerminal"), 2),
    ("SetupError", Some("NotConfirmed"), 2),
    ("ProgramError", None, 69),
    ("KeyError", Some("File"), 74),
    ("KeyError", Some("NotGiven"), 2),
    ("KeyError", Some("NotTyped"), 2),
    ("KeyError", Some("NotAccepted"), 77),
    ("KeyError", None, 78),
];

/// A message, its values as `{name}`, and its code if it has one of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Message {
    code: Option<u8>,
    text: String,
}

/// All messages of the source files below a directory.
pub fn of(directory: &Path) -> std::io::Result<Vec<Message>> {
    let mut all = Vec::new();
    let mut entries: Vec<_> = fs::read_dir(directory)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if path.is_dir() {
            all.extend(of(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.extend(in_source(&fs::read_to_string(&path)?));
        }
    }
    Ok(all)
}

/// The messages of one source file.
fn in_source(source: &str) -> Vec<Message> {
    let mut found = Vec::new();
    let mut around = String::new();
    let mut rest = source;
    // One step a line, so that the type around is known; a message may go on over several.
    while let Some(line) = rest.lines().next() {
        let trimmed = line.trim_start();
        if let Some(name) = ["pub enum ", "enum "].iter().find_map(|word| trimmed.strip_prefix(word)) {
            around = identifier(name);
        }
        if let Some(start) = trimmed.starts_with("#[error(").then(|| rest.find("#[error(")).flatten() {
            let inside = &rest[start + "#[error(".len()..];
            if let Some((text, after)) = literal(inside.trim_start()) {
                let after = after.split_once(")]").map_or(after, |(_, after)| after);
                let (kind, name) = item(after);
                let (of, variant) = if kind { (name, None) } else { (around.clone(), Some(name)) };
                if text.contains(char::is_alphabetic) {
                    found.push(Message { code: code(&of, variant.as_deref()), text });
                }
                rest = after;
                continue;
            }
        }
        rest = rest.get(line.len() + 1..).unwrap_or_default();
    }
    found
}

/// The code of a type or variant.
fn code(of: &str, variant: Option<&str>) -> Option<u8> {
    let of_variant = CODES.iter().find(|(name, only, _)| *name == of && only.is_some() && *only == variant);
    of_variant.or_else(|| CODES.iter().find(|(name, only, _)| *name == of && only.is_none())).map(|row| row.2)
}

/// A string literal at the beginning, as it reads, and what is behind it.
fn literal(source: &str) -> Option<(String, &str)> {
    let body = source.strip_prefix('"')?;
    let mut text = String::new();
    let mut chars = body.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((text, &body[at + 1..])),
            '\\' => match chars.next()?.1 {
                // A line that goes on: its indentation is not part of the text.
                '\n' => {
                    let next = body[at + 2..].find(|char: char| !char.is_whitespace())? + at + 2;
                    while chars.clone().next().is_some_and(|(place, _)| place < next) {
                        chars.next();
                    }
                }
                'n' => text.push('\n'),
                other => text.push(other),
            },
            other => text.push(other),
        }
    }
    None
}

/// What an attribute stands over: whether a type of its own, and its name.
fn item(source: &str) -> (bool, String) {
    for line in source.lines().map(str::trim_start) {
        if line.is_empty() || line.starts_with("//") || line.starts_with("#[") {
            continue;
        }
        let line = line.strip_prefix("pub ").unwrap_or(line);
        let kind = ["struct ", "enum "].iter().find_map(|word| line.strip_prefix(word));
        return (kind.is_some(), identifier(kind.unwrap_or(line)));
    }
    (false, String::new())
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|char| char.is_alphanumeric() || *char == '_').collect()
}

/// The page.
pub fn page(messages: &[Message]) -> Roff {
    let mut by_code: BTreeMap<u8, Vec<&str>> = BTreeMap::new();
    let mut others = Vec::new();
    for message in messages {
        match message.code {
            Some(code) => by_code.entry(code).or_default().push(&message.text),
            None => others.push(message.text.as_str()),
        }
    }
    let mut page = Roff::new();
    page.control("TH", ["banbridge-messages", "7", "", concat!("banbridge ", env!("CARGO_PKG_VERSION"))]);
    page.control("SH", ["NAME"]);
    page.text([roman("banbridge-messages - every message of banbridge, by its exit code")]);
    page.control("SH", ["DESCRIPTION"]);
    page.text([
        roman("What stands in braces is replaced: "),
        italic("{host}"),
        roman(" by a name, "),
        italic("{0}"),
        roman(" by what the system or the other side said. Look for a few words of the message that you have, with "),
        bold("/"),
        roman("."),
    ]);
    for exit in Exit::ALL.into_iter().filter(|exit| *exit != Exit::Done) {
        page.control("SH", [format!("EXIT CODE {}", exit.code()).as_str()]);
        page.text([roman(explained(exit))]);
        match exit {
            Exit::Usage => {
                paragraph(&mut page, "The message begins with \"error:\" and shows how the command is used.");
            }
            Exit::Config => paragraph(
                &mut page,
                "A message that begins with a file's name and a line is about that line of the configuration, and says \
                 what belongs there.",
            ),
            _ => {}
        }
        by_code.remove(&exit.code()).into_iter().flatten().for_each(|text| paragraph(&mut page, text));
    }
    page.control("SH", ["IN OTHER MESSAGES"]);
    page.text([roman(
        "Parts of the messages above, and messages of a run that goes on and exits with another code.",
    )]);
    for text in others {
        paragraph(&mut page, text);
    }
    page.control("SH", ["SEE ALSO"]);
    page.text([bold("banbridge"), roman("(1)")]);
    page
}

fn paragraph(page: &mut Roff, text: &str) {
    page.control("PP", []);
    page.text([roman(text)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_over_lines_and_escapes_and_gets_the_code_of_its_variant() {
        let source = r#"
            #[derive(thiserror::Error)]
            pub enum FetchError {
                /// Its words.
                #[error(
                    "{host} says \"no\". \
                     Try again; {}", .0.len()
                )]
                RateLimited { host: String },
                #[error(transparent)]
                Other(#[from] Held),
                #[error("{0} is strange")]
                Strange(String),
            }
            #[error("another run")]
            pub struct Held { }
            #[error("inside")]
            #[derive(Debug)]
            struct Inner;
        "#;
        let message = |code, text: &str| Message { code, text: text.to_owned() };
        let expected = [
            message(Some(75), "{host} says \"no\". Try again; {}"),
            message(Some(65), "{0} is strange"),
            message(Some(75), "another run"),
            message(None, "inside"),
        ];
        assert_eq!(in_source(source), expected);
    }

    #[test]
    fn every_type_that_decides_the_exit_code_is_known_here() {
        let mut names: Vec<String> = Vec::new();
        let mut directories = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => directories.push(path),
                    false => {
                        let source = fs::read_to_string(&path).unwrap();
                        names.extend(source.split("\nimpl Classify for ").skip(1).map(identifier));
                    }
                }
            }
        }
        assert!(names.len() > 5, "{names:?}");
        for name in names.iter().filter(|name| !["std", "rustix", "serde_json"].contains(&name.as_str())) {
            assert!(CODES.iter().any(|(of, ..)| of == name), "{name} is missing in CODES");
        }
    }
}
