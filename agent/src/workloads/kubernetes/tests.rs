//! Against a server that speaks as the API does. The events have the form that Kubernetes' API concepts document.

use std::{
    fs,
    time::{Duration, Instant},
};

use harness::{
    kubernetes::{Answer, ApiServer as Server},
    wait,
};
use serde_json::{Value, json};
use whohungup_core::workload::{CgroupNetns, Workload, WorkloadKind};

use super::*;

const WITHIN: Duration = Duration::from_mins(1);
const UID: &str = "0f5a2b77-6f0c-4b5a-9d0e-3a1de6b3c001";

/// The API as the resolver has it, and a container of each pod that a test is about.
struct Asked {
    kubernetes: Kubernetes,
    workloads: Workloads,
}

impl Asked {
    fn of(server: &Server) -> Self {
        Self::with(options(server))
    }

    fn with(options: KubernetesOptions) -> Self {
        let mut workloads = Workloads::default();
        let names = Names {
            pod_uid: Some(UID.to_owned()),
            container: Some("app".to_owned()),
            ..Names::new(WorkloadKind::Pod)
        };
        workloads.know(place(), Some(Workload::new(names)));
        Self { kubernetes: Kubernetes::start(options), workloads }
    }

    fn names(&self) -> Names {
        self.workloads.of(place()).expect("known").names().clone()
    }

    /// Takes turns, as a session does, until `holds`.
    fn until(&mut self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let turned = wait::until(what, WITHIN, || {
            self.kubernetes.turn(&mut self.workloads);
            Ok(holds(self).then_some(()))
        });
        turned.unwrap_or_else(|error| panic!("{error}: {:?}", self.kubernetes.health()));
    }

    fn failures(&self, reason: FailureReason) -> u64 {
        self.kubernetes.health().failures[reason as usize]
    }

    fn skipped(&self, reason: SkippedPod) -> u64 {
        self.kubernetes.health().skipped[reason as usize]
    }
}

fn place() -> CgroupNetns {
    CgroupNetns { cgroup_id: 7, netns: 1 }
}

fn options(server: &Server) -> KubernetesOptions {
    KubernetesOptions {
        node: "node-1".to_owned(),
        server: Some(server.url().parse().expect("a URL")),
        service_account: server.account().to_owned(),
        labels: pod_labels_flag("app.kubernetes.io/name,team").expect("labels"),
    }
}

fn event(kind: &str, version: u32, metadata: &Value) -> String {
    let mut metadata = metadata.clone();
    metadata["resourceVersion"] = version.to_string().into();
    metadata["managedFields"] =
        json!([{"manager": "kubelet", "operation": "Update", "fieldsV1": {"f:status": {}}}]);
    let object =
        json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata});
    json!({"type": kind, "object": object}).to_string()
}

fn pod(uid: &str, name: &str) -> Value {
    json!({
        "name": name,
        "generateName": "checkout-7d9f8c6b5-",
        "namespace": "shop",
        "uid": uid,
        "creationTimestamp": "2026-03-02T10:00:03Z",
        "labels": {"app.kubernetes.io/name": "checkout", "pod-template-hash": "7d9f8c6b5", "secret": "x"},
        "ownerReferences": [{
            "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "checkout-7d9f8c6b5", "uid": "1",
            "controller": true, "blockOwnerDeletion": true,
        }],
    })
}

fn checkout() -> Value {
    pod(UID, "checkout-7d9f8c6b5-x2k4q")
}

