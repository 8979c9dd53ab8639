//! From closes to what is shown, with the real inference between.

use super::{
    example::Both,
    samples::{SECOND, closed, raced, reused_after},
    *,
};
use whohungup_core::{
    endpoint::{Risk, last_hour::MINUTES},
    filter::Filter,
    histogram::begins,
    labels::{Closer, Race, Role, Side, Verdict},
};

fn total(view: &LiveView) -> u64 {
    view.minutes.counts.iter().flatten().map(|&count| u64::from(count)).sum()
}

#[test]
fn nothing_seen_is_said_as_such() {
    let view = Both::new(8).everything();
    assert_eq!((view.headline.tone, view.endpoints_total), (Tone::Empty, 0));
    assert!(view.headline.text.starts_with("No connection has ended yet; 0 are open."), "{view:?}");
    assert_eq!((view.minutes.counts.len(), view.minutes.verdicts.len()), (MINUTES, 10));
}

#[test]
fn an_idle_mismatch_that_loses_requests_is_the_headline_with_what_to_do() {
    let mut both = Both::new(8);
    (0..20).for_each(|_| both.close(closed(8080, "node", Verdict::ServerIdle)));
    (0..3).for_each(|_| both.close(raced(8080, "node", Race::Stale)));
    both.close(ClosedConnection {
        uncounted: Some(reused_after(4.9)),
        ..closed(8080, "node", Verdict::ServerIdle)
    });
    both.close(closed(9090, "nginx", Verdict::ClientIdle));
    let view = both.everything();
    let Headline { tone, text, action, endpoint } = &view.headline;
    assert_eq!((*tone, endpoint.as_deref()), (Tone::Losing, Some("server/8080/node")));
    assert!(
        text.starts_with("node on port 8080 closes idle connections after 5.00 s, while its clients"),
        "{text}"
    );
    assert!(text.contains("3 requests were lost in the last hour."), "{text}");
    assert!(action.as_deref().is_some_and(|action| action.contains("keepAliveTimeout")), "{action:?}");
    let node = &view.endpoints[0];
    assert_eq!((node.risk, node.trouble, node.lost_hour, node.closes_hour), (Risk::Losing, true, 3, 24));
    assert!(!view.endpoints[1].trouble);
}

#[test]
fn a_calm_host_says_so_and_one_with_broken_responses_names_the_worst() {
    let mut both = Both::new(8);
    both.close(closed(8080, "node", Verdict::Completed));
    let calm = both.everything().headline;
    assert_eq!(calm.tone, Tone::Calm);
    assert!(calm.text.contains("1 connection ended in the last hour"), "{}", calm.text);
    (0..3).for_each(|_| both.close(closed(9090, "nginx", Verdict::PrematureHangup)));
    let view = both.everything();
    let nginx = &view.endpoints[0];
    // No timer endangers it, and it is no calm one.
    assert_eq!((nginx.risk, nginx.state, &*nginx.risk_text), (Risk::Unknown, Risk::Losing, "requests lost"));
    let losing = view.headline;
    assert_eq!((losing.tone, losing.endpoint.as_deref()), (Tone::Losing, Some("server/9090/nginx")));
    let said = "3 requests lost: 3 to hang-ups by the server; last 00:00:00";
    assert!(losing.text.starts_with(said) && losing.text.contains("Most of them at nginx"), "{losing:?}");
    let mut both = Both::new(8);
    let given_up =
        || ClosedConnection { closer: Closer::Client, ..closed(9090, "nginx", Verdict::PrematureHangup) };
    (0..3).for_each(|_| both.close(given_up()));
    let notice = both.everything().headline;
    assert_eq!((notice.tone, notice.endpoint.as_deref()), (Tone::Notice, Some("server/9090/nginx")));
    assert!(
        notice.text.contains("3 connections broke off") && notice.text.contains("3 of 3 at nginx"),
        "{notice:?}"
    );
}

