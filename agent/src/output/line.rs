//! One close as one line.

use anstyle::{AnsiColor, Style};

use whohungup_core::{
    close::ClosedConnection,
    labels::{Closer, Role, Verdict},
    sanitize::clean,
};

/// Columns of a terminal in which everything has room.
const FULL: usize = 165;
/// Those from which on the phase has room too, and the other end.
const WITH_PHASE: usize = 94;
const WITH_REMOTE: usize = 116;

/// What one line shows: a cell for each column, and the last that takes what is left.
struct Row {
    cells: Vec<(String, usize, Align)>,
    last: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Align {
    Left,
    Right,
    /// The verdict: left, and in its colour.
    Coloured,
}

impl Row {
    /// On one line of `columns`; what does not fit is cut.
    fn line(&self, columns: Option<usize>, style: Style) -> String {
        let (mut text, mut used) = (String::new(), 0);
        for (cell, width, align) in &self.cells {
            let width = columns.map_or(*width, |columns| (*width).min(columns.saturating_sub(used)));
            let cell = if columns.is_some() { cut(cell, width) } else { cell.clone() };
            let cell = match align {
                Align::Left => format!("{cell:<width$} "),
                Align::Right => format!("{cell:>width$} "),
                Align::Coloured => format!("{style}{cell:<width$}{style:#} "),
            };
            text.push_str(&cell);
            used += width + 1;
        }
        match columns {
            Some(columns) => text.push_str(&cut(&self.last, columns.saturating_sub(used))),
            None => text.push_str(&self.last),
        }
        text
    }
}

/// With a sign where something is missing.
fn cut(text: &str, columns: usize) -> String {
    if columns == 0 { String::new() } else { clean(text, columns) }
}

/// The columns' names, aligned with [`line()`]. `columns` are those of the terminal, where there is one.
pub fn header(columns: Option<usize>) -> String {
    let left = |name: &str, width| (name.to_owned(), width, Align::Left);
    let right = |name: &str, width| (name.to_owned(), width, Align::Right);
    let cells = match columns {
        Some(columns) if columns < FULL => {
            let mut cells = vec![left("TIME", 9), left("WHO", 22)];
            if columns >= WITH_REMOTE {
                cells.push(left("REMOTE", 21));
            }
            cells.extend([left("VERDICT", 16), left("CLOSER", 6)]);
            if columns >= WITH_PHASE {
                cells.push(left("PHASE", 12));
            }
            cells.push(right("IDLE", 7));
            cells
        }
        _ => vec![
            left("TIME", 13),
            left("PROCESS", 18),
            left("LOCAL", 21),
            left("", 2),
            left("REMOTE", 21),
            left("ROLE", 7),
            left("VERDICT", 16),
            left("CLOSER", 7),
            left("PHASE", 12),
            right("IDLE", 8),
            right("AGE", 8),
            right("REQS", 4),
            left("", 0),
        ],
    };
    Row { cells, last: "CAUSE".to_owned() }.line(columns, Style::new())
}

/// Time, process, both ends, role, verdict, closer, phase, idle, age, requests, cause (and race): on a terminal as many of
/// them as fit on one line.
pub fn line(close: &ClosedConnection, coloured: bool, columns: Option<usize>) -> String {
    let style = if coloured { colour(close.verdict) } else { Style::new() };
    let last = why(close);
    let cells = match columns {
        Some(columns) if columns < FULL => compact(close, columns),
        _ => full(close),
    };
    Row { cells, last }.line(columns, style)
}

fn compact(close: &ClosedConnection, columns: usize) -> Vec<(String, usize, Align)> {
    let mut cells = vec![(time(close, "%H:%M:%S"), 9, Align::Left), (who(close), 22, Align::Left)];
    if columns >= WITH_REMOTE {
        cells.push((close.ends.remote.to_string(), 21, Align::Left));
    }
    cells.push((close.verdict.to_string(), 16, Align::Coloured));
    cells.push((close.closer.to_string(), 6, Align::Left));
    if columns >= WITH_PHASE {
        cells.push((close.phase.to_string(), 12, Align::Left));
    }
    cells.push((seconds(close.idle), 7, Align::Right));
    cells
}

fn full(close: &ClosedConnection) -> Vec<(String, usize, Align)> {
    let process = close.process.map_or("?".to_owned(), |process| {
        let pid = process.pid.map_or(String::new(), |pid| format!("[{pid}]"));
        format!("{}{pid}", process.comm)
    });
    vec![
        (time(close, "%H:%M:%S%.3f"), 13, Align::Left),
        (process, 18, Align::Left),
        (close.ends.local.to_string(), 21, Align::Left),
        (arrow(close).to_owned(), 2, Align::Left),
        (close.ends.remote.to_string(), 21, Align::Left),
        (close.role.to_string(), 7, Align::Left),
        (close.verdict.to_string(), 16, Align::Coloured),
        (close.closer.to_string(), 7, Align::Left),
        (close.phase.to_string(), 12, Align::Left),
        (seconds(close.idle), 8, Align::Right),
        (seconds(close.age), 8, Align::Right),
        (close.requests.map_or("-".to_owned(), |requests| requests.to_string()), 4, Align::Right),
        (String::new(), 0, Align::Left),
    ]
}

fn time(close: &ClosedConnection, format: &str) -> String {
    close.time.to_zoned(jiff::tz::TimeZone::system()).strftime(format).to_string()
}

/// `node:8080` for a server, `python3>8080` for a client, as in `top`.
fn who(close: &ClosedConnection) -> String {
    let name = close.process.map_or("?".to_owned(), |process| process.comm.to_string());
    let between = if close.role == Role::Client { '>' } else { ':' };
    match close.server_port {
        Some(port) => format!("{}{between}{port}", cut(&name, 16)),
        None => name,
    }
}

fn why(close: &ClosedConnection) -> String {
    match close.race {
        Some(race) if close.retried == Some(true) => {
            format!("{race}: hidden by a retry; the idle timeouts disagree")
        }
        Some(race) => format!("{race}: the idle timeouts disagree"),
        None => close.cause.to_string(),
    }
}

fn arrow(close: &ClosedConnection) -> &'static str {
    match close.closer {
        Closer::Both => "><",
        closer if closer == close.role.this_end() => "->",
        closer if closer == close.role.other_end() => "<-",
        _ => "--",
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use whohungup_core::testing::server_idle;

    #[test]
    fn on_a_terminal_a_close_is_one_line_and_its_header_is_aligned() {
        let close = server_idle(8080, "a-server-with-a-long-name");
        for columns in [1, 10, 40, 80, 100, 120, 164, 165, 200] {
            let (header, line) = (header(Some(columns)), line(&close, false, Some(columns)));
            for text in [&header, &line] {
                assert!(text.trim_end().chars().count() <= columns, "{columns}: {text}");
            }
            if columns >= 80 {
                let at = header.find("VERDICT").expect("a heading");
                assert!(
                    line.chars().skip(at).collect::<String>().starts_with("server-idle "),
                    "{columns}: {line}"
                );
                assert!(
                    line.contains(":8080") && line.contains(&close.cause.to_string()),
                    "{columns}: {line}"
                );
            }
        }
    }

    #[test]
    fn without_a_terminal_nothing_is_cut() {
        let close = server_idle(8080, "node");
        let (header, line) = (header(None), line(&close, false, None));
        for heading in ["PROCESS", "LOCAL", "REMOTE", "ROLE", "CLOSER", "PHASE", "IDLE", "AGE", "REQS"] {
            assert!(header.contains(heading), "{heading}: {header}");
        }
        assert!(
            line.contains(&close.ends.remote.to_string()) && line.ends_with(&close.cause.to_string()),
            "{line}"
        );
    }
}
