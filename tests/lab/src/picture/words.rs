//! Below the ladder: what the capture shows of the end, and what the agent reported of both sockets.

use super::{
    label::duration,
    svg::{Anchor, Sheet, WIDTH, short},
};
use harness::Close;

use crate::{truth::Race, wiretap::decide::Decided};

const LINE: i32 = 22;
/// Of the evidence of one end.
const MOST_LINES: usize = 5;
const EVIDENCE_CHARS: usize = 118;
/// Where the columns begin, and their names.
const COLUMNS: [(i32, &str); 9] = [
    (20, ""),
    (150, "verdict"),
    (300, "code"),
    (350, "cause"),
    (484, "race"),
    (566, "idle"),
    (640, "in flight"),
    (712, "confidence"),
    (806, "process"),
];

/// Returns where it ends.
pub(super) fn draw(sheet: &mut Sheet, below: i32, decided: &Decided, reported: [Option<&Close>; 2]) -> i32 {
    let mut y = below + 20;
    sheet.line((20, y), (WIDTH - 20, y), "rule");
    y += LINE;
    for (x, name) in COLUMNS {
        sheet.text(x, y, Anchor::Start, "faint", name);
    }
    y += LINE;
    match decided {
        Ok(truth) => {
            let cells = [
                "the capture".to_owned(),
                truth.verdict.to_owned(),
                truth.code(),
                String::new(),
                truth.race.map_or("", Race::word).to_owned(),
                seconds(truth.idle),
                truth.in_flight.to_string(),
            ];
            row(sheet, y, &cells);
        }
        Err(why) => {
            row(sheet, y, &["the capture".to_owned(), format!("does not decide: {why}")]);
        }
    }
    for (end, report) in ["the client's end", "the server's end"].into_iter().zip(reported) {
        y += LINE;
        let Some(report) = report else {
            row(sheet, y, &[end.to_owned(), "nothing was reported".to_owned()]);
            continue;
        };
        row(sheet, y, &cells(end, report));
        for evidence in wrapped(&evidence(report), EVIDENCE_CHARS) {
            y += LINE - 4;
            sheet.text(COLUMNS[1].0, y, Anchor::Start, "faint", &evidence);
        }
    }
    y + LINE
}

fn row(sheet: &mut Sheet, y: i32, cells: &[String]) {
    for (index, ((x, _), cell)) in COLUMNS.into_iter().zip(cells).enumerate() {
        let class = if index == 1 { "bold" } else { "" };
        sheet.text(x, y, Anchor::Start, class, cell);
    }
}

fn cells(end: &str, report: &Close) -> [String; 9] {
    let race = match (&report.race, report.retried) {
        (None, _) => String::new(),
        (Some(race), Some(true)) => format!("{race}*"),
        (Some(race), _) => race.clone(),
    };
    [
        end.to_owned(),
        report.verdict.clone(),
        report.code.clone(),
        report.cause.clone(),
        race,
        seconds(report.idle_seconds),
        report.in_flight.map_or_else(|| "?".to_owned(), |count| count.to_string()),
        report.confidence.clone(),
        process(report),
    ]
}

/// Who closed it, else whose it is.
fn process(report: &Close) -> String {
    let Some(process) = report.closed_by.as_ref().or(report.process.as_ref()) else { return String::new() };
    let pid = process.pid.map_or_else(String::new, |pid| format!(" [{pid}]"));
    let fate = match (process.exiting, process.signal) {
        (_, Some(signal)) => format!(", signal {signal}"),
        (true, None) => ", exiting".to_owned(),
        (false, None) => String::new(),
    };
    short(&format!("{}{pid}{fate}", process.comm), 24)
}

fn seconds(seconds: Option<f64>) -> String {
    seconds.map_or_else(String::new, duration)
}

/// The clocks and the reasons.
fn evidence(report: &Close) -> String {
    let clocks =
        [("age", report.age_seconds), ("silent", report.silent_seconds), ("request", report.request_seconds)];
    let clocks = clocks.into_iter().filter_map(|(name, value)| Some(format!("{name} {}", duration(value?))));
    let retried = (report.retried == Some(true)).then(|| "* retried: sent again and answered".to_owned());
    report.evidence.iter().cloned().chain(clocks).chain(retried).collect::<Vec<_>>().join("; ")
}

/// At most [`MOST_LINES`]; the last says when there is more.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last().map_or(0, |line| line.chars().count());
        if line > 0 && line + 1 + word.chars().count() > width {
            if lines.len() == MOST_LINES {
                lines[MOST_LINES - 1].push_str(" …");
                break;
            }
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&short(word, width));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_seen_to_be_missing() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        let long = wrapped(&"word ".repeat(40), 10);
        assert_eq!(long.len(), MOST_LINES);
        assert_eq!(long[MOST_LINES - 1], "word word …");
    }
}
