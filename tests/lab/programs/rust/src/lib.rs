//! A client program's plan and what it says, as `programs/matrix/PLAN.md` has it.

use std::{
    fs,
    io::Write as _,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, future, stream};
use serde::{Deserialize, Serialize};

/// Long enough to outlast everything that is tried.
const PATIENCE: Duration = Duration::from_secs(600);

/// A body longer than what is sent of it.
const MISSING: usize = 100_000;

#[derive(Debug, Deserialize)]
pub struct Conversation {
    pub id: String,
    pub url: String,
    pub steps: Vec<String>,
    pub idle_limit_ms: Option<u64>,
    pub request_timeout_ms: Option<u64>,
}

/// What came of a request.
#[derive(Debug, Default)]
pub struct Answer {
    pub status: Option<u16>,
    pub local_port: Option<u16>,
    pub error: Option<String>,
    pub timed_out: bool,
}

impl Answer {
    pub fn failed(error: impl std::error::Error) -> Self {
        let mut words = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            words = format!("{words}: {cause}");
            source = cause.source();
        }
        Self { error: Some(words), ..Self::default() }
    }

    pub fn timed_out() -> Self {
        Self { timed_out: true, error: Some("timed out".to_owned()), ..Self::default() }
    }
}

/// A library.
pub trait Client {
    /// `stalls_after`: a POST whose body does not go on after so many bytes; otherwise a GET.
    fn ask(&mut self, path: &str, stalls_after: Option<usize>) -> impl Future<Output = Answer>;
    /// Lets go of its connection.
    fn close(&mut self);
}

#[derive(Debug, Serialize)]
struct Line<'a> {
    id: &'a str,
    step: usize,
    what: &'a str,
    outcome: &'static str,
    status: Option<u16>,
    error: Option<String>,
    begin: f64,
    end: f64,
    local_port: Option<u16>,
}

impl Conversation {
    pub fn timeout(&self) -> Duration {
        self.request_timeout_ms.map_or(PATIENCE, Duration::from_millis)
    }

    pub fn idle_limit(&self) -> Duration {
        self.idle_limit_ms.map_or(PATIENCE, Duration::from_millis)
    }
}

/// The length that such a body claims to have.
pub fn claimed(stalls_after: usize) -> u64 {
    (stalls_after + MISSING) as u64
}

/// So many bytes, and then neither more nor an end.
pub fn stalling(bytes: usize) -> impl Stream<Item = Bytes> {
    let some = (bytes > 0).then(|| Bytes::from(vec![b'x'; bytes]));
    stream::iter(some).chain(stream::pending())
}

/// Reads the plan that the program was given, and plays all conversations at once.
///
/// # Panics
/// When there is no plan, or it is none.
pub fn play<C: Client>(new: impl Fn(&Conversation) -> C) {
    let path = std::env::args().nth(1).expect("a plan is the argument");
    let plan = fs::read_to_string(path).expect("the plan can be read");
    let plan: Vec<Conversation> =
        plan.lines().map(|line| serde_json::from_str(line).expect("a conversation a line")).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64();
    let began = Instant::now();
    say(&serde_json::json!({ "started": unix }));
    let all = plan.iter().map(|conversation| converse(conversation, new(conversation), began));
    runtime.block_on(future::join_all(all));
}

async fn converse(conversation: &Conversation, mut client: impl Client, began: Instant) {
    for (step, what) in conversation.steps.iter().enumerate() {
        let begin = began.elapsed().as_secs_f64();
        let words: Vec<_> = what.split(' ').collect();
        let answer = match words[..] {
            ["get", path] => client.ask(path, None).await,
            ["post-stall", path, bytes] => {
                client.ask(path, Some(bytes.parse().expect("a number of bytes"))).await
            }
            ["sleep" | "hold", ms] => {
                tokio::time::sleep(Duration::from_millis(ms.parse().expect("milliseconds"))).await;
                Answer::default()
            }
            ["close"] => {
                client.close();
                Answer::default()
            }
            _ => panic!("no step is called {what:?}"),
        };
        let outcome = match &answer {
            Answer { timed_out: true, .. } => "timed-out",
            Answer { error: Some(_), .. } => "failed",
            _ => "done",
        };
        let Answer { status, local_port, error, .. } = answer;
        let end = began.elapsed().as_secs_f64();
        say(&Line { id: &conversation.id, step, what, outcome, status, error, begin, end, local_port });
    }
    // The program closes nothing by itself: its end does.
    std::mem::forget(client);
}

fn say(line: &impl Serialize) {
    let mut out = std::io::stdout().lock();
    let text = serde_json::to_string(line).expect("a line can be written");
    writeln!(out, "{text}").and_then(|()| out.flush()).expect("standard output takes it");
}
