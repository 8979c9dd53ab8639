//! A scripted server: it backs the proxies and faces the clients under test.

use std::{
    io::ErrorKind,
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver},
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
    listening: Listening,
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
        let (sender, events) = mpsc::channel();
        let listening = Listening::start(at, move |stream| {
            let ended = match speaks {
                Speaks::Http1 => serve(stream, &sender),
                Speaks::Http2 { target, calls } => serve_calls(stream, target, calls, &sender),
            };
            // Nobody listens when the case has failed already.
            let _gone = sender.send(Event::Ended(ended));
        })?;
        Ok(Self { at, events, listening, ended: Vec::new() })
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
        self.listening.stop();
        // The channel ends with the last connection's thread.
        while let Ok(event) = self.events.recv_timeout(PATIENCE) {
            if let Event::Ended(ended) = event {
                self.ended.extend(ended?);
            }
        }
        Ok(self.ended)
    }
}

/// A listener that gives each connection a thread of its own.
#[derive(Debug)]
pub(crate) struct Listening {
    stop: Arc<AtomicBool>,
    acceptor: Option<JoinHandle<()>>,
}

impl Listening {
    pub(crate) fn start(at: SocketAddr, serve: impl Fn(TcpStream) + Clone + Send + 'static) -> Result<Self> {
        let listener = TcpListener::bind(at).with_context(|| format!("listen at {at}"))?;
        listener.set_nonblocking(true).context("make the listener non-blocking")?;
        let stop = Arc::<AtomicBool>::default();
        let is_stopped = Arc::clone(&stop);
        let accept = move || {
            while !is_stopped.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((stream, _)) => {
                        let serve = serve.clone();
                        thread::spawn(move || serve(stream));
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        thread::sleep(Duration::from_millis(3));
                    }
                    Err(_aborted_before_it_was_accepted) => {}
                }
            }
        };
        Ok(Self { stop, acceptor: Some(thread::spawn(accept)) })
    }

    /// Takes no more connections; those that are open go on.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.stop();
        if let Some(acceptor) = self.acceptor.take() {
            let _panicked = acceptor.join();
        }
    }
}
