//! banbridge keeps the addresses of current SIP attackers in the blacklist of FreePBX's System Firewall.
//!
//! # The way of an address
//! 1. [`run::fetch`] asks a feed, by what [`feed`] knows of its kind.
//! 2. [`ban::batch`], [`feed::list`] and [`feed::crowdsec`] read its texts as addresses and networks.
//! 3. [`ban::surge`], [`ban::snapshot`] and [`ban::timed`] weigh what came against what was known.
//! 4. [`ledger`] saves it together with the place where the feed goes on.
//! 5. [`run::protect`] learns who is never blocked; [`ban::never_block`] leaves them out.
//! 6. [`ban::plan`] says which rows to write and to remove, and what the kernel set holds.
//! 7. [`kernel::set`] and [`kernel::apply`] make it true, the rows together with the firewall's rules.
//! 8. [`run::report`] is what became of it; [`cli`] puts it into words.
//!
//! # The layers
//! `cli > setup > doctor > run > coverage | ledger | kernel > pbx > config > feed > ban > system`: each may use what stands to
//! its right. What decides is in [`ban`] and does nothing else; what looks and acts stands around it. A front end is
//! anything that opens a [`run::Context`] and hands it to [`run::sync`], [`run::apply`] or [`run::change`].
//!
//! `ARCHITECTURE.md` says the same with the reasons.
#![forbid(unsafe_code)]

pub mod ban;
pub mod cli;
pub mod config;
pub mod coverage;
pub mod doctor;
pub mod feed;
pub mod kernel;
pub mod ledger;
pub mod pbx;
pub mod run;
pub mod setup;
pub mod system;