fn bookmark(version: u32) -> String {
    json!({"type": "BOOKMARK", "object": {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": version.to_string(), "creationTimestamp": null}}})
    .to_string()
}

#[test]
fn the_nodes_pods_get_their_owner_and_the_labels_that_are_wanted() {
    let server = Server::start().expect("a server");
    let (answer, said) = Answer::watch([event("ADDED", 100, &checkout()), bookmark(101)]);
    server.answer(answer);
    let mut asked = Asked::of(&server);
    asked.until("names", |asked| asked.names().owner.is_some());
    let names = asked.names();
    assert_eq!(names.to_string(), "shop/checkout-7d9f8c6b5-x2k4q/app");
    assert_eq!((names.owner.as_deref(), names.owner_kind.as_deref()), (Some("checkout"), Some("Deployment")));
    let labels = [("app.kubernetes.io/name".to_owned(), "checkout".to_owned())];
    assert_eq!(names.labels, labels.into());
    assert!(!asked.kubernetes.health().is_unreachable);

    let head = server.head(0).expect("a request");
    assert!(head.starts_with("GET /api/v1/pods?watch=1&fieldSelector=spec.nodeName%3Dnode-1&"), "{head}");
    let lower = head.to_lowercase();
    for expected in ["authorization: bearer first-token\r\n", "as=partialobjectmetadata", "host: 127.0.0.1:"]
    {
        assert!(lower.contains(expected), "{expected}: {head}");
    }

    // A label that changes; then the pod ends, and keeps its names.
    let mut changed = checkout();
    changed["labels"]["team"] = "pay".into();
    said.send(event("MODIFIED", 110, &changed) + "\n").expect("the watch goes on");
    asked.until("the label", |asked| asked.names().labels.contains_key("team"));
    said.send(event("DELETED", 120, &changed) + "\n").expect("the watch goes on");
    said.send(event("ADDED", 121, &pod("2", "other")) + "\n").expect("the watch goes on");
    asked.until("the next pod", |asked| asked.kubernetes.health().pods == 2);
    assert_eq!(asked.names().labels["team"], "pay");
}

#[test]
fn a_static_pod_is_known_by_the_kubelets_own_uid() {
    let server = Server::start().expect("a server");
    let uid = "0123456789abcdef0123456789abcdef";
    let mut mirror = pod("3", "etcd-node-1");
    mirror["annotations"] =
        json!({"kubernetes.io/config.mirror": uid, "kubernetes.io/config.source": "file"});
    mirror["ownerReferences"] =
        json!([{"apiVersion": "v1", "kind": "Node", "name": "node-1", "uid": "4", "controller": true}]);
    let mut liar = pod("5", "liar");
    liar["annotations"] = json!({"kubernetes.io/config.mirror": UID});
    let (answer, _said) = Answer::watch([
        event("ADDED", 1, &mirror),
        event("ADDED", 2, &liar),
        event("ADDED", 3, &pod("6", "x")),
    ]);
    server.answer(answer);
    let mut asked = Asked::of(&server);
    let names = Names { pod_uid: Some(uid.to_owned()), ..Names::new(WorkloadKind::Pod) };
    asked.until("three pods", |asked| asked.kubernetes.health().pods == 3);
    let found = asked.kubernetes.add_to(names);
    assert_eq!((found.to_string().as_str(), found.owner), ("shop/etcd-node-1", None));
    assert_eq!(asked.names().pod, None, "another pod may not take its names");
}

#[test]
fn a_watch_goes_on_where_it_was_and_begins_anew_where_that_is_forgotten() {
    let server = Server::start().expect("a server");
    let (first, ends) = Answer::watch([event("ADDED", 100, &checkout()), bookmark(140)]);
    let gone = json!({"type": "ERROR", "object": {"kind": "Status", "apiVersion": "v1", "metadata": {},
        "status": "Failure", "message": "too old resource version: 140 (200)", "reason": "Expired", "code": 410}});
    let (second, _ends) = Answer::watch([gone.to_string()]);
    let (third, _goes_on) = Answer::watch([event("ADDED", 300, &pod("2", "later"))]);
    server.answer(first);
    server.answer(second);
    server.answer(third);
    drop(ends);
    let mut asked = Asked::of(&server);
    asked.until("the third watch", |asked| asked.kubernetes.health().pods == 2);
    let version = |number| {
        let head = server.head(number).expect("a request");
        let (_, rest) = head.split_once("resourceVersion=").expect("a version");
        rest.split_once('&').expect("more").0.to_owned()
    };
    assert_eq!([version(0), version(1), version(2)], ["0", "140", "0"]);
    assert_eq!(asked.names().owner.as_deref(), Some("checkout"), "what ended meanwhile keeps its names");
}

#[test]
fn a_watch_that_broke_off_before_all_was_said_begins_anew() {
    let server = Server::start().expect("a server");
    server.answer(Answer::Cut(vec![event("ADDED", 500, &checkout())]));
    let (answer, _said) =
        Answer::watch([event("ADDED", 300, &pod("2", "older")), event("ADDED", 500, &checkout())]);
    server.answer(answer);
    let mut asked = Asked::of(&server);
    asked.until("both pods", |asked| asked.kubernetes.health().pods == 2);
    let head = server.head(1).expect("a request");
    assert!(head.contains("resourceVersion=0&"), "{head}");
}

#[test]
fn a_refusal_is_counted_and_tried_again_with_the_newest_token() {
    let server = Server::start().expect("a server");
    server.answer(Answer::Refused(403, "pods is forbidden: User \"x\" cannot watch resource \"pods\""));
    let mut asked = Asked::of(&server);
    asked.until("a refusal", |asked| asked.failures(FailureReason::Forbidden) == 1);
    assert!(asked.kubernetes.health().is_unreachable);
    fs::write(server.token(), "second-token").expect("rotate the token");
    server.answer(Answer::Refused(401, "Unauthorized"));
    server.answer(Answer::Cut(vec![event("ADDED", 1, &checkout())]));
    let (answer, _said) = Answer::watch([event("ADDED", 1, &pod("2", "other"))]);
    server.answer(answer);
    asked.until("an answer", |asked| asked.kubernetes.health().pods == 2);
    assert!(!asked.kubernetes.health().is_unreachable);
    assert_eq!(asked.failures(FailureReason::Unauthorized), 1);
    assert_eq!(asked.failures(FailureReason::Protocol), 1, "it broke off");
    assert!(server.head(2).expect("a request").contains("Bearer second-token"));
}

#[test]
fn whatever_keeps_it_from_answering_has_a_reason() {
    let server = Server::start().expect("a server");
    let other = Server::start().expect("another");
    let nowhere = tempfile::tempdir().expect("a directory");
    fs::write(nowhere.path().join("token"), "").expect("an empty token");
    let closed = "https://127.0.0.1:1".parse().expect("a URL");
    for (reason, options) in [
        (FailureReason::Connect, KubernetesOptions { server: Some(closed), ..options(&server) }),
        // With the certificate of another.
        (
            FailureReason::Tls,
            KubernetesOptions { service_account: other.account().to_owned(), ..options(&server) },
        ),
        (
            FailureReason::Credentials,
            KubernetesOptions { service_account: nowhere.path().to_owned(), ..options(&server) },
        ),
        (FailureReason::Address, KubernetesOptions { server: None, ..options(&server) }),
    ] {
        let mut asked = Asked::with(options);
        asked.until(reason.as_str(), |asked| asked.failures(reason) > 0);
        assert!(asked.kubernetes.health().is_unreachable, "{reason}");
        assert_eq!(asked.names().owner, None);
    }
}

#[test]
fn a_server_that_says_nothing_holds_nobody_up() {
    let server = Server::start().expect("a server");
    server.answer(Answer::Silence);
    let mut asked = Asked::of(&server);
    server.head(0).expect("a request");
    let began = Instant::now();
    asked.kubernetes.turn(&mut asked.workloads);
    assert!(began.elapsed() < connection::ANSWERS_WITHIN, "a turn waits for nothing");
    asked.until("a timeout", |asked| asked.failures(FailureReason::Timeout) == 1);
}

#[test]
fn a_slow_server_is_understood_byte_by_byte() {
    let server = Server::start().expect("a server");
    let (answer, said) = Answer::watch([]);
    server.answer(answer);
    let mut asked = Asked::of(&server);
    let line = event("ADDED", 100, &checkout()) + "\n";
    for letter in line.chars() {
        said.send(letter.to_string()).expect("the watch goes on");
    }
    asked.until("names", |asked| asked.names().owner.is_some());
}

#[test]
fn hostile_events_are_skipped_and_counted_and_the_next_is_read() {
    let server = Server::start().expect("a server");
    let mut huge = pod("2", "huge");
    huge["annotations"] = json!({"x": "y".repeat(lines::LONGEST)});
    let deep = "[".repeat(100_000);
    let nonsense =
        ["nonsense", "{}", "\u{0}", &deep, r#"{"type":"ADDED","object":{"metadata":{"labels":7}}}"#];
    let mut said = vec![event("ADDED", 1, &huge)];
    said.extend(nonsense.map(str::to_owned));
    // Without a UID it is nobody's.
    said.extend([event("ADDED", 2, &json!({})), event("ADDED", 3, &checkout())]);
    let (answer, _said) = Answer::watch(said);
    server.answer(answer);
    let mut asked = Asked::of(&server);
    asked.until("names", |asked| asked.names().owner.is_some());
    assert_eq!(asked.skipped(SkippedPod::Size), 1);
    assert_eq!(asked.skipped(SkippedPod::Malformed), nonsense.len() as u64);
    assert_eq!(asked.kubernetes.health().pods, 1);
}

#[test]
fn of_too_many_pods_some_are_kept_and_the_rest_is_counted() {
    let server = Server::start().expect("a server");
    let beyond = 10;
    let all = (0..pods::MOST + beyond).map(|uid| event("ADDED", 1, &pod(&uid.to_string(), "p")));
    let (answer, _said) = Answer::watch(all);
    server.answer(answer);
    let mut asked = Asked::of(&server);
    asked.until("all pods", |asked| asked.skipped(SkippedPod::Limit) == beyond as u64);
    assert_eq!(asked.kubernetes.health().pods, pods::MOST as u64);
}

#[test]
fn lines_are_whole_whatever_the_chunks_are_and_never_longer_than_the_limit() {
    let text = format!("a\n\n{}\n{}\nlast\nrest", "b".repeat(lines::LONGEST), "c".repeat(lines::LONGEST + 1));
    for size in [1 << 10, 4097, text.len()] {
        let mut lines = lines::Lines::default();
        let mut found = Vec::new();
        for chunk in text.as_bytes().chunks(size) {
            lines.push(chunk, |line| found.push(line.map(<[u8]>::len)));
        }
        assert_eq!(found, [Some(1), Some(0), Some(lines::LONGEST), None, Some(4)], "{size}");
    }
}
