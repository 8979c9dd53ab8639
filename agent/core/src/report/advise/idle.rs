//! The idle time-outs of both sides disagree or tie.

use std::fmt::Write as _;

use super::{Case, called, counted, sentence, was};
use crate::{
    endpoint::Risk,
    labels::{Cause, Role, Side},
    report::{
        lore::{IdleDefault, Knob},
        model::{Advice, idle_timer},
        value::{above, below, measured, plain},
    },
};

/// How long clients hold an idle connection.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Hold {
    /// They are seen to close after this many seconds.
    Seen(f64),
    /// Their program closes after this many seconds unless it is told otherwise.
    Default(f64),
    /// Their program never closes one by itself unless it is told to.
    Forever,
    /// At least this many seconds; when they let go is not seen.
    AtLeast(f64),
}

/// Where load balancers' idle time-outs lie, seconds: AWS ALB's default and nginx's upstream pool; Google Cloud's.
const BALANCERS: [f64; 2] = [60.0, 600.0];

pub(super) fn mismatch(case: Case<'_>) -> Vec<Advice> {
    let Some(server) = server_timer(case) else { return no_timer(case).into_iter().collect() };
    let hold = hold(case, server);
    let why = why(case, server, hold);
    let raise = raise(case, hold, &why);
    let lower = lower(case, server, &why);
    let client_first = case.endpoint.key.role == Role::Client || hold == Hold::Forever;
    let [first, mut second] = if client_first { [lower, raise] } else { [raise, lower] };
    second.alternative = true;
    vec![first, second]
}

/// Seconds.
fn server_timer(case: Case<'_>) -> Option<f64> {
    let told = case.endpoint.headroom.map(|headroom| headroom.server);
    told.or_else(|| idle_timer(case.endpoint, Side::Server).map(|timer| timer.seconds))
}

fn hold(case: Case<'_>, server: f64) -> Hold {
    let margin = case.endpoint.headroom.map_or(1.0, |headroom| headroom.margin);
    // A client that closes well before the server is not the one that collides with it.
    let collides = |seconds: f64| seconds >= server - margin;
    // Nor one that a few show beside many whose connections the server closes.
    let closed_by_server = idle_timer(case.endpoint, Side::Server).map_or(0, |timer| timer.count);
    if let Some(timer) = idle_timer(case.endpoint, Side::Client)
        && collides(timer.seconds)
        && timer.count >= closed_by_server / 5
    {
        let polled = timer.most > timer.seconds * 1.02 + 0.05;
        return Hold::Seen(if polled { timer.most } else { timer.seconds });
    }
    match case.knob(Side::Client, server).map(|knob| knob.default) {
        Some(IdleDefault::After(seconds)) if collides(seconds) => return Hold::Default(seconds),
        Some(IdleDefault::Never) => return Hold::Forever,
        _ => {}
    }
    let longest = case.endpoint.gaps.longest.unwrap_or(0.0);
    let told = case.endpoint.headroom.map_or(0.0, |headroom| headroom.client);
    Hold::AtLeast(server.max(longest).max(told))
}

fn why(case: Case<'_>, server: f64, hold: Hold) -> String {
    let endpoint = case.endpoint;
    let closes = format!("The server closes connections that were idle for {}", measured(server));
    let holds = match hold {
        Hold::Seen(seconds) => format!("the client only after {}", measured(seconds)),
        Hold::Default(seconds) => {
            let program = case.program(Side::Client, case.knob(Side::Client, seconds).as_ref());
            format!(
                "{}, unless configured otherwise, only after {}",
                called(Side::Client, program.as_deref()),
                plain(seconds)
            )
        }
        Hold::Forever => {
            let program = case.program(Side::Client, case.knob(Side::Client, server).as_ref());
            format!(
                "{}, unless configured otherwise, never closes an idle one",
                called(Side::Client, program.as_deref())
            )
        }
        Hold::AtLeast(_) => "clients still held them".to_owned(),
    };
    match endpoint.risk {
        Risk::Tie => {
            let client = if let Hold::Seen(seconds) = hold { measured(seconds) } else { holds };
            format!(
                "Both sides close at about the same time, the server after {}, the client after {client}. Which is first is \
                 chance, and a request that leaves in that moment is lost.",
                measured(server)
            )
        }
        Risk::Losing => {
            let lost = endpoint.lost.max(1);
            format!("{} {} lost. {closes}; {holds}.", counted(lost, "request"), was(lost))
        }
        _ => {
            let again = endpoint.gaps.longest.map_or_else(String::new, |longest| {
                format!(" Connections are used again, after up to {}.", measured(longest))
            });
            format!("{closes}; {holds}.{again} None was lost yet.")
        }
    }
}

/// The server should wait longer.
fn raise(case: Case<'_>, hold: Hold, why: &str) -> Advice {
    let balancer = |held: f64| BALANCERS.into_iter().find(|&limit| limit >= held).unwrap_or(held);
    let target = above(match hold {
        Hold::Seen(seconds) | Hold::Default(seconds) => seconds,
        Hold::AtLeast(seconds) => balancer(seconds),
        Hold::Forever => balancer(case.endpoint.gaps.longest.unwrap_or(0.0)),
    });
    let knob = case.knob(Side::Server, target);
    let program = case.program(Side::Server, knob.as_ref());
    let mut text = told("raise", Side::Server, program.as_deref(), knob.as_ref(), target);
    match hold {
        Hold::AtLeast(_) => text.push_str(
            " How long the clients would wait is not seen: what counts is that the server waits longer than they do. Load balancers \
             let go after 60 s (AWS ALB's default, nginx's upstream pool) or 600 s (Google Cloud: set 620 s).",
        ),
        Hold::Forever => text.push_str(" This makes it rarer; only a limit on the client's side ends it."),
        Hold::Default(_) | Hold::Seen(_) => {}
    }
    advice(case, Side::Server, program, knob, target, why, text)
}

