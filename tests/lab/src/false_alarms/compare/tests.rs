//! What is a false alarm, at each level, and what is none.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::*;

const PORT: u16 = 12_345;

fn server() -> SocketAddr {
    ([127, 0, 0, 9], PORT).into()
}

/// A close by the client that was idle for a second, as seen by either end, with other words where they are given.
fn close(end: Side, words: &[(&str, Value)]) -> Close {
    let (client, server) = ("127.0.0.1:40000", "127.0.0.9:12345");
    let (local, remote) = if end == Side::Client { (client, server) } else { (server, client) };
    let own = [
        ("role", json!(end.word())),
        ("phase", json!("idle")),
        ("verdict", json!("client-idle")),
        ("code", json!("CI")),
        ("in_flight", json!(0)),
        ("requests", json!(1)),
        ("age_seconds", json!(1.2)),
        ("idle_seconds", json!(1.0)),
        ("request_seconds", Value::Null),
        ("local", json!(local)),
        ("remote", json!(remote)),
        ("netns", json!(1)),
        ("process", json!({"pid": 1, "comm": end.word()})),
        ("evidence", json!(["own FIN first"])),
    ];
    Close::sample(&[&own, words].concat())
}

fn closes(words: &[(&str, Value)]) -> Closes {
    [Side::Client, Side::Server].into_iter().map(|end| close(end, words)).collect()
}

/// That there is one such close, of which more may be said so.
fn claim(may: &Value) -> Claim {
    let mut all = json!({"verdicts": ["client-idle"], "closer": "client", "phases": ["idle"]});
    for (name, value) in may.as_object().into_iter().flatten() {
        all[name] = value.clone();
    }
    let may = serde_json::from_value(all).expect("what may be said");
    Claim { server: server(), client: None, nth: None, closes: 1..=1, ends: Ends::Both, may }
}

fn plain() -> Claim {
    claim(&json!({}))
}

/// How many of the two ends were told wrong.
fn wrong(claim: Claim, words: &[(&str, Value)]) -> usize {
    compare_closes(&[claim], &closes(words)).wrong.len()
}

#[test]
fn what_may_be_said_is_no_alarm() {
    let finding = compare_closes(
        &[claim(&json!({"idle": [0.9, 1.1], "age": [1.1, 1.3], "requests": 1}))],
        &closes(&[]),
    );
    assert_eq!((finding.ends, finding.unknown, finding.wrong), (2, 0, vec![]));
    assert_eq!(finding.reported, BTreeMap::from([("client-idle CI".to_owned(), 2)]));
}

#[test]
fn every_false_word_is_one() {
    for (word, value) in [
        ("verdict", json!("premature-hangup")),
        ("closer", json!("server")),
        ("phase", json!("waiting")),
        ("race", json!("stale")),
    ] {
        assert_eq!(wrong(plain(), &[(word, value)]), 2, "{word}");
    }
    assert_eq!(
        wrong(plain(), &[("role", json!("server"))]),
        1,
        "only the client's end is wrong about its role"
    );
    assert_eq!(wrong(claim(&json!({"causes": ["unknown"]})), &[("cause", json!("truncated"))]), 2);
    assert_eq!(wrong(claim(&json!({"never_causes": ["shutdown"]})), &[("cause", json!("shutdown"))]), 2);
    assert_eq!(wrong(claim(&json!({"close_type": "fin"})), &[("close_type", json!("rst"))]), 2);
    assert_eq!(wrong(claim(&json!({"idle": [0.9, 1.1]})), &[("idle_seconds", json!(0.0))]), 2);
    assert_eq!(wrong(claim(&json!({"idle": [0.9, 1.1]})), &[("idle_seconds", Value::Null)]), 2);
    assert_eq!(wrong(claim(&json!({"age": [0.9, 1.1]})), &[]), 2);
    assert_eq!(wrong(claim(&json!({"requests": 2})), &[]), 2);
    assert_eq!(wrong(claim(&json!({"never_evidence": "FIN"})), &[]), 2);
    assert_eq!(wrong(claim(&json!({"processes": [["client"], ["nginx"]]})), &[]), 1);
}

#[test]
fn what_is_not_known_is_no_alarm() {
    let words = ["verdict", "closer", "phase", "role"].map(|word| (word, json!("unknown")));
    let finding = compare_closes(&[plain()], &closes(&words));
    assert_eq!((finding.unknown, finding.wrong), (2, vec![]));
}

