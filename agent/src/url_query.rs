//! `?role=server&port=8080&process=node&limit=50`: a filter in a URL. `axum::extract::Query` takes no name twice, and
//! names neither the value nor the names that are known.

use std::collections::HashMap;

use jiff::Timestamp;
use thiserror::Error;

use crate::live::USUAL_ENDPOINTS;
use whohungup_core::filter::Filter;

/// Values of one name at most.
pub(crate) const MOST: usize = 64;

#[derive(Debug, Error)]
#[error(
    "`{name}={value}`: {reason}; known are role, port, process, verdict, namespace, pod, container, unit, workload, endpoint, muted, at and limit"
)]
pub(crate) struct QueryError {
    name: String,
    value: String,
    reason: String,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Query {
    pub(crate) filter: Filter,
    /// Endpoints shown at most, worst first.
    pub(crate) limit: usize,
    /// Of a past moment, from the record; now where nobody says otherwise.
    pub(crate) at: Option<Timestamp>,
    /// Endpoints, by id, that take no part in the headline.
    pub(crate) muted: Vec<String>,
}

impl Query {
    pub(crate) fn parse(query: &str) -> Result<Self, QueryError> {
        let mut filter = Filter::default();
        let mut limit = 0;
        let mut at = None;
        let mut muted = Vec::new();
        let mut values: HashMap<_, usize> = HashMap::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let before = values.entry(name.clone()).or_default();
            *before += 1;
            let read = match &*name {
                _ if *before > MOST => Err(format!("more than {MOST} of them")),
                "role" => value.parse().map(|role| filter.roles.push(role)),
                "verdict" => value.parse().map(|verdict| filter.verdicts.push(verdict)),
                "process" => add(&mut filter.processes, &value),
                "namespace" => add(&mut filter.namespaces, &value),
                "pod" => add(&mut filter.pods, &value),
                "container" => add(&mut filter.containers, &value),
                "unit" => add(&mut filter.units, &value),
                "endpoint" => add(&mut filter.endpoints, &value),
                "muted" => add(&mut muted, &value),
                "workload" => add(&mut filter.workloads, &value),
                "port" => {
                    value.parse().map(|port| filter.ports.push(port)).map_err(|_no| "no port".to_owned())
                }
                "at" => value
                    .parse()
                    .map(|time| at = Some(time))
                    .map_err(|_no| "no RFC 3339 time with a zone, such as 2026-11-28T05:20:00Z".to_owned()),
                "limit" => value.parse().map(|most| limit = most).map_err(|_no| "no number".to_owned()),
                _ => Err("unknown name".to_owned()),
            };
            read.map_err(|reason| QueryError { name: name.to_string(), value: value.to_string(), reason })?;
        }
        Ok(Self { filter, limit: if limit == 0 { USUAL_ENDPOINTS } else { limit }, at, muted })
    }
}

#[expect(clippy::unnecessary_wraps, reason = "as the others that can fail")]
fn add(names: &mut Vec<String>, value: &str) -> Result<(), String> {
    names.push(value.to_owned());
    Ok(())
}

/// The names and values from which a daemon makes `filter` again.
pub(crate) fn pairs(filter: &Filter) -> Vec<(&'static str, String)> {
    let Filter {
        roles,
        ports,
        processes,
        verdicts,
        namespaces,
        pods,
        containers,
        units,
        workloads,
        endpoints,
    } = filter;
    let roles = roles.iter().map(|role| ("role", role.to_string()));
    let ports = ports.iter().map(|port| ("port", port.to_string()));
    let verdicts = verdicts.iter().map(|verdict| ("verdict", verdict.to_string()));
    let named = [
        ("process", processes),
        ("namespace", namespaces),
        ("pod", pods),
        ("container", containers),
        ("unit", units),
        ("workload", workloads),
        ("endpoint", endpoints),
    ];
    let named =
        named.into_iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value.clone())));
    roles.chain(ports).chain(verdicts).chain(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use whohungup_core::labels::{Role, Verdict};

    #[test]
    fn names_and_values_are_read() {
        let query = "role=server&port=80&port=8080&process=a%20b%3C%c3%BC&verdict=idle-race&limit=5&at=2026-11-28T05:20:00Z&muted=server/80/nginx";
        let expected = Query {
            filter: Filter {
                roles: vec![Role::Server],
                ports: vec![80, 8080],
                processes: vec!["a b<ü".to_owned()],
                verdicts: vec![Verdict::IdleRace],
                ..Filter::default()
            },
            limit: 5,
            at: Some("2026-11-28T05:20:00Z".parse().expect("a time")),
            muted: vec!["server/80/nginx".to_owned()],
        };
        assert_eq!(Query::parse(query).expect("a query"), expected);
        let all = Query { filter: Filter::default(), limit: USUAL_ENDPOINTS, at: None, muted: Vec::new() };
        assert_eq!(Query::parse("").expect("all"), all);
        assert_eq!(Query::parse("process=100%+%zz%4").expect("a query").filter.processes, ["100% %zz%4"]);
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (query, named) in [
            ("port=x", "`port=x`"),
            ("at=05:20", "RFC 3339"),
            ("role=peer", "`role=peer`"),
            ("colour=red", "known are role"),
        ] {
            let error = Query::parse(query).expect_err("no query").to_string();
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn more_values_than_are_looked_at_are_refused_and_not_left_out() {
        let ports = |count| vec!["port=80"; count].join("&");
        assert_eq!(Query::parse(&ports(MOST)).expect("a query").filter.ports.len(), MOST);
        let error = Query::parse(&ports(MOST + 1)).expect_err("too many").to_string();
        assert!(error.contains("more than 64"), "{error}");
    }

    #[test]
    fn a_filter_survives_its_url() {
        let filter = Filter {
            roles: vec![Role::Client, Role::Unknown],
            ports: vec![1, 65_535],
            processes: vec!["a&b=c %+ü".to_owned(), "7".to_owned()],
            verdicts: vec![Verdict::Network],
            namespaces: vec!["shop".to_owned()],
            pods: vec!["checkout-*".to_owned()],
            containers: vec!["app".to_owned()],
            units: vec!["nginx.service".to_owned()],
            workloads: vec!["shop/*".to_owned()],
            endpoints: vec!["server/8080/a/b&c".to_owned()],
        };
        let url = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs(&filter)).finish();
        assert_eq!(Query::parse(&url).expect("a query").filter, filter);
    }
}
