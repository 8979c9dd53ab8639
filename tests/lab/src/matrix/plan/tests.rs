use super::*;
use crate::matrix::scenario::Variant;

fn conversation(name: &str) -> Conversation {
    let scenario = scenario::find(name);
    Conversation {
        id: "k7".to_owned(),
        identity: Identity {
            server: "nginx",
            client: "Node http.Agent",
            scenario: &scenario.name,
            expected: scenario.expected(false),
        },
        scenario,
        steps: scenario.steps.iter().map(|step| write_step(step, "k7", 2000)).collect(),
        at: "127.105.1.4:20003".parse().unwrap(),
    }
}

#[test]
fn a_line_of_a_plan_is_what_its_contract_says() {
    let text = write([&conversation("its pool's timer ends it")]).unwrap();

    assert_eq!(
        text,
        "{\"id\":\"k7\",\"url\":\"http://127.105.1.4:20003\",\"steps\":[\"get /?k7\",\"hold 3500\"],\
         \"idle_limit_ms\":1000,\"request_timeout_ms\":null}\n"
    );
}

#[test]
fn a_request_is_sent_around_the_measured_timeout() {
    let steps = |name: &str| conversation(name).steps;

    assert_eq!(steps("asks -5 ms after the timeout")[1], "sleep 1995");
    assert_eq!(steps("asks 250 ms after the timeout")[1], "sleep 2250");
    assert_eq!(steps("gives up in its request's body")[0], "post-stall /read?k7 1000");
}

#[test]
fn what_a_client_says_for_people_and_a_line_that_is_not_whole_are_left_out() {
    let output = "(node:1) Warning: old\n{\"started\":1790000000.1}\n\
        {\"id\":\"k7\",\"step\":0,\"what\":\"get /?k7\",\"outcome\":\"timed-out\",\"status\":null,\"error\":\"late\",\
        \"begin\":0.1,\"end\":1.6,\"local_port\":40000}\n{\"id\":\"k7\",\"st";

    let reports = read(output);

    assert_eq!(reports.len(), 1);
    assert_eq!((reports[0].step, reports[0].outcome), (0, Outcome::TimedOut));
}

#[test]
fn every_scenario_has_a_name_of_its_own_and_a_race_has_no_expected_end() {
    let names: Vec<_> = scenario::all().iter().map(|scenario| &scenario.name).collect();
    for (number, name) in names.iter().enumerate() {
        assert!(!names[..number].contains(name), "{name} twice");
    }
    assert_eq!(names.len(), 36);
    for scenario in scenario::all() {
        let is_race = scenario.steps.iter().any(|step| matches!(step, Step::Tempt(_)));
        assert_eq!(is_race, scenario.expected(false).is_none(), "{}", scenario.name);
        assert!(!is_race || scenario.server == Variant::Hasty, "{}", scenario.name);
    }
}
