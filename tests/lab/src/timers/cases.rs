//! What is played, and what the report must say of it.

use std::time::Duration;

use anyhow::Result;

use super::{
    pool::{Pool, REUSING, SINGLE, SPREAD, TYING, WIDE},
    programs::{self as p, Ask, Serve},
    versions as v,
};
use crate::{
    kit::{Kit, Need},
    truth::Side,
};

/// How long a case without a timer is looked at.
pub(super) const LOOK: Duration = Duration::from_secs(8);

/// A timer that closes later than this has failed.
const GRACE: Duration = Duration::from_secs(4);

#[derive(Debug)]
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) needs: &'static [&'static [Need]],
    pub(super) version: fn(&Kit) -> Result<String>,
    pub(super) play: Play,
    /// By the version of the software.
    pub(super) wanted: fn(&str) -> Wanted,
}

#[derive(Debug)]
pub(super) enum Play {
    /// A real server, and a scripted pool that never closes.
    Server(Serve, Pool),
    /// A real client, and a scripted server that never closes, at so many addresses.
    Client { ask: Ask, hosts: u8, at_once: u32, hint: Option<u32> },
    /// Both real.
    Both(Serve, Ask),
}

/// What is true, and what the report must say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) timer: Option<Timer>,
    /// Any of them, at both ends.
    pub(super) risk: &'static [&'static str],
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Timer {
    pub(super) side: Side,
    pub(super) seconds: f64,
    /// A timer that is polled closes up to so many seconds later.
    pub(super) polled: f64,
    /// Parts of names, in lower case, of which one must fit.
    pub(super) products: &'static [&'static str],
    pub(super) settings: &'static [&'static str],
}

impl Wanted {
    /// Over within half a minute on a loaded machine.
    pub(super) fn is_quick(&self) -> bool {
        self.timer.is_none_or(|timer| timer.seconds + timer.polled < 10.0)
    }

    pub(super) fn lasts(&self) -> Duration {
        self.timer
            .map_or(LOOK, |timer| Duration::from_secs_f64(1.05 * (timer.seconds + timer.polled)) + GRACE)
    }
}

const MISMATCH: &[&str] = &["mismatch"];
const TIE: &[&str] = &["tie"];
/// The server is always first, by a millisecond or two: the client's own timer never shows.
const TIE_OR_MISMATCH: &[&str] = &["tie", "mismatch"];
const SAFE: &[&str] = &["safe"];
const NO_WARNING: &[&str] = &["safe", "unknown"];

type Words = &'static [&'static str];

const fn timer(side: Side, seconds: f64, products: Words, settings: Words) -> Timer {
    Timer { side, seconds, polled: 0.0, products, settings }
}

const fn by_server(seconds: f64, products: Words, settings: Words) -> Wanted {
    Wanted { timer: Some(timer(Side::Server, seconds, products, settings)), risk: MISMATCH }
}

const fn by_client(seconds: f64, products: Words, settings: Words) -> Wanted {
    Wanted { timer: Some(timer(Side::Client, seconds, products, settings)), risk: NO_WARNING }
}

const NOTHING: Wanted = Wanted { timer: None, risk: NO_WARNING };

const NODE_SERVER: Words = &["keepalivetimeout"];
/// What it takes off an announcement, and the most that it then heeds.
const UNDICI_HEEDING: Words = &["keepalivetimeoutthreshold", "keepalivemaxtimeout"];
const NODE_AGENT: Words = &["agent"];

/// `set` plus what the server adds without saying so, from 20.18 and from 22.9 on.
fn node_server(version: &str, set: f64) -> Wanted {
    let numbers: Vec<u32> = version.split('.').map_while(|part| part.parse().ok()).collect();
    let adds = matches!(numbers[..], [major, minor, ..] if major >= 23 || (major, minor) >= (22, 9) || (major == 20 && minor >= 18));
    by_server(if adds { set + 1.0 } else { set }, &["node"], NODE_SERVER)
}

