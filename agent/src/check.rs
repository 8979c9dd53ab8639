//! `whohungup check`: a table of what works here.

use std::process::ExitCode;

use anstyle::{AnsiColor, Style};

use crate::{
    cli::HostArgs,
    container::{HostRoot, sees_host_pids},
};
use whohungup_bpf::{Finding, Standing, check as probe_check};

/// Prints one line a hook; fails when `run` would not start.
pub fn check(args: &HostArgs) -> ExitCode {
    let mut findings = probe_check();
    findings.extend([check_pids(), check_files(&HostRoot::find(args.host_root.as_deref()))]);
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

fn check_pids() -> Finding {
    let (standing, detail) = if sees_host_pids() {
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

fn line(finding: &Finding) -> String {
    let (word, colour) = match finding.standing {
        Standing::Works => ("ok", AnsiColor::Green),
        Standing::Degraded => ("degraded", AnsiColor::Yellow),
        Standing::Missing => ("missing", AnsiColor::Red),
    };
    let style = Style::new().fg_color(Some(colour.into()));
    format!("{:<32} {style}{word:<9}{style:#} {}", finding.hook, finding.detail)
}
