//! The report for a ticket: Markdown as GitHub, GitLab and Jira's editors read it.

use std::fmt::Write as _;

use super::{
    format, losses,
    services::{self, Service, services},
    shutdowns,
    sparkline::{Axis, gap_points, timer_points},
};
use crate::{
    advice::{EndpointReport, ReportModel, earlier_peers},
    duration::measured,
    format::capitalized,
    labels::Side,
    sanitize::clean,
    workload::Workload,
};

const TEXT: usize = 1200;
/// Columns of the drawing.
const COLUMNS: usize = 64;

/// The whole report; at most `top` endpoints in full and as many in the closing table.
pub fn markdown(model: &ReportModel, top: usize) -> String {
    let mut out = String::from("## whohungup report\n\n");
    let _infallible = writeln!(out, "**{}**\n", prose(&format::verdict(model)));
    for line in format::observed(&model.meta) {
        let _infallible = writeln!(out, "- {}", prose(&line));
    }
    let (loud, quiet): (Vec<_>, Vec<_>) = model.endpoints.iter().partition(|report| !report.is_quiet());
    if !loud.is_empty() {
        table_of_services(&mut out, &services(model), top);
    }
    for (index, (report, peer)) in loud.iter().zip(earlier_peers(&loud)).take(top).enumerate() {
        endpoint(&mut out, index + 1, report, peer.map(|peer| peer + 1));
    }
    more(&mut out, loud.len(), top);
    stopped(&mut out, model, top);
    table(&mut out, &quiet, top, losses::is_all_clear(model));
    out
}

/// One line each, before what is told of them.
fn table_of_services(out: &mut String, all: &[Service], top: usize) {
    let titles = services::TITLES.map(str::to_lowercase).join(" | ");
    let _infallible = writeln!(out, "\n| | {titles} |\n|---:|---|---|---:|---:|---:|---:|---:|");
    for service in all.iter().take(top) {
        let number = service.number.filter(|number| *number <= top);
        let number = number.map_or_else(String::new, |number| number.to_string());
        let [name, rest @ ..] = service.cells();
        let rest = rest.map(cell).join(" | ");
        let _infallible = writeln!(out, "| {number} | {} | {rest} |", code_cell(name));
    }
    more(out, all.len(), top);
}

/// Processes that stopped listening.
fn stopped(out: &mut String, model: &ReportModel, top: usize) {
    let Some(headline) = shutdowns::headline(model) else { return };
    let _infallible = writeln!(out, "\n### Shutdowns\n\n{}.", prose(&capitalized(&headline)));
    for paragraph in shutdowns::paragraphs(model).take(top) {
        let _infallible = writeln!(out, "\n- {}: {}", prose(&paragraph.what), prose(&paragraph.cost));
        for remedy in &paragraph.remedies {
            let _infallible = writeln!(out, "  - **Do:** {}.", prose(remedy));
        }
    }
}

/// `peer` is the number of an earlier endpoint that is the other end.
fn endpoint(out: &mut String, number: usize, report: &EndpointReport, peer: Option<usize>) {
    let endpoint = &report.endpoint;
    let risk = format::trouble(endpoint).map_or_else(String::new, |what| format!(": {what}"));
    let _infallible = writeln!(
        out,
        "\n### {number}. {} {}{}{risk}\n",
        code(&format::process(endpoint)),
        format::role_and_port(endpoint),
        whose(endpoint.workload.as_ref())
    );
    let mut item = |text: &str| {
        let _infallible = writeln!(out, "- {}", prose(text));
    };
    item(&format::closes(endpoint));
    let stops = format::stops(endpoint).map(|stops| format!("stops: {stops}"));
    if let Some(peer) = peer {
        if let Some(stops) = &stops {
            item(stops);
        }
        item(&format!("peer side of endpoint {peer}, see above"));
        return;
    }
    item(&format!("requests: {}", format::requests(endpoint)));
    if let Some(lost) = format::lost(endpoint) {
        item(&lost);
    }
    if let Some(announced) = format::announced(report) {
        item(&announced);
    }
    if let Some(stops) = &stops {
        item(stops);
    }
    if let Some(keepalive) = format::keepalive(endpoint) {
        item(&keepalive);
    }
    if let Some(peers) = format::peers(endpoint) {
        let _infallible = writeln!(out, "- other end: {}", code(&peers));
    } else if let Some(peer) = &report.peer {
        let _infallible = writeln!(out, "- the other end is {} on this host", code(&clean(peer, 32)));
    }
    if !endpoint.timers.is_empty() {
        out.push_str("\n| timer | closes | product |\n|---|---|---|\n");
        for (timer, named) in endpoint.timers.iter().zip(&report.named) {
            let products = format::products(&named.candidates).unwrap_or_default();
            let line = format::timer(timer);
            let (timer, closes) = line.split_once(", ").unwrap_or((&line, ""));
            let _infallible = writeln!(out, "| {} | {} | {} |", cell(timer), cell(closes), cell(&products));
        }
    }
    drawing(out, report);
    let mut why = "";
    for one in &report.advice {
        if one.why != why {
            let _infallible = writeln!(out, "\n**Why:** {}\n", prose(&clean(&one.why, TEXT)));
            why = &one.why;
        }
        let label = if one.alternative { "Or" } else { "Do" };
        let _infallible = writeln!(out, "- **{label}:** {}", prose(&clean(&one.text, TEXT)));
    }
}

