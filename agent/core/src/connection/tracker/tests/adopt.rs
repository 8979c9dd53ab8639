//! Sockets that were there before, and connections whose end was lost.

use super::super::super::listeners::Listener;
use super::*;
use crate::identity::Comm;
use crate::{
    close::{
        facts::{CLOSE, CLOSE_WAIT, CLOSING, ESTABLISHED, FIN_WAIT1, FIN_WAIT2, LAST_ACK, SYN_SENT},
        sample::{COOKIE, NETNS, Talk, late_segment},
    },
    labels::{Closer, Confidence},
};

fn worker() -> Process {
    Process { pid: Some(42), comm: Comm::from_text("worker") }
}

fn nobody(_: u32, _: Ends) -> Option<Process> {
    None
}

fn adopted(sockets: &[Transition]) -> Tracker {
    let mut tracker = tracker();
    tracker.adopt(sockets, nobody);
    tracker
}

fn role_of(tracker: &mut Tracker) -> Role {
    tracker.connections.get(&COOKIE).expect("adopted").role
}

#[test]
fn the_counters_tell_the_role_of_an_old_socket() {
    for talk in [client(), server()] {
        for state in [ESTABLISHED, CLOSE_WAIT] {
            let socket =
                if state == CLOSE_WAIT { talk.clone().served(9).fin_came() } else { talk.clone().served(9) };
            let mut tracker = adopted(&[met(&socket, state)]);
            assert_eq!(role_of(&mut tracker), talk.role, "{state}");
            let totals = tracker.totals();
            assert_eq!((totals.adopted, totals.opened, totals.open), (1, 0, 1));
        }
    }
}

#[test]
fn a_listener_on_its_port_makes_an_old_socket_a_servers_unless_the_counters_contradict() {
    // Counters that prove nothing: something of a FIN or a repair in them.
    let odd = |talk: Talk| {
        let mut talk = talk.served(9);
        talk.socket.bytes_acked += 5;
        talk
    };
    let at_port_80 = met(&odd(server()), ESTABLISHED);
    assert_eq!(role_of(&mut adopted(&[at_port_80])), Role::Unknown, "a port number proves nothing");
    // The walk need not meet the listener first.
    assert_eq!(role_of(&mut adopted(&[at_port_80, met_listener(100)])), Role::Server);
    let mut elsewhere = met_listener(100);
    elsewhere.netns += 1;
    assert_eq!(role_of(&mut adopted(&[at_port_80, elsewhere])), Role::Unknown, "another namespace's port");
    let mut client_at_80 = client().served(9);
    client_at_80.socket.endpoints = server().socket.endpoints;
    let contradicted = [met(&client_at_80, ESTABLISHED), met_listener(100)];
    assert_eq!(role_of(&mut adopted(&contradicted)), Role::Unknown, "it connected from a port that listens");
}

#[test]
fn a_socket_that_is_still_connecting_is_a_clients() {
    let mut tracker = adopted(&[met(&client(), SYN_SENT)]);
    assert_eq!(role_of(&mut tracker), Role::Client);
    let counted = tracker.open_by_role_and_state();
    assert!(counted.contains(&(Role::Client, OpenState::Connecting, 1)), "{counted:?}");
}

#[test]
fn what_is_known_or_met_twice_is_not_adopted_again() {
    let socket = met(&server().served(9), ESTABLISHED);
    let mut tracker = adopted(&[socket, socket]);
    tracker.adopt(&[socket], nobody);
    assert_eq!((tracker.totals().adopted, tracker.totals().open), (1, 1));
    let mut tracker = super::tracker();
    begin(&mut tracker, &server());
    tracker.adopt(&[socket], nobody);
    assert_eq!((tracker.totals().adopted, tracker.totals().opened), (0, 1));
    // Closed and reported while the walk was under way.
    first(&mut tracker, &server().served(1250).closes());
    one(settle_all(&mut tracker));
    tracker.adopt(&[socket], nobody);
    assert_eq!((tracker.totals().adopted, tracker.totals().open), (0, 0));
    assert_balanced(&tracker);
}

#[test]
fn only_connections_that_can_still_end_in_a_way_worth_telling_are_adopted() {
    for (state, held, adopt) in [
        (FIN_WAIT1, 1, true),
        (FIN_WAIT2, 1, true),
        (FIN_WAIT1, 0, false),
        (FIN_WAIT2, 0, false),
        (CLOSING, 0, false),
        (LAST_ACK, 0, false),
        (CLOSE, 1, false),
    ] {
        let mut talk = server().served(9);
        talk.socket.has_socket = held;
        let tracker = adopted(&[met(&talk, state)]);
        assert_eq!(tracker.totals().adopted, u64::from(adopt), "{state} {held}");
    }
}

