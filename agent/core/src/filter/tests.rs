use super::*;
use crate::{
    endpoint::{Endpoints, InferLimits},
    identity::Comm,
    testing,
};

/// A close of `nginx` with pid 7 at port 80, seen by an end of this role.
fn closed(role: Role) -> ClosedConnection {
    let own = Ends { local: ([127, 0, 0, 1], 80).into(), remote: ([127, 0, 0, 1], 40_000).into() };
    ClosedConnection {
        role,
        ends: if role == Role::Client { own.turned() } else { own },
        process: Some(Process { pid: Some(7), comm: Comm::from_text("nginx") }),
        verdict: Verdict::ServerIdle,
        ..testing::server_idle(80, "nginx")
    }
}

/// Its endpoint, as the report and the API have it.
fn endpoint(closed: &ClosedConnection) -> Endpoint {
    let mut inference = Endpoints::new(InferLimits::default(), 0.004);
    inference.close(&mut closed.clone(), false);
    inference.endpoints().remove(0)
}

fn ports(ports: &[u16]) -> Filter {
    Filter { ports: ports.to_vec(), ..Filter::default() }
}

fn processes(wanted: &str) -> Filter {
    Filter { processes: vec![wanted.to_owned()], ..Filter::default() }
}

/// The same answer for a close, for requests on the open connection, and for its endpoint.
fn has(filter: &Filter, closed: &ClosedConnection) -> bool {
    let requests = Progressed {
        workload: None,
        role: closed.role,
        ends: closed.ends,
        process: closed.process,
        requests: testing::requests(1, 0, None),
    };
    let has = filter.has_close(closed);
    assert_eq!(filter.has_requests(&requests), has, "{filter:?} {closed:?}");
    assert_eq!(filter.has_endpoint(&endpoint(closed)), has, "{filter:?} {closed:?}");
    has
}

#[test]
fn an_empty_filter_has_everything() {
    for role in [Role::Server, Role::Client, Role::Unknown] {
        assert!(has(&Filter::default(), &closed(role)));
    }
    assert!(Filter::default().is_empty() && !ports(&[1]).is_empty());
}

#[test]
fn a_port_is_the_servers() {
    for role in [Role::Server, Role::Client] {
        assert!(has(&ports(&[443, 80]), &closed(role)), "{role}");
        assert!(!has(&ports(&[40_000]), &closed(role)), "{role}");
    }
}

#[test]
fn where_the_role_is_unknown_a_port_is_either_ends() {
    for port in [80, 40_000] {
        assert!(has(&ports(&[port]), &closed(Role::Unknown)), "{port}");
    }
    assert!(!has(&ports(&[443]), &closed(Role::Unknown)));
}

#[test]
fn a_process_is_a_name_or_a_pid() {
    for role in [Role::Server, Role::Client, Role::Unknown] {
        for wanted in ["nginx", "7"] {
            assert!(has(&processes(wanted), &closed(role)), "{wanted}");
        }
        for wanted in ["ngin", "70", "-7", ""] {
            assert!(!has(&processes(wanted), &closed(role)), "{wanted}");
        }
    }
    let nobody = ClosedConnection { process: None, ..closed(Role::Server) };
    assert!(!has(&processes("nginx"), &nobody));
}

#[test]
fn all_conditions_hold_together() {
    let filter = Filter {
        roles: vec![Role::Server],
        verdicts: vec![Verdict::ServerIdle],
        ..Filter { ports: vec![80], ..processes("nginx") }
    };
    assert!(has(&filter, &closed(Role::Server)));
    assert!(!has(&filter, &closed(Role::Client)));
    let raced = ClosedConnection { verdict: Verdict::IdleRace, ..closed(Role::Server) };
    assert!(!filter.has_close(&raced));
}

#[test]
fn of_many_connections_of_an_endpoint_the_newest_are_known() {
    let mut inference = Endpoints::new(InferLimits::default(), 0.004);
    for pid in 1..=100 {
        let mut closed = ClosedConnection {
            ends: Ends {
                local: ([127, 0, 0, 1], 80).into(),
                remote: ([127, 0, 0, 1], 40_000 + pid as u16).into(),
            },
            process: Some(Process { pid: Some(pid), comm: Comm::from_text("nginx") }),
            ..closed(Role::Unknown)
        };
        inference.close(&mut closed, false);
    }
    let endpoint = inference.endpoints().remove(0);
    assert!(processes("100").has_endpoint(&endpoint) && !processes("1").has_endpoint(&endpoint));
    assert!(ports(&[80]).has_endpoint(&endpoint), "the port that all share stays");
    assert!(ports(&[40_100]).has_endpoint(&endpoint) && !ports(&[40_001]).has_endpoint(&endpoint));
}
