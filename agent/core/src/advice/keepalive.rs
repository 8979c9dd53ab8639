//! Connections that nobody would notice the loss of: old, silent, and without a TCP keepalive in time.

use super::{
    Case, called,
    model::{Advice, Urgency},
    races::blank,
};
use crate::{
    duration::{exact, measured},
    endpoint::KeepaliveAudit,
    format::{capitalized, counted},
    labels::{Role, Side},
};

/// Of the silence that is too long, so much is safe.
const SAFE: f64 = 0.5;

/// What the path has forgotten already is [`super::path`]'s.
pub(super) fn too_slow(case: Case<'_>) -> Option<Advice> {
    let audit = case.endpoint.keepalive.as_ref().filter(|audit| audit.exposed > 0)?;
    if case.endpoint.path.is_some() {
        return None;
    }
    let side = if case.endpoint.key.role == Role::Server { Side::Server } else { Side::Client };
    let program = case.program(side);
    let value = exact((audit.limit * SAFE).max(1.0).floor());
    Some(Advice {
        why: why(audit),
        text: format!(
            "{}: set `SO_KEEPALIVE` with `TCP_KEEPIDLE` at {value} or less (without one, `net.ipv4.tcp_keepalive_time` \
             decides: 2 h by default), or close idle connections sooner. Databases and pools have settings of their own \
             for it (`tcp_keepalives_idle`, `tcpKeepAlive`, `socket.keepalive.enable`).",
            capitalized(&called(side, program.as_deref()))
        ),
        setting: Some("TCP_KEEPIDLE".to_owned()),
        value: Some(value),
        ..blank(side, program, Urgency::Consider)
    })
}

fn why(audit: &KeepaliveAudit) -> String {
    format!(
        "{} to other hosts {} been silent for more than {}, without a TCP keepalive before that: load balancers, NATs and \
         firewalls forget such connections, and the next request finds out.",
        counted(audit.exposed, "connection"),
        if audit.exposed == 1 { "has" } else { "have" },
        measured(audit.limit)
    )
}

#[cfg(test)]
mod tests {
    use super::super::{build, fixtures, model::Meta};
    use crate::{
        endpoint::{Endpoint, KeepaliveAudit},
        labels::Role,
    };

    #[test]
    fn exposed_connections_are_advised_a_keepalive() {
        let audit = |exposed| KeepaliveAudit {
            older_than: 600.0,
            connections: 9,
            without: 9,
            limit: 240.0,
            exposed,
            ..KeepaliveAudit::default()
        };
        let advice = |exposed| {
            let keepalive = Some(audit(exposed));
            let endpoint = Endpoint { keepalive, ..fixtures::endpoint(Role::Client, "app") };
            build(&[endpoint], &fixtures::products(), Meta::default()).endpoints[0].advice.clone()
        };
        assert!(advice(0).iter().all(|one| one.setting.as_deref() != Some("TCP_KEEPIDLE")));
        let advised = advice(4);
        let one = advised.iter().find(|one| one.setting.as_deref() == Some("TCP_KEEPIDLE"));
        let one = one.expect("advice");
        assert!(one.why.starts_with("4 connections to other hosts have been silent"), "{one:?}");
        assert_eq!(one.value.as_deref(), Some("120 s"), "{one:?}");
    }
}
