//! `whohungup run` and `check`: metrics, health, the balance, and the privileges of the systemd unit.

use std::{
    io::Write as _,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use harness::{Daemon, Ended, Samples, gate::program, metric, sum};
use rustix::process::Signal;

use crate::{
    agent::{self, BINARY},
    gate::require,
    peer::{Dialled, listen},
    privileges::Nobody,
};

/// What deploy/whohungup.service gives.
const UNIT: &str = include_str!("../../../deploy/whohungup.service");

#[test]
fn the_daemon_counts_each_close_once_and_the_balance_holds_in_every_scrape() {
    require!();
    let daemon = agent::daemon();
    for path in ["/healthz", "/readyz"] {
        assert!(daemon.get(path).expect("an answer").starts_with("HTTP/1.1 200"));
    }
    let listener = listen();
    let port = listener.local_addr().expect("address").port();
    for _ in 0..3 {
        let mut dialled = Dialled::to(&listener);
        dialled.exchange();
        thread::sleep(Duration::from_millis(250));
        let Dialled { client, server } = dialled;
        drop(server);
        drop(client);
    }
    let reported = |samples: &Samples, role: &str| {
        let series = format!("whohungup_closes_total{{role=\"{role}\",server_port=\"{port}\"");
        let ours = samples.iter().filter(|(name, _)| name.starts_with(&series));
        ours.filter(|(name, _)| name.contains("verdict=\"server-idle\",closer=\"server\""))
            .map(|(_, value)| value)
            .sum::<f64>()
    };
    let samples = daemon.wait_for(|samples| {
        let opened = sum(samples, "whohungup_connections_opened_total")
            + sum(samples, &format!("whohungup_{}", metric::CONNECTIONS_PREEXISTING));
        let closed = sum(samples, "whohungup_connections_closed_total");
        let open = sum(samples, "whohungup_connections_open{");
        assert!((opened - closed - open).abs() < 0.5, "{opened} opened, {closed} closed, {open} open");
        assert!(samples["whohungup_connections_balance"].abs() < 0.5);
        reported(samples, "server") >= 3.0 && reported(samples, "client") >= 3.0
    });
    let samples = samples.expect("both ends of three closes");
    assert!((reported(&samples, "server") + reported(&samples, "client") - 6.0).abs() < 0.5, "{samples:#?}");
    assert!(sum(&samples, "whohungup_events_lost_total{").abs() < 0.5, "{samples:#?}");
    assert!(samples["whohungup_sockets_followed_total"] >= 6.0);
    assert!(samples.keys().any(|series| series.starts_with("whohungup_build_info{version=")));
    daemon.signal(Signal::TERM).expect("signal the daemon");
    daemon.wait().and_then(Ended::success).expect("a good end");
}

#[test]
fn promtool_finds_nothing_wrong_with_what_a_scraper_of_old_gets() {
    require!();
    let Some(promtool) = program("promtool") else { return };
    let daemon = agent::daemon();
    daemon.samples().expect("a scrape");
    let answer = daemon.get_as("/metrics", "text/plain;version=0.0.4").expect("an answer");
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
    require!();
    let taken = listen();
    let address = taken.local_addr().expect("address").to_string();
    let output = Command::new(BINARY).args(["run", "--listen", &address]).output().expect("run");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains(&address) && said.contains("--listen"), "{said}");
}

#[test]
fn an_ordinary_user_with_the_units_capabilities_can_run_it() {
    require!("setpriv");
    let wanted: Vec<String> = UNIT
        .lines()
        .filter_map(|line| line.strip_prefix("AmbientCapabilities=CAP_"))
        .map(str::to_ascii_lowercase)
        .collect();
    assert!(wanted.len() >= 3, "{wanted:?}");
    let nobody = Nobody::new();
    let copy = nobody.binary();
    let mut command = nobody.with(wanted.iter().map(String::as_str));
    let mut check = Command::new(command.get_program());
    check.args(command.get_args()).arg("check");
    let checked = check.output().expect("check");
    let table = String::from_utf8_lossy(&checked.stdout);
    assert!(checked.status.success() && !table.contains("degraded"), "{table}");

    let daemon = Daemon::start_by(&copy, command.args(["run", "--listen", "127.0.0.1:0"]));
    let daemon = daemon.expect("it runs as nobody");
    let samples = daemon.wait_for(|samples| sum(samples, "whohungup_closes_total{") >= 1.0);
    let samples = samples.expect("closes");
    assert!(samples["whohungup_connections_opened_total"] >= 1.0);
    daemon.signal(Signal::TERM).expect("signal the daemon");
    daemon.wait().and_then(Ended::success).expect("a good end");
}

#[test]
fn check_says_what_works_and_fails_where_run_would() {
    require!();
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