#[test]
fn filters_choose_endpoints_and_the_sums_follow() {
    let mut both = Both::new(8);
    (0..4).for_each(|_| both.close(closed(8080, "node", Verdict::ServerIdle)));
    (0..2).for_each(|_| both.close(closed(9090, "nginx", Verdict::ClientIdle)));
    assert_eq!(total(&both.everything()), 6);
    let of = |filter: Filter| {
        let view = both.view(&filter, MAX_ENDPOINTS);
        (view.endpoints_total, total(&view))
    };
    assert_eq!(of(Filter { ports: vec![8080], ..Filter::default() }), (1, 4));
    assert_eq!(of(Filter { processes: vec!["nginx".to_owned()], ..Filter::default() }), (1, 2));
    let none = both.view(&Filter { ports: vec![1], ..Filter::default() }, MAX_ENDPOINTS);
    assert!(
        none.headline.text.starts_with("No connection of those chosen has ended"),
        "{}",
        none.headline.text
    );
    assert_eq!(of(Filter { roles: vec![Role::Client], ..Filter::default() }), (0, 0));
    let one = both.view(&Filter::default(), 1);
    assert_eq!((one.endpoints.len(), one.endpoints_total), (1, 2));
}

#[test]
fn those_in_trouble_are_counted_before_the_list_is_cut_and_both_ends_once() {
    let mut both = Both::new(8);
    for (port, name, role) in
        [(8080, "node", Role::Server), (9090, "node", Role::Server), (9090, "curl", Role::Client)]
    {
        let seen_by = |mut closed: ClosedConnection| {
            closed.role = role;
            if role == Role::Client {
                std::mem::swap(&mut closed.ends.local, &mut closed.ends.remote);
            }
            closed
        };
        (0..20).for_each(|_| both.close(seen_by(closed(port, name, Verdict::ServerIdle))));
        (0..3).for_each(|_| both.close(seen_by(raced(port, name, Race::Stale))));
    }
    let view = both.view(&Filter::default(), 1);
    assert_eq!((view.endpoints.len(), view.endpoints_total, view.endpoints_in_trouble), (1, 3, 2));
}

#[test]
fn idle_times_are_in_the_bins_of_the_side_that_closed() {
    let mut both = Both::new(8);
    (0..4).for_each(|_| both.close(closed(8080, "node", Verdict::ServerIdle)));
    both.close(closed(8080, "node", Verdict::ClientIdle));
    let view = both.everything();
    let node = &view.endpoints[0];
    let ([(server, 4)], [(client, 1)]) = (&node.idle_server[..], &node.idle_client[..]) else {
        panic!("{node:?}")
    };
    assert_eq!(server, client);
    assert!(begins((*server).into()) <= 5.0 && begins(usize::from(*server) + 1) > 5.0);
    assert!(node.timers.iter().any(|timer| timer.side == Side::Server && timer.text.contains("5.00 s")));
}

#[test]
fn a_race_that_amends_takes_the_place_of_the_idle_close() {
    let mut both = Both::new(8);
    both.close(closed(8080, "node", Verdict::ServerIdle));
    both.close(ClosedConnection { amends: true, ..raced(8080, "node", Race::Crossed) });
    let view = both.everything();
    let last = view.minutes.counts.last().expect("a minute");
    assert_eq!((last[Verdict::ServerIdle as usize], last[Verdict::IdleRace as usize]), (0, 1));
    assert_eq!((view.lost_hour, view.endpoints[0].lost_hour), (1, 1));
}

#[test]
fn a_request_that_was_lost_within_the_host_counts_once_however_many_ends_saw_it() {
    let mut both = Both::new(8);
    let at_client = || {
        let mut closed = raced(8080, "python3", Race::Stale);
        closed.role = Role::Client;
        closed.ends = closed.ends.turned();
        closed
    };
    both.close(raced(8080, "node", Race::Stale));
    assert_eq!(both.everything().lost_hour, 1);
    both.close(at_client());
    assert_eq!(both.everything().lost_hour, 1);
    both.close(at_client());
    let mut from_outside = raced(8080, "node", Race::Stale);
    from_outside.ends.local = "192.0.2.1:8080".parse().expect("an address");
    from_outside.ends.remote = "192.0.2.2:40000".parse().expect("an address");
    both.close(from_outside);
    assert_eq!(both.everything().lost_hour, 3);
}

#[test]
fn ten_thousand_endpoints_stay_within_the_bound_and_are_counted_as_other() {
    let mut both = Both::new(256);
    for port in 1..=10_000 {
        both.close(closed(port, "scan", Verdict::Completed));
    }
    let view = both.everything();
    assert_eq!(total(&view), 10_000, "none is lost");
    assert!(view.endpoints_total <= 257 && view.endpoints.iter().any(|one| one.process == "other"));
    assert!(size_of::<LastHour>() + LastHour::HEAP_BYTES < 5 * 1024 + 128);
}

