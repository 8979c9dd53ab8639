//! The life lines, the arrows between them and the phases beside them.

use super::{
    Notes,
    label::duration,
    rows::{Arrow, Row, What},
    svg::{Anchor, Sheet, short},
};
use crate::{
    truth::{Phase, Side},
    wiretap::flow::Flow,
};

const CLIENT: i32 = 260;
const SERVER: i32 = 690;
const MIDDLE: i32 = i32::midpoint(CLIENT, SERVER);
const BAR: i32 = SERVER + 14;
const BAR_WIDTH: i32 = 10;
const BESIDE: i32 = BAR + BAR_WIDTH + 8;
const TOP: i32 = 104;
/// How far an arrow falls.
const FALL: i32 = 8;
const NAME_CHARS: usize = 46;
const LABEL_CHARS: usize = 66;

/// `mark` is what is said of who sent the first FIN or RST. Returns where it ends.
pub(super) fn draw(sheet: &mut Sheet, flow: &Flow, notes: &Notes, rows: &[Row], mark: &str) -> i32 {
    for (x, side, name, address) in [
        (CLIENT, Side::Client, &notes.client, flow.client),
        (SERVER, Side::Server, &notes.server, flow.server),
    ] {
        let name = if name.is_empty() { side.word() } else { name };
        sheet.text(x, 66, Anchor::Middle, &format!("bold {}", side.word()), &short(name, NAME_CHARS));
        sheet.text(x, 84, Anchor::Middle, "faint", &address.to_string());
    }
    let heights: Vec<_> = rows.iter().map(height).collect();
    let bottom = TOP + heights.iter().sum::<i32>() + 10;
    lives(sheet, rows, &heights, bottom);
    phases(sheet, rows, &heights);
    let mut y = TOP;
    for (row, height) in rows.iter().zip(&heights) {
        match &row.what {
            What::Arrow(one) => arrow(sheet, one, mark, y),
            What::Quiet(seconds) => {
                let phase = row.phase.map_or_else(String::new, |phase| format!(": {}", words(phase)));
                let text = format!("{}{phase}", duration(*seconds));
                sheet.text(MIDDLE, y + 26, Anchor::Middle, "bold", &text);
            }
            What::Note(text) => sheet.text(MIDDLE, y + 15, Anchor::Middle, "note", &short(text, LABEL_CHARS)),
            What::Cut => {
                let text = format!("\u{2026} {} segments", row.segments);
                sheet.text(MIDDLE, y + 20, Anchor::Middle, "faint", &text);
            }
        }
        y += height;
    }
    bottom
}

/// Pixels.
fn height(row: &Row) -> i32 {
    match row.what {
        What::Arrow(_) => 34,
        What::Quiet(_) => 42,
        What::Note(_) => 22,
        What::Cut => 32,
    }
}

/// Broken where time is shortened or segments are left out.
fn lives(sheet: &mut Sheet, rows: &[Row], heights: &[i32], bottom: i32) {
    for x in [CLIENT, SERVER] {
        let mut y = TOP - 12;
        let mut whole = y;
        y = TOP;
        for (row, height) in rows.iter().zip(heights) {
            if matches!(row.what, What::Quiet(_) | What::Cut) {
                sheet.line((x, whole), (x, y + 4), "life");
                sheet.line((x, y + 4), (x, y + height - 4), "gap");
                whole = y + height - 4;
            }
            y += height;
        }
        sheet.line((x, whole), (x, bottom), "life");
    }
}

/// Where the exchange stood, from the row that brought it there to the one that ended it.
fn phases(sheet: &mut Sheet, rows: &[Row], heights: &[i32]) {
    let mut open: Option<(Phase, i32)> = None;
    let mut y = TOP;
    for (row, height) in rows.iter().zip(heights) {
        if open.map(|(phase, _)| phase) != row.phase {
            // An arrow's moment is its tip.
            let at = y + if matches!(row.what, What::Arrow(_)) { 18 + FALL } else { 0 };
            phase(sheet, open, at);
            open = row.phase.map(|phase| (phase, at));
        }
        y += height;
    }
    phase(sheet, open, y);
}

fn phase(sheet: &mut Sheet, open: Option<(Phase, i32)>, until: i32) {
    let Some((phase, from)) = open else { return };
    let class = match phase {
        Phase::Connecting | Phase::Unused => "unused",
        Phase::RequestHead | Phase::RequestBody | Phase::Waiting => "asking",
        Phase::Response => "response",
        Phase::Idle => "idle",
        Phase::Tunnel => "tunnel",
    };
    sheet.bar((BAR, from), (BAR_WIDTH, until - from), class, &words(phase));
    sheet.text(BESIDE, from + 13, Anchor::Start, "faint", &words(phase));
}

fn words(phase: Phase) -> String {
    phase.word().replace('-', " ")
}

fn arrow(sheet: &mut Sheet, arrow: &Arrow, mark: &str, y: i32) {
    let class = match arrow.by {
        _ if arrow.ends => "end",
        _ if arrow.opens => "faint",
        Side::Client => "client",
        Side::Server => "server",
    };
    let (from, to) = match arrow.by {
        Side::Client => (CLIENT, SERVER),
        Side::Server => (SERVER, CLIENT),
    };
    let tip = if to > from { -2 } else { 2 };
    sheet.arrow((from, y + 18), (to + tip, y + 18 + FALL), class);
    sheet.text(MIDDLE, y + 15, Anchor::Middle, class, &short(&arrow.label, LABEL_CHARS));
    sheet.text(20, y + 22, Anchor::Start, "faint", &format!("{:.4} s", arrow.at));
    if arrow.hangs_up {
        sheet.dot((from, y + 18), "end");
        let (x, anchor) = match arrow.by {
            Side::Client => (CLIENT - 14, Anchor::End),
            Side::Server => (BESIDE, Anchor::Start),
        };
        sheet.text(x, y + 22, anchor, "bold end", mark);
    }
}
