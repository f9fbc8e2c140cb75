//! Facts about this machine that the kernel tells.

use std::fs;

/// A number that differs from boot to boot: part of the kernel's boot id. Zero where there is none.
pub fn boot() -> i64 {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).take(15).collect();
    i64::from_str_radix(&digits, 16).unwrap_or(0)
}

/// The host name, as whoever set it wrote it.
pub fn host_name() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_boot_has_a_number() {
        assert_ne!(boot(), 0);
        assert_eq!(boot(), boot());
    }
}
