//! `whohungup top`: what the page shows, in a terminal.

mod app;
mod details;
mod draw;
mod help;
mod mouse;
mod sort;
mod source;
mod tables;

use std::{
    io::{self, IsTerminal as _},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use anyhow::{Context as _, bail};
use ratatui::{
    DefaultTerminal,
    crossterm::event::{self, Event, KeyEventKind},
};

use crate::{cli::TopArgs, signals::stop_flag};
use app::App;
use source::Source;

/// Between two looks at the keyboard, the source and signals.
const TURN: Duration = Duration::from_millis(100);

/// Shows until `q`, a signal, or the end of the terminal.
///
/// # Errors
/// When there is no terminal, the probes cannot be loaded, or the daemon does not answer.
pub fn top(args: &TopArgs) -> anyhow::Result<()> {
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        bail!(
            "`top` draws on a terminal, and this is none; `whohungup watch` and `whohungup report` print instead"
        );
    }
    let stopped = stop_flag()?;
    // What fails at the start is said on a terminal that is as it was.
    let mut source = Source::start(args)?;
    // Restores the terminal when it panics, too.
    let mut terminal = ratatui::try_init().context("take over the terminal")?;
    let mouse = mouse::Capture::start();
    let app = App::new(is_coloured());
    let shown = show(&mut terminal, app, &mut source, &stopped);
    drop(mouse);
    ratatui::restore();
    source.stop();
    shown
}

/// https://no-color.org
fn is_coloured() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn show(
    terminal: &mut DefaultTerminal,
    mut app: App,
    source: &mut Source,
    stopped: &AtomicBool,
) -> anyhow::Result<()> {
    while !app.is_over() && !stopped.load(Ordering::Relaxed) {
        for update in source.updates()? {
            app.update(update);
        }
        terminal.draw(|frame| draw::draw(frame, &mut app)).context("draw on the terminal")?;
        if event::poll(TURN).context("read the keyboard")? {
            match event::read().context("read the keyboard")? {
                Event::Key(key) if key.kind != KeyEventKind::Release => app.key(key),
                Event::Mouse(mouse) => app.mouse(mouse),
                _ => {}
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
