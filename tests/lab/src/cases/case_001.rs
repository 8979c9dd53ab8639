//! Case 001: a gateway in front of model servers, with a timeout of 600 s to its clients and one of 30 s to the servers.

mod clients;
mod gateways;
mod hold;
mod play;

use serde::Deserialize;

pub(super) use self::play::Play;
use self::{clients::Asking, gateways::Hop};
use super::stage::Scene;

/// When the clients of a stage ask, and how long they wait.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Asks {
    /// When the gateway closes what is idle.
    AsTheGatewayCloses,
    /// And then no more: their pools let go.
    AndLetsGo,
    /// When the model server closes what is idle.
    AsTheModelCloses,
    /// After pauses on both sides of when the gateway's pool closes what is idle.
    Between,
    /// For what takes the model server so many seconds.
    Slow { work: f64, timeout: f64 },
}

impl Asks {
    fn asking(self, scene: &Scene, who: &str, hop: &Hop) -> Asking {
        let plain = Asking { timeout: 600.0, ..Asking::default() };
        match self {
            Self::AsTheGatewayCloses => {
                Asking { gaps: as_the_gateway_closes(scene, hop), apart: 60, ..plain }
            }
            Self::AndLetsGo => {
                // aiohttp looks once in so long a time, at whole seconds: what was used again may have to wait for the next look,
                // and what ends at one moment is one piece of evidence.
                let again = (scene.scaled(60.0) * 1e3) as u64;
                let gaps = vec![if who == "aiohttp" { Vec::new() } else { vec![again] }; 6];
                Asking { gaps, idle: 500.0, hold: 560.0, apart: 1300, ..plain }
            }
            Self::AsTheModelCloses => {
                let idle = (scene.scaled(20.0) * 1e3) as u64;
                let gaps = [80, 70, 0, 60, 50, 40, 0, 30, 20, 10];
                bursts(&gaps.map(|before| if before == 0 { idle + 500 } else { idle - before }), plain)
            }
            Self::Between => {
                let second = (scene.scaled(10.0) * 1e3) as u64;
                bursts(&[second, 4 * second, second, 4 * second], plain)
            }
            Self::Slow { work, timeout } => {
                Asking { gaps: vec![vec![700]; 4], work, timeout, apart: 170, ..plain }
            }
        }
    }
}

/// The FIN is on its way for 20 ms, and a request may leave in that time: most of the first come then, also where the
/// gateway is a little late.
fn as_the_gateway_closes(scene: &Scene, hop: &Hop) -> Vec<Vec<u64>> {
    let idle = hop.idle_ms(scene, 600.0);
    let gaps = [0, 6, 12, 18, 24, 30, 38, 46, 54, 62, 70].map(|after| idle - 36 + after);
    let late = [600, 900, 1200, 1500].map(|after| idle + after);
    gaps.into_iter().chain(late).map(|gap| vec![idle / 10, gap]).collect()
}

/// Several clients that ask at once, so that each takes a connection of the gateway's pool, and all again after each gap
/// (milliseconds) between the end of an answer and the next request. The model server works for so long that they meet.
fn bursts(gaps: &[u64], mut asking: Asking) -> Asking {
    const AT_ONCE: usize = 6;
    asking.gaps = vec![gaps.to_vec(); AT_ONCE];
    asking.works_for = Some(0.2);
    asking
}
