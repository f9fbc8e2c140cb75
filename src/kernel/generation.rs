//! The number that the kernel gives each state of its nf_tables: it changes with every change of a table, chain, rule or
//! element that anybody makes, and with no packet. Where it is the same, nothing needs to be read back.

use rustix::io::{Errno, Result};

use super::netlink::{ask, attribute};

/// `NFT_MSG_GETGEN`, and `NFT_MSG_NEWGEN`, the answer (linux/netfilter/nf_tables.h).
const GET: u8 = 16;
const ANSWER: u8 = 15;
/// The attribute with the number, `NFTA_GEN_ID`, of four bytes in network order.
const NUMBER: u16 = 1;

/// The number of this network namespace's tables. None where the kernel cannot say: without root, and before 3.16.
pub fn of_tables() -> Option<u32> {
    let mut found = None;
    let asked: Result<()> = ask(GET, 0, 0, &[], |kind, body| {
        found = number(kind, body);
        found.map(|_| ()).ok_or(Errno::BADMSG)
    });
    asked.ok().and(found)
}

/// The number in an answer.
fn number(kind: u8, body: &[u8]) -> Option<u32> {
    let value = attribute(body, NUMBER).filter(|_| kind == ANSWER)?;
    Some(u32::from_be_bytes(value.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::super::netlink::tests::written;
    use super::*;

    #[test]
    fn the_number_is_found_among_the_attributes_and_nothing_else_is_taken_for_it() {
        let number_7 = written(NUMBER, &7u32.to_be_bytes());
        let (name, odd) = (written(3, b"nft\0"), written(3, b"banbr\0"));
        assert_eq!(number(ANSWER, &number_7), Some(7));
        assert_eq!(number(ANSWER, &[&name[..], &odd, &number_7].concat()), Some(7));
        for length in 0..number_7.len() {
            assert_eq!(number(ANSWER, &number_7[..length]), None, "{length}");
        }
        assert_eq!(number(ANSWER, &written(NUMBER, &[1, 2])), None);
        assert_eq!(number(12, &number_7), None, "the answer to something else");
    }
}
