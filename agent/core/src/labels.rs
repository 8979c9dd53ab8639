//! The labels of the product: closed sets, the same in JSON, metrics and docs.

/// Declares a closed set of labels: kebab-case in text and JSON, listed in order, known to constants, and parsed with an
/// error that lists what is known.
#[macro_export]
macro_rules! label_set {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$variant_meta:meta])* $variant:ident,)* }) => {
        $(#[$meta])*
        #[derive(
            Clone,
            Copy,
            Debug,
            PartialEq,
            Eq,
            Hash,
            PartialOrd,
            Ord,
            strum::Display,
            strum::IntoStaticStr,
            strum::VariantArray,
            serde::Serialize,
            serde::Deserialize,
        )]
        #[serde(rename_all = "kebab-case")]
        #[strum(serialize_all = "kebab-case", const_into_str)]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)*
        }

        impl $name {
            /// Every label of the set.
            pub const ALL: &[Self] = <Self as strum::VariantArray>::VARIANTS;

            /// The label itself.
            pub const fn as_str(self) -> &'static str {
                self.into_str()
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|label| label.as_str() == text).ok_or_else(|| {
                    let all: Vec<_> = Self::ALL.iter().map(|label| label.as_str()).collect();
                    format!("`{text}` is none of: {}", all.join(", "))
                })
            }
        }
    };
}

label_set! {
    /// Which end of the connection a socket is: who did the active open.
    pub enum Role {
        Client,
        Server,
        Unknown,
    }
}

label_set! {
    /// Who ended the connection first on the wire.
    pub enum Closer {
        Client,
        Server,
        /// Two FINs that crossed.
        Both,
        /// Nobody: a timeout.
        Network,
        /// SOCK_DESTROY.
        Host,
        Unknown,
    }
}

label_set! {
    /// By what means.
    pub enum CloseType {
        Fin,
        Rst,
        Timeout,
        Abort,
    }
}

label_set! {
    /// Where the HTTP exchange on the socket stood at the first FIN or RST.
    pub enum Phase {
        /// Never established.
        Connecting,
        Unused,
        RequestHead,
        RequestBody,
        Waiting,
        Response,
        Idle,
        /// No command is open, but a transaction is.
        Transaction,
        Tunnel,
        Unknown,
    }
}

label_set! {
    /// The tag.
    pub enum Verdict {
        ClientIdle,
        ServerIdle,
        IdleRace,
        PrematureHangup,
        Completed,
        TunnelEnd,
        Network,
        ConnectFailed,
        HostAbort,
        Unknown,
    }
}

label_set! {
    /// Why, when something proves it.
    pub enum Cause {
        KeepaliveTimer,
        RequestTimeout,
        StallTimer,
        HeadTimer,
        Announced,
        MaxRequests,
        MaxAge,
        PoolEvict,
        Shutdown,
        ProcessExit,
        ProcessKilled,
        OomKilled,
        UnreadData,
        LingerZero,
        NotAccepted,
        Truncated,
        HalfClose,
        /// The request was answered in full before all of it had come.
        EarlyResponse,
        KeepaliveDead,
        RetransmitTimeout,
        UserTimeout,
        MiddleboxReset,
        FlowForgotten,
        Refused,
        SockDestroy,
        H2Goaway,
        /// The server said that the session was idle for too long.
        IdleTimeout,
        /// The server said that the transaction was.
        TransactionTimeout,
        /// The server said that it stops, or that its administrator ends the session.
        AdminShutdown,
        /// The server said that the other end's heartbeats are missing.
        HeartbeatTimeout,
        /// The server said another error, and ended the session with it.
        ServerError,
        /// An alert ended the TLS handshake.
        TlsAlert,
        Unknown,
    }
}

label_set! {
    /// How a request met an idle close.
    pub enum Race {
        Crossed,
        Stale,
        Unread,
        /// The client's own timer fired as it wrote.
        OwnTimer,
    }
}

label_set! {
    /// Which end of a connection keeps a timer.
    pub enum Side {
        Client,
        Server,
    }
}

label_set! {
    /// What a timer is measured from, to the first FIN or RST.
    pub enum Clock {
        /// The end of the last response.
        Idle,
        /// The last payload byte either way.
        Silent,
        /// The first byte of the current request.
        Request,
        /// The first byte of the current head, or the accept.
        Head,
        /// The connection was made.
        Age,
    }
}

label_set! {
    /// Whether the evidence proves the verdict.
    pub enum Confidence {
        Exact,
        Probable,
    }
}

label_set! {
    /// What the phase was read from.
    pub enum Basis {
        Http,
        /// The first and last bytes of the newest messages of a protocol that is known.
        Protocol,
        Turns,
        Inferred,
    }
}

label_set! {
    /// What is spoken on a connection, told by its first bytes.
    pub enum Protocol {
        Http,
        Http2,
        /// Behind a 101.
        Websocket,
        Tls,
        Postgresql,
        Mysql,
        Redis,
        Memcached,
        Mongodb,
        /// AMQP 0-9-1.
        Amqp,
        /// AMQP 1.0.
        Amqp10,
        Kafka,
        Nats,
        Mqtt,
        Smtp,
        Pop3,
        Imap,
        Ftp,
        Ldap,
        /// None of these.
        Other,
    }
}

impl Protocol {
    /// It is neither HTTP nor what may hide it, and its messages are known by their edges.
    pub const fn has_edges(self) -> bool {
        !matches!(self, Self::Http | Self::Http2 | Self::Tls | Self::Other)
    }
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

    /// The side that did; `None` where it was neither of them alone.
    pub const fn side(self) -> Option<Side> {
        match self {
            Self::Client => Some(Side::Client),
            Self::Server => Some(Side::Server),
            Self::Both | Self::Network | Self::Host | Self::Unknown => None,
        }
    }
}

impl Side {
    pub const fn closer(self) -> Closer {
        match self {
            Self::Client => Closer::Client,
            Self::Server => Closer::Server,
        }
    }

    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
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
            Self::Transaction => 'X',
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
    /// Of the other end.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
            Self::Unknown => Self::Unknown,
        }
    }

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
