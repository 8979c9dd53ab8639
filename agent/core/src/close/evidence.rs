//! The evidence in words, most telling first.

use super::{
    ending::{Ending, is_fin_stuck},
    facts::{CLOSE_WAIT, FIN_WAIT1, Facts, Reading as _},
    half_close::is_final_fin_reset,
    phase::ExchangePhase,
    race::Found,
};
use crate::close::ClosedConnection;
use crate::format::counted;
use crate::identity::Comm;
use crate::labels::{Basis, Cause, CloseType, Closer, Phase, Race, Role, Verdict};
use crate::protocol::{Reading, State};

pub(super) fn describe(
    facts: &Facts,
    ending: Ending,
    view: &ExchangePhase,
    race: Option<&Found>,
    close: &ClosedConnection,
) -> Vec<String> {
    let mut lines = vec![describe_first_step(facts, ending)];
    if let Some(found) = race {
        lines.push(describe_race(facts, found, view.request_seconds(facts)));
    }
    lines.extend(describe_exchange(view, close));
    lines.extend(describe_cause(facts, ending));
    let is_answered = view.after.as_ref().is_some_and(|after| after.phase == Phase::Idle);
    if close.verdict == Verdict::PrematureHangup && is_answered && is_final_fin_reset(facts) {
        lines.push("the client's kernel took in the whole answer, and then refused our FIN".to_owned());
    }
    if close.verdict == Verdict::Unknown {
        lines.push(describe_unknown(facts, view, ending).to_owned());
    }
    if let Some(error) = facts.soft_error {
        lines.push(format!("the application was reported error {error} before"));
    }
    if facts.preexisting {
        lines.push("the connection is older than the agent".to_owned());
    }
    lines
}

fn describe_first_step(facts: &Facts, ending: Ending) -> String {
    let first = &facts.first;
    let comm = Comm::new(first.task.comm);
    let said = match (first.new_state, ending.close_type) {
        _ if is_fin_stuck(facts) => {
            let by = if ending.local {
                "this end's own reset"
            } else if ending.close_type == CloseType::Rst {
                "the peer's RST"
            } else {
                "the peer's FIN"
            };
            format!(
                "{comm} ({}) had closed, and its FIN never left: it waited behind bytes that the peer took no more; {by} came first",
                first.task.tgid
            )
        }
        (FIN_WAIT1, _) if facts.own_fin_waited => format!(
            "the peer's FIN came first: {comm} ({}) had closed, and its FIN waited behind bytes that the peer had not taken",
            first.task.tgid
        ),
        (FIN_WAIT1, _) => format!("own FIN first, by {comm} ({})", first.task.tgid),
        (CLOSE_WAIT, _) => "the peer's FIN came first".to_owned(),
        (_, CloseType::Rst) if ending.local && first.task.tgid != 0 => {
            format!("own RST, by {comm} ({})", first.task.tgid)
        }
        (_, CloseType::Rst) if ending.local => "own RST".to_owned(),
        (_, CloseType::Rst) => format!("a RST came in (error {})", first.err),
        (_, CloseType::Timeout) => format!("no FIN and no RST: error {} from a timer", first.err),
        (_, CloseType::Abort) if ending.closer == Closer::Host => {
            format!("SOCK_DESTROY by {comm} ({})", first.task.tgid)
        }
        (_, CloseType::Abort | CloseType::Fin) if ending.connecting => {
            "given up before the handshake ended".to_owned()
        }
        (_, CloseType::Fin) if ending.local => "own FIN first".to_owned(),
        (_, CloseType::Fin) => "the peer's FIN came first".to_owned(),
        (_, CloseType::Abort) => format!("ended by error {}", first.err),
    };
    if ending.closer == Closer::Both { format!("{said}; the peer's FIN crossed it") } else { said }
}

