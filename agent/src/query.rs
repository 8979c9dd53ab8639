//! `whohungup query`: who hung up then? Asks the record that a daemon keeps ([`crate::record`]).

mod csv;
mod replay;
mod summary;
mod time;

use std::{
    io::{self, IsTerminal as _, Write},
    ops::ControlFlow,
};

use anyhow::Context as _;
use jiff::Zoned;

use crate::{
    cli::QueryArgs,
    output::{
        line,
        stdout::{columns, printed},
    },
    record::{Found, Interval, Scan, Scanned},
};
use csv::Csv;
pub(crate) use replay::{Replay, replay};
use summary::Summary;

/// Reads the record, and prints.
///
/// # Errors
/// When a time is not understood, the record cannot be read, or the output cannot be written.
pub fn query(args: &QueryArgs) -> anyhow::Result<()> {
    let interval = interval(&args.since, &args.until)?;
    let filter = args.filter();
    let scan = Scan { directory: &args.record, interval, filter: &filter, newest: None };
    let mut printer = Printer::new(args);
    printer.begin();
    let scanned = read(&scan, |found| printer.take(&found))?;
    printer.finish();
    if printer.written.is_err() {
        return printed(printer.written);
    }
    say_what_is_missing(&scanned);
    if printer.printed == 0 && !args.json && !args.csv {
        let Interval { since, until } = interval;
        crate::say(format_args!(
            "no close from {since} to {until} that the filters let through was recorded"
        ));
    }
    Ok(())
}

/// Hands over what `scan` finds, with a remedy where there is no record.
pub(crate) fn read(scan: &Scan<'_>, take: impl FnMut(Found) -> ControlFlow<()>) -> anyhow::Result<Scanned> {
    scan.run(take).with_context(|| {
        format!(
            "no record at {}: start the daemon with `whohungup run --record DIR`",
            scan.directory.display()
        )
    })
}

/// The time that two flags name.
pub(crate) fn interval(since: &str, until: &str) -> anyhow::Result<Interval> {
    let now = Zoned::now();
    let since = time::parse(since, &now).context("--since")?;
    let until = time::parse(until, &now).context("--until")?;
    anyhow::ensure!(since <= until, "--since {since} is after --until {until}");
    Ok(Interval { since, until })
}

/// An empty answer is no all-clear where closes were not recorded.
pub(crate) fn say_what_is_missing(scanned: &Scanned) {
    for gap in &scanned.gaps {
        crate::say(format_args!("whohungup: {gap}"));
    }
    if scanned.broken > 0 {
        crate::say(format_args!("whohungup: {} pieces of the record could not be read", scanned.broken));
    }
    tracing::debug!(read = scanned.read, passed_over = scanned.passed_over, "blocks");
}

struct Printer<'a> {
    args: &'a QueryArgs,
    out: Box<dyn Write>,
    colour: bool,
    /// Columns beside the date.
    columns: Option<usize>,
    summary: Summary,
    csv: Csv,
    printed: u64,
    /// The first error ends it.
    written: io::Result<()>,
}

impl<'a> Printer<'a> {
    fn new(args: &'a QueryArgs) -> Self {
        let colour = io::stdout().is_terminal();
        let out: Box<dyn Write> = if colour {
            Box::new(anstream::AutoStream::auto(io::stdout()))
        } else {
            Box::new(io::BufWriter::with_capacity(1 << 16, io::stdout()))
        };
        Self {
            args,
            out,
            colour,
            columns: columns().map(|columns| columns.saturating_sub("2026-01-01  ".len())),
            summary: Summary::default(),
            csv: Csv::default(),
            printed: 0,
            written: Ok(()),
        }
    }

    fn begin(&mut self) {
        if !self.args.json && !self.args.csv && !self.args.summary {
            self.written = writeln!(self.out, "DATE        {}", line::header(self.columns));
        }
    }

    fn take(&mut self, found: &Found) -> ControlFlow<()> {
        self.printed += 1;
        let Found { close, line } = found;
        if self.args.summary {
            self.summary.add(close);
        } else if self.written.is_ok() {
            self.written = if self.args.json {
                self.out.write_all(line).and_then(|()| self.out.write_all(b"\n"))
            } else if self.args.csv {
                self.csv.write(&mut self.out, close)
            } else {
                let date = close.time.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d").to_string();
                writeln!(self.out, "{date}  {}", line::line(close, self.colour, self.columns))
            };
        }
        if self.written.is_err() || self.args.count.is_some_and(|count| self.printed >= count) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn finish(&mut self) {
        if self.args.summary && self.written.is_ok() {
            self.written = write!(self.out, "{}", self.summary);
        }
        if self.written.is_ok() {
            self.written = self.out.flush();
        }
    }
}
