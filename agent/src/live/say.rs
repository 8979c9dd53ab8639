//! One close in a sentence, for somebody who has read no documentation.

use whohungup_core::{
    close::ClosedConnection,
    duration::measured,
    format::counted,
    labels::{Cause, Closer, Phase, Race, Verdict},
};

/// What happened, in a sentence.
pub fn close(close: &ClosedConnection) -> String {
    let reported = match close.verdict {
        Verdict::ClientIdle | Verdict::ServerIdle => idle(close),
        Verdict::IdleRace => race(close),
        Verdict::PrematureHangup => premature(close),
        Verdict::Completed => completed(close),
        Verdict::TunnelEnd => format!("{} ended the tunnel", by(close)),
        Verdict::Network => network(close.cause).to_owned(),
        Verdict::ConnectFailed => connect(close.cause).to_owned(),
        Verdict::HostAbort => "Somebody destroyed the connection from outside (SOCK_DESTROY)".to_owned(),
        Verdict::Unknown => format!("{} ended it; what was under way is not known", by(close)),
    };
    let why = because(close);
    let masked = if close.retried == Some(true) { "; it was sent again and answered" } else { "" };
    format!("{reported}{why}{masked}.")
}

fn by(close: &ClosedConnection) -> &'static str {
    match close.closer {
        Closer::Client => "The client",
        Closer::Server => "The server",
        Closer::Both => "Both ends at once",
        Closer::Network => "The network",
        Closer::Host => "This host",
        Closer::Unknown => "One of the ends",
    }
}

fn idle(close: &ClosedConnection) -> String {
    if close.phase == Phase::Unused {
        let age = close.age.map_or_else(String::new, |age| format!(" after {}", measured(age)));
        return format!("{} closed a connection that was never used{age}", by(close));
    }
    let idle =
        close.idle.map_or_else(String::new, |idle| format!(" after {} without a request", measured(idle)));
    let served = match close.requests {
        Some(requests) if requests > 0 => format!(" ({} served)", counted(u64::from(requests), "request")),
        _ => String::new(),
    };
    format!("{} closed the idle connection{idle}{served}", by(close))
}

fn race(close: &ClosedConnection) -> String {
    let idle = close.idle.map_or_else(String::new, |idle| format!(" after {}", measured(idle)));
    match close.race {
        Some(Race::Crossed) => {
            format!("A request was lost: it was on its way when the server closed the idle connection{idle}")
        }
        Some(Race::Stale) => {
            format!(
                "A request was lost: the client sent it on a connection that the server had closed as idle{idle}"
            )
        }
        Some(Race::Unread) => {
            format!(
                "A request was lost: it had arrived when the server closed the idle connection{idle}, unread"
            )
        }
        Some(Race::OwnTimer) => {
            format!("A request was lost: the client's own idle timer{idle} closed the connection as it wrote")
        }
        None => "A request met an idle close and was lost".to_owned(),
    }
}

fn premature(close: &ClosedConnection) -> String {
    let during = match close.phase {
        Phase::RequestHead => "in the middle of a request's head",
        Phase::RequestBody => "in the middle of a request's body",
        Phase::Waiting => "while a request waited for its response",
        Phase::Response => "in the middle of a response",
        _ => "with a request under way",
    };
    let after = close.request.map_or_else(String::new, |after| format!(", {} into it", measured(after)));
    format!("{} hung up {during}{after}", by(close))
}

fn completed(close: &ClosedConnection) -> String {
    match close.cause {
        Cause::Announced | Cause::MaxRequests | Cause::MaxAge => {
            format!("{} closed after a last response that announced it", by(close))
        }
        Cause::HalfClose => "The client stopped sending first, and was answered in full".to_owned(),
        _ => format!("{} closed right after the response", by(close)),
    }
}

fn network(cause: Cause) -> &'static str {
    match cause {
        Cause::KeepaliveDead => "Neither end closed it: keepalive probes went unanswered",
        Cause::RetransmitTimeout => "Neither end closed it: what was sent was never acknowledged",
        Cause::UserTimeout => "Neither end closed it: TCP_USER_TIMEOUT ran out",
        Cause::MiddleboxReset => "Neither end closed it: something in between sent a reset",
        Cause::FlowForgotten => "Neither end closed it: something in between forgot the connection",
        _ => "Neither end closed it",
    }
}

fn connect(cause: Cause) -> &'static str {
    match cause {
        Cause::Refused => "Nothing listens there: the connection was refused",
        _ => "The connection was never established",
    }
}

/// The cause, where the sentence does not say it already.
fn because(close: &ClosedConnection) -> &'static str {
    if matches!(
        close.verdict,
        Verdict::Network | Verdict::ConnectFailed | Verdict::HostAbort | Verdict::Completed
    ) {
        return match close.cause {
            Cause::MaxRequests => ": its limit of requests",
            Cause::MaxAge => ": its limit of age",
            Cause::PoolEvict => ": its pool had enough connections",
            _ => "",
        };
    }
    match close.cause {
        Cause::KeepaliveTimer => ": its idle timer",
        Cause::RequestTimeout => ": its time limit for a request",
        Cause::StallTimer => ": nothing had moved for too long",
        Cause::HeadTimer => ": its time limit for a request's head",
        Cause::MaxRequests => ": its limit of requests",
        Cause::MaxAge => ": its limit of age",
        Cause::PoolEvict => ": its pool let connections go",
        Cause::Shutdown => ": it was shutting down",
        Cause::ProcessExit => ": the process ended",
        Cause::ProcessKilled => ": the process was killed",
        Cause::OomKilled => ": the process was killed for want of memory",
        Cause::UnreadData => ": it left data unread",
        Cause::LingerZero => ": with a reset on purpose (SO_LINGER 0)",
        Cause::NotAccepted => ": the connection had never been accepted",
        Cause::Truncated => ": the response was cut short",
        Cause::H2Goaway => ": a GOAWAY had announced it",
        Cause::TlsAlert => ": the TLS handshake failed",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::samples::{closed, raced};

    #[test]
    fn every_verdict_and_cause_makes_one_plain_sentence() {
        for &verdict in Verdict::ALL {
            for &cause in Cause::ALL {
                let mut closed = closed(8080, "node", verdict);
                closed.cause = cause;
                let said = close(&closed);
                let sentence = said.ends_with('.') && said.chars().next().is_some_and(char::is_uppercase);
                assert!(
                    sentence && said.matches('.').count() <= 2 && said.len() < 160,
                    "{verdict} {cause}: {said}"
                );
            }
        }
    }

    #[test]
    fn a_sentence_says_who_and_after_how_long() {
        let mut closed = closed(8080, "node", Verdict::ServerIdle);
        closed.cause = Cause::KeepaliveTimer;
        assert_eq!(
            close(&closed),
            "The server closed the idle connection after 5.00 s without a request (3 requests served): its idle timer."
        );
        let mut closed = raced(8080, "node", Race::Stale);
        closed.retried = Some(true);
        let said = close(&closed);
        assert!(
            said.contains("had closed as idle after 5.00 s") && said.ends_with("sent again and answered."),
            "{said}"
        );
    }
}
