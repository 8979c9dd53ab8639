//! What is counted where, and what is marked.

use super::*;
use crate::truth::{CloseType, Phase, Race, Side};

fn wrong() -> Outcome {
    Outcome::Wrong { reported: "CI".to_owned(), exact: true, evidence: Vec::new() }
}

#[test]
fn right_open_wrong_and_lost_stand_side_by_side() {
    let mut table = Table::new("all", &["first", "unused", "second"], &["crossed", "stale"]);
    table.add("second", "stale", &Outcome::Right);
    table.add("first", "crossed", &Outcome::Right);
    table.add("first", "crossed", &Outcome::Unknown { reported: String::new() });
    table.add("first", "nonsense", &wrong());
    table.add("first", "not reported", &Outcome::Lost { reported: String::new() });
    let text = table.to_string();
    let words: Vec<Vec<_>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(words[0], ["all", "crossed", "stale", "nonsense", "not", "reported"]);
    assert_eq!(words[1], ["first", "1+1?", ".", "1!", "1!"]);
    assert_eq!(words[2], ["second", ".", "1", ".", "."]);
    assert_eq!(Table::new("none", &["first"], &[]).to_string(), "");
}

#[test]
fn the_way_of_an_end_is_who_and_where_or_the_race() {
    let plain = |phase, in_flight| Truth::plain(Side::Client, CloseType::Fin, phase, in_flight);
    assert_eq!(way(&plain(Phase::Waiting, 1)), "CW");
    assert_eq!(way(&plain(Phase::Response, 2)), "C+");
    assert_eq!(way(&plain(Phase::Idle, 0).lost(Race::OwnTimer)), "own-timer");
    assert_eq!(way(&Truth::completed(Side::Server, CloseType::Fin)), "done");
}

#[test]
fn columns_are_as_wide_as_their_widest_cell() {
    let lines = [["a", "1"], ["bcd", "234"]].map(|line| line.map(str::to_owned).to_vec());
    assert_eq!(grid(&lines, |column| column == 1), "a      1\nbcd  234\n");
}

#[test]
fn what_is_undecided_is_listed_by_reason() {
    let mut undecided = Undecided::default();
    for play in ["one", "two", "three"] {
        undecided.add("because", play.to_owned());
    }
    assert_eq!(undecided.to_string(), "undecided, 3: because: one; two\n");
    assert_eq!(undecided.count(), 3);
}
