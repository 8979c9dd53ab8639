//! The report for a terminal.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Effects, Style};

use super::{
    format, losses,
    services::{self, Service, services},
    shutdowns,
    sparkline::{Axis, gap_points, timer_points},
};
use crate::{
    advice::{Advice, EndpointReport, ReportModel, earlier_peers},
    duration::measured,
    endpoint::Risk,
    labels::Side,
    sanitize::clean,
};

/// Columns of a line's label.
const MARGIN: usize = 13;
/// Longest text of one advice or reason, characters.
const TEXT: usize = 1200;

/// How wide, and whether in colour.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    pub columns: usize,
    pub coloured: bool,
    /// Endpoints shown in full, and lines of the closing table.
    pub top: usize,
}

/// The whole report.
pub fn text(model: &ReportModel, look: Look) -> String {
    let look = Look { columns: look.columns.clamp(60, 100), ..look };
    let mut page = Page { look, out: String::new() };
    page.head(model);
    let (loud, quiet): (Vec<_>, Vec<_>) = model.endpoints.iter().partition(|report| !report.is_quiet());
    if !loud.is_empty() {
        page.services(&services(model));
    }
    for (index, (report, peer)) in loud.iter().zip(earlier_peers(&loud)).take(look.top).enumerate() {
        page.endpoint(index + 1, report, peer.map(|peer| peer + 1));
    }
    page.more(loud.len(), "endpoint with advice is", "endpoints with advice are");
    page.shutdowns(model);
    page.table(&quiet, losses::is_all_clear(model));
    page.out
}

struct Page {
    look: Look,
    out: String,
}

impl Page {
    fn head(&mut self, model: &ReportModel) {
        for line in format::observed(&model.meta) {
            self.wrapped("", &line, 0, self.dim());
        }
        let worst = model.endpoints.iter().map(|report| report.endpoint.risk).min();
        let worst = if model.meta.losses.requests > 0 { Some(Risk::Losing) } else { worst };
        self.wrapped(
            "",
            &format::verdict(model),
            0,
            self.style_of(worst.unwrap_or_default()).effects(self.bold()),
        );
        let premature = format::premature(model);
        if premature > 0 {
            let line = format!(
                "{premature} ended during a request or response: `whohungup watch --verdict premature-hangup` shows each."
            );
            self.wrapped("", &line, 0, Style::new());
        }
    }

    /// One line each, before what is told of them.
    fn services(&mut self, all: &[Service]) {
        /// Columns of all but the name, each with the space before it.
        const WIDTHS: [usize; 6] = [10, 7, 8, 9, 10, 10];
        // Where there is little room, the share goes first, then the headroom: the two timers say as much.
        let shown: &[usize] = match self.look.columns {
            80.. => &[0, 1, 2, 3, 4, 5],
            72.. => &[0, 1, 3, 4, 5],
            _ => &[0, 1, 3, 4],
        };
        // `1.` and a space.
        let before = self.look.top.min(all.len()).to_string().len() + 2;
        let room =
            self.look.columns.saturating_sub(before) - shown.iter().map(|&at| WIDTHS[at]).sum::<usize>();
        let line = |cells: [&str; services::TITLES.len()], number: &str, style: Style| {
            let mut line = format!("{number:<before$}{:<room$}", clean(cells[0], room));
            for &at in shown {
                let (cell, width) = (cells[at + 1], WIDTHS[at] - 1);
                let _infallible = match at {
                    0 => write!(line, " {style}{cell:<width$}{style:#}"),
                    _ => write!(line, " {cell:>width$}"),
                };
            }
            line.trim_end().to_owned()
        };
        let dim = self.dim();
        let _infallible = writeln!(self.out, "\n{dim}{}{dim:#}", line(services::TITLES, "", Style::new()));
        for service in all.iter().take(self.look.top) {
            let number = service.number.filter(|number| *number <= self.look.top);
            let number = number.map_or_else(String::new, |number| format!("{number}."));
            // What only was not seen to be at risk is not green.
            let style = match service.risk {
                Risk::Unknown => Style::new(),
                Risk::Safe if !service.is_quiet => Style::new(),
                risk => self.style_of(risk).effects(self.bold()),
            };
            let _infallible = writeln!(self.out, "{}", line(service.cells(), &number, style));
        }
        self.more(all.len(), "service is", "services are");
    }

