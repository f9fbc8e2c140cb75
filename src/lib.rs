//! banbridge keeps the addresses of current SIP attackers in the blacklist of FreePBX's System Firewall.
#![forbid(unsafe_code)]

pub mod ban;
pub mod cli;
pub mod config;
pub mod coverage;
pub mod database;
pub mod doctor;
pub mod fault;
pub mod feed;
pub mod files;
pub mod kernel;
pub mod ledger;
pub mod notify;
pub mod pbx;
pub mod secret;
