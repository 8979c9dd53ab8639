//! What a play does, step by step (plays/traps.toml): servers that are started without a connection that they would see,
//! clients that run to their end, and sockets in a script's hand.

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use harness::{Closes, Program, Watch, run, wait};

use super::{
    compare::is_complete,
    script::{CLIENT, Dial, Run, Server, Step, WIRE},
    trap::{Claim, FILE, Trap},
};
use crate::{
    kit::Kit,
    launch::{Launch, Setting},
    suite::wait_until,
    truth::{CloseType, Side},
    wire::{PATIENCE, Wire},
};

/// On a machine that starts many.
const RAN_WITHIN: Duration = Duration::from_secs(90);
/// A server that ends within 50 ms of a connection has shut down: where a play ends with one, that is not what it is about.
const OUTLIVES: Duration = Duration::from_millis(150);
/// What carries nothing for so many looks carries nothing more.
const STILL_FOR: u32 = 5;

/// A play under way. What lives of it is ended with it: clients first, and servers in the other order than they were started.
#[derive(Debug)]
pub(super) struct Play<'a> {
    kit: &'a Kit,
    /// The agent's program, for plays that need one of their own.
    agent: &'a Path,
    wires: BTreeMap<String, Vec<Wire>>,
    /// Of every connection that was made, by the wire's name.
    clients: BTreeMap<String, Vec<SocketAddr>>,
    /// The wire that steps are about.
    on: String,
    running: Vec<(&'static Run, Program)>,
    servers: Vec<Served>,
    /// What stands for what, innermost last.
    values: Vec<(String, String)>,
    watch: Option<Watch>,
    /// When the innermost round began, and how long the one before took.
    round: (Instant, Duration),
}

/// A server that listens, or an address at which nothing does.
#[derive(Debug)]
struct Served {
    name: &'static str,
    setting: Setting,
    program: Option<Program>,
}

/// What a play leaves behind: what may be said of its connections, and what still lives.
#[derive(Debug)]
pub(super) struct Played<'a> {
    pub(super) claims: Vec<Claim>,
    /// What an agent of the play's own reported, besides the one that watches all.
    pub(super) closes: Option<Closes>,
    /// Dropped when the agents are gone.
    pub(super) kept: Option<Play<'a>>,
}

impl Drop for Play<'_> {
    fn drop(&mut self) {
        self.wires.clear();
        self.running.clear();
        while let Some(server) = self.servers.pop() {
            thread::sleep(OUTLIVES);
            drop(server);
        }
    }
}

impl<'a> Play<'a> {
    /// Starts its servers, and plays what has to be older than the agents.
    pub(super) fn begin(kit: &'a Kit, agent: &'a Path, trap: &'static Trap) -> Result<Self> {
        let mut play = Self {
            kit,
            agent,
            wires: BTreeMap::new(),
            clients: BTreeMap::new(),
            on: WIRE.to_owned(),
            running: Vec::new(),
            servers: Vec::new(),
            values: Vec::new(),
            watch: None,
            round: (Instant::now(), Duration::ZERO),
        };
        trap.servers.iter().try_for_each(|server| play.serve(server))?;
        play.take_all(&trap.begins)?;
        Ok(play)
    }

