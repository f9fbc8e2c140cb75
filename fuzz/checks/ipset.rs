//! What `ipset list -n`, `ipset save` and `iptables-save` print, all of them the same text: each reader takes its own
//! lines.

use super::kernel;

pub fn read(data: &[u8]) {
    kernel::read(&kernel::Kernel::ipset(data));
}

pub fn check(data: &[u8]) {
    kernel::check(&kernel::Kernel::ipset(data), data.len());
}
