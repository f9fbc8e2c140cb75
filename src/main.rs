//! The program: parse, run, return the exit code. Everything else is in the library.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    banbridge::cli::main().into()
}
