//! What made a pod, by its owner reference; the owner's own owner where its name tells. To ask for that one as well would need
//! the right to read every ReplicaSet and Job.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

/// A pod of a CronJob's Job is made at most so long before and after the minute in the Job's name, seconds.
const BEFORE_ITS_MINUTE: i64 = 60;
const AFTER_ITS_MINUTE: i64 = 7 * 24 * 3600;

/// An `ownerReferences[]` (OwnerReference v1 meta).
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct OwnerReference {
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) name: String,
    /// At most one of an object's owners is its controller.
    pub(super) controller: Option<bool>,
}

/// A Deployment, a StatefulSet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) kind: String,
    pub(super) name: String,
}

impl Owner {
    fn new(kind: &str, name: &str) -> Self {
        Self { kind: kind.to_owned(), name: name.to_owned() }
    }
}

/// `None` where nothing made it, or its node (a static pod).
pub(super) fn of_pod(
    references: &[OwnerReference],
    labels: &BTreeMap<String, String>,
    created: Option<Timestamp>,
) -> Option<Owner> {
    let controller = references.iter().find(|reference| reference.controller == Some(true))?;
    let OwnerReference { api_version, kind, name, .. } = controller;
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let made_by = match (group, kind.as_str()) {
        ("", "Node") => return None,
        ("apps", "ReplicaSet") => of_replica_set(name, labels),
        ("batch", "Job") => of_job(name, created),
        _ => None,
    };
    Some(made_by.unwrap_or_else(|| Owner::new(kind, name)))
}

/// A Deployment calls its ReplicaSets NAME-HASH, and labels their pods with the hash
/// (pkg/controller/deployment/sync.go, `getNewReplicaSet`); so do the Rollouts of Argo, with a label of their own.
fn of_replica_set(name: &str, labels: &BTreeMap<String, String>) -> Option<Owner> {
    let by = |label: &str, kind: &str| {
        let name = name.strip_suffix(labels.get(label)?.as_str())?.strip_suffix('-')?;
        (!name.is_empty()).then(|| Owner::new(kind, name))
    };
    by("pod-template-hash", "Deployment").or_else(|| by("rollouts-pod-template-hash", "Rollout"))
}

/// A CronJob calls its Jobs NAME-MINUTE, with the minute since 1970 for which it was due (pkg/controller/cronjob/utils.go,
/// `getJobName`). A Job that somebody called so by its date has another minute in its name.
fn of_job(name: &str, created: Option<Timestamp>) -> Option<Owner> {
    let (name, minute) = name.rsplit_once('-').filter(|(name, _)| !name.is_empty())?;
    let is_number = minute.len() == 8 && minute.bytes().all(|digit| digit.is_ascii_digit());
    let due = minute.parse::<i64>().ok().filter(|_| is_number)? * 60;
    let later = created?.as_second() - due;
    (-BEFORE_ITS_MINUTE..=AFTER_ITS_MINUTE).contains(&later).then(|| Owner::new("CronJob", name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(
        (api_version, kind, name): (&str, &str, &str),
        labels: &[(&str, &str)],
    ) -> Option<(String, String)> {
        let reference = OwnerReference {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            controller: Some(true),
        };
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let created = "2026-03-02T10:00:03Z".parse().expect("a time");
        let other = OwnerReference { kind: "Other".to_owned(), ..OwnerReference::default() };
        of_pod(&[other, reference], &labels, Some(created)).map(|Owner { kind, name }| (kind, name))
    }

    #[test]
    fn the_owner_of_the_owner_is_known_where_the_name_has_it() {
        let hash = [("pod-template-hash", "7d9f8c6b5"), ("app", "x")];
        for (reference, labels, expected) in [
            (("apps/v1", "ReplicaSet", "checkout-7d9f8c6b5"), &hash[..], Some(("Deployment", "checkout"))),
            // By hand, and by Argo.
            (
                ("apps/v1", "ReplicaSet", "checkout-7d9f8c6b5"),
                &[],
                Some(("ReplicaSet", "checkout-7d9f8c6b5")),
            ),
            (("apps/v1", "ReplicaSet", "7d9f8c6b5"), &hash, Some(("ReplicaSet", "7d9f8c6b5"))),
            (("apps/v1", "ReplicaSet", "-7d9f8c6b5"), &hash, Some(("ReplicaSet", "-7d9f8c6b5"))),
            (("acme.io/v1", "ReplicaSet", "a-7d9f8c6b5"), &hash, Some(("ReplicaSet", "a-7d9f8c6b5"))),
            (
                ("apps/v1", "ReplicaSet", "web-5c4d"),
                &[("rollouts-pod-template-hash", "5c4d")],
                Some(("Rollout", "web")),
            ),
            (("apps/v1", "StatefulSet", "postgres"), &[], Some(("StatefulSet", "postgres"))),
            (("apps/v1", "DaemonSet", "node-exporter"), &[], Some(("DaemonSet", "node-exporter"))),
            // 2026-03-02T10:00Z is the minute 29,540,760.
            (("batch/v1", "Job", "backup-29540760"), &[], Some(("CronJob", "backup"))),
            (("batch/v1", "Job", "report-20260302"), &[], Some(("Job", "report-20260302"))),
            (("batch/v1", "Job", "once"), &[], Some(("Job", "once"))),
            (("v1", "Node", "node-1"), &[], None),
        ] {
            let expected = expected.map(|(kind, name)| (kind.to_owned(), name.to_owned()));
            assert_eq!(owner(reference, labels), expected, "{reference:?}");
        }
    }

    #[test]
    fn an_owner_that_does_not_control_is_none() {
        let reference = OwnerReference { kind: "Service".to_owned(), ..OwnerReference::default() };
        assert_eq!(of_pod(&[reference], &BTreeMap::new(), None), None);
        assert_eq!(of_pod(&[], &BTreeMap::new(), None), None);
    }
}
