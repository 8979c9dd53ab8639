//! All gateways side by side, each with its model server and its clients.

use anyhow::Result;

use super::{
    super::{
        claims::Claims,
        stage::{Place, Scene},
    },
    clients::{self, Asking},
    gateways::{Hop, Times, hops},
};
use harness::Program;

/// Until what was compiled and started at once has come to rest, seconds, not scaled: requests are to come at their
/// moment.
const COMES_TO_REST: f64 = 10.0;

/// Which way is 20 ms long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slow {
    Nothing,
    ToGateway,
    ToModel,
}

/// What a client is to do at a gateway.
pub(super) type Plan = fn(&Scene, &str, &Hop) -> Asking;

/// Times are seconds of the true case.
#[derive(Debug, Clone, Copy)]
pub(super) struct Play {
    pub(super) slow: Slow,
    pub(super) times: Times,
    pub(super) model_idle: f64,
    /// By their names.
    pub(super) clients: &'static [&'static str],
    pub(super) asking: Plan,
    /// What pools and servers need when the clients are gone.
    pub(super) settles: f64,
}

impl Play {
    pub(super) fn play(&self, scene: &Scene) -> Result<Claims> {
        let gateway_place = if self.slow == Slow::ToModel { Place::Near } else { Place::Far };
        let mut commands = Vec::new();
        let mut models = Vec::new();
        let mut gateways = Vec::new();
        for (index, hop) in (0..).zip(hops()) {
            let at = scene.at(gateway_place, index);
            let model = scene.at(Place::Far, hops().len() as u16 + index);
            models.push(hop.start_model(scene, model, self.model_idle)?);
            gateways.push((hop, hop.start(scene, &self.times, gateway_place, [at, model])?));
            for who in self.clients {
                let asking = (self.asking)(scene, who, hop);
                // What a client is called in its claims.
                let name = format!("{who} through {}", hop.gateway);
                commands.push((name, clients::command(scene, who, &asking, at)?));
            }
        }
        scene.pause(COMES_TO_REST)?;
        let mut clients: Vec<(String, Program)> = Vec::new();
        for (name, command) in commands {
            clients.push((name.clone(), scene.start(Place::Near, command, &name.replace(' ', "-"))?));
        }
        let mut claims = Claims::default();
        for (name, client) in &mut clients {
            scene.finish(client, scene.scaled(1400.0) + 60.0)?;
            claims.outcomes(name, client);
        }
        scene.pause(scene.scaled(self.settles))?;
        for (hop, gateway) in &gateways {
            hop.listen(&scene.directory, gateway, &mut claims)?;
        }
        drop(gateways);
        drop(models);
        Ok(claims)
    }
}

/// Several clients that ask at once, so that each takes a connection of the gateway's pool, and all again after each gap
/// (milliseconds) between the end of an answer and the next request. The model server works for so long (seconds of this
/// play) that they meet.
pub(super) fn bursts(gaps: &[u64], work: f64, mut asking: Asking) -> Asking {
    const AT_ONCE: usize = 6;
    asking.gaps = vec![gaps.to_vec(); AT_ONCE];
    asking.works_for = Some(work);
    asking
}
