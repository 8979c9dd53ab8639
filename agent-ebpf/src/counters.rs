//! Counters that the probes keep per CPU, in the array map `COUNTERS`.

/// Index into `COUNTERS`; the value is a `u64` per CPU that only grows.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// Connections that reached ESTABLISHED.
    Opened = 0,
    /// Sockets that left ESTABLISHED (or died in the handshake).
    Left = 1,
    /// Records that found the ring buffer full, by kind of record.
    LostOpen = 2,
    LostTransition = 3,
    LostReset = 4,
    LostExchange = 5,
    LostOther = 6,
    /// Sockets that got storage for their HTTP or TLS exchange.
    ExchangeMade = 7,
    /// Sockets that should have had storage and got none (no memory).
    ExchangeFailed = 8,
    /// Resets sent in answer to segments without payload that no living socket wanted (a refused
    /// connection, a scan, a last FIN): counted, not reported.
    ResetWithoutSocket = 9,
    /// Segments whose transport header could not be read (IPv6 extension headers, fragments).
    SegmentUnreadable = 10,
    /// TLS sessions of OpenSSL that were matched with their sockets.
    TlsSessionTracked = 11,
    /// TLS sessions that were not, because a map was full.
    TlsSessionFailed = 12,
    /// Signals that were not reported, because a map was full.
    SignalFailed = 13,
}

impl Counter {
    pub const ALL: [Self; 14] = [
        Self::Opened,
        Self::Left,
        Self::LostOpen,
        Self::LostTransition,
        Self::LostReset,
        Self::LostExchange,
        Self::LostOther,
        Self::ExchangeMade,
        Self::ExchangeFailed,
        Self::ResetWithoutSocket,
        Self::SegmentUnreadable,
        Self::TlsSessionTracked,
        Self::TlsSessionFailed,
        Self::SignalFailed,
    ];

    /// How many counters there are: the size of the map.
    pub const COUNT: usize = Self::ALL.len();

    /// The kind of record a lost-record counter counts; `None` for the other counters.
    #[must_use]
    pub const fn lost_kind(self) -> Option<&'static str> {
        match self {
            Self::LostOpen => Some("open"),
            Self::LostTransition => Some("transition"),
            Self::LostReset => Some("reset"),
            Self::LostExchange => Some("exchange"),
            Self::LostOther => Some("other"),
            Self::Opened
            | Self::Left
            | Self::ExchangeMade
            | Self::ExchangeFailed
            | Self::ResetWithoutSocket
            | Self::SegmentUnreadable
            | Self::TlsSessionTracked
            | Self::TlsSessionFailed
            | Self::SignalFailed => None,
        }
    }
}
