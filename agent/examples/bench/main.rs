//! What the probes cost: nginx with one worker and a small static file, both ends on this host.
//!
//! The links are attached and detached every 50 ms within one run and the halves compared pair by
//! pair: separate runs of the same thing differ by 10 % on a shared machine, this shows half a percent.
//! Run it with `cargo xtask bench`; it needs root and nginx.

mod load;
mod nginx;
mod stats;
mod tls;

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use clap::Parser;
use harness::software::Server;
use load::Mode;
use whohungup::session::{POLL_INTERVAL, Session, SessionOptions};
use whohungup_bpf::ProgramStat;
use whohungup_core::close::EvidenceDetail;

#[derive(Debug, Parser)]
struct Args {
    /// Pairs of windows for each row
    #[arg(long, default_value_t = 200)]
    pairs: usize,
    /// Length of a window
    #[arg(long, default_value = "50ms", value_parser = humantime::parse_duration)]
    window: Duration,
    /// Only rows whose name contains this
    filter: Option<String>,
}

/// What is attached in the first half of each pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attach {
    Nothing,
    Lifecycle,
    Http,
}

const ROWS: &[(&str, Mode, Attach)] = &[
    ("keep-alive, nothing (noise floor)", Mode::KeepAlive, Attach::Nothing),
    ("keep-alive, lifecycle tier", Mode::KeepAlive, Attach::Lifecycle),
    ("keep-alive, with the HTTP tier", Mode::KeepAlive, Attach::Http),
    ("close, nothing (noise floor)", Mode::Close, Attach::Nothing),
    ("close, lifecycle tier", Mode::Close, Attach::Lifecycle),
    ("close, with the HTTP tier", Mode::Close, Attach::Http),
];

/// After a switch the machine patches code and waits for other processors; that is not counted.
const SETTLE: Duration = Duration::from_millis(10);

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let nginx = nginx::start().context("start nginx")?;
    println!(
        "{:<36} {:>6} {:>9} {:>9} {:>8} {:>8} {:>7} {:>9} {:>6}",
        "ROW", "PAIRS", "OFF req/s", "ON req/s", "MEDIAN", "TRIMMED", "SE", "AGENT CPU", "LOST"
    );
    for &(name, mode, attach) in ROWS {
        if args.filter.as_ref().is_none_or(|part| name.contains(part.as_str())) {
            row(&args, &nginx, name, mode, attach)?;
        }
    }
    drop(nginx);
    for &(name, both) in tls::ROWS {
        if args.filter.as_ref().is_none_or(|part| name.contains(part.as_str())) {
            tls::row(&args, name, both)?;
        }
    }
    Ok(())
}

fn row(args: &Args, nginx: &Server, name: &str, mode: Mode, attach: Attach) -> anyhow::Result<()> {
    let mut options = SessionOptions::default();
    // As the daemon has it.
    options.judge.detail = EvidenceDetail::Off;
    let mut session = Session::start(options)?;
    session.probes_mut().detach()?;
    let load = load::Load::start(nginx.at, mode)?;
    thread::sleep(Duration::from_millis(300));
    let mut pairs = Vec::with_capacity(args.pairs);
    let (began, cpu_before) = (Instant::now(), own_cpu());
    for index in 0..args.pairs {
        // Alternate which half comes first, so that a drift does not favour one.
        let on_first = index % 2 == 0;
        let mut rates = [0.0; 2];
        for half in 0..2 {
            let on = (half == 0) == on_first;
            if on {
                switch_on(&mut session, attach)?;
            }
            poll(&mut session, SETTLE);
            let (before, at) = (load.done(), Instant::now());
            poll(&mut session, args.window);
            rates[usize::from(on)] = (load.done() - before) as f64 / at.elapsed().as_secs_f64();
            if on {
                session.probes_mut().detach()?;
            }
        }
        pairs.push((rates[0], rates[1]));
    }
    let stats = per_run(&mut session, attach)?;
    let cpu = (own_cpu() - cpu_before - load.cpu()).max(0.0) / began.elapsed().as_secs_f64();
    load.stop()?;
    session.finish(drop);
    let summary = stats::Summary::of(&pairs);
    print_row(name, &summary, pairs.len(), Some(cpu), session.counters().lost());
    if !stats.is_empty() {
        println!("    per run: {stats}");
    }
    Ok(())
}

/// The polling is the agent's own work, and runs while the windows are measured.
fn poll(session: &mut Session, length: Duration) {
    let until = Instant::now() + length;
    while Instant::now() < until {
        session.poll(drop);
        thread::sleep(POLL_INTERVAL.min(until.saturating_duration_since(Instant::now())));
    }
}

fn print_row(name: &str, summary: &stats::Summary, pairs: usize, cpu: Option<f64>, lost: u64) {
    let cpu = cpu.map_or("-".to_owned(), |cpu| format!("{:.1}%", cpu * 100.0));
    println!(
        "{name:<36} {pairs:>6} {:>9.0} {:>9.0} {:>8.4} {:>8.4} {:>7.4} {cpu:>9} {lost:>6}",
        summary.off, summary.on, summary.median, summary.trimmed, summary.error,
    );
}

/// What each program costs per run by the kernel's own statistics, which add two clock reads (about
/// 45 ns here), measured for a second after the windows.
fn per_run(session: &mut Session, attach: Attach) -> anyhow::Result<String> {
    let before = session.probes().program_stats();
    switch_on(session, attach)?;
    let held = session.probes().measure()?;
    poll(session, Duration::from_secs(1));
    drop(held);
    session.probes_mut().detach()?;
    Ok(reported(&before, &session.probes().program_stats()))
}

fn reported(before: &[ProgramStat], now: &[ProgramStat]) -> String {
    let reported = now.iter().zip(before).filter_map(|(now, before)| {
        let runs = now.runs - before.runs;
        let ns = now.time.saturating_sub(before.time).as_nanos() as u64;
        (runs > 0).then(|| format!("{} {} ns ({runs} runs)", now.program, ns / runs))
    });
    reported.collect::<Vec<_>>().join(", ")
}

fn switch_on(session: &mut Session, attach: Attach) -> anyhow::Result<()> {
    match attach {
        Attach::Nothing => {}
        Attach::Lifecycle => session.probes_mut().attach_lifecycle()?,
        Attach::Http => session.probes_mut().attach()?,
    }
    Ok(())
}

/// CPU seconds of this process, the load's thread included.
fn own_cpu() -> f64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}
