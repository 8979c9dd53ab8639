//! `whohungup run` and `check`: metrics, health, the balance, and the privileges of the systemd unit.

use std::{
    collections::HashMap,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use crate::{
    agent::{Agent, BINARY, Ended},
    gate,
    peer::{ANYWHERE, Dialled},
};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0";
const NOBODY: &str = "65534";
/// What deploy/whohungup.service gives.
const UNIT: &str = include_str!("../../../deploy/whohungup.service");

/// A running `whohungup run`.
pub(crate) struct Daemon {
    agent: Agent,
    address: SocketAddr,
}

impl Daemon {
    pub(crate) fn start() -> Self {
        Self::of(Agent::start(&["run", "--listen", "127.0.0.1:0"]))
    }

    pub(crate) fn of(agent: Agent) -> Self {
        let told = agent.complaints().iter().find_map(|line| line.strip_prefix("metrics at http://"));
        let address = told.and_then(|rest| rest.strip_suffix("/metrics")).expect("the address");
        Self { address: address.parse().expect("an address"), agent }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.agent.signal(signal);
    }

    /// Waits until it ends by itself.
    pub(crate) fn wait(self) -> Ended {
        self.agent.wait()
    }

    pub(crate) fn get(&self, path: &str) -> String {
        self.get_as(path, OPEN_METRICS)
    }

    fn get_as(&self, path: &str, accept: &str) -> String {
        let mut stream = TcpStream::connect(self.address).expect("connect to the daemon");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("time-out");
        let accept = format!("Accept: {accept}\r\n");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: a\r\n{accept}Connection: close\r\n\r\n").expect("ask");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    }

    /// Every sample of a scrape by its series.
    fn samples(&self) -> HashMap<String, f64> {
        let answer = self.get("/metrics");
        assert!(answer.contains(OPEN_METRICS), "{answer}");
        assert!(answer.ends_with("# EOF\n"), "{answer}");
        let (_, text) = answer.split_once("\r\n\r\n").expect("a body");
        text.lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| {
                let (sample, _exemplar) = line.split_once(" # ").unwrap_or((line, ""));
                let (series, value) = sample.rsplit_once(' ').expect("a sample");
                (series.to_owned(), value.parse().expect("a number"))
            })
            .collect()
    }

    /// Scrapes until they are as wanted.
    pub(crate) fn wait_for(&self, want: impl Fn(&HashMap<String, f64>) -> bool) -> HashMap<String, f64> {
        let until = Instant::now() + Duration::from_secs(10);
        loop {
            let samples = self.samples();
            if want(&samples) {
                return samples;
            }
            assert!(Instant::now() < until, "{samples:#?}");
            thread::sleep(Duration::from_millis(100));
        }
    }
}

/// Of every series that begins like this.
pub(crate) fn sum(samples: &HashMap<String, f64>, prefix: &str) -> f64 {
    samples.iter().filter(|(series, _)| series.starts_with(prefix)).map(|(_, value)| value).sum()
}

#[test]
fn the_daemon_counts_each_close_once_and_the_balance_holds_in_every_scrape() {
    if !gate::can_observe() {
        return;
    }
    let daemon = Daemon::start();
    assert!(daemon.get("/healthz").starts_with("HTTP/1.1 200"));
    assert!(daemon.get("/readyz").starts_with("HTTP/1.1 200"));
    let listener = TcpListener::bind(ANYWHERE).expect("bind");
    let port = listener.local_addr().expect("address").port();
    for _ in 0..3 {
        let mut dialled = Dialled::to(&listener);
        dialled.exchange();
        thread::sleep(Duration::from_millis(250));
        let Dialled { client, server } = dialled;
        drop(server);
        drop(client);
    }
    let told = |samples: &HashMap<String, f64>, role: &str| {
        let series = format!("whohungup_closes_total{{role=\"{role}\",server_port=\"{port}\"");
        let ours = samples.iter().filter(|(name, _)| name.starts_with(&series));
        ours.filter(|(name, _)| name.contains("verdict=\"server-idle\",closer=\"server\""))
            .map(|(_, value)| value)
            .sum::<f64>()
    };
    let samples = daemon.wait_for(|samples| {
        let opened = sum(samples, "whohungup_connections_opened_total")
            + sum(samples, "whohungup_connections_preexisting_total");
        let closed = sum(samples, "whohungup_connections_closed_total");
        let open = sum(samples, "whohungup_connections_open{");
        assert!((opened - closed - open).abs() < 0.5, "{opened} opened, {closed} closed, {open} open");
        assert!(samples["whohungup_connections_balance"].abs() < 0.5);
        told(samples, "server") >= 3.0 && told(samples, "client") >= 3.0
    });
    assert!((told(&samples, "server") + told(&samples, "client") - 6.0).abs() < 0.5, "{samples:#?}");
    assert!(sum(&samples, "whohungup_events_lost_total{").abs() < 0.5, "{samples:#?}");
    assert!(samples["whohungup_sockets_followed_total"] >= 6.0);
    assert!(samples.keys().any(|series| series.starts_with("whohungup_build_info{version=")));
    daemon.agent.signal(Signal::TERM);
    assert!(daemon.agent.wait().status.success());
}

#[test]
fn promtool_finds_nothing_wrong_with_what_a_scraper_of_old_gets() {
    if !gate::can_observe() {
        return;
    }
    let Some(promtool) = gate::program("promtool") else { return };
    let daemon = Daemon::start();
    drop(daemon.samples());
    let answer = daemon.get_as("/metrics", "text/plain;version=0.0.4");
    let (head, text) = answer.split_once("\r\n\r\n").expect("a body");
    assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
    assert!(text.contains("\nwhohungup_connections_open{role=\"client\",state=\"established\"} "), "{text}");
    let mut checked = Command::new(promtool);
    checked.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut checked = checked.spawn().expect("promtool");
    checked.stdin.take().expect("its input").write_all(text.as_bytes()).expect("hand it the text");
    let said = checked.wait_with_output().expect("promtool");
    let words = [said.stdout, said.stderr].concat();
    assert!(said.status.success() && words.is_empty(), "{}", String::from_utf8_lossy(&words));
}

#[test]
fn a_port_in_use_is_one_clear_line() {
    if !gate::can_observe() {
        return;
    }
    let taken = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = taken.local_addr().expect("address").to_string();
    let output = Command::new(BINARY).args(["run", "--listen", &address]).output().expect("run");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains(&address) && said.contains("--listen"), "{said}");
}

