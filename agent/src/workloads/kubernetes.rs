//! The Kubernetes API, for those who ask for it: what made each pod of this node, and the labels that are wanted. One request,
//! a watch on the node's pods, on a thread of its own: whatever becomes of it, closes go on.

mod connection;
mod controller;
mod event;
mod failure;
mod lines;
mod options;
mod pods;
mod watch;

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::sync::mpsc::{self, Receiver, error::TryRecvError};
use whohungup_core::workload::{Names, Workloads};

pub use failure::FailureReason;
pub use options::{ApiServer, KubernetesOptions, PodLabel, node_name_flag, pod_labels_flag};

use event::Update;
use pods::Pods;

/// Updates on their way to the resolver, which takes them in every 25 ms; the API waits where there are more.
const QUEUED: usize = 256;
/// Pods that have ended are looked through this often.
const EXPIRE_INTERVAL: Duration = Duration::from_secs(30);

whohungup_core::label_set! {
    /// What the API said of a pod that is not kept.
    pub enum SkippedPod {
        /// The event was too long.
        Size,
        /// It could not be read.
        Malformed,
        /// So many pods are known already.
        Limit,
    }
}

/// How the API is doing, for the metrics.
#[derive(Clone, Debug, Default)]
pub struct KubernetesHealth {
    /// It was asked for and does not answer.
    pub is_unreachable: bool,
    pub failures: [u64; FailureReason::ALL.len()],
    pub skipped: [u64; SkippedPod::ALL.len()],
    pub pods: u64,
}

/// Written by the thread that asks.
#[derive(Debug, Default)]
struct Shared {
    /// The newest request was answered.
    answers: AtomicBool,
    failures: [AtomicU64; FailureReason::ALL.len()],
    skipped: [AtomicU64; SkippedPod::ALL.len()],
}

impl Shared {
    fn skipped(&self, what: SkippedPod) {
        self.skipped[what as usize].fetch_add(1, Ordering::Relaxed);
    }

    fn failed(&self, reason: FailureReason) {
        self.answers.store(false, Ordering::Relaxed);
        self.failures[reason as usize].fetch_add(1, Ordering::Relaxed);
    }
}

/// The node's pods, as the API says.
#[derive(Debug)]
pub(super) struct Kubernetes {
    /// Its end ends the thread.
    updates: Receiver<Update>,
    shared: Arc<Shared>,
    pods: Pods,
    expired: Instant,
}

impl Kubernetes {
    /// Begins to ask. Where no thread can be started nothing is asked, and that is a failure as any other.
    pub(super) fn start(options: KubernetesOptions) -> Self {
        let (sender, updates) = mpsc::channel(QUEUED);
        let shared = Arc::new(Shared::default());
        let watcher = watch::Watcher::new(options, sender, Arc::clone(&shared));
        let started = thread::Builder::new().name("kubernetes-api".to_owned()).spawn(move || watcher.run());
        if let Err(error) = started {
            shared.failed(FailureReason::Connect);
            tracing::warn!(%error, "the thread for the Kubernetes API did not start: nothing is asked");
        }
        Self { updates, shared, pods: Pods::default(), expired: Instant::now() }
    }

    /// Takes in what has come, and names those of `workloads` that it is about.
    pub(super) fn turn(&mut self, workloads: &mut Workloads) {
        let now = Instant::now();
        let mut changed = BTreeSet::new();
        for _ in 0..QUEUED {
            let update = match self.updates.try_recv() {
                Ok(update) => update,
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            };
            match self.pods.apply(update, now) {
                Ok(uid) => changed.extend(uid),
                Err(pods::Full) => self.shared.skipped(SkippedPod::Limit),
            }
        }
        if now.duration_since(self.expired) >= EXPIRE_INTERVAL {
            self.expired = now;
            self.pods.expire(now);
        }
        if changed.is_empty() {
            return;
        }
        workloads.revise(|names| {
            let is_changed = names.pod_uid.as_ref().is_some_and(|uid| changed.contains(uid));
            let revised = is_changed.then(|| self.pods.add_to(names.clone()).cleaned())?;
            (revised != *names).then_some(revised)
        });
    }

    /// Adds what is known of its pod.
    pub(super) fn add_to(&self, names: Names) -> Names {
        self.pods.add_to(names)
    }

    pub(super) fn health(&self) -> KubernetesHealth {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        KubernetesHealth {
            is_unreachable: !self.shared.answers.load(Ordering::Relaxed),
            failures: self.shared.failures.each_ref().map(read),
            skipped: self.shared.skipped.each_ref().map(read),
            pods: self.pods.len() as u64,
        }
    }
}
