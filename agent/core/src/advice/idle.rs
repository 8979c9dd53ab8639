//! The idle timeouts of both sides disagree or tie.

use std::fmt::Write as _;

use super::{
    Case, called,
    model::{Advice, idle_timer},
    no_timer,
    races::blank,
    timeouts::{above, below},
};
use crate::{
    duration::{exact, measured},
    endpoint::Risk,
    format::{capitalized, counted, was},
    labels::{Cause, Role, Side},
    products::{IdleDefault, IdleSetting},
};

/// How long clients keep an idle connection.
#[derive(Clone, Copy, Debug, PartialEq)]
enum ClientTimeout {
    /// They close after this many seconds, as observed.
    Observed(f64),
    /// Their program closes after this many seconds by default.
    Default(f64),
    /// Their program never closes one by default.
    Never,
    /// At least this many seconds; no close was observed.
    AtLeast(f64),
}

/// Usual idle timeouts of load balancers, seconds: AWS ALB's default and nginx's upstream pool; Google Cloud's.
const BALANCERS: [f64; 2] = [60.0, 600.0];

pub(super) fn mismatch(case: Case<'_>) -> Vec<Advice> {
    if case.is_reload() {
        return vec![no_timer::reload(case)];
    }
    if case.endpoint.made_room > 0 && server_timeout(case).is_none() {
        return vec![no_timer::makes_room(case)];
    }
    let Some(server) = server_timeout(case) else {
        return if case.is_blocked() {
            vec![blocked(case)]
        } else {
            losses_without_timer(case).into_iter().collect()
        };
    };
    let client = client_timeout(case, server);
    let why = why(case, server, client);
    let raise = raise(case, client, &why);
    let lower = lower(case, server, &why);
    if case.is_blocked() {
        // Its timer fires whenever the loop comes round to it: a longer one is no cure.
        let mut lower = lower;
        lower.alternative = false;
        return vec![blocked(case), lower];
    }
    // A limit that the client cannot have is no cure.
    let has_none = || {
        let client = case.idle_setting(Side::Client, below(server));
        let default = case.idle_setting(Side::Server, server).map(|setting| setting.default);
        client.is_some_and(|client| client.name.is_none()) && default == Some(IdleDefault::Never)
    };
    let is_possible = lower_limit(case, server).is_none() && !has_none();
    let client_first =
        is_possible && (case.endpoint.key.role == Role::Client || client == ClientTimeout::Never);
    let [first, mut second] = if client_first { [lower, raise] } else { [raise, lower] };
    second.alternative = true;
    vec![first, second]
}

/// Seconds.
fn server_timeout(case: Case<'_>) -> Option<f64> {
    let headroom = case.endpoint.headroom.map(|headroom| headroom.server);
    headroom.or_else(|| idle_timer(case.endpoint, Side::Server).map(|timer| timer.seconds))
}

fn client_timeout(case: Case<'_>, server: f64) -> ClientTimeout {
    let headroom = case.endpoint.headroom;
    // A client that closes well before the server is not the one that collides with it.
    let earliest = server - headroom.map_or(1.0, |headroom| headroom.margin);
    // Nor is a timer of a few closes beside the many of the server.
    let closed_by_server = idle_timer(case.endpoint, Side::Server).map_or(0, |timer| timer.count);
    if let Some(timer) = idle_timer(case.endpoint, Side::Client)
        && timer.seconds >= earliest
        && timer.count >= closed_by_server / 5
    {
        let polled = timer.most > timer.seconds * 1.02 + 0.05;
        return ClientTimeout::Observed(if polled { timer.most } else { timer.seconds });
    }
    // What was measured is no default.
    if idle_timer(case.endpoint, Side::Client).is_none() {
        match case.idle_setting(Side::Client, server).map(|setting| setting.default) {
            Some(IdleDefault::After(seconds)) if seconds >= earliest => {
                return ClientTimeout::Default(seconds);
            }
            Some(IdleDefault::Never) => return ClientTimeout::Never,
            _ => {}
        }
    }
    let longest_gap = case.endpoint.gaps.longest.unwrap_or(0.0);
    ClientTimeout::AtLeast(server.max(longest_gap).max(headroom.map_or(0.0, |headroom| headroom.client)))
}

