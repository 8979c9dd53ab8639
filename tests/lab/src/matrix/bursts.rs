//! Bursts over connections whose server is kept from its loop when its idle timer is due: the matrix's servers, stopped
//! (SIGSTOP) around that moment, as a busy loop, a collection of garbage or a quota of the processor stops them. Which requests
//! were lost the clients themselves count.

use std::{
    collections::BTreeMap,
    fmt,
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use harness::{Close, Daemon, Watch, wait};
use rustix::process::{Pid, Signal, kill_process_group};
use serde::Serialize;

use super::{
    instance::{self, Instance},
    raw,
    scenario::Variant,
    software::{self, Server},
};
use crate::{
    catalogue::{self, Need},
    kit::Kit,
    suite::{self, Context, Results, Software, Suite, is_chosen, json_lines, wait_until},
    wire::Wire,
};

/// Servers that are played at once: more would be late for reasons of their own.
const AT_ONCE: usize = 2;
const CONNECTIONS: u32 = 10;
/// The server stands still from so long before its timer to so long after it.
const STANDS_STILL: [Duration; 2] = [Duration::from_millis(70), Duration::from_millis(60)];
/// The burst begins so long before the timer; its requests follow each other.
const BURST: Duration = Duration::from_millis(60);
const APART: Duration = Duration::from_millis(9);
const REPORTED_WITHIN: Duration = Duration::from_secs(20);
/// Of the requests that clients lost, so many in a hundred are idle races at each end.
const RACES: usize = 99;

#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Only servers whose name contains this (may be repeated)
    #[arg(long = "server", value_name = "NAME")]
    pub servers: Vec<String>,
    /// Bursts for each server
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub rounds: u32,
}

/// A connection of a burst, as its client saw it end.
#[derive(Debug, Clone, Copy)]
struct Asked {
    client: SocketAddr,
    lost: bool,
}

#[derive(Debug, Default, Serialize)]
struct Row {
    server: &'static str,
    idle_ms: Option<i64>,
    answered: usize,
    lost: usize,
    /// What was reported of the ends of connections that lost a request.
    of_lost: BTreeMap<String, usize>,
    /// Ends of connections that lost one, reported as idle races.
    races: usize,
    wrong: Vec<String>,
    #[serde(skip)]
    asked: Vec<Asked>,
    /// It runs, and what is behind it, until its closes are reported: a listener that ends would explain them.
    #[serde(skip)]
    running: Vec<Instance>,
}

#[derive(Debug)]
pub struct Outcome {
    servers: Vec<Software>,
    rows: Vec<Row>,
}

impl Options {
    fn servers(&self) -> impl Iterator<Item = &'static Server> {
        let has_timer = |server: &&Server| server.timers.contains(&crate::truth::Phase::Idle);
        software::servers().iter().filter(has_timer).filter(|server| is_chosen(&self.servers, &server.name))
    }
}

impl Suite for Options {
    fn needs(&self) -> Vec<Need> {
        catalogue::needs(self.servers().flat_map(|server| &server.software))
    }

    fn run(&self, context: &Context) -> Result<Box<dyn Results>> {
        Ok(Box::new(run(self, context)?))
    }
}

/// # Errors
/// When the agent cannot be run, or in CI software is missing.
pub fn run(options: &Options, context: &Context) -> Result<Outcome> {
    let kit = context.kit()?;
    let (mut servers, mut present) = (Vec::new(), Vec::new());
    for server in options.servers() {
        let found = Software::find(&kit, &server.name, &server.software)?;
        present.extend(found.version.is_ok().then_some(server));
        servers.push(found);
    }
    ensure!(!servers.is_empty(), "no server is called {:?}", options.servers);
    let watch = Watch::start(&context.agent)?;
    let daemon = Daemon::start(&context.agent)?;
    let present = present.into_iter().take_while(|_| !context.is_stopped());
    let mut rows = suite::at_once(AT_ONCE, present, |server| {
        let mut row = Row { server: &server.name, ..Row::default() };
        if let Err(error) = play(&kit, server, options.rounds, &mut row) {
            row.wrong.push(format!("it was not played: {error:#}"));
        }
        row
    });
    context.ensure_not_stopped()?;
    for row in &mut rows {
        compare(row, &watch, &daemon)?;
    }
    watch.finish()?;
    Ok(Outcome { servers, rows })
}

fn play(kit: &Kit, server: &'static Server, rounds: u32, row: &mut Row) -> Result<()> {
    let behind = server.is_proxy.then(|| instance::behind(kit)).transpose()?;
    let backend = behind.as_ref().map_or_else(|| kit.free_address(), |behind| Ok(behind.at))?;
    let instance = instance::start(kit, server, Variant::Hasty, backend)?;
    // So many idle closes that the agent knows the timer too, as it does wherever a server has run for a while.
    raw::measure(instance.at);
    row.idle_ms = raw::measure(instance.at).0;
    let idle = row.idle_ms.and_then(|ms| u64::try_from(ms).ok()).context("measure its idle timeout")?;
    for _ in 0..rounds {
        row.asked.extend(burst(&instance, Duration::from_millis(idle))?);
    }
    row.running = [instance].into_iter().chain(behind).collect();
    for one in &row.asked {
        *if one.lost { &mut row.lost } else { &mut row.answered } += 1;
    }
    Ok(())
}

