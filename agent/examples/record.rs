//! How fast the record answers: writes a day's closes of 40 services, and asks for some of them.
//!
//! `cargo run --release --example record -- DIR [CLOSES]`

use std::{
    borrow::Cow,
    net::{Ipv4Addr, SocketAddr},
    ops::ControlFlow,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use whohungup::record::{Found, Interval, Limits, Reserved, Scan, Settings};
use whohungup_core::{
    close::{CloseId, ClosedConnection, Code, CommunityId, SCHEMA},
    filter::Filter,
    identity::{Comm, Ends, Process},
    labels::{Basis, Cause, CloseType, Closer, Confidence, Phase, Protocol, Race, Role, Verdict},
    workload::{Names, Workload, WorkloadKind},
};

const SERVICES: u64 = 40;
const DAY: SignedDuration = SignedDuration::from_hours(24);

fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let directory = args.next().context("usage: record DIR [CLOSES]")?;
    let closes = args.next().map_or(Ok(1_000_000), |text| text.parse()).context("CLOSES is no number")?;
    let directory = Path::new(&directory);
    let begins = Timestamp::now().checked_sub(DAY)?;
    let began = Instant::now();
    write(directory, begins, closes)?;
    println!("{closes} closes written in {:.1} s", began.elapsed().as_secs_f64());
    let all_day = Interval { since: begins, until: Timestamp::now() };
    let at = begins.checked_add(SignedDuration::from_hours(5))?;
    let minutes = Interval { since: at, until: at.checked_add(SignedDuration::from_mins(10))? };
    let port = Filter { ports: vec![8017], ..Filter::default() };
    let races = Filter { verdicts: vec![Verdict::IdleRace], ..Filter::default() };
    let pods = Filter { pods: vec!["checkout-*".to_owned()], ..Filter::default() };
    for (question, interval, filter) in [
        ("one port in ten minutes", minutes, &port),
        ("everything in ten minutes", minutes, &Filter::default()),
        ("one port in all", all_day, &port),
        ("races in all", all_day, &races),
        ("pods by pattern in all", all_day, &pods),
        ("everything", all_day, &Filter::default()),
    ] {
        let began = Instant::now();
        let mut found = 0;
        let scanned = Scan { directory, interval, filter, newest: None }.run(|Found { .. }| {
            found += 1;
            ControlFlow::Continue(())
        })?;
        let seconds = began.elapsed().as_secs_f64();
        println!(
            "{question}: {found} closes in {seconds:.3} s ({} of {} blocks read)",
            scanned.read,
            scanned.read + scanned.passed_over
        );
    }
    Ok(())
}

fn write(directory: &Path, begins: Timestamp, closes: u64) -> anyhow::Result<()> {
    let mut recorder = Reserved::take(Settings {
        directory: directory.to_owned(),
        limits: Limits { bytes: 1 << 40, age: Duration::from_hours(48), rate: u32::MAX },
        filter: Filter::default(),
        omit: Vec::new(),
        redact: Vec::new(),
    })?
    .start()?;
    let workloads: Vec<Workload> = (0..SERVICES)
        .map(|service| {
            let mut names = Names::new(WorkloadKind::Pod);
            names.namespace = Some("shop".to_owned());
            names.pod = Some(format!("{}-7d9f8c6b5-x2k4q", if service == 17 { "checkout" } else { "other" }));
            Workload::new(names)
        })
        .collect();
    for number in 0..closes {
        let after = number as f64 / closes as f64 * DAY.as_secs_f64();
        let time = begins.checked_add(SignedDuration::from_secs_f64(after))?;
        recorder.take(&close(number, time, &workloads));
        while number - recorder.stats().written > 4000 {
            std::thread::yield_now();
        }
    }
    anyhow::ensure!(recorder.stats().lost() == 0, "{:?}", recorder.stats());
    recorder.stop(Timestamp::now());
    Ok(())
}

fn close(number: u64, time: Timestamp, workloads: &[Workload]) -> ClosedConnection {
    let service = (number.wrapping_mul(0x9e37_79b9) >> 7) % SERVICES;
    let (is_race, is_server) = (number.is_multiple_of(997), number.is_multiple_of(2));
    let (closer, cause) = (Closer::Server, Cause::KeepaliveTimer);
    let server = SocketAddr::from((Ipv4Addr::new(10, 244, 3, service as u8), 8000 + service as u16));
    let client =
        SocketAddr::from((Ipv4Addr::new(10, 244, 7, (number % 200) as u8), 32768 + (number % 28000) as u16));
    let (local, remote) = if is_server { (server, client) } else { (client, server) };
    ClosedConnection {
        schema: Cow::Borrowed(SCHEMA),
        id: CloseId { time_ns: time.as_nanosecond() as u64, cookie: number * 7 },
        amends: false,
        time,
        role: if is_server { Role::Server } else { Role::Client },
        closer,
        close_type: CloseType::Fin,
        phase: Phase::Idle,
        verdict: if is_race { Verdict::IdleRace } else { Verdict::ServerIdle },
        cause,
        race: is_race.then_some(Race::Stale),
        retried: None,
        code: Code(closer, Phase::Idle),
        confidence: Confidence::Exact,
        basis: Basis::Http,
        protocol: Some(Protocol::Http),
        in_flight: Some(0),
        requests: Some((number % 90) as u32),
        requests_started: Some((number % 90) as u32),
        reuse_gap: Some(number as f64 % 4.9),
        age: Some(number as f64 % 900.0),
        idle: Some(5.0 + number as f64 % 0.01),
        silent: Some(5.0 + number as f64 % 0.01),
        silence: None,
        request: None,
        after_listener: None,
        keep_alive: None,
        server: Some("nginx/1.22.1".to_owned()),
        trace_id: None,
        span_id: None,
        goaway: None,
        tls_alert: None,
        websocket: None,
        community_id: CommunityId::of(&Ends { local, remote }),
        flow_id: format!("{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)).parse().ok(),
        ends: Ends { local, remote },
        server_port: Some(server.port()),
        process: Some(Process { pid: Some(1000 + service as u32), comm: Comm::from_text("java") }),
        closed_by: None,
        cgroup_id: Some(4000 + service),
        workload: Some(workloads[service as usize].clone()),
        peer: None,
        netns: 4_026_531_840,
        bytes_sent: number % 100_000,
        bytes_received: number % 9000,
        preexisting: false,
        evidence: if is_race { vec!["a request met the close".to_owned()] } else { Vec::new() },
        at_ns: 0,
        request_totals: None,
        uncounted: None,
        stray_bytes: None,
        asked_to_end: false,
    }
}
