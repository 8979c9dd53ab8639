//! One close as one line.

use anstyle::{AnsiColor, Style};

use whohungup_core::{close::ClosedConnection, labels::Verdict};

/// The columns' names, aligned with [`line()`].
pub fn header() -> String {
    let mut text = format!(
        "{:<12}  {:<18} {:<21}   {:<21} {:<7} {:<16} {:<7} {:<12} {:>8} {:>8} {:>4}  {}",
        "TIME",
        "PROCESS",
        "LOCAL",
        "REMOTE",
        "ROLE",
        "VERDICT",
        "CLOSER",
        "PHASE",
        "IDLE",
        "AGE",
        "REQS",
        "CAUSE"
    );
    text.truncate(text.trim_end().len());
    text
}

/// Time, process, both ends, role, verdict, closer, phase, idle, age, requests, cause (and race).
pub fn line(close: &ClosedConnection, coloured: bool) -> String {
    let style = if coloured { colour(close.verdict) } else { Style::new() };
    let time = close.time.to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M:%S%.3f").to_string();
    let process = close.process.map_or("?".to_owned(), |process| {
        let pid = process.pid.map_or(String::new(), |pid| format!("[{pid}]"));
        format!("{}{pid}", process.comm)
    });
    let why = match close.race {
        Some(race) if close.retried == Some(true) => {
            format!("{race}: hidden by a retry; the idle timeouts disagree")
        }
        Some(race) => format!("{race}: the idle timeouts disagree"),
        None => close.cause.to_string(),
    };
    let arrow = match close.closer {
        whohungup_core::labels::Closer::Both => "><",
        closer if closer == close.role.this_end() => "->",
        closer if closer == close.role.other_end() => "<-",
        _ => "--",
    };
    format!(
        "{time}  {process:<18} {:<21} {arrow} {:<21} {:<7} {style}{:<16}{style:#} {:<7} {:<12} {:>8} {:>8} {:>4}  {why}",
        close.ends.local.to_string(),
        close.ends.remote.to_string(),
        close.role,
        close.verdict,
        close.closer,
        close.phase,
        seconds(close.idle),
        seconds(close.age),
        close.requests.map_or("-".to_owned(), |requests| requests.to_string()),
    )
}

/// A length of time in a form that fits eight columns.
pub fn seconds(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(s) if s < 10.0 => format!("{s:.3}s"),
        Some(s) if s < 120.0 => format!("{s:.1}s"),
        Some(s) if s < 7200.0 => format!("{:.1}m", s / 60.0),
        Some(s) => format!("{:.1}h", s / 3600.0),
    }
}

/// Lost requests red, suspects yellow, harmless ends calm.
fn colour(verdict: Verdict) -> Style {
    let colour = match verdict {
        Verdict::IdleRace | Verdict::PrematureHangup => AnsiColor::Red,
        Verdict::Network | Verdict::ConnectFailed | Verdict::HostAbort => AnsiColor::Yellow,
        Verdict::ServerIdle => AnsiColor::Cyan,
        Verdict::ClientIdle | Verdict::Completed | Verdict::TunnelEnd => AnsiColor::Green,
        Verdict::Unknown => return Style::new().dimmed(),
    };
    Style::new().fg_color(Some(colour.into()))
}
