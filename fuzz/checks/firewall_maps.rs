//! Values of the firewall module's table: zones, hidden networks and the lists of whom fail2ban never bans.

use banbridge::ban::Source;
use banbridge::ban::target::host;
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
    for named in zones.iter().chain(&hidden).flatten() {
        protected(named);
    }
    let listed = fail2ban::parse("whiteHosts", &text);
    assert!(listed.len() <= text.len());
    listed.iter().for_each(protected);
    // Whatever an administrator typed: it protects in the zones that let in, and in those only.
    let typed =
        |zone: &str| zones::zone_map(&serde_json::json!({ text.as_ref(): zone }).to_string()).expect("a map");
    for zone in ["trusted", "internal", "other"] {
        let targets: Vec<_> = typed(zone).into_iter().map(|named| (named.source, named.target)).collect();
        assert_eq!(targets, host(&text).map(|target| (Source::Zone, target)).into_iter().collect::<Vec<_>>());
    }
    for zone in ["external", "reject", "", "Trusted"] {
        assert_eq!(typed(zone), []);
    }
}
