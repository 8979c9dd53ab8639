//! One endpoint or one close in full.

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
    widgets::{Paragraph, Wrap},
};

use super::{
    app::App,
    draw::{bold, dim, risk_style},
};
use crate::{
    live::{CloseView, EndpointView, begins},
    report::{
        clean::clean,
        draw::{Axis, gap_points},
    },
};

/// Characters before what a line says.
const MARGIN: usize = 13;
/// Characters of one text.
const TEXT: usize = 1200;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &mut App) {
    let lines = match (app.opened_endpoint(), app.opened_close()) {
        (Some(endpoint), _) => of_endpoint(app, endpoint, area.width),
        (None, Some(close)) => of_close(close),
        (None, None) => vec![Line::raw("It is no longer among what the agent keeps; Esc goes back.")],
    };
    // Words that go to the next line leave about a tenth of one empty.
    let room = usize::from(area.width).max(10) * 9 / 10;
    let height: usize = lines.iter().map(|line| line.width().div_ceil(room).max(1)).sum();
    let over = height.saturating_sub(usize::from(area.height));
    app.scroll = app.scroll.min(over.try_into().unwrap_or(u16::MAX));
    let page = Paragraph::new(lines).wrap(Wrap { trim: false });
    frame.render_widget(page.scroll((app.scroll, 0)), area);
}

fn labelled(label: &str, text: &str) -> Line<'static> {
    let label = Span::styled(format!("{:<MARGIN$}", clean(label, MARGIN - 1)), dim());
    Line::from(vec![label, Span::raw(clean(text, TEXT).replace('`', ""))])
}

fn of_endpoint(app: &App, endpoint: &EndpointView, width: u16) -> Vec<Line<'static>> {
    let mut lines = vec![Line::from(vec![
        Span::styled(clean(&endpoint.title, 80), bold()),
        Span::raw("  "),
        Span::styled(clean(&endpoint.risk_told, 40), risk_style(app, endpoint.risk)),
    ])];
    lines.extend(endpoint.advice.first().map(|advice| labelled("why", &advice.why)));
    for advice in &endpoint.advice {
        lines.push(labelled(if advice.alternative { "or" } else { "do" }, &advice.text));
    }
    lines.extend(drawing(endpoint, usize::from(width).saturating_sub(MARGIN + 1)));
    for timer in &endpoint.timers {
        lines.push(labelled("timer", &timer.text));
        lines.extend(timer.whose.as_ref().map(|whose| labelled("", whose)));
    }
    lines.extend(endpoint.lines.iter().map(|(label, text)| labelled(label, text)));
    lines
}

/// When idle connections were used again, and when either side shut them.
fn drawing(endpoint: &EndpointView, columns: usize) -> Vec<Line<'static>> {
    let middle = |bins: &[(u16, u32)]| -> Vec<(f64, u64)> {
        bins.iter().map(|&(bin, count)| (begins(bin.into()) * 1.049, u64::from(count))).collect()
    };
    let gaps = gap_points(&endpoint.gaps);
    let (server, client) = (middle(&endpoint.idle_server), middle(&endpoint.idle_client));
    let all = gaps.iter().chain(&server).chain(&client).map(|&(seconds, _)| seconds);
    let Some(axis) = Axis::over(all, columns) else { return Vec::new() };
    let row = |label: &str, bars: String| {
        Line::from(vec![
            Span::styled(format!("{label:<MARGIN$}"), dim()),
            Span::raw(bars.trim_end().to_owned()),
        ])
    };
    let mut lines = Vec::new();
    if !gaps.is_empty() {
        lines.push(row("re-used", axis.wide_bars(&gaps)));
    }
    for (label, points) in [("server shuts", server), ("client shuts", client)] {
        if !points.is_empty() {
            lines.push(row(label, axis.bars(&points)));
        }
    }
    lines.push(row("", axis.ticks()));
    lines
}

fn of_close(close: &CloseView) -> Vec<Line<'static>> {
    let process = |process: &crate::live::ProcessView| {
        process.pid.map_or_else(|| process.comm.clone(), |pid| format!("{} ({pid})", process.comm))
    };
    let seconds = |value: Option<f64>| value.map(crate::report::words::measured);
    let mut lines = vec![Line::styled(clean(&close.said, TEXT), bold())];
    let rows = [
        ("verdict", Some(format!("{}, cause {}, {}", close.verdict, close.cause, close.confidence))),
        ("connection", Some(format!("{} - {}, this end is the {}", close.local, close.remote, close.role))),
        ("process", close.process.as_ref().map(process)),
        ("closed by", close.closed_by.as_ref().map(process)),
        (
            "how",
            Some(format!("{} by {} in phase {} (code {})", close.how, close.closer, close.phase, close.code)),
        ),
        ("race", close.race.map(|race| race.to_string())),
        ("idle", seconds(close.idle_seconds)),
        ("age", seconds(close.age_seconds)),
        ("served", close.requests.map(|requests| crate::report::words::counted(requests.into(), "request"))),
        ("Server", close.server.clone()),
    ];
    lines.extend(rows.into_iter().filter_map(|(label, text)| Some(labelled(label, &text?))));
    let evidence = close.evidence.iter().enumerate();
    lines.extend(evidence.map(|(at, line)| labelled(if at == 0 { "known by" } else { "" }, line)));
    lines
}