#[test]
fn closes_that_were_not_told_or_that_never_were_are_told_of() {
    assert_eq!(wrong(Claim { closes: 2..=2, ..plain() }, &[]), 2);
    assert_eq!(wrong(Claim { closes: 0..=0, ..plain() }, &[]), 2);
    assert_eq!(wrong(Claim { client: Some(([127, 0, 0, 1], 40_001).into()), ..plain() }, &[]), 2);
    assert_eq!(wrong(Claim { ends: Ends::Only(Side::Client), closes: 2..=2, ..plain() }, &[]), 1);
    assert!(
        !is_complete(&[Claim { closes: 2..=2, ..plain() }], &closes(&[]))
            && is_complete(&[plain()], &closes(&[]))
    );
}

fn trap(advised: bool) -> Trap {
    let trap = json!({"name": "a trap", "source": "", "naive": "", "advised": advised});
    serde_json::from_value(trap).expect("a trap")
}

fn levels(trap: &Trap, endpoint: &Value, metrics: &str) -> Vec<String> {
    let mut whole = json!({
        "role": "server", "server_port": PORT, "process": "nginx", "closes": 1, "verdicts": [], "causes": [],
        "races": [], "started": 1, "reused": 0, "lost": 0, "at_risk": 0, "timers": [], "named": [], "risk": "safe",
        "advice": [],
    });
    for (name, value) in endpoint.as_object().into_iter().flatten() {
        whole[name] = value.clone();
    }
    let text = json!({"schema": "whohungup.report/2", "endpoints": [whole]}).to_string();
    let model = Model::parse(&text).expect("a report");
    let sample = |line: &str| {
        let (series, value) = line.rsplit_once(' ').expect("a sample");
        (series.to_owned(), value.parse().expect("a value"))
    };
    let samples: Samples = metrics.lines().map(sample).collect();
    compare(trap, &[plain()], &Reported { closes: &closes(&[]), model: &model, samples: &samples }).wrong
}

#[test]
fn a_report_that_alarms_is_a_false_alarm() {
    let advice = json!([{"side": "server", "program": null, "setting": null, "value": null, "text": "raise it",
        "urgency": "consider", "alternative": false, "why": ""}]);
    for alarm in [
        json!({"lost": 1}),
        json!({"races": [["stale", 1]]}),
        json!({"at_risk": 1}),
        json!({"risk": "mismatch"}),
        json!({"risk": "losing"}),
        json!({"advice": advice}),
    ] {
        assert_eq!(levels(&trap(false), &alarm, "").len(), 1, "{alarm}");
    }
    let elsewhere = json!({"server_port": 80, "risk": "losing", "lost": 3});
    for calm in [json!({}), json!({"risk": "unknown"}), elsewhere] {
        assert_eq!(levels(&trap(false), &calm, ""), Vec::<String>::new());
    }
    assert_eq!(levels(&trap(true), &json!({"advice": advice}), ""), Vec::<String>::new());
}

#[test]
fn a_counter_that_alarms_is_a_false_alarm() {
    let at =
        |rest: &str| format!("whohungup_{}", rest.replace('@', "server_port=\"12345\",process=\"nginx\""));
    for alarm in [
        "closes_total{@,verdict=\"premature-hangup\"} 1",
        "idle_races_total{kind=\"stale\",@} 1",
        "requests_unanswered_total{@,verdict=\"premature-hangup\"} 1",
        // An idle close has nothing unanswered.
        "requests_unanswered_total{@,verdict=\"client-idle\"} 1",
        "requests_at_risk_total{role=\"server\",@} 2",
        "endpoint_risk{@,risk=\"mismatch\"} 1",
        "idle_headroom_seconds{@} -0.5",
    ] {
        assert_eq!(levels(&trap(false), &json!({}), &at(alarm)).len(), 1, "{alarm}");
    }
    for calm in [
        "closes_total{@,verdict=\"client-idle\"} 3",
        "endpoint_risk{@,risk=\"mismatch\"} 0",
        "idle_headroom_seconds{@} 2",
        "idle_races_total{server_port=\"80\",kind=\"stale\"} 1",
    ] {
        assert_eq!(levels(&trap(false), &json!({}), &at(calm)), Vec::<String>::new(), "{calm}");
    }
}
