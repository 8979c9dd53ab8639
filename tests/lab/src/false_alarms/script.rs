//! A play as plays/traps.toml has it, which says what each field means.

use std::{collections::BTreeMap, ops::RangeInclusive};

use serde::{Deserialize, Deserializer};

use super::trap::{Ends, May};

/// The wire that a step is about where it does not say.
pub(super) const WIRE: &str = "wire";
/// The program in the background.
pub(super) const CLIENT: &str = "client";

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Server {
    pub(super) name: String,
    is: Option<String>,
    pub(super) behind: Option<String>,
    pub(super) host_of: Option<String>,
    pub(super) address_of: Option<String>,
    pub(super) port_above: u16,
    pub(super) before: Vec<String>,
    pub(super) zeros: BTreeMap<String, u64>,
    pub(super) values: BTreeMap<String, String>,
}

impl Server {
    /// What it is: a name in the file, or `nobody`.
    pub(super) fn is(&self) -> &str {
        self.is.as_deref().unwrap_or(&self.name)
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Step {
    Serve(Server),
    AwaitListeners {
        at: String,
        count: usize,
    },
    AwaitConnected(String),
    AwaitUnconnected(String),
    AwaitStill(String),
    Dial(Dial),
    On(String),
    Send(String),
    Ask(String),
    Answers(usize),
    AwaitEnd(String),
    ReadToEnd(String),
    AwaitAbort(String),
    Close(String),
    CloseUnread(String),
    Reset(String),
    Sort {
        over: String,
        open: String,
    },
    Run(Run),
    Until(Run),
    Start(Run),
    Finish(String),
    Signal {
        to: String,
        signal: Signal,
    },
    Kill(String),
    Ended(String),
    Watch(String),
    WatchEnds(String),
    #[serde(deserialize_with = "text")]
    Pause(String),
    PauseApart(String),
    For(For),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Dial {
    pub(super) at: String,
    #[serde(default = "wire")]
    pub(super) on: String,
    /// From this port of the server's own address.
    pub(super) from: Option<String>,
    pub(super) asks: Option<String>,
    #[serde(default = "once")]
    pub(super) times: usize,
    #[serde(default)]
    pub(super) apart_ms: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Run {
    pub(super) is: Option<String>,
    /// Its words, or those that are added to what it is.
    pub(super) words: Vec<String>,
    pub(super) codes: Vec<i32>,
    pub(super) or_codes: Vec<i32>,
    /// It must not succeed.
    pub(super) fails: bool,
    pub(super) says: Vec<String>,
    pub(super) times: Option<usize>,
    pub(super) apart_ms: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct For {
    #[serde(default = "each")]
    pub(super) name: String,
    pub(super) each: Vec<String>,
    pub(super) steps: Vec<Step>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Signal {
    Cont,
    Int,
    Quit,
    Stop,
    Term,
}

impl From<Signal> for rustix::process::Signal {
    fn from(signal: Signal) -> Self {
        match signal {
            Signal::Cont => Self::CONT,
            Signal::Int => Self::INT,
            Signal::Quit => Self::QUIT,
            Signal::Stop => Self::STOP,
            Signal::Term => Self::TERM,
        }
    }
}

/// What may be said of the connections at some servers, or of those on one wire.
#[derive(Debug, Deserialize)]
pub(super) struct Said {
    #[serde(deserialize_with = "one_or_more")]
    pub(super) at: Vec<String>,
    pub(super) of: Option<String>,
    pub(super) nth: Option<usize>,
    #[serde(default = "any_number", deserialize_with = "number_or_range")]
    pub(super) closes: RangeInclusive<usize>,
    #[serde(default)]
    pub(super) ends: Ends,
    #[serde(flatten)]
    pub(super) may: May,
}

fn wire() -> String {
    WIRE.to_owned()
}

fn each() -> String {
    "each".to_owned()
}

fn once() -> usize {
    1
}

fn any_number() -> RangeInclusive<usize> {
    1..=usize::MAX
}

/// One, or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Any<A, B> {
    One(A),
    More(B),
}

fn one_or_more<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    Ok(match Any::<String, Vec<String>>::deserialize(from)? {
        Any::One(name) => vec![name],
        Any::More(names) => names,
    })
}

fn number_or_range<'de, D: Deserializer<'de>>(from: D) -> Result<RangeInclusive<usize>, D::Error> {
    Ok(match Any::<usize, [usize; 2]>::deserialize(from)? {
        Any::One(count) => count..=count,
        Any::More([least, most]) => least..=most,
    })
}

fn text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(match Any::<u64, String>::deserialize(from)? {
        Any::One(number) => number.to_string(),
        Any::More(text) => text,
    })
}
