//! The one loop of `watch`, `report`, `top` and `run`: a session, the analysis of what it hands over, and turns.

use std::{
    ops::ControlFlow,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use whohungup_bpf::ProbeError;
use whohungup_core::{
    advice::ReportModel,
    close::ClosedConnection,
    connection::{Progressed, Stopping},
    filter::Filter,
};

use crate::{
    analyzer::Analyzer,
    session::{POLL_INTERVAL, Record, Session, SessionOptions},
};

/// What a turn brings, in the order in which it happened.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "moved once, from the session to who takes it")]
pub enum Event {
    /// A connection ended. The verdict is final.
    Close(ClosedConnection),
    /// Requests that were counted on an open connection.
    Requests(Progressed),
}

/// Who takes what an [`Agent`] observes.
pub trait Handler {
    fn event(&mut self, event: Event);

    /// Comes after the events of each turn; `Break` ends the loop.
    fn turn(&mut self, agent: &mut Agent) -> ControlFlow<()>;
}

#[derive(Debug)]
pub struct Agent {
    pub session: Session,
    pub analyzer: Analyzer,
    filter: Filter,
}

impl Agent {
    /// Attaches the probes. Tracks at most `max_endpoints` endpoints individually.
    ///
    /// # Errors
    /// When the kernel or the privileges do not allow it.
    pub fn start(options: SessionOptions, max_endpoints: usize) -> Result<Self, ProbeError> {
        let session = Session::start(options)?;
        let analyzer = Analyzer::new(max_endpoints, session.tracker().tick());
        Ok(Self { session, analyzer, filter: Filter::default() })
    }

    /// Leaves out what `filter` does not want before anything is made of it.
    pub fn restrict(&mut self, filter: Filter) {
        self.filter = filter;
    }

    /// Takes turns until `stopped` or until the handler ends it.
    pub fn run(&mut self, stopped: &AtomicBool, handler: &mut impl Handler) {
        while !stopped.load(Ordering::Relaxed) {
            self.turn(|event| handler.event(event));
            if handler.turn(self).is_break() {
                return;
            }
            thread::sleep(POLL_INTERVAL);
        }
    }

    /// Takes in what has come since the last turn.
    pub fn turn(&mut self, mut on_event: impl FnMut(Event)) {
        let Self { session, analyzer, filter } = self;
        session.poll(|record| {
            analyze(analyzer, filter, record).into_iter().for_each(&mut on_event);
        });
        analyzer.expire();
    }

    /// The last turn: settles every pending close at once.
    pub fn finish(&mut self, mut on_event: impl FnMut(Event)) {
        let Self { session, analyzer, filter } = self;
        session.finish(|record| {
            analyze(analyzer, filter, record).into_iter().for_each(&mut on_event);
        });
    }

    /// Everything so far, with advice.
    pub fn report(&self) -> ReportModel {
        self.analyzer.report(&self.session)
    }
}

/// `None` where the filter leaves it out.
fn analyze(analyzer: &mut Analyzer, filter: &Filter, record: Record) -> Option<Event> {
    match record {
        Record::Close(mut closed) => filter.has_close(&closed).then(|| {
            analyzer.close(&mut closed);
            Event::Close(closed)
        }),
        Record::Requests(progressed) => filter.has_requests(&progressed).then(|| {
            analyzer.progress(&progressed);
            Event::Requests(progressed)
        }),
        Record::Stopping(stopping) => {
            let is_wanted = match &stopping {
                Stopping::Signal(_) => true,
                Stopping::Listener(ended) => filter.has_listener(ended),
            };
            if is_wanted {
                analyzer.stopping(stopping);
            }
            None
        }
        Record::Refused(listener, count) => {
            analyzer.refused(listener.netns, listener.port as u16, count);
            None
        }
    }
}
