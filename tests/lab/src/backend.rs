//! A scripted server: it backs the proxies and faces the clients under test.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

use crate::{
    script::{serve, serve_calls},
    truth::{Phase, Truth},
    wire::PATIENCE,
};

/// One connection that has ended, and the truth about it.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    pub(crate) client: SocketAddr,
    pub(crate) truth: Truth,
    /// Target of the newest request.
    pub(crate) target: String,
}

#[derive(Debug)]
pub(crate) enum Event {
    /// The script has come to where it waits.
    Reached(Phase),
    /// `None`: ended at a moment of which the truth is not certain.
    Ended(Result<Option<Ended>>),
}

#[derive(Debug)]
pub(crate) struct Backend {
    pub(crate) at: SocketAddr,
    events: Receiver<Event>,
    stop: Arc<AtomicBool>,
    acceptor: Option<JoinHandle<()>>,
    /// Connections that have ended, as far as their ends were looked at.
    ended: Vec<Ended>,
}

/// What the scripted server speaks.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Speaks {
    /// Does what each request's target says.
    Http1,
    /// Does with all calls what this target says, when so many have been begun.
    Http2 { target: &'static str, calls: usize },
}

impl Backend {
    pub(crate) fn start(at: SocketAddr, speaks: Speaks) -> Result<Self> {
        let listener = TcpListener::bind(at).with_context(|| format!("listen at {at}"))?;
        listener.set_nonblocking(true).context("make the listener non-blocking")?;
        let (sender, events) = mpsc::channel();
        let stop = Arc::<AtomicBool>::default();
        let acceptor = thread::spawn({
            let stop = Arc::clone(&stop);
            move || accept(&listener, speaks, &sender, &stop)
        });
        Ok(Self { at, events, stop, acceptor: Some(acceptor), ended: Vec::new() })
    }

    /// Waits until a connection stands in this phase and the script does nothing more.
    pub(crate) fn await_phase(&mut self, wanted: Phase) -> Result<()> {
        loop {
            match self.events.recv_timeout(PATIENCE) {
                Ok(Event::Reached(phase)) if phase == wanted => return Ok(()),
                Ok(Event::Reached(_)) => {}
                Ok(Event::Ended(ended)) => bail!("it ended before {}: {:?}", wanted.word(), ended?),
                Err(_silent) => bail!("no connection came to {}", wanted.word()),
            }
        }
    }

    /// Waits until a connection has ended.
    pub(crate) fn await_end(&mut self) -> Result<()> {
        let before = self.ended.len();
        while self.ended.len() == before {
            match self.events.recv_timeout(PATIENCE) {
                Ok(Event::Reached(_)) => {}
                Ok(Event::Ended(ended)) => self.ended.extend(ended?),
                Err(_silent) => bail!("no connection ended"),
            }
        }
        Ok(())
    }

    /// Stops listening and waits for all connections to end.
    pub(crate) fn finish(mut self) -> Result<Vec<Ended>> {
        self.stop.store(true, Ordering::Relaxed);
        // The channel ends with the last connection's thread.
        while let Ok(event) = self.events.recv_timeout(PATIENCE) {
            if let Event::Ended(ended) = event {
                self.ended.extend(ended?);
            }
        }
        Ok(std::mem::take(&mut self.ended))
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(acceptor) = self.acceptor.take() {
            let _panicked = acceptor.join();
        }
    }
}

fn accept(listener: &TcpListener, speaks: Speaks, events: &Sender<Event>, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        match listener.accept() {
            Ok((stream, _)) => {
                let events = events.clone();
                thread::spawn(move || {
                    let ended = stream.set_nonblocking(false).context("make the socket blocking");
                    let ended = ended.and_then(|()| match speaks {
                        Speaks::Http1 => serve(stream, &events),
                        Speaks::Http2 { target, calls } => serve_calls(stream, target, calls, &events),
                    });
                    // Nobody listens when the case has failed already.
                    let _gone = events.send(Event::Ended(ended));
                });
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                thread::sleep(Duration::from_millis(3));
            }
            Err(_aborted_before_it_was_accepted) => {}
        }
    }
}
