//! From what was kept to what is shown.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};

use super::{
    LiveSnapshot,
    headline::headline,
    shutdown::ShutdownView,
    view::{EndpointView, LiveView, Minutes, OpenCount, SCHEMA, TimerView, Viewers},
};
use crate::clock::wall_time_by;
use whohungup_core::{
    advice::{EndpointReport, Meta, ReportModel, earlier_peers, losses_of},
    connection::OpenState,
    endpoint::{
        EndpointKey,
        last_hour::{COUNTS, LOST, LOST_ONCE, LastHour, MINUTES, begins_ns, minute},
    },
    filter::Filter,
    labels::{Role, Side, Verdict},
    report::format,
};

/// Endpoints that are shown at most, worst first, where nobody says otherwise.
pub const USUAL_ENDPOINTS: usize = 256;
pub const MAX_ENDPOINTS: usize = 1024;

/// What `material` shows of what `filter` has, at most `limit` endpoints; `model` is the report made of it. Endpoints in
/// `muted`, by id, take no part in the headline.
pub fn build(
    material: &LiveSnapshot,
    model: &ReportModel,
    filter: &Filter,
    muted: &[String],
    limit: usize,
) -> LiveView {
    let now = minute(material.now_ns);
    let open = open_by_key(material);
    let everything = filter.is_empty();
    let chosen: Vec<_> =
        model.endpoints.iter().filter(|report| filter.has_endpoint(&report.endpoint)).collect();
    let mut endpoints: Vec<_> = chosen
        .iter()
        .map(|report| {
            let hour = hour_of(material, &report.endpoint.key);
            let counts = open.get(&report.endpoint.key).copied().unwrap_or_default();
            endpoint(report, hour, now, counts)
        })
        .collect();
    for (index, peer) in earlier_peers(&chosen).into_iter().enumerate() {
        endpoints[index].peer_endpoint = peer.map(|peer| endpoints[peer].id.clone());
    }
    let minutes = minutes(material, &chosen, everything, now);
    let open: Vec<OpenCount> = open_counts(material, filter, &chosen);
    let all_open = open.iter().map(|open| open.count).sum();
    let closes_hour = minutes.counts.iter().flatten().map(|&count| u64::from(count)).sum();
    let lost_hour = if everything { material.lost.sum(now) } else { lost_hour(material, &chosen, now) };
    let mut meta = model.meta.clone();
    meta.losses = if everything {
        material.lost.totals()
    } else {
        losses_of(&chosen.iter().map(|report| &report.endpoint))
    };
    let headline = if muted.is_empty() {
        headline(&endpoints, &meta, all_open, closes_hour, everything)
    } else {
        let is_heard = |id: &String| !muted.contains(id);
        let heard: Vec<_> = endpoints.iter().filter(|one| is_heard(&one.id)).cloned().collect();
        let closes_hour = heard.iter().map(|one| one.closes_hour).sum();
        let reports = chosen.iter().map(|report| &report.endpoint);
        let losses = losses_of(&reports.filter(|endpoint| is_heard(&endpoint.key.id())));
        headline(&heard, &Meta { losses, ..meta.clone() }, all_open, closes_hour, false)
    };
    let endpoints_total = endpoints.len();
    let endpoints_in_trouble =
        endpoints.iter().filter(|one| one.trouble && one.peer_endpoint.is_none()).count();
    let wanted = material.shutdowns.iter().filter(|shutdown| filter.has_shutdown(shutdown));
    endpoints.truncate(limit.min(MAX_ENDPOINTS));
    LiveView {
        schema: SCHEMA.to_owned(),
        now: wall_time_by(material.now_ns, material.wall_ahead_ns).to_string(),
        meta,
        headline,
        minutes,
        lost_hour,
        open,
        closes: material.close_counts(),
        viewers: Viewers::default(),
        endpoints_total,
        endpoints_in_trouble,
        endpoints,
        shutdowns: wanted.map(ShutdownView::new).collect(),
    }
}

fn hour_of<'a>(material: &'a LiveSnapshot, key: &EndpointKey) -> Option<&'a LastHour> {
    let is_other = key.role == Role::Unknown && key.process == "other";
    material.hours.get(key).or_else(|| material.other.as_ref().filter(|_| is_other))
}

