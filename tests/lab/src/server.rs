//! A real server and a raw client that ends the connection, or sees it ended, in every phase.

use std::{
    net::SocketAddr,
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Sender},
    },
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use harness::Program;
use serde::Deserialize;

use crate::{
    backend::{Backend, Speaks},
    h2,
    kit::Kit,
    launch::{Launch, Setting},
    oracle::State,
    server_cases::{self, Case, Ends, Protocol, Step},
    truth::{CloseType, Connection, Phase, Played, Row, Side},
    wire::{SETTLE, Wire},
};

/// Between the connections of one instance: fewer at once than any listener's queue holds.
const APART: Duration = Duration::from_millis(5);
/// After this every short timeout has struck.
const LONGER_THAN_TIMERS: Duration = Duration::from_millis(2500);
/// A short timeout may strike before the script is where it should be: then it is tried again.
const TRIES: usize = 3;
const BETWEEN_BYTES: Duration = Duration::from_millis(2);

/// A piece of server software: plays/in_flight.toml says what the fields mean.
#[derive(Debug, Deserialize)]
pub(crate) struct Server {
    pub(crate) name: String,
    pub(crate) software: Vec<String>,
    #[serde(flatten)]
    launch: Launch,
    #[serde(default)]
    protocol: Protocol,
    timers: Vec<String>,
    #[serde(default)]
    cannot: Vec<String>,
    #[serde(default)]
    forwards: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Close,
    Reset,
    Timer,
    Kill,
}

impl End {
    fn word(self) -> &'static str {
        match self {
            Self::Close => "client-fin",
            Self::Reset => "client-rst",
            Self::Timer => "server-timer",
            Self::Kill => "server-killed",
        }
    }
}

impl Server {
    fn row(&'static self) -> Row {
        Row { part: Side::Server, software: &self.name }
    }

    fn group(&'static self) -> [&'static str; 2] {
        [Side::Server.word(), &self.name]
    }

    /// Plays every case that the server can be brought to.
    pub(crate) fn play(&'static self, kit: &Kit, wants: &(dyn Fn(&str) -> bool + Sync)) -> Played {
        let cases = || {
            server_cases::of(self.protocol).iter().filter(|case| {
                !self.cannot.contains(&case.name)
                    && wants(&case.name)
                    && (self.forwards || case.ends != Ends::Below)
            })
        };
        let patient = cases().flat_map(|case| match case.ends {
            Ends::Itself | Ends::Below => vec![(case, End::Kill)],
            Ends::All | Ends::Unread => vec![(case, End::Close), (case, End::Reset), (case, End::Kill)],
        });
        let hasty = cases().filter(|case| self.timers.contains(&case.name)).map(|case| (case, End::Timer));
        let (patient, hasty): (Vec<_>, Vec<_>) = (patient.collect(), hasty.collect());
        let play = |is_hasty, cases: &[(&'static Case, End)]| {
            let mut played = Played::default();
            if cases.is_empty() {
                return played;
            }
            if let Err(error) = self.play_instance(kit, is_hasty, cases, &mut played) {
                let case = if is_hasty { "hasty instance" } else { "patient instance" };
                played.invalid(self.row(), case, format_args!("{error:#}"));
            }
            played
        };
        let mut played = play(true, &hasty);
        played.extend(play(false, &patient));
        played
    }

    fn play_instance(
        &'static self,
        kit: &Kit,
        hasty: bool,
        cases: &[(&Case, End)],
        played: &mut Played,
    ) -> Result<()> {
        let backend = Backend::start(kit.free_address()?, Speaks::Http1)?;
        let setting = Setting { backend: backend.at, hasty, ..Setting::anywhere(kit)? };
        let mut command = self.launch.command(kit, &setting)?;
        let mut program = Program::start(&mut command, &setting.directory, "output")?;
        // Without a connection: those that are refused would have ports that a script may have next.
        program.await_bound(setting.at.port())?;
        let killed = AtomicBool::new(false);
        thread::scope(|scope| {
            let (ready, all_ready) = mpsc::channel();
            let killed = &killed;
            let running: Vec<_> = cases
                .iter()
                .map(|&(case, end)| {
                    thread::sleep(APART);
                    let hold = Hold { ready: ready.clone(), killed };
                    (case, end, scope.spawn(move || play_case(self.group(), setting.at, case, end, hold)))
                })
                .collect();
            drop(ready);
            // Until every script has come as far as it goes by itself.
            while all_ready.recv().is_ok() {}
            program.kill();
            killed.store(true, Ordering::Relaxed);
            for (case, end, thread) in running {
                match thread.join() {
                    Ok(Ok(close)) => played.closes.push(close),
                    Ok(Err(error)) => {
                        played.invalid(self.row(), &label(case, end), format_args!("{error:#}"));
                    }
                    Err(_panic) => played.invalid(self.row(), &label(case, end), "the script panicked"),
                }
            }
        });
        let upstream = [Side::Client.word(), self.name.as_str()];
        let ended = backend.finish()?;
        ensure!(self.forwards || ended.is_empty(), "it forwards, but is not said to");
        played.closes.extend(ended.into_iter().map(|ended| {
            let label = format!("upstream {}", ended.target);
            Connection::here(label, upstream, [ended.client, setting.backend], ended.truth)
        }));
        Ok(())
    }
}

fn label(case: &Case, end: End) -> String {
    format!("{} {}", case.name, end.word())
}

/// What a script and its instance tell each other.
#[derive(Debug)]
struct Hold<'a> {
    /// Dropped when the server may be killed.
    ready: Sender<()>,
    killed: &'a AtomicBool,
}

