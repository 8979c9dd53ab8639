//! `whohungup check`: a table of what works here.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use anstyle::{AnsiColor, Style};

use crate::{
    cli::{CheckArgs, HostArgs},
    container::{HostRoot, is_proc_mounted, sees_host_pids},
    output::stdout::printed,
};
use whohungup_bpf::{Finding, Standing, check as probe_check, kernel_release};

/// Prints one line a hook, or one JSON object of all; fails when `run` would not start.
///
/// # Errors
/// When the output cannot be written.
pub fn check(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let (findings, starts) = findings(&args.host);
    let mut out = anstream::AutoStream::auto(io::stdout().lock());
    printed(if args.json {
        writeln!(out, "{}", json(&findings, starts))
    } else {
        print(&mut out, &findings, starts)
    })?;
    Ok(if starts { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What `--json` prints.
pub(crate) fn document(host: &HostArgs) -> serde_json::Value {
    let (findings, starts) = findings(host);
    json(&findings, starts)
}

/// And whether `run` would start.
fn findings(host: &HostArgs) -> (Vec<Finding>, bool) {
    let mut findings = probe_check();
    findings.extend([check_pids(), check_files(&HostRoot::find(host.host_root.as_deref()))]);
    let starts = findings.iter().all(|finding| finding.standing != Standing::Missing);
    (findings, starts)
}

/// Schema `whohungup.check/1`, docs/json.md.
fn json(findings: &[Finding], works: bool) -> serde_json::Value {
    let findings: Vec<_> = findings
        .iter()
        .map(|Finding { hook, standing, detail }| {
            serde_json::json!({ "hook": hook, "status": word(*standing), "detail": detail })
        })
        .collect();
    serde_json::json!({
        "schema": "whohungup.check/1",
        "version": env!("CARGO_PKG_VERSION"),
        "kernel": kernel_release(),
        "works": works,
        "findings": findings,
    })
}

fn print(out: &mut impl Write, findings: &[Finding], starts: bool) -> io::Result<()> {
    writeln!(out, "{:<32} {:<9} DETAIL", "HOOK", "STATUS")?;
    for finding in findings {
        writeln!(out, "{}", line(finding))?;
    }
    let degraded = findings.iter().filter(|finding| finding.standing == Standing::Degraded).count();
    match (starts, degraded) {
        (true, 0) => writeln!(out, "`whohungup run` works here"),
        (true, 1) => writeln!(out, "`whohungup run` works here, with 1 restriction"),
        (true, degraded) => writeln!(out, "`whohungup run` works here, with {degraded} restrictions"),
        (false, _) => writeln!(out, "`whohungup run` does not work here"),
    }
}

fn check_pids() -> Finding {
    let (standing, detail) = if !is_proc_mounted() {
        (Standing::Degraded, "unknown: /proc is not mounted; mount it (`mount -t proc proc /proc`)")
    } else if sees_host_pids() {
        (Standing::Works, "the host's")
    } else {
        let remedy = "those of a namespace of its own: owners of sockets, products and network namespaces are not found; \
                      run with the host's (Podman, Docker: --pid host; Kubernetes: hostPID)";
        (Standing::Degraded, remedy)
    };
    Finding { hook: "process ids".to_owned(), standing, detail: detail.to_owned() }
}

fn check_files(host: &HostRoot) -> Finding {
    let (standing, detail) = if host.is_a_containers() {
        let remedy = "those of the agent's own container: pods and containers are shown by their ids; give it the host's \
                      process ids and CAP_SYS_PTRACE, or mount the host's / read-only and name the place with --host-root";
        (Standing::Degraded, remedy.to_owned())
    } else {
        (Standing::Works, format!("names of containers are read below {}", host.as_path().display()))
    };
    Finding { hook: "host's files".to_owned(), standing, detail }
}

const fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Works => "ok",
        Standing::Degraded => "degraded",
        Standing::Missing => "missing",
    }
}

fn line(finding: &Finding) -> String {
    let colour = match finding.standing {
        Standing::Works => AnsiColor::Green,
        Standing::Degraded => AnsiColor::Yellow,
        Standing::Missing => AnsiColor::Red,
    };
    let word = word(finding.standing);
    let style = Style::new().fg_color(Some(colour.into()));
    format!("{:<32} {style}{word:<9}{style:#} {}", finding.hook, finding.detail)
}
