//! After which silence the path between the two ends lets nothing through any more.

use serde::{Deserialize, Serialize};

use crate::{
    close::ClosedConnection,
    labels::{CloseType, Phase},
};

/// What forgets connections, as far as it shows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PathSilence {
    /// Seconds: the longest silence after which something came across.
    #[serde(rename = "worked_seconds")]
    pub worked: Option<f64>,
    /// Seconds: the shortest after which nothing did.
    #[serde(rename = "forgotten_seconds")]
    pub forgotten: f64,
    /// Connections that were forgotten.
    pub lost: u64,
}

impl PathSilence {
    /// The longest silence that worked is shorter than the shortest that did not.
    pub fn between(&self) -> Option<(f64, f64)> {
        let worked = self.worked.filter(|&worked| worked < self.forgotten)?;
        Some((worked, self.forgotten))
    }
}

/// The same, as it is kept.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Silences {
    worked: f32,
    /// 0 while none was forgotten.
    forgotten: f32,
}

impl Silences {
    pub(super) fn close(&mut self, close: &ClosedConnection) {
        if let Some(seconds) = close.silence {
            let seconds = seconds as f32;
            self.forgotten = if self.forgotten > 0.0 { self.forgotten.min(seconds) } else { seconds };
        } else if close.close_type == CloseType::Fin
            && close.closer == close.role.other_end()
            && close.phase == Phase::Idle
            && let Some(seconds) = close.silent
        {
            // The peer's FIN came across.
            self.works(seconds);
        }
    }

    /// A request after so many seconds was answered.
    pub(super) fn works(&mut self, seconds: f64) {
        self.worked = self.worked.max(seconds as f32);
    }

    /// The shortest silence after which a connection was forgotten.
    pub(super) fn forgotten(self) -> Option<f64> {
        (self.forgotten > 0.0).then_some(f64::from(self.forgotten))
    }

    /// With how many connections were forgotten.
    pub(super) fn shown(self, lost: u64) -> Option<PathSilence> {
        (self.forgotten > 0.0).then(|| PathSilence {
            worked: (self.worked > 0.0).then_some(f64::from(self.worked)),
            forgotten: f64::from(self.forgotten),
            lost,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        labels::{Closer, Role},
        testing,
    };

    #[test]
    fn the_longest_that_worked_and_the_shortest_that_did_not() {
        let mut silences = Silences::default();
        assert_eq!(silences.shown(3), None);
        let forgotten = |seconds| ClosedConnection {
            silence: Some(seconds),
            closer: Closer::Network,
            ..testing::server_idle(80, "app")
        };
        let came = |seconds| ClosedConnection {
            role: Role::Client,
            closer: Closer::Server,
            silent: Some(seconds),
            ..testing::server_idle(80, "app")
        };
        silences.works(1.5);
        silences.close(&came(2.0));
        // Its own FIN says nothing of the path.
        silences.close(&ClosedConnection { closer: Closer::Client, ..came(3.0) });
        assert_eq!(silences.shown(3), None);
        silences.close(&forgotten(4.0));
        silences.close(&forgotten(3.5));
        silences.close(&forgotten(9.0));
        let shown = silences.shown(3).expect("some were lost");
        assert_eq!((shown.between(), shown.lost), (Some((2.0, 3.5)), 3));
        // Not every path forgets.
        silences.works(60.0);
        assert_eq!(silences.shown(3).and_then(|shown| shown.between()), None);
    }
}