fn endpoint(report: &EndpointReport, hour: Option<&LastHour>, now: u64, open: [u64; 3]) -> EndpointView {
    let endpoint = &report.endpoint;
    let in_hour = |what: usize| hour.map_or(0, |hour| hour.minutes.sum(now, what));
    let idle = |side: Side| hour.map_or_else(Vec::new, |hour| hour.idle(side));
    let idle_by_minute = |side: Side| hour.map_or_else(Vec::new, |hour| hour.idle_by_minute(now, side));
    let by_minute = |of: &dyn Fn(&[u32; COUNTS]) -> u32| -> Vec<u64> {
        let counts: Vec<u64> =
            hour.into_iter().flat_map(|hour| hour.minutes.up_to(now)).map(|slot| of(&slot).into()).collect();
        if counts.iter().any(|&count| count > 0) { counts } else { Vec::new() }
    };
    let lost_hour = in_hour(LOST);
    let state = endpoint.risk.where_lost(lost_hour);
    let timers = endpoint.timers.iter().zip(format::timers(report)).map(|(timer, (text, whose))| TimerView {
        side: timer.side,
        phase: timer.phase,
        clock: timer.clock,
        seconds: timer.seconds,
        least: timer.least,
        most: timer.most,
        count: timer.count,
        text,
        whose,
    });
    let [connecting, established, closing] = open;
    EndpointView {
        id: endpoint.key.id(),
        role: endpoint.key.role,
        server_port: endpoint.key.server_port,
        process: endpoint.key.process.to_string(),
        workload: endpoint.workload.clone(),
        workload_id: endpoint.key.workload,
        workload_name: endpoint.workload.as_ref().map(ToString::to_string),
        title: format::title(endpoint),
        peers: endpoint.peers.clone(),
        recent_pids: endpoint.recent_pids.clone(),
        risk: endpoint.risk,
        state,
        risk_text: format::risk(state).to_owned(),
        trouble: !report.is_quiet() || lost_hour > 0,
        peer: report.peer.map(|peer| peer.to_string()),
        peer_endpoint: None,
        closes: endpoint.closes,
        closes_hour: (0..LOST).map(in_hour).sum(),
        lost: endpoint.losses.requests,
        lost_hour,
        last_lost: endpoint.losses.last.map(|last| last.to_string()),
        minute_closes: by_minute(&|slot| slot[..LOST].iter().sum()),
        minute_lost: by_minute(&|slot| slot[LOST]),
        premature_hour: in_hour(Verdict::PrematureHangup as usize),
        at_risk: endpoint.at_risk,
        idle_resets: endpoint.idle_resets,
        started: endpoint.started,
        reused: endpoint.reused,
        verdicts: endpoint.verdicts.clone(),
        connecting,
        established,
        closing,
        timers: timers.collect(),
        headroom: endpoint.headroom,
        gaps: endpoint.gaps.clone(),
        idle_server: idle(Side::Server),
        idle_client: idle(Side::Client),
        idle_server_minutes: idle_by_minute(Side::Server),
        idle_client_minutes: idle_by_minute(Side::Client),
        lines: format::lines(report).into_iter().map(|(label, text)| (label.to_owned(), text)).collect(),
        advice: report.advice.clone(),
    }
}

/// As [`losses_of`] counts them: both ends of a connection once, and one end where only that is chosen.
fn lost_hour(material: &LiveSnapshot, chosen: &[&EndpointReport], now: u64) -> u64 {
    let sum = |what: usize, of: &dyn Fn(Role) -> bool| -> u64 {
        let keys = chosen.iter().map(|report| &report.endpoint.key).filter(|key| of(key.role));
        keys.filter_map(|key| hour_of(material, key)).map(|hour| hour.minutes.sum(now, what)).sum()
    };
    let once = sum(LOST_ONCE, &|_| true);
    let one_side = [Role::Client, Role::Server].map(|side| sum(LOST, &|role| role == side));
    one_side.into_iter().fold(once, u64::max)
}

fn minutes(material: &LiveSnapshot, chosen: &[&EndpointReport], everything: bool, now: u64) -> Minutes {
    let mut counts = vec![vec![0_u32; LOST]; MINUTES];
    let mut add = |hour: &LastHour| {
        for (row, slot) in counts.iter_mut().zip(hour.minutes.up_to(now)) {
            row.iter_mut().zip(slot).for_each(|(count, by)| *count = count.saturating_add(by));
        }
    };
    if everything {
        add(&material.all);
    } else {
        chosen.iter().filter_map(|report| hour_of(material, &report.endpoint.key)).for_each(&mut add);
    }
    Minutes {
        verdicts: Verdict::ALL.to_vec(),
        from: first_minute(now, material.wall_ahead_ns).to_string(),
        counts,
    }
}

/// When the oldest of the minutes up to `now` began. On a host that is up for less than an hour that is before its boot,
/// where the kernel's clock has no readings.
fn first_minute(now: u64, wall_ahead_ns: i64) -> Timestamp {
    let age = SignedDuration::from_mins(MINUTES as i64 - 1);
    wall_time_by(begins_ns(now), wall_ahead_ns).checked_sub(age).unwrap_or(Timestamp::UNIX_EPOCH)
}

type OpenByKey = HashMap<EndpointKey, [u64; 3]>;

/// Names that differ in what cannot be shown are one.
fn open_by_key(material: &LiveSnapshot) -> OpenByKey {
    let mut open = OpenByKey::new();
    for (key, counts) in &material.open.endpoints {
        let sums = open.entry(*key).or_default();
        sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
    }
    open
}

/// By role and state. What is open at endpoints that never had a close counts as well, where their key tells that the
/// filter has them.
fn open_counts(material: &LiveSnapshot, filter: &Filter, chosen: &[&EndpointReport]) -> Vec<OpenCount> {
    let chosen: HashSet<&EndpointKey> = chosen.iter().map(|report| &report.endpoint.key).collect();
    let mut sums = [[0_u64; 3]; Role::ALL.len()];
    for (key, counts) in &material.open.endpoints {
        if chosen.contains(key) || filter.has_key(key) {
            sums[key.role as usize].iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        }
    }
    if filter.is_empty() {
        let other = &mut sums[Role::Unknown as usize];
        other.iter_mut().zip(material.open.other).for_each(|(sum, count)| *sum += count);
    }
    let states = Role::ALL.iter().flat_map(|&role| OpenState::ALL.map(|state| (role, state)));
    states
        .map(|(role, state)| {
            let at = OpenState::ALL.iter().position(|&one| one == state).unwrap_or_default();
            OpenCount { role, state: state.as_str().to_owned(), count: sums[role as usize][at] }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hour_begins_an_hour_ago_though_the_host_is_up_for_less() {
        let minute_now = minute(crate::clock::monotonic_ns());
        for now in [0, 3, minute_now] {
            let ahead = crate::clock::wall_ahead_ns();
            let hour = wall_time_by(begins_ns(now), ahead).duration_since(first_minute(now, ahead));
            let off = (hour - SignedDuration::from_hours(1)).abs();
            assert!(off < SignedDuration::from_secs(1), "{now}: {hour}");
        }
    }
}
