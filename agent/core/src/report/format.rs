//! What the report says of an endpoint: the words that the terminal, a ticket, the page and `top` share.

use std::fmt::Write as _;

use super::{losses, shutdowns};
use crate::{
    advice::{EndpointReport, Meta, ReportModel, earlier_peers},
    close::LossReason,
    duration::measured,
    endpoint::{Endpoint, PeerEndpoint, Risk, Timer},
    format::{capitalized, counted, exits},
    labels::{Clock, Phase, Role, Side, Verdict},
    products::{Candidate, Likelihood},
    sanitize::clean,
    workload::Workload,
};

/// Characters of a name that are shown.
const NAME: usize = 32;
/// The same of a workload's, which are three names.
const WORKLOAD: usize = 96;
/// Endpoints at the other end that are shown.
const PEERS: usize = 4;
/// Candidates listed when none is identified.
const POSSIBLE: usize = 3;
/// Reasons listed of one that is.
const REASONS: usize = 2;

/// `requests lost`, `timeouts disagree` and so on.
pub fn risk(risk: Risk) -> &'static str {
    match risk {
        Risk::Losing => "requests lost",
        Risk::Mismatch => "timeouts disagree",
        Risk::Tie => "timeouts tie",
        Risk::Safe => "safe",
        Risk::Unknown => "no risk observed",
    }
}

/// What is wrong at the endpoint; `None` when nothing is known to be.
pub(super) fn trouble(endpoint: &Endpoint) -> Option<&'static str> {
    match endpoint.risk.where_lost(endpoint.losses.requests) {
        Risk::Safe | Risk::Unknown => None,
        known => Some(risk(known)),
    }
}

/// What the closing table is called: quiet only where no request was lost anywhere and everything was seen.
pub(super) fn quiet(all_clear: bool) -> (&'static str, &'static str) {
    if all_clear {
        ("Quiet", "no request lost, none at risk")
    } else {
        ("Other endpoints", "no loss was seen at these")
    }
}

pub(super) fn process(endpoint: &Endpoint) -> String {
    if endpoint.key.process.is_empty() { "?".to_owned() } else { clean(&endpoint.key.process, NAME) }
}

/// `node server on port 8080 in shop/checkout-7d4b9/app`.
pub fn title(endpoint: &Endpoint) -> String {
    format!("{} {}{}", process(endpoint), role_and_port(endpoint), within(endpoint.workload.as_ref()))
}

/// ` in nginx.service`, or nothing.
pub(super) fn within(workload: Option<&Workload>) -> String {
    workload.map_or_else(String::new, |workload| format!(" in {}", clean(&workload.to_string(), WORKLOAD)))
}

/// Who is at the other end, and what was lost on the way, where there is something that the rest does not say:
/// `checkout in shop/checkout-1/app (lost 3 requests), cart`.
pub(super) fn peers(endpoint: &Endpoint) -> Option<String> {
    let name = |peer: &PeerEndpoint| {
        let process = if peer.process.is_empty() { "unknown" } else { peer.process.as_str() };
        let lost = match peer.lost {
            0 => String::new(),
            lost => format!(" (lost {})", counted(lost, "request")),
        };
        format!("{}{}{lost}", clean(process, NAME), within(peer.workload.as_ref()))
    };
    let shown: Vec<String> = endpoint.peers.iter().take(PEERS).map(name).collect();
    let more = endpoint.peers.len().saturating_sub(PEERS);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!shown.is_empty()).then(|| format!("on this host: {}{more}", shown.join(", ")))
}

/// The endpoint's lines, each with its label.
pub fn lines(report: &EndpointReport) -> Vec<(&'static str, String)> {
    let endpoint = &report.endpoint;
    let mut lines = vec![("closes", closes(endpoint)), ("requests", requests(endpoint))];
    lines.extend(lost(endpoint).map(|lost| ("at stake", lost)));
    lines.extend(announced(report).map(|announced| ("announced", announced)));
    lines
}

/// Each timer, and the products that it can be.
pub fn timers(report: &EndpointReport) -> impl Iterator<Item = (String, Option<String>)> {
    let timers = report.endpoint.timers.iter().zip(&report.named);
    timers.map(|(timer, named)| (self::timer(timer), products(&named.candidates)))
}