fn why(case: Case<'_>, server: f64, client: ClientTimeout) -> String {
    let endpoint = case.endpoint;
    let server = measured(server);
    let client_program = || called(Side::Client, case.program(Side::Client).as_deref());
    let client = match client {
        ClientTimeout::Observed(seconds) if endpoint.risk == Risk::Tie => measured(seconds),
        ClientTimeout::Observed(seconds) => format!("the client only after {}", measured(seconds)),
        ClientTimeout::Default(seconds) => {
            format!("{} by default only after {}", client_program(), exact(seconds))
        }
        ClientTimeout::Never => format!("{} by default never closes one", client_program()),
        ClientTimeout::AtLeast(_) => "clients keep them longer".to_owned(),
    };
    let closes = format!("The server closes idle connections after {server}; {client}.");
    match endpoint.risk {
        Risk::Tie => format!(
            "Both sides close idle connections at about the same time: the server after {server}, the client after \
             {client}. Either may be first, and a request sent at that moment is lost."
        ),
        Risk::Losing => {
            let lost = endpoint.lost.max(1);
            format!("{} {} lost. {closes}", counted(lost, "request"), was(lost))
        }
        _ => {
            let reuse = endpoint.gaps.longest.map_or_else(String::new, |longest| {
                format!(" Connections are reused after up to {}.", measured(longest))
            });
            let resets = endpoint.idle_resets;
            if resets == 0 {
                return format!("{closes}{reuse} No request was lost yet.");
            }
            format!(
                "{closes}{reuse} {} ended with a reset: a request on one fails before it is sent, so losses do not show.",
                counted(resets, "idle connection")
            )
        }
    }
}

/// The server's event loop was busy elsewhere while requests lay unread.
fn blocked(case: Case<'_>) -> Advice {
    let program = case.program(Side::Server);
    let count = case.endpoint.lay_unread;
    Advice {
        why: format!(
            "{} {} lost that had lain unread for longer than 0.1 s: the server's event loop was blocked, and ran its idle \
             timer before it read them.",
            counted(count, "request"),
            was(count)
        ),
        text: format!(
            "{}: find what blocks the event loop, and let clients hold connections for less than the server's timeout.",
            capitalized(&called(Side::Server, program.as_deref()))
        ),
        ..blank(Side::Server, program, case.urgency())
    }
}

/// A longer timeout for the server.
fn raise(case: Case<'_>, client: ClientTimeout, why: &str) -> Advice {
    let balancer = |seconds: f64| BALANCERS.into_iter().find(|&limit| limit >= seconds).unwrap_or(seconds);
    let target = above(match client {
        ClientTimeout::Observed(seconds) | ClientTimeout::Default(seconds) => seconds,
        ClientTimeout::AtLeast(seconds) => balancer(seconds),
        ClientTimeout::Never => balancer(case.endpoint.gaps.longest.unwrap_or(0.0)),
    });
    let mut advice = change(case, Side::Server, "raise", target, why);
    let default = case.idle_setting(Side::Server, target).map(|setting| setting.default);
    match client {
        ClientTimeout::AtLeast(_) | ClientTimeout::Never if default == Some(IdleDefault::Never) => {
            advice.text.push_str(" By default it closes no connection: turned off, it loses none.");
        }
        ClientTimeout::AtLeast(_) if case.is_database() => advice
            .text
            .push_str(" The clients' idle timeout was not observed; the server's must be longer."),
        ClientTimeout::AtLeast(_) => advice.text.push_str(
            " The clients' idle timeout was not observed; the server's must be longer. Usual idle timeouts of load \
             balancers: 60 s (AWS ALB, nginx's upstream pool) and 600 s (Google Cloud; set 620 s).",
        ),
        ClientTimeout::Never => {
            advice.text.push_str(" This makes losses rarer; only a limit on the client's side ends them.");
        }
        ClientTimeout::Default(_) | ClientTimeout::Observed(_) => {}
    }
    advice
}

/// A shorter timeout for the client.
fn lower(case: Case<'_>, server: f64, why: &str) -> Advice {
    let mut advice = change(case, Side::Client, "lower", below(server), why);
    if let Some(least) = lower_limit(case, server) {
        let _infallible = write!(advice.text, " It takes no less than {}.", exact(least));
    }
    if let Some(announced) = case.endpoint.announced.filter(|&announced| f64::from(announced) + 0.5 <= server)
    {
        let _infallible = write!(
            advice.text,
            " A client that honors the announced `Keep-Alive: timeout={announced}` is safe: the server closes {} later.",
            measured(server - f64::from(announced))
        );
    }
    advice
}

