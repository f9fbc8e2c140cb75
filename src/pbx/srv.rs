//! The hosts that a domain names for SIP: SRV records (RFC 2782, RFC 3263), which the system's resolver cannot ask for.
//!
//! A stub that asks the nameservers of `/etc/resolv.conf` over UDP. Messages are read by `simple-dns`: following
//! compressed names through a hostile message is where home-made readers go wrong, and it needs nothing but `bitflags`;
//! the resolvers that can do all this alone bring an asynchronous runtime with them.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, TYPE};

use super::resolvers;
use crate::ban::target::is_name;

/// Where a domain's SIP servers are named.
const SERVICES: [&str; 3] = ["_sip._udp", "_sip._tcp", "_sips._tcp"];
/// Hosts of one domain at most.
const MOST: usize = 32;
/// How long one nameserver may take for one question.
const PATIENCE: Duration = Duration::from_millis(1_200);

/// What an answer means.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// The hosts that it names; none when there are surely none.
    Hosts(Vec<String>),
    /// It is no answer to this question: a late or a forged one.
    Foreign,
    /// The nameserver could not say.
    Failed,
}

/// The hosts that a domain's SRV records name, of all services together. None when nobody answered.
pub fn hosts(domain: &str) -> Option<Vec<String>> {
    let servers = resolvers::nameservers();
    let mut all = Vec::new();
    let mut answered = false;
    for service in SERVICES {
        let name = format!("{service}.{domain}");
        if let Some(hosts) = servers.iter().find_map(|server| ask(*server, &name)) {
            answered = true;
            all.extend(hosts);
        } else if !answered {
            // Nobody answers at all: asking on would only take time.
            return None;
        }
    }
    all.sort_unstable();
    all.dedup();
    all.truncate(MOST);
    Some(all)
}

/// Asks one nameserver, and listens until its answer is there or the time is over.
fn ask(server: IpAddr, name: &str) -> Option<Vec<String>> {
    let local: SocketAddr = match server {
        IpAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        IpAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    // A number that nobody can guess; a hasher with random keys is the standard library's source of chance.
    let id = RandomState::new().build_hasher().finish() as u16;
    let query = query(id, name)?;
    let socket = UdpSocket::bind(local).ok()?;
    // Connected, so that answers of others do not come in.
    socket.connect((server, 53)).ok()?;
    socket.send(&query).ok()?;
    let until = Instant::now() + PATIENCE;
    let mut buffer = [0; 4_096];
    loop {
        let left = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
        socket.set_read_timeout(Some(left)).ok()?;
        let length = socket.recv(&mut buffer).ok()?;
        match read(buffer.get(..length)?, id, name) {
            Answer::Hosts(hosts) => return Some(hosts),
            Answer::Foreign => {}
            Answer::Failed => return None,
        }
    }
}

fn query(id: u16, name: &str) -> Option<Vec<u8>> {
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    let class = QCLASS::CLASS(CLASS::IN);
    packet.questions.push(Question::new(Name::new(name).ok()?, QTYPE::TYPE(TYPE::SRV), class, false));
    packet.build_bytes_vec().ok()
}

/// What a message says to the question for the SRV records of `name` with the number `id`.
pub fn read(message: &[u8], id: u16, name: &str) -> Answer {
    let Ok(packet) = Packet::parse(message) else { return Answer::Foreign };
    let asked = |question: &Question<'_>| {
        question.qname.to_string().eq_ignore_ascii_case(name) && question.qtype == QTYPE::TYPE(TYPE::SRV)
    };
    let ours = packet.id() == id
        && packet.has_flags(PacketFlag::RESPONSE)
        && matches!(packet.questions.as_slice(), [question] if asked(question));
    if !ours {
        return Answer::Foreign;
    }
    match packet.rcode() {
        RCODE::NoError => {}
        RCODE::NameError => return Answer::Hosts(Vec::new()),
        _ => return Answer::Failed,
    }
    let hosts = packet.answers.iter().filter_map(|record| match &record.rdata {
        RData::SRV(srv) => Some(srv.target.to_string().to_ascii_lowercase()),
        _ => None,
    });
    Answer::Hosts(hosts.filter(|host| is_name(host)).take(MOST).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use simple_dns::ResourceRecord;
    use simple_dns::rdata::{A, SRV};

    const NAME: &str = "_sip._udp.example.com";

    fn message(change: impl FnOnce(&mut Packet<'static>)) -> Vec<u8> {
        let mut packet = Packet::new_reply(7);
        packet.questions.push(Question::new(
            Name::new(NAME).unwrap(),
            QTYPE::TYPE(TYPE::SRV),
            QCLASS::CLASS(CLASS::IN),
            false,
        ));
        for target in ["SIP1.example.com", "sip2.example.com", "bad host.example.com"] {
            let data =
                RData::SRV(SRV { priority: 1, weight: 1, port: 5060, target: Name::new_unchecked(target) });
            packet.answers.push(ResourceRecord::new(Name::new(NAME).unwrap(), CLASS::IN, 60, data));
        }
        let other = RData::A(A { address: 1 });
        packet.answers.push(ResourceRecord::new(Name::new(NAME).unwrap(), CLASS::IN, 60, other));
        change(&mut packet);
        packet.build_bytes_vec_compressed().unwrap()
    }

    #[test]
    fn the_hosts_of_an_answer_are_read_and_nothing_else_of_it() {
        let hosts = Answer::Hosts(vec!["sip1.example.com".into(), "sip2.example.com".into()]);
        assert_eq!(read(&message(|_| {}), 7, NAME), hosts);
        assert_eq!(read(&message(|p| p.answers.clear()), 7, NAME), Answer::Hosts(vec![]));
        assert_eq!(read(&message(|p| *p.rcode_mut() = RCODE::NameError), 7, NAME), Answer::Hosts(vec![]));
        assert_eq!(read(&message(|p| *p.rcode_mut() = RCODE::ServerFailure), 7, NAME), Answer::Failed);
    }

    #[test]
    fn what_does_not_answer_this_very_question_is_passed_over() {
        assert_eq!(read(&message(|_| {}), 8, NAME), Answer::Foreign);
        assert_eq!(read(&message(|_| {}), 7, "_sip._udp.example.org"), Answer::Foreign);
        assert_eq!(read(&message(|p| p.questions.clear()), 7, NAME), Answer::Foreign);
        assert_eq!(read(&message(|p| p.remove_flags(PacketFlag::RESPONSE)), 7, NAME), Answer::Foreign);
        assert_eq!(read(&query(7, NAME).unwrap(), 7, NAME), Answer::Foreign);
        assert_eq!(read(b"", 7, NAME), Answer::Foreign);
    }

    #[test]
    fn a_name_that_points_at_itself_ends() {
        let mut loops = query(7, NAME).unwrap();
        loops.truncate(12);
        loops.extend([0xc0, 0x0c, 0, 33, 0, 1]);
        assert_eq!(read(&loops, 7, NAME), Answer::Foreign);
    }

    proptest! {
        #[test]
        fn no_message_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = read(&bytes, 7, NAME);
        }

        #[test]
        fn no_damage_to_a_good_message_makes_it_panic(at: prop::sample::Index, byte: u8, cut: prop::sample::Index) {
            let mut bytes = message(|_| {});
            let at = at.index(bytes.len());
            bytes[at] = byte;
            bytes.truncate(cut.index(bytes.len()) + 1);
            let _ = read(&bytes, 7, NAME);
        }
    }
}
