//! The facts of one close, as the tracker hands them over.

use whohungup_ebpf::{
    conversation::Conversation,
    event::{Reset, Task, Transition},
    exchange::{Exchange, OUT},
};

use super::half_close::ClosingHabit;
use crate::labels::Role;

// include/net/tcp_states.h, v6.1 to v6.18.
pub const ESTABLISHED: u8 = 1;
pub const SYN_SENT: u8 = 2;
pub const SYN_RECV: u8 = 3;
pub const FIN_WAIT1: u8 = 4;
pub const FIN_WAIT2: u8 = 5;
pub const CLOSE: u8 = 7;
pub const CLOSE_WAIT: u8 = 8;
pub const LAST_ACK: u8 = 9;
pub const LISTEN: u8 = 10;
pub const TIME_WAIT: u8 = 6;
pub const CLOSING: u8 = 11;

// include/uapi/asm-generic/errno.h
pub const ETIMEDOUT: u32 = 110;
pub const ECONNRESET: u32 = 104;

/// Linux before 6.10 tells only that the segment was dropped, and not by which socket (the probes'
/// `segment_dropped`); a reset that is reported always has a time-wait socket's cookie.
pub fn is_known_by_its_drop(reset: &Reset) -> bool {
    reset.state == TIME_WAIT && reset.header.cookie == 0
}

// enum sock_flags, include/net/sock.h, v6.1 to v6.18.
const SOCK_DEAD: u32 = 1;
const SOCK_DONE: u32 = 1 << 1;
const SOCK_KEEPOPEN: u32 = 1 << 3;
const SOCK_LINGER: u32 = 1 << 4;
/// SEND_SHUTDOWN and RCV_SHUTDOWN, include/net/sock.h.
const SHUTDOWN_BOTH: u8 = 3;
/// include/linux/sched.h
const PF_EXITING: u32 = 0x4;

/// Resets kept for one close; more add nothing.
pub const MAX_RESETS: usize = 4;

/// At most [`MAX_RESETS`] resets of one connection, in order. Most connections have none, and
/// then it costs nothing.
#[derive(Clone, Debug, Default)]
pub struct Resets {
    kept: Vec<Reset>,
}

