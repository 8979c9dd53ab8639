use super::*;
use crate::close::sample::{classified, client};

#[test]
fn a_record_goes_through_json_and_keeps_its_documented_names() {
    let close = classified(&client().served(9).served(1250).closes());
    let text = serde_json::to_string(&close).expect("a record");
    let back: ClosedConnection = serde_json::from_str(&text).expect("the same record");
    assert_eq!(back, ClosedConnection { at_ns: 0, request_totals: None, uncounted: None, ..close });
    for name in
        ["\"schema\":\"whohungup.close/2\"", "\"amends\":false", "\"close_type\":\"fin\"", "\"id\":\""]
    {
        assert!(text.contains(name), "{name} in {text}");
    }
}

#[test]
fn ids_and_codes_are_read_back_and_strangers_are_named() {
    let id = CloseId { time_ns: 1_800_000_000_123_456_789, cookie: 0x2a };
    assert_eq!(id.to_string().parse(), Ok(id));
    assert_eq!("SI".parse(), Ok(Code(Closer::Server, Phase::Idle)));
    for text in ["", "12", "x-1", "1-y"] {
        assert!(text.parse::<CloseId>().expect_err("no id").contains(text));
    }
    for text in ["", "S", "SIX", "ZI"] {
        assert!(text.parse::<Code>().expect_err("no code").contains(text));
    }
}
