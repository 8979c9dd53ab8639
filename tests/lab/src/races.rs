//! Requests at every point around a server's idle timeout, over loopback and over a slow wire: which of them were
//! lost, how, and what the agent reports of both ends.
//!
//! The truth is what a capture proves (`wiretap`); what the scripts know of their own ends has to bear it out.

mod client;
mod ends;
mod network;
mod plan;
mod scan;
mod server;
pub(crate) mod socket;

use std::{
    collections::{HashMap, HashSet},
    fmt,
    net::SocketAddr,
    sync::{Mutex, PoisonError, mpsc},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow};

pub use self::plan::Wire;
use self::{
    client::{Bound, ClientLog},
    ends::Anchor,
    network::Network,
    plan::{Play, Scope},
    server::{Door, ServerLog},
};
use harness::{Closes, Watch};

use crate::{
    catalogue::Need,
    compare::{self, Comparison, Score},
    suite::{self, Context, Results, Suite, json_lines, wait_until},
    table::{Table, Undecided, WORDS, write_faults, write_invalid},
    truth::{Connection, Race, Side},
    wiretap::{
        capture,
        decide::{Script, decide},
    },
};

/// A close that its peer leaves lying is reported after 5 s; the machine may be busy.
const REPORTED_WITHIN: Duration = Duration::from_secs(10);
/// Plays at once. Most of their time both ends sleep.
const AT_ONCE: usize = 160;
/// The group of the requests after a gap that were answered.
const ANSWERED: &str = "answered";

#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// How many requests to send after a gap; an eighth as much is played besides that is no race
    #[arg(long, value_name = "COUNT", default_value_t = 3000, value_parser = clap::value_parser!(u32).range(1..=40_000))]
    pub requests: u32,

    /// What chance decides; without it, another seed each time
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,

    /// Leaves out timeouts above a second and requests that come seconds after the close
    #[arg(skip)]
    pub hasty: bool,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    comparisons: Vec<Comparison>,
    /// Plays of which the truth is not known.
    pub undecided: Undecided,
    /// Plays that did not go as scripted, and why.
    invalid: Vec<String>,
    /// What was called a race among the lab's addresses, and is no play's.
    strangers: Vec<String>,
    /// Segments that were sent out of nothing, to ports that listen, that have listened and that never did.
    scanned: usize,
    /// Packets that the captures missed.
    dropped: u64,
    /// What the agent said besides.
    notes: Vec<String>,
}

impl Suite for Options {
    /// It plays both ends itself.
    fn needs(&self) -> Vec<Need> {
        capture::NEEDS.to_vec()
    }

    fn run(&self, context: &Context) -> Result<Box<dyn Results>> {
        Ok(Box::new(run(self, context)?))
    }
}

/// # Errors
/// When the agent or a capture cannot be run, or the machine has no network namespaces or TUN devices.
pub fn run(options: &Options, context: &Context) -> Result<Outcome> {
    let seed = options.seed.unwrap_or_else(|| fastrand::u64(..1 << 32));
    eprintln!("seed {seed}");
    let kit = context.kit()?;
    let network = Network::new()?;
    let running = Wire::ALL
        .into_iter()
        .map(|wire| Ok((wire, network.capture(&kit, wire)?)))
        .collect::<Result<Vec<_>>>()?;
    let watch = Watch::start(&context.agent)?;
    let plays = plan::plan(&Scope { requests: options.requests, seed, hasty: options.hasty });
    let (ended, mut invalid) = play_all(&network, &plays, context);
    let scanned = scan::all(&network, &ended, seed)?;
    context.ensure_not_stopped()?;
    let (mut dropped, mut flows, mut namespaces) = (0, HashMap::new(), HashMap::new());
    for (wire, capture) in running {
        let captured = capture.finish()?;
        dropped += captured.dropped;
        let of_wire = captured.flows(&kit)?.into_iter().map(|flow| ((wire, flow.client, flow.server), flow));
        flows.extend(of_wire);
        namespaces.insert(wire, network.namespaces(wire)?);
    }
    let plays: HashSet<_> = ended.iter().map(|(_, client, _)| (client.local, client.remote)).collect();
    let (mut connections, mut undecided) = (Vec::new(), Undecided::default());
    for (play, client, server) in ended {
        let label = format!("{play:?} {client:?} {server:?}");
        let flow = flows.get(&(play.wire, client.local, client.remote));
        match (flow, client.saw) {
            (None, _) => invalid.push(format!("nothing was captured of {label}")),
            (_, Some(ends::End::Silence)) => invalid.push(format!("the client waited in vain: {label}")),
            (Some(flow), _) => match decide(flow, Script { read: Some(server.read), ..Script::default() }) {
                Ok(truth) if !client.bears_out(&truth) => {
                    invalid.push(format!("the capture shows {truth}: {label}"));
                }
                Ok(truth) => connections.push(Connection {
                    label,
                    group: [play.wire.word(), if client.answered > play.before { ANSWERED } else { "" }],
                    client: client.local,
                    server: client.remote,
                    namespaces: namespaces[&play.wire],
                    truth,
                }),
                Err(why) => undecided.add(format!("{}: {why}", play.wire.word()), label),
            },
        }
    }
    wait_until(REPORTED_WITHIN, || watch.look(|closes| compare::all_reported(&connections, closes)));
    let (closes, notes) = watch.finish()?;
    let comparisons = compare::compare(&connections, &closes);
    let strangers = strangers(&namespaces, &plays, &closes);
    Ok(Outcome { comparisons, undecided, invalid, strangers, scanned, dropped, notes })
}

type Ended = (Play, ClientLog, ServerLog);

