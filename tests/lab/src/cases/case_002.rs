//! Case 002: whether Node's connections are used again, and what a graceful shutdown waits for.

mod reuse;
mod shutdown;

use anyhow::Result;
use serde::Deserialize;

use super::{
    check::Checks,
    claims::Claims,
    observed::Observed,
    stage::{Act, Scene},
};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Play {
    Reuse(reuse::Reuse),
    Ends(shutdown::Ends),
}

impl Act for Play {
    fn play(&self, scene: &Scene) -> Result<Claims> {
        match self {
            Self::Reuse(reuse) => reuse.play(scene),
            Self::Ends(ends) => ends.play(scene),
        }
    }

    fn holds(&self, seen: &Observed, checks: &mut Checks) {
        match self {
            Self::Reuse(reuse) => reuse.holds(seen, checks),
            Self::Ends(ends) => ends.holds(seen, checks),
        }
    }
}