impl Hold<'_> {
    fn until_killed(self) {
        let Self { ready, killed } = self;
        drop(ready);
        while !killed.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Plays one connection.
fn play_case(
    group: [&'static str; 2],
    server: SocketAddr,
    case: &Case,
    end: End,
    hold: Hold,
) -> Result<Connection> {
    if end == End::Timer {
        let close = (1..TRIES).find_map(|_| play_timer(group, server, case).ok());
        let close = close.map_or_else(|| play_timer(group, server, case), Ok);
        drop(hold);
        return close;
    }
    let mut wire = Wire::dial(server)?;
    let client = wire.local()?;
    for step in &case.steps {
        take(&mut wire, step)?;
    }
    let connection = |truth, label| Connection::here(label, group, [client, server], truth);
    if case.ends != Ends::Itself {
        thread::sleep(SETTLE);
    }
    if case.ends == Ends::Itself || wire.is_over()? {
        let (state, how) = to_its_end(&mut wire)?;
        check(case, state).context("the server ended it first")?;
        return Ok(connection(state.ended(Side::Server, how), format!("{} server-first", case.name)));
    }
    if case.ends != Ends::Unread {
        wire.read_arrived()?;
    }
    let state = wire.state();
    check(case, state)?;
    let truth = match end {
        End::Close => state.ended(Side::Client, wire.close()?),
        End::Reset => state.ended(Side::Client, wire.reset()?),
        End::Timer | End::Kill => {
            hold.until_killed();
            let (state, how) = to_its_end(&mut wire)?;
            check(case, state)?;
            state.ended(Side::Server, how)
        }
    };
    Ok(connection(truth, label(case, end)))
}

/// Waits for a timeout of the server. It may be answered (504): then the exchange is complete, and that is
/// right too. When it strikes while the script still speaks, that proves nothing.
fn play_timer(group: [&'static str; 2], server: SocketAddr, case: &Case) -> Result<Connection> {
    let mut wire = Wire::dial(server)?;
    let client = wire.local()?;
    for step in &case.steps {
        take(&mut wire, step)?;
    }
    if case.ends == Ends::Unread {
        thread::sleep(LONGER_THAN_TIMERS);
    }
    let (state, how) = to_its_end(&mut wire)?;
    Ok(Connection::here(label(case, End::Timer), group, [client, server], state.ended(Side::Server, how)))
}

fn to_its_end(wire: &mut Wire) -> Result<(State, CloseType)> {
    let how = wire.read_to_end()?;
    Ok((wire.state(), how))
}

fn check(case: &Case, state: State) -> Result<()> {
    let is = (state.phase, state.in_flight);
    ensure!(case.leads_to.contains(&is), "it came to {state:?}, not to {:?}", case.leads_to);
    Ok(())
}

fn take(wire: &mut Wire, step: &Step) -> Result<()> {
    match step {
        Step::Send(bytes) => wire.send(bytes.as_bytes()),
        Step::Pieces(bytes) => bytes.as_bytes().chunks(1).try_for_each(|byte| {
            thread::sleep(BETWEEN_BYTES);
            wire.send(byte)
        }),
        Step::Answers(count) => wire.read_until("the response's end", |talk| talk.state().answered >= *count),
        Step::Pause => {
            thread::sleep(4 * SETTLE);
            Ok(())
        }
        Step::Frames(frames) => wire.send(&h2::client_bytes(frames)),
        Step::Begun => wire.read_until("a response", |talk| {
            let state = talk.state();
            state.phase == Phase::Response || state.answered > 0
        }),
        Step::Tunnel => wire.read_until("the tunnel", |talk| talk.state().phase == Phase::Tunnel),
    }
}
