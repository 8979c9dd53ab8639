use super::*;
use crate::endpoint::{PathSilence, Timer};
use crate::{
    advice::fixtures::{self, endpoint, products, risky, timer},
    close::LossReason,
    endpoint::Exits,
    identity::ExitStatus,
    labels::{Cause, Clock, Phase, Protocol, Role},
    program::Program,
};

fn advice_for(endpoint: &Endpoint, client: &str) -> Vec<Advice> {
    let observed = |process| Observed {
        process,
        program: None,
        server: endpoint.server.as_deref(),
        announced: endpoint.announced,
        protocol: endpoint.protocol,
        own: !str::is_empty(process),
    };
    let (server, client) = match endpoint.key.role {
        Role::Client => ("", endpoint.key.process.as_str()),
        _ => (endpoint.key.process.as_str(), client),
    };
    advise(Case {
        endpoint,
        server: observed(server),
        client: observed(client),
        products: &products(),
        endpoints: &[],
    })
}

/// Side, value and whether it is an alternative.
fn short(advice: &[Advice]) -> Vec<(Side, Option<&str>, bool)> {
    advice.iter().map(|one| (one.side, one.value.as_deref(), one.alternative)).collect()
}

/// The client has no setting, and the server need not close.
#[test]
fn the_advice_on_a_cache_says_that_it_need_not_close() {
    let mut endpoint = risky(Role::Server, "redis-server", Risk::Losing, 3.0, None);
    endpoint.protocol = Some(Protocol::Redis);
    let node = Program {
        runtime: Some("node".to_owned()),
        depends: vec!["ioredis".to_owned()],
        ..Program::default()
    };
    let observed =
        |process| Observed { process, protocol: endpoint.protocol, own: true, ..Observed::default() };
    let advice = advise(Case {
        endpoint: &endpoint,
        server: observed("redis-server"),
        client: Observed { program: Some(&node), ..observed("node") },
        products: Products::builtin(),
        endpoints: &[],
    });
    let [first, second, ..] = &advice[..] else { panic!("{advice:?}") };
    assert_eq!((first.side, first.setting.as_deref()), (Side::Server, Some("timeout")));
    assert!(first.text.contains("turned off") && !first.text.contains("load balancers"), "{first:?}");
    assert_eq!((second.side, second.setting.as_deref(), second.alternative), (Side::Client, None, true));
    assert!(second.text.contains("ioredis"), "{second:?}");
}

#[test]
fn nothing_wrong_needs_no_advice() {
    for risk in [Risk::Safe, Risk::Unknown] {
        assert_eq!(advice_for(&risky(Role::Server, "node", risk, 75.0, Some(60.0)), ""), []);
    }
    let mut announced = risky(Role::Server, "node", Risk::Safe, 6.0, Some(4.0));
    announced.announced = Some(5);
    announced.causes = vec![(Cause::MaxRequests, 50), (Cause::MaxAge, 50)];
    assert_eq!(advice_for(&announced, ""), [], "limits that are announced are fine");
}

