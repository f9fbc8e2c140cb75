//! How wide a network a feed may ask for: the one place that judges it, and the words for it.

use super::Prefix;

/// The widest network of each family, as its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Widest {
    /// Of IPv4.
    pub v4: u8,
    /// Of IPv6.
    pub v6: u8,
}

impl Default for Widest {
    fn default() -> Self {
        Self { v4: 16, v6: 32 }
    }
}

impl Widest {
    /// Rejects a network that is wider.
    pub fn check(self, prefix: &Prefix) -> Result<(), TooWide> {
        let widest = if prefix.is_ipv4() { self.v4 } else { self.v6 };
        if prefix.length() < widest { Err(TooWide(widest)) } else { Ok(()) }
    }
}

/// A network is wider than the feed may ask for: the length of the widest one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[error("too wide: wider than /{0}")]
pub struct TooWide(pub u8);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_family_has_its_own_widest_network() {
        let widest = Widest { v4: 16, v6: 32 };
        let check = |text: &str| widest.check(&text.parse().unwrap());
        for fits in ["45.0.0.0/16", "45.0.0.1", "2a05::/32", "2a05::1"] {
            assert_eq!(check(fits), Ok(()), "{fits}");
        }
        assert_eq!(check("45.0.0.0/15"), Err(TooWide(16)));
        assert_eq!(check("2a00::/31"), Err(TooWide(32)));
        assert!(TooWide(16).to_string().contains("wider than /16"));
    }
}
