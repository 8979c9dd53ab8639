//! What each capability is for: the table of README.md, "Privileges", each row by what fails without it. And what is left of
//! them once the probes are attached.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::Ipv4Addr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

use caps::Capability;
use harness::{Daemon, Namespace, port, run, wait};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    agent::BINARY,
    gate::require,
    peer::{Dialled, listen},
};

const NOBODY: &str = "65534";
const UNIT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/whohungup.service");
/// Exposure of the unit by systemd's own account, from 0 (safe) to 10.
const MOST_EXPOSED: f64 = 2.6;
const WITHIN: Duration = Duration::from_secs(30);
/// Of every set that is tried, unless it says otherwise.
const ALL: [&str; 6] = ["bpf", "perfmon", "net_admin", "sys_admin", "sys_ptrace", "dac_read_search"];

/// A user without any privilege, who may run a copy of the agent.
pub(crate) struct Nobody(TempDir);

impl Nobody {
    pub(crate) fn new() -> Self {
        // Nobody may not look into the build's directory.
        let directory = tempfile::tempdir().expect("a directory");
        let made = Self(directory);
        fs::copy(BINARY, made.binary()).expect("copy the binary");
        for path in [made.0.path(), &made.binary()] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("chmod");
        }
        made
    }

    pub(crate) fn binary(&self) -> PathBuf {
        self.0.path().join("whohungup")
    }

    /// The agent with these capabilities and no other.
    pub(crate) fn with<'a>(&self, capabilities: impl IntoIterator<Item = &'a str>) -> Command {
        let wanted = capabilities.into_iter().map(|name| format!(",+{name}"));
        let set = ["-all".to_owned()].into_iter().chain(wanted).collect::<String>();
        let mut command = Command::new("setpriv");
        command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--no-new-privs"]);
        for kind in ["--inh-caps", "--ambient-caps", "--bounding-set"] {
            command.args([kind, &set]);
        }
        command.arg(self.binary());
        command
    }
}

fn without<'a>(left_out: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    ALL.into_iter().filter(|name| !left_out.contains(name))
}

/// What the agent sees with some capabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    /// The owner of a connection that is older than the agent.
    owner: bool,
    /// The connections that are older, in other network namespaces.
    namespace: bool,
    /// What the programs cost.
    cost: bool,
    /// HTTP messages.
    http: bool,
}

const EVERYTHING: Seen = Seen { owner: true, namespace: true, cost: true, http: true };

fn seen(nobody: &Nobody, capabilities: &[&str], options: &[&str]) -> Seen {
    let (listener, elsewhere) = (listen(), Namespace::make());
    let port = listener.local_addr().expect("address").port();
    let mut old = Dialled::to(&listener);
    old.exchange();
    let _kept = elsewhere.within(|| Dialled::to(&port::listen(Ipv4Addr::LOCALHOST).expect("a listener")));
    let mut command = nobody.with(capabilities.iter().copied());
    command.args(["run", "--listen", "127.0.0.1:0", "--bpf-stats", "always"]).args(options);
    let daemon = Daemon::start_by(&nobody.binary(), &mut command).expect("it runs");
    old.exchange();
    // The client does nothing about it: only who held it before can be named.
    drop(old.server);
    let close = wait::until("the client's end", WITHIN, || {
        let closes = answer(&daemon, &format!("/api/v1/closes?port={port}&role=client"))?;
        Ok(closes["closes"].as_array().and_then(|closes| closes.first().cloned()))
    });
    let close = close.expect("a close");
    let samples = daemon.samples().expect("a scrape");
    Seen {
        owner: !close["process"].is_null(),
        namespace: samples["whohungup_degraded{reason=\"namespaces\"}"] < 0.5,
        // Run times count on where another program has turned statistics on.
        cost: samples["whohungup_bpf_stats_enabled_seconds_total"] > 0.0,
        http: close["basis"] == "http",
    }
}

fn answer(daemon: &Daemon, path: &str) -> anyhow::Result<Value> {
    let answer = daemon.get(path)?;
    let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    Ok(serde_json::from_str(body)?)
}

/// What it says where it cannot run.
fn refusal(nobody: &Nobody, capabilities: &[&str]) -> String {
    let mut command = nobody.with(capabilities.iter().copied());
    let Output { status, stderr, .. } =
        command.args(["run", "--listen", "127.0.0.1:0"]).output().expect("run");
    assert!(!status.success(), "{capabilities:?}");
    String::from_utf8_lossy(&stderr).into_owned()
}

