//! `whohungup report`: what many closes show together, and what to change.

pub mod fetch;
mod past;
mod record;

use std::io::{self, IsTerminal as _, Write as _};

use anyhow::Context as _;

use whohungup_core::{
    advice::ReportModel,
    report::{markdown, text},
};

use crate::{cli::ReportArgs, signals::stop_flag};

/// Records or asks, and prints.
///
/// # Errors
/// When the probes cannot be loaded, the daemon does not answer, or the output cannot be written.
pub fn report(args: &ReportArgs) -> anyhow::Result<()> {
    let model = match (&args.from, &args.record) {
        (Some(url), _) => {
            let mut model = fetch::Client::new(url, &args.from_args)?.report()?;
            model.keep(&args.filter.filter());
            model
        }
        (None, Some(directory)) => past::past(args, directory)?,
        (None, None) => record::record(args, &*stop_flag()?)?,
    };
    match print(&model, args) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("write to standard output"),
    }
}

fn print(model: &ReportModel, args: &ReportArgs) -> io::Result<()> {
    let terminal = io::stdout().is_terminal();
    let mut out = anstream::AutoStream::auto(io::stdout()).lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, model)?;
        writeln!(out)?;
    } else if args.markdown {
        write!(out, "{}", markdown::markdown(model, args.top))?;
    } else {
        let look = text::Look { columns: columns(), coloured: terminal, top: args.top };
        write!(out, "{}", text::text(model, look))?;
    }
    out.flush()
}

/// Of the terminal; without one, what most have.
fn columns() -> usize {
    rustix::termios::tcgetwinsize(io::stdout())
        .ok()
        .map(|size| usize::from(size.ws_col))
        .filter(|&columns| columns > 0)
        .unwrap_or(100)
}
