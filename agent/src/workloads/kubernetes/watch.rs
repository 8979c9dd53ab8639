//! The watch on the node's pods, again and again.
//!
//! `resourceVersion=0` begins with what there is, out of the server's cache ("Get State and Start at Any" in Kubernetes' API
//! concepts), so no list is needed: neither its right nor its size. A watch that ended goes on from the newest bookmark that it
//! brought, until the server has forgotten that (410).

use std::{sync::Arc, sync::atomic::Ordering, time::Duration};

use http_body_util::BodyExt as _;
use tokio::{
    runtime,
    sync::mpsc::Sender,
    time::{Instant, sleep, timeout},
};

use super::{
    Shared, SkippedPod, connection,
    event::{self, Event, Update},
    failure::{Failure, FailureReason},
    lines::Lines,
    options::KubernetesOptions,
};

/// The server is asked to end a watch after a random time in this range, seconds: not all nodes come again at once.
const LASTS: std::ops::Range<u64> = 240..360;
/// It is given so much more.
const GRACE: Duration = Duration::from_secs(30);
/// A watch that lasted so long was no failure, whatever ended it.
const SOUND: Duration = Duration::from_secs(5);
/// After so many failures a watch begins anew: a server that was restored does not know the version yet.
const ANEW_AFTER: u32 = 2;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Asks, and hands over what is said.
#[derive(Debug)]
pub(super) struct Watcher {
    options: KubernetesOptions,
    updates: Sender<Update>,
    shared: Arc<Shared>,
    /// To go on from.
    version: Option<String>,
    /// What the log said last.
    reported: Option<FailureReason>,
}

impl Watcher {
    pub(super) fn new(options: KubernetesOptions, updates: Sender<Update>, shared: Arc<Shared>) -> Self {
        Self { options, updates, shared, version: None, reported: None }
    }

    /// Until nobody takes the updates any more.
    pub(super) fn run(mut self) {
        match runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime.block_on(async {
                let updates = self.updates.clone();
                tokio::select! {
                    () = updates.closed() => {}
                    () = self.watch_again_and_again() => {}
                }
            }),
            Err(error) => {
                self.shared.failed(FailureReason::Connect);
                tracing::warn!(%error, "the Kubernetes API cannot be asked");
            }
        }
    }

    async fn watch_again_and_again(&mut self) {
        let mut failures = 0;
        loop {
            let began = Instant::now();
            let ended = self.watch().await;
            let was_sound = began.elapsed() >= SOUND;
            match ended {
                Ok(()) if was_sound => {}
                Ok(()) => self.failed(&Failure::Protocol("the watch was ended at once".to_owned())),
                // It was answered: only the version is too old.
                Err(Failure::Gone) => self.version = None,
                Err(failure) => self.failed(&failure),
            }
            failures = if was_sound { 0 } else { failures + 1 };
            if failures >= ANEW_AFTER {
                self.version = None;
            }
            sleep(pause(failures)).await;
        }
    }

    fn failed(&mut self, failure: &Failure) {
        self.shared.failed(failure.reason());
        if self.reported.replace(failure.reason()) == Some(failure.reason()) {
            tracing::debug!(%failure, "the Kubernetes API was asked in vain");
        } else {
            tracing::warn!(%failure, "the Kubernetes API was asked in vain, and is asked again; names come from files meanwhile");
        }
    }

    /// One request, to its end.
    async fn watch(&mut self) -> Result<(), Failure> {
        let lasts = fastrand::u64(LASTS);
        let path = path(&self.options.node, self.version.as_deref(), lasts);
        let mut answer = connection::get(&self.options, &path).await?;
        self.shared.answers.store(true, Ordering::Relaxed);
        if self.reported.take().is_some() {
            tracing::info!("the Kubernetes API answers again");
        }
        if self.version.is_none() {
            self.hand_over(Update::Anew).await;
        }
        let limit = Duration::from_secs(lasts) + GRACE;
        let taken = timeout(limit, self.take_in(&mut answer.body));
        taken.await.map_err(|_late| Failure::Timeout(limit))?
    }

    async fn take_in(&mut self, body: &mut hyper::body::Incoming) -> Result<(), Failure> {
        let mut lines = Lines::default();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame?.into_data() else { continue };
            let mut events = Vec::new();
            lines.push(&data, |line| events.extend(self.read(line)));
            for event in events {
                let Event { version, update } = event?;
                if let Some(update) = update {
                    self.hand_over(update).await;
                }
                self.version = version.or_else(|| self.version.take());
            }
        }
        Ok(())
    }

    /// `None` where there is nothing to learn from a line, which is counted.
    fn read(&self, line: Option<&[u8]>) -> Option<Result<Event, Failure>> {
        let Some(line) = line else {
            self.shared.skipped(SkippedPod::Size);
            return None;
        };
        if line.is_empty() {
            return None;
        }
        let read = event::read(line, &self.options.labels);
        read.inspect_err(|_no_event| self.shared.skipped(SkippedPod::Malformed)).ok()
    }

    /// Waits where many others wait. Who takes them may have gone: then this ends, too.
    async fn hand_over(&self, update: Update) {
        let _gone = self.updates.send(update).await;
    }
}

fn path(node: &str, version: Option<&str>, lasts: u64) -> String {
    let resource = "/api/v1/pods?";
    let mut query = form_urlencoded::Serializer::for_suffix(resource.to_owned(), resource.len());
    query.append_pair("watch", "1").append_pair("fieldSelector", &format!("spec.nodeName={node}"));
    query.append_pair("resourceVersion", version.unwrap_or("0"));
    query.append_pair("allowWatchBookmarks", "true").append_pair("timeoutSeconds", &lasts.to_string());
    query.finish()
}

/// Between half of it and all of it, so that not all nodes come again at once: doubled with each failure.
fn pause(failures: u32) -> Duration {
    let whole = FIRST_PAUSE.saturating_mul(1 << failures.min(10)).min(LONGEST_PAUSE);
    whole.mul_f64(0.5 + 0.5 * fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_names_the_node_and_where_to_go_on() {
        let begin = "/api/v1/pods?watch=1&fieldSelector=spec.nodeName%3Dnode-1.example&resourceVersion=";
        let path = |version| path("node-1.example", version, 300);
        assert_eq!(path(None), format!("{begin}0&allowWatchBookmarks=true&timeoutSeconds=300"));
        assert!(path(Some("12&x=1")).contains("resourceVersion=12%26x%3D1&"));
    }

    #[test]
    fn pauses_grow_and_are_not_the_same_on_all_nodes() {
        for (failures, most) in [(0, 1.0), (1, 2.0), (3, 8.0), (6, 60.0), (u32::MAX, 60.0)] {
            let pauses: Vec<f64> = (0..100).map(|_| pause(failures).as_secs_f64()).collect();
            assert!(pauses.iter().all(|pause| (most / 2.0..=most).contains(pause)), "{failures}: {pauses:?}");
            assert!(pauses.iter().any(|pause| (pause - pauses[0]).abs() > 0.01), "{failures}: {pauses:?}");
        }
    }
}
