//! Connections that are used again, after known gaps.

use std::{
    io::Write as _,
    thread,
    time::{Duration, Instant},
};

use harness::{
    CLOCK_TOLERANCE, Daemon, Samples,
    metric::{REQUESTS_COMPLETED, REQUESTS_STARTED},
    sum,
};

use crate::{
    agent,
    gate::require,
    peer::{Dialled, ask, listen, read_request, read_response},
};

const ROLES: [&str; 2] = ["client", "server"];
const MANY: u32 = 1000;

/// The series of one server port.
struct At(u16);

impl At {
    fn counted(&self, samples: &Samples, name: &str, role: &str) -> f64 {
        sum(samples, &format!("whohungup_{name}{{role=\"{role}\",server_port=\"{}\",", self.0))
    }

    /// Gaps that are no longer than `bound`.
    fn gaps_within(&self, samples: &Samples, bound: &str, role: &str) -> f64 {
        let (bound, port) = (format!("le=\"{bound}\""), format!("server_port=\"{}\"", self.0));
        let role = format!("role=\"{role}\"");
        let ours = samples.iter().filter(|(series, _)| {
            series.starts_with("whohungup_reuse_gap_seconds_bucket{")
                && [&bound, &port, &role].iter().all(|label| series.contains(label.as_str()))
        });
        ours.map(|(_, value)| value).sum()
    }

    /// Waits until so many requests are counted as started at either end.
    fn wait_for(&self, daemon: &Daemon, started: u32) -> Samples {
        let samples = daemon.wait_for(|samples| {
            ROLES.iter().all(|role| self.counted(samples, REQUESTS_STARTED, role) >= f64::from(started))
        });
        samples.expect("requests")
    }
}

fn assert_is(got: f64, want: u32, what: &str) {
    assert!((got - f64::from(want)).abs() < 0.5, "{what}: {got}, not {want}");
}

#[test]
fn each_gap_before_a_reuse_is_counted_once_at_either_end() {
    require!();
    let daemon = agent::daemon();
    let listener = listen();
    let at = At(listener.local_addr().expect("address").port());
    let mut dialled = Dialled::to(&listener);
    dialled.exchange();
    let mut waited = 0.0;
    for gap in [300, 1200] {
        let began = Instant::now();
        thread::sleep(Duration::from_millis(gap));
        waited += began.elapsed().as_secs_f64();
        dialled.exchange();
    }
    // Long gaps are reported as they come.
    let samples = at.wait_for(&daemon, 3);
    for role in ROLES {
        assert_is(at.counted(&samples, REQUESTS_STARTED, role), 3, role);
        assert_is(at.counted(&samples, REQUESTS_COMPLETED, role), 2, role);
    }
    dialled.exchange();
    dialled.exchange();
    let Dialled { client, server } = dialled;
    drop(server);
    drop(client);

    let samples = at.wait_for(&daemon, 5);
    for role in ROLES {
        for (name, want) in [
            (REQUESTS_STARTED, 5),
            (REQUESTS_COMPLETED, 5),
            ("requests_unanswered_total", 0),
            ("connection_reuses_total", 4),
            ("short_reuse_gaps_total", 2),
            ("reuse_gap_seconds_count", 2),
        ] {
            assert_is(at.counted(&samples, name, role), want, &format!("{name} of the {role}"));
        }
        for (bound, want) in [("1.0", 1), ("5.0", 2), ("+Inf", 2)] {
            assert_is(at.gaps_within(&samples, bound, role), want, &format!("<= {bound} of the {role}"));
        }
        let reported = at.counted(&samples, "reuse_gap_seconds_sum", role);
        assert!((reported - waited).abs() < 2.0 * CLOCK_TOLERANCE, "{reported} s of {waited} s, {role}");
        let longest = at.counted(&samples, "reuse_gap_max_seconds", role);
        assert!((1.19..1.4).contains(&longest), "{longest}");
    }
}

#[test]
fn a_thousand_requests_on_one_connection_are_counted_most_of_them_while_it_lives() {
    require!();
    let daemon = agent::daemon();
    let listener = listen();
    let at = At(listener.local_addr().expect("address").port());
    let mut dialled = Dialled::to(&listener);
    for _ in 0..MANY {
        dialled.exchange();
    }
    let samples = at.wait_for(&daemon, 768);
    for role in ROLES {
        let begun = at.counted(&samples, REQUESTS_STARTED, role);
        assert!(begun < f64::from(MANY), "the connection lives: {begun}");
    }
    drop(dialled);
    let samples = at.wait_for(&daemon, MANY);
    for role in ROLES {
        for (name, want) in [
            (REQUESTS_STARTED, MANY),
            (REQUESTS_COMPLETED, MANY),
            ("requests_unanswered_total", 0),
            ("connection_reuses_total", MANY - 1),
        ] {
            assert_is(at.counted(&samples, name, role), want, &format!("{name} of the {role}"));
        }
        let gaps = ["short_reuse_gaps_total", "reuse_gap_seconds_count"];
        let all: f64 = gaps.into_iter().map(|name| at.counted(&samples, name, role)).sum();
        assert_is(all, MANY - 1, &format!("gaps of the {role}"));
    }
}

#[test]
fn a_request_that_nobody_answered_is_counted_by_the_verdict() {
    require!();
    let daemon = agent::daemon();
    let listener = listen();
    let at = At(listener.local_addr().expect("address").port());
    let Dialled { mut client, mut server } = Dialled::to(&listener);
    ask(&mut client);
    read_request(&mut server);
    drop(server);
    drop(client);
    let samples = at.wait_for(&daemon, 1);
    for role in ROLES {
        let ours = format!("whohungup_requests_unanswered_total{{role=\"{role}\",server_port=\"{}\"", at.0);
        let reported = samples.iter().filter(|(series, value)| series.starts_with(&ours) && **value > 0.0);
        let reported: Vec<_> = reported.collect();
        assert!(
            reported.len() == 1 && reported[0].0.contains("verdict=\"premature-hangup\""),
            "{role}: {reported:?} of {samples:#?}"
        );
        assert_is(*reported[0].1, 1, role);
        assert_is(at.counted(&samples, REQUESTS_COMPLETED, role), 0, role);
    }
}

#[test]
fn a_close_tells_the_last_gap_and_what_the_server_announced() {
    require!();
    let (listener, agent) = agent::watched();
    let mut dialled = Dialled::to(&listener);
    let mut gap = 0.0;
    for wait in [0, 400] {
        let began = Instant::now();
        thread::sleep(Duration::from_millis(wait));
        gap = began.elapsed().as_secs_f64();
        ask(&mut dialled.client);
        read_request(&mut dialled.server);
        let response = "HTTP/1.1 200 OK\r\nServer: made/1.0\r\nKeep-Alive: timeout=5, max=98\r\nContent-Length: 2\r\n\r\nhi";
        dialled.server.write_all(response.as_bytes()).expect("write the response");
        read_response(&mut dialled.client);
    }
    let Dialled { client, server } = dialled;
    drop(server);
    drop(client);
    for close in agent.closes(2) {
        close.says("requests=2 requests_started=2 server=made/1.0 keep_alive/timeout=5 keep_alive/max=98");
        let reported = close.seconds("reuse_gap_seconds");
        assert!((reported - gap).abs() <= CLOCK_TOLERANCE, "{reported} s, in truth {gap} s");
    }
}
