//! What the report says against what was measured and what is set.

use std::{net::SocketAddr, time::Duration};

use anyhow::Result;
use serde::Serialize;

use super::cases::{Case, Timer as Set, Wanted};
use harness::Closes;

use crate::{
    report::{Candidate, Endpoint, Model, Timer},
    truth::Side,
};

/// Of the time that is true.
const TOLERANCE: f64 = 0.02;

/// A script reads its clock later than the kernel, and the kernel's clock ticks every 4 ms (HZ=250).
const SLACK: f64 = 0.03;

/// The end of one connection, as a script saw it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Observed {
    /// The script's address.
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    /// `None`: it was cut off when the case was over.
    pub(super) closer: Option<Side>,
    /// The last response had said so.
    pub(super) announced: bool,
    /// From the end of the last response.
    pub(super) idle: Duration,
}

/// One case, seen at one end.
#[derive(Debug, Serialize)]
pub(super) struct CaseEnd {
    pub(super) case: &'static str,
    pub(super) version: String,
    /// Whose end, and whether it is that of the software with the timer.
    pub(super) end: Side,
    pub(super) own: bool,
    #[serde(skip)]
    scripted: bool,
    /// The default or what is set, seconds; `None` where no timer is to be found.
    pub(super) wanted: Option<f64>,
    /// Measured by the script: closes, mean and range of their idle times, seconds.
    pub(super) measured: Option<Measured>,
    pub(super) reported: Option<Found>,
    pub(super) risk: String,
    /// Closes of which `watch` reported verdict, closer and idle time right, and all.
    pub(super) closes: (usize, usize),
    /// Why it is wrong; nothing: it is right.
    pub(super) faults: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Measured {
    pub(super) closes: usize,
    pub(super) mean: f64,
    pub(super) least: f64,
    pub(super) most: f64,
}

/// The timer that is in the report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Found {
    pub(super) seconds: f64,
    pub(super) least: f64,
    pub(super) most: f64,
    pub(super) closes: u64,
    /// Of what is true.
    pub(super) error: f64,
    /// Best first: product, setting, likelihood.
    pub(super) candidates: Vec<(String, String, String)>,
}

/// Both ends of one case.
pub(super) fn compare(
    case: &'static Case,
    version: &str,
    observed: Result<Vec<Observed>>,
    port: u16,
    model: &Model,
    closes: &Closes,
) -> Vec<CaseEnd> {
    let wanted = case.wanted(version);
    let (observed, failed) = match observed {
        Ok(observed) => (observed, None),
        Err(error) => (Vec::new(), Some(format!("not as scripted: {error:#}"))),
    };
    let measured = measure(&observed, wanted.timer.as_ref());
    [Side::Server, Side::Client]
        .into_iter()
        .map(|end| {
            let mut one = CaseEnd {
                case: &case.name,
                version: version.to_owned(),
                end,
                own: match case.scripted() {
                    Some(script) => end != script,
                    None => wanted.timer.as_ref().is_some_and(|timer| timer.side == end),
                },
                scripted: case.scripted() == Some(end),
                wanted: wanted.timer.as_ref().map(|timer| timer.seconds),
                measured,
                reported: None,
                risk: String::new(),
                closes: count_right(&observed, case.scripted(), end, closes),
                faults: failed.clone().into_iter().collect(),
            };
            one.compare(model, port, &wanted);
            one
        })
        .collect()
}

impl CaseEnd {
    pub(super) fn is_right(&self) -> bool {
        self.faults.is_empty()
    }

    fn compare(&mut self, model: &Model, port: u16, wanted: &Wanted) {
        let (right, all) = self.closes;
        if right < all {
            self.faults.push(format!("of {all} closes {right} were reported right"));
        }
        let here = model.endpoints.iter();
        let here = here.filter(|at| at.role == self.end.word() && at.server_port == Some(port));
        // The lab itself knocks at a real server until it listens.
        let own = own_name();
        let here = here.filter(|at| self.scripted || at.process != own);
        let Some(endpoint) = here.max_by_key(|at| at.closes) else {
            self.faults.push("the report has no such endpoint".to_owned());
            return;
        };
        self.risk.clone_from(&endpoint.risk);
        if !wanted.risk.contains(&endpoint.risk) {
            self.faults.push(format!("risk {}, not {}", endpoint.risk, wanted.risk.join(" or ")));
        }
        if endpoint.lost > 0 {
            self.faults.push(format!("{} requests lost where none was", endpoint.lost));
        }
        let is_wanted = |timer: &Timer, set: &Set| timer.side == set.side && timer.phase == "idle";
        let found = wanted.timer.as_ref().and_then(|set| {
            let fits = endpoint.timers.iter().filter(|timer| is_wanted(timer, set));
            fits.max_by_key(|timer| timer.count).map(|timer| (set, timer))
        });
        match found {
            Some((set, timer)) => self.compare_timer(set, timer, endpoint.candidates(timer)),
            None if wanted.timer.is_some() => self.faults.push("no such timer".to_owned()),
            None => {}
        }
        let tied = wanted.risk.iter().any(|risk| risk == "tie");
        for timer in &endpoint.timers {
            // In a tie both sides have one.
            let known = found.is_some_and(|(_, found)| found == timer) || (tied && timer.phase == "idle");
            if !known {
                let Timer { side, phase, seconds, count, .. } = timer;
                self.faults
                    .push(format!("invented: {} {phase} {seconds:.3} s ({count} closes)", side.word()));
            }
        }
        self.compare_names(endpoint, wanted);
    }

