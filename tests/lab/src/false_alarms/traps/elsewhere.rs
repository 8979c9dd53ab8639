//! Traps that other tests spring already, with real software or the kernel itself.

use super::super::trap::{
    Cover::{Scenario, Test},
    How, TRAP, Trap,
};

pub(super) const TRAPS: &[Trap] = &[
    Trap {
        name: "a request unread at an idle close",
        source: "row 8",
        naive: "the server crashed; a reset during processing",
        how: How::Elsewhere(&[
            Test("every_lost_request_is_a_race_of_its_kind_at_both_ends_and_nothing_else_is"),
            Scenario("race-unread"),
        ]),
        ..TRAP
    },
    Trap {
        name: "a request that crossed the FIN",
        source: "row 9",
        naive: "a stale connection, or premature-hangup",
        how: How::Elsewhere(&[
            Test("every_lost_request_is_a_race_of_its_kind_at_both_ends_and_nothing_else_is"),
            Scenario("race-crossed"),
        ]),
        ..TRAP
    },
    Trap {
        name: "a request on a connection known to be closed",
        source: "row 10",
        naive: "blames the server",
        how: How::Elsewhere(&[
            Test("every_lost_request_is_a_race_of_its_kind_at_both_ends_and_nothing_else_is"),
            Scenario("race-stale"),
        ]),
        ..TRAP
    },
    Trap {
        name: "the client's own timer as it writes",
        source: "row 11, agentkeepalive#23",
        naive: "reset by the server",
        how: How::Elsewhere(&[
            Test("every_lost_request_is_a_race_of_its_kind_at_both_ends_and_nothing_else_is"),
            Scenario("race-own-timer"),
        ]),
        ..TRAP
    },
    Trap {
        name: "a race that a retry hid",
        source: "row 12",
        naive: "nothing, or a failure that somebody heard of",
        how: How::Elsewhere(&[Test("a_race_is_masked_when_the_proxy_asked_again_and_was_answered")]),
        ..TRAP
    },
    Trap {
        name: "two timers in a tie",
        source: "row 13",
        naive: "nothing, or a lost request",
        how: How::Elsewhere(&[
            Scenario("simultaneous-close"),
            Test("the_report_names_the_timers_of_real_software"),
        ]),
        ..TRAP
    },
    Trap {
        name: "a server that times out first, then resets",
        source: "datadog-agent#15530",
        naive: "the request is in no count",
        how: How::Elsewhere(&[
            Scenario("race-stale"),
            Test("a_request_that_nobody_answered_is_counted_by_the_verdict"),
        ]),
        ..TRAP
    },
    Trap {
        name: "the out-of-memory killer",
        source: "row 26",
        naive: "graceful",
        how: How::Elsewhere(&[Test("a_server_that_the_kernel_killed_for_want_of_memory_is_named_as_such")]),
        ..TRAP
    },
    Trap {
        name: "retransmission given up",
        source: "row 30",
        naive: "the peer closed",
        how: How::Elsewhere(&[Scenario("retransmit-timeout")]),
        ..TRAP
    },
    Trap {
        name: "TCP_USER_TIMEOUT",
        source: "row 31",
        naive: "the peer closed",
        how: How::Elsewhere(&[Scenario("user-timeout")]),
        ..TRAP
    },
    Trap {
        name: "keepalive probes unanswered",
        source: "row 32",
        naive: "the peer closed; server-idle",
        how: How::Elsewhere(&[Scenario("keepalive-dead"), Scenario("probed-then-idle")]),
        ..TRAP
    },
    Trap {
        name: "a middlebox that resets",
        source: "row 33, connectivity-exporter#13",
        naive: "reset by the server; server-idle",
        how: How::Elsewhere(&[
            Test("a_reset_in_place_of_a_forgotten_flow_is_told_at_the_end_that_broke_the_silence"),
            Test("a_reset_forged_in_the_middle_of_a_transfer_is_told_at_either_end"),
        ]),
        ..TRAP
    },
    Trap {
        name: "a middlebox that swallows",
        source: "row 34",
        naive: "the network is down",
        how: How::Elsewhere(&[Test("a_flow_that_vanishes_is_forgotten_only_where_a_newer_one_gets_through")]),
        ..TRAP
    },
    Trap {
        name: "this node's own reset for a flow that is none",
        source: "row 35",
        naive: "reset by the peer",
        how: How::Elsewhere(&[Test("what_an_end_did_is_not_put_down_to_something_in_between")]),
        ..TRAP
    },
    Trap {
        name: "a connect that times out",
        source: "row 37",
        naive: "premature-hangup",
        how: How::Elsewhere(&[Scenario("connect-timeout")]),
        ..TRAP
    },
    Trap {
        name: "a 408 into an idle connection",
        source: "row 24",
        naive: "0 s idle",
        how: How::Elsewhere(&[Scenario("noise-408")]),
        ..TRAP
    },
    Trap {
        name: "a full table",
        source: "network-flow-monitor-agent#37, OBI#2447",
        naive: "stuck, or silent",
        how: How::Elsewhere(&[Test("a_burst_that_overflows_the_ring_is_survived_and_told")]),
        ..TRAP
    },
];
