//! Requests that were lost to something else than an idle close, where no other advice explains them.

use super::{
    Case, called,
    model::{Advice, Urgency},
    races::blank,
};
use crate::{
    close::LossReason,
    format::{capitalized, counted, was},
    labels::{Role, Side},
};

/// Refused connects from which on something is to be done about them.
const REFUSED: u64 = 3;

/// `explained` is what other advice is about already.
pub(super) fn unexplained(case: Case<'_>, explained: &[Advice]) -> Vec<Advice> {
    let lost = &case.endpoint.losses.by;
    let mut all = Vec::new();
    for &(reason, count) in lost {
        let one = match reason {
            LossReason::IdleRace => continue,
            LossReason::ServerHangup if !explained.is_empty() => continue,
            LossReason::ServerHangup => hangup(case, count),
            LossReason::Network => {
                // Those have an advice of their own.
                let forgotten = case.endpoint.path.map_or(0, |path| path.lost);
                match count.saturating_sub(forgotten) {
                    0 => continue,
                    count => network(case, count),
                }
            }
            // One or two are also what a scan or a start looks like.
            LossReason::Refused if count < REFUSED => continue,
            LossReason::Refused => refused(case, count),
            LossReason::NotAccepted => not_accepted(case, count),
            LossReason::HostAbort => host_abort(case, count),
        };
        all.push(one);
    }
    all
}

fn hangup(case: Case<'_>, count: u64) -> Advice {
    let program = case.program(Side::Server);
    Advice {
        why: format!(
            "The server hung up on {} and nothing proves why: the times differ, and no process ended.",
            counted(count, "request")
        ),
        text: format!(
            "{}: see its log at the times that `whohungup watch --verdict premature-hangup` shows.",
            capitalized(&called(Side::Server, program.as_deref()))
        ),
        ..blank(Side::Server, program, Urgency::Now)
    }
}

fn network(case: Case<'_>, count: u64) -> Advice {
    let program = case.program(Side::Client);
    Advice {
        why: format!(
            "{} {} lost to the network: neither end closed the connection.",
            counted(count, "request"),
            was(count)
        ),
        text: format!(
            "`whohungup watch --verdict network` shows after how long a silence. If a device on the path forgets flows, \
             {}: set the pool's idle timeout or TCP keepalive below that time.",
            called(Side::Client, program.as_deref())
        ),
        ..blank(Side::Client, program, Urgency::Now)
    }
}

fn refused(case: Case<'_>, count: u64) -> Advice {
    let port = case.endpoint.key.server_port.map_or_else(|| "?".to_owned(), |port| port.to_string());
    Advice {
        why: format!("{} {} refused: nothing listened on port {port}.", counted(count, "connect"), was(count)),
        text: "Start the server, or correct the address that the client has. At a restart, let the new process listen \
               before the old one stops."
            .to_owned(),
        ..blank(Side::Server, None, Urgency::Now)
    }
}

fn not_accepted(case: Case<'_>, count: u64) -> Advice {
    let program = case.program(Side::Server);
    // The client's end does not know which.
    let (reason, queue) = if case.endpoint.key.role == Role::Client {
        (
            "the queue was full, or the listener was closed, before the server had accepted the connection",
            "raise the listener's backlog (and `net.core.somaxconn`), or accept faster. And ",
        )
    } else {
        ("the listener was closed before the server had accepted the connection", "")
    };
    Advice {
        why: format!("{} {} lost in the listener's queue: {reason}.", counted(count, "request"), was(count)),
        text: format!(
            "{}: {queue}at a shutdown, take the process out of service first, and accept what is queued before closing \
             the listener.",
            capitalized(&called(Side::Server, program.as_deref()))
        ),
        ..blank(Side::Server, program, Urgency::Now)
    }
}

fn host_abort(case: Case<'_>, count: u64) -> Advice {
    Advice {
        why: format!("{} {} lost when somebody destroyed the socket.", counted(count, "request"), was(count)),
        text: "Find out who runs `ss -K`, or a network agent that destroys sockets (SOCK_DESTROY)."
            .to_owned(),
        ..blank(Side::Server, case.program(Side::Server), Urgency::Now)
    }
}
