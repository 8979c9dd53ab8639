//! A product and the timers that it keeps.

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use crate::labels::{Clock, Phase, Protocol, Side};

/// Something that keeps connections: what tells that a process or a peer is it, and its timers.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Product {
    pub name: String,
    /// Base names of its executable, without a version at the end.
    #[serde(default)]
    pub executables: Vec<String>,
    /// Names that its process gives itself (`comm`, up to the first space or colon), beside those of `executables`.
    #[serde(default)]
    pub processes: Vec<String>,
    /// What it runs on. A process on another runtime is not it.
    pub runtime: Option<String>,
    /// Words of a command line that name it. The first is the one that a [`Program`](crate::program::Program) shows.
    #[serde(default)]
    pub words: Vec<String>,
    /// Names of libraries (jars, directories of modules) that name it, without their version.
    #[serde(default)]
    pub libraries: Vec<String>,
    /// What stands before `/` in one of the words of its `Server` header. Empty when it sends none of its own.
    #[serde(default)]
    pub server: Vec<String>,
    /// A process that has one of these words sets this product's timers itself.
    #[serde(default)]
    pub yields_to: Vec<String>,
    /// What is spoken on its connections, where a timer does not say otherwise.
    #[serde(default)]
    pub protocols: Spoken,
    /// Oldest versions first.
    #[serde(rename = "timer")]
    pub rows: Vec<Row>,
}

/// One timer of a product, by default.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// For which versions, in words.
    pub versions: String,
    /// The ends of a connection at which it keeps the timer.
    pub sides: Vec<Side>,
    pub phases: Vec<Phase>,
    /// What is spoken on connections that it ends; `None` until the file is loaded: what the product says.
    pub protocols: Option<Spoken>,
    pub clock: Clock,
    #[serde(rename = "default")]
    pub nominal: Nominal,
    /// Seconds from the set time to the earliest close; may be negative.
    #[serde(default)]
    pub bias: f64,
    /// A polled timer closes within this many seconds after that.
    #[serde(default)]
    pub granularity: f64,
    #[serde(default)]
    pub closes: Closes,
    /// What it sends before it closes: a status, `GOAWAY`.
    pub sends: Option<String>,
    #[serde(default)]
    pub announces: Announces,
    pub setting: Setting,
    /// What else must be known to use the setting.
    pub note: Option<String>,
    /// A public address, or what was measured.
    pub source: String,
}

/// What is spoken on the connections that a timer ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Spoken {
    /// HTTP, in clear text or in TLS.
    #[default]
    Http,
    /// Whatever TCP carries.
    Any,
    /// Whatever TCP carries but HTTP, by a product that also knows HTTP.
    NotHttp,
    /// These.
    Of(Vec<Protocol>),
}

/// Whether a timer ends connections on which a protocol is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meets {
    Yes,
    /// Nothing is known of the protocol that would tell.
    Perhaps,
    No,
}

/// The time a timer is set to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Nominal {
    /// Seconds, above 0.
    Seconds(f64),
    /// What the other end announced with `Keep-Alive: timeout=`.
    Announced,
    /// By default it does not close by this timer.
    Never,
}

/// What is seen of a close first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Closes {
    #[default]
    Fin,
    Rst,
    /// Nothing: the next packet is dropped or answered with an RST.
    Silent,
}

/// Whether responses announce the set time as `Keep-Alive: timeout=`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Announces {
    #[default]
    Never,
    /// In some versions, or to clients that ask for keep-alive.
    Sometimes,
    Always,
}

/// The setting behind a timer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    pub name: String,
    /// How it is written: `{s}` stands for whole seconds, `{ms}` for milliseconds. When `fixed`, what to do instead.
    pub write: String,
    /// It cannot be set.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fixed: bool,
    /// The least and the most that it takes, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most: Option<f64>,
}

impl Row {
    /// Whether it ends connections on which `protocol` is spoken.
    pub(super) fn meets(&self, protocol: Option<Protocol>) -> Meets {
        // A WebSocket's connection is one of HTTP's that was upgraded.
        let is_http = matches!(protocol, Some(Protocol::Http | Protocol::Http2 | Protocol::Websocket));
        let is_untold = matches!(protocol, None | Some(Protocol::Tls | Protocol::Other));
        match &self.protocols {
            Some(Spoken::Any) => Meets::Yes,
            Some(Spoken::Of(these)) if protocol.is_some_and(|protocol| these.contains(&protocol)) => {
                Meets::Yes
            }
            Some(Spoken::Of(_)) if is_untold => Meets::Perhaps,
            Some(Spoken::NotHttp) if protocol == Some(Protocol::Other) || !is_http && !is_untold => {
                Meets::Yes
            }
            Some(Spoken::Http) | None if is_http || is_untold => Meets::Yes,
            Some(Spoken::Of(_) | Spoken::NotHttp | Spoken::Http) | None => Meets::No,
        }
    }

    /// The earliest close after the clock began, seconds, where the default is a number or was announced.
    pub fn earliest(&self, announced: Option<u32>) -> Option<f64> {
        let nominal = match self.nominal {
            Nominal::Seconds(seconds) => seconds,
            Nominal::Announced => f64::from(announced?),
            Nominal::Never => return None,
        };
        Some(nominal + self.bias)
    }
}

impl Setting {
    /// How the setting is written to make it `seconds`: to the nearest whole second (at least 1) or millisecond, as
    /// the setting counts. What to do instead where it cannot be set.
    pub fn value_in(&self, seconds: f64) -> String {
        if self.fixed {
            return self.write.clone();
        }
        let whole = format!("{}", seconds.round().max(1.0));
        let milli = format!("{}", (seconds * 1e3).round().max(1.0));
        self.write.replace("{s}", &whole).replace("{ms}", &milli)
    }

    /// Whether it can be set to `seconds`.
    pub fn takes(&self, seconds: f64) -> bool {
        !self.fixed
            && self.least.is_none_or(|least| seconds >= least)
            && self.most.is_none_or(|most| seconds <= most)
    }
}

impl<'de> Deserialize<'de> for Spoken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Word(String),
            These(Vec<Protocol>),
        }
        match Either::deserialize(deserializer)? {
            Either::Word(word) if word == "any" => Ok(Self::Any),
            Either::Word(word) if word == "not-http" => Ok(Self::NotHttp),
            Either::Word(word) => Err(D::Error::custom(format!(
                "protocols = \"{word}\" is neither \"any\" nor \"not-http\" nor a list of protocols"
            ))),
            Either::These(these) => Ok(Self::Of(these)),
        }
    }
}

impl<'de> Deserialize<'de> for Nominal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Seconds(f64),
            Word(String),
        }
        match Either::deserialize(deserializer)? {
            Either::Seconds(seconds) => Ok(Self::Seconds(seconds)),
            Either::Word(word) => match word.as_str() {
                "announced" => Ok(Self::Announced),
                "never" => Ok(Self::Never),
                _ => Err(D::Error::custom(format!(
                    "default = \"{word}\" is neither a number of seconds nor \"announced\" nor \"never\""
                ))),
            },
        }
    }
}
