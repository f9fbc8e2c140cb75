//! Registered phones and trunks, as the running Asterisk knows them.
//!
//! Being registered protects: Asterisk registers nobody without his password, and the firewall would cut him off all the
//! same. A contact is the registering device's own text, so only a single address in it counts, never a network, and
//! never a name: a device must not choose whom the PBX asks for what. A contact counts for a day after it was last
//! seen, because a phone that restarts must be able to register again.
//!
//! The formats are those of Asterisk 11 to 22 (`res_pjsip/location.c`, `chan_sip.c`, `chan_iax2.c`): columns of fixed
//! width, under a head that says where they begin, and cut where a text is longer.

use std::net::IpAddr;
use std::thread;

use super::asterisk::Console;
use super::named::{Named, SourceError};
use crate::ban::Source;
use crate::ban::target::{self, Target};

/// Contacts at most; the biggest PBX has some thousands of phones.
const MOST: usize = 20_000;

/// One registered device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// Its endpoint, or the peer's name.
    pub who: String,
    /// Where it is.
    pub address: IpAddr,
}

/// What the list of PJSIP's contacts says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct PjsipContacts {
    /// Those with an address.
    pub contacts: Vec<Contact>,
    /// Whether some were cut before their address ended.
    pub cut: bool,
}

/// Asks Asterisk for everybody who is registered.
pub fn read(user: Option<(u32, u32)>) -> Result<Vec<Named>, SourceError> {
    let unreadable = |error| SourceError::unreadable(format!("{error}"));
    let console = Console::new(user);
    let ask = |command| console.ask(command).map_err(unreadable);
    // Each question is a process that mostly waits.
    let [pjsip, sip, iax] = thread::scope(|scope| {
        ["pjsip show contacts", "sip show peers", "iax2 show peers"]
            .map(|command| scope.spawn(move || ask(command)))
            .map(|asked| asked.join().unwrap_or_else(|_| Err(SourceError::unreadable("asking it failed"))))
    });
    let (pjsip, sip, iax) = (pjsip?, sip?, iax?);
    if pjsip.is_none() && sip.is_none() && iax.is_none() {
        return Err(SourceError::unreadable(
            "Asterisk knows neither pjsip, sip nor iax2; is it still starting?",
        ));
    }
    let mut all = Vec::new();
    if let Some(text) = pjsip {
        let found = pjsip_contacts(&text);
        all.extend(found.contacts);
        if found.cut
            && let Some(text) = ask("database show registrar/contact")?
        {
            all.extend(registrar(&text));
        }
    }
    all.extend(sip.iter().chain(&iax).flat_map(|text| peers(text)));
    all.truncate(MOST);
    let named =
        |contact: Contact| Named::new(Source::Contact, Target::Prefix(contact.address.into()), &contact.who);
    Ok(all.into_iter().map(named).collect())
}

/// `pjsip show contacts`: lines `  Contact:  AOR/URI   HASH STATUS RTT`, the URI cut at the end of its column.
pub fn pjsip_contacts(text: &str) -> PjsipContacts {
    let mut found = PjsipContacts::default();
    let mut end_of_column = None;
    for line in text.lines() {
        let Some(rest) = line.trim_start().strip_prefix("Contact:") else { continue };
        let rest = rest.trim_start();
        if rest.starts_with("<Aor/ContactUri") {
            end_of_column = line.find('>').map(|at| at + 1);
            continue;
        }
        let Some((who, rest)) = rest.split_once('/') else { continue };
        let uri = rest.split_whitespace().next().unwrap_or_default();
        // Where the text of the URI ends in the line, which ends as the rest does.
        let end = line.len() - rest.trim_start().len() + uri.len();
        // Under no head that we know nothing is surely whole.
        let full = end_of_column.is_some_and(|column| end < column);
        match address(uri) {
            Some((address, closed)) if full || closed => {
                found.contacts.push(Contact { who: who.to_owned(), address });
            }
            _ => found.cut |= !full,
        }
    }
    found
}

/// `database show registrar/contact`: lines `/registrar/contact/AOR;@HASH : {"uri":"...",...}`, never cut.
pub fn registrar(text: &str) -> Vec<Contact> {
    let contact = |line: &str| {
        let (key, value) = line.trim().strip_prefix("/registrar/contact/")?.split_once('{')?;
        let value: serde_json::Value = serde_json::from_str(&format!("{{{value}")).ok()?;
        // Asterisk keeps the ; of the URI as ^3B.
        let uri = value.get("uri")?.as_str()?.replace("^3B", ";");
        let who = key.split(";@").next().unwrap_or_default().trim().to_owned();
        Some(Contact { who, address: address(&uri)?.0 })
    };
    text.lines().filter_map(contact).collect()
}

