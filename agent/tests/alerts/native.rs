//! Native histograms, as Prometheus takes them.

use std::{path::Path, process::Command, time::Instant};

use harness::{Daemon, gate::program};

use crate::{
    AGENT, WITHIN, gate,
    monitoring::{Prometheus, free_address, number},
    services::{Habit, Service},
    testserver, wait_for,
};

#[test]
fn who_takes_native_histograms_has_the_idle_time_of_a_close_within_a_tenth() {
    if !gate::can_observe() {
        return;
    }
    let Some(prometheus) = program("prometheus") else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    let server = testserver();
    let mut command = Command::new(AGENT);
    command.args(["run", "--listen", "127.0.0.1:0", "--metrics-histograms", "native"]);
    let agent = Daemon::start_by(Path::new(AGENT), &mut command).expect("the agent");
    let features = ["--enable-feature=native-histograms"];
    let prometheus =
        Prometheus::start_with(&prometheus, directory, agent.address(), free_address(), &features);

    let mut service = Service::start("native", directory, &server, "700ms", 2, Habit::Leave);
    let labels = format!("{{role=\"server\", server_port=\"{}\", closer=\"server\"}}", service.port);
    let name = "whohungup_idle_at_close_seconds";
    let closes = wait_for("closes in a native histogram", Instant::now() + WITHIN, || {
        let series = prometheus.query(&format!("histogram_count({name}{labels})"));
        series.first().map(|one| number(&one["value"][1])).filter(|&closes| closes >= 10.0)
    });
    service.stop_clients();

    let median = prometheus.number(&format!("histogram_quantile(0.5, {name}{labels})"));
    eprintln!("{closes} closes, median idle time {median:.3} s");
    assert!((0.63..0.9).contains(&median), "the server closes after 0.7 s: {median}");
    assert!(prometheus.query(&format!("{name}_bucket{labels}")).is_empty(), "as docs/metrics.md says");
}
