//! Which names requests may ask under: a site whose name is made to point here (DNS rebinding) must not read who talks
//! to whom on this host.

use std::{
    net::IpAddr,
    sync::{Arc, PoisonError, RwLock},
};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use crate::cli::{HostName, LONGEST_NAME};
use whohungup_core::sanitize::clean;

/// The names that requests may ask under.
#[derive(Clone, Debug, Default)]
pub(super) struct Allowed(Arc<RwLock<Arc<[HostName]>>>);

impl Allowed {
    pub(super) fn new(names: Vec<HostName>) -> Self {
        Self(Arc::new(RwLock::new(names.into())))
    }

    pub(super) fn set(&self, names: Vec<HostName>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = names.into();
    }

    fn names(&self) -> Arc<[HostName]> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Refuses requests whose `Host` is neither an IP address, nor `localhost`, nor one of `allowed`.
pub(super) async fn guard(State(allowed): State<Allowed>, request: Request, next: Next) -> Response {
    match refused(request.headers(), &allowed.names()) {
        Some(refusal) => (StatusCode::MISDIRECTED_REQUEST, refusal).into_response(),
        None => next.run(request).await,
    }
}

/// Why a request with these headers is refused.
fn refused(headers: &HeaderMap, allowed: &[HostName]) -> Option<String> {
    // No browser leaves it out.
    let host = headers.get(header::HOST)?;
    let host = String::from_utf8_lossy(host.as_bytes());
    let name = without_port(&host);
    if is_local(name) || is_allowed(name, allowed) {
        return None;
    }
    Some(format!(
        "host `{}` is not allowed; use an IP address or localhost, or start whohungup with --allowed-host NAME\n",
        clean(name, LONGEST_NAME)
    ))
}

fn without_port(host: &str) -> &str {
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    match host.rsplit_once(':') {
        Some((name, port)) if is_port(port) && (!name.contains(':') || name.ends_with(']')) => name,
        _ => host,
    }
}

fn is_local(name: &str) -> bool {
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    address.is_ok() || name.eq_ignore_ascii_case("localhost")
}

fn is_allowed(name: &str, allowed: &[HostName]) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    allowed.iter().any(|known| known.as_str().eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(host: &[u8], allowed: &[HostName]) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.try_into().expect("a value"));
        refused(&headers, allowed)
    }

    #[test]
    fn only_addresses_and_localhost_are_local() {
        for host in ["127.0.0.1:9909", "localhost:8080", "LOCALHOST", "[::1]:9909", "[::1]", "192.0.2.1"] {
            assert_eq!(asked(host.as_bytes(), &[]), None, "{host}");
        }
        for host in ["rebound.example:9909", "127.0.0.1.example", "localhost.example", "", "[::1].example"] {
            assert!(asked(host.as_bytes(), &[]).is_some(), "{host}");
        }
        assert_eq!(refused(&HeaderMap::new(), &[]), None, "no browser leaves it out");
    }

    #[test]
    fn allowed_names_are_answered_with_any_port_and_in_any_case() {
        let allowed = ["Node1.example", "proxy."].map(|name| name.parse().expect("a name"));
        for host in ["node1.example", "NODE1.EXAMPLE:9909", "node1.example.:80", "proxy"] {
            assert_eq!(asked(host.as_bytes(), &allowed), None, "{host}");
        }
        for host in ["node2.example", "x.node1.example", "node1.example.evil", "node1.example:x"] {
            assert!(asked(host.as_bytes(), &allowed).is_some(), "{host}");
        }
    }

    #[test]
    fn a_refusal_names_the_host_and_the_remedy() {
        let refusal = asked(b"evil.example:9909", &[]).expect("a refusal");
        assert!(refusal.contains("`evil.example`") && refusal.contains("--allowed-host"), "{refusal}");
        let refusal = asked(b"\xff\xfe", &[]).expect("a refusal");
        assert!(refusal.contains("--allowed-host"), "{refusal}");
    }

    #[test]
    fn a_url_is_no_host_name() {
        for text in ["", "http://node1", "node1:9909", "a b", "."] {
            assert!(text.parse::<HostName>().is_err(), "{text}");
        }
    }
}