/// What the client's setting takes at least, where that is too long for such a server.
fn lower_limit(case: Case<'_>, server: f64) -> Option<f64> {
    case.idle_setting(Side::Client, below(server))?.least
}

/// Set the idle timeout of `side` to `target` seconds.
fn change(case: Case<'_>, side: Side, verb: &str, target: f64, why: &str) -> Advice {
    let program = case.program(side);
    let who = capitalized(&called(side, program.as_deref()));
    let setting = case.idle_setting(side, target);
    let text = match &setting {
        Some(IdleSetting { name: Some(_), written, note, .. }) => {
            let note = note.as_deref().map(|note| note.trim_end_matches('.'));
            let note = note.map_or_else(String::new, |note| format!(" {}.", capitalized(note)));
            format!("{who}: set `{}`.{note}", written.replace('`', "'"))
        }
        Some(IdleSetting { name: None, written, .. }) if side == Side::Client => {
            format!("{who} has no setting for its idle timeout: {written}.")
        }
        Some(IdleSetting { name: None, written, .. }) => format!("{who}: {written}."),
        None if side == Side::Server => {
            format!("{who}: {verb} the idle (keep-alive) timeout to {}.", exact(target))
        }
        None => {
            format!(
                "{who}: {verb} the pool's idle timeout to {}, or validate connections before use.",
                exact(target)
            )
        }
    };
    let is_of_header = side == Side::Server && case.server.process.is_empty() && case.server.server.is_some();
    let text = if is_of_header && setting.is_some() {
        format!(
            "{text} Only its `Server` header says what it is: a proxy in between may have passed that on."
        )
    } else {
        text
    };
    let (setting, value) = match setting {
        Some(IdleSetting { name: Some(name), written, .. }) => (Some(name), Some(written)),
        Some(IdleSetting { name: None, .. }) => (None, None),
        None => (None, Some(exact(target))),
    };
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

/// Requests were lost, but the server's closes show no timer.
fn losses_without_timer(case: Case<'_>) -> Option<Advice> {
    let endpoint = case.endpoint;
    let lost = endpoint.lost.max(case.races(|_| true));
    if lost == 0 {
        return None;
    }
    let closes_by = |causes: &[Cause]| {
        endpoint.causes.iter().filter(|(cause, _)| causes.contains(cause)).map(|(_, count)| count).sum()
    };
    let max_requests: u64 = closes_by(&[Cause::MaxRequests]);
    let max_age: u64 = closes_by(&[Cause::MaxAge]);
    let shutdowns: u64 = closes_by(&[
        Cause::Shutdown,
        Cause::ProcessExit,
        Cause::ProcessKilled,
        Cause::OomKilled,
        Cause::NotAccepted,
    ]);
    let program = case.program(Side::Server);
    let who = capitalized(&called(Side::Server, program.as_deref()));
    let (observed, text) = if case.closes_after_each() {
        return None;
    } else if max_requests.max(max_age).max(shutdowns) == 0 {
        (
            "the server's closes show no timeout".to_owned(),
            "Record longer: a timeout is recognized after three closes at the same idle time. \
             `whohungup watch --verdict idle-race` shows each loss with its evidence."
                .to_owned(),
        )
    } else if shutdowns >= max_requests.max(max_age) {
        (
            format!("{} came while the server shut down", counted(shutdowns, "close")),
            format!(
                "{who}: at a shutdown, answer with `Connection: close` for a while before closing idle connections."
            ),
        )
    } else {
        let (count, limit) = if max_requests >= max_age {
            (max_requests, "requests per connection")
        } else {
            (max_age, "connection age")
        };
        (
            format!("the server closed {} at its limit of {limit}", counted(count, "connection")),
            format!("{who}: raise or remove that limit, or announce the close with `Connection: close`."),
        )
    };
    Some(Advice {
        side: Side::Server,
        program,
        setting: None,
        value: None,
        why: format!("{} {} lost to idle closes; {observed}.", counted(lost, "request"), was(lost)),
        text,
        urgency: case.urgency(),
        alternative: false,
    })
}
