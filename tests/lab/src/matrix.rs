//! Many servers by many clients, all of them real: who ends the connection, and in which phase, is decided by their own
//! timeouts, pools, signals and chance. The truth of every close is what a capture proves (`wiretap`); the configuration,
//! the servers' logs and the clients' own outcomes are held against it (`claims`).

pub mod bursts;
mod claims;
mod client_log;
mod identify;
mod instance;
mod logs;
mod plan;
mod play;
mod playing;
mod raw;
mod scenario;
mod software;

use std::{
    collections::HashSet,
    fmt,
    path::PathBuf,
    sync::atomic::AtomicU32,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use self::{
    claims::{Claims, Source},
    play::Played,
    scenario::Identity,
    software::{Client, Server},
};
use harness::Watch;

use crate::{
    catalogue::{self, Need},
    compare::{self, Comparison, Score},
    kit::Kit,
    suite::{self, Context, Results, Software, Suite, is_chosen, json_lines, wait_until},
    table::{self, Table, Undecided, write_faults, write_invalid},
    truth::{Connection, Side},
    wiretap::capture::{self, Capture, Place},
};

/// Servers that are played at once.
const AT_ONCE: usize = 2;
/// The slowest close to be reported is one whose peer leaves it lying, 5 s.
const REPORTED_WITHIN: Duration = Duration::from_secs(12);

#[derive(Debug, Clone, Default, clap::Args)]
pub struct Options {
    /// Only servers whose name contains this (may be repeated)
    #[arg(long = "server", value_name = "NAME")]
    pub servers: Vec<String>,

    /// Only clients whose name contains this (may be repeated)
    #[arg(long = "client", value_name = "NAME")]
    pub clients: Vec<String>,

    /// Keep the capture and what the agent printed there when an end was not reported right [default: in the cache]
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    pub servers: Vec<Software>,
    pub clients: Vec<Software>,
    comparisons: Vec<Comparison>,
    /// Connections of which the capture does not prove how they ended.
    undecided: Undecided,
    claims: Claims,
    /// What did not go as planned.
    invalid: Vec<String>,
    /// Packets that the capture missed.
    dropped: u64,
    /// What the agent said besides.
    notes: Vec<String>,
}

impl Options {
    fn servers(&self) -> impl Iterator<Item = &'static Server> {
        software::servers().iter().filter(|server| is_chosen(&self.servers, &server.name))
    }

    fn clients(&self) -> impl Iterator<Item = &'static Client> {
        software::clients().iter().filter(|client| is_chosen(&self.clients, &client.name))
    }
}

impl Suite for Options {
    fn needs(&self) -> Vec<Need> {
        let of_servers = self.servers().flat_map(|server| &server.software);
        let all = of_servers.chain(self.clients().flat_map(|client| &client.software));
        [catalogue::needs(all), capture::NEEDS.to_vec()].concat()
    }

    fn run(&self, context: &Context) -> Result<Box<dyn Results>> {
        Ok(Box::new(run(self, context)?))
    }
}

/// # Errors
/// When the agent or the capture cannot be run, or in CI software is missing.
pub fn run(options: &Options, context: &Context) -> Result<Outcome> {
    let kit = context.kit()?;
    let (mut servers, mut clients) = (Vec::new(), Vec::new());
    let (mut present_servers, mut present_clients) = (Vec::new(), Vec::new());
    for server in options.servers() {
        let found = Software::find(&kit, &server.name, &server.software)?;
        present_servers.extend(found.version.is_ok().then_some(server));
        servers.push(Software { remarks: server.remarks(), ..found });
    }
    for client in options.clients() {
        let found = Software::find(&kit, &client.name, &client.software)?;
        if found.version.is_ok() {
            client.launch.build(&kit)?;
            present_clients.push(client);
        }
        clients.push(Software { remarks: client.remarks(), ..found });
    }
    ensure!(!servers.is_empty(), "no server is called {:?}", options.servers);
    let capture = Capture::start(&kit, Place::LOOPBACK, &Kit::filter())?;
    let watch = Watch::start(&context.agent)?;
    let played = play_all(&kit, present_servers, &present_clients, context);
    context.ensure_not_stopped()?;
    let captured = capture.finish()?;
    let identified = identify::identify(&captured.flows(&kit)?, &played);
    let claims = claims::compare(&identified, &played);
    let mut undecided = Undecided::default();
    let open: HashSet<_> =
        identified.iter().filter(|one| one.decided.is_err()).map(|one| (one.client, one.server)).collect();
    let mut connections = Vec::new();
    for one in identified {
        let Identity { server, client, scenario, .. } = one.identity;
        let label = format!("{client} at {server}: {scenario} ({} to {})", one.client, one.server);
        match one.decided {
            Err(why) => undecided.add(why, label),
            // Which of the two the agent speaks of cannot be told.
            Ok(_) if open.contains(&(one.client, one.server)) => {
                undecided.add("another connection with the same addresses is undecided", label);
            }
            Ok(truth) => {
                let ends = [one.client, one.server];
                connections.push(Connection::here(scenario.to_owned(), [server, client], ends, truth));
            }
        }
    }
    wait_until(REPORTED_WITHIN, || watch.look(|closes| compare::all_reported(&connections, closes)));
    let (closes, mut notes) = watch.finish()?;
    let comparisons = compare::compare(&connections, &closes);
    if !comparisons.iter().all(Comparison::is_right) {
        let directory = options.keep.clone().unwrap_or_else(|| context.state.join("kept"));
        captured.keep(&directory, closes.printed())?;
        let directory = directory.display();
        notes.push(format!("kept for `lab explain`: {directory}/wire.pcapng, {directory}/closes.ndjson"));
    }
    let (invalid, dropped) = (played.invalid, captured.dropped);
    Ok(Outcome { servers, clients, comparisons, undecided, claims, invalid, dropped, notes })
}

