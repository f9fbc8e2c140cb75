//! `setup`: everything that is done once on a FreePBX, and `setup --remove`, which removes timers and page.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use serde_json::Value;

use super::output::{complain, print, print_json};
use super::{Global, doctor, logging, status, sync, terminal};
use crate::doctor::Check;
use crate::run::Context;
use crate::setup::{self, Advice, Ask, KeyError, Question, SetupRequest, Step};
use crate::system::exit::Exit;
use crate::system::failure::Result;
use crate::system::secret::Secret;

/// What `setup` takes.
#[derive(Debug, Args)]
pub struct SetupArgs {
    /// file whose first line is the apiban key [default: asked on the terminal, or BANBRIDGE_APIBAN_KEY]
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// ask no questions
    #[arg(long)]
    yes: bool,
    /// do not touch the page in FreePBX
    #[arg(long)]
    no_module: bool,
    /// do not touch the timers
    #[arg(long)]
    no_timers: bool,
    /// another server that speaks apiban's API
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// remove timers and page; configuration, rows and tables stay
    #[arg(long, conflicts_with_all = ["key_file", "url"])]
    remove: bool,
}

#[derive(Serialize)]
struct Outcome {
    ok: bool,
    /// Whether anything was changed, for automation.
    changed: bool,
    steps: Vec<Step>,
    /// `status`, as it is at the end.
    status: Option<Value>,
}

/// The administrator on the terminal, with the steps that were shown there.
struct Terminal<'a> {
    global: &'a Global,
    steps: Vec<Step>,
}

impl Ask for Terminal<'_> {
    fn is_there(&self) -> bool {
        terminal::is_there()
    }

    fn confirmed(&mut self, question: Question) -> Result<bool> {
        terminal::confirmed(match question {
            Question::InstallPage => "Install the page Ban Bridge in FreePBX (Connectivity, Ban Bridge)?",
            Question::Remove => "Remove banbridge's timers and its page in FreePBX?",
        })
    }

    fn key(&mut self, of_old_client: bool) -> Result<Option<Secret>> {
        terminal::secret(match of_old_client {
            true => "The apiban key (it is not shown; Enter uses the one of apiban's own client):",
            false => "The apiban key (from https://apiban.org/getkey.html; it is not shown):",
        })
    }

    fn again(&mut self, why: &KeyError) {
        complain(&why.to_string());
    }

    fn step(&mut self, step: &Step) -> Result<()> {
        if let Some(error) = &step.error {
            complain(&format!("{}: {error}", step.step));
        } else if !self.global.json && !self.global.quiet {
            let word = if step.changed { "done" } else { "ok" };
            print(&format!("{word:4}  {:13}  {}\n", step.step, step.found))?;
        }
        self.steps.push(step.clone());
        Ok(())
    }

    fn run_begins(&mut self, context: &mut Context) {
        logging::start(self.global, Some(context));
        if let Some(progress) = sync::progress(self.global) {
            context.progress = progress;
        }
    }
}

/// Runs the command.
pub fn run(global: &Global, args: &SetupArgs) -> Result<Exit> {
    let request = SetupRequest {
        key_file: args.key_file.clone(),
        url: args.url.clone(),
        yes: args.yes,
        no_module: args.no_module,
        no_timers: args.no_timers,
        // Where somebody watches, the first run takes as long as it takes.
        wait: if sync::progress(global).is_some() { None } else { Some(Duration::ZERO) },
    };
    let environment = global.environment();
    let mut terminal = Terminal { global, steps: Vec::new() };
    let ended = match args.remove {
        true => setup::remove(&environment, &request, &mut terminal).map(|()| None),
        false => setup::set_up(&environment, &request, &mut terminal).map(Some),
    };
    let advice = match ended {
        Ok(advice) => advice,
        Err(error) => {
            if global.json {
                print_outcome(terminal.steps, false, None)?;
            }
            return Err(error);
        }
    };
    let exit = terminal.steps.iter().map(|step| step.exit).fold(Exit::Done, Exit::worse);
    if global.json {
        let status = if args.remove { None } else { status::value(global).ok() };
        print_outcome(terminal.steps, exit == Exit::Done, status)?;
        return Ok(exit);
    }
    if global.quiet {
        return Ok(exit);
    }
    match advice {
        None => print(
            "\nBlocked addresses stay blocked, and the configuration stays. To remove rows, tables and kernel set:\n\
             banbridge purge\n",
        )?,
        Some(advice) => {
            print(&advice_text(&advice))?;
            if exit == Exit::Done {
                print("\n")?;
                status::run(global, &status::StatusArgs::default())?;
            }
        }
    }
    Ok(exit)
}

fn print_outcome(steps: Vec<Step>, ok: bool, status: Option<Value>) -> Result<()> {
    let changed = steps.iter().any(|step| step.changed);
    print_json(&Outcome { ok, changed, steps, status })
}

fn advice_text(advice: &Advice) -> String {
    let mut text = String::new();
    if !advice.warnings.is_empty() {
        let warnings: Vec<&Check> = advice.warnings.iter().collect();
        text += &format!("\nNotes:\n{}", doctor::text(&warnings));
    }
    if advice.old_client {
        text += "\nAn old client still blocks addresses. To see which: banbridge doctor\n\
                 To disable it: banbridge doctor --disable-old-client\n";
    }
    text
}