#[test]
fn the_server_is_to_outlast_what_its_clients_are_known_to_hold() {
    use Side::{Client, Server};
    struct Row {
        name: &'static str,
        endpoint: Endpoint,
        client: &'static str,
        expected: [(Side, Option<&'static str>, bool); 2],
    }
    let row = |name, endpoint, client, first: (Side, _), second: (Side, _)| Row {
        name,
        endpoint,
        client,
        expected: [(first.0, first.1, false), (second.0, second.1, true)],
    };
    let rows = [
        row(
            "a tie at 30 s",
            risky(Role::Server, "jetty", Risk::Tie, 30.0, Some(30.0)),
            "",
            (Server, Some("35 s")),
            (Client, Some("25 s")),
        ),
        row(
            "unknown clients, most like a load balancer with 60 s",
            risky(Role::Server, "node", Risk::Losing, 6.0, None),
            "",
            (Server, Some("server.keepAliveTimeout = 70000")),
            (Client, Some("5 s")),
        ),
        row(
            "unknown clients that hold more than 60 s: Google Cloud's 600 s",
            risky(Role::Server, "nginx", Risk::Losing, 75.0, None),
            "",
            (Server, Some("620 s")),
            (Client, Some("65 s")),
        ),
        row(
            "a client whose default is known",
            risky(Role::Server, "node", Risk::Mismatch, 6.0, None),
            "go",
            (Server, Some("server.keepAliveTimeout = 100000")),
            (Client, Some("Transport.IdleConnTimeout = 5 * time.Second")),
        ),
        row(
            "seen from the client: its own setting first",
            risky(Role::Client, "go", Risk::Losing, 6.0, None),
            "",
            (Client, Some("Transport.IdleConnTimeout = 5 * time.Second")),
            (Server, Some("100 s")),
        ),
        row(
            "a client without a limit: no server is long enough for certain",
            risky(Role::Server, "node", Risk::Losing, 6.0, None),
            "python3",
            (Client, None),
            (Server, Some("server.keepAliveTimeout = 70000")),
        ),
        row(
            "a client's default that is below the server's cannot be what it holds",
            risky(Role::Client, "go", Risk::Losing, 120.0, None),
            "",
            (Client, Some("Transport.IdleConnTimeout = 100 * time.Second")),
            (Server, Some("620 s")),
        ),
    ];
    for Row { name, endpoint, client, expected } in rows {
        let advice = advice_for(&endpoint, client);
        assert_eq!(short(&advice), expected, "{name}: {advice:#?}");
    }
}

#[test]
fn a_loss_is_urgent_and_a_tie_is_reported_before_one() {
    let losing = advice_for(&risky(Role::Server, "node", Risk::Losing, 6.0, None), "");
    assert_eq!(losing[0].urgency, Urgency::Now);
    assert!(losing[0].why.starts_with("2 requests were lost. The server closes"), "{}", losing[0].why);
    let tie = advice_for(&risky(Role::Server, "jetty", Risk::Tie, 30.0, Some(30.0)), "");
    assert_eq!(tie[0].urgency, Urgency::Soon);
    assert!(tie[0].why.contains("server after 30.0 s, the client after 30.0 s"), "{}", tie[0].why);
    let mismatch = advice_for(&risky(Role::Server, "node", Risk::Mismatch, 6.0, None), "");
    assert!(mismatch[0].why.ends_with("No request was lost yet."), "{}", mismatch[0].why);
}

#[test]
fn a_client_that_honors_an_announcement_below_the_timer_is_safe() {
    let mut node = risky(Role::Server, "node", Risk::Losing, 6.0, None);
    node.announced = Some(5);
    let advice = advice_for(&node, "");
    assert!(
        advice[1].text.contains("`Keep-Alive: timeout=5` is safe: the server closes 1.00 s later"),
        "{advice:#?}"
    );
    assert_eq!(advice.len(), 2, "announcing less than the timer is no fault: {advice:#?}");
}

#[test]
fn an_announcement_that_is_not_kept_is_reported() {
    let mut proxied = risky(Role::Client, "go", Risk::Safe, 60.0, Some(20.0));
    proxied.announced = Some(75);
    let advice = advice_for(&proxied, "");
    assert_eq!(short(&advice), [(Side::Server, Some("60 s"), false)]);
    proxied.announced = Some(60);
    assert_eq!(advice_for(&proxied, ""), []);
}

#[test]
fn the_clients_own_timer_is_the_clients_affair() {
    let mut own = risky(Role::Client, "node", Risk::Losing, 60.0, Some(4.0));
    own.races = vec![(Race::OwnTimer, 2)];
    let advice = advice_for(&own, "");
    assert_eq!(short(&advice), [(Side::Client, None, false)]);
    assert!(advice[0].why.contains("The server had no part in it"), "{advice:#?}");
}

#[test]
fn a_pool_that_does_not_check_is_reported_besides() {
    let mut stale = risky(Role::Client, "java", Risk::Losing, 30.0, None);
    stale.races = vec![(Race::Stale, 9), (Race::Crossed, 1)];
    stale.gaps.longest = Some(42.0);
    let advice = advice_for(&stale, "");
    assert_eq!(advice.len(), 3, "{advice:#?}");
    assert!(advice[2].why.starts_with("9 of 10 lost requests were written after"), "{advice:#?}");
    assert!(advice[2].why.ends_with("up to 12.0 s late."), "{advice:#?}");
    assert!(!advice[2].alternative);
    stale.gaps.longest = Some(30.05);
    assert_eq!(advice_for(&stale, "").len(), 2, "the latency of a loop");
}

#[test]
fn losses_without_a_timer_are_reported_with_their_cause() {
    let mut stopped = endpoint(Role::Server, "node");
    stopped.risk = Risk::Losing;
    stopped.lost = 3;
    stopped.races = vec![(Race::Crossed, 3)];
    stopped.causes = vec![(Cause::Shutdown, 40)];
    let advice = advice_for(&stopped, "");
    assert!(advice[0].text.contains("at a shutdown, answer with `Connection: close`"), "{advice:#?}");
    stopped.causes = vec![(Cause::MaxRequests, 40)];
    assert!(advice_for(&stopped, "")[0].text.contains("announce the close"));
    stopped.causes.clear();
    let advice = advice_for(&stopped, "");
    assert!(advice[0].text.starts_with("Record longer"), "{advice:#?}");
    assert_eq!(advice[0].value, None, "no value is made up");
}

#[test]
fn timers_that_end_requests_are_reported_once_for_each_side_and_phase() {
    let mut slow = endpoint(Role::Client, "go");
    for (clock, count) in [(Clock::Request, 7), (Clock::Silent, 7)] {
        slow.timers.push(Timer { phase: Phase::Waiting, clock, ..timer(Side::Client, 30.0, count) });
    }
    let advice = advice_for(&slow, "");
    assert_eq!(advice.len(), 1, "{advice:#?}");
    assert_eq!(advice[0].urgency, Urgency::Consider);
    assert_eq!(
        advice[0].why,
        "The client (`Go net/http`) ended 7 requests while waiting for the response, 30.0 s after the request began."
    );
}

#[test]
fn a_byte_now_and_then_is_advised_against_a_wait_for_bytes_only() {
    for (clock, advised) in [(Clock::Silent, true), (Clock::Request, false)] {
        let mut upload = endpoint(Role::Client, "node");
        let seen = timer(Side::Client, 60.0, 7);
        upload.timers = vec![Timer { phase: Phase::RequestBody, clock, ..seen }];
        let advice = advice_for(&upload, "");
        let says = advice.iter().any(|one| one.text.contains("more often than that"));
        assert_eq!(says, advised, "{advice:#?}");
    }
}

#[test]
fn hostile_names_stay_within_their_quotes() {
    let mut hostile = risky(Role::Server, "`rm`\u{1b}[2J", Risk::Losing, 6.0, None);
    hostile.server = Some("x`\n# y".to_owned());
    for one in advice_for(&hostile, "a`b") {
        assert!(!one.text.contains('\u{1b}') && !one.text.contains('\n'), "{}", one.text);
        assert_eq!(one.text.matches('`').count() % 2, 0, "{}", one.text);
    }
}

#[test]
fn a_process_that_exits_during_requests_is_reported_first() {
    let mut endpoint = endpoint(Role::Server, "node");
    endpoint.exits.cut_off = vec![(ExitStatus::Status(3), 2), (ExitStatus::Signal(9), 1)];

    let advice = advice_for(&endpoint, "");

    assert_eq!(advice.len(), 1, "{advice:?}");
    assert_eq!((advice[0].side, advice[0].urgency), (Side::Server, Urgency::Now));
    let why = &advice[0].why;
    assert!(
        why.contains("3 requests were cut off") && why.contains("2 by an exit with status 3, 1 by signal 9"),
        "{why}"
    );
}

#[test]
fn a_client_that_was_reported_to_end_has_nothing_to_mend() {
    let advised = |role, death| {
        let mut endpoint = endpoint(role, "curl");
        endpoint.exits.cut_off = vec![(death, 2)];
        !advice_for(&endpoint, "").is_empty()
    };
    assert!(!advised(Role::Client, ExitStatus::Signal(2)) && !advised(Role::Client, ExitStatus::Signal(15)));
    assert!(advised(Role::Client, ExitStatus::Signal(11)) && advised(Role::Client, ExitStatus::Status(1)));
    assert!(advised(Role::Server, ExitStatus::Signal(15)));
}

#[test]
fn a_shutdown_that_waits_a_second_for_idle_connections_gets_advice() {
    let mut endpoint = endpoint(Role::Server, "node");
    endpoint.exits = Exits { idle_left: 3, waited: Some(0.4), ..Exits::default() };
    assert_eq!(advice_for(&endpoint, ""), []);

    endpoint.exits.waited = Some(4.6);

    let advice = advice_for(&endpoint, "");
    assert!(advice[0].why.contains("left 3 idle connections open for up to 4.60 s"), "{advice:?}");
    assert_eq!(advice[0].urgency, Urgency::Consider);
}

#[test]
fn an_event_loop_that_was_blocked_is_found_and_not_given_a_longer_timer() {
    let mut node = risky(Role::Server, "node", Risk::Losing, 6.0, None);
    (node.races, node.lay_unread) = (vec![(Race::Unread, 30)], 28);
    let advice = advice_for(&node, "");
    assert_eq!(short(&advice)[0], (Side::Server, None, false));
    assert!(advice[0].text.contains("find what blocks the event loop"), "{advice:#?}");
    assert_eq!((advice[1].side, advice[1].alternative), (Side::Client, false));
    assert!(advice.iter().all(|one| !one.text.contains("keepAliveTimeout")), "{advice:#?}");
    node.lay_unread = 3;
    assert!(advice_for(&node, "")[0].text.contains("keepAliveTimeout"));
}

#[test]
fn a_server_that_closes_after_each_response_is_reported_as_that() {
    let mut server = endpoint(Role::Server, "python3");
    (server.after_each, server.risk, server.races) = (96, Risk::Losing, vec![(Race::Stale, 2)]);
    let advice = advice_for(&server, "");
    assert_eq!(advice.len(), 1, "{advice:#?}");
    assert!(
        advice[0].why.starts_with("The server closes after every response and does not say so: 96 of 100")
    );
    assert!(advice[0].text.contains("send `Connection: close`"), "{advice:#?}");
    server.after_each = 40;
    assert!(advice_for(&server, "")[0].text.starts_with("Record longer"));
}

#[test]
fn a_tunnel_that_is_silent_for_too_long_is_advised_a_ping() {
    let mut tunnels = endpoint(Role::Server, "nginx");
    let seen = timer(Side::Server, 1.5, 8);
    tunnels.timers = vec![Timer { phase: Phase::Tunnel, clock: Clock::Silent, ..seen }];
    let advice = advice_for(&tunnels, "");
    assert!(advice[0].why.ends_with("ended 8 tunnels after the upgrade or CONNECT, 1.50 s without a byte."));
    assert!(advice[0].text.contains("every 0.60 s"), "{advice:?}");
    tunnels.tunnel_silence = Some(1.2);
    let advice = advice_for(&tunnels, "");
    assert!(advice[0].why.ends_with("others outlived was 1.20 s: 0.30 s of headroom."), "{advice:?}");
    assert!(advice[0].text.contains("WebSocket ping"), "{advice:#?}");
}

#[test]
fn a_measured_timer_of_the_client_replaces_its_products_default() {
    let client = risky(Role::Client, "go", Risk::Mismatch, 60.0, Some(3.0));
    let advice = advice_for(&client, "");
    assert!(advice.iter().all(|one| !one.why.contains("by default")), "{advice:#?}");
}

#[test]
fn closes_of_one_moment_are_a_reload_and_those_that_make_room_are_no_timeout() {
    let mut reloaded = risky(Role::Server, "node", Risk::Losing, 6.0, None);
    reloaded.races = vec![(Race::Stale, 8)];
    (reloaded.closed_at_once, reloaded.lost_at_once) = (12, 8);
    let advice = advice_for(&reloaded, "");
    assert!(
        advice[0].why.contains("12 idle connections in one moment") && advice[0].value.is_none(),
        "{advice:#?}"
    );
    reloaded.lost_at_once = 3;
    assert!(!advice_for(&reloaded, "")[0].why.contains("one moment"), "most were lost to the timer");

    let mut full = risky(Role::Server, "nginx", Risk::Losing, 0.45, None);
    full.races = vec![(Race::Stale, 20)];
    (full.timers, full.headroom, full.made_room) = (Vec::new(), None, 20);
    let advice = advice_for(&full, "");
    assert!(
        advice[0].why.contains("not a timeout") && advice[0].text.contains("limit of connections"),
        "{advice:#?}"
    );
    assert!(advice.iter().all(|one| one.value.is_none()));
}

#[test]
fn where_idle_connections_are_reset_nobody_says_that_none_was_lost() {
    let mut reset = risky(Role::Client, "python3", Risk::Mismatch, 1.0, None);
    assert!(advice_for(&reset, "")[0].why.ends_with("No request was lost yet."));
    reset.idle_resets = 6;
    let why = &advice_for(&reset, "")[0].why;
    assert!(why.contains("6 idle connections ended with a reset") && !why.contains("No request"), "{why}");
}

#[test]
fn flows_that_a_path_forgot_are_advised_on_once() {
    let mut forgotten = endpoint(Role::Client, "app");
    forgotten.losses = fixtures::losses(LossReason::Network, 5);
    let about = |endpoint: &Endpoint| {
        let advice = advice_for(endpoint, "");
        advice.iter().filter(|one| one.why.contains("lost")).map(|one| one.why.clone()).collect::<Vec<_>>()
    };
    assert_eq!(about(&forgotten).len(), 1);
    forgotten.path = Some(PathSilence { worked: Some(2.0), forgotten: 3.4, lost: 5 });
    assert!(matches!(&about(&forgotten)[..], [one] if one.contains("forgets")), "{:?}", about(&forgotten));
    forgotten.losses = fixtures::losses(LossReason::Network, 9);
    assert!(
        about(&forgotten)[1].starts_with("4 requests were lost to the network"),
        "{:?}",
        about(&forgotten)
    );
}

/// A proxy in between may pass on the header of the server behind it.
#[test]
fn a_product_that_only_a_header_names_is_said_to_be_so() {
    let said = |role, process| {
        let mut endpoint = risky(role, process, Risk::Losing, 75.0, Some(90.0));
        endpoint.server = Some("Apache".to_owned());
        let of_server = |one: &Advice| one.side == Side::Server && one.setting.is_some();
        advice_for(&endpoint, "").into_iter().find(of_server).map(|one| one.text)
    };
    let words = "Only its `Server` header says what it is";
    assert!(said(Role::Client, "curl").is_some_and(|text| text.contains(words)));
    assert!(said(Role::Server, "apache2").is_some_and(|text| !text.contains(words)));
}
