//! What the old clients left in the table `filter`, and the one transaction that takes it away. Pure: the text of
//! `iptables-save` in, the input of `iptables-restore` out.

use super::Client;
use crate::kernel::table::{self, Line};

/// The clients' chains.
const CHAINS: [(&str, Client); 2] = [("APIBAN", Client::Apiban), ("BLACKLIST-INPUT", Client::Voipbl)];
/// The sets of VoIPBL's script, which a rule of INPUT drops.
pub const SETS: [&str; 2] = ["voipbl", "voipbl_temp"];

/// What stands there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Chains of the clients, and how many rules each has.
    pub chains: Vec<(&'static str, Client, usize)>,
    /// Rules elsewhere that lead into them or use a client's set: chain and rule.
    rules: Vec<(String, String)>,
}

impl Found {
    /// Reads what `iptables-save -t filter` prints.
    pub fn new(save: &str) -> Self {
        let mut found = Self::default();
        for line in table::lines(save, "filter") {
            match line {
                Line::Chain(name) => {
                    let known = CHAINS.iter().find(|(chain, _)| name == *chain);
                    found.chains.extend(known.map(|(chain, client)| (*chain, *client, 0)));
                }
                Line::Rule { chain, rule } => {
                    if let Some((.., rules)) = found.chains.iter_mut().find(|(name, ..)| *name == chain) {
                        *rules += 1;
                    } else if client_of(rule).is_some() {
                        found.rules.push((chain.to_owned(), rule.to_owned()));
                    }
                }
            }
        }
        found
    }

    /// Whether there is nothing of a client.
    pub fn is_nothing(&self, client: Client) -> bool {
        !self.chains.iter().any(|(_, of, _)| *of == client)
            && !self.rules.iter().any(|(_, rule)| client_of(rule) == Some(client))
    }

    /// The input of `iptables-restore --noflush` that takes what is of these clients away, in one transaction; none
    /// where there is nothing.
    pub fn removal(&self, clients: &[Client]) -> Option<String> {
        let mut text = String::new();
        for (chain, rule) in &self.rules {
            if client_of(rule).is_some_and(|client| clients.contains(&client)) {
                text += &format!("-D {chain} {rule}\n");
            }
        }
        let chains: Vec<&str> = self
            .chains
            .iter()
            .filter(|(_, client, _)| clients.contains(client))
            .map(|(chain, ..)| *chain)
            .collect();
        text.extend(chains.iter().map(|chain| format!("-F {chain}\n")));
        text.extend(chains.iter().map(|chain| format!("-X {chain}\n")));
        (!text.is_empty()).then(|| format!("*filter\n{text}COMMIT\n"))
    }
}

/// Which client a rule outside of the clients' chains belongs to.
fn client_of(rule: &str) -> Option<Client> {
    let words: Vec<&str> = rule.split(' ').collect();
    let after = |flag: &str| words.windows(2).find_map(|pair| (pair[0] == flag).then_some(pair[1]));
    if after("--match-set").is_some_and(|set| SETS.contains(&set)) {
        return Some(Client::Voipbl);
    }
    let target = after("-j").or_else(|| after("-g"))?;
    CHAINS.iter().find(|(chain, _)| *chain == target).map(|(_, client)| *client)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAVE: &str = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:APIBAN - [0:0]\n\
        :BLACKLIST-INPUT - [0:0]\n:fpbxfirewall - [0:0]\n-A INPUT -j APIBAN\n-A INPUT -j BLACKLIST-INPUT\n\
        -A INPUT -m set --match-set voipbl src -j DROP\n-A INPUT -m set --match-set mine src -j DROP\n\
        -A INPUT -j fpbxfirewall\n-A FORWARD -j APIBAN\n-A APIBAN -s 192.0.2.1/32 -j REJECT\n\
        -A APIBAN -s 192.0.2.2/32 -j REJECT\nCOMMIT\n*nat\n:APIBAN - [0:0]\nCOMMIT\n";

    #[test]
    fn what_leads_into_the_chain_goes_first_and_nothing_else_is_touched() {
        let found = Found::new(SAVE);
        assert_eq!(found.chains, [("APIBAN", Client::Apiban, 2), ("BLACKLIST-INPUT", Client::Voipbl, 0)]);
        assert_eq!(
            found.removal(&[Client::Apiban]).unwrap(),
            "*filter\n-D INPUT -j APIBAN\n-D FORWARD -j APIBAN\n-F APIBAN\n-X APIBAN\nCOMMIT\n"
        );
        assert_eq!(
            found.removal(&[Client::Voipbl]).unwrap(),
            "*filter\n-D INPUT -j BLACKLIST-INPUT\n-D INPUT -m set --match-set voipbl src -j DROP\n\
             -F BLACKLIST-INPUT\n-X BLACKLIST-INPUT\nCOMMIT\n"
        );
    }

    #[test]
    fn a_firewall_without_them_needs_nothing() {
        let found = Found::new("*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j fpbxfirewall\nCOMMIT\n");
        assert!(found.is_nothing(Client::Apiban) && found.is_nothing(Client::Voipbl));
        assert_eq!(found.removal(&[Client::Apiban, Client::Voipbl]), None);
        assert!(!Found::new(SAVE).is_nothing(Client::Apiban));
    }
}
