//! The keepalive audit: how many old connections would be forgotten by what lies between their ends.

use serde::{Deserialize, Serialize};

use crate::connection::{LongLived, Probing};

/// Seconds of silence after which something that is in wide use forgets a connection: Azure's load balancers (240), AWS's
/// network load balancers and NAT gateways (350), Google's load balancers (600), firewalls (900), Google's NAT (1200).
pub const FORGOTTEN_AFTER: [u32; 5] = [240, 350, 600, 900, 1200];

/// What the newest walk over the sockets found of an endpoint's connections to other hosts that have been open for long.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KeepaliveAudit {
    /// What is long, seconds.
    #[serde(rename = "older_than_seconds")]
    pub older_than: f64,
    pub connections: u64,
    /// Of them, those without SO_KEEPALIVE.
    pub without: u64,
    /// Those whose first probe comes after more silence than `limit`.
    pub slow: u64,
    /// Those of which the kernel did not say when they send a probe.
    pub unknown: u64,
    /// Seconds: the shortest silence after which this endpoint's connections were forgotten, else the shortest that is usual.
    #[serde(rename = "limit_seconds")]
    pub limit: f64,
    /// Of those without a probe before `limit`, the ones that have been silent for longer than that now.
    pub exposed: u64,
    /// Seconds of silence before the first probe, the least and the most of those that send any.
    #[serde(rename = "first_probe_seconds")]
    pub first_probe: Option<(f64, f64)>,
    /// For each silence after which something usual forgets: how many it would forget.
    pub forgotten_after: [(u32, u64); FORGOTTEN_AFTER.len()],
    /// Those with TCP_USER_TIMEOUT.
    pub user_timeout: u64,
}

/// How soon a connection asks a silent peer, against [`KeepaliveAudit::limit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeSpeed {
    None,
    Slow,
    InTime,
    /// The kernel does not say it.
    Unknown,
}

impl ProbeSpeed {
    pub const ALL: [Self; 4] = [Self::None, Self::Slow, Self::InTime, Self::Unknown];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Slow => "slow",
            Self::InTime => "in-time",
            Self::Unknown => "unknown",
        }
    }
}

impl KeepaliveAudit {
    /// `forgotten` is the shortest silence after which the endpoint's connections were forgotten.
    pub(super) fn new(older_than: f64, forgotten: Option<f64>) -> Self {
        let usual = f64::from(FORGOTTEN_AFTER[0]);
        Self {
            older_than,
            limit: forgotten.map_or(usual, |seconds| seconds.min(usual)),
            forgotten_after: FORGOTTEN_AFTER.map(|seconds| (seconds, 0)),
            ..Self::default()
        }
    }

    pub(super) fn add(&mut self, connection: &LongLived<'_>) {
        self.connections += 1;
        self.user_timeout += u64::from(connection.has_user_timeout);
        let asks_after = match connection.keepalive {
            Probing::Never => f64::INFINITY,
            Probing::After(seconds) => seconds,
            // Nothing is said against it.
            Probing::Unknown => {
                self.unknown += 1;
                return;
            }
        };
        if asks_after.is_finite() {
            let (least, most) = self.first_probe.unwrap_or((asks_after, asks_after));
            self.first_probe = Some((least.min(asks_after), most.max(asks_after)));
        } else {
            self.without += 1;
        }
        let is_late = asks_after >= self.limit;
        self.slow += u64::from(is_late && asks_after.is_finite());
        self.exposed += u64::from(is_late && connection.silent > self.limit);
        for (seconds, count) in &mut self.forgotten_after {
            *count += u64::from(asks_after >= f64::from(*seconds));
        }
    }

    pub fn count(&self, speed: ProbeSpeed) -> u64 {
        match speed {
            ProbeSpeed::None => self.without,
            ProbeSpeed::Slow => self.slow,
            ProbeSpeed::InTime => self.connections.saturating_sub(self.without + self.slow + self.unknown),
            ProbeSpeed::Unknown => self.unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::{identity::Ends, labels::Role};

    fn connection(keepalive: Probing, silent: f64) -> LongLived<'static> {
        let at = |last: u8, port: u16| SocketAddr::from(([10, 0, 0, last], port));
        LongLived {
            role: Role::Client,
            ends: Ends { local: at(1, 40000), remote: at(2, 5432) },
            process: None,
            workload: None,
            silent,
            keepalive,
            has_user_timeout: false,
        }
    }

    #[test]
    fn a_connection_is_exposed_where_nothing_is_sent_before_it_is_forgotten() {
        let mut audit = KeepaliveAudit::new(600.0, None);
        for (keepalive, silent) in [
            (Probing::Never, 10.0),
            (Probing::Never, 700.0),
            (Probing::After(7200.0), 700.0),
            (Probing::After(300.0), 10.0),
            (Probing::After(60.0), 700.0),
            (Probing::Unknown, 700.0),
        ] {
            audit.add(&connection(keepalive, silent));
        }
        let counts = (audit.connections, audit.without, audit.slow, audit.exposed);
        assert_eq!(counts, (6, 2, 2, 2));
        assert_eq!(ProbeSpeed::ALL.map(|speed| audit.count(speed)), [2, 2, 1, 1]);
        assert_eq!(audit.first_probe, Some((60.0, 7200.0)));
        assert_eq!(audit.forgotten_after, [(240, 4), (350, 3), (600, 3), (900, 3), (1200, 3)]);
    }

    #[test]
    fn what_was_seen_forgotten_here_counts_before_what_is_usual() {
        let mut audit = KeepaliveAudit::new(600.0, Some(45.0));
        audit.add(&connection(Probing::After(60.0), 50.0));
        assert_eq!((audit.limit, audit.slow, audit.exposed), (45.0, 1, 1));
        assert!((KeepaliveAudit::new(600.0, Some(4000.0)).limit - 240.0).abs() < 1e-9);
    }
}
