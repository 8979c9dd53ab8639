//! One endpoint, close or shutdown in full.

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
    widgets::Paragraph,
};

use super::{
    app::App,
    draw::{bold, dim, risk_style},
};
use crate::live::{EndpointView, NumberedClose, ShutdownView};
use whohungup_core::histogram::begins;
use whohungup_core::identity::Process;
use whohungup_core::{
    report::sparkline::{Axis, gap_points},
    sanitize::clean,
};

/// Characters before what a line says.
const MARGIN: usize = 13;
/// Characters of one text.
const TEXT: usize = 1200;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &mut App) {
    let lines = match (app.opened_endpoint(), app.opened_close(), app.opened_shutdown()) {
        (Some(endpoint), _, _) => of_endpoint(app, endpoint, area.width),
        (None, Some(close), _) => of_close(close, area.width),
        (None, None, Some(shutdown)) => of_shutdown(shutdown, area.width),
        (None, None, None) => vec![Line::raw("It is no longer among what the agent keeps; Esc goes back.")],
    };
    let over = lines.len().saturating_sub(usize::from(area.height));
    app.scroll = app.scroll.min(over.try_into().unwrap_or(u16::MAX));
    let page = Paragraph::new(lines);
    frame.render_widget(page.scroll((app.scroll, 0)), area);
}

/// A label, and beside it a text of as many lines as it takes.
fn labelled(label: &str, text: &str, width: u16) -> Vec<Line<'static>> {
    let label = clean(label, MARGIN - 1);
    let text = clean(text, TEXT).replace('`', "");
    let lines = wrapped(&text, usize::from(width).saturating_sub(MARGIN).max(10)).into_iter().enumerate();
    lines
        .map(|(at, line)| {
            let label = if at == 0 { label.as_str() } else { "" };
            Line::from(vec![Span::styled(format!("{label:<MARGIN$}"), dim()), Span::raw(line)])
        })
        .collect()
}

/// Lines of at most `columns` characters, broken between words; a longer word has a line of its own.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let used = lines.last().map_or(0, |line| line.chars().count());
        match lines.last_mut() {
            Some(line) if used == 0 || used + 1 + word.chars().count() <= columns => {
                if used > 0 {
                    line.push(' ');
                }
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn of_endpoint(app: &App, endpoint: &EndpointView, width: u16) -> Vec<Line<'static>> {
    let mut lines = vec![Line::from(vec![
        Span::styled(clean(&endpoint.title, 80), bold()),
        Span::raw("  "),
        Span::styled(clean(&endpoint.risk_text, 40), risk_style(app, endpoint.state)),
    ])];
    lines.extend(endpoint.advice.first().into_iter().flat_map(|advice| labelled("why", &advice.why, width)));
    for advice in &endpoint.advice {
        lines.extend(labelled(if advice.alternative { "or" } else { "do" }, &advice.text, width));
    }
    lines.extend(drawing(endpoint, usize::from(width).saturating_sub(MARGIN + 1)));
    for timer in &endpoint.timers {
        lines.extend(labelled("timer", &timer.text, width));
        lines.extend(timer.whose.iter().flat_map(|whose| labelled("", whose, width)));
    }
    lines.extend(endpoint.lines.iter().flat_map(|(label, text)| labelled(label, text, width)));
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
        lines.push(row("reused", axis.wide_bars(&gaps)));
    }
    for (label, points) in [("server shuts", server), ("client shuts", client)] {
        if !points.is_empty() {
            lines.push(row(label, axis.bars(&points)));
        }
    }
    lines.push(row("", axis.ticks()));
    lines
}

fn title(text: &str, width: u16) -> Vec<Line<'static>> {
    let lines = wrapped(&clean(text, TEXT), usize::from(width).max(10)).into_iter();
    lines.map(|line| Line::styled(line, bold())).collect()
}

fn of_close(numbered: &NumberedClose, width: u16) -> Vec<Line<'static>> {
    let close = &numbered.close;
    let process = |process: &Process| {
        process.pid.map_or_else(|| process.comm.to_string(), |pid| format!("{} ({pid})", process.comm))
    };
    let seconds = |value: Option<f64>| value.map(whohungup_core::duration::measured);
    let mut lines = title(&numbered.summary, width);
    let rows = [
        ("verdict", Some(format!("{}, cause {}, {}", close.verdict, close.cause, close.confidence))),
        (
            "connection",
            Some(format!("{} - {}, this end is the {}", close.ends.local, close.ends.remote, close.role)),
        ),
        ("process", close.process.as_ref().map(process)),
        ("closed by", close.closed_by.map(|by| process(&by.process))),
        (
            "how",
            Some(format!(
                "{} by {} in phase {} (code {})",
                close.close_type, close.closer, close.phase, close.code
            )),
        ),
        ("race", close.race.map(|race| race.to_string())),
        ("idle", seconds(close.idle)),
        ("age", seconds(close.age)),
        (
            "served",
            close.requests.map(|requests| whohungup_core::format::counted(requests.into(), "request")),
        ),
        ("Server", close.server.clone()),
    ];
    for (label, text) in rows {
        lines.extend(text.into_iter().flat_map(|text| labelled(label, &text, width)));
    }
    let evidence = close.evidence.iter().enumerate();
    lines
        .extend(evidence.flat_map(|(at, line)| labelled(if at == 0 { "known by" } else { "" }, line, width)));
    lines
}

fn of_shutdown(view: &ShutdownView, width: u16) -> Vec<Line<'static>> {
    let ShutdownView { summary, cost, remedies, .. } = view;
    let mut lines = title(summary, width);
    lines.extend(labelled("cost", if cost.is_empty() { "nothing lost" } else { cost }, width));
    lines.extend(remedies.iter().flat_map(|remedy| labelled("do", remedy, width)));
    lines.extend(view.lines.iter().flat_map(|(label, text)| labelled(label, text, width)));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_nothing_is_lost() {
        assert_eq!(wrapped("the server closes first", 10), ["the server", "closes", "first"]);
        assert_eq!(wrapped("keepAliveTimeoutBuffer is long", 10), ["keepAliveTimeoutBuffer", "is long"]);
        assert_eq!(wrapped("", 10), [""]);
    }
}