impl Resets {
    pub fn push(&mut self, reset: Reset) {
        if self.kept.len() < MAX_RESETS {
            self.kept.push(reset);
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Reset> {
        self.kept.iter()
    }
}

/// What was read inside TLS, when that was asked for. Its sequence numbers count plaintext, from 0.
#[derive(Clone, Debug, Default)]
pub struct Plaintext {
    /// At the first step.
    pub at: Option<Box<Exchange>>,
    /// At the newest later step, when it had changed.
    pub after: Option<Box<Exchange>>,
}

/// Everything known of one close at one end.
#[derive(Clone, Debug)]
pub struct Facts {
    pub role: Role,
    /// When the connection was made, CLOCK_MONOTONIC ns; `None` for sockets older than the agent.
    pub opened_ns: Option<u64>,
    /// The socket was there before the agent.
    pub preexisting: bool,
    /// The first step away from a working connection.
    pub first: Transition,
    /// The newest later step, when there was one.
    pub last: Option<Transition>,
    /// FIN_WAIT1 to CLOSING was seen: two FINs crossed.
    pub crossing_fins: bool,
    /// When the peer's FIN came, this end's own waited behind bytes that had not left.
    pub own_fin_waited: bool,
    /// The HTTP tier's state at the first step; `None` when the socket spoke nothing that it reads.
    pub exchange: Option<Box<Exchange>>,
    /// The same at the newest later step, when it had changed.
    pub exchange_after: Option<Box<Exchange>>,
    /// What was said on a socket whose messages are not followed, at the first step.
    pub conversation: Option<Box<Conversation>>,
    /// The same at the newest later step, when it had changed.
    pub conversation_after: Option<Box<Conversation>>,
    /// What was read inside TLS.
    pub tls_plaintext: Plaintext,
    pub resets: Resets,
    /// The error that the application was reported while the socket lived on.
    pub soft_error: Option<u32>,
    /// A newer connection to the same address was made while this one waited in vain.
    pub peer_reachable: bool,
    /// How the client's process closes its other connections, where that decides what a FIN in between means.
    pub closing_habit: Option<ClosingHabit>,
    /// Later steps were lost: what came of an open exchange is not known.
    pub rest_lost: bool,
    /// Length of the kernel's clock tick in seconds.
    pub tick: f64,
}

impl Facts {
    /// The first step that was seen was not the first: the end had begun before the agent.
    pub fn is_seen_late(&self) -> bool {
        !matches!(self.first.old_state, ESTABLISHED | SYN_SENT | SYN_RECV)
    }

    /// The first bytes of what this end wrote after the peer's FIN in a protocol that is not followed, zero-padded; `None`
    /// where they were not seen.
    pub fn written_late(&self) -> Option<[u8; 16]> {
        let written = self.conversation_after.as_deref()?.flow(OUT);
        let is_late = |seq: u32| !is_before(seq, self.first.write_seq);
        if is_late(written.turn_seq) {
            return Some(written.turn);
        }
        written.newest.first_chunk().copied().filter(|_| is_late(written.newest_seq))
    }
}

/// Whether a sequence number comes before another (RFC 9293 section 3.4: modulo 2^32).
pub fn is_before(sequence: u32, other: u32) -> bool {
    (sequence.wrapping_sub(other) as i32) < 0
}

/// Readings of one transition.
pub trait Reading {
    fn is_fin_received(&self) -> bool;
    fn is_fin_counted(&self) -> bool;
    fn written(&self) -> u32;
    fn is_held(&self) -> bool;
    fn unread(&self) -> u32;
    fn unacked(&self) -> u32;
    fn is_linger_zero(&self) -> bool;
    fn is_keepalive(&self) -> bool;
    fn is_closed_whole(&self) -> bool;
    fn payload_sent(&self) -> u64;
    fn payload_received(&self) -> u64;
    fn is_exiting(&self) -> bool;
    fn signal(&self) -> Option<u32>;
    fn srtt_seconds(&self) -> f64;
    fn ticks_since(&self, jiffies: u32) -> u32;
    fn is_heard(&self, role: Role) -> bool;
    fn heard_at(&self) -> u32;
    fn waiting_since(&self) -> Option<u32>;
}

impl Reading for Transition {
    fn is_fin_received(&self) -> bool {
        self.flags & SOCK_DONE != 0
    }

    /// This end's FIN is in `write_seq`: `tcp_send_fin` comes after the state has changed (`tcp_close_state` before it in
    /// `__tcp_close`, net/ipv4/tcp.c, v6.1 to v6.18).
    fn is_fin_counted(&self) -> bool {
        matches!(self.old_state, FIN_WAIT1 | FIN_WAIT2 | CLOSING | LAST_ACK)
    }

    /// `write_seq` behind the last payload byte.
    fn written(&self) -> u32 {
        self.write_seq.wrapping_sub(u32::from(self.is_fin_counted()))
    }

    /// A process holds the socket.
    fn is_held(&self) -> bool {
        self.flags & SOCK_DEAD == 0
    }

    /// Payload that arrived and was not read, bytes.
    fn unread(&self) -> u32 {
        let fin = u32::from(self.is_fin_received());
        let unread = self.rcv_nxt.wrapping_sub(self.copied_seq).wrapping_sub(fin);
        // A process that has read the FIN has read one more than there is payload.
        if unread > u32::MAX / 2 { 0 } else { unread }
    }

    /// Sequence numbers that were written and not acknowledged.
    fn unacked(&self) -> u32 {
        self.write_seq.wrapping_sub(self.snd_una)
    }

    fn is_linger_zero(&self) -> bool {
        self.flags & SOCK_LINGER != 0 && self.linger_time == 0
    }

    /// SO_KEEPALIVE.
    fn is_keepalive(&self) -> bool {
        self.flags & SOCK_KEEPOPEN != 0
    }

    /// Both directions were shut, not just sending.
    fn is_closed_whole(&self) -> bool {
        self.shutdown & SHUTDOWN_BOTH == SHUTDOWN_BOTH
    }

    /// Payload bytes sent once, retransmissions not counted.
    fn payload_sent(&self) -> u64 {
        self.bytes_sent.saturating_sub(self.bytes_retrans)
    }

    /// Payload bytes received; the kernel counts a FIN as one.
    fn payload_received(&self) -> u64 {
        self.bytes_received.saturating_sub(u64::from(self.is_fin_received()))
    }

    fn is_exiting(&self) -> bool {
        is_exiting(&self.task)
    }

    fn signal(&self) -> Option<u32> {
        signal(&self.task)
    }

    fn srtt_seconds(&self) -> f64 {
        f64::from(self.srtt_us) / 8.0 / 1e6
    }

    /// Ticks from `jiffies` to this transition; 0 if it lies later.
    fn ticks_since(&self, jiffies: u32) -> u32 {
        let ticks = self.header.jiffies.wrapping_sub(jiffies);
        if ticks > u32::MAX / 2 { 0 } else { ticks }
    }

    /// The peer has sent or acknowledged payload: it had a socket for the connection. A listener with a full queue only
    /// answers the SYN.
    fn is_heard(&self, role: Role) -> bool {
        self.payload_received() > 0 || self.bytes_acked > u64::from(role != Role::Server)
    }

    /// Jiffies at the newest payload or acknowledgment of the peer's. The fast path takes in payload that acknowledges
    /// nothing new without `tcp_ack` (`tcp_rcv_established`, net/ipv4/tcp_input.c, v6.1 to v6.18).
    fn heard_at(&self) -> u32 {
        if is_before(self.rcv_tstamp, self.lrcvtime) { self.lrcvtime } else { self.rcv_tstamp }
    }

    /// Jiffies since when this end has had something that is not acknowledged; `None` when it has nothing.
    fn waiting_since(&self) -> Option<u32> {
        (self.unacked() > 0).then_some(self.chrono_start)
    }
}

/// The task was in `do_exit`.
pub fn is_exiting(task: &Task) -> bool {
    task.flags & PF_EXITING != 0
}

/// The signal that ends the task, if one does (wait(2) status encoding).
pub fn signal(task: &Task) -> Option<u32> {
    let signal = task.exit_code & 0x7f;
    (is_exiting(task) && signal != 0).then_some(signal)
}

/// The status that the process ends with, when it ends by itself.
pub fn status(task: &Task) -> Option<u32> {
    (is_exiting(task) && signal(task).is_none()).then_some(task.exit_code >> 8)
}

/// The out-of-memory killer had chosen the process.
pub fn is_oom_victim(task: &Task) -> bool {
    is_exiting(task) && task.oom_victim != 0
}

/// The role that the socket's own counters prove while no FIN has been sent: the SYN of an active
/// open is counted in `bytes_acked`, that of a passive one is not (tcp_ack in
/// net/ipv4/tcp_input.c, v6.1 to v6.18).
pub fn role_from_counters(socket: &Transition) -> Role {
    if !matches!(socket.old_state, ESTABLISHED | CLOSE_WAIT) {
        return Role::Unknown;
    }
    let in_flight = u64::from(socket.snd_nxt.wrapping_sub(socket.snd_una));
    let Some(acked_payload) = socket.payload_sent().checked_sub(in_flight) else { return Role::Unknown };
    match socket.bytes_acked.checked_sub(acked_payload) {
        Some(0) => Role::Server,
        Some(1) => Role::Client,
        _ => Role::Unknown,
    }
}