/// ` in` and whose it is, as code, or nothing.
fn whose(workload: Option<&Workload>) -> String {
    workload.map_or_else(String::new, |workload| format!(" in {}", code(&clean(&workload.to_string(), 64))))
}

fn drawing(out: &mut String, report: &EndpointReport) {
    let gaps = gap_points(&report.endpoint.gaps);
    let of = |side| report.idle_timer(side).map(timer_points).unwrap_or_default();
    let (server, client) = (of(Side::Server), of(Side::Client));
    let all = gaps.iter().chain(&server).chain(&client).map(|(seconds, _)| *seconds);
    let Some(axis) = Axis::over(all, COLUMNS) else { return };
    out.push_str("\n```text\n");
    for (label, points) in [("reused", &gaps), ("server shuts", &server), ("client shuts", &client)] {
        if !points.is_empty() {
            let _infallible = writeln!(
                out,
                "{}",
                format!(
                    "{label:<13}{}",
                    if label == "reused" { axis.wide_bars(points) } else { axis.bars(points) }
                )
                .trim_end()
            );
        }
    }
    let _infallible = writeln!(out, "{:13}{}\n```", "", axis.ticks());
}

fn table(out: &mut String, quiet: &[&EndpointReport], top: usize, all_clear: bool) {
    if quiet.is_empty() {
        return;
    }
    let (name, what) = format::quiet(all_clear);
    let _infallible = writeln!(out, "\n### {name}\n\n{}.\n", capitalized(what));
    out.push_str(
        "| process | role | port | closes | requests per connection | longest gap | server's timer | client's timer | workload |\n\
         |---|---|---:|---:|---:|---:|---:|---:|---|\n",
    );
    for report in quiet.iter().take(top) {
        let endpoint = &report.endpoint;
        let seconds = |value: Option<f64>| value.map_or("-".to_owned(), measured);
        let timer = |side| seconds(report.idle_timer(side).map(|timer| timer.seconds));
        let _infallible = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            code_cell(&format::process(endpoint)),
            endpoint.key.role,
            endpoint.key.server_port.map_or("-".to_owned(), |port| port.to_string()),
            endpoint.closes,
            format::per_connection(endpoint).map_or("-".to_owned(), |each| format!("{each:.1}")),
            seconds(endpoint.gaps.longest),
            timer(Side::Server),
            timer(Side::Client),
            endpoint
                .workload
                .as_ref()
                .map_or_else(String::new, |workload| code_cell(&clean(&workload.to_string(), 64))),
        );
    }
    more(out, quiet.len(), top);
    for report in quiet.iter().take(top) {
        if let Some(keepalive) = format::keepalive(&report.endpoint) {
            let _infallible =
                writeln!(out, "\n{}: {}.", prose(&format::title(&report.endpoint)), prose(&keepalive));
        }
    }
}

fn more(out: &mut String, all: usize, top: usize) {
    let more = all.saturating_sub(top);
    if more > 0 {
        let _infallible = writeln!(out, "\nand {more} more.");
    }
}

/// Text in which only what is between back-ticks is Markdown, as code.
fn prose(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    // An odd back-tick opens nothing.
    let paired = parts.len() % 2 == 1;
    let mut out = String::new();
    for (index, part) in parts.iter().enumerate() {
        if index % 2 == 1 && (paired || index + 1 < parts.len()) {
            out.push_str(&code(part));
        } else {
            out.push_str(&escaped(part));
        }
    }
    out
}

fn cell(text: &str) -> String {
    // In a table a bar ends a cell even within code; the back-slash before it is not shown.
    prose(text).replace("\\|", "|").replace('|', "\\|")
}

/// A code span that nothing in `text` can end.
fn code(text: &str) -> String {
    let text = if text.is_empty() { "?" } else { text };
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

fn code_cell(text: &str) -> String {
    code(text).replace('|', "\\|")
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if matches!(c, '\\' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '~' | '@' | '&') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests;