    /// `peer` is the number of an earlier endpoint that is the other end.
    fn endpoint(&mut self, number: usize, report: &EndpointReport, peer: Option<usize>) {
        let endpoint = &report.endpoint;
        let risk = if endpoint.losses.requests > 0 { Risk::Losing } else { endpoint.risk };
        let style = self.style_of(risk).effects(self.bold());
        let name = format::title(endpoint);
        let title = format::trouble(endpoint)
            .map_or_else(String::new, |what| format!("  {style}{}{style:#}", what.to_uppercase()));
        let bold = Style::new().effects(self.bold());
        let _infallible = writeln!(self.out, "\n{number}. {bold}{name}{bold:#}{title}");
        self.line("closes", &format::closes(endpoint));
        let stops = format::stops(endpoint);
        if let Some(peer) = peer {
            self.exits(stops.as_deref());
            self.line("other end", &format!("peer side of endpoint {peer}, see above"));
            return;
        }
        self.line("requests", &format::requests(endpoint));
        if let Some(lost) = format::lost(endpoint) {
            self.line("at stake", &lost);
        }
        let mut label = "timers";
        for (timer, named) in endpoint.timers.iter().zip(&report.named) {
            self.line(label, &format::timer(timer));
            if let Some(whose) = format::products(&named.candidates) {
                self.wrapped(&" ".repeat(MARGIN + 2), &whose, MARGIN + 2, self.dim());
            }
            label = "";
        }
        if endpoint.timers.is_empty() {
            self.line("timers", "none yet: a timer is recognized after three closes at the same time");
        }
        if let Some(announced) = format::announced(report) {
            self.line("announced", &announced);
        }
        self.exits(stops.as_deref());
        if let Some(keepalive) = format::keepalive(endpoint) {
            self.line("keepalive", &keepalive);
        }
        let inferred = || Some(format!("{} on this host", clean(report.peer.as_ref()?, 32)));
        if let Some(peers) = format::peers(endpoint).or_else(inferred) {
            self.line("other end", &peers);
        }
        self.drawing(report);
        self.advice(&report.advice);
    }

    fn exits(&mut self, stops: Option<&str>) {
        if let Some(stops) = stops {
            self.line("stops", stops);
        }
    }

    fn drawing(&mut self, report: &EndpointReport) {
        let endpoint = &report.endpoint;
        let gaps = gap_points(&endpoint.gaps);
        let of = |side| report.idle_timer(side).map(timer_points).unwrap_or_default();
        let (server, client) = (of(Side::Server), of(Side::Client));
        let all = gaps.iter().chain(&server).chain(&client).map(|(seconds, _)| *seconds);
        let Some(axis) = Axis::over(all, self.look.columns - MARGIN) else { return };
        self.out.push('\n');
        let danger = endpoint.headroom.map(|headroom| axis.column(headroom.server - headroom.margin));
        for (label, points) in [("reused", &gaps), ("server shuts", &server), ("client shuts", &client)] {
            if points.is_empty() {
                continue;
            }
            let bars = if label == "reused" { axis.wide_bars(points) } else { axis.bars(points) };
            let (calm, risky) = match danger {
                Some(column) if label == "reused" => {
                    let at = bars.char_indices().nth(column).map_or(bars.len(), |(at, _)| at);
                    bars.split_at(at)
                }
                _ => (bars.as_str(), ""),
            };
            let (gap, red) = match label {
                "reused" => (self.colour(AnsiColor::Green), self.colour(AnsiColor::Red)),
                _ => (self.colour(AnsiColor::Cyan), Style::new()),
            };
            let row = format!("{label:<MARGIN$}{gap}{calm}{gap:#}{red}{}{red:#}", risky.trim_end());
            let _infallible = writeln!(self.out, "{}", row.trim_end());
        }
        let dim = self.dim();
        let _infallible = writeln!(self.out, "{:MARGIN$}{dim}{}{dim:#}", "", axis.ticks());
    }

    fn advice(&mut self, advice: &[Advice]) {
        let mut why = "";
        for one in advice {
            // Alternatives share the reason.
            if one.why != why {
                self.out.push('\n');
                self.line("why", &clean(&one.why, TEXT));
                why = &one.why;
            }
            let label = if one.alternative { "or" } else { "do" };
            let bold = Style::new().effects(self.bold());
            let label = format!("{bold}{label:<MARGIN$}{bold:#}");
            self.wrapped(&label, &clean(&one.text, TEXT), MARGIN, Style::new());
        }
    }

    /// Processes that stopped listening.
    fn shutdowns(&mut self, model: &ReportModel) {
        let Some(headline) = shutdowns::headline(model) else { return };
        let bold = Style::new().effects(self.bold());
        let _infallible = writeln!(self.out, "\n{bold}Shutdowns{bold:#}: {headline}");
        for paragraph in shutdowns::paragraphs(model).take(self.look.top) {
            self.wrapped("", &paragraph.what, 0, Style::new());
            self.line("lost", &paragraph.cost);
            for remedy in &paragraph.remedies {
                self.line("do", &format!("{remedy}."));
            }
        }
    }

