//! What the live tests need from the system, each with its reason.

use std::path::Path;

use anyhow::Result;

use crate::{
    debian::{self, Apt},
    process,
};

/// How to see that a package is there, whoever installed it.
#[derive(Debug, Clone, Copy)]
enum Probe {
    Program(&'static str),
    File(&'static str),
    Package,
}

#[derive(Debug)]
struct Requirement {
    package: &'static str,
    probe: Probe,
    reason: &'static str,
}

const LIVE_TESTS: &[Requirement] = &[
    Requirement {
        package: "nginx-light",
        probe: Probe::Program("nginx"),
        reason: "a server with real keep-alive, header and lingering-close timeouts",
    },
    Requirement {
        package: "haproxy",
        probe: Probe::Program("haproxy"),
        reason: "a proxy that resets and half-closes on its own timeouts",
    },
    Requirement {
        package: "tshark",
        probe: Probe::Program("tshark"),
        reason: "what the lab's truths are read with, and dumpcap, which captures it",
    },
    Requirement {
        package: "prometheus",
        probe: Probe::Program("promtool"),
        reason: "who scrapes the agent, plays the alerting rules and answers the dashboards; promtool, which checks all of it",
    },
    Requirement {
        package: "prometheus-alertmanager",
        probe: Probe::Program("prometheus-alertmanager"),
        reason: "who sends the alerts' messages; amtool, which checks the example for it",
    },
    Requirement {
        package: "chromium",
        probe: Probe::Program("chromium"),
        reason: "the browser in which the daemon's page is tested",
    },
    Requirement {
        package: "strace",
        probe: Probe::Program("strace"),
        reason: "what proves that the agent asks nobody for names",
    },
    Requirement {
        package: "qemu-system-x86",
        probe: Probe::Program("qemu-system-x86_64"),
        reason: "what boots the other kernels of `cargo xtask vm`",
    },
    Requirement {
        package: "curl",
        probe: Probe::Program("curl"),
        reason: "a client that gives up on a deadline",
    },
    Requirement {
        package: "nodejs",
        probe: Probe::Program("node"),
        reason: "a server whose idle timeout races with its clients",
    },
    Requirement {
        package: "npm",
        probe: Probe::Program("npm"),
        reason: "what Grafana publishes of its dashboards' types, and PromQL's parser",
    },
    Requirement {
        package: "python3",
        probe: Probe::File("/usr/bin/python3"),
        reason: "clients and servers that close with unread data",
    },
    Requirement {
        package: "python3-requests",
        probe: Probe::Package,
        reason: "a pooled client that writes to a connection its server has closed",
    },
    Requirement {
        package: "openssl",
        probe: Probe::Program("openssl"),
        reason: "certificates for servers that speak TLS",
    },
    Requirement {
        package: "iproute2",
        probe: Probe::Program("ip"),
        reason: "network namespaces, lost packets (tc) and killed sockets (ss -K)",
    },
    Requirement {
        package: "nftables",
        probe: Probe::Program("nft"),
        reason: "routers that forget flows and reset them",
    },
];

/// Packages of the live tests that are not on this machine.
pub(crate) fn missing() -> Vec<String> {
    missing_among(LIVE_TESTS, is_present)
}

/// Installs what the live tests miss, or only names it.
pub(crate) fn provide(apt: Option<&Apt>, may_install: bool) -> Result<()> {
    let missing = missing();
    if missing.is_empty() {
        eprintln!("everything the live tests need is here");
        return Ok(());
    }
    for requirement in LIVE_TESTS.iter().filter(|r| missing.iter().any(|package| package == r.package)) {
        eprintln!("missing {}: {}", requirement.package, requirement.reason);
    }
    match apt {
        Some(apt) if may_install => apt.install(&missing, "that the live tests need"),
        _ => {
            eprintln!("to install them: {}", debian::install_line(&missing.join(" ")));
            Ok(())
        }
    }
}

fn is_present(requirement: &Requirement) -> bool {
    match requirement.probe {
        Probe::Program(name) => process::find_program(name, &[]).is_some(),
        Probe::File(path) => Path::new(path).is_file(),
        Probe::Package => debian::is_installed(requirement.package),
    }
}

fn missing_among(table: &[Requirement], is_present: impl Fn(&Requirement) -> bool) -> Vec<String> {
    table.iter().filter(|r| !is_present(r)).map(|r| r.package.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_requirement_has_a_reason_and_is_named_once() {
        let names: HashSet<_> = LIVE_TESTS.iter().map(|r| r.package).collect();

        assert_eq!(names.len(), LIVE_TESTS.len());
        for requirement in LIVE_TESTS {
            assert!(!requirement.reason.is_empty(), "{} has no reason", requirement.package);
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c);
            assert!(requirement.package.chars().all(plain), "{} is no package name", requirement.package);
        }
    }

    #[test]
    fn only_what_is_not_present_is_missing() {
        let missing = missing_among(LIVE_TESTS, |r| r.package != "haproxy" && r.package != "curl");

        assert_eq!(missing, ["haproxy", "curl"]);
    }

    #[test]
    fn nothing_is_missing_when_all_is_present() {
        assert!(missing_among(LIVE_TESTS, |_| true).is_empty());
    }
}