    fn compare_timer(&mut self, set: &Set, timer: &Timer, candidates: &[Candidate]) {
        let truth = self.measured.map_or(set.seconds, |measured| match set.polled {
            0.0 => measured.mean,
            _ => measured.least,
        });
        let error = timer.seconds / truth - 1.0;
        if error.abs() > TOLERANCE {
            self.faults.push(format!("{:.3} s, measured {truth:.3} s", timer.seconds));
        }
        let allowed = set.seconds * (1.0 - TOLERANCE)..=(set.seconds + set.polled) * (1.0 + TOLERANCE);
        for seconds in [timer.seconds, timer.least, timer.most] {
            if !allowed.contains(&seconds) {
                self.faults.push(format!("{seconds:.3} s, set {} s", set.seconds));
                break;
            }
        }
        if set.polled > 0.0 && timer.most - timer.least > set.polled + SLACK {
            self.faults.push(format!("a band of {:.3} s", timer.most - timer.least));
        }
        let name = |one: &Candidate| (one.product.clone(), one.setting.clone(), one.likelihood.clone());
        self.reported = Some(Found {
            seconds: timer.seconds,
            least: timer.least,
            most: timer.most,
            closes: timer.count,
            error,
            candidates: candidates.iter().map(name).collect(),
        });
    }

    /// At the software's own end the right setting comes first; at the other nothing may be claimed that is false.
    fn compare_names(&mut self, endpoint: &Endpoint, wanted: &Wanted) {
        let (Some(set), Some(found)) = (&wanted.timer, &self.reported) else { return };
        let right = |(product, setting, _): &(String, String, String)| {
            let has =
                |parts: &[String], text: &str| parts.iter().any(|part| text.to_lowercase().contains(part));
            has(&set.products, product) && has(&set.settings, setting)
        };
        let fault = match found.candidates.first() {
            Some(first) if self.own && !right(first) => {
                format!("{} {} is named first of {}", first.0, first.1, endpoint.process)
            }
            None if self.own => "nothing is named".to_owned(),
            Some(first) if first.2.eq_ignore_ascii_case("named") && !right(first) => {
                format!("{} {} is named without ground", first.0, first.1)
            }
            _ => return,
        };
        self.faults.push(fault);
    }
}

fn measure(observed: &[Observed], timer: Option<&Set>) -> Option<Measured> {
    let side = timer?.side;
    let idle: Vec<f64> =
        observed.iter().filter(|one| one.closer == Some(side)).map(|one| one.idle.as_secs_f64()).collect();
    let least = idle.iter().copied().reduce(f64::min)?;
    let most = idle.iter().copied().reduce(f64::max)?;
    Some(Measured { closes: idle.len(), mean: idle.iter().sum::<f64>() / idle.len() as f64, least, most })
}

/// How many closes `watch` reported right at this end, of so many.
fn count_right(observed: &[Observed], script: Option<Side>, end: Side, closes: &Closes) -> (usize, usize) {
    let script = script.unwrap_or(Side::Server);
    let ended = observed.iter().filter_map(|one| one.closer.map(|closer| (one, closer)));
    let right = ended.clone().filter(|(one, closer)| {
        let reports =
            if end == script { closes.of(one.local, one.remote) } else { closes.of(one.remote, one.local) };
        let [report] = reports else { return false };
        let verdict = match closer {
            _ if one.announced => "completed",
            Side::Client => "client-idle",
            Side::Server => "server-idle",
        };
        let idle = one.idle.as_secs_f64();
        let near = |reported: f64| (reported - idle).abs() <= SLACK + 0.01 * idle;
        let on_time = one.announced || report.idle_seconds.is_some_and(near);
        report.verdict == verdict && report.closer == closer.word() && on_time
    });
    (right.count(), ended.count())
}

/// The name of the scripts' process, as the agent reports it.
fn own_name() -> String {
    std::fs::read_to_string("/proc/self/comm").unwrap_or_default().trim_end().to_owned()
}

#[cfg(test)]
mod tests;
