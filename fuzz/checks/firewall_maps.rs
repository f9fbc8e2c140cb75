//! Values of the firewall module's table: zones, hidden networks and the lists of whom fail2ban never bans.

use banbridge::ban::Source;
use banbridge::ban::target::host;
use banbridge::pbx::named::Found;
use banbridge::pbx::{fail2ban, zones};

use super::{protected, text};

pub fn read(data: &[u8]) {
    let text = text(data);
    let _ = (zones::zone_map(&text), zones::hidden(&text), fail2ban::parse("whiteHosts", &text));
}

pub fn check(data: &[u8]) {
    let text = text(data);
    let (zones, hidden) = (zones::zone_map(&text), zones::hidden(&text));
    // What cannot be understood must not look like nobody.
    assert_eq!(zones.is_none(), hidden.is_none());
    for named in zones.iter().chain(&hidden).flat_map(|found| &found.named) {
        protected(named);
    }
    let listed = fail2ban::parse("whiteHosts", &text);
    assert!(listed.named.len() + listed.unread.len() <= text.len());
    listed.named.iter().for_each(protected);
    // Whatever an administrator typed: it protects in the zones that let in, and in those only.
    let typed =
        |zone: &str| zones::zone_map(&serde_json::json!({ text.as_ref(): zone }).to_string()).expect("a map");
    for zone in ["trusted", "internal", "other"] {
        let found = typed(zone);
        let nobody = found.named.is_empty() && !text.trim().is_empty();
        assert_eq!(found.unread.len(), usize::from(nobody), "what protects nobody is told");
        let targets: Vec<_> = found.named.into_iter().map(|named| (named.source, named.target)).collect();
        assert_eq!(targets, host(&text).map(|target| (Source::Zone, target)).into_iter().collect::<Vec<_>>());
    }
    for zone in ["external", "reject", "", "Trusted"] {
        assert_eq!(typed(zone), Found::default());
    }
}
