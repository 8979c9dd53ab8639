use super::*;

#[test]
fn closes_are_ordered_by_their_moment_however_many_digits_it_has() {
    let moment = |time: &str| Close::sample(&[("time", json!(time))]).moment();
    assert!(moment("2026-01-01T00:00:00.5Z") < moment("2026-01-01T00:00:00.512Z"));
    assert!(moment("2026-01-01T00:00:00Z") < moment("2026-01-01T00:00:00.000001Z"));
    assert!(moment("2026-01-01T00:00:09.9Z") < moment("2026-01-01T00:00:10Z"));
}

#[test]
fn a_line_that_is_no_close_is_an_error() {
    assert!(Close::parse("{}").is_err());
    assert!(Close::parse("ready").is_err());
}
