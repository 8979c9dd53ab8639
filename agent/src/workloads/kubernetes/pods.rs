//! The pods of the node, and those that were there minutes ago.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use whohungup_core::workload::Names;

use super::{
    controller::Owner,
    event::{Pod, Update},
};

/// Pods that are known at once: a kubelet runs 110 by default.
pub(super) const MOST: usize = 2048;
/// The closes that matter come as a pod ends.
pub(super) const KEPT: Duration = Duration::from_mins(10);

/// So many are known already, and none of them has ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

/// By UID. Bounded.
#[derive(Debug, Default)]
pub(super) struct Pods(HashMap<String, Known>);

#[derive(Debug)]
struct Known {
    pod: Pod,
    ended: Option<Instant>,
}

impl Pods {
    /// Returns the UID of the pod of which something new is known.
    pub(super) fn apply(&mut self, update: Update, now: Instant) -> Result<Option<String>, Full> {
        match update {
            Update::Anew => {
                for known in self.0.values_mut() {
                    known.ended.get_or_insert(now);
                }
                Ok(None)
            }
            Update::Ended(uid) => {
                if let Some(known) = self.0.get_mut(&uid) {
                    known.ended.get_or_insert(now);
                }
                Ok(None)
            }
            Update::Pod(uid, pod) => {
                if let Some(known) = self.0.get_mut(&uid) {
                    known.ended = None;
                    let is_new = known.pod != pod;
                    known.pod = pod;
                    return Ok(is_new.then_some(uid));
                }
                self.make_room()?;
                self.0.insert(uid.clone(), Known { pod, ended: None });
                Ok(Some(uid))
            }
        }
    }

    fn make_room(&mut self) -> Result<(), Full> {
        if self.0.len() < MOST {
            return Ok(());
        }
        let ended = self.0.iter().filter_map(|(uid, known)| Some((known.ended?, uid)));
        let oldest = ended.min().map(|(_, uid)| uid.clone()).ok_or(Full)?;
        self.0.remove(&oldest);
        Ok(())
    }

    /// Forgets those that ended long ago.
    pub(super) fn expire(&mut self, now: Instant) {
        self.0.retain(|_, known| known.ended.is_none_or(|ended| now.duration_since(ended) < KEPT));
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// What files said of the names stands; of the owner the API knows better than its name's form.
    pub(super) fn add_to(&self, names: Names) -> Names {
        let known = names.pod_uid.as_ref().and_then(|uid| self.0.get(uid));
        let Some(Known { pod: Pod { name, namespace, owner, labels }, .. }) = known else { return names };
        let (owner, owner_kind) = owner.clone().map(|Owner { kind, name }| (name, kind)).unzip();
        Names {
            pod: names.pod.or_else(|| Some(name.clone())),
            namespace: names.namespace.or_else(|| Some(namespace.clone())),
            owner,
            owner_kind,
            labels: labels.clone(),
            ..names
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use whohungup_core::workload::WorkloadKind;

    fn pod(name: &str) -> Pod {
        let owner = Owner { kind: "Deployment".to_owned(), name: "web".to_owned() };
        Pod {
            name: name.to_owned(),
            namespace: "shop".to_owned(),
            owner: Some(owner),
            labels: [("team".to_owned(), "a".to_owned())].into(),
        }
    }

    fn update(uid: usize) -> Update {
        Update::Pod(uid.to_string(), pod(&uid.to_string()))
    }

    fn names(uid: &str) -> Names {
        Names {
            pod_uid: Some(uid.to_owned()),
            owner: Some("by-form".to_owned()),
            ..Names::new(WorkloadKind::Pod)
        }
    }

    #[test]
    fn what_files_said_stands_but_for_the_owner() {
        let now = Instant::now();
        let mut pods = Pods::default();
        assert_eq!(pods.apply(update(1), now), Ok(Some("1".to_owned())));
        assert_eq!(pods.apply(update(1), now), Ok(None), "nothing new");
        let found = pods.add_to(Names { pod: Some("of-a-file".to_owned()), ..names("1") });
        assert_eq!(found.to_string(), "shop/of-a-file");
        assert_eq!((found.owner.as_deref(), found.owner_kind.as_deref()), (Some("web"), Some("Deployment")));
        assert_eq!(found.labels["team"], "a");
        let alone = Update::Pod("2".to_owned(), Pod { owner: None, ..pod("postgres-0") });
        pods.apply(alone, now).expect("room");
        assert_eq!(pods.add_to(names("2")).owner, None, "its name only looks like a StatefulSet's");
        assert_eq!(pods.add_to(names("3")), names("3"));
    }

    #[test]
    fn a_pod_that_has_ended_keeps_its_names_for_minutes() {
        let begin = Instant::now();
        let mut pods = Pods::default();
        let at = |seconds| begin + Duration::from_secs(seconds);
        pods.apply(update(1), begin).expect("room");
        pods.apply(update(2), begin).expect("room");
        pods.apply(Update::Ended("1".to_owned()), at(10)).expect("room");
        pods.expire(at(609));
        assert_eq!(pods.len(), 2);
        pods.expire(at(610));
        assert_eq!((pods.len(), pods.add_to(names("1")).namespace), (1, None));
        // What did not come again has ended in the meantime.
        pods.apply(Update::Anew, at(700)).expect("room");
        pods.apply(update(3), at(700)).expect("room");
        pods.expire(at(1300));
        assert_eq!((pods.len(), pods.add_to(names("3")).namespace.as_deref()), (1, Some("shop")));
    }

    #[test]
    fn the_table_is_bounded_and_those_that_ended_make_room() {
        let now = Instant::now();
        let mut pods = Pods::default();
        for uid in 0..MOST {
            pods.apply(update(uid), now).expect("room");
        }
        assert_eq!(pods.apply(update(MOST), now), Err(Full));
        assert_eq!(pods.apply(update(7), now), Ok(None), "those that are known go on");
        pods.apply(Update::Ended("7".to_owned()), now).expect("room");
        assert_eq!(pods.apply(update(MOST), now), Ok(Some(MOST.to_string())));
        assert_eq!(pods.len(), MOST);
    }
}
