//! One line for each service: both ends of the same connections are one.

use std::collections::{BTreeMap, HashMap};

use super::{format, losses};
use crate::{
    advice::{EndpointReport, ReportModel, losses_of},
    close::LossReason,
    duration::measured,
    endpoint::{Endpoint, Headroom, Risk},
    labels::{Role, Side, Verdict},
    sanitize::clean,
};

/// Characters of a name.
const NAME: usize = 96;

/// What the columns are called, in their order.
pub(super) const TITLES: [&str; 7] = ["SERVICE", "STATE", "LOST", "SHARE", "SERVER", "CLIENT", "HEADROOM"];

/// One service, as its line says it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Service {
    /// `node:8080 in shop/checkout-7d4b9/app`.
    pub(super) name: String,
    pub(super) risk: Risk,
    /// There is nothing more to say of it.
    pub(super) is_quiet: bool,
    pub(super) state: &'static str,
    /// `0` only where every lost request would have been seen.
    pub(super) lost: String,
    /// Of the requests that were started.
    pub(super) share: String,
    /// How long each side keeps an idle connection.
    pub(super) server: String,
    pub(super) client: String,
    /// By how much the client lets go first.
    pub(super) headroom: String,
    /// Of its endpoints that are told in full, the number of the first.
    pub(super) number: Option<usize>,
}

impl Service {
    /// What stands below [`TITLES`].
    pub(super) fn cells(&self) -> [&str; TITLES.len()] {
        let Self { name, state, lost, share, server, client, headroom, .. } = self;
        [name, state, lost, share, server, client, headroom]
    }
}

/// Worst first, as the report has them.
pub(super) fn services(model: &ReportModel) -> Vec<Service> {
    let seen = losses::unseen(&model.meta).is_none();
    let mut ends: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, root) in roots(&model.endpoints).into_iter().enumerate() {
        ends.entry(root).or_default().push(index);
    }
    let numbers: Vec<_> = model
        .endpoints
        .iter()
        .scan(0, |count, report| {
            *count += usize::from(!report.is_quiet());
            Some((!report.is_quiet()).then_some(*count))
        })
        .collect();
    let of = |ends: &[usize]| ends.iter().map(|end| &model.endpoints[*end]).collect::<Vec<_>>();
    let number = |ends: &[usize]| ends.iter().find_map(|end| numbers[*end]);
    ends.into_values().map(|ends| service(&of(&ends), number(&ends), seen)).collect()
}

/// For each endpoint the first one of its service. A server may have several clients here; each of them knows it.
fn roots(reports: &[EndpointReport]) -> Vec<usize> {
    let places: HashMap<_, _> =
        reports.iter().enumerate().map(|(index, report)| (report.endpoint.key, index)).collect();
    let mut above: Vec<usize> = (0..reports.len()).collect();
    for (index, report) in reports.iter().enumerate() {
        let mut others = Role::ALL.iter().filter(|role| **role != report.endpoint.key.role);
        let other = others.find_map(|role| places.get(&report.peer_key(*role)?));
        let Some(&other) = other else { continue };
        let (one, two) = (root(&above, index), root(&above, other));
        above[one.max(two)] = one.min(two);
    }
    (0..reports.len()).map(|index| root(&above, index)).collect()
}

fn root(above: &[usize], mut index: usize) -> usize {
    while above[index] != index {
        index = above[index];
    }
    index
}

fn service(ends: &[&EndpointReport], number: Option<usize>, seen: bool) -> Service {
    let endpoints = || ends.iter().map(|report| &report.endpoint);
    let losses = losses_of(&endpoints());
    let lost = losses.requests;
    // A refused connect is lost without a request that began.
    let begun = lost.saturating_sub(losses.count_of(LossReason::Refused));
    let risk = endpoints().map(|endpoint| endpoint.risk).min().unwrap_or_default();
    let risk = if lost > 0 { Risk::Losing } else { risk };
    let unsure = |endpoint: &Endpoint| {
        let unknown =
            endpoint.verdicts.iter().any(|(verdict, count)| *verdict == Verdict::Unknown && *count > 0);
        unknown || endpoint.idle_resets > 0
    };
    let proved = seen && !endpoints().any(unsure);
    // Each end counts by itself: the larger of both is what there was.
    let started = |role| {
        let of_role = endpoints().filter(|endpoint| endpoint.key.role == role);
        of_role.fold(0, |sum: u64, endpoint| sum.saturating_add(endpoint.started))
    };
    let started = Role::ALL.iter().map(|role| started(*role)).max().unwrap_or_default();
    let closest = endpoints().filter_map(|endpoint| endpoint.headroom);
    let closest = closest.min_by(|one, other| one.seconds.total_cmp(&other.seconds));
    let is_quiet = ends.iter().all(|report| report.is_quiet());
    let timer = |side| {
        let timers = ends.iter().filter_map(|report| report.idle_timer(side));
        timers.max_by_key(|timer| timer.count).map(|timer| timer.seconds)
    };
    let seconds = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), measured);
    Service {
        name: name(ends),
        risk,
        is_quiet,
        state: state(risk, is_quiet),
        lost: match lost {
            0 if !proved => "-".to_owned(),
            lost => short(lost),
        },
        share: if begun > 0 && started >= begun { share(begun, started) } else { "-".to_owned() },
        server: seconds(closest.map(|closest| closest.server).or_else(|| timer(Side::Server))),
        client: match closest {
            // What the server closed, the client still kept: for longer than that.
            Some(Headroom { open_ended: true, client, .. }) => format!(">{}", measured(client)),
            Some(Headroom { client, .. }) => measured(client),
            None => seconds(timer(Side::Client)),
        },
        headroom: match closest {
            Some(Headroom { open_ended: true, .. }) => "none".to_owned(),
            closest => seconds(closest.map(|closest| closest.seconds)),
        },
        number,
    }
}

fn state(risk: Risk, is_quiet: bool) -> &'static str {
    match risk {
        Risk::Losing => "LOST",
        Risk::Mismatch => "disagree",
        Risk::Tie => "tie",
        Risk::Safe | Risk::Unknown if !is_quiet => "see below",
        Risk::Safe => "safe",
        Risk::Unknown => "-",
    }
}

/// By its server where that is on this host, else by its client, with an arrow.
fn name(ends: &[&EndpointReport]) -> String {
    let of = |role| ends.iter().find(|report| report.endpoint.key.role == role);
    let shown = of(Role::Server).or_else(|| of(Role::Client)).or_else(|| ends.first());
    let Some(endpoint) = shown.map(|report| &report.endpoint) else { return String::new() };
    let process = format::process(endpoint);
    let place = match (endpoint.key.role, endpoint.key.server_port) {
        (Role::Client, Some(port)) => format!("{process} -> :{port}"),
        (_, Some(port)) => format!("{process}:{port}"),
        (_, None) => process,
    };
    clean(&format!("{place}{}", format::within(endpoint.workload.as_ref())), NAME)
}

/// In at most six columns.
fn short(count: u64) -> String {
    match count {
        0..=999_999 => count.to_string(),
        1_000_000..=999_999_999 => format!("{}M", count / 1_000_000),
        _ => ">999M".to_owned(),
    }
}

fn share(lost: u64, started: u64) -> String {
    match lost as f64 * 100.0 / started as f64 {
        percent if percent < 0.01 => "<0.01%".to_owned(),
        percent if percent < 10.0 => format!("{percent:.2}%"),
        percent => format!("{percent:.1}%"),
    }
}

#[cfg(test)]
mod tests;
