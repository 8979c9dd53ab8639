use super::*;

fn id(one: &str, other: &str, seed: u16) -> String {
    let address = |text: &str| text.parse().expect("an address");
    let there = CommunityId::with_seed(address(one), address(other), seed);
    assert_eq!(there, CommunityId::with_seed(address(other), address(one), seed), "{one} {other}");
    there.to_string()
}

/// Those of the specification (baseline/baseline_deflt.json, baseline_seed1.json) and of Zeek's own test.
#[test]
fn the_test_vectors_of_others_hold() {
    assert_eq!(id("128.232.110.120:34855", "66.35.250.204:80", 0), "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
    assert_eq!(id("128.232.110.120:34855", "66.35.250.204:80", 1), "1:3V71V58M3Ksw/yuFALMcW0LAHvc=");
    assert_eq!(id("1.2.3.4:1122", "5.6.7.8:3344", 0), "1:wCb3OG7yAFWelaUydu0D+125CLM=");
    let (one, other) = ("[2001:470:e5bf:dead:4957:2174:e82c:4887]:63943", "[2607:f8b0:400c:c03::1a]:25");
    assert_eq!(id(one, other, 0), "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=");
}

#[test]
fn equal_addresses_are_ordered_by_port() {
    assert_ne!(id("127.0.0.1:9", "127.0.0.1:10", 0), id("127.0.0.1:2304", "127.0.0.1:2560", 0));
}

#[test]
fn it_comes_back_from_its_text_and_other_text_is_refused() {
    let text = "1:LQU9qZlK+B5F3KDmev6m5PMibrg=";
    assert_eq!(text.parse::<CommunityId>().expect("an id").to_string(), text);
    for wrong in ["", "1:", "2:LQU9qZlK+B5F3KDmev6m5PMibrg=", "1:LQU9qZlK", "1:LQU9qZlK+B5F3KDmev6m5PMibrg"] {
        assert!(wrong.parse::<CommunityId>().is_err(), "{wrong}");
    }
}

#[test]
fn without_a_port_there_is_none() {
    let address = |text: &str| text.parse().expect("an address");
    let ends = Ends { local: address("10.0.0.1:0"), remote: address("10.0.0.2:80") };
    assert_eq!(CommunityId::of(&ends), None);
}
