//! Case 001: a gateway in front of model servers, with a timeout of 600 s to its clients and one of 30 s to the servers.

mod clients;
mod gateways;
mod hold;
mod play;

use anyhow::Result;

use self::{
    clients::Asking,
    gateways::{Hop, Times},
    play::{Plan, Play, Slow, bursts},
};
use super::{
    claims::Claims,
    stage::{Act, Scene},
};

/// The gateway's, by the case.
const GATEWAY: Times = Times { idle: 600.0, pool: 30.0, request: 600.0 };

const PLAY: Play = Play {
    slow: Slow::Nothing,
    times: GATEWAY,
    model_idle: 60.0,
    clients: &["requests"],
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

/// How its stages are played, and what must hold of them.
pub(super) fn act(stage: &str) -> Option<Act> {
    Some(match stage {
        "client-holds-longer" => Act {
            play: |scene| {
                let (slow, clients): (_, &[_]) = (Slow::ToGateway, &["requests", "Go", "Java HttpClient"]);
                Play { slow, clients, asking: asks_as_the_gateway_closes, ..PLAY }.play(scene)
            },
            holds: hold::clients_lose_requests,
        },
        "client-lets-go-first" => Act {
            play: |scene| {
                let clients: &[_] = &[AIOHTTP, "Go", "Apache HttpClient"];
                Play { clients, asking: asks_and_lets_go, ..PLAY }.play(scene)
            },
            holds: hold::clients_let_go,
        },
        "model-server-shorter" => Act {
            play: |scene| {
                let asking: Plan = |scene, who, hop| {
                    let idle = (scene.scaled(20.0) * 1e3) as u64;
                    let gaps = [80, 70, 0, 60, 50, 40, 0, 30, 20, 10]
                        .map(|before| if before == 0 { idle + 500 } else { idle - before });
                    bursts(&gaps, 0.2, (PLAY.asking)(scene, who, hop))
                };
                Play { slow: Slow::ToModel, model_idle: 20.0, asking, settles: 30.0, ..PLAY }.play(scene)
            },
            holds: hold::gateway_loses_requests,
        },
        "model-server-equal" => Act { play: |scene| waits_between(scene, 30.0), holds: hold::tie },
        "model-server-longer" => {
            Act { play: |scene| waits_between(scene, 60.0), holds: hold::gateway_lets_go }
        }
        "client-gives-up" => Act {
            play: |scene| {
                let asking: Plan = |scene, who, hop| {
                    let gaps = vec![vec![700]; 4];
                    Asking { gaps, work: 40.0, timeout: 30.0, apart: 170, ..(PLAY.asking)(scene, who, hop) }
                };
                Play { clients: &["requests", "Go"], asking, settles: 60.0, ..PLAY }.play(scene)
            },
            holds: hold::clients_give_up,
        },
        "gateway-gives-up" => Act {
            play: |scene| {
                let asking: Plan = |scene, who, hop| {
                    let gaps = vec![vec![700]; 4];
                    Asking { gaps, work: 90.0, apart: 170, ..(PLAY.asking)(scene, who, hop) }
                };
                let times = Times { request: 60.0, ..GATEWAY };
                Play { times, asking, settles: 60.0, ..PLAY }.play(scene)
            },
            holds: hold::gateways_give_up,
        },
        _ => return None,
    })
}

const AIOHTTP: &str = "aiohttp";

/// The FIN is on its way for 20 ms, and a request may leave in that time: most of the first come then, also where the
/// gateway is a little late.
fn asks_as_the_gateway_closes(scene: &Scene, who: &str, hop: &Hop) -> Asking {
    let idle = hop.idle_ms(scene, 600.0);
    let gaps = [0, 6, 12, 18, 24, 30, 38, 46, 54, 62, 70].map(|after| idle - 36 + after);
    let late = [600, 900, 1200, 1500].map(|after| idle + after);
    let gaps = gaps.into_iter().chain(late).map(|gap| vec![idle / 10, gap]).collect();
    Asking { gaps, apart: 60, ..(PLAY.asking)(scene, who, hop) }
}

/// aiohttp looks once in so long a time, at whole seconds: what was used again may have to wait for the next look, and what
/// ends at one moment is one piece of evidence.
fn asks_and_lets_go(scene: &Scene, who: &str, hop: &Hop) -> Asking {
    let again = (scene.scaled(60.0) * 1e3) as u64;
    let gaps = vec![if who == AIOHTTP { Vec::new() } else { vec![again] }; 6];
    Asking { gaps, idle: 500.0, hold: 560.0, apart: 1300, ..(PLAY.asking)(scene, who, hop) }
}

fn waits_between(scene: &Scene, model_idle: f64) -> Result<Claims> {
    let asking: Plan = |scene, who, hop| {
        let second = (scene.scaled(10.0) * 1e3) as u64;
        bursts(&[second, 4 * second, second, 4 * second], 0.2, (PLAY.asking)(scene, who, hop))
    };
    Play { model_idle, asking, settles: 70.0, ..PLAY }.play(scene)
}
