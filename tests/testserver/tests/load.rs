//! `testserver load`: as many connections as asked for, and none that fails.

use std::process::Command;

#[test]
fn it_makes_as_many_connections_as_it_was_told_and_says_so() {
    let output = Command::new(env!("CARGO_BIN_EXE_testserver"))
        .args(["load", "--rate", "100", "--busy", "1", "--for", "2s"])
        .output()
        .expect("run testserver");

    let said = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{said}");
    let last = said.lines().last().expect("a line");
    let (done, rest) = last.split_once(" connections, ").expect("a count");
    let done: u32 = done.parse().expect("a number");
    assert!((50..=260).contains(&done) && rest.starts_with("0 failed"), "{said}");
}