    /// Plays the rest.
    pub(super) fn finish(mut self, trap: &'static Trap) -> Result<Played<'a>> {
        self.take_all(&trap.steps)?;
        let claims = self.claims(trap)?;
        ensure!(!claims.is_empty(), "it claims nothing");
        let mut closes = None;
        if let Some(watch) = self.watch.take() {
            self.wires.clear();
            wait_until(PATIENCE, || watch.look(|closes| is_complete(&claims, closes)));
            closes = Some(watch.finish()?.0);
        }
        Ok(Played { claims, closes, kept: trap.keep.then_some(self) })
    }

    fn claims(&self, trap: &Trap) -> Result<Vec<Claim>> {
        let mut claims = Vec::new();
        for said in &trap.claims {
            for at in &said.at {
                let server = self.at(at)?;
                let claim = |client, nth, closes| Claim {
                    server,
                    client,
                    nth,
                    closes,
                    ends: said.ends,
                    may: said.may.clone(),
                };
                let Some(wire) = &said.of else {
                    claims.push(claim(None, said.nth, said.closes.clone()));
                    continue;
                };
                let clients = self.clients.get(wire).with_context(|| format!("no wire is called {wire}"))?;
                for (index, client) in clients.iter().enumerate() {
                    let before = clients[..index].iter().filter(|one| *one == client).count();
                    let is_shared = clients.iter().filter(|one| *one == client).count() > 1;
                    claims.push(claim(Some(*client), said.nth.or(is_shared.then_some(before)), 1..=1));
                }
            }
        }
        Ok(claims)
    }

    fn server(&self, name: &str) -> Result<&Served> {
        let name = self.fill(name);
        self.servers
            .iter()
            .find(|one| one.name == name)
            .with_context(|| format!("no server is called {name}"))
    }

    fn at(&self, name: &str) -> Result<SocketAddr> {
        Ok(self.server(name)?.setting.at)
    }

    /// With what stands for what, and where the servers are.
    fn fill(&self, text: &str) -> String {
        let text = self
            .values
            .iter()
            .rev()
            .fold(text.to_owned(), |text, (name, value)| text.replace(&format!("@{name}@"), value));
        self.servers.iter().fold(text, |text, Served { name, setting, .. }| {
            text.replace(&format!("@{name}@"), &setting.at.to_string())
                .replace(&format!("@{name}-host@"), &setting.at.ip().to_string())
                .replace(&format!("@{name}-port@"), &setting.at.port().to_string())
                .replace(&format!("@{name}-directory@"), &setting.directory.display().to_string())
        })
    }

    fn serve(&mut self, server: &'static Server) -> Result<()> {
        let mut at = self.kit.free_address()?;
        if let Some(host) = &server.host_of {
            at.set_ip(self.at(host)?.ip());
        }
        if let Some(other) = &server.address_of {
            at = self.at(other)?;
        }
        at.set_port(at.port() + server.port_above);
        let mut setting = Setting::new(self.kit, at)?;
        if let Some(backend) = &server.behind {
            setting.backend = self.at(backend)?;
        }
        let mut program = None;
        if server.is() != "nobody" {
            for (file, size) in &server.zeros {
                let file = fs::File::create(setting.directory.join(file)).context("create a file")?;
                file.set_len(*size).context("stretch a file")?;
            }
            if let Some((name, arguments)) = server.before.split_first() {
                run(self.kit.command(name).args(arguments.iter().map(|word| setting.fill(word))))?;
            }
            let base =
                FILE.server.get(server.is()).with_context(|| format!("no server is {}", server.is()))?;
            let mut launch = base.clone();
            launch.values.extend(server.values.iter().map(|(name, value)| (name.clone(), self.fill(value))));
            let mut command = launch.command(self.kit, &setting)?;
            let mut started = Program::start(&mut command, &setting.directory, "server")?;
            started.await_bound(at.port())?;
            program = Some(started);
        }
        self.servers.push(Served { name: &server.name, setting, program });
        Ok(())
    }

    fn take_all(&mut self, steps: &'static [Step]) -> Result<()> {
        steps.iter().try_for_each(|step| self.take(step).with_context(|| format!("{step:?}")))
    }

    fn take(&mut self, step: &'static Step) -> Result<()> {
        match step {
            Step::Serve(server) => self.serve(server),
            Step::AwaitListeners { at, count } => {
                let at = self.at(at)?;
                await_that("all listen", || Ok(sockets(at, LISTEN)?.len() >= *count))
            }
            Step::AwaitConnected(name) => {
                let at = self.at(name)?;
                await_that("somebody connects", || Ok(!sockets(at, ESTABLISHED)?.is_empty()))
            }
            Step::AwaitUnconnected(name) => {
                let at = self.at(name)?;
                await_that("all connections end", || Ok(sockets(at, ESTABLISHED)?.is_empty()))
            }
            Step::AwaitStill(name) => await_still(self.at(name)?),
            Step::Dial(dial) => self.dial(dial),
            Step::On(wire) => {
                self.on = self.fill(wire);
                Ok(())
            }
            Step::Send(text) => self.each(|wire| wire.send(text.as_bytes())),
            Step::Ask(path) => self.each(|wire| ask(wire, path)),
            Step::Answers(count) => {
                self.each(|wire| wire.read_until("the answers", |talk| talk.state().answered >= *count))
            }
            Step::AwaitEnd(name) => self.wires.get(name).into_iter().flatten().try_for_each(|wire| {
                ensure!(wire.await_end(PATIENCE)?, "the server does not close");
                Ok(())
            }),
            Step::ReadToEnd(begins) => {
                self.each(|wire| {
                    wire.read_to_end()?;
                    let answer = &wire.talk().answered;
                    ensure!(answer.starts_with(begins.as_bytes()), "it answered {}", answer.escape_ascii());
                    Ok(())
                })?;
                let on = self.on.clone();
                self.end(&on, |wire| wire.close().map(drop))
            }
            Step::AwaitAbort(name) => {
                // ECONNABORTED at the end that was destroyed, a reset at the other.
                self.wires.get_mut(name).into_iter().flatten().for_each(|wire| drop(wire.read_to_end()));
                Ok(())
            }
            Step::Close(name) => self.end(name, |wire| wire.close().map(drop)),
            Step::Reset(name) => self.end(name, |wire| wire.reset().map(drop)),
            Step::CloseUnread(name) => self.end(name, |wire| {
                ensure!(wire.close()? == CloseType::Rst, "nothing was unread");
                Ok(())
            }),
            Step::Sort { over, open } => self.sort([over, open]),
            Step::Run(run) => self.run(run),
            Step::Until(run) => await_that("it succeeds", || {
                let mut program = self.start(run)?;
                Ok(program.await_end(RAN_WITHIN)?.success())
            }),
            Step::Start(run) => {
                let program = self.start(run)?;
                self.running.push((run, program));
                Ok(())
            }
            Step::Finish(_client) => {
                let (run, program) = self.running.pop().context("nothing runs")?;
                finish(run, program).map(drop)
            }
            Step::Signal { to, signal } => self.program(to)?.signal((*signal).into()),
            Step::Kill(name) if name == CLIENT => {
                self.running.clear();
                Ok(())
            }
            Step::Kill(name) => {
                self.program(name)?.kill();
                Ok(())
            }
            Step::Ended(name) => self.program(name)?.await_end(PATIENCE).map(drop),
            Step::Watch(_own) => {
                self.watch = Some(Watch::start(self.agent)?);
                Ok(())
            }
            Step::WatchEnds(name) => {
                let at = self.at(name)?;
                let (closes, _notes) = self.watch.take().context("no agent watches")?.finish()?;
                ensure!(closes.all().all(|close| close.local != at), "a close was reported that was none");
                Ok(())
            }
            Step::Pause(milliseconds) => {
                pause(self.fill(milliseconds).parse()?);
                Ok(())
            }
            Step::PauseApart(milliseconds) => {
                let (began, before) = self.round;
                let least = Duration::from_millis(self.fill(milliseconds).parse()?);
                thread::sleep(least.max(2 * before));
                self.round.1 = began.elapsed();
                Ok(())
            }
            Step::For(rounds) => rounds.each.iter().try_for_each(|value| {
                self.round.0 = Instant::now();
                self.values.push((rounds.name.clone(), value.clone()));
                let taken = self.take_all(&rounds.steps);
                self.values.pop();
                taken
            }),
        }
    }

    /// A server, or the newest client in the background.
    fn program(&mut self, name: &str) -> Result<&mut Program> {
        let name = self.fill(name);
        let client = self.running.last_mut().filter(|_| name == CLIENT).map(|(_, program)| program);
        let server = self.servers.iter_mut().rev().find(|one| one.name == name);
        client.or(server.and_then(|one| one.program.as_mut())).with_context(|| format!("{name} does not run"))
    }

    fn dial(&mut self, dial: &Dial) -> Result<()> {
        let at = self.at(&dial.at)?;
        let on = self.fill(&dial.on);
        for number in 0..dial.times {
            pause(if number == 0 { 0 } else { dial.apart_ms });
            let mut wire = match &dial.from {
                Some(port) => dial_from(SocketAddr::new(at.ip(), self.fill(port).parse()?), at)?,
                None => Wire::dial(at)?,
            };
            self.clients.entry(on.clone()).or_default().push(wire.local()?);
            dial.asks.iter().try_for_each(|path| ask(&mut wire, path))?;
            self.wires.entry(on.clone()).or_default().push(wire);
        }
        Ok(())
    }

    fn each(&mut self, act: impl Fn(&mut Wire) -> Result<()>) -> Result<()> {
        let wires = self.wires.get_mut(&self.on).into_iter().flatten();
        let mut wires = wires.peekable();
        ensure!(wires.peek().is_some(), "nothing is open");
        wires.try_for_each(act)
    }

    /// Ends all wires of a name.
    fn end(&mut self, name: &str, end: impl Fn(Wire) -> Result<()>) -> Result<()> {
        let wires = self.wires.remove(&self.fill(name)).context("nothing is open")?;
        wires.into_iter().try_for_each(end)
    }

    /// Closes all, and calls the clients of those that the server had ended by one name, the others by another.
    fn sort(&mut self, names: [&str; 2]) -> Result<()> {
        for wire in self.wires.remove(WIRE).context("nothing is open")? {
            let name = names[usize::from(!wire.is_over()?)];
            self.clients.entry(name.to_owned()).or_default().push(wire.local()?);
            wire.close()?;
        }
        ensure!(names.iter().all(|name| self.clients.contains_key(*name)), "all were {names:?} alike");
        Ok(())
    }

    fn start(&self, run: &Run) -> Result<Program> {
        let mut launch = Launch::default();
        if let Some(name) = &run.is {
            launch = FILE.client.get(name).with_context(|| format!("no client is {name}"))?.clone();
        }
        launch.run.extend(run.words.iter().map(|word| self.fill(word)));
        let setting = Setting::new(self.kit, SocketAddr::from(([127, 0, 0, 1], 0)))?;
        Program::start(&mut launch.command(self.kit, &setting)?, &setting.directory, CLIENT)
    }

    fn run(&self, run: &Run) -> Result<()> {
        for number in 0..run.times.unwrap_or(1) {
            pause(if number == 0 { 0 } else { run.apart_ms });
            finish(run, self.start(run)?)?;
        }
        Ok(())
    }
}

/// Waits until a client has ended, which it must do as it should.
fn finish(run: &Run, mut program: Program) -> Result<()> {
    let status = program.await_end(RAN_WITHIN)?;
    let has_code = |codes: &[i32]| status.code().is_some_and(|code| codes.contains(&code));
    if has_code(&run.or_codes) || (run.fails && !status.success()) {
        return Ok(());
    }
    let is_fine = if run.codes.is_empty() { status.success() && !run.fails } else { has_code(&run.codes) };
    ensure!(is_fine, "the client ended with {status}; {}", program.said());
    let text = program.text();
    let missing = run.says.iter().find(|words| !text.contains(*words));
    missing.map_or(Ok(()), |words| bail!("the client does not say {words:?}; {}", program.said()))
}

/// A connection from this address.
fn dial_from(from: SocketAddr, to: SocketAddr) -> Result<Wire> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&from.into()).with_context(|| format!("bind {from}"))?;
    socket.connect(&to.into()).with_context(|| format!("connect from {from} to {to}"))?;
    Wire::new(socket.into(), Side::Client)
}