fn describe_race(facts: &Facts, found: &Found, waited: Option<f64>) -> String {
    match (found.race, found.known_for) {
        (Race::Stale, Some(seconds)) => {
            format!("the next request was written {seconds:.3} s after the FIN had arrived")
        }
        (Race::Stale, None) => "the next request acknowledges the FIN: its sender had seen it".to_owned(),
        (Race::Crossed, _) => {
            "the next request was sent before the close was seen: neither acknowledges the other".to_owned()
        }
        (Race::OwnTimer, _) => "the client closed within a clock tick of its own request".to_owned(),
        // Of what is not read, nobody knows where the request began.
        (Race::Unread, _) if facts.first.unread() > 0 && facts.exchange.is_none() => {
            format!("{} bytes of the client's had arrived and were not read", facts.first.unread())
        }
        (Race::Unread, _) if facts.first.unread() > 0 => {
            let lay =
                waited.map_or(String::new(), |waited| format!(": nothing of it was read in {waited:.3} s"));
            format!("the next request had arrived, {} bytes, and was not read{lay}", facts.first.unread())
        }
        (Race::Unread, _) => "the next request was answered by a RST, and by nothing else".to_owned(),
    }
}

fn describe_exchange(view: &ExchangePhase, close: &ClosedConnection) -> Vec<String> {
    let mut lines = Vec::new();
    match view.phase {
        Phase::Unused if close.bytes_sent == 0 && close.bytes_received == 0 => {
            lines.push("no payload was sent or received".to_owned());
        }
        Phase::Unused => lines.push("no request ever came".to_owned()),
        Phase::Connecting | Phase::Unknown => {}
        Phase::Idle if view.basis == Basis::Turns => {
            let from_the_server =
                if close.role == Role::Client { close.bytes_received } else { close.bytes_sent };
            let words = if from_the_server > 0 {
                "the server had spoken last"
            } else {
                "the server never sent a byte"
            };
            lines.push(words.to_owned());
        }
        Phase::Waiting if view.basis == Basis::Turns => lines.push("the client had spoken last".to_owned()),
        phase => {
            let requests = close.requests.map_or(String::new(), |n| format!(" after {n} requests"));
            lines.push(format!("phase {phase}{requests}"));
        }
    }
    if view.is_farewell_read {
        lines.push("the client's newest message is too short for a request: a farewell".to_owned());
    } else if view.is_ambiguous_last_word && close.verdict == Verdict::Completed {
        lines.push("the closer's last bytes left together with its close: a farewell".to_owned());
    }
    lines.extend(view.reading.as_ref().and_then(describe_reading));
    let Some(at) = &view.at else { return lines };
    if at.http2 {
        lines.push(format!("HTTP/2, {} streams begun", at.begun));
    } else if let Some(several) = close.in_flight.filter(|&open| open > 1) {
        lines.push(format!("{several} requests pipelined"));
    }
    if let Some(body) = at.request_body {
        lines.push(format!("{} of {} bytes of the request's body came", body.came, body.promised));
    }
    if at.answered_early.is_some() {
        lines.push(if view.is_answered_early {
            "the request was answered in full before all of it had come".to_owned()
        } else {
            "the answer came before all of the request had, and was destroyed by a reset before it was read"
                .to_owned()
        });
    }
    if let Some(stray) = at.stray_bytes {
        lines.push(format!("{stray} bytes came after the end of the response: they begin no message"));
    }
    match at.missing {
        Some(0) => lines.push("the last chunk is missing".to_owned()),
        Some(missing) => lines.push(format!("{missing} bytes of the response are missing")),
        None => {}
    }
    if at.until_close {
        lines.push("the body ends with the connection".to_owned());
    } else if at.announced {
        lines.push("the end was announced (Connection: close or HTTP/1.0)".to_owned());
    }
    if let Some(status) = at.unasked_status {
        lines.push(format!("a {status} nobody had asked for went out with it"));
    }
    match &at.goaway_frame {
        Some(frame) => lines.push(frame.to_string()),
        None if at.goaway => lines.push("a GOAWAY frame had announced the end".to_owned()),
        None => {}
    }
    let given_up = at.given_up.iter().flatten().map(|cut| cut.streams).max();
    if let Some(streams) = given_up.filter(|_| view.phase.is_in_flight()) {
        lines.push(format!("{} given up with the connection", counted(streams.into(), "open stream")));
    }
    if at.unseen > 0 {
        lines.push(format!(
            "{} above its last stream: the server has not seen them, and they may be sent again",
            at.unseen
        ));
        let seen = at.in_flight.unwrap_or_default().saturating_sub(at.unseen);
        if seen > 0 {
            lines.push(format!("{seen} at or below it: the server may have acted on them"));
        }
    }
    if let Some(timeout) = at.keep_alive_timeout {
        let max = at.keep_alive_max.map_or(String::new(), |max| format!(", max={max}"));
        lines.push(format!("Keep-Alive: timeout={timeout}{max} was announced"));
    }
    if let Some(server) = &at.server {
        lines.push(format!("Server: {server}"));
    }
    if view.is_plaintext {
        lines.push("read inside TLS (OpenSSL)".to_owned());
    }
    if at.encrypted {
        lines.push("TLS: phases inferred from turns and record sizes".to_owned());
    } else if !at.exact {
        lines.push("segments were lost or reordered; HTTP state is approximate".to_owned());
    }
    if at.cut {
        lines.push("HTTP head truncated at 344 bytes: later fields were not read".to_owned());
    }
    lines
}

