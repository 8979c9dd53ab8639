//! `whohungup selftest`: plays closes whose truth is known against the live probes of this kernel.

mod compare;
mod play;
mod table;

use std::{
    io::{self, Write as _},
    process::ExitCode,
    sync::mpsc,
    thread,
    time::Duration,
};

use compare::Matcher;
pub use compare::{Checked, Outcome};
pub use table::Table;

use crate::{
    cli::{HttpInspection, SelftestArgs},
    clock::monotonic_ns,
    output::stdout::printed,
    session::{POLL_INTERVAL, Record, Session, SessionOptions},
};
use whohungup_bpf::Tier;

/// After the last close the agent may still hold a verdict back this long.
const LAST_REPORTS: Duration = Duration::from_secs(7);

/// Plays, compares and prints.
///
/// # Errors
/// When the probes cannot be loaded, or the output cannot be written.
pub fn selftest(args: &SelftestArgs) -> anyhow::Result<ExitCode> {
    let tier = if args.http_inspection == HttpInspection::On { Tier::Http } else { Tier::Lifecycle };
    let (mut out, mut written) = (io::stdout(), Ok(()));
    let table = run(tier, args.filter.as_deref(), args.repeat, args.seed, |checked| {
        if args.json && written.is_ok() {
            written = writeln!(out, "{}", serde_json::json!(checked));
        }
    })?;
    if !args.json {
        written = write!(out, "{table}").and_then(|()| out.flush());
    }
    printed(written)?;
    Ok(if table.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Plays every scenario whose name contains `filter`, `repeat` times in random order, and hands each
/// compared close to `sink`.
///
/// # Errors
/// When the probes cannot be loaded.
pub fn run(
    tier: Tier,
    filter: Option<&str>,
    repeat: u32,
    seed: u64,
    mut sink: impl FnMut(&Checked),
) -> anyhow::Result<Table> {
    let mut options = SessionOptions::default();
    options.load.tier = tier;
    let mut session = Session::start(options)?;
    let plays = play::order(filter, repeat, seed);
    anyhow::ensure!(!plays.is_empty(), "no scenario's name contains `{}`", filter.unwrap_or_default());
    let mut table = Table::default();
    let mut missing = Vec::new();
    round(&mut session, tier, plays, &mut table, |checked, table| {
        if checked.outcome == Outcome::Missing {
            missing.push(checked);
        } else {
            sink(&checked);
            table.add(checked);
        }
    })?;
    if !missing.is_empty() {
        let mut still = false;
        round(&mut session, tier, play::again(&missing), &mut table, |checked, _| {
            still |= checked.outcome == Outcome::Missing;
        })?;
        for mut checked in missing {
            checked.outcome = if still { Outcome::Missing } else { Outcome::Unseen };
            sink(&checked);
            table.add(checked);
        }
    }
    table.lost = session.counters().lost() + session.probes().missed_runs();
    Ok(table)
}

/// Plays `plays` on a thread of its own and hands each compared close to `sink`.
fn round(
    session: &mut Session,
    tier: Tier,
    plays: Vec<play::Play>,
    table: &mut Table,
    mut sink: impl FnMut(Checked, &mut Table),
) -> anyhow::Result<()> {
    let (played, news) = mpsc::channel();
    let playing = thread::spawn(move || play::all(plays, &played));
    let mut matcher = Matcher::new(tier);
    let mut patience = None;
    loop {
        session.poll(|record| {
            if let Record::Close(closed) = record {
                matcher.report(closed);
            }
        });
        loop {
            match news.try_recv() {
                Ok(play::News::Truth(truth)) => matcher.expect(*truth),
                Ok(play::News::Failed(scenario, reason)) => table.failed(scenario, reason),
                Err(mpsc::TryRecvError::Empty) => break,
                Err(mpsc::TryRecvError::Disconnected) => {
                    patience.get_or_insert_with(|| monotonic_ns() + LAST_REPORTS.as_nanos() as u64);
                    break;
                }
            }
        }
        let over = patience.is_some_and(|until| monotonic_ns() > until || matcher.is_complete());
        for checked in matcher.settled(over) {
            sink(checked, table);
        }
        if over {
            break;
        }
        thread::sleep(POLL_INTERVAL);
    }
    playing.join().map_err(|_panic| anyhow::anyhow!("the player panicked"))
}
