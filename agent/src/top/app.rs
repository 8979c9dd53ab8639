//! What is shown and chosen, and what keys do. Pure: updates and keys in.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{mouse::Places, sort::Column, source::Update};
use crate::live::{EndpointView, LiveView, NumberedClose, ShutdownView};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tab {
    Endpoints,
    Open,
    Closes,
    Shutdowns,
}

impl Tab {
    pub(super) const ALL: [Self; 4] = [Self::Endpoints, Self::Open, Self::Closes, Self::Shutdowns];

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Endpoints => "1 Endpoints",
            Self::Open => "2 Open connections",
            Self::Closes => "3 Last closes",
            Self::Shutdowns => "4 Shutdowns",
        }
    }
}

#[derive(Debug)]
pub(super) struct App {
    pub(super) coloured: bool,
    pub(super) view: Option<LiveView>,
    pub(super) closes: Vec<NumberedClose>,
    pub(super) lost: Option<String>,
    pub(super) tab: Tab,
    pub(super) column: Column,
    pub(super) turned: bool,
    pub(super) paused: bool,
    pub(super) filter: String,
    /// Keys go into the filter.
    pub(super) typing: bool,
    /// What is looked at in full: an endpoint's or a shutdown's `id`, or a close's number.
    pub(super) opened: Option<String>,
    /// Of each tab, what is chosen: it stays while its place changes.
    chosen: [Option<String>; Tab::ALL.len()],
    pub(super) scroll: u16,
    /// Rows that fit, as they were drawn last.
    pub(super) rows: usize,
    /// The keys are shown.
    pub(super) help: bool,
    pub(super) places: Places,
    over: bool,
}

