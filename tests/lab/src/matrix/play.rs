//! One server, and everybody who plays against it.

use std::{
    collections::HashMap,
    fs,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, ensure};
use rustix::process::Signal;

use super::{
    instance::{self, Instance},
    plan::{self, Conversation, Report},
    playing::{self, await_all},
    raw::{self, Made},
    scenario::{self, Identity, Raw, SERVER_IDLE, Variant},
    software::{Client, Log, Server},
};
use crate::{kit::Kit, wire::SETTLE};

/// The name of the client that is a script.
pub(super) const SCRIPT: &str = "script";
/// Until all clients have come to where the server is to be ended under them; the slowest is a Java on a busy machine.
const COMES_WITHIN: Duration = Duration::from_secs(40);
/// Until all conversations that end by themselves have ended.
const ENDS_WITHIN: Duration = Duration::from_mins(1);
/// What is left of a server so long after SIGTERM is killed.
const STOPS_WITHIN: Duration = Duration::from_secs(4);
/// Steps until something has been answered: a pause, and a request.
const ANSWERED: usize = 2;
/// Between the starts of client programs, which need the processor most then.
const STARTS_APART: Duration = Duration::from_millis(400);
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// Between the connections of a script, for the listeners' queues.
const APART: Duration = Duration::from_millis(5);

/// A listening address of the run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Site {
    pub(super) server: &'static str,
    /// It is what stands behind a proxy, and the proxy is its client.
    pub(super) is_behind: bool,
}

/// All that was played, and what its software said of it.
#[derive(Debug, Default)]
pub(super) struct Played {
    pub(super) conversations: HashMap<String, Conversation>,
    pub(super) reports: Vec<Report>,
    pub(super) made: Vec<(SocketAddr, SocketAddr, Identity)>,
    pub(super) sites: HashMap<SocketAddr, Site>,
    /// By the address of the instance that wrote it.
    pub(super) logs: Vec<(SocketAddr, Log, String)>,
    /// What did not go as planned.
    pub(super) invalid: Vec<String>,
}

impl Played {
    pub(super) fn extend(&mut self, other: Self) {
        self.conversations.extend(other.conversations);
        self.reports.extend(other.reports);
        self.made.extend(other.made);
        self.sites.extend(other.sites);
        self.logs.extend(other.logs);
        self.invalid.extend(other.invalid);
    }
}

