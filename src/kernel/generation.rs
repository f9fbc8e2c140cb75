//! The number that the kernel gives each state of its nf_tables: it changes with every change of a table, chain, rule or
//! element that anybody makes, and with no packet. Where it is the same, nothing needs to be read back.
//!
//! Asked by netlink: one message of 20 bytes (`NFT_MSG_GETGEN` of linux/netfilter/nf_tables.h), for which the libraries
//! that there are want a C library or a whole stack of their own.

use std::time::Duration;

use rustix::io::Result;
use rustix::net::netlink::{NETFILTER, SocketAddrNetlink};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with};

/// `NFNL_SUBSYS_NFTABLES` with `NFT_MSG_GETGEN`, and with `NFT_MSG_NEWGEN`, the answer.
const GET: u16 = 10 << 8 | 16;
const ANSWER: u16 = 10 << 8 | 15;
/// `NLM_F_REQUEST`.
const REQUEST: u16 = 1;
/// The attribute with the number, `NFTA_GEN_ID`, of four bytes in network order.
const NUMBER: u16 = 1;
/// Bytes before the attributes: the head of every message, and that of netfilter's.
const HEAD: usize = 16 + 4;

/// The number of this network namespace's tables. None where the kernel cannot say: without root, and before 3.16.
pub fn of_tables() -> Option<u32> {
    let mut answer = [0; 256];
    let length = ask(&mut answer).ok()?;
    number(answer.get(..length)?)
}

fn ask(answer: &mut [u8]) -> Result<usize> {
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, Some(NETFILTER))?;
    set_socket_timeout(&socket, Timeout::Recv, Some(Duration::from_secs(1)))?;
    let mut message = Vec::with_capacity(HEAD);
    message.extend((HEAD as u32).to_ne_bytes());
    message.extend(GET.to_ne_bytes());
    message.extend(REQUEST.to_ne_bytes());
    // A number of ours, whom it is for (the kernel), and netfilter's family, version and resource: none.
    message.extend(1u32.to_ne_bytes());
    message.extend([0; 8]);
    sendto(&socket, &message, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
    let (length, _) = recv(&socket, answer, RecvFlags::empty())?;
    Ok(length)
}

/// The number in an answer.
fn number(answer: &[u8]) -> Option<u32> {
    let half = |at: usize| Some(u16::from_ne_bytes(answer.get(at..at + 2)?.try_into().ok()?));
    if half(4)? != ANSWER {
        return None;
    }
    let mut at = HEAD;
    while let (Some(length), Some(kind)) = (half(at), half(at + 2)) {
        let length = usize::from(length);
        if kind == NUMBER && length == 8 {
            return Some(u32::from_be_bytes(answer.get(at + 4..at + 8)?.try_into().ok()?));
        }
        if length < 4 {
            return None;
        }
        at += length.next_multiple_of(4);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer of Linux 6.1, on a machine whose numbers have the small end first.
    fn answer(attributes: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(((HEAD + attributes.len()) as u32).to_ne_bytes());
        bytes.extend(ANSWER.to_ne_bytes());
        bytes.extend([0; 14]);
        bytes.extend(attributes);
        bytes
    }

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let mut bytes = (value.len() as u16 + 4).to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    #[test]
    fn the_number_is_found_among_the_attributes_and_nothing_else_is_taken_for_it() {
        let number_7 = attribute(NUMBER, &7u32.to_be_bytes());
        let name = attribute(3, b"nft\0");
        let odd = attribute(3, b"banbr\0");
        assert_eq!(number(&answer(&number_7)), Some(7));
        assert_eq!(number(&answer(&[&name[..], &odd, &number_7].concat())), Some(7));
        let cut = answer(&number_7);
        for length in 0..cut.len() {
            assert_eq!(number(&cut[..length]), None, "{length}");
        }
        assert_eq!(number(&answer(&attribute(NUMBER, &[1, 2]))), None);
        assert_eq!(number(&answer(&[0; 8])), None, "no attribute goes on for ever");
        let mut error = answer(&number_7);
        error[4..6].copy_from_slice(&2u16.to_ne_bytes());
        assert_eq!(number(&error), None);
    }

    proptest::proptest! {
        #[test]
        fn no_answer_panics(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
            let _ = number(&bytes);
        }
    }
}