/// `server on port 8080`.
pub(super) fn role_and_port(endpoint: &Endpoint) -> String {
    let port = endpoint.key.server_port.map_or("?".to_owned(), |port| port.to_string());
    match endpoint.key.role {
        Role::Server => format!("server on port {port}"),
        Role::Client => format!("client of port {port}"),
        Role::Unknown => "role unknown".to_owned(),
    }
}

/// `12 closes: 9 server-idle, 3 idle-race (2 crossed, 1 stale)`.
pub(super) fn closes(endpoint: &Endpoint) -> String {
    let mut verdicts = endpoint.verdicts.clone();
    verdicts.retain(|(_, count)| *count > 0);
    verdicts.sort_by_key(|(verdict, count)| (std::cmp::Reverse(*count), *verdict));
    let parts: Vec<_> = verdicts
        .iter()
        .map(|(verdict, count)| {
            let kinds = if *verdict == Verdict::IdleRace { races(endpoint) } else { String::new() };
            format!("{count} {verdict}{kinds}")
        })
        .collect();
    format!("{}: {}", counted(endpoint.closes, "close"), parts.join(", "))
}

fn races(endpoint: &Endpoint) -> String {
    let kinds: Vec<_> = endpoint
        .races
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(race, n)| format!("{n} {race}"))
        .collect();
    if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) }
}

/// How often connections are reused.
pub(super) fn requests(endpoint: &Endpoint) -> String {
    if endpoint.started == 0 {
        return "none observed".to_owned();
    }
    let each =
        per_connection(endpoint).map_or_else(String::new, |each| format!(", {each:.1} per connection"));
    let share = endpoint.reused as f64 * 100.0 / endpoint.started as f64;
    let longest = endpoint
        .gaps
        .longest
        .map_or_else(String::new, |longest| format!(" idle for up to {}", measured(longest)));
    format!("{}{each}; {share:.0} % on a reused connection{longest}", endpoint.started)
}

pub(super) fn per_connection(endpoint: &Endpoint) -> Option<f64> {
    (endpoint.closes > 0 && endpoint.started > 0).then(|| endpoint.started as f64 / endpoint.closes as f64)
}

