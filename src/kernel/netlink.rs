//! The little of netlink that is needed to ask the kernel's nf_tables, and to change elements of a set: requests, messages,
//! attributes (linux/netlink.h, linux/netfilter/nfnetlink.h). By hand, because the libraries that there are want a C library
//! or bring a whole stack of their own. What arrives is taken for what it may be, cut short or strange: no length is
//! trusted.

use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::io::{Errno, Result};
use rustix::net::netlink::{NETFILTER, SocketAddrNetlink};
use rustix::net::sockopt::{Timeout, set_socket_send_buffer_size_force, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with};

/// `NFNL_SUBSYS_NFTABLES`, in the upper half of a message's kind.
const NF_TABLES: u16 = 10 << 8;
/// `NLM_F_REQUEST`.
const REQUEST: u16 = 1;
/// `NLM_F_ACK`: to be answered also where nothing is wrong.
const ACKNOWLEDGE: u16 = 4;
/// `NLM_F_CREATE`.
pub(super) const CREATE: u16 = 0x400;
/// `NFNL_MSG_BATCH_BEGIN` and `_END`: what is between them is done together or not at all.
const BEGIN: u16 = 0x10;
const END: u16 = 0x11;
/// `NFNL_BATCH_GENID`: the state of the tables that the change is meant for.
const FOR_GENERATION: u16 = 1;
/// An attribute that holds others (`NLA_F_NESTED`).
pub(super) const NESTED: u16 = 0x8000;
/// `NLM_F_DUMP`: all that there is, in as many messages as it takes.
pub(super) const DUMP: u16 = 0x300;
/// `NLM_F_DUMP_INTR`: somebody changed it between two messages.
const INTERRUPTED: u16 = 0x10;
/// `NLMSG_ERROR` and `NLMSG_DONE`, both with an error number that is negative, or 0.
const ERROR: u16 = 2;
const DONE: u16 = 3;
/// Bytes of every message before the rest: its length, kind, flags, number and sender.
const HEAD: usize = 16;
/// and those of netfilter's own: family, version, resource.
const OWN_HEAD: usize = 4;
/// The kernel fills no more than this for one call.
const BUFFER: usize = 64 * 1024;
/// How long the kernel may take for one answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks nf_tables of this network namespace for `kind` (a number of `enum nf_tables_msg_types`) and hands over each
/// message that comes: its kind, and its attributes. `family` is one of linux/netfilter.h, 0 for none.
pub(super) fn ask(
    kind: u8,
    flags: u16,
    family: u8,
    attributes: &[u8],
    mut each: impl FnMut(u8, &[u8]) -> Result<()>,
) -> Result<()> {
    let socket = open()?;
    let message = message(NF_TABLES | u16::from(kind), flags, [family, 0, 0, 0], attributes)?;
    sendto(&socket, &message, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
    let mut buffer = vec![0; BUFFER];
    loop {
        let (length, whole) = recv(&socket, &mut buffer[..], RecvFlags::TRUNC)?;
        let Some(bytes) = buffer.get(..length).filter(|_| whole == length) else {
            return Err(Errno::MSGSIZE);
        };
        if !messages(bytes, &mut each)? || flags & DUMP == 0 {
            return Ok(());
        }
    }
}

fn message(kind: u16, flags: u16, own_head: [u8; OWN_HEAD], attributes: &[u8]) -> Result<Vec<u8>> {
    let length = HEAD + OWN_HEAD + attributes.len();
    let mut message = Vec::with_capacity(length);
    message.extend(u32::try_from(length).map_err(|_| Errno::MSGSIZE)?.to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend((REQUEST | flags).to_ne_bytes());
    // A number of ours, and whom it is for: the kernel.
    message.extend(1u32.to_ne_bytes());
    message.extend([0; 4]);
    message.extend(own_head);
    message.extend(attributes);
    message.resize(length.next_multiple_of(4), 0);
    Ok(message)
}

/// One change of a [`change`]: its kind, flags, and attributes.
pub(super) type Step = (u8, u16, Vec<u8>);

/// Has nf_tables carry steps out, all or none, if its tables still are in this state (see
/// [`generation`](super::generation)).
pub(super) fn change(family: u8, steps: &[Step], generation: u32) -> Result<()> {
    let bound = [0, 0, 0, (NF_TABLES >> 8) as u8];
    let mut all = message(BEGIN, 0, bound, &attribute_of(FOR_GENERATION, &generation.to_be_bytes()))?;
    for (number, (kind, flags, attributes)) in steps.iter().enumerate() {
        // The answer to the last is the answer to all: before it come errors, of whatever step.
        let answered = if number + 1 == steps.len() { ACKNOWLEDGE } else { 0 };
        all.extend(message(NF_TABLES | u16::from(*kind), flags | answered, [family, 0, 0, 0], attributes)?);
    }
    all.extend(message(END, 0, bound, &[])?);
    let socket = open()?;
    // The kernel takes a batch in one piece; it doubles the number.
    set_socket_send_buffer_size_force(&socket, all.len())?;
    sendto(&socket, &all, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
    let mut buffer = vec![0; BUFFER];
    loop {
        let (length, _) = recv(&socket, &mut buffer[..], RecvFlags::empty())?;
        let bytes = buffer.get(..length).ok_or(Errno::MSGSIZE)?;
        if !messages(bytes, &mut |_, _| Ok(()))? {
            return Ok(());
        }
    }
}

fn open() -> Result<OwnedFd> {
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, Some(NETFILTER))?;
    set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
    Ok(socket)
}

/// Hands over each message of an answer. False when it was the last: the end of a dump, or the acknowledgement of a change.
fn messages(mut bytes: &[u8], each: &mut impl FnMut(u8, &[u8]) -> Result<()>) -> Result<bool> {
    while !bytes.is_empty() {
        let length = number(bytes).ok_or(Errno::BADMSG)? as usize;
        let (kind, flags) = half(bytes.get(4..).unwrap_or_default())
            .zip(half(bytes.get(6..).unwrap_or_default()))
            .ok_or(Errno::BADMSG)?;
        let body = bytes.get(HEAD..length).ok_or(Errno::BADMSG)?;
        if flags & INTERRUPTED != 0 {
            return Err(Errno::INTR);
        }
        match kind {
            ERROR | DONE => match number(body).map(u32::cast_signed) {
                Some(0) => return Ok(false),
                None if kind == DONE => return Ok(false),
                Some(error) => return Err(Errno::from_raw_os_error(error.saturating_neg())),
                None => return Err(Errno::BADMSG),
            },
            kind if kind & 0xff00 == NF_TABLES => {
                each((kind & 0xff) as u8, body.get(OWN_HEAD..).ok_or(Errno::BADMSG)?)?;
            }
            _ => {}
        }
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(true)
}

/// The attributes in `bytes`, each with its number; what is cut short ends them.
pub(super) fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(half(bytes)?);
        // The two uppermost bits say how the value is written, not what it is.
        let kind = half(&bytes[2..])? & 0x3fff;
        let value = bytes.get(4..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

/// The value of the attribute `kind`.
pub(super) fn attribute(bytes: &[u8], kind: u16) -> Option<&[u8]> {
    attributes(bytes).find(|(found, _)| *found == kind).map(|(_, value)| value)
}

/// An attribute, for a request. Its value is shorter than 65,532 bytes.
pub(super) fn attribute_of(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(value.len() + 7);
    bytes.extend(u16::try_from(value.len() + 4).unwrap_or(u16::MAX).to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// A text as an attribute.
pub(super) fn text(kind: u16, text: &str) -> Vec<u8> {
    attribute_of(kind, &[text.as_bytes(), &[0]].concat())
}

fn half(bytes: &[u8]) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.first_chunk()?))
}

fn number(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.first_chunk()?))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An attribute as the kernel writes it.
    pub(in crate::kernel) fn written(kind: u16, value: &[u8]) -> Vec<u8> {
        attribute_of(kind, value)
    }

    fn of_kernel(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
        let mut bytes = ((HEAD + body.len()) as u32).to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend([0; 8]);
        bytes.extend(body);
        bytes
    }

    fn read(bytes: &[u8]) -> (Result<bool>, Vec<(u8, Vec<u8>)>) {
        let mut all = Vec::new();
        let mut each = |kind, body: &[u8]| {
            all.push((kind, body.to_vec()));
            Ok(())
        };
        let result = messages(bytes, &mut each);
        (result, all)
    }

    #[test]
    fn messages_are_told_from_the_end_from_errors_and_from_other_subsystems() {
        let element = of_kernel(NF_TABLES | 12, 2, &[1, 0, 0, 0, 9, 9, 9, 9]);
        let other = of_kernel(0x0101, 2, &[0; 4]);
        let (result, all) = read(&[&element[..], &other, &element].concat());
        assert_eq!((result, all.len(), &all[0]), (Ok(true), 2, &(12, vec![9; 4])));
        assert_eq!(read(&of_kernel(DONE, 2, &[0; 4])).0, Ok(false));
        assert_eq!(read(&of_kernel(DONE, 2, &[])).0, Ok(false));
        assert_eq!(read(&of_kernel(ERROR, 0, &(-2i32).to_ne_bytes())).0, Err(Errno::NOENT));
        assert_eq!(read(&of_kernel(DONE, 2, &(-1i32).to_ne_bytes())).0, Err(Errno::PERM));
        assert_eq!(read(&of_kernel(ERROR, 0, &[])).0, Err(Errno::BADMSG));
        assert_eq!(read(&of_kernel(NF_TABLES | 12, 2 | INTERRUPTED, &[0; 4])).0, Err(Errno::INTR));
        for length in 1..element.len() {
            assert!(read(&element[..length]).0.is_err(), "{length}");
        }
        assert_eq!(read(&[0; 16]).0, Err(Errno::BADMSG), "no message goes on for ever");
    }

    #[test]
    fn attributes_end_where_they_are_cut_and_are_found_whatever_their_flags() {
        let bytes = [written(1, b"abc"), written(0x8002, b"defg"), text(3, "x")].concat();
        let all: Vec<_> = attributes(&bytes).collect();
        assert_eq!(all, [(1, &b"abc"[..]), (2, b"defg"), (3, b"x\0")]);
        assert_eq!(attribute(&bytes, 2), Some(&b"defg"[..]));
        assert_eq!(attribute(&bytes, 4), None);
        assert_eq!(attributes(&bytes[..6]).count(), 0);
        assert_eq!(attributes(&[0; 8]).count(), 0, "no attribute goes on for ever");
    }

    proptest::proptest! {
        #[test]
        fn no_answer_panics(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
            let _ = read(&bytes);
            let _ = attributes(&bytes).count();
        }
    }
}
