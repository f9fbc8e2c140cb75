//! banbridge keeps the addresses of current SIP attackers in the blacklist of FreePBX's System Firewall.
#![forbid(unsafe_code)]
pub mod feed;
pub mod secret;
