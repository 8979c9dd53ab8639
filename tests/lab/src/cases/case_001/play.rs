//! All gateways side by side, each with its model server and its clients.

use anyhow::Result;
use harness::Program;
use serde::Deserialize;

use super::{
    super::{
        check::Checks,
        claims::Claims,
        observed::Observed,
        stage::{Act, Place, Scene},
    },
    Asks, clients,
    gateways::{Times, hops},
    hold::Holds,
};

/// Until what was compiled and started at once has come to rest, seconds, not scaled: requests are to come at their
/// moment.
const COMES_TO_REST: f64 = 10.0;

/// The gateway's, by the case.
const GATEWAY: Times = Times { idle: 600.0, pool: 30.0, request: 600.0 };

/// Which way is 20 ms long.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Slow {
    #[default]
    Nothing,
    ToGateway,
    ToModel,
}

/// Times are seconds of the true case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Play {
    #[serde(default)]
    slow: Slow,
    /// How long the gateway lets the model server work, if it is not as in the case.
    request: Option<f64>,
    model_idle: f64,
    /// By their names.
    clients: Vec<String>,
    asks: Asks,
    /// What pools and servers need when the clients are gone.
    settles: f64,
    holds: Holds,
}

impl Act for Play {
    fn holds(&self, seen: &Observed, checks: &mut Checks) {
        self.holds.check(seen, checks);
    }

    fn play(&self, scene: &Scene) -> Result<Claims> {
        let times = Times { request: self.request.unwrap_or(GATEWAY.request), ..GATEWAY };
        let gateway_place = if self.slow == Slow::ToModel { Place::Near } else { Place::Far };
        let mut commands = Vec::new();
        let mut models = Vec::new();
        let mut gateways = Vec::new();
        for (index, hop) in (0..).zip(hops()) {
            let at = scene.at(gateway_place, index);
            let model = scene.at(Place::Far, hops().len() as u16 + index);
            models.push(hop.start_model(scene, model, self.model_idle)?);
            gateways.push((hop, hop.start(scene, &times, gateway_place, [at, model])?));
            for who in &self.clients {
                let asking = self.asks.asking(scene, who, hop);
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
