//! Checked decoding of records; nothing is trusted but the bytes' length.

use zerocopy::{FromBytes as _, FromZeros as _, IntoBytes as _};

use crate::{
    WIRE_VERSION,
    conversation::ConversationRecord,
    event::{
        Clock, Connect, ErrorReport, Header, Kind, Listen, Open, Progress, Reset, Signal, Socket, Transition,
    },
    exchange::{
        Exchange, HEAD_IN, HEAD_OFFSET, HEAD_OUT, HEADLESS_BYTES, IN, OUT, STREAMS_OFFSET, WINDOW_BYTES,
    },
};

/// A decoded record.
#[derive(Clone, Copy, Debug)]
pub enum Record<'a> {
    Connect(&'a Connect),
    Open(&'a Open),
    Transition(&'a Transition),
    Reset(&'a Reset),
    Exchange(ExchangeBytes<'a>),
    TlsExchange(ExchangeBytes<'a>),
    Listen(&'a Listen),
    ErrorReport(&'a ErrorReport),
    Socket(&'a Socket),
    Clock(&'a Clock),
    Progress(&'a Progress),
    Signal(&'a Signal),
    Conversation(&'a ConversationRecord),
}

const BOTH: u8 = HEAD_IN | HEAD_OUT;

/// An [`Exchange`] as it came, checked.
#[derive(Clone, Copy, Debug)]
pub struct ExchangeBytes<'a> {
    pub header: &'a Header,
    record: &'a [u8],
    /// How many bytes of which head there are.
    heads: [usize; 2],
}

impl<'a> ExchangeBytes<'a> {
    /// `None` when `record` has not the size that its own [`Exchange::heads`] asks for.
    fn new(header: &'a Header, record: &'a [u8]) -> Option<Self> {
        let rest = record.len().checked_sub(HEADLESS_BYTES)?;
        let at = size_of::<Header>() + core::mem::offset_of!(Exchange, heads);
        let (heads, fits) = match *record.get(at)? {
            0 => ([0, 0], rest == 0),
            HEAD_IN => ([rest, 0], rest <= WINDOW_BYTES),
            HEAD_OUT => ([0, rest], rest <= WINDOW_BYTES),
            // As much of the one as of the other.
            BOTH => ([rest / 2; 2], rest.is_multiple_of(2) && rest / 2 <= WINDOW_BYTES),
            _ => return None,
        };
        fits.then_some(Self { header, record, heads })
    }

    /// The exchange, with zeros for what was left out.
    #[must_use]
    pub fn exchange(&self) -> Exchange {
        let mut exchange = Exchange::new_zeroed();
        self.read_into(&mut exchange);
        exchange
    }

    /// The same, where there are zeros.
    pub fn read_into(&self, exchange: &mut Exchange) {
        let to = exchange.as_mut_bytes();
        let streams = STREAMS_OFFSET - size_of::<Header>();
        let (mut from, mut at) = (size_of::<Header>(), 0);
        for (len, skipped) in [
            (streams + HEAD_OFFSET + self.heads[usize::from(IN)], WINDOW_BYTES - self.heads[usize::from(IN)]),
            (HEAD_OFFSET + self.heads[usize::from(OUT)], 0),
        ] {
            to[at..at + len].copy_from_slice(&self.record[from..from + len]);
            from += len;
            at += len + skipped;
        }
    }

    /// Bytes that it took.
    #[must_use]
    pub fn size(&self) -> usize {
        self.record.len()
    }
}

/// Why bytes are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// Fewer bytes than the header, or than its `size` says.
    Truncated { got: usize, want: usize },
    /// The probes speak another version of this crate.
    Version { got: u8 },
    /// A kind that this version does not know.
    Kind { got: u8 },
    /// The size is not the size of the kind, or of an exchange with the heads that it says it has.
    Size { kind: Kind, got: usize, want: usize },
    /// The bytes do not lie on an 8-byte boundary.
    Misaligned,
}

impl core::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Truncated { got, want } => write!(f, "record of {got} bytes is cut short of {want}"),
            Self::Version { got } => {
                write!(f, "record has wire version {got}, this agent speaks {WIRE_VERSION}")
            }
            Self::Kind { got } => write!(f, "record has unknown kind {got}"),
            Self::Size { kind, got, want } => write!(f, "{kind:?} record has {got} bytes, not {want}"),
            Self::Misaligned => write!(f, "record is not aligned to 8 bytes"),
        }
    }
}

impl core::error::Error for DecodeError {}

/// Decodes the record at the start of `bytes` and says how many bytes it took.
///
/// # Errors
/// See [`DecodeError`]; nothing after a bad record can be trusted.
pub fn decode(bytes: &[u8]) -> Result<(Record<'_>, usize), DecodeError> {
    const HEADER: usize = size_of::<Header>();
    let Some(start) = bytes.get(..HEADER) else {
        return Err(DecodeError::Truncated { got: bytes.len(), want: HEADER });
    };
    let header = Header::ref_from_bytes(start).map_err(|_unaligned| DecodeError::Misaligned)?;
    if header.version != WIRE_VERSION {
        return Err(DecodeError::Version { got: header.version });
    }
    let kind = Kind::from_u8(header.kind).ok_or(DecodeError::Kind { got: header.kind })?;
    let size = usize::from(header.size);
    let Some(body) = bytes.get(..size) else {
        return Err(DecodeError::Truncated { got: bytes.len(), want: size });
    };
    let record = match kind {
        Kind::Connect => Record::Connect(exactly(kind, body)?),
        Kind::Open => Record::Open(exactly(kind, body)?),
        Kind::Transition => Record::Transition(exactly(kind, body)?),
        Kind::Reset => Record::Reset(exactly(kind, body)?),
        Kind::Exchange => Record::Exchange(heads(kind, header, body)?),
        Kind::TlsExchange => Record::TlsExchange(heads(kind, header, body)?),
        Kind::Listen => Record::Listen(exactly(kind, body)?),
        Kind::ErrorReport => Record::ErrorReport(exactly(kind, body)?),
        Kind::Socket => Record::Socket(exactly(kind, body)?),
        Kind::Clock => Record::Clock(exactly(kind, body)?),
        Kind::Progress => Record::Progress(exactly(kind, body)?),
        Kind::Signal => Record::Signal(exactly(kind, body)?),
        Kind::Conversation => Record::Conversation(exactly(kind, body)?),
    };
    Ok((record, size))
}

fn heads<'a>(kind: Kind, header: &'a Header, body: &'a [u8]) -> Result<ExchangeBytes<'a>, DecodeError> {
    let record = ExchangeBytes::new(header, body);
    record.ok_or(DecodeError::Size { kind, got: body.len(), want: HEADLESS_BYTES })
}

fn exactly<T>(kind: Kind, body: &[u8]) -> Result<&T, DecodeError>
where
    T: zerocopy::FromBytes + zerocopy::Immutable + zerocopy::KnownLayout,
{
    if body.len() != size_of::<T>() {
        return Err(DecodeError::Size { kind, got: body.len(), want: size_of::<T>() });
    }
    T::ref_from_bytes(body).map_err(|_unaligned| DecodeError::Misaligned)
}

#[cfg(test)]
mod tests {
    use zerocopy::{FromZeros as _, IntoBytes as _};

    use super::*;

    fn open() -> Open {
        let mut open = Open::new_zeroed();
        open.header = Header {
            version: WIRE_VERSION,
            kind: Kind::Open as u8,
            size: size_of::<Open>() as u16,
            jiffies: 7,
            ktime_ns: 8,
            cookie: 9,
        };
        open.netns = 10;
        open
    }

    #[test]
    fn a_record_survives_the_round_trip() {
        let open = open();
        let (record, used) = decode(open.as_bytes()).expect("decodes");
        let Record::Open(got) = record else { panic!("{record:?}") };
        assert_eq!((*got, used), (open, size_of::<Open>()));
    }

    /// Every way in which heads are left out tells what it keeps, and only records of the right size are taken.
    #[test]
    fn an_exchange_comes_through_without_the_heads_that_are_left_out() {
        let mut whole = crate::exchange::ExchangeRecord::new_zeroed();
        for (at, byte) in whole.exchange.as_mut_bytes().iter_mut().enumerate() {
            *byte = at as u8 | 1;
        }
        whole.header = Header { kind: Kind::Exchange as u8, ..open().header };
        let window = |direction: usize| {
            STREAMS_OFFSET + direction * size_of::<crate::exchange::Stream>() + HEAD_OFFSET
        };
        for (heads, kept) in
            [(0, [0, 0]), (HEAD_IN, [100, 0]), (HEAD_OUT, [0, 352]), (HEAD_IN | HEAD_OUT, [352, 352])]
        {
            whole.exchange.heads = heads;
            let size = HEADLESS_BYTES + kept[0] + kept[1];
            whole.header.size = size as u16;
            let bytes = whole.as_bytes();
            let mut sent = [0_u64; size_of::<crate::exchange::ExchangeRecord>() / 8 + 1];
            let parts =
                [&bytes[..window(0) + kept[0]], &bytes[window(0) + WINDOW_BYTES..window(1) + kept[1]]];
            let mut at = 0;
            for part in parts {
                sent.as_mut_bytes()[at..at + part.len()].copy_from_slice(part);
                at += part.len();
            }
            let (record, used) = decode(sent.as_bytes()).expect("decodes");
            let Record::Exchange(got) = record else { panic!("{record:?}") };
            let mut expected = whole.exchange;
            for (stream, kept) in expected.streams.iter_mut().zip(kept) {
                stream.head[kept..].fill(0);
            }
            assert!(got.exchange() == expected && used == size, "{heads}");
            if heads == 0 || heads == 3 {
                for wrong in [size - 1, size + 1] {
                    sent.as_mut_bytes()[2..4].copy_from_slice(&(wrong as u16).to_ne_bytes());
                    assert!(
                        matches!(decode(sent.as_bytes()), Err(DecodeError::Size { .. })),
                        "{heads} {wrong}"
                    );
                }
            }
        }
    }

    #[test]
    fn every_truncation_is_refused() {
        let open = open();
        let bytes = open.as_bytes();
        for len in 0..bytes.len() {
            assert!(matches!(decode(&bytes[..len]), Err(DecodeError::Truncated { .. })), "{len}");
        }
    }

    #[test]
    fn a_wrong_version_kind_or_size_is_refused() {
        let mut wrong = open();
        wrong.header.version += 1;
        assert!(matches!(decode(wrong.as_bytes()), Err(DecodeError::Version { .. })));
        let mut wrong = open();
        wrong.header.kind = 200;
        assert_eq!(decode(wrong.as_bytes()).err(), Some(DecodeError::Kind { got: 200 }));
        let mut wrong = open();
        wrong.header.kind = Kind::Reset as u8;
        assert!(matches!(decode(wrong.as_bytes()), Err(DecodeError::Size { kind: Kind::Reset, .. })));
    }
}
