//! The reference of the exit codes, docs/reference/exit-codes.md. A test holds the file in the repository to it.

use banbridge::system::exit::Exit;

/// The whole file.
pub fn markdown() -> String {
    let mut text = String::from(
        "\
# Exit codes
<!-- Generated. Do not edit: cargo run --example package-pages -- --exit-codes >docs/reference/exit-codes.md -->

| exits with | meaning | what to do |
| --- | --- | --- |
",
    );
    for exit in Exit::ALL {
        let (meaning, fix) = exit.meaning_and_fix();
        let fix = if fix.is_empty() { String::new() } else { format!("{fix} ") };
        text += &format!("| {} | {meaning} | {fix}|\n", exit.code());
    }
    text += "
With several feeds the good ones are used, and the code is the worst of the others. What `status --check` means with its
codes is in [monitoring.md](../monitoring.md#nagios-and-icinga). Every message by its exit code: `man banbridge-messages`.
";
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_reference_in_the_repository_is_what_the_codes_are() {
        let committed = include_str!("../../docs/reference/exit-codes.md");
        assert!(
            super::markdown() == committed,
            "run: cargo run --example package-pages -- --exit-codes >docs/reference/exit-codes.md"
        );
    }
}
