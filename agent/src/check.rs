//! `whohungup check`: a table of what works here.

use std::process::ExitCode;

use anstyle::{AnsiColor, Style};

use whohungup_bpf::{Finding, Standing, check as probe_check};

/// Prints one line a hook; fails when `run` would not start.
pub fn check() -> ExitCode {
    let findings = probe_check();
    anstream::println!("{:<32} {:<9} DETAIL", "HOOK", "STATUS");
    for finding in &findings {
        anstream::println!("{}", line(finding));
    }
    let starts = findings.iter().all(|finding| finding.standing != Standing::Missing);
    let degraded = findings.iter().filter(|finding| finding.standing == Standing::Degraded).count();
    match (starts, degraded) {
        (true, 0) => anstream::println!("`whohungup run` works here"),
        (true, 1) => anstream::println!("`whohungup run` works here, with 1 restriction"),
        (true, degraded) => anstream::println!("`whohungup run` works here, with {degraded} restrictions"),
        (false, _) => anstream::println!("`whohungup run` does not work here"),
    }
    if starts { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn line(finding: &Finding) -> String {
    let (word, colour) = match finding.standing {
        Standing::Works => ("ok", AnsiColor::Green),
        Standing::Degraded => ("degraded", AnsiColor::Yellow),
        Standing::Missing => ("missing", AnsiColor::Red),
    };
    let style = Style::new().fg_color(Some(colour.into()));
    format!("{:<32} {style}{word:<9}{style:#} {}", finding.hook, finding.detail)
}