/// What the protocol's own messages say.
fn describe_reading(reading: &Reading) -> Option<String> {
    let Reading { protocol, said, .. } = reading;
    if let Some(word) = &said.word {
        return Some(format!("{protocol}: the server's last words were: {}", word.code));
    }
    let state = match said.state {
        _ if said.farewell => "the client took leave",
        State::Turns => return None,
        State::Unclear => "whether the newest command is answered stands beyond what is kept of it",
        State::Idle => "no command was open",
        State::Transaction => "a transaction was open, and no command in it",
        State::Asked => "a command had no answer yet",
        State::Answering => "an answer was under way",
    };
    Some(format!("{protocol}: {state}"))
}

fn describe_cause(facts: &Facts, ending: Ending) -> Option<String> {
    let first = &facts.first;
    Some(match ending.cause {
        Cause::ProcessKilled => format!("the process was dying of signal {}", first.signal()?),
        Cause::OomKilled => "the out-of-memory killer had chosen the process".to_owned(),
        Cause::ProcessExit => format!("the process was exiting with status {}", first.task.exit_code >> 8),
        Cause::UnreadData => format!("closed with {} bytes unread", first.unread()),
        Cause::LingerZero => "SO_LINGER was 0".to_owned(),
        Cause::NotAccepted => "no process had accepted it".to_owned(),
        Cause::KeepaliveDead => format!("{} keepalive probes unanswered", first.probes_out),
        // Of what a process gave up on, who found it has said so.
        Cause::RetransmitTimeout if ending.local => return None,
        Cause::RetransmitTimeout | Cause::UserTimeout => {
            format!("{} bytes unacknowledged after {} retransmissions", first.unacked(), first.total_retrans)
        }
        Cause::HalfClose if ending.closer == Closer::Server => {
            "the client had only stopped sending, and the server closed without an answer".to_owned()
        }
        Cause::HalfClose => "the client had only stopped sending, and was answered in full".to_owned(),
        Cause::Refused => "the port refused".to_owned(),
        // Reported with the messages, or by who found it among other closes.
        Cause::KeepaliveTimer
        | Cause::RequestTimeout
        | Cause::StallTimer
        | Cause::HeadTimer
        | Cause::Announced
        | Cause::MaxRequests
        | Cause::MaxAge
        | Cause::PoolEvict
        | Cause::Shutdown
        | Cause::MiddleboxReset
        | Cause::FlowForgotten
        | Cause::Truncated
        | Cause::EarlyResponse
        | Cause::SockDestroy
        | Cause::H2Goaway
        | Cause::IdleTimeout
        | Cause::TransactionTimeout
        | Cause::AdminShutdown
        | Cause::HeartbeatTimeout
        | Cause::ServerError
        | Cause::TlsAlert
        | Cause::Unknown => {
            return None;
        }
    })
}

fn describe_unknown(facts: &Facts, view: &ExchangePhase, ending: Ending) -> &'static str {
    if facts.is_seen_late() {
        "its end had begun before the agent"
    } else if facts.rest_lost {
        "what followed was lost"
    } else if view.is_ambiguous_last_word && view.is_first_word {
        "the server's first bytes since the client's newest left with its close: an answer, an error or a goodbye"
    } else if view.is_ambiguous_last_word {
        "the closer's last bytes left together with its close: a request or a goodbye, unread"
    } else if ending.closer == Closer::Unknown && facts.role == Role::Unknown {
        "which end this is was never seen"
    } else if ending.closer == Closer::Client && view.phase == Phase::Idle && facts.first.unacked() > 0 {
        "the client had closed when the answer came, and refused it: it hung up, or had read enough"
    } else {
        "the evidence does not decide"
    }
}