/// Every so many seconds it is looked at.
fn polled(every: f64, wanted: Wanted) -> Wanted {
    Wanted { timer: wanted.timer.map(|timer| Timer { polled: every, ..timer }), ..wanted }
}

/// It counts in whole seconds, and closes in the last of them.
fn java_client(set: f64) -> Wanted {
    polled(1.0, by_client(set - 1.0, &["java", "jdk"], &["jdk.httpclient.keepalive.timeout"]))
}

fn major(version: &str) -> u32 {
    version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(0)
}

pub(super) const CASES: &[Case] = &[
    Case {
        name: "Node",
        needs: &[p::NODE],
        version: v::node,
        play: Play::Server(p::node, REUSING),
        wanted: |version| node_server(version, 5.0),
    },
    Case {
        name: "Node, keepAliveTimeout 2000",
        needs: &[p::NODE],
        version: v::node,
        play: Play::Server(p::node_two_seconds, REUSING),
        wanted: |version| node_server(version, 2.0),
    },
    Case {
        name: "Node, never used again",
        needs: &[p::NODE],
        version: v::node,
        play: Play::Server(p::node, SINGLE),
        wanted: |version| Wanted { risk: NO_WARNING, ..node_server(version, 5.0) },
    },
    Case {
        name: "Node, and a client as patient",
        needs: &[p::NODE],
        version: v::node,
        play: Play::Server(p::node, TYING),
        wanted: |version| Wanted { risk: TIE, ..node_server(version, 5.0) },
    },
    Case {
        name: "Node of old",
        needs: &[p::OLD_NODE],
        version: v::old_node,
        play: Play::Server(p::old_node, REUSING),
        wanted: |version| node_server(version, 5.0),
    },
    Case {
        name: "nginx",
        needs: &[p::NGINX],
        version: v::nginx,
        play: Play::Server(p::nginx, REUSING),
        wanted: |_| by_server(75.0, &["nginx"], &["keepalive_timeout"]),
    },
    Case {
        name: "nginx, keepalive_timeout 3s",
        needs: &[p::NGINX],
        version: v::nginx,
        play: Play::Server(p::nginx_three_seconds, REUSING),
        wanted: |_| by_server(3.0, &["nginx"], &["keepalive_timeout"]),
    },
    Case {
        name: "gunicorn gthread",
        needs: &[p::GUNICORN],
        version: v::gunicorn,
        play: Play::Server(p::gunicorn_threads, SPREAD),
        // It looks once a second.
        wanted: |_| polled(1.0, by_server(2.0, &["gunicorn"], &["keep-alive", "keepalive"])),
    },
    Case {
        name: "gunicorn sync",
        needs: &[p::GUNICORN],
        version: v::gunicorn,
        play: Play::Server(p::gunicorn, REUSING),
        wanted: |_| NOTHING,
    },
    Case {
        name: "uvicorn",
        needs: &[p::UVICORN],
        version: v::uvicorn,
        play: Play::Server(p::uvicorn, REUSING),
        wanted: |_| by_server(5.0, &["uvicorn"], &["timeout-keep-alive", "timeout_keep_alive"]),
    },
    Case {
        name: "Go net/http",
        needs: &[p::GO],
        version: v::go,
        play: Play::Server(p::go_server, REUSING),
        wanted: |_| NOTHING,
    },
    Case {
        name: "Jetty",
        needs: &[p::JAVA, p::JAVAC, p::JETTY],
        version: v::jetty,
        play: Play::Server(p::jetty, REUSING),
        wanted: |_| by_server(30.0, &["jetty"], &["idletimeout"]),
    },
    Case {
        name: "Java httpserver",
        needs: &[p::JAVA, p::JAVAC],
        version: v::java,
        play: Play::Server(p::java_plain, WIDE),
        wanted: |_| polled(10.0, by_server(30.0, &["httpserver", "jdk", "java"], &["idleinterval"])),
    },
    Case {
        name: "requests",
        needs: &[p::REQUESTS],
        version: v::requests,
        play: Play::Client { ask: p::requests, hosts: 1, at_once: 8, hint: None },
        wanted: |_| NOTHING,
    },
    Case {
        name: "undici",
        needs: &[p::NODE, p::UNDICI],
        version: v::undici,
        play: Play::Client { ask: p::undici, hosts: 1, at_once: 12, hint: None },
        wanted: |_| by_client(4.0, &["undici"], NODE_SERVER),
    },
    Case {
        name: "undici, hint 5",
        needs: &[p::NODE, p::UNDICI],
        version: v::undici,
        play: Play::Client { ask: p::undici, hosts: 1, at_once: 12, hint: Some(5) },
        wanted: |_| by_client(3.0, &["undici"], UNDICI_HEEDING),
    },
    Case {
        name: "undici, hint 20",
        needs: &[p::NODE, p::UNDICI],
        version: v::undici,
        play: Play::Client { ask: p::undici, hosts: 1, at_once: 12, hint: Some(20) },
        wanted: |_| by_client(18.0, &["undici"], UNDICI_HEEDING),
    },
    Case {
        name: "Node http.get",
        needs: &[p::NODE],
        version: v::node,
        play: Play::Client { ask: p::node_agent, hosts: 1, at_once: 12, hint: None },
        // Before 20 its requests ask for connections that end with them.
        wanted: |version| match major(version) {
            ..20 => NOTHING,
            _ => by_client(5.0, &["node"], NODE_AGENT),
        },
    },
    Case {
        name: "axios",
        needs: &[p::NODE, p::AXIOS],
        version: v::axios,
        play: Play::Client { ask: p::axios, hosts: 1, at_once: 12, hint: None },
        wanted: |_| by_client(5.0, &["node", "axios"], NODE_AGENT),
    },
    Case {
        name: "axios, hint 5",
        needs: &[p::NODE, p::AXIOS],
        version: v::axios,
        play: Play::Client { ask: p::axios, hosts: 1, at_once: 12, hint: Some(5) },
        wanted: |_| by_client(4.0, &["node", "axios"], NODE_AGENT),
    },
    Case {
        name: "Go http.Client",
        needs: &[p::GO],
        version: v::go,
        // It keeps two idle connections for each host.
        play: Play::Client { ask: p::go_client, hosts: 5, at_once: 2, hint: None },
        wanted: |_| by_client(90.0, &["go"], &["idleconntimeout"]),
    },
    Case {
        name: "Java HttpClient",
        needs: &[p::JAVA, p::JAVAC],
        version: v::java,
        play: Play::Client { ask: p::java_client, hosts: 1, at_once: 10, hint: None },
        wanted: |version| match major(version) {
            // 1200 s: longer than anybody looks.
            ..20 => NOTHING,
            _ => java_client(30.0),
        },
    },
    Case {
        name: "Java HttpClient, keepalive.timeout 3",
        needs: &[p::JAVA, p::JAVAC],
        version: v::java,
        play: Play::Client { ask: p::java_client_three_seconds, hosts: 1, at_once: 10, hint: None },
        wanted: |_| java_client(3.0),
    },
    Case {
        name: "Node of old behind Go with 5 s",
        needs: &[p::OLD_NODE, p::GO],
        version: v::old_node,
        play: Play::Both(p::old_node, p::go_client_five_seconds),
        wanted: |version| Wanted { risk: TIE_OR_MISMATCH, ..node_server(version, 5.0) },
    },
    Case {
        name: "nginx behind undici",
        needs: &[p::NGINX, p::NODE, p::UNDICI],
        version: v::nginx,
        play: Play::Both(p::nginx, p::undici),
        wanted: |_| Wanted { risk: SAFE, ..by_client(4.0, &["undici"], NODE_SERVER) },
    },
];
