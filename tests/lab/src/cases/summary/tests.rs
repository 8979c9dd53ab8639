use serde_json::{Value, json};

use super::*;

fn timer(side: &str, phase: &str, seconds: f64, count: u64) -> Value {
    let clock = "silent";
    json!({"side": side, "phase": phase, "clock": clock, "seconds": seconds, "least": seconds, "most": seconds, "count": count})
}

fn end(risk: &str, lost: u64, timers: &[Value]) -> Endpoint {
    let named: Vec<_> = timers.iter().map(|_| json!({"candidates": []})).collect();
    let end = json!({
        "role": "server", "server_port": 1, "process": "nginx", "closes": 9, "verdicts": [], "causes": [], "races": [],
        "started": 9, "reused": 9, "lost": lost, "at_risk": 0, "timers": timers, "named": named, "risk": risk, "advice": [],
    });
    serde_json::from_value(end).expect("an endpoint")
}

#[test]
fn a_cell_says_what_is_lost_and_who_closes_when() {
    assert_eq!(cell(&end("unknown", 0, &[])), "-");
    let both =
        [timer("server", "idle", 3.0, 5), timer("client", "idle", 3.01, 4), timer("client", "idle", 9.0, 1)];
    assert_eq!(cell(&end("tie", 0, &both)), "tie; server idle 3.0 s; client idle 3.0 s");
    assert_eq!(cell(&end("losing", 21, &both[..1])), "**21 lost**; server idle 3.0 s");
}

#[test]
fn an_upload_that_stalls_is_never_idle_in_a_cell() {
    let stalled = [timer("client", "request-body", 4.0, 3), timer("client", "request-body", 3.0, 8)];
    assert_eq!(cell(&end("unknown", 0, &stalled)), "**ended by the client** in request body 3.0 s");
}
