//! The kernel's packet filter, for root: rows and the module's chain brought into force together.

pub mod apply;
pub mod chain;
pub mod freeze;
pub mod iptables;
pub mod program;
pub mod sets;
