//! What banbridge needs on a PBX, one small module a need: each looks and judges, and yields one line for each thing
//! with what was found and the mend. Judging is pure wherever looking can be kept apart from it. Nothing here changes
//! anything but [`neighbours`], and that only when it was told.

pub mod ask;
pub mod check;
pub mod clock;
pub mod configuration;
pub mod database;
pub mod entries;
pub mod feeds;
pub mod filter;
pub mod firewall;
pub mod kvstore;
pub mod log;
pub mod look;
pub mod neighbours;
pub mod never_block;
pub mod timers;

pub use check::{Check, Lack, State};
