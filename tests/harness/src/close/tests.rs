use super::*;

#[test]
fn closes_are_ordered_by_their_moment_however_many_digits_it_has() {
    let moment = |time: &str| Close::sample(&[("time", json!(time))]).moment();
    assert!(moment("2026-01-01T00:00:00.5Z") < moment("2026-01-01T00:00:00.512Z"));
    assert!(moment("2026-01-01T00:00:00Z") < moment("2026-01-01T00:00:00.000001Z"));
    assert!(moment("2026-01-01T00:00:09.9Z") < moment("2026-01-01T00:00:10Z"));
}

#[test]
fn a_field_is_known_by_one_name_whatever_the_agent_calls_it() {
    let mut written = Close::sample(&[]).json().clone();
    written.as_object_mut().unwrap().remove("close_type");
    written["how"] = json!("rst");

    let close = Close::parse(&written.to_string()).unwrap();

    assert_eq!((close.close_type.as_str(), close.word("close_type")), ("rst", "rst"));
    assert!(close.json().get("how").is_none());
    assert!(Close::parse("{}").is_err());
}
