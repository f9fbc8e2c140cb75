//! What must hold for anything that others can write and the program reads. Each file is the body of one fuzz target
//! of the same name; `tests/it/fuzz_corpus.rs` checks the same of every file of the corpus.
//!
//! In each, `read` only lets the program's readers run, so that their time can be measured, and `check` looks at what
//! they made of it.
#![forbid(unsafe_code)]

use std::borrow::Cow;

use banbridge::ban::target::{Target, is_name};
use banbridge::pbx::named::Named;

pub mod answer;
pub mod chain;
pub mod config;
pub mod contacts;
pub mod coverage;
pub mod crowdsec;
pub mod entry;
pub mod firewall_maps;
pub mod freepbx_conf;
pub mod ipset;
mod kernel;
pub mod list;
pub mod nft;
pub mod srv;
pub mod system_files;
pub mod trunks;

/// Text as the program reads it from files: what is no UTF-8 is replaced.
fn text(data: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(data)
}

/// That text of others which is shown cannot play with the terminal, and is no longer than `most` characters.
#[track_caller]
fn one_line(shown: &str, most: usize) {
    assert!(shown.chars().count() <= most, "too long: {shown:?}");
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    assert!(!shown.contains(|c: char| c.is_control() || turns(c)), "not fit to be shown: {shown:?}");
}

/// That whoever is protected can be kept in the ledger, asked for and shown.
#[track_caller]
fn protected(named: &Named) {
    one_line(&named.label, 150);
    target(&named.target);
}

#[track_caller]
fn target(target: &Target) {
    match target {
        Target::Prefix(prefix) => assert_eq!(prefix.to_string().parse(), Ok(*prefix)),
        Target::Name(name) | Target::Service(name) => {
            assert!(is_name(name), "{name:?} is no name");
            assert_eq!(*name, name.to_ascii_lowercase());
            let question = target.question();
            assert!(
                question.is_some_and(|question| question.len() <= 191),
                "the ledger cannot hold {name:?}"
            );
        }
    }
}
