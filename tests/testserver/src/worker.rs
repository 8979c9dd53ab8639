//! The thread of one end: it runs what the script tells it, one job at a time.

use std::sync::mpsc;
use std::thread::{Builder, JoinHandle};

use crate::error::{PlayError, Step as _};

type Job = Box<dyn FnOnce() + Send>;

/// A named thread that owns its side of the play. Sockets made by its jobs live in its network namespace.
#[derive(Debug)]
pub(crate) struct Worker {
    name: String,
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    netns: u64,
}

/// A job under way.
#[derive(Debug)]
pub(crate) struct Pending<T> {
    worker: String,
    outcome: mpsc::Receiver<Result<T, PlayError>>,
}

impl Worker {
    /// Starts the thread, which runs `setup` before anything else.
    pub(crate) fn spawn<T: Send + 'static>(
        name: &str,
        setup: impl FnOnce() -> Result<T, PlayError> + Send + 'static,
    ) -> Result<(Self, T), PlayError> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let thread = Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                while let Ok(job) = queue.recv() {
                    job();
                }
            })
            .step("start a thread")?;
        let mut worker = Self { name: name.to_owned(), jobs: Some(jobs), thread: Some(thread), netns: 0 };
        let made = worker.run(setup)?;
        worker.netns = worker.run(|| {
            let namespace =
                rustix::fs::stat("/proc/thread-self/ns/net").step("look at the network namespace")?;
            Ok(namespace.st_ino)
        })?;
        Ok((worker, made))
    }

    /// The inode of the network namespace that the thread is in.
    pub(crate) fn netns(&self) -> u64 {
        self.netns
    }

    /// Hands over a job and does not wait for it.
    pub(crate) fn start<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> Result<T, PlayError> + Send + 'static,
    ) -> Pending<T> {
        let (done, outcome) = mpsc::channel();
        if let Some(jobs) = &self.jobs {
            // A thread that is gone drops the job, which `wait` reports; so does a caller that does not wait.
            let _ = jobs.send(Box::new(move || drop(done.send(job()))));
        }
        Pending { worker: self.name.clone(), outcome }
    }

    /// Runs a job to its end.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> Result<T, PlayError> + Send + 'static,
    ) -> Result<T, PlayError> {
        self.start(job).wait()
    }
}

impl<T> Pending<T> {
    /// Waits for the job to end.
    pub(crate) fn wait(self) -> Result<T, PlayError> {
        match self.outcome.recv() {
            Ok(outcome) => outcome,
            Err(mpsc::RecvError) => Err(PlayError::ThreadGone(self.worker)),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A job that panicked has been reported by `wait`.
            let _ = thread.join();
        }
    }
}
