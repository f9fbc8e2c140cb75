//! A message that came back to a question for SRV records: from a nameserver, or from whoever was faster.

use banbridge::ban::target::is_name;
use banbridge::pbx::srv::{Answer, read as read_message};

const NAME: &str = "_sip._udp.example.com";

/// The number in the message, so that nobody has to guess it.
fn id(message: &[u8]) -> u16 {
    message.first_chunk().map_or(0, |bytes| u16::from_be_bytes(*bytes))
}

pub fn read(data: &[u8]) {
    // No more than what is received.
    let message = &data[..data.len().min(4096)];
    let _ = read_message(message, id(message), NAME);
}

pub fn check(data: &[u8]) {
    let message = &data[..data.len().min(4096)];
    let id = id(message);
    let answer = read_message(message, id, NAME);
    if let Answer::Hosts(hosts) = &answer {
        assert!(hosts.len() <= 32);
        for host in hosts {
            assert!(is_name(host) && *host == host.to_ascii_lowercase(), "{host:?}");
        }
    }
    assert_eq!(read_message(message, !id, NAME), Answer::Foreign, "to another number");
    assert_eq!(read_message(message, id, "_sip._udp.example.org"), Answer::Foreign, "to another question");
    assert_eq!(read_message(message, id, &NAME.to_uppercase()), answer);
}
