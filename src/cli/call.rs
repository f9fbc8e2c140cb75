//! `call`: runs a command of banbridge whose arguments come as one JSON object on standard input.
//!
//! For FreePBX's page. PHP before 7.4 can only start a line of a shell, and nothing that somebody typed may stand in
//! one. So the page starts the same fixed line each time, and this program becomes the command by itself: the same
//! file, its arguments as they are, no shell. The key comes in the object and goes on in the environment or through a pipe,
//! so that no list of processes shows it.

use crate::system::failure::Result;
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command as Process, Stdio};

use clap::{Args, CommandFactory, FromArgMatches};
use rustix::pipe::{fcntl_getpipe_size, fcntl_setpipe_size};
use rustix::process::setsid;
use serde::{Deserialize, Serialize};

use super::config::ConfigCommand;
use super::output::{complain, print_json};
use super::{Cli, Command};
use crate::config::KEY_VARIABLE;
use crate::system::exit::Exit;

/// The most that is read, in bytes. What goes on to the command is never more, and fits a pipe as a whole.
const MOST: usize = 1 << 20;

/// What `call` takes.
#[derive(Debug, Args)]
pub struct CallArgs {
    /// leave the caller's session first
    #[arg(long, hide = true)]
    apart: bool,
}

/// What comes on standard input.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Request {
    /// The command's arguments, without the program's name.
    args: Vec<String>,
    /// What the command reads on its standard input.
    #[serde(default)]
    stdin: Option<String>,
    /// The environment; the key is taken from it and nothing else.
    #[serde(default)]
    env: Option<BTreeMap<String, String>>,
    /// Whether it continues on its own, with its output in the log only.
    #[serde(default)]
    detach: Option<bool>,
}

#[derive(Serialize)]
struct Started {
    started: bool,
}