/// `sip show peers` and `iax2 show peers`: the address stands in the column under `Host`.
pub fn peers(text: &str) -> Vec<Contact> {
    let mut column = None;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.starts_with("Name/") && column.is_none() {
            column = line.find("Host");
            continue;
        }
        // By bytes, as Asterisk counts: a name may hold spaces and half a letter.
        let Some(column) = column else { continue };
        let (Some(name), Some(host)) = (line.as_bytes().get(..column), line.as_bytes().get(column..)) else {
            continue;
        };
        // A line that is not in these columns: what begins in the middle of an address is another address.
        if !name.last().is_some_and(u8::is_ascii_whitespace) {
            continue;
        }
        let host = String::from_utf8_lossy(host);
        let Some(Ok(address)) = host.split_whitespace().next().map(str::parse) else { continue };
        let name = String::from_utf8_lossy(name);
        let who = name.split('/').next().unwrap_or_default().trim().to_owned();
        found.push(Contact { who, address });
    }
    found
}

/// The single address that a contact's URI names, and whether the text goes on behind it, so that it is surely whole.
fn address(uri: &str) -> Option<(IpAddr, bool)> {
    // Two @ can be read in two ways, and a device could mean us to choose the wrong one.
    if uri.matches('@').count() > 1 {
        return None;
    }
    let Some(Target::Prefix(prefix)) = target::host(uri) else { return None };
    let single = prefix.length() == if prefix.is_ipv4() { 32 } else { 128 };
    let address = prefix.net().addr();
    // Without an @ all of it may be the user, and the address stand where the text was cut.
    let closed = uri.split_once('@').is_some_and(|(_, behind)| {
        behind.contains([']', ';', '>']) || (prefix.is_ipv4() && behind.contains(':'))
    });
    // A user may hold a /, the host not.
    let host = uri.rsplit('@').next().unwrap_or(uri);
    (single && !host.contains('/') && !uri.contains('<')).then_some((address, closed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PJSIP: &str = "
  Contact:  <Aor/ContactUri............................> <Hash....> <Status> <RTT(ms)..>
==========================================================================================

  Contact:  6001/sip:6001@81.2.69.9:49231;transport=TCP;rins 9fbcd34ab2 Avail        12.345
  Contact:  6002/sip:6002@[2a05::9]:5060               0a1b2c3d4e NonQual        nan
  Contact:  6003/sip:6003@81.2.69.10                   0a1b2c3d4e Avail         1.000
  Contact:  trunk/sip:sip.example.com:5060             0a1b2c3d4e Avail         1.000
  Contact:  evil/sip:x@81.2.69.11@81.2.69.12           0a1b2c3d4e Avail         1.000
  Contact:  wide/sip:x@81.0.0.0/8                      0a1b2c3d4e Avail         1.000
  Contact:  all/sip:x@0.0.0.0/0.0.0.0                  0a1b2c3d4e Avail         1.000

Objects found: 7
";

    fn shown(all: &[Contact]) -> Vec<String> {
        all.iter().map(|contact| format!("{} {}", contact.who, contact.address)).collect()
    }

    #[test]
    fn pjsip_contacts_count_by_their_single_address_and_nothing_else_does() {
        let found = pjsip_contacts(PJSIP);
        assert_eq!(shown(&found.contacts), ["6001 81.2.69.9", "6002 2a05::9", "6003 81.2.69.10"]);
        assert!(!found.cut);
    }

    #[test]
    fn an_address_that_was_cut_with_its_column_is_not_taken_for_a_whole_one() {
        // The column ends behind the last digit: it may have been 81.2.69.123.
        let line = "  Contact:  6001/sip:6001@81.2.69.1 9fbcd34ab2 Avail 1.0\n";
        let width = line.find(" 9fbc").unwrap();
        let head = format!("{:.<1$}> <Hash....>\n", "  Contact:  <Aor/ContactUri", width - 1);
        let found = pjsip_contacts(&(head.clone() + line));
        assert_eq!((found.contacts.len(), found.cut), (0, true));
        // One space before the end of the column, or a port behind it, and it is whole.
        for whole in [line.replace("81.2.69.1", "1.2.69.1 "), line.replace("81.2.69.1", "1.2.69.1:")] {
            assert_eq!(shown(&pjsip_contacts(&(head.clone() + &whole)).contacts), ["6001 1.2.69.1"]);
        }
    }

    #[test]
    fn what_looks_like_the_address_is_not_it_where_the_cut_may_have_taken_the_real_one() {
        let head = format!("{:.<60}> <Hash....>\n", "  Contact:  <Aor/ContactUri");
        let cut = |uri: &str| {
            let line = format!("{:.61} 9fbcd34ab2 Avail 1.0\n", format!("  Contact:  {uri}"));
            let found = pjsip_contacts(&(head.clone() + &line));
            (shown(&found.contacts), found.cut)
        };
        // The user's part may look like an address, and the scheme's colon is none of a port.
        let aor = "a".repeat(34);
        for uri in [
            format!("6001/sip:81.2.69.9:5060;{}@81.2.69.10", "x".repeat(60)),
            format!("{aor}/SIP:81.2.69.123"),
            format!("{aor}/udp:81.2.69.123"),
        ] {
            assert_eq!(cut(&uri), (vec![], true), "{uri}");
        }
        let long = format!("6001/sip:6001@81.2.69.9:5060;{}", "x".repeat(60));
        assert_eq!(cut(&long), (vec!["6001 81.2.69.9".to_owned()], false));
    }

    #[test]
    fn under_no_head_only_an_address_with_something_behind_it_is_whole() {
        let text =
            "  Contact:  6001/sip:6001@81.2.69.1 9fbcd\n  Contact:  6002/sip:6002@81.2.69.2:5060 9fbcd\n";
        let found = pjsip_contacts(text);
        assert_eq!((shown(&found.contacts), found.cut), (vec!["6002 81.2.69.2".to_owned()], true));
    }

    #[test]
    fn an_address_that_the_column_begins_in_the_middle_of_is_none() {
        let text = "Name/username  Host\nname-of-a-peer81.2.69.9\n6001          181.2.69.9\n6001           81.2.69.9\n";
        assert_eq!(shown(&peers(text)), ["6001 81.2.69.9"]);
    }

    #[test]
    fn the_registrars_own_records_are_whole() {
        let text = "/registrar/contact/6001;@9fbcd34ab2  : {\"via_addr\":\"10.0.0.5\",\"uri\":\"sip:6001@[2a02:2e02:1:2:3:4:5:6]:5060^3Bob\"}\n\
                    /registrar/contact/6002;@x: {broken\n/registrar/contact/6003;@y: {\"uri\":7}\n2 results found.\n";
        assert_eq!(shown(&registrar(text)), ["6001 2a02:2e02:1:2:3:4:5:6"]);
    }

    #[test]
    fn peers_are_read_from_the_column_under_host_whatever_their_names_hold() {
        let sip = "\
Name/username             Host                                    Dyn Forcerport Comedia    ACL Port     Status
6001/6001                 81.2.69.9                                D  Auto (No)  No             5060     OK (12 ms)
evil 1.1.1.1 x            81.2.69.10                               D  Auto (No)  No             5060     OK (12 ms)
6002                      (Unspecified)                            D  Auto (No)  No             0        UNKNOWN
trunk/user                2a05::9                                     Auto (No)  No             5060     Unmonitored
4 sip peers [Monitored: 2 online, 1 offline Unmonitored: 1 online, 0 offline]
";
        assert_eq!(shown(&peers(sip)), ["6001 81.2.69.9", "evil 1.1.1.1 x 81.2.69.10", "trunk 2a05::9"]);
        let iax = "\
Name/Username    Host                                           Mask                                      Port          Status      Description
office           81.2.69.11                               (S)  255.255.255.255                           4569          OK (5 ms)
away/away        (Unspecified)                            (D)  (null)                                    0             UNKNOWN
2 iax2 peers [1 online, 1 offline, 0 unmonitored]
";
        assert_eq!(shown(&peers(iax)), ["office 81.2.69.11"]);
        assert_eq!(peers("6001 81.2.69.9"), []);
    }

    proptest! {
        #[test]
        fn no_text_makes_them_panic(text in "(  Contact:  \\PC{0,30}/?\\PC{0,30}\n|Name/\\PC{0,9}Host\n|\\PC{0,40}\n){0,5}") {
            let _ = (pjsip_contacts(&text), registrar(&text), peers(&text));
        }

        #[test]
        fn a_contact_is_never_more_than_its_one_address(uri in "sip:[a-z@:;/<>0-9.\\[\\]]{0,30}") {
            if let Some((found, _)) = address(&uri) {
                prop_assert!(uri.contains(&found.to_string()) || found.is_ipv6());
            }
        }
    }
}
