//! What `?` shows.

use ratatui::{
    Frame,
    layout::{Constraint, Flex, Layout, Rect},
    text::{Line, Span},
    widgets::{Block, Clear, Paragraph},
};

use super::draw::bold;

const KEYS: [(&str, &str); 12] = [
    ("1 2 3 4, Tab", "endpoints, open connections, last closes, shutdowns"),
    ("Up Down, j k", "choose a row; scroll in details"),
    ("PgUp PgDn, g G", "by pages; to the first and the last"),
    ("Enter", "why and what to do, of the chosen row"),
    ("Esc, Backspace", "back; clears the filter"),
    ("/", "only rows with a text in them"),
    ("s S", "sort by the next or the previous column"),
    ("r", "turn the order round"),
    ("p, Space", "pause, and go on"),
    ("mouse", "click: heading sorts, row chooses, again opens"),
    ("", "wheel scrolls; with Shift the terminal selects"),
    ("? q", "this help; quit"),
];

const WORDS: [(&str, &str); 5] = [
    ("node:8080", "a server, and the port at which it listens"),
    ("curl>8080", "a client, and the port to which it connects"),
    ("LOST", "requests without an answer in the last hour"),
    ("BROKEN", "connections ended during a request or response"),
    ("SERVER CLIENT", "after what idle time that side closes"),
];

/// Over whatever is there.
pub(super) fn draw(frame: &mut Frame<'_>) {
    const WIDTH: u16 = 70;
    let line = |(what, does): &(&'static str, &'static str)| {
        Line::from(vec![Span::styled(format!(" {what:<15} "), bold()), Span::raw(*does)])
    };
    let lines: Vec<_> = KEYS.iter().map(line).chain([Line::raw("")]).chain(WORDS.iter().map(line)).collect();
    let area = middle(frame.area(), WIDTH, lines.len() as u16 + 2);
    frame.render_widget(Clear, area);
    let block = Block::bordered().title(" Keys and words ").title_bottom(" any key closes this ");
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

fn middle(area: Rect, width: u16, height: u16) -> Rect {
    let [across] = Layout::horizontal([Constraint::Max(width)]).flex(Flex::Center).areas(area);
    let [both] = Layout::vertical([Constraint::Max(height)]).flex(Flex::Center).areas(across);
    both
}