/// Requests lost, retried with success, and nearly lost; `None` when there were none.
pub(super) fn lost(endpoint: &Endpoint) -> Option<String> {
    let mut parts = Vec::new();
    if let Some(lost) = losses::sentence(&endpoint.losses, "") {
        parts.push(lost);
    }
    parts.extend(losses::given_up(&endpoint.losses));
    if endpoint.at_risk > 0 {
        let margin = endpoint.headroom.map_or_else(
            || "shortly before the server's timeout or later".to_owned(),
            |headroom| format!("within {} of the server's timeout or later", measured(headroom.margin)),
        );
        parts.push(format!("{} sent {margin}", counted(endpoint.at_risk, "request")));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// What ended processes and listeners did to connections; `None` when there were none.
pub(super) fn stops(endpoint: &Endpoint) -> Option<String> {
    let stops = &endpoint.exits;
    let mut parts = Vec::new();
    let cut_off = stops.cut_off.iter().map(|(_, count)| count).sum();
    if cut_off > 0 {
        parts.push(format!("{} cut off: {}", counted(cut_off, "request"), exits(&stops.cut_off)));
    }
    if stops.idle_closed > 0 {
        parts.push(format!("{} closed with its listener", counted(stops.idle_closed, "idle connection")));
    }
    if let Some(waited) = stops.waited {
        let left = counted(stops.idle_left, "idle connection");
        parts.push(format!("{left} left open for up to {} after its listener", measured(waited)));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// What old connections to other hosts do to be remembered; `None` where there are none.
pub(super) fn keepalive(endpoint: &Endpoint) -> Option<String> {
    let audit = endpoint.keepalive.as_ref().filter(|audit| audit.connections > 0)?;
    let mut said = format!(
        "{} to other hosts open for more than {}: {} without TCP keepalive",
        counted(audit.connections, "connection"),
        measured(audit.older_than),
        audit.without
    );
    if let Some((least, most)) = audit.first_probe {
        let first = if measured(least) == measured(most) {
            measured(most)
        } else {
            format!("{} to {}", measured(least), measured(most))
        };
        let with = audit.connections - audit.without;
        let _infallible = write!(said, ", {with} with the first probe after {first}");
    }
    if audit.exposed > 0 {
        let limit = measured(audit.limit);
        let _infallible =
            write!(said, "; {} silent for more than {limit} now, with no probe before", audit.exposed);
    }
    Some(said)
}

/// `server closes idle connections after 6.00 s (98 %, 120 closes)`.
pub(super) fn timer(timer: &Timer) -> String {
    let phase = match timer.phase {
        Phase::Idle => "idle".to_owned(),
        Phase::Unused => "never used".to_owned(),
        phase => format!("in {phase}"),
    };
    let clock = match (timer.phase, timer.clock) {
        (Phase::Idle, Clock::Idle) | (Phase::Unused, Clock::Age) => String::new(),
        (_, Clock::Silent) => " without a byte".to_owned(),
        (_, Clock::Age) => " after opening".to_owned(),
        (_, clock) => format!(" ({clock} clock)"),
    };
    let polled = timer.most > timer.least * 1.02 + 0.05;
    let length = if polled {
        format!("{} to {}", measured(timer.least), measured(timer.most))
    } else {
        measured(timer.seconds)
    };
    format!(
        "{} {phase} {length}{clock}, {} ({:.0} %)",
        timer.side,
        counted(timer.count, "close"),
        timer.share * 100.0
    )
}

/// The product that the timer is, or those that it can be; `None` when no known product fits.
pub(super) fn products(candidates: &[Candidate]) -> Option<String> {
    let named: Vec<_> =
        candidates.iter().filter(|candidate| candidate.likelihood != Likelihood::Possible).collect();
    if let Some(first) = named.first() {
        let likely = if first.likelihood == Likelihood::Named { "" } else { "likely " };
        let reasons: Vec<_> =
            first.reasons.iter().take(REASONS).map(|reason| clean(reason, 200).replace('`', "'")).collect();
        let why = if reasons.is_empty() { String::new() } else { format!(": {}", reasons.join("; ")) };
        return Some(format!("{likely}{}{why}", product(first)));
    }
    let possible: Vec<_> = candidates.iter().take(POSSIBLE).map(product).collect();
    let more = candidates.len().saturating_sub(POSSIBLE);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!possible.is_empty()).then(|| format!("possible by its length alone: {}{more}", possible.join(", ")))
}

fn product(candidate: &Candidate) -> String {
    let versions = if candidate.versions.is_empty() {
        String::new()
    } else {
        format!(" {}", clean(&candidate.versions, 40).replace('`', "'"))
    };
    let setting = clean(&candidate.setting, 64).replace('`', "'");
    let setting = if setting.is_empty() { String::new() } else { format!(" `{setting}`") };
    format!("{}{versions}{setting}", clean(&candidate.product, NAME).replace('`', "'"))
}

/// The timeout that the server announces, against the one that it keeps.
pub(super) fn announced(report: &EndpointReport) -> Option<String> {
    let announced = report.endpoint.announced?;
    let actual = report.idle_timer(Side::Server).map_or_else(String::new, |timer| {
        let later = timer.seconds - f64::from(announced);
        match later {
            later if later.abs() < 0.1 => " and closes on time".to_owned(),
            later if later > 0.0 => format!(" and closes {} later", measured(later)),
            later => format!(" but closes {} earlier", measured(-later)),
        }
    });
    Some(format!("the server announces `Keep-Alive: timeout={announced}`{actual}"))
}

/// One line on the whole.
pub(super) fn verdict(model: &ReportModel) -> String {
    // The two ends of the same connections are one.
    let all: Vec<_> = model.endpoints.iter().collect();
    let peers = earlier_peers(&all);
    let once =
        || all.iter().zip(&peers).filter(|(_, peer)| peer.is_none()).map(|(report, _)| &report.endpoint);
    // One end may know of the risk alone: of the other the gaps or the timers were not seen.
    let is_said = |index: usize| {
        all.get(index)
            .is_some_and(|peer| matches!(peer.endpoint.risk, Risk::Losing | Risk::Mismatch | Risk::Tie))
    };
    let risks = all.iter().zip(&peers).filter(|(_, peer)| !peer.is_some_and(is_said));
    let count =
        |wanted: Risk| risks.clone().filter(|(report, _)| report.endpoint.risk == wanted).count() as u64;
    let mut said: Vec<String> = losses::sentence(&model.meta.losses, &model.meta.until).into_iter().collect();
    let parts: Vec<_> = [Risk::Mismatch, Risk::Tie]
        .into_iter()
        .filter(|risk| count(*risk) > 0)
        .map(|wanted| format!("{} at {}", risk(wanted), counted(count(wanted), "endpoint")))
        .collect();
    if !parts.is_empty() {
        said.push(capitalized(&parts.join(", ")));
    }
    let cut_off = model.endpoints.iter().flat_map(|report| &report.endpoint.exits.cut_off);
    let cut_off = cut_off.fold(0, |sum: u64, (_, count)| sum.saturating_add(*count));
    if cut_off > 0 {
        said.push(format!("{} cut off because a process ended", counted(cut_off, "request")));
    }
    // Those of clients on this host are among the losses.
    let refused = shutdowns::refused(model).saturating_sub(model.meta.losses.count_of(LossReason::Refused));
    if refused > 0 {
        said.push(format!("{} refused after a server had stopped listening", counted(refused, "connect")));
    }
    said.extend(losses::given_up(&model.meta.losses).filter(|_| !said.is_empty()));
    let resets = once().fold(0, |sum: u64, endpoint| sum.saturating_add(endpoint.idle_resets));
    if resets > 0 {
        said.push(losses::unseen_resets(resets));
    }
    if let Some(unseen) = losses::unseen(&model.meta) {
        let more = if model.meta.losses.requests > 0 { "More" } else { "Requests" };
        said.push(format!("{more} may have been lost unseen: {unseen}"));
    }
    if !said.is_empty() {
        return format!("{}.", said.join(". "));
    }
    if model.endpoints.iter().all(|report| report.endpoint.closes == 0) {
        return "No connection ended.".to_owned();
    }
    let given_up = losses::given_up(&model.meta.losses).map_or_else(String::new, |text| format!(" {text}."));
    let unknown =
        once().flat_map(|endpoint| &endpoint.verdicts).filter(|(verdict, _)| *verdict == Verdict::Unknown);
    let unknown = unknown.fold(0, |sum: u64, (_, count)| sum.saturating_add(*count));
    if unknown > 0 {
        let closes = counted(unknown, "close");
        return format!(
            "No lost request was seen, and no idle timeouts disagree or tie; {closes} without a verdict.{given_up}"
        );
    }
    format!("No request was lost, and no idle timeouts disagree or tie.{given_up}")
}

/// What was observed, and what was missed.
pub(super) fn observed(meta: &Meta) -> Vec<String> {
    let from = clean(&meta.from, 40);
    let until = clean(&meta.until, 40);
    let mut lines = vec![format!(
        "{} from {from} to {until}; Linux {}, whohungup {}",
        measured(meta.observed_seconds),
        clean(&meta.kernel, 64),
        clean(&meta.version, 32)
    )];
    let mut missed = Vec::new();
    if meta.events_lost > 0 {
        missed.push(format!("{} lost (increase --ring-bytes)", counted(meta.events_lost, "event")));
    }
    if meta.connections_untracked > 0 {
        missed.push(format!(
            "{} not tracked (increase --max-connections)",
            counted(meta.connections_untracked, "connection")
        ));
    }
    if meta.endpoints_over > 0 {
        missed.push(format!(
            "{} of {} beyond the limit (increase --max-endpoints)",
            counted(meta.endpoints_over, "close"),
            counted(meta.endpoints_beyond.max(1), "endpoint")
        ));
    }
    missed.extend(losses::not_there(meta));
    let missed = if missed.is_empty() {
        "nothing was missed".to_owned()
    } else {
        format!("missed: {}", missed.join(", "))
    };
    let unknown = if meta.closes > 0 && meta.unknown_share > 0.0 {
        format!(", {:.1} % without a verdict", meta.unknown_share * 100.0)
    } else {
        String::new()
    };
    lines.push(format!("{}{unknown}; {missed}", counted(meta.closes, "close")));
    lines
}

/// Connections of all endpoints that ended during a request or response.
pub(super) fn premature(model: &ReportModel) -> u64 {
    model
        .endpoints
        .iter()
        .flat_map(|report| &report.endpoint.verdicts)
        .filter(|(verdict, _)| *verdict == Verdict::PrematureHangup)
        // Another host's numbers may be anything.
        .fold(0, |sum, (_, count)| sum.saturating_add(*count))
}
