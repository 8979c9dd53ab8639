//! Which conversation a captured connection is.

use std::{collections::HashMap, net::SocketAddr};

use super::{
    play::{Played, SCRIPT, Site},
    scenario::Identity,
};
use crate::{
    oracle::Talk,
    truth::Side,
    wiretap::{
        decide::{self, Decided, Script},
        flow::Flow,
    },
};

/// What is no scenario of its own.
const UPSTREAM: &str = "behind the proxy";
const READY: &str = "looks whether it is up";
const BESIDES: &str = "asks nothing";

/// A captured connection of the run.
#[derive(Debug)]
pub(super) struct Identified {
    pub(super) identity: Identity,
    pub(super) client: SocketAddr,
    pub(super) server: SocketAddr,
    /// Of the conversation that it is, or that came last over a proxy's.
    pub(super) id: Option<String>,
    /// It is between a proxy and what is behind it.
    pub(super) is_behind: bool,
    /// Earlier connections of the same conversation.
    pub(super) before: usize,
    /// Targets of all requests of which the head came whole.
    pub(super) targets: Vec<String>,
    pub(super) decided: Decided,
}

/// In the order in which they were made.
pub(super) fn identify(flows: &[Flow], all: &Played) -> Vec<Identified> {
    let made: HashMap<_, _> =
        all.made.iter().map(|(client, server, identity)| ((*client, *server), *identity)).collect();
    let mut seen = HashMap::<String, usize>::new();
    let mut identified = Vec::new();
    for flow in flows {
        // Other labs may run beside this one.
        let Some(site) = all.sites.get(&flow.server) else { continue };
        let targets = targets(flow);
        let id = targets.last().and_then(|target| target.split_once('?')).map(|(_, id)| id.to_owned());
        let conversation = id.as_ref().and_then(|id| all.conversations.get(id));
        // A script's port may be a client's later.
        let identity = match (conversation, made.get(&(flow.client, flow.server))) {
            _ if site.is_behind => of_site(*site, site.server, UPSTREAM),
            (Some(conversation), _) => conversation.identity,
            (None, Some(identity)) => *identity,
            (None, None) if id.is_some() => of_site(*site, SCRIPT, READY),
            (None, None) => of_site(*site, BESIDES, BESIDES),
        };
        let before = id.as_ref().filter(|_| !site.is_behind).map_or(0, |id| {
            let count = seen.entry(id.clone()).or_default();
            *count += 1;
            *count - 1
        });
        identified.push(Identified {
            identity,
            client: flow.client,
            server: flow.server,
            id,
            is_behind: site.is_behind,
            before,
            targets,
            decided: decide::decide(flow, Script::default()),
        });
    }
    identified
}

fn of_site(site: Site, client: &'static str, scenario: &'static str) -> Identity {
    let server = if site.is_behind { "Node (behind)" } else { site.server };
    Identity { server, client, scenario, expected: None }
}

fn targets(flow: &Flow) -> Vec<String> {
    // With a hole in it the capture decides nothing either.
    let asked = flow.bytes(Side::Client, flow.sent(Side::Client)).unwrap_or_default();
    let talk = Talk { asked, answered: Vec::new() };
    (0..).map_while(|number| talk.asked(number)).map(|asked| asked.target).collect()
}