/// Plays all, many at once; what did not go as scripted is told apart.
fn play_all(network: &Network, plays: &[Play], context: &Context) -> (Vec<Ended>, Vec<String>) {
    let all = plays.len().max(1);
    let results = Mutex::new((Vec::new(), Vec::new()));
    let play = |play: Play| {
        let ended = network.enter(play.wire, Side::Client).and_then(|()| play_one(network, &play));
        let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
        match ended {
            Ok((client, server)) => results.0.push((play, client, server)),
            Err(error) => results.1.push(format!("{play:?}: {error:#}")),
        }
    };
    thread::scope(|scope| {
        for wire in Wire::ALL {
            let here: Vec<_> = plays.iter().filter(|play| play.wire == wire).cloned().collect();
            // Threads change their namespaces: each has those of one wire.
            scope.spawn(|| {
                let runners = (here.len() * AT_ONCE).div_ceil(all);
                suite::at_once(runners, here.into_iter().take_while(|_| !context.is_stopped()), play);
            });
        }
    });
    results.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Plays both ends; this thread is the client's.
fn play_one(network: &Network, play: &Play) -> Result<(ClientLog, ServerLog)> {
    ends::be_punctual().context("ask for punctual timers")?;
    let anchor = Anchor::new();
    let (address, at) = mpsc::channel();
    thread::scope(|scope| {
        let server = scope.spawn(|| {
            ends::be_punctual().context("ask for punctual timers")?;
            network.enter(play.wire, Side::Server)?;
            let door = Door::open(play, Network::server(play.wire))?;
            address.send(door.at).context("tell where the server is")?;
            server::serve(play, door, &anchor)
        });
        let at: SocketAddr = at.recv_timeout(ends::PATIENCE).context("wait for the server")?;
        let bound = Bound::new(Network::client(play))?;
        let client = client::run(play, bound, at, &anchor);
        // The listener, if it is to be there, goes when the client has.
        let server = server.join().map_err(|_panic| anyhow!("the server panicked"))?;
        let (log, _door) = server.context("server")?;
        Ok((client.context("client")?, log))
    })
}

/// A race in the run's namespaces, or on loopback among its addresses, that is of no play.
fn strangers(
    namespaces: &HashMap<Wire, [u64; 2]>,
    plays: &HashSet<(SocketAddr, SocketAddr)>,
    closes: &Closes,
) -> Vec<String> {
    let is_of_play = |a, b| plays.contains(&(a, b)) || plays.contains(&(b, a));
    let of_wires = namespaces.iter().filter(|(wire, _)| **wire != Wire::Loopback);
    let own: HashSet<_> = of_wires.flat_map(|(_, namespaces)| *namespaces).collect();
    closes
        .all()
        .filter(|close| close.verdict == "idle-race")
        .filter(|close| own.contains(&close.netns) || Network::owns(close.local.ip()))
        .filter(|close| !is_of_play(close.local, close.remote))
        .map(|close| format!("{} {}: {}", close.local, close.remote, close.evidence.join("; ")))
        .collect()
}

impl Outcome {
    pub fn score(&self) -> Score {
        Score::of(&self.comparisons)
    }

    /// Requests after a gap whose truth is known: two compared ends each.
    pub fn requests(&self) -> usize {
        let of_clients = self.comparisons.iter().filter(|one| one.end == Side::Client);
        let is_request =
            |one: &&Comparison| one.connection.group[1] == ANSWERED || one.connection.truth.race.is_some();
        of_clients.filter(is_request).count()
    }

    /// Ends of connections that lost a request so.
    pub fn lost(&self, wire: Wire, race: Race) -> usize {
        let of_wire = self.comparisons.iter().filter(|one| one.connection.group[0] == wire.word());
        of_wire.filter(|one| one.connection.truth.race == Some(race)).count()
    }

    fn table(&self, title: &str, wire: Option<Wire>) -> Table {
        let mut table = Table::new(title, &[], &WORDS);
        let mut here: Vec<_> = self
            .comparisons
            .iter()
            .filter(|one| wire.is_none_or(|wire| one.connection.group[0] == wire.word()))
            .map(|one| {
                let connection = &one.connection;
                let is_answered = connection.group[1] == ANSWERED;
                (if is_answered { ANSWERED } else { connection.truth.word() }, one)
            })
            .collect();
        here.sort_by_key(|(name, one)| (WORDS.iter().position(|word| word == name), one.end));
        for (name, one) in here {
            table.add(&format!("{name}, seen by the {}", one.end.word()), &one.word, &one.outcome);
        }
        table
    }
}

impl Results for Outcome {
    fn json(&self) -> Result<String> {
        json_lines(&self.comparisons)
    }

    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }

    /// Whether nothing stands off the diagonal.
    fn is_right(&self) -> bool {
        self.score().has_no_fault() && self.invalid.is_empty() && self.strangers.is_empty()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { comparisons, undecided, invalid, strangers, scanned, dropped, .. } = self;
        for wire in Wire::ALL {
            write!(f, "{}", self.table(wire.word(), Some(wire)))?;
        }
        write!(f, "{}", self.table("all", None))?;
        let amended = comparisons.iter().filter(|one| one.amended).count();
        writeln!(f, "{} requests after a gap; {amended} ends amended; {}", self.requests(), self.score())?;
        writeln!(
            f,
            "{} plays undecided, {} not as scripted, {} races among strangers ({scanned} segments out of nothing), \
             {dropped} packets not captured",
            undecided.count(),
            invalid.len(),
            strangers.len()
        )?;
        write!(f, "{undecided}")?;
        write_faults(f, comparisons)?;
        write_invalid(f, invalid)?;
        strangers.iter().take(100).try_for_each(|one| writeln!(f, "a race of strangers: {one}"))
    }
}
