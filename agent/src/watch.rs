//! `whohungup watch`: one line per close as it happens.

use std::{
    cell::RefCell,
    io::{self, IsTerminal as _, Write},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Instant,
};

use anyhow::Context as _;

use crate::{
    cli::WatchArgs,
    observe::Understanding,
    output::{line, summary::Summary},
    session::{POLL_INTERVAL, Session},
    signals::stop_flag,
};
use whohungup_core::close::ClosedConnection;

/// Watches until the time, the count, a signal or a broken pipe ends it.
///
/// # Errors
/// When the probes cannot be loaded, or the output cannot be written.
pub fn watch(args: &WatchArgs) -> anyhow::Result<()> {
    let stopped = stop_flag()?;
    let mut session = Session::start(args.observe.session())?;
    for note in session.notes() {
        eprintln!("whohungup: {note}");
    }
    eprintln!("ready");
    let mut printer = Printer::new(args);
    match run(args, &mut session, &mut printer, &stopped) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
        other => other.context("write to standard output")?,
    }
    let lost = session.counters().lost();
    let missed = session.probes().missed_runs();
    if missed > 0 {
        eprintln!("whohungup: {missed} events were not seen: a program was interrupted by itself");
    }
    if lost > 0 {
        eprintln!("whohungup: {lost} records were lost; a larger --ring-bytes holds more");
    }
    if args.json {
        eprintln!("{}", printer.summary);
    } else {
        println!("\n{}", printer.summary);
    }
    Ok(())
}

fn run(
    args: &WatchArgs,
    session: &mut Session,
    printer: &mut Printer<'_>,
    stopped: &AtomicBool,
) -> io::Result<()> {
    let began = Instant::now();
    let understanding =
        RefCell::new(Understanding::new(args.observe.max_endpoints, session.tracker().tick()));
    printer.header()?;
    loop {
        let mut written = Ok(());
        session.poll_all(
            |mut closed| {
                understanding.borrow_mut().close(&mut closed);
                if written.is_ok() && !printer.is_full() {
                    written = printer.print(&closed);
                }
            },
            |progressed| {
                understanding.borrow_mut().progress(&progressed);
            },
        );
        written?;
        understanding.borrow_mut().tidy();
        printer.flush()?;
        if printer.is_full() {
            return Ok(());
        }
        if stopped.load(Ordering::Relaxed) || args.duration.is_some_and(|limit| began.elapsed() >= limit) {
            break;
        }
        thread::sleep(POLL_INTERVAL);
    }
    let mut written = Ok(());
    session.finish(|mut closed| {
        understanding.borrow_mut().close(&mut closed);
        if written.is_ok() && !printer.is_full() {
            written = printer.print(&closed);
        }
    });
    written?;
    printer.flush()
}

struct Printer<'a> {
    args: &'a WatchArgs,
    out: Box<dyn Write>,
    colour: bool,
    printed: u64,
    summary: Summary,
}

impl<'a> Printer<'a> {
    fn new(args: &'a WatchArgs) -> Self {
        let out: Box<dyn Write> = if args.json || !io::stdout().is_terminal() {
            Box::new(io::BufWriter::new(io::stdout()))
        } else {
            Box::new(anstream::AutoStream::auto(io::stdout()))
        };
        Self { args, out, colour: io::stdout().is_terminal(), printed: 0, summary: Summary::default() }
    }

    fn header(&mut self) -> io::Result<()> {
        if self.args.json {
            return Ok(());
        }
        writeln!(self.out, "{}", line::header())?;
        self.out.flush()
    }

    fn print(&mut self, closed: &ClosedConnection) -> io::Result<()> {
        if !self.wants(closed) {
            return Ok(());
        }
        self.summary.add(closed);
        self.printed += 1;
        if self.args.json {
            serde_json::to_writer(&mut self.out, closed)?;
            writeln!(self.out)
        } else {
            writeln!(self.out, "{}", line::line(closed, self.colour))
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn is_full(&self) -> bool {
        self.args.count.is_some_and(|count| self.printed >= count)
    }

    fn wants(&self, closed: &ClosedConnection) -> bool {
        let ports = [closed.ends.local.port(), closed.ends.remote.port()];
        let named = |wanted: &String| {
            closed.process.is_some_and(|process| {
                process.comm == wanted.as_str() || process.pid.is_some_and(|pid| pid.to_string() == *wanted)
            })
        };
        let WatchArgs { port, process, verdict, .. } = self.args;
        (port.is_empty() || port.iter().any(|port| ports.contains(port)))
            && (process.is_empty() || process.iter().any(named))
            && (verdict.is_empty() || verdict.contains(&closed.verdict))
    }
}
