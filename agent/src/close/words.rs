//! The words of the product: closed sets, the same in JSON, metrics and docs.

/// Declares a closed set of words.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// Every word of the set.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The word itself.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL
                    .iter()
                    .copied()
                    .find(|word| word.as_str() == text)
                    .ok_or_else(|| {
                        let all: Vec<_> = Self::ALL.iter().map(|word| word.as_str()).collect();
                        format!("`{text}` is none of: {}", all.join(", "))
                    })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use words;

words! {
    /// Which end of the connection a socket is: who did the active open.
    Role { Client = "client", Server = "server", Unknown = "unknown", }
}

words! {
    /// Who ended the connection first on the wire.
    Closer {
        Client = "client",
        Server = "server",
        /// Two FINs that crossed.
        Both = "both",
        /// Nobody: a time-out.
        Network = "network",
        /// SOCK_DESTROY.
        Host = "host",
        Unknown = "unknown",
    }
}

words! {
    /// By what means.
    How { Fin = "fin", Rst = "rst", Timeout = "timeout", Abort = "abort", }
}

words! {
    /// Where the HTTP exchange on the socket stood at the first FIN or RST.
    Phase {
        /// Never established.
        Connecting = "connecting",
        Unused = "unused",
        RequestHead = "request-head",
        RequestBody = "request-body",
        Waiting = "waiting",
        Response = "response",
        Idle = "idle",
        Tunnel = "tunnel",
        Unknown = "unknown",
    }
}

words! {
    /// The tag.
    Verdict {
        ClientIdle = "client-idle",
        ServerIdle = "server-idle",
        IdleRace = "idle-race",
        PrematureHangup = "premature-hangup",
        Completed = "completed",
        TunnelEnd = "tunnel-end",
        Network = "network",
        ConnectFailed = "connect-failed",
        HostAbort = "host-abort",
        Unknown = "unknown",
    }
}

words! {
    /// Why, when something proves it.
    Cause {
        KeepaliveTimer = "keepalive-timer",
        RequestTimeout = "request-timeout",
        StallTimer = "stall-timer",
        HeadTimer = "head-timer",
        Announced = "announced",
        MaxRequests = "max-requests",
        MaxAge = "max-age",
        PoolEvict = "pool-evict",
        Shutdown = "shutdown",
        ProcessExit = "process-exit",
        ProcessKilled = "process-killed",
        OomKilled = "oom-killed",
        UnreadData = "unread-data",
        LingerZero = "linger-zero",
        NotAccepted = "not-accepted",
        Truncated = "truncated",
        HalfClose = "half-close",
        KeepaliveDead = "keepalive-dead",
        RetransmitTimeout = "retransmit-timeout",
        UserTimeout = "user-timeout",
        MiddleboxReset = "middlebox-reset",
        FlowForgotten = "flow-forgotten",
        Refused = "refused",
        SockDestroy = "sock-destroy",
        H2Goaway = "h2-goaway",
        Unknown = "unknown",
    }
}

words! {
    /// How a request met an idle close.
    Race {
        Crossed = "crossed",
        Stale = "stale",
        Unread = "unread",
        /// The client's own timer fired as it wrote.
        OwnTimer = "own-timer",
    }
}

words! {
    /// Which end of a connection keeps a timer.
    Side { Client = "client", Server = "server", }
}

words! {
    /// What a timer is measured from, to the first FIN or RST.
    Clock {
        /// The end of the last response (I).
        Idle = "idle",
        /// The last payload byte either way (Q).
        Silent = "silent",
        /// The first byte of the current request (R).
        Request = "request",
        /// The first byte of the current head, or the accept (H).
        Head = "head",
        /// The connection was made (C).
        Age = "age",
    }
}

words! {
    /// Whether the evidence proves the verdict.
    Confidence { Exact = "exact", Probable = "probable", }
}

words! {
    /// What the phase was read from.
    Basis { Http = "http", Turns = "turns", Inferred = "inferred", }
}

impl Closer {
    /// The closer's letter in the code.
    pub const fn letter(self) -> char {
        match self {
            Self::Client => 'C',
            Self::Server => 'S',
            Self::Both => 'B',
            Self::Network => 'N',
            Self::Host => 'H',
            Self::Unknown => 'U',
        }
    }
}

impl Verdict {
    /// Something broke off, or a request was lost: nobody meant it to end like this.
    pub const fn is_trouble(self) -> bool {
        matches!(self, Self::IdleRace | Self::PrematureHangup | Self::Network | Self::HostAbort)
    }
}

impl Phase {
    /// The phase's letter in the code.
    pub const fn letter(self) -> char {
        match self {
            Self::Connecting => 'C',
            Self::Unused => 'U',
            Self::RequestHead => 'H',
            Self::RequestBody => 'B',
            Self::Waiting => 'W',
            Self::Response => 'R',
            Self::Idle => 'I',
            Self::Tunnel => 'T',
            Self::Unknown => '-',
        }
    }

    /// No exchange is open.
    pub const fn is_idle(self) -> bool {
        matches!(self, Self::Unused | Self::Idle)
    }

    /// An exchange is open.
    pub const fn is_in_flight(self) -> bool {
        matches!(self, Self::RequestHead | Self::RequestBody | Self::Waiting | Self::Response)
    }
}

impl Role {
    /// This end, as a closer.
    pub const fn this_end(self) -> Closer {
        match self {
            Self::Client => Closer::Client,
            Self::Server => Closer::Server,
            Self::Unknown => Closer::Unknown,
        }
    }

    /// The other end, as a closer.
    pub const fn other_end(self) -> Closer {
        match self {
            Self::Client => Closer::Server,
            Self::Server => Closer::Client,
            Self::Unknown => Closer::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_round_trip_and_strangers_are_named() {
        for verdict in Verdict::ALL {
            assert_eq!(verdict.as_str().parse::<Verdict>().as_ref(), Ok(verdict));
        }
        let error = "idle".parse::<Verdict>().expect_err("no verdict");
        assert!(error.contains("`idle`") && error.contains("server-idle"), "{error}");
    }

    #[test]
    fn code_letters_are_unique() {
        let mut letters: Vec<char> = Phase::ALL.iter().map(|phase| phase.letter()).collect();
        letters.sort_unstable();
        letters.dedup();
        assert_eq!(letters.len(), Phase::ALL.len());
    }
}
