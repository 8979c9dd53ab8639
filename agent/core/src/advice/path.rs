//! Something between the two ends that forgets silent connections.

use super::{
    Case, called,
    model::{Advice, Urgency},
    races::blank,
};
use crate::{
    duration::measured,
    endpoint::PathSilence,
    format::{counted, was},
    labels::Side,
};

/// Of a silence that worked, so much is safe: what forgets looks at its flows now and then.
const SAFE: f64 = 0.8;
/// Where none is known to have worked, of the shortest that did not.
const GUESSED: f64 = 0.5;

pub(super) fn forgets(case: Case<'_>) -> Option<Advice> {
    let path = case.endpoint.path?;
    let program = case.program(Side::Client);
    let below = below(&path);
    let setting = case.idle_setting(Side::Client, below);
    let value =
        setting.as_ref().map_or_else(|| Some(measured(below)), |setting| Some(setting.written.clone()));
    let name = setting.and_then(|setting| setting.name);
    let limit = name.as_deref().map_or("the idle timeout of its pool".to_owned(), |name| format!("`{name}`"));
    Some(Advice {
        why: why(&path),
        text: format!(
            "Let {} close idle connections sooner: {limit} below {}. Or let it send TCP keepalive probes more often than \
             that (`SO_KEEPALIVE`, `net.ipv4.tcp_keepalive_time`), or raise the timeout of what lies in between: a NAT, a \
             firewall, a load balancer, conntrack (`nf_conntrack_tcp_timeout_established`).",
            called(Side::Client, program.as_deref()),
            measured(below)
        ),
        setting: name,
        value,
        ..blank(Side::Client, program, Urgency::Now)
    })
}

fn why(path: &PathSilence) -> String {
    let lost = format!("{} {} lost. The path forgets", counted(path.lost, "connection"), was(path.lost));
    let shortest = measured(path.forgotten);
    match (path.between(), path.worked) {
        (Some((worked, _)), _) => format!(
            "{lost} connections that are silent for between {} (the longest that worked) and {shortest} (the shortest that \
             did not).",
            measured(worked)
        ),
        (None, Some(worked)) => format!(
            "{lost} some connections that are silent for {shortest}; others worked after {}: another path, or a table that \
             is full now and then.",
            measured(worked)
        ),
        (None, None) => format!("{lost} connections that are silent for {shortest} or less."),
    }
}

/// A silence that is safe, seconds.
fn below(path: &PathSilence) -> f64 {
    path.between().map_or(path.forgotten * GUESSED, |(worked, _)| worked * SAFE)
}

#[cfg(test)]
mod tests;