#[test]
fn an_endpoint_that_is_distinguished_gets_its_place_though_others_had_come_before() {
    let mut both = Both::new(4);
    for port in 1..=40 {
        both.close(closed(port, "scan", Verdict::Completed));
    }
    // What was seen once makes room when it was quiet for a minute.
    both.now_ns += 61 * SECOND;
    for _ in 0..400 {
        both.close(closed(8080, "node", Verdict::ServerIdle));
    }
    let view = both.everything();
    let node = view.endpoints.iter().find(|one| one.process == "node").expect("distinguished");
    assert!(node.closes_hour > 200, "all but those of the first second: {}", node.closes_hour);
}

#[test]
fn what_is_forgotten_elsewhere_is_forgotten_here() {
    let mut both = Both::new(8);
    both.close(closed(8080, "node", Verdict::ServerIdle));
    assert_eq!(both.endpoints.hours().count(), 1);
    both.now_ns += 3601 * SECOND;
    both.endpoints.expire(both.now_ns);
    assert_eq!(both.endpoints.hours().count(), 0);
}

#[test]
fn a_flood_of_ordinary_closes_does_not_drive_out_those_in_trouble() {
    let mut both = Both::new(8);
    both.close(closed(8080, "node", Verdict::PrematureHangup));
    (0..1000).for_each(|_| both.close(closed(8080, "node", Verdict::Completed)));
    let mut unreported = closed(8080, "node", Verdict::Completed);
    unreported.evidence.clear();
    both.close(unreported);
    let closes = both.live.closes(0);
    assert_eq!(closes.len(), KEPT_EACH + 1);
    assert_eq!(closes.last().map(|kept| kept.number), Some(1));
    assert!(closes.windows(2).all(|pair| pair[0].number > pair[1].number));
    assert_eq!(both.live.closes(1000).iter().map(|kept| kept.number).collect::<Vec<_>>(), [1001]);
    let pulse = both.live.changes(&both.endpoints, both.now_ns, 1001, 5);
    assert_eq!((pulse.newest, pulse.left_out, pulse.open, pulse.closes.len()), (1001, 1, 5, 0));
}

#[test]
fn a_view_survives_its_json() {
    let mut both = Both::new(8);
    both.close(raced(8080, "node", Race::Unread));
    let view = both.everything();
    let json = serde_json::to_string(&view).expect("JSON");
    assert_eq!(serde_json::from_str::<LiveView>(&json).expect("a view"), view);
    let pulse = both.live.changes(&both.endpoints, both.now_ns, 0, 0).shown();
    let json = serde_json::to_string(&pulse).expect("JSON");
    let back: LiveUpdate = serde_json::from_str(&json).expect("a pulse");
    assert_eq!(serde_json::to_string(&back).expect("JSON"), json, "what is not shown is not kept");
}

/// Before anything was seen.
fn idle_beat() -> LiveChanges {
    let both = Both::new(1);
    both.live.changes(&both.endpoints, 0, 0, 0)
}

/// Names of an object and of all within it.
fn names(value: &serde_json::Value, into: &mut std::collections::BTreeSet<String>) {
    match value {
        serde_json::Value::Object(object) => {
            for (name, value) in object {
                into.insert(name.clone());
                names(value, into);
            }
        }
        serde_json::Value::Array(all) => all.iter().for_each(|value| names(value, into)),
        _ => {}
    }
}

#[test]
fn every_name_is_documented() {
    let (view, closes) = example::losing();
    let mut value = serde_json::to_value(&view).expect("JSON");
    for endpoint in value["endpoints"].as_array_mut().expect("endpoints") {
        // What they hold is reported by the report's documentation.
        for foreign in ["gaps", "headroom", "advice"] {
            endpoint[foreign] = serde_json::Value::Null;
        }
    }
    let mut all = std::collections::BTreeSet::new();
    names(&value, &mut all);
    names(&serde_json::to_value(NumberedClose::new(&closes[0])).expect("JSON"), &mut all);
    names(&serde_json::to_value(idle_beat().shown()).expect("JSON"), &mut all);
    let page = concat!(
        include_str!("../../../docs/page.md"),
        include_str!("../../../docs/json.md"),
        // Of shutdowns the page has what the report has.
        include_str!("../../../docs/report.md")
    );
    let reported =
        |name: &&String| ["`", "."].iter().any(|before| page.contains(&format!("{before}{name}`")));
    let missing: Vec<_> = all.iter().filter(|name| !reported(name)).collect();
    assert!(all.len() > 70 && missing.is_empty(), "{}: {missing:?}", all.len());
}
