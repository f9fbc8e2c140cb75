//! banbridge keeps the addresses of current SIP attackers in the blacklist of FreePBX's System Firewall.
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
pub mod system;