#[test]
fn an_old_sockets_process_is_asked_for_and_its_listener_stands_in() {
    let sockets = [met(&server().served(9), ESTABLISHED), met_listener(100)];
    let mut tracker = tracker();
    tracker.adopt(&sockets, |_, ends| (ends.remote.port() != 0).then_some(worker()));
    assert_eq!(tracker.connections[&COOKIE].process, Some(worker()));
    let mut tracker = super::tracker();
    tracker.adopt(&sockets, |_, ends| (ends.remote.port() == 0).then_some(worker()));
    assert_eq!(tracker.connections[&COOKIE].process, Some(Process { pid: None, ..worker() }));
}

#[test]
fn a_listener_that_began_after_proc_was_read_keeps_the_name_of_its_record() {
    let mut tracker = tracker();
    let listener = met_listener(100);
    let ends = Ends::new(&listener.endpoints);
    let known = Listener {
        cookie: listener.header.cookie,
        address: ends.local,
        owner: Some(worker()),
        cgroup_id: 0,
        last_accept_ns: None,
        preexisting: false,
    };
    tracker.listeners.began(listener.netns, known);
    tracker.adopt(&[met(&server().served(9), ESTABLISHED), listener], nobody);
    assert_eq!(tracker.connections[&COOKIE].process, Some(Process { pid: None, ..worker() }));
}

#[test]
fn an_old_connection_ends_like_any_other_and_says_that_it_is_old() {
    let mut tracker = adopted(&[met(&server().served(9), ESTABLISHED)]);
    first(&mut tracker, &server().served(1250).closes());
    let closed = one(settle_all(&mut tracker));
    assert_eq!((closed.verdict, closed.role), (Verdict::ServerIdle, Role::Server));
    assert!(closed.preexisting && closed.age.is_none());
    assert_balanced(&tracker);
}

#[test]
fn an_end_that_began_before_the_agent_is_reported_by_what_the_states_prove() {
    // The peer's FIN came, and was read, before the agent; now this end closes too.
    let mut eof_read = client().served(1250).fin_came();
    eof_read.socket.copied_seq = eof_read.socket.rcv_nxt;
    let mut tracker = adopted(&[met(&eof_read, CLOSE_WAIT)]);
    first(&mut tracker, &eof_read.by_process().ends(CLOSE_WAIT, LAST_ACK));
    let close = one(settle_all(&mut tracker));
    assert_eq!((close.verdict, close.close_type.as_str()), (Verdict::Unknown, "fin"), "{close:?}");
    assert_eq!((close.closer, close.cause.as_str()), (Closer::Server, "unknown"));
    let text = close.evidence.join("\n");
    assert!(!text.contains("own RST") && !text.contains("4294967295"), "{text}");

    // The same with this end's own FIN.
    let own = server().served(1250);
    let mut tracker = adopted(&[met(&own, FIN_WAIT2), met_listener(100)]);
    first(&mut tracker, &own.ends(FIN_WAIT2, CLOSE));
    let close = one(settle_all(&mut tracker));
    assert_eq!((close.verdict, close.close_type.as_str()), (Verdict::Unknown, "fin"), "{close:?}");
    assert_eq!(close.closer, Closer::Server);
}

#[test]
fn an_end_that_began_before_the_agent_is_never_a_race_nor_amended() {
    let own = server().served(1250);
    let mut tracker = adopted(&[met(&own, FIN_WAIT2), met_listener(100)]);
    let facts = own.ends(FIN_WAIT2, CLOSE);
    first(&mut tracker, &facts);
    let late = late_segment(&facts.first, 35, facts.first.write_seq);
    feed(&mut tracker, &late);
    let closed = one(settle_all(&mut tracker));
    assert_eq!((closed.verdict, closed.race), (Verdict::Unknown, None));
    feed(&mut tracker, &late);
    assert!(
        settle(&mut tracker, facts.first.header.ktime_ns).is_empty(),
        "an amendment that changes nothing"
    );
}

#[test]
fn a_full_table_adopts_what_fits() {
    let mut tracker = Tracker::new(Limits { connections: 2, recent: 8 }, Options::default(), TICK);
    let sockets: Vec<_> = (1..=5).map(|n| met(&numbered(server(), n).served(9), ESTABLISHED)).collect();
    tracker.adopt(&sockets, nobody);
    let totals = tracker.totals();
    assert_eq!((totals.adopted, totals.untracked, totals.open), (2, 3, 2));
    assert_balanced(&tracker);
}

