//! The agent runs in a pod as its own manifest has it: what it can do on the host, it can do there.

mod gate;

use std::env;

use lab::daemonset;

#[test]
fn the_agent_works_in_a_pod_by_its_own_manifest() {
    let Some(context) = gate::context() else { return };
    let test = env::current_exe().expect("this test's own path");
    let target = test.ancestors().nth(3).expect("the target directory");
    let agent = target.join("static/whohungup");
    let tools = target.join("chart/venv/bin");
    for (path, step) in [(&agent, "static binary"), (&tools.join("helm"), "chart")] {
        if !path.is_file() {
            return gate::skip(&format!(
                "{} is missing; step `{step}` of `cargo xtask test` makes it",
                path.display()
            ));
        }
    }

    let said = match daemonset::run(&context, &agent, &tools).expect("the pod runs") {
        Ok(said) => said,
        Err(why) => return gate::skip(&why),
    };

    let section = |name: &str| said.split("== ").find(|part| part.starts_with(name)).unwrap_or_default();
    assert_eq!(said.matches("probe :9909/").count(), 6, "{said}");
    let check = section("plain: check");
    for hook in
        ["cgroup2", "cgroup_skb ingress", "iter tcp", "network namespaces", "process ids", "run statistics"]
    {
        let line = check.lines().find(|line| line.starts_with(hook)).unwrap_or_default();
        assert!(line[hook.len()..].trim_start().starts_with("ok"), "{hook}: {said}");
    }
    assert_eq!(section("plain: degraded").trim_end(), "plain: degraded:", "{said}");
    assert!(section("plain: selftest").contains(" 0 wrong; 0 records lost\npassed"), "{said}");
    let host = section("host root: check");
    assert!(host.lines().skip(1).all(|line| line.contains(" ok ")) && host.contains("/host"), "{said}");
    let races = section("host root: races");
    for container in ["app", "caller"] {
        let label = format!("k8s_container_name=\"{container}\"");
        assert!(
            races.lines().any(|line| line.contains(&label) && line.contains("k8s_namespace_name=\"shop\"")),
            "{said}"
        );
    }
    let record = section("host root: record");
    assert!(record.contains("idle-race") && record.contains("shop/checkout-7d9f8c6b5-x2k4q/app"), "{said}");
}