/// Asks, and reads the whole answer.
fn ask(wire: &mut Wire, path: &str) -> Result<()> {
    let answered = wire.state().answered;
    wire.send(format!("GET {path} HTTP/1.1\r\nHost: lab\r\n\r\n").as_bytes())?;
    wire.read_until("the answer's end", |talk| talk.state().answered > answered)
}

/// As /proc/net/tcp writes them.
const ESTABLISHED: &str = "01";
const LISTEN: &str = "0A";

/// The sockets of this server in such a state, each by what /proc/net/tcp has of its queues.
fn sockets(server: SocketAddr, state: &str) -> Result<Vec<String>> {
    let SocketAddr::V4(server) = server else { return Ok(Vec::new()) };
    let wanted = format!("{:08X}:{:04X}", u32::from_le_bytes(server.ip().octets()), server.port());
    let table = fs::read_to_string("/proc/net/tcp").context("read the table of sockets")?;
    let queues = |line: &str| {
        let words: Vec<_> = line.split_ascii_whitespace().take(5).collect();
        let [_, local, _, found, queues] = words[..] else { return None };
        (local == wanted && found == state).then(|| queues.to_owned())
    };
    Ok(table.lines().filter_map(queues).collect())
}

fn await_that(what: &str, mut is_so: impl FnMut() -> Result<bool>) -> Result<()> {
    wait::until(what, PATIENCE, || Ok(is_so()?.then_some(())))
}

/// Waits until a server's connections carry nothing more.
fn await_still(server: SocketAddr) -> Result<()> {
    let (mut before, mut still) = (String::new(), 0);
    await_that("nothing more comes", || {
        let queued = sockets(server, ESTABLISHED)?.concat();
        still = if queued == before { still + 1 } else { 0 };
        before = queued;
        Ok(still >= STILL_FOR)
    })
}

fn pause(milliseconds: u64) {
    thread::sleep(Duration::from_millis(milliseconds));
}
