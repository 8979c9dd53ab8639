//! Case 001: a gateway in front of model servers, with a timeout of 600 s to its clients and one of 30 s to the servers.

mod clients;
mod gateways;
mod hold;
mod play;
mod software;

use super::{
    Answer, Case, Drawn,
    claims::Claims,
    stage::{Scene, Software, Stage, Wire},
};
use anyhow::Result;

use crate::{picture::Moment, truth::Side};

use self::{
    clients::{Asking, Who},
    gateways::Times,
    play::{Play, Slow, bursts},
    software::{AIOHTTP, ENVOY, GO, GUNICORN, HAPROXY, JAVA, JAVA_POOL, NGINX, REQUESTS, UVICORN},
};

pub(super) const CASE: Case = Case {
    name: "case-001",
    title: "a gateway in front of model servers answers 503 now and then",
    happened: "Models are served behind a gateway of a cloud. To its clients the gateway is a server that keeps idle connections for \
        600 s; to the model servers it is a client whose pool keeps them for 30 s; a request may take 600 s, which can be set. People saw \
        `Connection reset by peer`, `Broken pipe` and `RemoteDisconnected` where a client's pool keeps connections for longer \
        than 600 s; 502 and 503 where a model server closes idle connections before 30 s are over; timeouts where a client waits for less than \
        the model takes; and 504 where the gateway does. Each hop has timeouts of its own, and a picture of one says nothing of the other.",
    stages: &[CLIENT_HOLDS, CLIENT_LETS_GO, SHORTER, EQUAL, LONGER, CLIENT_GIVES_UP, GATEWAY_GIVES_UP],
    first_port: 18_100,
    scale: 10,
    pictures: &[
        Drawn {
            stage: "client-holds-longer",
            port: 0,
            word: "crossed",
            title: "The client asks again while nginx's FIN is on its way",
            client: "client",
            server: "nginx",
            remark: (Moment::LastQuiet, "nginx's keepalive_timeout strikes; the client holds on"),
        },
        Drawn {
            stage: "model-server-shorter",
            port: 5,
            word: "crossed",
            title: "Envoy asks again while the model server's FIN is on its way, and answers 503",
            client: "Envoy",
            server: "Go",
            remark: (Moment::LastQuiet, "the model server's IdleTimeout strikes; Envoy holds on"),
        },
        Drawn {
            stage: "gateway-gives-up",
            port: 3,
            word: "premature-hangup",
            title: "nginx gives up, and answers 504; the model server still works",
            client: "nginx",
            server: "uvicorn",
            remark: (Moment::LastQuiet, "nginx's proxy_read_timeout strikes"),
        },
    ],
    answer: Answer {
        lead: "On each hop the side that sends requests must let go before the side that waits for them: the clients before the gateway \
            (500 s before its 600 s), the gateway's pool before the model server. Of the hop from the clients to nginx the report says:",
        stage: "client-holds-longer",
        role: Side::Server,
        port: 0,
    },
};

/// The gateway's, by the case.
const GATEWAY: Times = Times { idle: 600.0, pool: 30.0, request: 600.0 };

const PLAY: Play = Play {
    slow: Slow::Nothing,
    times: GATEWAY,
    model_idle: 60.0,
    clients: &[Who::Requests],
    asking: |_, _, _| Asking {
        gaps: Vec::new(),
        work: 0.0,
        works_for: None,
        timeout: 600.0,
        idle: 0.0,
        hold: 0.0,
        apart: 0,
    },
    settles: 0.0,
};

const WITH_REQUESTS: &[Software] = &[NGINX, HAPROXY, ENVOY, UVICORN, GUNICORN, GO, REQUESTS];

const CLIENT_HOLDS: Stage = Stage {
    name: "client-holds-longer",
    changed: "Clients whose pools keep idle connections for longer than the gateway's 600 s: Python's requests and Go's `Transport{}` for ever, \
        Java's HttpClient for 1200 s. Each asks by POST, and again after about 600 s; they are 20 ms away from the gateway.",
    software: &[NGINX, HAPROXY, ENVOY, UVICORN, GUNICORN, GO, REQUESTS, JAVA],
    wire: Wire::Slow,
    play: |scene| {
        Play {
            slow: Slow::ToGateway,
            clients: &[Who::Requests, Who::Go, Who::Java],
            asking: |scene, who, hop| {
                // The FIN is on its way for 20 ms, and a request may leave in that time: most of the first come then, also where
                // the gateway is a little late.
                let idle = hop.idle_ms(scene, 600.0);
                let gaps = [0, 6, 12, 18, 24, 30, 38, 46, 54, 62, 70].map(|after| idle - 36 + after);
                let late = [600, 900, 1200, 1500].map(|after| idle + after);
                let gaps = gaps.into_iter().chain(late).map(|gap| vec![idle / 10, gap]).collect();
                Asking { gaps, apart: 60, ..(PLAY.asking)(scene, who, hop) }
            },
            ..PLAY
        }
        .play(scene)
    },
    holds: hold::clients_lose_requests,
};

