//! Who hangs up on whom, and why, in a sentence or two.

use std::fmt::Write as _;

use super::view::{EndpointView, Headline, Tone};
use whohungup_core::{
    advice::Meta, duration::measured, endpoint::Risk, format::counted, labels::Role, report::losses,
    sanitize::clean,
};

/// Characters of a process's name.
const NAME: usize = 32;

/// `endpoints` are those that are looked at, worst first; `closes_hour` counts all of theirs, and `all` says that nothing was left out.
pub(super) fn headline(
    endpoints: &[EndpointView],
    meta: &Meta,
    open: u64,
    closes_hour: u64,
    all: bool,
) -> Headline {
    let mut headline = of_endpoints(endpoints, meta, open, closes_hour, all);
    if let Some(unseen) = losses::unseen(meta) {
        let _infallible = write!(headline.text, " Not all was seen: {unseen}.");
        headline.tone = headline.tone.min(Tone::Notice);
    }
    headline
}

fn of_endpoints(endpoints: &[EndpointView], meta: &Meta, open: u64, closes_hour: u64, all: bool) -> Headline {
    let each = || endpoints.iter().filter(|endpoint| endpoint.peer_endpoint.is_none());
    let all_lost = losses::sentence(&meta.losses, &meta.until).map(|text| format!("{text}."));
    if let Some(endpoint) = each().find(|endpoint| endpoint.risk == Risk::Losing) {
        let (count, when) = lost_at(endpoint);
        let here =
            format!("{} {} lost {when}", counted(count, "request"), if count == 1 { "was" } else { "were" });
        let sum = all_lost.filter(|_| meta.losses.requests != count || meta.losses.by.len() > 1);
        let sum = sum.map_or_else(String::new, |text| format!(" In all: {text}"));
        let text = format!("{}: {here}.{sum}{}", timing(endpoint), others(endpoints, endpoint));
        return about(endpoint, Tone::Losing, text);
    }
    if let Some(in_all) = all_lost {
        let Some(most) = each().max_by_key(|endpoint| (endpoint.lost_hour, endpoint.lost)) else {
            return Headline { tone: Tone::Losing, text: in_all, action: None, endpoint: None };
        };
        let tone = if most.lost_hour > 0 { Tone::Losing } else { Tone::Notice };
        let text = format!("{in_all} Most of them at {}.{}", most.title, others(endpoints, most));
        return about(most, tone, text);
    }
    let worst = each().next();
    match worst.map(|endpoint| (endpoint, endpoint.risk)) {
        Some((endpoint, Risk::Mismatch)) => {
            let text =
                format!("{}: {}.{}", timing(endpoint), not_lost_yet(endpoint), others(endpoints, endpoint));
            about(endpoint, Tone::Warning, text)
        }
        Some((endpoint, Risk::Tie)) => {
            let after = endpoint
                .headroom
                .map_or_else(String::new, |room| format!(" after about {}", measured(room.server)));
            let text = format!(
                "{} and its {} both close idle connections{after}: which is first is chance, and a request may be lost.{}",
                subject(endpoint),
                client(endpoint).map_or_else(|| "clients".to_owned(), |name| format!("client {name}")),
                others(endpoints, endpoint)
            );
            about(endpoint, Tone::Warning, text)
        }
        _ => quiet(endpoints, meta, open, closes_hour, all),
    }
}

fn quiet(endpoints: &[EndpointView], meta: &Meta, open: u64, closes_hour: u64, all: bool) -> Headline {
    let once = || endpoints.iter().filter(|endpoint| endpoint.peer_endpoint.is_none());
    let premature: u64 = once().map(|endpoint| endpoint.premature_hour).sum();
    let most = once().max_by_key(|endpoint| endpoint.premature_hour).filter(|_| premature > 0);
    if let Some(most) = most {
        let text = format!(
            "No idle timeouts disagree, but {} broke off in the middle of a request or response in the last hour, {} of {} at {}.",
            counted(premature, "connection"),
            most.premature_hour,
            premature,
            most.title
        );
        return Headline { action: most.advice.first().map(action), ..about(most, Tone::Notice, text) };
    }
    let (tone, text) = if closes_hour > 0 {
        let ended = counted(closes_hour, "connection");
        let resets = once().map(|endpoint| endpoint.idle_resets).sum();
        let text = if resets > 0 {
            format!(
                "No lost request and no idle timeouts that disagree were seen among {ended} of the last hour. {}.",
                losses::unseen_resets(resets)
            )
        } else if losses::unseen(meta).is_some() {
            format!(
                "No lost request and no idle timeouts that disagree were seen among {ended} of the last hour."
            )
        } else if meta.unknown_share > 0.0 {
            format!(
                "No lost request and no idle timeouts that disagree were seen among {ended} of the last hour; {:.1} % of all \
                 closes have no verdict.",
                meta.unknown_share * 100.0
            )
        } else {
            format!(
                "Nobody loses requests: {ended} ended in the last hour, and no idle timeouts that disagree were seen."
            )
        };
        (Tone::Calm, text)
    } else {
        let since = if meta.closes > 0 { "in the last hour" } else { "yet" };
        let text = format!(
            "No connection{} has ended {since}; {} open. Watching for {}.",
            if all { "" } else { " of those chosen" },
            if open == 1 { "1 is".to_owned() } else { format!("{open} are") },
            measured(meta.observed_seconds)
        );
        (Tone::Empty, text)
    };
    Headline { tone, text, action: None, endpoint: None }
}

