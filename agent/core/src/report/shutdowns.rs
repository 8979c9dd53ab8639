//! Shutdowns in words: what each cost, and what it lacked.

use crate::{
    advice::ReportModel,
    duration::measured,
    format::{capitalized, counted},
    identity::ExitStatus,
    labels::Phase,
    sanitize::clean,
    shutdown::{Shutdown, remedy},
};

/// Seconds between a signal and what it does at once.
const AT_ONCE: f64 = 0.05;
/// Characters of a workload's name.
const WORKLOAD: usize = 64;

/// One shutdown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paragraph {
    /// When, who, and by what signal.
    pub what: String,
    /// What was lost, and the idle connections that were left; empty where that is nothing.
    pub cost: String,
    /// What to do, most telling first.
    pub remedies: Vec<String>,
}

/// `2 of 5 shutdowns lost requests`; `None` where no process stopped listening.
pub fn headline(model: &ReportModel) -> Option<String> {
    let all = model.shutdowns.len() as u64;
    let lossy = lossy(model).count();
    match (all, lossy) {
        (0, _) => None,
        (_, 0) => Some(format!("{}, without a loss", counted(all, "shutdown"))),
        _ => Some(format!("{lossy} of {} lost requests or refused connects", counted(all, "shutdown"))),
    }
}

/// Of those that lost something, newest first.
pub fn paragraphs(model: &ReportModel) -> impl Iterator<Item = Paragraph> {
    lossy(model).map(paragraph)
}

/// It in words.
pub fn paragraph(shutdown: &Shutdown) -> Paragraph {
    Paragraph {
        what: what(shutdown),
        cost: cost(shutdown),
        remedies: shutdown.missing.iter().map(|&missing| capitalized(&remedy(missing, shutdown))).collect(),
    }
}

/// Connects that were refused because a process had stopped listening: whose they were is not always known.
pub fn refused(model: &ReportModel) -> u64 {
    model.shutdowns.iter().fold(0, |sum: u64, shutdown| sum.saturating_add(shutdown.refused))
}

fn lossy(model: &ReportModel) -> impl Iterator<Item = &Shutdown> {
    model.shutdowns.iter().filter(|shutdown| shutdown.lost() > 0)
}

fn what(shutdown: &Shutdown) -> String {
    let process = shutdown.process.map_or_else(|| "a process".to_owned(), |process| clean(&process.comm, 32));
    let workload = shutdown.workload.as_ref();
    let whose = workload
        .map_or_else(String::new, |workload| format!(" in {}", clean(&workload.to_string(), WORKLOAD)));
    let mut parts = vec![format!(
        "{} {process}{whose} stopped listening on port {}",
        shutdown.time.strftime("%H:%M:%S"),
        shutdown.server_port
    )];
    let signals = shutdown.signals.iter().map(|sent| {
        let effect = if sent.ignored { " (which had no effect)" } else { "" };
        let signal = format!("{}{effect}", sent.signal);
        if sent.before.abs() < AT_ONCE {
            format!("on {signal}")
        } else if sent.before >= 0.0 {
            format!("{signal} {} before", measured(sent.before))
        } else {
            format!("{signal} {} after", measured(-sent.before))
        }
    });
    parts.extend(signals);
    parts.extend(shutdown.exit.map(|exit| match exit {
        ExitStatus::Status(status) => format!("it exited with status {status}"),
        ExitStatus::Signal(signal) => format!("it ended by signal {signal}"),
    }));
    parts.join(", ")
}

fn cost(shutdown: &Shutdown) -> String {
    let cut = shutdown.cut.iter().filter(|(_, count)| *count > 0);
    let mut parts: Vec<String> =
        cut.map(|(phase, count)| format!("{} cut {}", counted(*count, "request"), when(*phase))).collect();
    if shutdown.races > 0 {
        parts.push(format!("{} lost on idle connections", counted(shutdown.races, "request")));
    }
    if shutdown.refused > 0 {
        parts.push(format!("{} refused", counted(shutdown.refused, "connect")));
    }
    if shutdown.idle_left > 0 {
        parts.push(format!("{} left open", counted(shutdown.idle_left, "idle connection")));
    }
    parts.join(", ")
}

const fn when(phase: Phase) -> &'static str {
    match phase {
        Phase::RequestHead | Phase::RequestBody => "while it was sent",
        Phase::Waiting => "before the response",
        Phase::Response => "in the response",
        _ => "in flight",
    }
}
