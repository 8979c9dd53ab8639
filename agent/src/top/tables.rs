//! The four tables.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Modifier, Style},
    text::{Line, Span, Text},
    widgets::{Cell, Paragraph, Row, Table, TableState},
};

use super::{
    app::{App, Tab},
    draw::{bold, dim, risk_style},
    sort::{Column, timer},
};
use crate::live::{EndpointView, NumberedClose, ShutdownView};
use whohungup_core::close::ClosedConnection;
use whohungup_core::{
    duration::measured,
    endpoint::Risk,
    labels::{Cause, Role, Side},
    sanitize::clean,
};

/// Columns from which on there is room for sentences.
const WIDE: u16 = 120;
/// Between two columns.
const SPACING: u16 = 1;
/// Characters of a name.
const NAME: usize = 60;

/// Columns from which on endpoints have their processes and workloads beside them.
const ROOMY: u16 = 110;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &mut App) {
    let (table, empty) = match app.tab {
        Tab::Endpoints => (endpoints(app, area.width), app.endpoints().is_empty()),
        Tab::Open => (open(app), app.endpoints().is_empty()),
        Tab::Closes => (closes(app, area.width), app.closes().is_empty()),
        Tab::Shutdowns => (shutdowns(app), app.shutdowns().is_empty()),
    };
    if empty {
        let said = if app.filter.is_empty() {
            "Nothing yet."
        } else {
            "Nothing that the filter lets through; Esc clears it."
        };
        frame.render_widget(Paragraph::new(said).style(dim()), area);
        return;
    }
    let table =
        table.row_highlight_style(Style::new().add_modifier(Modifier::REVERSED)).column_spacing(SPACING);
    let mut state = TableState::default().with_selected(Some(app.row()));
    frame.render_stateful_widget(table, area, &mut state);
    app.places.headings = headings(app, area);
    app.places.rows = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    app.places.first = state.offset();
}

/// Where the headings are that sort.
fn headings(app: &App, area: Rect) -> Vec<(Rect, Column)> {
    if app.tab != Tab::Endpoints {
        return Vec::new();
    }
    let columns = columns(area.width);
    let line = Rect { height: 1, ..area };
    let places = Layout::horizontal(columns.iter().map(|column| width(*column))).spacing(SPACING).split(line);
    places.iter().copied().zip(columns).collect()
}

const fn state(risk: Risk) -> &'static str {
    match risk {
        Risk::Losing => "LOSING",
        Risk::Mismatch => "mismatch",
        Risk::Tie => "tie",
        Risk::Safe => "safe",
        Risk::Unknown => "-",
    }
}

fn number(value: u64) -> Cell<'static> {
    let text = match value {
        0 => "-".to_owned(),
        1..=99_999 => value.to_string(),
        100_000..=99_999_999 => format!("{}k", value / 1000),
        _ => format!("{}M", value / 1_000_000),
    };
    Cell::from(Text::from(text).right_aligned())
}

fn seconds(value: Option<f64>) -> Cell<'static> {
    Cell::from(Text::from(value.map_or_else(|| "-".to_owned(), measured)).right_aligned())
}

/// Those of the table of endpoints.
fn columns(area: u16) -> Vec<Column> {
    let shown = |column: &Column| area >= ROOMY || !matches!(column, Column::Pid | Column::Workload);
    Column::ALL.into_iter().filter(shown).collect()
}

const fn width(column: Column) -> Constraint {
    match column {
        Column::Endpoint | Column::Workload => Constraint::Fill(1),
        Column::Open | Column::Lost => Constraint::Length(5),
        Column::Closes | Column::Broken => Constraint::Length(7),
        Column::State | Column::Pid | Column::Server | Column::Client => Constraint::Length(8),
    }
}

fn endpoints(app: &App, area: u16) -> Table<'_> {
    let columns = columns(area);
    let title = |column: &Column| {
        let mark = match (*column == app.column, app.turned) {
            (false, _) => "",
            (true, false) => "*",
            (true, true) => "^",
        };
        let text = Text::from(format!("{}{mark}", column.title()));
        Cell::from(if matches!(column, Column::State | Column::Endpoint | Column::Workload) {
            text
        } else {
            text.right_aligned()
        })
    };
    let roomy = columns.contains(&Column::Workload);
    let cell = |column: &Column, one: &EndpointView| match column {
        Column::State => Cell::from(Span::styled(state(one.state), risk_style(app, one.state))),
        Column::Endpoint if roomy => Cell::from(who(&one.process, one.role, one.server_port)),
        Column::Endpoint => Cell::from(who_in(one)),
        Column::Workload => Cell::from(clean(one.workload_name.as_deref().unwrap_or("-"), 2 * NAME)),
        Column::Pid => Cell::from(Text::from(pid(one)).right_aligned()),
        Column::Open => number(one.established),
        Column::Closes => number(one.closes_hour),
        Column::Lost => number(one.lost_hour),
        Column::Broken => number(one.premature_hour),
        Column::Server => seconds(timer(one, Side::Server)),
        Column::Client => seconds(timer(one, Side::Client)),
    };
    let row = |one: &EndpointView| Row::new(columns.iter().map(|column| cell(column, one)));
    let header = Row::new(columns.iter().map(title)).style(bold());
    let rows: Vec<_> = app.endpoints().into_iter().map(row).collect();
    Table::new(rows, columns.iter().map(|column| width(*column))).header(header)
}

