//! The kernel's packet filter: what only root may touch. The programs that ship with the system are run (`nft`,
//! `ipset`, `iptables-restore`), with fixed arguments, and fed by their standard input: their text forms are stable
//! across the kernels and distributions that FreePBX runs on. Netlink is spoken only where the programs are what costs: to
//! read a set, and to change a few elements of a large one. What it does not do is left to the programs.

pub mod apply;
pub mod chain;
mod element;
pub mod freeze;
pub mod generation;
pub mod iptables;
pub mod look;
pub mod module_sets;
mod netlink;
pub mod permit;
pub mod rate_limiter;
pub mod set;
pub mod table;
