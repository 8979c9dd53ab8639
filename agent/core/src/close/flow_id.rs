//! One name for a connection at both ends, whatever translates addresses between them: a hash of both initial sequence
//! numbers, which every kernel can derive from what it counts.

use std::{fmt, str::FromStr};

use sha1::{Digest as _, Sha1};
use whohungup_ebpf::event::Transition;

use super::facts::{SYN_SENT, role_from_counters};
use crate::{labels::Role, text::serde_as_text};

/// So that it is no other hash of the same bytes; raised when it is made in another way.
const DOMAIN: &[u8] = b"whohungup.flow/1";

/// A hash and not the numbers: the next ones of the same addresses could be guessed from them (RFC 6528).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FlowId(u64);

impl FlowId {
    /// `None` where the initial sequence numbers cannot be known: there was no handshake, nobody knows which end began, or
    /// both did.
    pub fn of(role: Role, step: &Transition) -> Option<Self> {
        if step.old_state == SYN_SENT {
            return None;
        }
        let (sent, received) = initial_sequence_numbers(role, step)?;
        let (client, server) = if role == Role::Client { (sent, received) } else { (received, sent) };
        let hash = Sha1::new_with_prefix(DOMAIN);
        let hash = hash.chain_update(client.to_be_bytes()).chain_update(server.to_be_bytes()).finalize();
        hash.first_chunk().map(|first| Self(u64::from_be_bytes(*first)))
    }
}

/// This end's and the peer's. The counters count what the sequence numbers move by, FINs too, but for the SYNs: a client's own
/// is in `bytes_acked` (`tcp_snd_una_update`), a server's is not (`tcp_create_openreq_child` begins behind it), and the peer's
/// is never in `bytes_received` (`tcp_rcv_synsent_state_process`, `tcp_create_openreq_child`; net/ipv4/tcp_input.c,
/// tcp_minisocks.c, v6.1 to v6.18). All of it is modulo 2^32.
fn initial_sequence_numbers(role: Role, step: &Transition) -> Option<(u32, u32)> {
    let own_syn = match role {
        Role::Client => 0,
        Role::Server => 1,
        Role::Unknown => return None,
    };
    // Two that connect to each other at once each think that they were connected to.
    let counted = role_from_counters(step);
    if counted != Role::Unknown && counted != role {
        return None;
    }
    let sent = step.snd_una.wrapping_sub(step.bytes_acked as u32).wrapping_sub(own_syn);
    let received = step.rcv_nxt.wrapping_sub(step.bytes_received as u32).wrapping_sub(1);
    Some((sent, received))
}

impl fmt::Display for FlowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for FlowId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_hex = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = is_hex.then(|| u64::from_str_radix(text, 16).ok()).flatten();
        number.map(Self).ok_or_else(|| format!("`{text}` is no id of a flow: 16 hexadecimal digits"))
    }
}

serde_as_text!(FlowId);

#[cfg(test)]
mod tests;
