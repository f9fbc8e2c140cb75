//! The program: parse, run, return the exit code. Everything else is in the library.
#![forbid(unsafe_code)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use banbridge::system::exit::Exit;

fn main() -> ExitCode {
    // A panic is a bug, and has the documented code of one instead of Rust's own. What it was stands on standard error.
    catch_unwind(AssertUnwindSafe(banbridge::cli::main)).unwrap_or(Exit::Bug).into()
}