/// The client should let go sooner.
fn lower(case: Case<'_>, server: f64, why: &str) -> Advice {
    let target = below(server);
    let knob = case.knob(Side::Client, target);
    let program = case.program(Side::Client, knob.as_ref());
    let mut text = match &knob {
        Some(Knob { setting: None, written, .. }) => format!(
            "{} has no limit for idle connections: {}.",
            sentence(&called(Side::Client, program.as_deref())),
            written.clone().unwrap_or_else(|| format!(
                "let it send a request again, on a new connection, when a re-used one ends before the first byte of the \
                 response (safe for idempotent requests), or drop connections yourself after {}",
                plain(target)
            ))
        ),
        knob => told("lower", Side::Client, program.as_deref(), knob.as_ref(), target),
    };
    if let Some(announced) = case.endpoint.announced.filter(|&announced| f64::from(announced) + 0.5 <= server)
    {
        let _infallible = write!(
            text,
            " A client that keeps to the announced `Keep-Alive: timeout={announced}` is safe: the server closes {} later.",
            measured(server - f64::from(announced))
        );
    }
    advice(case, Side::Client, program, knob, target, why, text)
}

fn told(verb: &str, side: Side, program: Option<&str>, knob: Option<&Knob>, target: f64) -> String {
    let who = sentence(&called(side, program));
    match knob.and_then(|knob| Some((knob, knob.written.as_deref()?))) {
        Some((Knob { setting: None, .. }, instead)) => format!("{who}: {instead}."),
        Some((knob, written)) => {
            let note = knob.note.as_deref().map(|note| note.trim_end_matches('.'));
            let note = note.map_or_else(String::new, |note| format!(" {}.", sentence(note)));
            format!("{who}: set `{}`.{note}", written.replace('`', "'"))
        }
        None if side == Side::Server => {
            format!("{who}: {verb} the idle (keep-alive) time-out to {}.", plain(target))
        }
        None => format!(
            "{who}: {verb} the pool's idle time-out to {}, or check connections before use.",
            plain(target)
        ),
    }
}

fn advice(
    case: Case<'_>,
    side: Side,
    program: Option<String>,
    knob: Option<Knob>,
    target: f64,
    why: &str,
    text: String,
) -> Advice {
    let value = match &knob {
        Some(Knob { setting: Some(_), written: Some(written), .. }) => Some(written.clone()),
        Some(Knob { setting: None, .. }) => None,
        _ => Some(plain(target)),
    };
    let setting = knob.and_then(|knob| knob.setting);
    Advice {
        side,
        program,
        setting,
        value,
        why: why.to_owned(),
        text,
        urgency: case.urgency(),
        alternative: false,
    }
}

/// Requests are lost, but not to a timer that shows.
fn no_timer(case: Case<'_>) -> Option<Advice> {
    let endpoint = case.endpoint;
    let lost = endpoint.lost.max(case.races(|_| true));
    if lost == 0 {
        return None;
    }
    let often = |causes: &[Cause]| {
        endpoint.causes.iter().filter(|(cause, _)| causes.contains(cause)).map(|(_, n)| n).sum()
    };
    let max_requests: u64 = often(&[Cause::MaxRequests]);
    let max_age: u64 = often(&[Cause::MaxAge]);
    let stops: u64 = often(&[
        Cause::Shutdown,
        Cause::ProcessExit,
        Cause::ProcessKilled,
        Cause::OomKilled,
        Cause::NotAccepted,
    ]);
    let program = case.program(Side::Server, None);
    let who = sentence(&called(Side::Server, program.as_deref()));
    let (seen, text) = if max_requests.max(max_age).max(stops) == 0 {
        (
            "the server's closes show no time-out".to_owned(),
            "Record longer: a time-out shows after three closes at the same idle time. `whohungup watch --verdict idle-race` \
             shows each loss with its evidence."
                .to_owned(),
        )
    } else if stops >= max_requests.max(max_age) {
        (
            format!("{} came as the server stopped", counted(stops, "close")),
            format!(
                "{who}: when stopping, answer with `Connection: close` for a while before closing idle connections."
            ),
        )
    } else {
        let (count, what) = if max_requests >= max_age {
            (max_requests, "a number of requests")
        } else {
            (max_age, "a connection's age")
        };
        (
            format!("the server closed {} after {what}", counted(count, "connection")),
            format!("{who}: raise or lift that limit, or let it announce the end with `Connection: close`."),
        )
    };
    Some(Advice {
        side: Side::Server,
        program,
        setting: None,
        value: None,
        why: format!("{} {} lost to idle closes; {seen}.", counted(lost, "request"), was(lost)),
        text,
        urgency: case.urgency(),
        alternative: false,
    })
}
