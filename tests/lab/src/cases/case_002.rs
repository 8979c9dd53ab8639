//! Case 002: whether Node's connections are used again, and what a graceful shutdown waits for.

mod reuse;
mod shutdown;

use super::{Answer, Case, Drawn};
use crate::{picture::Moment, truth::Side};

pub(super) const CASE: Case = Case {
    name: "case-002",
    title: "is the connection used again, and what does the shutdown wait for?",
    happened: "A service of Node's is called by others, by itself and through nginx. Are its connections used again at all? nginx is a \
        server and a client at once, and uses connections to the application again only where it is told to. The keep-alive timer \
        must not run while a request is served: does it? And when a new version is rolled out, old processes linger for \
        seconds after `server.close()`, or lose requests, and nobody can tell a graceful end from a timeout, a crash or a kill.",
    stages: &[
        reuse::AGENT_OFF,
        reuse::AGENT_ON,
        reuse::POOL_OFF,
        reuse::POOL_ON,
        shutdown::LONG_REQUEST,
        shutdown::OLD_NODE,
        shutdown::NEW_NODE,
        shutdown::CONSIDERATE,
        shutdown::CRASH,
        shutdown::TERMINATED,
        shutdown::KILLED,
    ],
    first_port: 18_400,
    // Node's own seconds are short enough to be played as they are.
    scale: 1,
    pictures: &[
        Drawn {
            stage: shutdown::LONG_REQUEST.name,
            port: 0,
            word: "server-idle",
            title: "The keep-alive timer starts when the response is done",
            client: "http.Agent (Node)",
            server: "Node 20",
            remark: (Moment::LastQuiet, "server.keepAliveTimeout, from the end of the response on"),
        },
        Drawn {
            stage: shutdown::OLD_NODE.name,
            port: 0,
            word: "server-idle",
            title: "Node 18 leaves idle connections to their timer when it shuts down",
            client: "http.Agent (Node)",
            server: "Node 18",
            remark: (Moment::LastQuiet, "server.close() leaves it to server.keepAliveTimeout"),
        },
        Drawn {
            stage: shutdown::CONSIDERATE.name,
            port: 0,
            word: "completed",
            title: "A response that says that it is the last",
            client: "http.Agent (Node)",
            server: "Node 18",
            remark: (Moment::HungUp, "as Connection: close had announced"),
        },
        Drawn {
            stage: shutdown::CRASH.name,
            port: 0,
            word: "premature-hangup",
            title: "An uncaught exception takes a request with it",
            client: "http.Agent (Node)",
            server: "Node 20",
            remark: (Moment::HungUp, "the process exits: its kernel closes what it had open"),
        },
    ],
    answer: Answer {
        lead: "Whether connections are used again is in the requests a connection, at each end of each hop: 1.0 where the agent or the \
            pool keeps none. The timer starts when a response is done. On Node 18 `server.close()` waits for the keep-alive timer of \
            every idle connection; from 19 on it closes those, and waits for the ones that were busy and fall idle then. A crash \
            and a kill are told by the status or the signal. The report of Node 20's shutdown:",
        stage: shutdown::NEW_NODE.name,
        role: Side::Server,
        port: 0,
    },
};