fn not_lost_yet(endpoint: &EndpointView) -> String {
    if endpoint.idle_resets > 0 {
        return losses::unseen_resets(endpoint.idle_resets);
    }
    "no request was lost yet, but sooner or later one will be".to_owned()
}

fn about(endpoint: &EndpointView, tone: Tone, text: String) -> Headline {
    Headline { tone, text, action: endpoint.advice.first().map(action), endpoint: Some(endpoint.id.clone()) }
}

fn action(advice: &whohungup_core::advice::Advice) -> String {
    match (&advice.setting, &advice.value) {
        (Some(_), Some(value)) => {
            let whose = advice.program.as_ref().map_or_else(String::new, |program| format!(" ({program})"));
            format!("Set `{}` at the {}{whose}.", value.replace('`', "'"), advice.side)
        }
        _ => advice.text.clone(),
    }
}

/// What closes: `node on port 8080`, `The server behind port 8080`.
fn subject(endpoint: &EndpointView) -> String {
    let port = endpoint.server_port.map_or_else(|| "?".to_owned(), |port| port.to_string());
    match server(endpoint) {
        Some(name) => format!("{name} on port {port}{}", whose(endpoint, Role::Server)),
        None => format!("The server behind port {port}"),
    }
}

/// The server's process, when it runs here.
fn server(endpoint: &EndpointView) -> Option<String> {
    let here =
        if endpoint.role == Role::Client { endpoint.peer.as_deref() } else { Some(&*endpoint.process) };
    here.filter(|name| !name.is_empty()).map(|name| clean(name, NAME))
}

/// Whose the end of `role` is, where that is this one.
fn whose(endpoint: &EndpointView, role: Role) -> String {
    let name = endpoint.workload_name.as_ref().filter(|_| endpoint.role == role);
    name.map_or_else(String::new, |name| format!(" in {}", clean(name, 2 * NAME)))
}

/// The client's process, when it is one and runs here.
fn client(endpoint: &EndpointView) -> Option<String> {
    let here =
        if endpoint.role == Role::Client { Some(&*endpoint.process) } else { endpoint.peer.as_deref() };
    here.filter(|name| !name.is_empty())
        .map(|name| format!("{}{}", clean(name, NAME), whose(endpoint, Role::Client)))
}

/// Who closes when, and how long the others hold on.
fn timing(endpoint: &EndpointView) -> String {
    let one = client(endpoint);
    let subject = subject(endpoint);
    let Some(room) = endpoint.headroom else {
        let port = endpoint.server_port.map_or_else(|| "?".to_owned(), |port| port.to_string());
        let whose = one.map_or_else(|| "Requests".to_owned(), |name| format!("Requests of {name}"));
        return format!("{whose} met idle connections that the server on port {port} was closing");
    };
    let hold = match (&one, room.open_ended) {
        (Some(name), true) => format!("{name} reuses them after up to {}", measured(room.client)),
        (Some(name), false) => format!("{name} keeps them for {}", measured(room.client)),
        (None, true) => format!("its clients reuse them after up to {}", measured(room.client)),
        (None, false) => format!("its clients keep them for {}", measured(room.client)),
    };
    format!("{subject} closes idle connections after {}, while {hold}", measured(room.server))
}

fn lost_at(endpoint: &EndpointView) -> (u64, &'static str) {
    if endpoint.lost_hour > 0 {
        (endpoint.lost_hour, "in the last hour")
    } else {
        (endpoint.lost.max(1), "since the agent began")
    }
}

/// How many more there are.
fn others(endpoints: &[EndpointView], but: &EndpointView) -> String {
    let more = endpoints
        .iter()
        .filter(|other| other.id != but.id && other.peer_endpoint.is_none())
        .filter(|other| other.trouble)
        .count();
    match more {
        0 => String::new(),
        1 => " 1 more endpoint is in trouble.".to_owned(),
        more => format!(" {more} more endpoints are in trouble."),
    }
}