/// Runs the command. Returns only when there is nothing to become.
pub fn run(args: &CallArgs) -> Result<Exit> {
    let request = match read() {
        Ok(request) => request,
        Err(why) => {
            complain(&why);
            return Ok(Exit::Usage);
        }
    };
    if args.apart {
        // Fails only for the leader of a session, which is apart already.
        let _ = setsid();
        return become_command(&request, Stdio::null);
    }
    let command = match judge(&request) {
        Ok(command) => command,
        Err(Rejection::Words(error)) => {
            let _ = error.print();
            return Ok(if error.use_stderr() { Exit::Usage } else { Exit::Done });
        }
        Err(Rejection::Why(why)) => {
            complain(why);
            return Ok(Exit::Usage);
        }
    };
    if request.detach != Some(true) {
        return become_command(&request, Stdio::inherit);
    }
    if !matches!(command, Command::Sync(_)) {
        complain("only sync can be detached");
        return Ok(Exit::Usage);
    }
    // One more process, because only that one can leave this session and take its output with it.
    let mut apart = Process::new(std::env::current_exe()?);
    apart.args(["call", "--apart"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut apart = apart.spawn()?;
    // Nobody is there to be told that another run is at work, such as root's after a setting was saved.
    let mut args = request.args.clone();
    args.push(format!("--wait-for-others={WAIT_FOR_OTHERS}"));
    let text = serde_json::to_vec(&Request { detach: None, args, ..request })?;
    if let Some(mut stdin) = apart.stdin.take() {
        stdin.write_all(&text)?;
    }
    print_json(&Started { started: true })?;
    Ok(Exit::Done)
}

/// Reads the object. No error quotes it: it may hold the key.
fn read() -> Result<Request, String> {
    let mut text = Vec::new();
    let read = io::stdin().lock().take(MOST as u64 + 1).read_to_end(&mut text);
    read.map_err(|error| format!("cannot read standard input: {error}"))?;
    parse(&text)
}

fn parse(text: &[u8]) -> Result<Request, String> {
    if text.len() > MOST {
        return Err(format!("standard input is larger than {MOST} bytes"));
    }
    let request: Request = serde_json::from_slice(text).map_err(|error| {
        format!(
            "standard input is not a valid request (line {}, column {}). It must be like: \
             {{\"args\":[\"status\",\"--json\"],\"stdin\":null,\"env\":null,\"detach\":false}}",
            error.line(),
            error.column()
        )
    })?;
    if request.args.iter().any(|word| word.contains('\0')) {
        return Err("an argument contains a zero byte".to_owned());
    }
    Ok(request)
}

/// How long a run that was detached waits for another one, in seconds.
const WAIT_FOR_OTHERS: u8 = 60;

/// Why nothing is run.
enum Rejection {
    /// The arguments are not a valid command line; or they ask for help.
    Words(clap::Error),
    Why(&'static str),
}

/// The command that the arguments mean, unless it is not for the page.
fn judge(request: &Request) -> Result<Command, Rejection> {
    let words = std::iter::once("banbridge").chain(request.args.iter().map(String::as_str));
    let definition = Cli::command();
    let mut matches = definition.clone().try_get_matches_from(words).map_err(Rejection::Words)?;
    // Whatever is hidden is a part of another command, and this one too.
    let named = matches.subcommand_name().and_then(|name| definition.find_subcommand(name));
    if named.is_none_or(clap::Command::is_hide_set) {
        return Err(Rejection::Why("call runs only documented commands, and not itself"));
    }
    match Cli::from_arg_matches_mut(&mut matches).map_err(Rejection::Words)?.command {
        Command::Config(ConfigCommand::Set(set)) if set.shows_secret() => {
            Err(Rejection::Why("a secret must not be an argument; give - for it, and the secret as stdin"))
        }
        command => Ok(command),
    }
}

/// Becomes the command. Only an error comes back.
fn become_command(request: &Request, output: fn() -> Stdio) -> Result<Exit> {
    let mut command = Process::new(std::env::current_exe()?);
    command.args(&request.args).stdout(output()).stderr(output());
    command.stdin(match &request.stdin {
        Some(text) => handed_over(text.as_bytes())?,
        None => Stdio::null(),
    });
    let key = request.env.as_ref().and_then(|env| env.get(KEY_VARIABLE));
    if let Some(key) = key {
        command.env(KEY_VARIABLE, key);
    }
    Err(command.exec().into())
}

/// A pipe that already holds all that is to be read from it.
fn handed_over(text: &[u8]) -> Result<Stdio> {
    let (reader, mut writer) = io::pipe()?;
    // It must hold all of it: nobody reads while this is written.
    if fcntl_getpipe_size(&writer)? < text.len() {
        fcntl_setpipe_size(&writer, text.len())?;
    }
    writer.write_all(text)?;
    Ok(reader.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(words: &[&str]) -> Request {
        let args = words.iter().map(|word| (*word).to_owned()).collect();
        Request { args, stdin: None, env: None, detach: None }
    }

    #[test]
    fn only_documented_commands_are_run_and_no_secret_among_the_arguments() {
        let rejected = |words: &[&str]| matches!(judge(&request(words)), Err(Rejection::Why(_)));
        for words in [
            &["call"][..],
            &["--json", "call"],
            &["child"],
            &["thaw-watch", "1", "2"],
            &["config", "set", "feed.apiban.key", "s3cr3t"],
        ] {
            assert!(rejected(words), "{words:?}");
        }
        for words in [
            &["status", "--json"][..],
            &["config", "set", "feed.apiban.key", "-"],
            &["config", "set", "log.level", "debug"],
        ] {
            assert!(judge(&request(words)).is_ok(), "{words:?}");
        }
        assert!(matches!(judge(&request(&["snyc"])), Err(Rejection::Words(_))));
    }

    #[test]
    fn an_invalid_request_is_rejected_without_quoting_it() {
        for text in [
            "",
            "s3cr3t",
            "[\"s3cr3t\"]",
            "{\"args\":\"s3cr3t\"}",
            "{\"args\":[],\"s3cr3t\":1}",
            "{\"args\":[\"s3cr3t\\u0000\"]}",
            "{\"args\":[1]}",
            "{\"stdin\":\"s3cr3t\"}",
            "{\"args\":[],\"env\":{\"BANBRIDGE_APIBAN_KEY\":s3cr3t}}",
        ] {
            let why = parse(text.as_bytes()).err().unwrap_or_else(|| panic!("{text} was taken"));
            assert!(!why.contains("s3cr3t"), "{why}");
        }
        assert!(parse(&vec![b' '; MOST + 1]).err().unwrap().contains("larger"));
        let whole = br#"{"args":["status"],"stdin":null,"env":null,"detach":false}"#;
        assert_eq!(parse(whole).ok().unwrap().args, ["status"]);
    }
}
