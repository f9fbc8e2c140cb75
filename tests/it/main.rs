//! Every black-box test, one module for each subject; `make test T=module` runs one of them.
//!
//! The parts that the tests share stand beside this directory, since the benchmarks and the faults' tests use them too:
//! `sandbox` is a PBX of the test's own, `testenv` is such a PBX with a feed and a configuration, and `clean` is a
//! Debian to install packages in.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::print_stdout, clippy::print_stderr)]

#[path = "../clean/mod.rs"]
mod clean;
#[path = "../testenv/mod.rs"]
mod testenv;

use testenv::{sandbox, simulator};

mod altered_tables;
mod apply;
mod attacks;
mod bad_input;
mod call;
mod clock;
mod commands;
mod coverage;
mod crowdsec;
mod doctor;
mod fake_freepbx;
mod feed_faults;
mod fuzz_corpus;
mod golden;
mod herd;
mod history;
mod lists;
mod never_block;
mod packages;
mod page;
mod permit;
mod privileges;
mod problems;
mod promises;
mod row_limit;
mod row_ownership;
mod set;
mod setup;
mod states;
mod sync;
mod systemd;
mod unblock_and_purge;
mod upgrade;
