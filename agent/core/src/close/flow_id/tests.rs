use zerocopy::FromZeros as _;

use super::*;
use crate::close::facts::{CLOSE_WAIT, ESTABLISHED, LAST_ACK, SYN_RECV};

/// A connection of which both kernels have counted what they count.
#[derive(Clone, Copy)]
struct Flow {
    client_isn: u32,
    server_isn: u32,
    /// By the client and by the server.
    payload: [u64; 2],
    retransmitted: u64,
}

impl Flow {
    /// As `role`'s kernel has it, with FINs sent and acknowledged, and received.
    fn seen_by(&self, role: Role, fin_acked: bool, fin_received: bool) -> Transition {
        let is_client = role == Role::Client;
        let (own, peer, sent, received) = if is_client {
            (self.client_isn, self.server_isn, self.payload[0], self.payload[1])
        } else {
            (self.server_isn, self.client_isn, self.payload[1], self.payload[0])
        };
        let mut step = Transition::new_zeroed();
        step.old_state = match (fin_acked, fin_received) {
            (true, _) => LAST_ACK,
            (false, true) => CLOSE_WAIT,
            (false, false) => ESTABLISHED,
        };
        let acked = sent + u64::from(fin_acked);
        step.snd_una = own.wrapping_add(1).wrapping_add(acked as u32);
        (step.snd_nxt, step.write_seq) = (step.snd_una, step.snd_una);
        step.bytes_acked = acked + u64::from(is_client);
        step.bytes_retrans = self.retransmitted;
        step.bytes_sent = sent + self.retransmitted;
        step.bytes_received = received + u64::from(fin_received);
        step.rcv_nxt = peer.wrapping_add(1).wrapping_add(step.bytes_received as u32);
        step
    }
}

#[test]
fn both_ends_say_the_same_after_gigabytes_and_retransmissions() {
    let mut random = fastrand::Rng::with_seed(7);
    let mut seen = std::collections::HashSet::new();
    for _ in 0..2000 {
        let shift = random.u32(20..64);
        let payload = [random.u64(..) >> shift, random.u64(..) >> shift];
        let flow = Flow {
            client_isn: random.u32(..),
            server_isn: random.u32(..),
            payload,
            retransmitted: random.u64(..) >> shift,
        };
        let mut ids = Vec::new();
        for role in [Role::Client, Role::Server] {
            for (fin_acked, fin_received) in [(false, false), (false, true), (true, true)] {
                ids.push(FlowId::of(role, &flow.seen_by(role, fin_acked, fin_received)).expect("an id"));
            }
        }
        assert!(ids.iter().all(|id| *id == ids[0]), "{payload:?}");
        assert!(seen.insert(ids[0]), "two flows have one id");
    }
}

#[test]
fn who_began_is_part_of_it() {
    let flow = Flow { client_isn: 1, server_isn: 2, payload: [3, 4], retransmitted: 0 };
    let turned = Flow { client_isn: 2, server_isn: 1, payload: [4, 3], retransmitted: 0 };
    let of = |flow: &Flow| FlowId::of(Role::Client, &flow.seen_by(Role::Client, false, false));
    assert_ne!(of(&flow), of(&turned));
}

#[test]
fn where_it_cannot_be_known_there_is_none() {
    let flow = Flow { client_isn: 1, server_isn: 2, payload: [3, 4], retransmitted: 0 };
    let client = flow.seen_by(Role::Client, false, false);
    assert_eq!(FlowId::of(Role::Unknown, &client), None);
    assert_eq!(FlowId::of(Role::Client, &Transition { old_state: SYN_SENT, ..client }), None);
    // Both ends began: their counters say so, and each was taken for the server's.
    assert_eq!(FlowId::of(Role::Server, &client), None);
    // A Fast Open socket ends before the handshake does: it has both numbers.
    let server = flow.seen_by(Role::Server, false, false);
    let early = Transition { old_state: SYN_RECV, ..server };
    assert_eq!(FlowId::of(Role::Server, &early), FlowId::of(Role::Server, &server));
}

#[test]
fn it_comes_back_from_its_text_and_other_text_is_refused() {
    let text = "00f3456789abcdef";
    assert_eq!(text.parse::<FlowId>().expect("an id").to_string(), text);
    for wrong in ["", "f3456789abcdef", "+0f3456789abcdef", "00f3456789abcdeg", "00f3456789abcdef0"] {
        assert!(wrong.parse::<FlowId>().is_err(), "{wrong}");
    }
}
