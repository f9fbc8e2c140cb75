//! The reference of the commands, docs/reference/commands.md, from the definition of the command line. A test holds the
//! file in the repository to it.

use clap::{Arg, Command};

const HEAD: &str = "\
# Commands
<!-- Generated. Do not edit: cargo run --example package-pages -- --commands >docs/reference/commands.md -->

`banbridge COMMAND --help` prints the same. What to use when is in the [documentation](../README.md); what a command exits
with is in [exit-codes.md](exit-codes.md), what it prints with `--json` in [json.md](json.md).
";

/// The whole file.
pub fn markdown(command: &Command) -> String {
    let mut command = command.clone();
    command.build();
    let mut text = format!("{HEAD}\n## Options of every command\n");
    text += &table(command.get_arguments().filter(|arg| arg.is_global_set()));
    for sub in shown(&command) {
        section(&mut text, sub, "banbridge", 2);
    }
    text
}

/// The subcommands for people.
fn shown(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help")
}

/// A command and those below it.
fn section(text: &mut String, command: &Command, above: &str, level: usize) {
    let name = format!("{above} {}", command.get_name());
    let heading = name.trim_start_matches("banbridge ");
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    *text += &format!("\n{} {heading}\n{}\n", "#".repeat(level), sentence(&cell(&about)));
    if shown(command).next().is_none() {
        let arguments: Vec<String> = command.get_positionals().map(left).collect();
        let options = if own(command).any(|arg| !arg.is_positional()) { " [OPTIONS]" } else { "" };
        let arguments: String = arguments.iter().map(|one| format!(" {one}")).collect();
        *text += &format!("\n```\n{name}{options}{arguments}\n```\n");
    }
    if own(command).next().is_some() {
        *text += "\n";
        *text += &table(own(command));
    }
    for sub in shown(command) {
        section(text, sub, &name, level + 1);
    }
}

/// What this command alone takes.
fn own(command: &Command) -> impl Iterator<Item = &Arg> {
    let hidden = |arg: &&Arg| !arg.is_hide_set() && !arg.is_global_set();
    command.get_arguments().filter(hidden).filter(|arg| !["help", "version"].contains(&arg.get_id().as_str()))
}

fn table<'a>(args: impl Iterator<Item = &'a Arg>) -> String {
    let mut text = String::from("| option or argument | meaning |\n| --- | --- |\n");
    for arg in args {
        text += &format!("| `{}` | {} |\n", left(arg), meaning(arg));
    }
    text
}

/// How it is written.
fn left(arg: &Arg) -> String {
    let values = arg.get_value_names().unwrap_or_default().iter().map(clap::builder::Str::as_str);
    let values =
        if arg.get_action().takes_values() { values.collect::<Vec<_>>().join(" ") } else { String::new() };
    let several = arg.get_num_args().is_some_and(|number| number.max_values() > 1);
    let flags =
        [arg.get_short().map(|short| format!("-{short}")), arg.get_long().map(|long| format!("--{long}"))];
    let flags: Vec<String> = flags.into_iter().flatten().collect();
    let values = match (arg.is_positional(), several, arg.is_required_set()) {
        (true, true, _) => format!("[{values}]..."),
        (true, false, false) => format!("[{values}]"),
        _ => values,
    };
    [flags.join(", "), values].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// What it means, with its choices, its default and its environment variable.
fn meaning(arg: &Arg) -> String {
    let mut text = cell(&arg.get_help().map(ToString::to_string).unwrap_or_default());
    let choices: Vec<String> = match arg.get_action().takes_values() {
        true => arg.get_possible_values().iter().filter(|value| !value.is_hide_set()).map(choice).collect(),
        false => Vec::new(),
    };
    if !choices.is_empty() {
        text += &format!(". One of: {}", choices.join(", "));
    }
    let defaults: Vec<String> =
        arg.get_default_values().iter().map(|value| format!("`{}`", value.to_string_lossy())).collect();
    if arg.get_action().takes_values() && !defaults.is_empty() {
        text += &format!(". Default: {}", defaults.join(" "));
    }
    if let Some(variable) = arg.get_env() {
        text += &format!(". Environment: `{}`", variable.to_string_lossy());
    }
    text
}

fn choice(value: &clap::builder::PossibleValue) -> String {
    match value.get_help() {
        Some(help) => format!("`{}` ({})", value.get_name(), cell(&help.to_string()).trim_end_matches('.')),
        None => format!("`{}`", value.get_name()),
    }
}

/// Fit for one cell of a table.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|").replace('<', "&lt;")
}

fn sentence(text: &str) -> String {
    if text.is_empty() || text.ends_with(['.', ')']) { text.to_owned() } else { format!("{text}.") }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_reference_in_the_repository_is_what_the_command_line_is() {
        let committed = include_str!("../../docs/reference/commands.md");
        assert!(
            super::markdown(&banbridge::cli::command()) == committed,
            "run: cargo run --example package-pages -- --commands >docs/reference/commands.md"
        );
    }
}
