//! Where a script is played: two threads, the ground between them, and the steps that scripts share.

use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::endpoint::Endpoint;
use crate::error::PlayError;
use crate::http::{self, Persist, Request, Writes};
use crate::ledger::Part;
use crate::pair::Pair;
use crate::plan::Plan;
use crate::relay::Relay;
use crate::truth::{Expect, Family, Truth};
use crate::worker::Worker;

/// What a script works with.
#[derive(Debug)]
pub(crate) struct Stage {
    scenario: &'static str,
    pub(crate) family: Family,
    seed: u64,
    pub(crate) plan: Plan,
    pub(crate) listener: Arc<Mutex<Option<TcpListener>>>,
    pub(crate) wire: Option<Relay>,
    pub(crate) client: Arc<Worker>,
    pub(crate) server: Arc<Worker>,
}

impl Stage {
    /// Both ends on loopback, in the namespace of the caller.
    pub(crate) fn on_loopback(scenario: &'static str, family: Family, seed: u64) -> Result<Self, PlayError> {
        let (client, ()) = Worker::spawn("client", || Ok(()))?;
        let (server, ()) = Worker::spawn("server", || Ok(()))?;
        Ok(Self::new(scenario, family, seed, None, client, server))
    }

    /// Each end in a namespace of its own, with a relay between them.
    pub(crate) fn with_relay(scenario: &'static str, family: Family, seed: u64) -> Result<Self, PlayError> {
        let (relay, client, server) = Relay::start()?;
        Ok(Self::new(scenario, family, seed, Some(relay), client, server))
    }

    fn new(
        scenario: &'static str,
        family: Family,
        seed: u64,
        relay: Option<Relay>,
        client: Worker,
        server: Worker,
    ) -> Self {
        Self {
            scenario,
            family,
            seed,
            plan: Plan::new(scenario, family, seed),
            listener: Arc::default(),
            wire: relay,
            client: Arc::new(client),
            server: Arc::new(server),
        }
    }

    /// The relay that the scenario was declared with.
    pub(crate) fn relay(&self) -> Result<&Relay, PlayError> {
        self.wire.as_ref().ok_or_else(|| PlayError::ThreadGone("relay".to_owned()))
    }

    /// The client's thread, for what is no part of a connection.
    pub(crate) fn client_thread(&self) -> &Worker {
        &self.client
    }

    /// One exchange: the server reads the request fully, the client reads the response fully.
    pub(crate) fn exchange(
        &mut self,
        pair: &Pair,
        request: &Request,
        response: Writes,
    ) -> Result<(), PlayError> {
        self.ask(pair, request)?;
        let thinking = self.plan.between(0..=10);
        self.pause(thinking);
        pair.answer(response)
    }

    /// A request that the server reads fully.
    pub(crate) fn ask(&mut self, pair: &Pair, request: &Request) -> Result<(), PlayError> {
        if !request.body.is_empty() && self.plan.once_in(2) {
            pair.client.send(request.head.clone(), Part::Begin)?;
            pair.client.send(request.body.clone(), Part::Middle)?;
        } else {
            pair.client.send(request.bytes(), Part::Begin)?;
        }
        pair.server.receive(request.bytes(), Part::Begin)
    }

    /// As many unannounced exchanges as the seed says, with short pauses; returns how many.
    pub(crate) fn exchanges(&mut self, pair: &Pair) -> Result<u32, PlayError> {
        let count = self.plan.exchanges();
        for index in 0..count {
            if index > 0 {
                let pause = self.plan.between(0..=20);
                self.pause(pause);
            }
            self.some_exchange(pair, Persist::KeepAlive)?;
        }
        Ok(count)
    }

    /// One exchange, of which the response announces this.
    pub(crate) fn some_exchange(&mut self, pair: &Pair, persist: Persist) -> Result<(), PlayError> {
        let request = Request::any(&mut self.plan, Persist::KeepAlive);
        let response = http::response(&mut self.plan, persist);
        self.exchange(pair, &request, response)
    }

    /// Lets the connection lie idle; returns the planned time in milliseconds.
    pub(crate) fn idle(&mut self) -> u32 {
        let gap = self.plan.gap();
        self.pause(gap);
        gap
    }

    /// Lets a stall last as long as somebody's patience; returns the planned time in milliseconds.
    pub(crate) fn stall(&mut self) -> u32 {
        let patience = self.plan.patience();
        self.pause(patience);
        patience
    }

    #[expect(clippy::unused_self, reason = "reads as a step of the script, and time belongs to the stage")]
    pub(crate) fn pause(&self, ms: u32) {
        thread::sleep(Duration::from_millis(ms.into()));
    }

    /// The row of one end.
    pub(crate) fn row(&self, end: &Endpoint, expect: Expect) -> Truth {
        let measured = Some(end.measured());
        let (scenario, family, seed) = (self.scenario, self.family, self.seed);
        Truth { scenario, family, seed, end: end.role, expect, measured }
    }

    /// A row for each end, of which the same is true.
    pub(crate) fn both(&self, pair: &Pair, expect: Expect) -> Vec<Truth> {
        self.each(pair, expect, expect)
    }

    /// A row for each end.
    pub(crate) fn each(&self, pair: &Pair, client: Expect, server: Expect) -> Vec<Truth> {
        vec![self.row(&pair.client, client), self.row(&pair.server, server)]
    }

    /// Lets the last packets cross the relay.
    pub(crate) fn settle(&self) {
        if self.wire.is_some() {
            thread::sleep(Relay::DELAY * 3);
        }
    }
}

/// A server that goes on: were its listener closed right behind its connections, that would be a shutdown.
const LISTENS_ON: Duration = Duration::from_millis(150);

impl Drop for Stage {
    fn drop(&mut self) {
        let listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(listener) = listener else { return };
        let waiting = thread::Builder::new().name("listener".to_owned()).spawn(move || {
            thread::sleep(LISTENS_ON);
            drop(listener);
        });
        // Without a thread it is closed at once, and the closes look like a shutdown.
        drop(waiting);
    }
}
