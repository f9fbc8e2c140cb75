//! Writes the man pages and completions of a package into a directory, from the definitions of the command line, the
//! exit codes and the messages. With `--commands` or `--exit-codes` it prints that part of docs/reference instead.
//!
//! It is run by the packaging only: the program that is shipped knows nothing of it.

mod commands;
mod exit_codes;
mod messages;

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use anyhow::Context as _;
use banbridge::system::exit::Exit;
use clap::Command;
use clap_complete::{Shell, generate_to};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, italic, roman};

/// Files that the program and its packages know, for FILES.
const FILES: [(&str, &str); 8] = [
    ("/etc/asterisk/banbridge.toml", "the configuration: feeds, keys, protected addresses"),
    ("/etc/freepbx.conf", "FreePBX's database settings; written by FreePBX"),
    ("/var/log/asterisk/banbridge.log", "the log, in FreePBX's log directory"),
    ("/var/lib/banbridge", "the saved kernel set, loaded early at boot"),
    ("/run/banbridge/request", "changes when FreePBX's page asks root to apply something"),
    ("/etc/cron.d/banbridge", "starts the runs, where there is no systemd"),
    ("/etc/logrotate.d/banbridge", "rotates the log"),
    ("/usr/share/doc/banbridge", "documents, licenses, and the bill of materials of what is linked in"),
];

fn main() -> anyhow::Result<()> {
    let usage = "usage: package-pages DIRECTORY | --commands | --exit-codes";
    let out = std::env::args_os().nth(1).context(usage)?;
    let reference = match out.to_str() {
        Some("--commands") => Some(commands::markdown(&banbridge::cli::command())),
        Some("--exit-codes") => Some(exit_codes::markdown()),
        _ => None,
    };
    if let Some(text) = reference {
        return Ok(io::stdout().write_all(text.as_bytes())?);
    }
    write_all(Path::new(&out))
}

/// Writes the man pages and completions.
fn write_all(out: &Path) -> anyhow::Result<()> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR"));
    let command = visible(&banbridge::cli::command());

    let man = out.join("man");
    fs::create_dir_all(&man)?;
    // Nor has `help` a page of its own.
    clap_mangen::generate_to(command.clone().disable_help_subcommand(true), &man)?;
    // The page of the program itself says more than its options.
    fs::write(man.join("banbridge.1"), main_page(&command)?)?;
    let all = messages::of(&source.join("src"))?;
    fs::write(man.join("banbridge-messages.7"), messages::page(&all).render())?;

    let completions = out.join("completions");
    fs::create_dir_all(&completions)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        generate_to(shell, &mut command.clone(), "banbridge", &completions)?;
    }
    Ok(())
}

/// The command without what is not for people: the completions would offer it. Only the first level has such.
fn visible(command: &Command) -> Command {
    let subcommands = command.get_subcommands().filter(|sub| !sub.is_hide_set()).cloned();
    Command::new("banbridge")
        .version(env!("CARGO_PKG_VERSION"))
        .about(command.get_about().cloned().unwrap_or_default())
        .subcommand_required(true)
        // The definition has its own options for both.
        .disable_help_flag(true)
        .disable_version_flag(true)
        .args(command.get_arguments())
        .subcommands(subcommands)
}

/// An exit code's meaning and fix, as a sentence of a man page.
pub fn explained(exit: Exit) -> String {
    let (meaning, fix) = exit.meaning_and_fix();
    let stop = if fix.is_empty() { "." } else { ": " };
    format!("{meaning}{stop}{fix}").replace('`', "")
}

fn main_page(command: &Command) -> anyhow::Result<Vec<u8>> {
    let man = Man::new(command.clone().disable_help_subcommand(true));
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    man.render_subcommands_section(&mut page)?;
    let mut more = Roff::new();
    more.control("SH", ["EXIT STATUS"]);
    for exit in Exit::ALL {
        more.control("TP", []);
        more.text([bold(exit.code().to_string())]);
        more.text([roman(explained(exit))]);
    }
    more.control("PP", []);
    more.text([roman("With several feeds the good ones are applied, and the code is the worst of the others. Every message, \
                      by its exit code, is in "), bold("banbridge-messages"), roman("(7).")]);
    more.control("SH", ["FILES"]);
    for (file, what) in FILES {
        more.control("TP", []);
        more.text([italic(file)]);
        more.text([roman(what)]);
    }
    more.control("SH", ["EXAMPLES"]);
    for (example, what) in [
        ("banbridge sync --dry-run", "show what a run would do, and change nothing"),
        (
            "banbridge check 185.53.88.78",
            "say whether an address is blocked, by which feed, since and until when",
        ),
        ("banbridge allow sip.example.com", "never block a host, whatever a feed lists"),
    ] {
        more.control("TP", []);
        more.text([bold(example)]);
        more.text([roman(what)]);
    }
    more.control("SH", ["SEE ALSO"]);
    more.text([
        bold("banbridge-messages"),
        roman("(7), "),
        bold("nft"),
        roman("(8), "),
        bold("ipset"),
        roman("(8)"),
    ]);
    page.extend_from_slice(more.render().as_bytes());
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_each_command_and_the_completions_can_be_made() {
        let out = tempfile::tempdir().unwrap();
        write_all(out.path()).unwrap();
        for file in
            ["man/banbridge.1", "man/banbridge-sync.1", "man/banbridge-messages.7", "completions/_banbridge"]
        {
            assert!(out.path().join(file).exists(), "{file}");
        }
    }
}