    /// Endpoints that need no change.
    fn table(&mut self, quiet: &[&EndpointReport], all_clear: bool) {
        if quiet.is_empty() {
            return;
        }
        let bold = Style::new().effects(self.bold());
        let (name, what) = format::quiet(all_clear);
        let _infallible = writeln!(self.out, "\n{bold}{name}{bold:#}: {what}");
        let dim = self.dim();
        let _infallible = writeln!(
            self.out,
            "{dim}{:<16} {:<7} {:>5} {:>8} {:>8} {:>9} {:>9} {:>9}{}{dim:#}",
            "PROCESS",
            "ROLE",
            "PORT",
            "CLOSES",
            "REQ/CONN",
            "LONGEST",
            "SERVER",
            "CLIENT",
            if quiet.iter().any(|report| report.endpoint.workload.is_some()) { "  WORKLOAD" } else { "" }
        );
        for report in quiet.iter().take(self.look.top) {
            let endpoint = &report.endpoint;
            let seconds = |value: Option<f64>| value.map_or("-".to_owned(), measured);
            let timer = |side| seconds(report.idle_timer(side).map(|timer| timer.seconds));
            let port = endpoint.key.server_port.map_or("-".to_owned(), |port| port.to_string());
            let row = format!(
                "{:<16} {:<7} {port:>5} {:>8} {:>8} {:>9} {:>9} {:>9}  {}",
                format::process(endpoint),
                endpoint.key.role,
                endpoint.closes,
                format::per_connection(endpoint).map_or("-".to_owned(), |each| format!("{each:.1}")),
                seconds(endpoint.gaps.longest),
                timer(Side::Server),
                timer(Side::Client),
                endpoint
                    .workload
                    .as_ref()
                    .map_or_else(String::new, |workload| clean(&workload.to_string(), 64)),
            );
            let _infallible = writeln!(self.out, "{}", row.trim_end());
        }
        self.more(quiet.len(), "is", "are");
        for report in quiet.iter().take(self.look.top) {
            if let Some(keepalive) = format::keepalive(&report.endpoint) {
                self.line("keepalive", &format!("{}: {keepalive}", format::title(&report.endpoint)));
            }
        }
    }

    fn more(&mut self, all: usize, one: &str, many: &str) {
        let more = all.saturating_sub(self.look.top);
        if more > 0 {
            let are = if more == 1 { one } else { many };
            let _infallible = writeln!(self.out, "\n{more} more {are} not shown; --top {all} shows all.");
        }
    }

    fn line(&mut self, label: &str, text: &str) {
        self.wrapped(&format!("{label:<MARGIN$}"), text, MARGIN, Style::new());
    }

    /// `text` after `label`, broken between words; code between back-ticks is not broken.
    fn wrapped(&mut self, label: &str, text: &str, indent: usize, style: Style) {
        let room = self.look.columns.saturating_sub(indent).max(20);
        let mut lines = Vec::new();
        let mut line = String::new();
        for word in words(text) {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > room {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&word);
        }
        lines.push(line);
        for (index, line) in lines.iter().enumerate() {
            let before = if index == 0 { label.to_owned() } else { " ".repeat(indent) };
            let _infallible = writeln!(self.out, "{before}{style}{line}{style:#}");
        }
    }

    fn style_of(&self, risk: Risk) -> Style {
        match risk {
            Risk::Losing => self.colour(AnsiColor::Red),
            Risk::Mismatch | Risk::Tie => self.colour(AnsiColor::Yellow),
            Risk::Safe | Risk::Unknown => self.colour(AnsiColor::Green),
        }
    }

    fn colour(&self, colour: AnsiColor) -> Style {
        if self.look.coloured { Style::new().fg_color(Some(colour.into())) } else { Style::new() }
    }

    fn bold(&self) -> Effects {
        if self.look.coloured { Effects::BOLD } else { Effects::new() }
    }

    fn dim(&self) -> Style {
        if self.look.coloured { Style::new().dimmed() } else { Style::new() }
    }
}

/// Words, with what is between two back-ticks as one, unless it is long, and a number with its unit.
fn words(text: &str) -> Vec<String> {
    const LONGEST: usize = 40;
    let mut words: Vec<String> = Vec::new();
    let mut inside = false;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let unit = ["s", "min", "h", "%"].contains(&word.trim_end_matches([',', '.', ';', ':', ')']));
        match words.last_mut().filter(|last| unit || (inside && last.chars().count() < LONGEST)) {
            Some(last) => {
                last.push(' ');
                last.push_str(word);
            }
            None => words.push(word.to_owned()),
        }
        if word.matches('`').count() % 2 == 1 {
            inside = !inside;
        }
    }
    words
}

#[cfg(test)]
mod tests;