/// The newest, and how many more there are: `4711+2`.
fn pid(one: &EndpointView) -> String {
    match one.recent_pids.as_slice() {
        [] => "-".to_owned(),
        [only] => only.to_string(),
        [newest, more @ ..] => format!("{newest}+{}", more.len()),
    }
}

fn open(app: &App) -> Table<'_> {
    let row = |one: &EndpointView| {
        Row::new([
            Cell::from(who_in(one)),
            number(one.connecting),
            number(one.established),
            number(one.closing),
            number(one.closes_hour),
        ])
    };
    let widths = [
        Constraint::Fill(1),
        Constraint::Length(10),
        Constraint::Length(11),
        Constraint::Length(7),
        Constraint::Length(11),
    ];
    let right = |text: &'static str| Cell::from(Text::from(text).right_aligned());
    let header = Row::new([
        Cell::from("ENDPOINT"),
        right("CONNECTING"),
        right("ESTABLISHED"),
        right("CLOSING"),
        right("CLOSED, 1 H"),
    ]);
    Table::new(app.endpoints().into_iter().map(row).collect::<Vec<_>>(), widths).header(header.style(bold()))
}

/// The same, and whose it is.
fn who_in(one: &EndpointView) -> String {
    in_workload(who(&one.process, one.role, one.server_port), one.workload_name.as_ref())
}

fn in_workload(who: String, workload: Option<&String>) -> String {
    match workload {
        Some(workload) => clean(&format!("{who} in {workload}"), 2 * NAME),
        None => who,
    }
}

/// `node:8080` for a server, `python3>8080` for a client.
fn who(process: &str, role: Role, port: Option<u16>) -> String {
    let name = if process.is_empty() { "?" } else { process };
    let Some(port) = port else { return clean(name, NAME) };
    let between = if role == Role::Client { '>' } else { ':' };
    clean(&format!("{name}{between}{port}"), NAME)
}

fn whose(close: &ClosedConnection) -> String {
    who(close.process.as_ref().map_or("", |process| process.comm.as_str()), close.role, close.server_port)
}

/// What happened: in words where there is room for them, else what they are made of.
fn closes(app: &App, columns: u16) -> Table<'_> {
    let wide = columns >= WIDE;
    let row = |NumberedClose { close, summary, .. }: &NumberedClose| {
        let style = if close.verdict.is_trouble() { bold() } else { Style::new() };
        let why = match (close.race, close.cause) {
            (Some(race), _) => race.as_str(),
            (None, Cause::Unknown) => "",
            (None, cause) => cause.as_str(),
        };
        Row::new([
            Cell::from(close.time.strftime("%H:%M:%S").to_string()),
            Cell::from(whose(close)),
            Cell::from(Line::styled(close.verdict.as_str(), style)),
            seconds(close.idle),
            Cell::from(if wide { clean(summary, 200) } else { why.to_owned() }),
        ])
    };
    let widths = [
        Constraint::Length(8),
        Constraint::Length(22),
        Constraint::Length(16),
        Constraint::Length(8),
        Constraint::Fill(1),
    ];
    let last = if wide { "WHAT HAPPENED" } else { "WHY" };
    let idle = Cell::from(Text::from("IDLE").right_aligned());
    let header = ["TIME", "WHO", "VERDICT"].map(Cell::from).into_iter().chain([idle, Cell::from(last)]);
    let rows: Vec<_> = app.closes().into_iter().map(row).collect();
    Table::new(rows, widths).header(Row::new(header).style(bold()))
}

fn shutdowns(app: &App) -> Table<'_> {
    let row = |view: &ShutdownView| {
        let process = view.shutdown.process.as_ref().map_or("", |process| process.comm.as_str());
        let who = who(process, Role::Server, Some(view.shutdown.server_port));
        let style = if view.lost > 0 { bold() } else { Style::new() };
        let cost = if view.cost.is_empty() { "nothing lost" } else { &view.cost };
        Row::new([
            Cell::from(view.shutdown.time.strftime("%H:%M:%S").to_string()),
            Cell::from(in_workload(who, view.workload_name.as_ref())),
            number(view.lost),
            Cell::from(Line::styled(clean(cost, 200), style)),
        ])
    };
    let widths = [Constraint::Length(8), Constraint::Fill(1), Constraint::Length(5), Constraint::Fill(1)];
    let lost = Cell::from(Text::from("LOST").right_aligned());
    let header =
        ["TIME", "WHO STOPPED"].map(Cell::from).into_iter().chain([lost, Cell::from("WHAT IT COST")]);
    let rows: Vec<_> = app.shutdowns().into_iter().map(row).collect();
    Table::new(rows, widths).header(Row::new(header).style(bold()))
}