fn play_all(
    kit: &Kit,
    servers: Vec<&'static Server>,
    clients: &[&'static Client],
    context: &Context,
) -> Played {
    let ids = AtomicU32::new(1);
    let servers = servers.into_iter().take_while(|_| !context.is_stopped());
    let played = suite::at_once(AT_ONCE, servers, |server| {
        let began = Instant::now();
        let played = play::play(kit, server, clients, &ids, &context.stop);
        eprintln!("{}: {:.0} s", server.name, began.elapsed().as_secs_f64());
        played
    });
    let mut all = Played::default();
    for one in played {
        all.extend(one);
    }
    all
}

impl Outcome {
    pub fn score(&self) -> Score {
        Score::of(&self.comparisons)
    }

    fn of_clients(&self) -> impl Iterator<Item = &Comparison> {
        // Of what was never made nobody knows but its client.
        self.comparisons.iter().filter(|one| one.end == Side::Client)
    }

    /// Connections.
    pub fn connections(&self) -> usize {
        self.of_clients().count()
    }

    /// Whether a connection ended so; the words are the columns'.
    pub fn has(&self, way: &str) -> bool {
        self.of_clients().any(|one| table::way(&one.connection.truth) == way)
    }
}

impl Results for Outcome {
    fn json(&self) -> Result<String> {
        json_lines(&self.comparisons)
    }

    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }

    /// Whether nothing is wrong, and nobody contradicts the capture.
    fn is_right(&self) -> bool {
        let score = self.score();
        score.has_no_fault()
            && self.claims.contradictions.is_empty()
            && self.invalid.is_empty()
            && 20 * self.claims.missed < self.claims.conversations.max(1)
            && 50 * score.unknown < score.compared
            // What is not decided proves nothing: it has to be rare.
            && 20 * self.undecided.count() < self.connections()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { servers, clients, comparisons, undecided, claims, invalid, dropped, .. } = self;
        let names = |all: &[Software]| all.iter().map(|one| one.name).collect::<Vec<_>>();
        for (what, all) in [("servers", servers), ("clients", clients)] {
            let all: Vec<_> = all.iter().map(Software::to_string).collect();
            writeln!(f, "{what}: {}", all.join(", "))?;
        }
        writeln!(f)?;
        let (servers, clients) = (names(servers), names(clients));
        let mut pairs = Table::new("ends", &servers, &clients);
        for one in comparisons {
            let [server, client] = one.connection.group;
            pairs.add(server, client, &one.outcome);
        }
        write!(f, "{pairs}")?;
        for (title, names, group) in [("by server", &servers, 0), ("by client", &clients, 1)] {
            let all = comparisons.iter();
            write!(f, "{}", Table::of_ways(title, names, all, |one| one.connection.group[group]))?;
        }
        write!(f, "{}", Table::of_words("true, and what was reported", comparisons.iter()))?;
        for source in Source::ALL {
            let asked = claims.asked.get(&source).copied().unwrap_or(0);
            writeln!(f, "{}: held against the capture for {asked} closes", source.word())?;
        }
        writeln!(
            f,
            "{} of {} conversations did not come to it, {} contradictions, {} closes undecided, {} not as scripted, {dropped} \
             packets not captured",
            claims.missed,
            claims.conversations,
            claims.contradictions.len(),
            undecided.count(),
            invalid.len()
        )?;
        write!(f, "{undecided}")?;
        claims.contradictions.iter().take(100).try_for_each(|one| writeln!(f, "contradiction: {one}"))?;
        write_invalid(f, invalid)?;
        writeln!(f, "{} connections; {}", self.connections(), self.score())?;
        write_faults(f, comparisons)
    }
}