#[test]
fn a_walk_ends_only_what_it_did_not_meet() {
    let mut tracker = tracker();
    for cookie in 1..=3 {
        begin(&mut tracker, &numbered(server(), cookie));
    }
    let old = numbered(client(), 5);
    tracker.adopt(&[met(&old, ESTABLISHED)], nobody);
    // 1 lives, 2 is closing, 3 and the adopted 5 are gone, 4 is younger than the walk.
    first(&mut tracker, &numbered(server(), 2).served(1250).closes());
    feed(&mut tracker, &open(&numbered(server(), 4), OPENED_NS + SECOND));
    let walk = [met(&numbered(server(), 1), ESTABLISHED)];
    assert_eq!(tracker.reconcile(&walk, &here(), OPENED_NS + 1), 2);
    let totals = tracker.totals();
    assert_eq!((totals.open, totals.closed, totals.closed_unseen), (3, 2, 2));
    assert_eq!(tracker.reconcile(&walk, &here(), OPENED_NS + 1), 0);
    assert_eq!(one(settle_all(&mut tracker)).id.cookie, 2, "what was pending is still reported");
    assert_balanced(&tracker);
}

#[test]
fn a_walk_leaves_alone_what_it_could_not_reach() {
    let mut tracker = tracker();
    begin(&mut tracker, &server());
    assert_eq!(tracker.reconcile(&[], &[NETNS + 1].into(), OPENED_NS + 1), 0);
    assert_eq!(tracker.reconcile(&[], &here(), OPENED_NS + 1), 1);
    assert_balanced(&tracker);
}

#[test]
fn a_connect_that_began_during_the_walk_survives_it() {
    let mut tracker = tracker();
    feed(&mut tracker, &connect(COOKIE, OPENED_NS + SECOND));
    assert_eq!(tracker.reconcile(&[], &here(), OPENED_NS), 0);
    feed(&mut tracker, &open(&client(), OPENED_NS + 2 * SECOND));
    let totals = tracker.totals();
    assert_eq!((totals.opened, totals.open, totals.closed_unseen), (1, 1, 0));
}

#[test]
fn a_walk_ends_a_half_closed_connection_whose_last_step_was_lost() {
    let mut tracker = tracker();
    let facts = server().asks(GET).waits(5).gets_fin();
    play(&mut tracker, &server(), &facts);
    let much_later = facts.first.header.ktime_ns + 3600 * SECOND;
    assert!(settle(&mut tracker, much_later).is_empty(), "in flight: this end decides");
    tracker.reconcile(&[], &here(), much_later);
    settle(&mut tracker, much_later + 60 * SECOND);
    assert_eq!(tracker.totals().open, 0, "its socket is gone");
    assert_balanced(&tracker);
}

#[test]
fn a_half_close_whose_rest_was_lost_is_not_surely_premature() {
    // It may have been answered: the step that would tell is what was lost.
    let mut tracker = tracker();
    let facts = server().asks(GET).waits(5).gets_fin();
    play(&mut tracker, &server(), &facts);
    let much_later = facts.first.header.ktime_ns + 3600 * SECOND;
    settle(&mut tracker, much_later);
    tracker.reconcile(&[], &here(), much_later);
    let reports = settle(&mut tracker, much_later);
    assert_eq!(tracker.totals().closed_unseen + reports.len() as u64, 1);
    for close in reports {
        assert_eq!(close.confidence, Confidence::Probable, "{} {:?}", close.verdict, close.evidence);
    }
}

#[test]
fn connections_of_a_namespace_that_has_gone_end_unseen_after_some_walks() {
    let mut tracker = tracker();
    begin(&mut tracker, &numbered(client(), 1));
    // It says its namespace with its first step, or when it is open.
    let elsewhere = HashSet::from([NETNS + 1]);
    let walked = OPENED_NS + SECOND;
    for walk in 0..2 {
        assert_eq!(tracker.reconcile(&[], &elsewhere, walked), 0, "{walk}");
    }
    for unreachable in [Unreachable::These(HashSet::from([NETNS])), Unreachable::Others] {
        tracker.set_unreachable(unreachable.clone());
        for walk in 0..5 {
            assert_eq!(tracker.reconcile(&[], &elsewhere, walked), 0, "{unreachable:?}: {walk}");
        }
    }
    tracker.set_unreachable(Unreachable::These(HashSet::new()));
    let unseen: Vec<_> = (0..3).map(|_| tracker.reconcile(&[], &elsewhere, walked)).collect();
    assert_eq!((unseen, tracker.totals().open), (vec![0, 0, 1], 0));
}
