//! What the mouse does: where things were drawn last, and what lies at a place there.

use std::io;

use ratatui::{
    crossterm::{
        event::{DisableMouseCapture, EnableMouseCapture, MouseButton, MouseEvent, MouseEventKind},
        execute,
    },
    layout::{Position, Rect},
};

use super::{
    app::{App, Tab},
    sort::Column,
};

/// Rows that one notch of the wheel moves.
const NOTCH: isize = 3;

/// The terminal reports the mouse for as long as this lives, also when what is drawn panics.
#[derive(Debug)]
pub(super) struct Capture;

impl Capture {
    pub(super) fn start() -> io::Result<Self> {
        execute!(io::stdout(), EnableMouseCapture)?;
        Ok(Self)
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        // A terminal that is gone reports nothing either.
        let _gone = execute!(io::stdout(), DisableMouseCapture);
    }
}

/// Where things were drawn last.
#[derive(Debug, Default)]
pub(super) struct Places {
    pub(super) tabs: Vec<(Rect, Tab)>,
    pub(super) headings: Vec<(Rect, Column)>,
    /// Below the headings.
    pub(super) rows: Rect,
    /// The row at the top of them.
    pub(super) first: usize,
}

impl App {
    pub(super) fn mouse(&mut self, mouse: MouseEvent) {
        match mouse.kind {
            MouseEventKind::ScrollDown => self.step(NOTCH),
            MouseEventKind::ScrollUp => self.step(-NOTCH),
            MouseEventKind::Down(MouseButton::Left) => self.click(Position::new(mouse.column, mouse.row)),
            MouseEventKind::Down(MouseButton::Right) => self.back(),
            _ => {}
        }
    }

    fn click(&mut self, at: Position) {
        if self.help {
            return self.back();
        }
        let tab = self.places.tabs.iter().find(|(place, _)| place.contains(at)).map(|(_, tab)| *tab);
        if let Some(tab) = tab {
            return self.go(tab);
        }
        if self.opened.is_some() {
            return;
        }
        let heading = self.places.headings.iter().find(|(place, _)| place.contains(at));
        if let Some(&(_, column)) = heading {
            self.turned = column == self.column && !self.turned;
            self.column = column;
        } else if self.places.rows.contains(at) {
            let row = self.places.first + usize::from(at.y - self.places.rows.y);
            // What is chosen already is opened.
            if row == self.row() {
                self.open();
            } else {
                self.choose_row(row);
            }
        }
    }
}
