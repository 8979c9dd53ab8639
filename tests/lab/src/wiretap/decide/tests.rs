//! Flows written by hand, each with what it proves: flows.toml.

use std::collections::BTreeMap;

use super::{
    super::flow::{Segment, tests::Hand},
    *,
};
use crate::{h2, plays, server_cases::Frame};
use Side::{Client, Server};

#[derive(serde::Deserialize)]
struct File {
    message: BTreeMap<String, String>,
    flow: BTreeMap<String, Vec<[String; 2]>>,
}

impl File {
    fn read() -> Self {
        plays::read(include_str!("flows.toml"))
    }

    fn hand(&self, steps: &str) -> Hand {
        steps.split(", ").fold(Hand::new(), |hand, step| self.step(hand, step))
    }

    fn step(&self, mut hand: Hand, step: &str) -> Hand {
        let words: Vec<_> = step.split(' ').collect();
        let by = if words[0] == "C" { Client } else { Server };
        let number = || -> usize { words[1].parse().unwrap() };
        let seconds = || -> f64 { words[1].parse().unwrap() };
        match words[..] {
            ["served"] => return self.step(self.step(hand, "C GET"), "S OK"),
            ["wait", _] => return hand.wait(seconds()),
            ["before", _] => hand.now -= seconds(),
            ["slow", _] => hand.flow.segments[number()..].iter_mut().for_each(|segment| segment.at += 0.04),
            ["far", _] => hand.flow.segments[..number()].iter_mut().for_each(|segment| segment.at -= 0.04),
            ["lose", _] => drop(hand.flow.segments.remove(number())),
            ["cut", _] => hand.flow.segments.truncate(number()),
            ["bare"] => hand.push(Segment { rst: true, ack: None, ..hand.segment(Server) }),
            ["cross"] => {
                let ends = [Client, Server].map(|side| hand.segment(side));
                for end in ends {
                    hand.push(Segment { fin: true, ..end });
                }
            }
            ["C" | "S", "FIN"] => return hand.fin(by),
            ["C" | "S", "RST"] => return hand.rst(by),
            ["C" | "S", ">", message] => return hand.throws(by, &self.message[message]),
            ["C" | "S", "~", message] => return hand.throws_blind(by, &self.message[message], 1),
            ["C" | "S", message] => return hand.says(by, &self.message[message]),
            _ => panic!("no step is {step}"),
        }
        hand
    }

    fn decide(&self, steps: &str, script: Script) -> Decided {
        decide(&self.hand(steps).flow, script)
    }
}

fn shown(hand: &Hand) -> String {
    match decide(&hand.flow, Script::default()) {
        Ok(truth) => format!("{} {} {}", truth.code(), truth.word(), truth.in_flight),
        Err(why) => format!("? {why}"),
    }
}

#[test]
fn every_flow_proves_what_it_says() {
    let file = File::read();
    for (about, flows) in &file.flow {
        for [steps, expected] in flows {
            let found = shown(&file.hand(steps));
            let why =
                expected.strip_prefix("? ").filter(|why| found.starts_with("? ") && found.contains(*why));
            assert!(found == *expected || why.is_some(), "{about}: {steps}: {found}, not {expected}");
        }
    }
}

#[test]
fn an_unasked_408_moves_no_clock() {
    let file = File::read();
    let idle = |steps: &str| file.decide(steps, Script::default()).unwrap();
    let plain = idle("served, wait 5, S FIN, C FIN");
    assert!((plain.idle.unwrap() - 5.002).abs() < 1e-6, "{plain:?}");
    assert_eq!((plain.requests, plain.close_type), (1, CloseType::Fin));
    let noise = idle("served, wait 5, S NOISE, S FIN, C FIN");
    assert!(noise.idle.unwrap() > 5.0 && noise.verdict == "server-idle", "{noise:?}");
}

#[test]
fn what_a_play_knows_of_its_server_counts() {
    let file = File::read();
    let resets = Script { server_resets: true, ..Script::default() };
    file.decide("served, wait 1, C > GET, S RST", resets).unwrap_err();
    let whole = Script { read: Some(1), ..Script::default() };
    let pieces = file.decide("served, wait 1, C > HALF, C > HALF_MORE, S RST", whole).unwrap();
    assert_eq!(pieces.word(), "unread", "its server reads them whole");
}

#[test]
fn a_capture_with_holes_decides_nothing() {
    let mut holes = File::read().hand("served, wait 1, S FIN, C FIN");
    holes.flow.may_have_holes = true;
    assert!(shown(&holes).contains("holes"));
}

#[test]
fn streams_of_http2_are_read() {
    let mut hand = Hand::new();
    let call = h2::client_bytes(&[Frame::Preface, Frame::Call(1, "/a".to_owned())]);
    hand.push(Segment { payload: call, ..hand.segment(Client) });
    hand.push(hand.segment(Server));
    assert_eq!(shown(&hand.clone().wait(1.0).fin(Client).fin(Server)), "CW premature-hangup 1");
    let answer = [h2::server_preface(), h2::response_begin(1), h2::response_end(1)].concat();
    hand.push(Segment { payload: answer, ..hand.segment(Server) });
    hand.push(hand.segment(Client));
    assert_eq!(shown(&hand.wait(1.0).fin(Server).fin(Client)), "SI server-idle 0");
}
