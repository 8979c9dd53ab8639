use super::*;
use crate::{
    advice::{
        Meta, build,
        fixtures::{endpoint, losses, products, risky, timer},
    },
    close::LossReason,
    workload::{Workload, from_cgroup_path},
};

fn of(endpoints: &[Endpoint], meta: Meta) -> Vec<Service> {
    services(&build(endpoints, &products(), meta))
}

fn cells(service: &Service) -> String {
    service.cells().join("|")
}

#[test]
fn both_ends_of_a_service_are_one_line_and_their_losses_count_once() {
    let mut server = risky(Role::Server, "node", Risk::Losing, 6.0, None);
    let mut client = risky(Role::Client, "curl", Risk::Losing, 6.0, None);
    server.losses = losses(LossReason::IdleRace, 2);
    client.losses = losses(LossReason::IdleRace, 2);
    client.losses.once = Vec::new();
    let all = of(&[client, server, endpoint(Role::Client, "wget")], Meta::default());
    assert_eq!(all.len(), 2, "{all:?}");
    assert_eq!(cells(&all[0]), "node:8080|LOST|2|0.50%|6.00 s|>6.00 s|none");
    assert_eq!((all[0].number, all[1].number), (Some(1), None));
    assert_eq!(cells(&all[1]), "wget -> :8080|-|0|-|-|-|-");
}

#[test]
fn a_server_with_several_clients_on_this_host_is_one_service() {
    let server = risky(Role::Server, "node", Risk::Mismatch, 6.0, Some(90.0));
    let met = |process| {
        let mut client = endpoint(Role::Client, process);
        client.peers = vec![crate::endpoint::PeerEndpoint {
            id: server.key.id(),
            process: server.key.process,
            workload: None,
            closes: 1,
            lost: 0,
        }];
        client
    };
    let all = of(&[met("curl"), server.clone(), met("wget")], Meta::default());
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!(cells(&all[0]), "node:8080|disagree|0|-|6.00 s|90.0 s|-84.0 s");
}

#[test]
fn no_loss_is_denied_that_could_not_be_seen() {
    let quiet = || endpoint(Role::Server, "node");
    let lost = |endpoint: Endpoint, meta| of(&[endpoint], meta)[0].lost.clone();
    assert_eq!(lost(quiet(), Meta::default()), "0");
    assert_eq!(lost(quiet(), Meta { events_lost: 1, ..Meta::default() }), "-");
    assert_eq!(lost(Endpoint { idle_resets: 1, ..quiet() }, Meta::default()), "-");
    let unknown = vec![(Verdict::Unknown, 1)];
    assert_eq!(lost(Endpoint { verdicts: unknown, ..quiet() }, Meta::default()), "-");
}

#[test]
fn what_is_safe_says_by_how_much_and_whose_it_is() {
    let mut safe = risky(Role::Server, "node", Risk::Safe, 75.0, Some(60.0));
    safe.workload = from_cgroup_path("/system.slice/shop.service").map(Workload::new);
    assert_eq!(
        cells(&of(&[safe], Meta::default())[0]),
        "node:8080 in shop.service|safe|0|-|75.0 s|60.0 s|15.0 s"
    );
    let mut timed = endpoint(Role::Client, "curl");
    timed.timers.push(timer(Side::Client, 4.0, 9));
    assert_eq!(cells(&of(&[timed], Meta::default())[0]), "curl -> :8080|-|0|-|-|4.00 s|-");
}

#[test]
fn shares_and_counts_keep_to_their_columns() {
    assert_eq!(share(1, u64::MAX), "<0.01%");
    assert_eq!(share(1, 1), "100.0%");
    assert_eq!((short(999_999), short(u64::MAX)), ("999999".to_owned(), ">999M".to_owned()));
}

#[test]
fn a_refused_connect_is_lost_and_no_share_of_what_began() {
    let mut curl = endpoint(Role::Client, "curl");
    curl.losses = losses(LossReason::IdleRace, 4);
    curl.losses.merge(&losses(LossReason::Refused, 396));
    assert_eq!(cells(&of(&[curl.clone()], Meta::default())[0]), "curl -> :8080|LOST|400|1.00%|-|-|-");
    curl.losses = losses(LossReason::Refused, 396);
    assert_eq!(cells(&of(&[curl], Meta::default())[0]), "curl -> :8080|LOST|396|-|-|-|-");
}