/// Plays everything against all instances of a server. What cannot be played is invalid.
pub(super) fn play(
    kit: &Kit,
    server: &'static Server,
    clients: &[&'static Client],
    ids: &AtomicU32,
    stop: &AtomicBool,
) -> Played {
    let mut played = Played::default();
    if let Err(error) = play_all(kit, server, clients, ids, stop, &mut played) {
        played.invalid.push(format!("{}: {error:#}", server.name));
    }
    played
}

fn play_all(
    kit: &Kit,
    server: &'static Server,
    clients: &[&'static Client],
    ids: &AtomicU32,
    stop: &AtomicBool,
    played: &mut Played,
) -> Result<()> {
    let behind = server.is_proxy.then(|| instance::behind(kit)).transpose()?;
    let backend = behind.as_ref().map_or_else(|| kit.free_address(), |behind| Ok(behind.at))?;
    let mut site = |at, is_behind| {
        played.sites.insert(at, Site { server: &server.name, is_behind });
    };
    if let Some(behind) = &behind {
        site(behind.at, true);
    }
    let mut instances = start_all(kit, server, backend)?;
    for instance in &instances {
        site(instance.at, false);
    }
    let idle = measure(server, &instances, played)?;
    let over = Arc::<AtomicBool>::default();
    let scripts = start_scripts(server, &instances, &over);
    let mut playing = Vec::new();
    for client in clients {
        match playing::start(kit, server, client, &instances, idle, ids) {
            Ok(programs) => {
                playing.extend(programs);
                thread::sleep(STARTS_APART);
            }
            Err(error) => {
                played.invalid.push(format!("{} at {}: {error:#}", client.name, server.name));
            }
        }
    }
    // Where a server is to be ended under a conversation, something has been answered before.
    let comes = |one: &Conversation| if one.scenario.server.is_ended() { ANSWERED } else { 0 };
    await_all(&playing, COMES_WITHIN, stop, comes);
    thread::sleep(3 * SETTLE);
    end_instances(&mut instances, stop)?;
    over.store(true, Ordering::Relaxed);
    let ends = |one: &Conversation| if one.scenario.server.is_ended() { ANSWERED } else { one.steps.len() };
    await_all(&playing, ENDS_WITHIN, stop, ends);
    for (raw, script) in scripts {
        let identity = script_identity(server, &raw.name, raw.expected());
        take(played, identity, script.join().unwrap_or_else(|_| Err(anyhow!("the script panicked"))));
    }
    thread::sleep(SETTLE);
    for mut one in playing {
        if !one.has_done(ends) {
            let what = format!(
                "{} at {} has not come to an end: {}",
                one.client.name,
                server.name,
                one.program.said()
            );
            played.invalid.push(what);
        }
        one.program.kill();
        played.reports.extend(plan::read(&one.program.text()));
        let conversations = one.conversations.into_iter().map(|one| (one.id.clone(), one));
        played.conversations.extend(conversations);
    }
    ensure!(!stop.load(Ordering::Relaxed), "interrupted");
    // What a proxy still has open to what is behind it is closed from there.
    drop(behind);
    thread::sleep(SETTLE);
    for mut instance in instances {
        instance.program.kill();
        if let Some(log) = server.log {
            played.logs.push((instance.at, log, read_log(log, &instance)?));
        }
    }
    Ok(())
}

/// All at once: some take seconds.
fn start_all(kit: &Kit, server: &'static Server, backend: SocketAddr) -> Result<Vec<Instance>> {
    thread::scope(|scope| {
        let starting =
            Variant::ALL.map(|variant| scope.spawn(move || instance::start(kit, server, variant, backend)));
        let started = starting.into_iter();
        started.map(|one| one.join().unwrap_or_else(|_| Err(anyhow!("a start panicked")))).collect()
    })
}

fn measure(server: &'static Server, instances: &[Instance], played: &mut Played) -> Result<Option<i64>> {
    let hasty = instances.iter().find(|instance| instance.variant == Variant::Hasty);
    let hasty = hasty.context("find the hasty instance")?;
    let scenario = scenario::find(SERVER_IDLE);
    let (idle, made) = raw::measure(hasty.at);
    for one in made {
        take(played, script_identity(server, &scenario.name, scenario.expected(false)), one);
    }
    Ok(idle)
}

fn script_identity(
    server: &'static Server,
    scenario: &'static str,
    expected: Option<scenario::Expected>,
) -> Identity {
    Identity { server: &server.name, client: SCRIPT, scenario, expected }
}

fn take(played: &mut Played, identity: Identity, made: Result<Made>) {
    match made {
        Ok(Made { client, server }) => played.made.push((client, server, identity)),
        Err(error) => {
            played.invalid.push(format!("{}, {}: {error:#}", identity.server, identity.scenario));
        }
    }
}

type Script = (&'static Raw, thread::JoinHandle<Result<Made>>);

fn start_scripts(server: &'static Server, instances: &[Instance], over: &Arc<AtomicBool>) -> Vec<Script> {
    let mut scripts = Vec::new();
    for raw in raw::against(&server.timers) {
        let Some(instance) = instances.iter().find(|instance| instance.variant == raw.server) else {
            continue;
        };
        let (at, over) = (instance.at, Arc::clone(over));
        thread::sleep(APART);
        scripts.push((raw, thread::spawn(move || raw::play(raw, at, &over))));
    }
    scripts
}

/// Those that are to be ended under their clients.
fn end_instances(instances: &mut [Instance], stop: &AtomicBool) -> Result<()> {
    for instance in instances.iter_mut() {
        match instance.variant {
            Variant::Killed => instance.program.kill(),
            Variant::Terminated => instance.program.signal(Signal::TERM)?,
            Variant::Patient | Variant::Hasty => {}
        }
    }
    let until = Instant::now() + STOPS_WITHIN;
    for instance in instances.iter_mut().filter(|instance| instance.variant == Variant::Terminated) {
        while Instant::now() < until && !stop.load(Ordering::Relaxed) && instance.program.ended()?.is_none() {
            thread::sleep(LOOK_EVERY);
        }
        instance.program.kill();
    }
    Ok(())
}

fn read_log(log: Log, instance: &Instance) -> Result<String> {
    match log {
        Log::Nginx | Log::Apache => {
            let path = instance.setting.directory.join("access.log");
            fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
        }
        Log::Haproxy => Ok(instance.program.text()),
    }
}
