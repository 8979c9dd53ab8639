//! `whohungup watch`: one line per close as it happens.

use std::{
    io::{self, IsTerminal as _, Write},
    ops::ControlFlow,
    sync::{Arc, atomic::AtomicBool},
    time::Instant,
};

use crate::{
    agent::{Agent, Handler},
    cli::{WatchArgs, verdicts},
    output::{
        line,
        stdout::{Stdout, columns, printed},
        summary::Summary,
    },
    signals::stop_flag,
};
use whohungup_core::{close::ClosedConnection, filter::Filter};

/// Watches until the time, the count, a signal or a broken pipe ends it.
///
/// # Errors
/// When the probes cannot be loaded, or the output cannot be written.
pub fn watch(args: &WatchArgs) -> anyhow::Result<()> {
    let stopped = stop_flag()?;
    let mut agent = Agent::start(args.observe.session(), args.observe.max_endpoints)?;
    for warning in agent.session.warnings() {
        crate::say(format_args!("whohungup: {warning}"));
    }
    crate::say(format_args!("ready"));
    let mut printer = Printer::new(args, &stopped);
    printer.header();
    agent.run(&stopped, &mut printer);
    if !printer.is_over() {
        agent.finish(|closed| printer.close(closed));
        printer.flush();
    }
    if printer.written.is_err() {
        return printed(printer.written);
    }
    let lost = agent.session.counters().lost();
    let missed = agent.session.probes().missed_runs();
    if missed > 0 {
        crate::say(format_args!(
            "whohungup: missed {missed} events: the kernel skipped nested BPF program runs (recursion_misses)"
        ));
    }
    if lost > 0 {
        crate::say(format_args!("whohungup: lost {lost} events: ring buffer full; increase --ring-bytes"));
    }
    if args.json {
        crate::say(format_args!("{}", printer.summary));
        return Ok(());
    }
    printed(writeln!(printer.out, "\n{}", printer.summary).and_then(|()| printer.out.flush()))
}

struct Printer<'a> {
    args: &'a WatchArgs,
    out: Box<dyn Write>,
    colour: bool,
    filter: Filter,
    began: Instant,
    printed: u64,
    summary: Summary,
    /// The first error ends it.
    written: io::Result<()>,
}

impl<'a> Printer<'a> {
    fn new(args: &'a WatchArgs, stopped: &Arc<AtomicBool>) -> Self {
        let out = io::BufWriter::new(Stdout::until(stopped));
        let out: Box<dyn Write> = if args.json || !io::stdout().is_terminal() {
            Box::new(out)
        } else {
            let choice = anstream::AutoStream::choice(&io::stdout());
            Box::new(anstream::AutoStream::new(Box::new(out) as Box<dyn Write>, choice))
        };
        Self {
            args,
            out,
            colour: io::stdout().is_terminal(),
            filter: Filter { verdicts: verdicts(&args.verdict, args.trouble), ..args.filter.filter() },
            began: Instant::now(),
            printed: 0,
            summary: Summary::default(),
            written: Ok(()),
        }
    }

    fn header(&mut self) {
        if !self.args.json {
            self.written = writeln!(self.out, "{}", line::header(columns()));
        }
        self.flush();
    }

    fn print(&mut self, closed: &ClosedConnection) -> io::Result<()> {
        self.summary.add(closed);
        self.printed += 1;
        if self.args.json {
            serde_json::to_writer(&mut self.out, closed)?;
            writeln!(self.out)
        } else {
            writeln!(self.out, "{}", line::line(closed, self.colour, columns()))
        }
    }

    fn flush(&mut self) {
        if self.written.is_ok() {
            self.written = self.out.flush();
        }
    }

    /// Nothing more is printed.
    fn is_over(&self) -> bool {
        self.written.is_err() || self.args.count.is_some_and(|count| self.printed >= count)
    }
}

impl Handler for Printer<'_> {
    fn close(&mut self, closed: ClosedConnection) {
        if !self.is_over() && self.filter.has_close(&closed) {
            self.written = self.print(&closed);
        }
    }

    fn turn(&mut self, _agent: &mut Agent) -> ControlFlow<()> {
        self.flush();
        if self.is_over() || self.args.duration.is_some_and(|limit| self.began.elapsed() >= limit) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}