impl App {
    pub(super) fn new(coloured: bool) -> Self {
        Self {
            coloured,
            view: None,
            closes: Vec::new(),
            lost: None,
            tab: Tab::Endpoints,
            column: Column::State,
            turned: false,
            paused: false,
            filter: String::new(),
            typing: false,
            opened: None,
            chosen: [const { None }; Tab::ALL.len()],
            scroll: 0,
            rows: 10,
            help: false,
            places: Places::default(),
            over: false,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    pub(super) fn update(&mut self, update: Update) {
        match update {
            Update::Lost(why) => self.lost = Some(why),
            Update::Seen(_) if self.paused => {}
            Update::Seen(seen) => {
                let (view, closes) = *seen;
                (self.view, self.closes, self.lost) = (Some(view), closes, None);
            }
        }
    }

    /// Endpoints in the order in which they are shown.
    pub(super) fn endpoints(&self) -> Vec<&EndpointView> {
        let all = self.view.iter().flat_map(|view| &view.endpoints);
        let mut shown: Vec<_> =
            all.filter(|one| self.lets_through(&[&one.title, &one.risk_text, &one.id])).collect();
        if self.tab == Tab::Open {
            shown.retain(|one| one.connecting + one.established + one.closing > 0);
            Column::Open.sort(&mut shown, false);
        } else {
            self.column.sort(&mut shown, self.turned);
        }
        shown
    }

    pub(super) fn closes(&self) -> Vec<&NumberedClose> {
        let wanted = |numbered: &&NumberedClose| {
            let close = &numbered.close;
            let process = close.process.as_ref().map_or("", |process| process.comm.as_str());
            let port = close.server_port.map_or_else(String::new, |port| port.to_string());
            self.lets_through(&[
                &numbered.summary,
                close.verdict.as_str(),
                process,
                &port,
                &close.ends.local.to_string(),
                &close.ends.remote.to_string(),
            ])
        };
        self.closes.iter().filter(wanted).collect()
    }

    /// Servers that stopped, newest first.
    pub(super) fn shutdowns(&self) -> Vec<&ShutdownView> {
        let all = self.view.iter().flat_map(|view| &view.shutdowns);
        all.filter(|one| self.lets_through(&[&one.summary, &one.cost])).collect()
    }

    fn lets_through(&self, texts: &[&str]) -> bool {
        let wanted = self.filter.to_lowercase();
        wanted.is_empty() || texts.iter().any(|text| text.to_lowercase().contains(&wanted))
    }

    /// What each row of the tab is known by.
    fn keys(&self) -> Vec<String> {
        match self.tab {
            Tab::Closes => self.closes().iter().map(|close| close.number.to_string()).collect(),
            Tab::Shutdowns => self.shutdowns().iter().map(|shutdown| shutdown.id.clone()).collect(),
            Tab::Endpoints | Tab::Open => self.endpoints().iter().map(|one| one.id.clone()).collect(),
        }
    }

    /// The row that is chosen; the first when what was is gone.
    pub(super) fn row(&self) -> usize {
        let chosen = self.chosen[self.tab as usize].as_ref();
        let keys = self.keys();
        chosen.and_then(|chosen| keys.iter().position(|key| key == chosen)).unwrap_or(0)
    }

    /// Chooses a row that is there.
    pub(super) fn choose_row(&mut self, row: usize) {
        if row < self.keys().len() {
            self.choose(row);
        }
    }

    /// Shows the chosen row in full.
    pub(super) fn open(&mut self) {
        self.opened = self.keys().get(self.row()).cloned();
        self.scroll = 0;
    }

    /// Out of what was opened last.
    pub(super) fn back(&mut self) {
        if !std::mem::take(&mut self.help) && self.opened.take().is_none() {
            self.filter.clear();
        }
    }

    fn choose(&mut self, row: usize) {
        let keys = self.keys();
        self.chosen[self.tab as usize] = keys.get(row.min(keys.len().saturating_sub(1))).cloned();
    }

    pub(super) fn opened_endpoint(&self) -> Option<&EndpointView> {
        let wanted = self.opened.as_ref()?;
        self.view.as_ref()?.endpoints.iter().find(|one| one.id == *wanted)
    }

    pub(super) fn opened_close(&self) -> Option<&NumberedClose> {
        let wanted = self.opened.as_ref()?;
        self.closes.iter().find(|close| close.number.to_string() == *wanted)
    }

    pub(super) fn opened_shutdown(&self) -> Option<&ShutdownView> {
        let wanted = self.opened.as_ref()?;
        self.view.as_ref()?.shutdowns.iter().find(|one| one.id == *wanted)
    }

    pub(super) fn key(&mut self, key: KeyEvent) {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            self.over |= key.code == KeyCode::Char('c');
            return;
        }
        if self.typing {
            return self.typed(key.code);
        }
        if std::mem::take(&mut self.help) {
            return;
        }
        match key.code {
            KeyCode::Char('?' | 'h') | KeyCode::F(1) => self.help = true,
            KeyCode::Char('q') => self.over = true,
            KeyCode::Char('1') => self.go(Tab::Endpoints),
            KeyCode::Char('2') => self.go(Tab::Open),
            KeyCode::Char('3') => self.go(Tab::Closes),
            KeyCode::Char('4') => self.go(Tab::Shutdowns),
            KeyCode::Tab => self.go(Tab::ALL[(self.tab as usize + 1) % Tab::ALL.len()]),
            KeyCode::BackTab => self.go(Tab::ALL[(self.tab as usize + Tab::ALL.len() - 1) % Tab::ALL.len()]),
            KeyCode::Char('p' | ' ') => self.paused = !self.paused,
            KeyCode::Char('/') => self.typing = true,
            KeyCode::Char('s') => self.sort_by_next(1),
            KeyCode::Char('S') => self.sort_by_next(-1),
            KeyCode::Char('r') => self.turned = !self.turned,
            KeyCode::Enter if self.opened.is_none() => self.open(),
            KeyCode::Esc => self.back(),
            KeyCode::Enter | KeyCode::Backspace => self.opened = None,
            KeyCode::Up | KeyCode::Char('k') => self.step(-1),
            KeyCode::Down | KeyCode::Char('j') => self.step(1),
            KeyCode::PageUp => self.step(-(self.rows as isize)),
            KeyCode::PageDown => self.step(self.rows as isize),
            KeyCode::Home | KeyCode::Char('g') => self.step(isize::MIN / 2),
            KeyCode::End | KeyCode::Char('G') => self.step(isize::MAX / 2),
            _ => {}
        }
    }

    /// Among the columns that are shown.
    fn sort_by_next(&mut self, by: isize) {
        let shown: Vec<_> = self.places.headings.iter().map(|(_, column)| *column).collect();
        let Some(at) = shown.iter().position(|one| *one == self.column) else {
            self.column = Column::State;
            return;
        };
        self.column = shown[(at.cast_signed() + by).rem_euclid(shown.len().cast_signed()).cast_unsigned()];
    }

    fn typed(&mut self, key: KeyCode) {
        /// Characters of a filter.
        const LONGEST: usize = 40;
        match key {
            KeyCode::Enter => self.typing = false,
            KeyCode::Esc => {
                self.typing = false;
                self.filter.clear();
            }
            KeyCode::Backspace => drop(self.filter.pop()),
            KeyCode::Char(c) if self.filter.chars().count() < LONGEST => self.filter.push(c),
            _ => {}
        }
    }

    pub(super) fn go(&mut self, tab: Tab) {
        self.tab = tab;
        self.opened = None;
    }

    pub(super) fn step(&mut self, by: isize) {
        if self.opened.is_some() {
            // What is drawn bounds it from above.
            let scroll = isize::from(self.scroll as i16).saturating_add(by).clamp(0, 1000);
            self.scroll = scroll as u16;
            return;
        }
        let row = self.row().cast_signed().saturating_add(by).max(0);
        self.choose(row.cast_unsigned());
    }
}