/// All of the pool has been idle for as long when the burst comes.
fn burst(instance: &Instance, idle: Duration) -> Result<Vec<Asked>> {
    let mut pool = Vec::new();
    for number in 0..CONNECTIONS {
        let mut wire = Wire::dial(instance.at)?;
        ask(&mut wire)?;
        wire.read_until("an answer", |talk| talk.state().answered > 0)?;
        pool.push((number, wire));
    }
    let answered = Instant::now();
    let group = Pid::from_raw(instance.program.id().cast_signed()).context("a process id")?;
    sleep_until(answered + idle.saturating_sub(STANDS_STILL[0]));
    kill_process_group(group, Signal::STOP).context("stop the server")?;
    for (number, wire) in &mut pool {
        sleep_until(answered + idle.saturating_sub(BURST) + APART * *number);
        // What the kernel refuses was not sent.
        let _refused = ask(wire);
    }
    sleep_until(answered + idle + STANDS_STILL[1]);
    kill_process_group(group, Signal::CONT).context("let the server go on")?;
    let asked = pool.into_iter().map(|(_, mut wire)| {
        let client = wire.local()?;
        let mut is_answered = false;
        while !is_answered && wire.read()? {
            is_answered = wire.state().answered > 1;
        }
        Ok(Asked { client, lost: !is_answered })
    });
    asked.collect()
}

fn ask(wire: &mut Wire) -> Result<()> {
    wire.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
}

fn sleep_until(at: Instant) {
    thread::sleep(at.saturating_duration_since(Instant::now()));
}

fn compare(row: &mut Row, watch: &Watch, daemon: &Daemon) -> Result<()> {
    let Some(at) = row.running.first().map(|instance| instance.at) else { return Ok(()) };
    let clients: BTreeMap<SocketAddr, bool> = row.asked.iter().map(|one| (one.client, one.lost)).collect();
    // What amends a close stands for it.
    let ends = || -> BTreeMap<String, Close> {
        let of_ours = |close: &&Close| {
            close.touches(at) && (clients.contains_key(&close.local) || clients.contains_key(&close.remote))
        };
        watch.look(|closes| closes.all().filter(of_ours).map(|one| (one.id.clone(), one.clone())).collect())
    };
    wait_until(REPORTED_WITHIN, || ends().len() >= 2 * clients.len());
    let ends = ends();
    if ends.len() != 2 * clients.len() {
        row.wrong.push(format!("{} ends of {} connections were reported", ends.len(), clients.len()));
    }
    for close in ends.values() {
        let is_lost = [close.local, close.remote].iter().any(|end| clients.get(end) == Some(&true));
        let is_race = close.verdict == "idle-race";
        if is_lost {
            let words = format!("{} {} {}", close.role, close.verdict_or_race(), close.confidence);
            *row.of_lost.entry(words).or_default() += 1;
            row.races += usize::from(is_race);
        }
        if is_lost != is_race && (close.confidence == "exact" || is_race) {
            row.wrong.push(format!("lost: {is_lost}; {close:?}"));
        }
    }
    if row.races * 100 < row.lost * 2 * RACES {
        row.wrong.push(format!("{} of {} ends that lost a request are races", row.races, row.lost * 2));
    }
    if row.lost > 0 {
        let report =
            wait::until("a report", REPORTED_WITHIN, || daemon.report("--markdown", &[at.port()]).map(Some))?;
        let denials = ["Quiet", "No request was lost"].into_iter().filter(|words| report.contains(words));
        row.wrong.extend(denials.map(|words| format!("the report says {words:?}: {report}")));
    }
    Ok(())
}

impl Outcome {
    /// Requests that clients lost.
    pub fn lost(&self) -> usize {
        self.rows.iter().map(|row| row.lost).sum()
    }

    pub fn is_played(&self) -> bool {
        self.servers.iter().all(|server| server.version.is_ok())
    }
}

impl Results for Outcome {
    fn json(&self) -> Result<String> {
        json_lines(&self.rows)
    }

    fn is_right(&self) -> bool {
        self.lost() > 0 && self.rows.iter().all(|row| row.wrong.is_empty())
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.servers.iter().map(Software::to_string).collect();
        writeln!(f, "servers: {}\n", names.join(", "))?;
        writeln!(
            f,
            "| server | idle timeout, ms | answered | lost | ends that lost one, and are races | reported of them | |"
        )?;
        writeln!(f, "|---|---|---|---|---|---|---|")?;
        for Row { server, idle_ms, answered, lost, of_lost, races, wrong, .. } in &self.rows {
            let idle = idle_ms.map_or_else(|| "-".to_owned(), |ms| ms.to_string());
            let said: Vec<_> = of_lost.iter().map(|(words, count)| format!("{count} {words}")).collect();
            let word = if wrong.is_empty() { "ok" } else { "WRONG" };
            let ends = 2 * lost;
            let said = said.join(", ");
            writeln!(f, "| {server} | {idle} | {answered} | {lost} | {races} of {ends} | {said} | {word} |")?;
        }
        let races: usize = self.rows.iter().map(|row| row.races).sum();
        writeln!(f, "\n{} requests lost: {races} of {} ends are races", self.lost(), 2 * self.lost())?;
        for row in &self.rows {
            row.wrong.iter().take(20).try_for_each(|wrong| writeln!(f, "{}: {wrong}", row.server))?;
        }
        Ok(())
    }
}
