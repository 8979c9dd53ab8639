//! Who ended a connection and by what means: what the first step away from it proves.

use whohungup_ebpf::event::{RESET_SENT, Transition};

use super::facts::{
    CLOSE, CLOSE_WAIT, ETIMEDOUT, FIN_WAIT1, Facts, Reading as _, SYN_RECV, SYN_SENT, is_oom_victim,
};
use crate::labels::{Cause, CloseType, Closer, Role};

// include/uapi/asm-generic/errno.h
const ECONNABORTED: u32 = 103;
const ECONNRESET: u32 = 104;
const ECONNREFUSED: u32 = 111;
const ENETUNREACH: u32 = 101;
const EHOSTUNREACH: u32 = 113;
const EPIPE: u32 = 32;

/// How the first step came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ending {
    pub closer: Closer,
    pub close_type: CloseType,
    pub cause: Cause,
    /// This end did it, in its own process or its own kernel.
    pub local: bool,
    /// The handshake never ended.
    pub connecting: bool,
}

pub(super) fn ending(facts: &Facts) -> Ending {
    let first = &facts.first;
    let connecting = matches!(first.old_state, SYN_SENT | SYN_RECV) && first.new_state == CLOSE;
    let local = |close_type, cause| Ending {
        closer: facts.role.this_end(),
        close_type,
        cause,
        local: true,
        connecting,
    };
    let remote = |close_type, cause| Ending {
        closer: facts.role.other_end(),
        close_type,
        cause,
        local: false,
        connecting,
    };
    let ended = match (first.new_state, first.err) {
        // What came first had come before the agent; the state tells which side it came from.
        _ if first.old_state == CLOSE_WAIT => remote(CloseType::Fin, Cause::Unknown),
        _ if facts.is_seen_late() => local(CloseType::Fin, Cause::Unknown),
        (FIN_WAIT1, _) => local(CloseType::Fin, process_cause(facts)),
        (CLOSE_WAIT, _) => remote(CloseType::Fin, Cause::Unknown),
        (_, 0) => local(if connecting { CloseType::Abort } else { CloseType::Rst }, abort_cause(facts)),
        (_, ECONNABORTED) => Ending {
            closer: Closer::Host,
            close_type: CloseType::Abort,
            cause: Cause::SockDestroy,
            local: true,
            connecting,
        },
        (_, ECONNREFUSED) => remote(CloseType::Rst, Cause::Refused),
        (_, ECONNRESET | EPIPE) => remote(CloseType::Rst, Cause::Unknown),
        (_, ETIMEDOUT | EHOSTUNREACH | ENETUNREACH) => Ending {
            closer: Closer::Network,
            close_type: CloseType::Timeout,
            cause: timeout_cause(facts),
            local: false,
            connecting,
        },
        (_, _) => Ending {
            closer: Closer::Unknown,
            close_type: CloseType::Abort,
            cause: Cause::Unknown,
            local: false,
            connecting,
        },
    };
    match stuck_fin(facts) {
        Some(Stuck::Reset) => return remote(CloseType::Rst, Cause::Unknown),
        Some(Stuck::Fin) => return remote(CloseType::Fin, Cause::Unknown),
        Some(Stuck::OwnReset) => return local(CloseType::Rst, process_cause(facts)),
        None => {}
    }
    if facts.crossing_fins { Ending { closer: Closer::Both, ..ended } } else { ended }
}

/// How a connection ended whose FIN, by this end, never left.
enum Stuck {
    /// The peer's reset was the first on the wire.
    Reset,
    /// The peer's FIN was.
    Fin,
    /// This end's own: what came for a socket that no process holds.
    OwnReset,
}

/// This end had closed behind bytes that the peer took no more: its FIN waited behind them.
pub(super) fn is_fin_stuck(facts: &Facts) -> bool {
    let is_behind = |step: &Transition| step.is_fin_counted() && step.snd_nxt != step.write_seq;
    facts.first.new_state == FIN_WAIT1 && facts.last.as_ref().is_some_and(is_behind)
}

fn stuck_fin(facts: &Facts) -> Option<Stuck> {
    if facts.own_fin_waited {
        return Some(Stuck::Fin);
    }
    let last = facts.last.as_ref().filter(|_| is_fin_stuck(facts))?;
    let sent_reset = facts.resets.iter().any(|reset| reset.direction == RESET_SENT && reset.has_segment == 1);
    match last.err {
        // `tcp_rcv_state_process` resets its own socket too when data comes for an orphan (net/ipv4/tcp_input.c).
        ECONNRESET | EPIPE if sent_reset => Some(Stuck::OwnReset),
        ECONNRESET | EPIPE => Some(Stuck::Reset),
        0 if facts.crossing_fins => Some(Stuck::Fin),
        _ => None,
    }
}

/// A process that ends takes its connections with it, whatever that looks like on the wire.
fn process_cause(facts: &Facts) -> Cause {
    let first = &facts.first;
    if is_oom_victim(&first.task) {
        return Cause::OomKilled;
    }
    match (first.is_exiting(), first.signal()) {
        (true, Some(_)) => Cause::ProcessKilled,
        (true, None) => Cause::ProcessExit,
        (false, _) => Cause::Unknown,
    }
}

/// ESTABLISHED to CLOSE without an error: this end reset it. In the order of `__tcp_close`
/// (net/ipv4/tcp.c, v6.12), after children that no process ever accepted.
fn abort_cause(facts: &Facts) -> Cause {
    let first = &facts.first;
    if first.old_state == SYN_SENT {
        return process_cause(facts);
    }
    if first.has_socket == 0 && facts.role == Role::Server {
        return Cause::NotAccepted;
    }
    match process_cause(facts) {
        Cause::Unknown if first.unread() > 0 => Cause::UnreadData,
        Cause::Unknown if first.is_linger_zero() => Cause::LingerZero,
        cause => cause,
    }
}

/// `tcp_keepalive_timer` gives up with probes out and nothing to send; `tcp_write_timeout` with data
/// (net/ipv4/tcp_timer.c, v6.12).
fn timeout_cause(facts: &Facts) -> Cause {
    let first = &facts.first;
    if first.old_state == SYN_SENT || first.old_state == SYN_RECV {
        // An unreachable host or network is reported at once, without a second SYN.
        let waited = first.err == ETIMEDOUT || first.total_retrans > 0;
        return if waited { Cause::RetransmitTimeout } else { Cause::Unknown };
    }
    if first.unacked() == 0 {
        return Cause::KeepaliveDead;
    }
    if first.user_timeout > 0 { Cause::UserTimeout } else { Cause::RetransmitTimeout }
}
