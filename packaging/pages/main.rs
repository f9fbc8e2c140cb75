//! Writes the man pages and completions of a package into a directory, from the definition of the command line, the
//! table of exit codes in docs/reference and the messages in the source. With `--commands` it prints the reference of the
//! commands instead.
//!
//! It is run by the packaging only: the program that is shipped knows nothing of it.

mod commands;
mod messages;

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Command;
use clap_complete::{Shell, generate_to};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, italic, roman};

/// Files that the program and its packages know, for FILES.
const FILES: [(&str, &str); 8] = [
    ("/etc/asterisk/banbridge.toml", "the configuration: feeds, keys, who is never blocked"),
    ("/etc/freepbx.conf", "how FreePBX's database is reached; written by FreePBX"),
    ("/var/log/asterisk/banbridge.log", "what each run did, in FreePBX's log directory"),
    ("/var/lib/banbridge", "the set as it was saved, loaded early at boot"),
    ("/run/banbridge/request", "changes when FreePBX's pages ask root to apply something"),
    ("/etc/cron.d/banbridge", "the runs, where there is no systemd"),
    ("/etc/logrotate.d/banbridge", "how the log is rotated"),
    ("/usr/share/doc/banbridge", "changes, licences and the bill of materials of what is linked in"),
];

fn main() -> anyhow::Result<()> {
    let out = std::env::args_os().nth(1).context("usage: package-pages DIRECTORY | --commands")?;
    if out == "--commands" {
        io::stdout().write_all(commands::markdown(&banbridge::cli::command()).as_bytes())?;
        return Ok(());
    }
    let out = PathBuf::from(out);
    let source = Path::new(env!("CARGO_MANIFEST_DIR"));
    let command = visible(&banbridge::cli::command());
    let codes = exit_codes(&fs::read_to_string(source.join("docs/reference/exit-codes.md"))?)?;

    let man = out.join("man");
    fs::create_dir_all(&man)?;
    // Nor has `help` a page of its own.
    clap_mangen::generate_to(command.clone().disable_help_subcommand(true), &man)?;
    // The page of the program itself says more than its options.
    fs::write(man.join("banbridge.1"), main_page(&command, &codes)?)?;
    let all = messages::of(&source.join("src"))?;
    fs::write(man.join("banbridge-messages.7"), messages::page(&all, &codes).render())?;

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
        .args(command.get_arguments())
        .subcommands(subcommands)
}

/// An exit code, what it means and what to do.
pub struct Code {
    number: u8,
    meaning: String,
    mend: String,
}

/// The rows of the reference's table of exit codes.
fn exit_codes(reference: &str) -> anyhow::Result<Vec<Code>> {
    let mut codes = Vec::new();
    for line in reference.lines().skip_while(|line| !line.starts_with("| exits with |")).skip(2) {
        let cells: Vec<String> = line.split('|').map(|cell| cell.trim().replace('`', "")).collect();
        let [_, number, meaning, mend, _] = cells.as_slice() else { break };
        let number = number.parse().with_context(|| format!("the table of exit codes: {line}"))?;
        codes.push(Code { number, meaning: meaning.clone(), mend: mend.clone() });
    }
    anyhow::ensure!(!codes.is_empty(), "there is no table of exit codes");
    Ok(codes)
}

fn main_page(command: &Command, codes: &[Code]) -> anyhow::Result<Vec<u8>> {
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
    for code in codes {
        more.control("TP", []);
        more.text([bold(code.number.to_string())]);
        let stop = if code.mend.is_empty() { "." } else { ": " };
        more.text([roman(&code.meaning), roman(stop), roman(&code.mend)]);
    }
    more.control("PP", []);
    more.text([roman("With several feeds the good ones are applied, and the code is the worst of the others'. Every message, \
                      by its exit code, is in "), bold("banbridge-messages"), roman("(7).")]);
    more.control("SH", ["FILES"]);
    for (file, what) in FILES {
        more.control("TP", []);
        more.text([italic(file)]);
        more.text([roman(what)]);
    }
    more.control("SH", ["EXAMPLES"]);
    for (example, what) in [
        ("banbridge sync --dry-run", "shows what a run would do, and changes nothing"),
        ("banbridge check 185.53.88.78", "says whether an address is blocked, by whom, since and until when"),
        ("banbridge allow sip.example.com", "never blocks a host, whatever a feed says"),
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