#[test]
fn each_capability_is_needed_for_what_the_readme_says() {
    require!("setpriv", "ip");
    let nobody = Nobody::new();
    let seen_without =
        |left_out: &[&str], options: &[&str]| seen(&nobody, &without(left_out).collect::<Vec<_>>(), options);
    assert_eq!(seen_without(&[], &[]), EVERYTHING);
    // CAP_SYS_ADMIN stands for these two, as it did before Linux 5.8; from 6.9 on for CAP_NET_ADMIN too.
    assert_eq!(seen_without(&["bpf", "perfmon"], &[]), EVERYTHING);
    for lacking in ["bpf", "perfmon", "net_admin"] {
        let said = refusal(&nobody, &without(&[lacking, "sys_admin"]).collect::<Vec<_>>());
        let name = format!("CAP_{}", lacking.to_ascii_uppercase());
        assert!(said.contains(&name) || said.contains("http_in"), "without {lacking}: {said}");
    }
    let lifecycle = ["--http-inspection", "off"];
    let poorest = Seen { namespace: false, cost: false, http: false, ..EVERYTHING };
    assert_eq!(seen_without(&["net_admin", "sys_admin"], &lifecycle), poorest);
    let poorer = Seen { namespace: false, cost: false, ..EVERYTHING };
    assert_eq!(seen_without(&["sys_admin"], &[]), poorer);
    for lacking in ["sys_ptrace", "dac_read_search"] {
        let seen = seen_without(&[lacking], &[]);
        assert!(!seen.owner && seen.cost && seen.http, "without {lacking}: {seen:?}");
    }
}

/// The effective and permitted capabilities of each thread, by its name.
fn of_threads(process: u32) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for thread in fs::read_dir(format!("/proc/{process}/task")).expect("threads").flatten() {
        let Ok(status) = fs::read_to_string(thread.path().join("status")) else { continue };
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let name = field("Name:").expect("a name").to_owned();
        for set in ["CapEff:", "CapPrm:", "CapInh:", "CapAmb:"] {
            let mask = u64::from_str_radix(field(set).expect(set), 16).expect("a mask");
            let held =
                caps::all().into_iter().filter(|capability: &Capability| mask & capability.bitmask() != 0);
            found.entry(name.clone()).or_default().extend(held.map(|capability| capability.to_string()));
        }
    }
    found
}

fn names(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn what_is_needed_to_attach_is_given_up_by_every_thread() {
    require!("setpriv");
    let nobody = Nobody::new();
    let observer = names(&["CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"]);
    let others = names(&["CAP_DAC_READ_SEARCH", "CAP_DAC_OVERRIDE"]);
    let record = tempfile::tempdir().expect("a directory");
    // As root, as in a container, everything; as the unit's user, six.
    for (mut command, options) in [
        (
            Command::new(BINARY),
            &["--record", record.path().to_str().expect("text"), "--otlp", "logs,metrics"][..],
        ),
        (nobody.with(ALL), &[]),
    ] {
        command.args(["run", "--listen", "127.0.0.1:0"]).args(options);
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1");
        let daemon = Daemon::start_by(Path::new(BINARY), &mut command).expect("it runs");
        // The server's threads are there once somebody has asked.
        daemon.samples().expect("a scrape");
        let threads = of_threads(daemon.id());
        assert_eq!(threads["observer"], observer, "{threads:?}");
        assert!(threads.len() >= 2, "{threads:?}");
        for (name, held) in threads.iter().filter(|(name, _)| *name != "observer") {
            assert!(held.is_subset(&others), "{name}: {threads:?}");
        }
    }
}

#[test]
fn uprobes_that_come_later_keep_what_attaches_them() {
    require!();
    let mut command = Command::new(BINARY);
    command.args(["run", "--listen", "127.0.0.1:0", "--tls", "openssl"]);
    let daemon = Daemon::start_by(Path::new(BINARY), &mut command).expect("it runs");
    let observer = &of_threads(daemon.id())["observer"];
    assert!(names(&["CAP_BPF", "CAP_PERFMON", "CAP_NET_ADMIN"]).is_subset(observer), "{observer:?}");
    assert!(!observer.contains("CAP_SYS_RAWIO") && !observer.contains("CAP_SETUID"), "{observer:?}");
}

#[test]
fn systemd_finds_the_unit_little_exposed() {
    if harness::gate::program("systemd-analyze").is_none() {
        return;
    }
    let said = run(Command::new("systemd-analyze").args(["security", "--no-pager", "--offline=true", UNIT]));
    let said = said.expect("an analysis");
    let exposure =
        said.lines().find_map(|line| line.split_once("Overall exposure level for")?.1.split_once(": "));
    let exposure = exposure.and_then(|(_, rest)| rest.split_whitespace().next()?.parse::<f64>().ok());
    let exposure = exposure.unwrap_or_else(|| panic!("no exposure: {said}"));
    assert!(exposure < MOST_EXPOSED, "{said}");
}
