//! `whohungup report`: what many closes show together, and what to change.

pub mod fetch;
mod past;
mod record;

use std::{
    io::{self, BufWriter, IsTerminal as _, Write as _},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use whohungup_core::{
    advice::ReportModel,
    report::{markdown, text},
};

use crate::{
    cli::ReportArgs,
    output::stdout::{Stdout, columns, printed},
    signals::stop_flag,
};

/// Columns where there is no terminal: what most have.
const WITHOUT_TERMINAL: usize = 100;

/// Records or asks, and prints.
///
/// # Errors
/// When the probes cannot be loaded, the daemon does not answer, or the output cannot be written.
pub fn report(args: &ReportArgs) -> anyhow::Result<()> {
    // Whoever ends the observation wants the report; a signal that comes while it is printed ends it.
    let mut until = Arc::<AtomicBool>::default();
    let model = match (&args.from, &args.record) {
        (Some(url), _) => {
            let mut model = fetch::Client::new(url, &args.from_args)?.report()?;
            model.keep(&args.filter.filter());
            model
        }
        (None, Some(directory)) => past::past(args, directory)?,
        (None, None) => {
            let stopped = stop_flag()?;
            let model = record::record(args, &stopped)?;
            if !stopped.load(Ordering::Relaxed) {
                until = stopped;
            }
            model
        }
    };
    printed(print(&model, args, BufWriter::new(Stdout::until(&until))))
}

fn print(model: &ReportModel, args: &ReportArgs, out: BufWriter<Stdout>) -> io::Result<()> {
    let terminal = io::stdout().is_terminal();
    let choice = anstream::AutoStream::choice(&io::stdout());
    let mut out = anstream::AutoStream::new(Box::new(out) as Box<dyn io::Write>, choice);
    if args.json {
        serde_json::to_writer_pretty(&mut out, model)?;
        writeln!(out)?;
    } else if args.markdown {
        write!(out, "{}", markdown::markdown(model, args.top))?;
    } else {
        let look =
            text::Look { columns: columns().unwrap_or(WITHOUT_TERMINAL), coloured: terminal, top: args.top };
        write!(out, "{}", text::text(model, look))?;
    }
    out.flush()
}