#[test]
fn an_ordinary_user_with_the_units_capabilities_can_run_it() {
    if !gate::can_observe() || gate::program("setpriv").is_none() {
        return;
    }
    let wanted: Vec<String> = UNIT
        .lines()
        .filter_map(|line| line.strip_prefix("AmbientCapabilities=CAP_"))
        .map(|name| format!("+{}", name.to_ascii_lowercase()))
        .collect();
    assert!(wanted.len() >= 3, "{wanted:?}");
    let caps = format!("-all,{}", wanted.join(","));
    let mut command = Command::new("setpriv");
    command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--no-new-privs"]);
    for set in ["--inh-caps", "--ambient-caps", "--bounding-set"] {
        command.args([set, &caps]);
    }
    // Nobody may not look into the build's directory.
    let dir = tempfile::tempdir().expect("a directory");
    let copy = dir.path().join("whohungup");
    std::fs::copy(BINARY, &copy).expect("copy the binary");
    for path in [dir.path(), copy.as_path()] {
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("chmod");
    }
    command.arg(&copy);
    let mut check = Command::new(command.get_program());
    check.args(command.get_args()).arg("check");
    let checked = check.output().expect("check");
    let table = String::from_utf8_lossy(&checked.stdout);
    assert!(checked.status.success() && !table.contains("degraded"), "{table}");

    let daemon = Daemon::of(Agent::spawn(command.args(["run", "--listen", "127.0.0.1:0"])));
    let samples = daemon.wait_for(|samples| sum(samples, "whohungup_closes_total{") >= 1.0);
    assert!(samples["whohungup_connections_opened_total"] >= 1.0);
    daemon.agent.signal(Signal::TERM);
    assert!(daemon.agent.wait().status.success());
}

#[test]
fn check_says_what_works_and_fails_where_run_would() {
    if !gate::can_observe() {
        return;
    }
    let output = Command::new(BINARY).arg("check").output().expect("check");
    let table = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{table}");
    for hook in
        ["inet_sock_set_state", "tcp_send_reset", "tcp_receive_reset", "iter tcp", "cgroup_skb egress"]
    {
        assert!(table.lines().any(|line| line.contains(hook) && line.contains(" ok ")), "{hook}: {table}");
    }
    let missing = Command::new(BINARY).arg("check").env("WHOHUNGUP_BPF_OBJECT", "/nonexistent").output();
    let missing = missing.expect("check");
    assert!(!missing.status.success());
    assert!(String::from_utf8_lossy(&missing.stdout).contains("/nonexistent"));
}