const CLIENT_LETS_GO: Stage = Stage {
    name: "client-lets-go-first",
    changed: "Clients whose pools let go after 500 s: aiohttp (`keepalive_timeout`), Go (`IdleConnTimeout`), and Java's Apache HttpClient \
        (`closeIdleConnections`).",
    software: &[NGINX, HAPROXY, ENVOY, UVICORN, GUNICORN, GO, AIOHTTP, JAVA_POOL],
    wire: Wire::Loopback,
    play: |scene| {
        Play {
            clients: &[Who::Aiohttp, Who::Go, Who::JavaPool],
            asking: |scene, who, hop| {
                let again = (scene.scaled(60.0) * 1e3) as u64;
                // aiohttp looks once in so long a time, at whole seconds: what was used again may have to wait for the next
                // look, and what ends at one moment is one piece of evidence.
                let gaps = if who == Who::Aiohttp { Vec::new() } else { vec![again] };
                let gaps = vec![gaps; 6];
                Asking { gaps, idle: 500.0, hold: 560.0, apart: 1300, ..(PLAY.asking)(scene, who, hop) }
            },
            ..PLAY
        }
        .play(scene)
    },
    holds: hold::clients_let_go,
};

const SHORTER: Stage = Stage {
    name: "model-server-shorter",
    changed: "The model servers close idle connections after 20 s, the gateway's pool keeps them for 30 s. It is 20 ms away from them.",
    software: WITH_REQUESTS,
    wire: Wire::Slow,
    play: |scene| {
        Play {
            slow: Slow::ToModel,
            model_idle: 20.0,
            asking: |scene, who, hop| {
                let idle = (scene.scaled(20.0) * 1e3) as u64;
                let gaps = [80, 70, 0, 60, 50, 40, 0, 30, 20, 10]
                    .map(|before| if before == 0 { idle + 500 } else { idle - before });
                bursts(&gaps, 0.2, (PLAY.asking)(scene, who, hop))
            },
            settles: 30.0,
            ..PLAY
        }
        .play(scene)
    },
    holds: hold::gateway_loses_requests,
};

const EQUAL: Stage = Stage {
    name: "model-server-equal",
    changed: "Model servers and the gateway's pool close idle connections after 30 s both.",
    software: WITH_REQUESTS,
    wire: Wire::Loopback,
    play: |scene| waits_between(scene, 30.0),
    holds: hold::tie,
};

const LONGER: Stage = Stage {
    name: "model-server-longer",
    changed: "The model servers keep idle connections for 60 s, the gateway's pool for 30 s.",
    software: WITH_REQUESTS,
    wire: Wire::Loopback,
    play: |scene| waits_between(scene, 60.0),
    holds: hold::gateway_lets_go,
};

fn waits_between(scene: &Scene, model_idle: f64) -> Result<Claims> {
    Play {
        model_idle,
        asking: |scene, who, hop| {
            let second = (scene.scaled(10.0) * 1e3) as u64;
            bursts(&[second, 4 * second, second, 4 * second], 0.2, (PLAY.asking)(scene, who, hop))
        },
        settles: 70.0,
        ..PLAY
    }
    .play(scene)
}

const CLIENT_GIVES_UP: Stage = Stage {
    name: "client-gives-up",
    changed: "The model takes 40 s, the client waits for 30 s.",
    software: WITH_REQUESTS,
    wire: Wire::Loopback,
    play: |scene| {
        Play {
            clients: &[Who::Requests, Who::Go],
            asking: |scene, who, hop| {
                let gaps = vec![vec![700]; 4];
                Asking { gaps, work: 40.0, timeout: 30.0, apart: 170, ..(PLAY.asking)(scene, who, hop) }
            },
            settles: 60.0,
            ..PLAY
        }
        .play(scene)
    },
    holds: hold::clients_give_up,
};

const GATEWAY_GIVES_UP: Stage = Stage {
    name: "gateway-gives-up",
    changed: "The model takes 90 s, and the gateway's timeout for a request is set to 60 s.",
    software: WITH_REQUESTS,
    wire: Wire::Loopback,
    play: |scene| {
        Play {
            times: Times { request: 60.0, ..GATEWAY },
            asking: |scene, who, hop| {
                let gaps = vec![vec![700]; 4];
                Asking { gaps, work: 90.0, apart: 170, ..(PLAY.asking)(scene, who, hop) }
            },
            settles: 60.0,
            ..PLAY
        }
        .play(scene)
    },
    holds: hold::gateways_give_up,
};
