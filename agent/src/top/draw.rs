//! The whole screen: what matters most in words, tabs, the chosen table, and what keys do.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::{Paragraph, Wrap},
};

use super::{
    app::{App, Tab},
    details, help,
    mouse::Places,
    tables,
};
use crate::live::{LiveView, Tone};
use whohungup_core::{endpoint::Risk, sanitize::clean};

/// Lines for the headline and what to do.
const HEADLINE: u16 = 4;

pub(super) fn draw(frame: &mut Frame<'_>, app: &mut App) {
    let [head, figures, tabs, body, foot] = Layout::vertical([
        Constraint::Length(HEADLINE),
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Min(3),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    app.rows = usize::from(body.height.saturating_sub(1)).max(1);
    headline(frame, head, app);
    frame.render_widget(Paragraph::new(status(app)), figures);
    app.places = Places { tabs: tab_places(tabs), ..Places::default() };
    frame.render_widget(Paragraph::new(tab_line(app)), tabs);
    if app.opened.is_some() {
        details::draw(frame, body, app);
    } else {
        tables::draw(frame, body, app);
    }
    frame.render_widget(Paragraph::new(keys(app)).style(dim()), foot);
    if app.help {
        help::draw(frame);
    }
}

/// Bold and reversed always, colours where they are wanted.
pub(super) fn style(app: &App, colour: Color) -> Style {
    if app.coloured { Style::new().fg(colour) } else { Style::new() }
}

pub(super) fn bold() -> Style {
    Style::new().add_modifier(Modifier::BOLD)
}

pub(super) fn dim() -> Style {
    Style::new().add_modifier(Modifier::DIM)
}

pub(super) fn risk_style(app: &App, risk: Risk) -> Style {
    match risk {
        Risk::Losing => style(app, Color::Red).add_modifier(Modifier::BOLD),
        Risk::Mismatch | Risk::Tie => style(app, Color::Yellow),
        Risk::Safe => style(app, Color::Green),
        Risk::Unknown => Style::new(),
    }
}

fn headline(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let Some(view) = &app.view else {
        let waiting = app.lost.clone().unwrap_or_else(|| "waiting for the first look".to_owned());
        frame.render_widget(Paragraph::new(clean(&waiting, 400)).wrap(Wrap { trim: true }), area);
        return;
    };
    let headline = &view.headline;
    let colour = match headline.tone {
        Tone::Losing => Color::Red,
        Tone::Warning => Color::Yellow,
        Tone::Notice => Color::Magenta,
        Tone::Calm => Color::Green,
        Tone::Empty => Color::Reset,
    };
    let mut lines =
        vec![Line::styled(clean(&headline.text, 400), style(app, colour).add_modifier(Modifier::BOLD))];
    lines.extend(headline.action.as_ref().map(|action| Line::raw(clean(action, 400).replace('`', ""))));
    frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: true }), area);
}

fn status(app: &App) -> Line<'_> {
    let Some(view) = &app.view else { return Line::raw("") };
    let open: u64 = view.open.iter().map(|open| open.count).sum();
    let closed: u64 = view.minutes.counts.iter().flatten().map(|&count| u64::from(count)).sum();
    let trouble = view.endpoints.iter().filter(|one| one.trouble && one.peer_endpoint.is_none()).count();
    let mut spans = vec![
        Span::styled(format!("{open}"), bold()),
        Span::raw(" open  "),
        Span::styled(format!("{closed}"), bold()),
        Span::raw(" closed in 1 h  "),
        Span::styled(format!("{}", view.lost_hour), bold()),
        Span::raw(" lost  "),
        Span::styled(format!("{trouble}"), bold()),
        Span::raw(" in trouble  "),
        Span::raw(time(view)),
    ];
    if view.meta.endpoints_over > 0 {
        let beyond = format!("  {} BEYOND THE LIMIT", view.meta.endpoints_beyond.max(1));
        spans.push(Span::styled(beyond, style(app, Color::Yellow).add_modifier(Modifier::BOLD)));
    }
    if app.paused {
        spans.push(Span::styled("  PAUSED", bold()));
    }
    if app.lost.is_some() {
        spans.push(Span::styled("  NO ANSWER: old", style(app, Color::Red).add_modifier(Modifier::BOLD)));
    }
    Line::from(spans)
}

/// `12:34:56`, UTC.
fn time(view: &LiveView) -> String {
    let time = view.now.split_once('T').map_or("", |(_, time)| time);
    clean(time.get(..8).unwrap_or(""), 8)
}

/// Where [`tab_line`] has each tab.
fn tab_places(line: Rect) -> Vec<(Rect, Tab)> {
    let mut x = line.x;
    let place = |tab: Tab| {
        // A space at either side, and one between two.
        let width = tab.title().len() as u16 + 2;
        let place = Rect { x, width, ..line }.intersection(line);
        x = x.saturating_add(width + 1);
        (place, tab)
    };
    Tab::ALL.map(place).into()
}

fn tab_line(app: &App) -> Line<'_> {
    let mut spans = Vec::new();
    for tab in Tab::ALL {
        let style = if tab == app.tab { Style::new().add_modifier(Modifier::REVERSED) } else { dim() };
        spans.push(Span::styled(format!(" {} ", tab.title()), style));
        spans.push(Span::raw(" "));
    }
    if app.typing || !app.filter.is_empty() {
        let cursor = if app.typing { "_" } else { "" };
        spans.push(Span::styled(format!(" /{}{cursor}", app.filter), bold()));
    }
    Line::from(spans)
}

fn keys(app: &App) -> &'static str {
    match (app.typing, app.opened.is_some(), app.tab) {
        (true, _, _) => "type to filter  Enter keep  Esc clear",
        (_, true, _) => "Up/Down scroll  Esc back  p pause  ? help  q quit",
        (_, _, Tab::Endpoints) => {
            "Up/Down  Enter details  s/S sort  r turn  / filter  Tab next  ? help  q quit"
        }
        _ => "Up/Down  Enter details  / filter  Tab next  p pause  ? help  q quit",
    }
}
