//! Checked decoding of records; nothing is trusted but the bytes' length.

use zerocopy::FromBytes as _;

use crate::{
    WIRE_VERSION,
    conversation::ConversationRecord,
    event::{Clock, Connect, ErrorReport, Header, Kind, Listen, Open, Progress, Reset, Signal, Transition},
    exchange::ExchangeRecord,
};

/// A decoded record.
#[derive(Clone, Copy, Debug)]
pub enum Record<'a> {
    Connect(&'a Connect),
    Open(&'a Open),
    Transition(&'a Transition),
    Reset(&'a Reset),
    Exchange(&'a ExchangeRecord),
    TlsExchange(&'a ExchangeRecord),
    Listen(&'a Listen),
    ErrorReport(&'a ErrorReport),
    Socket(&'a Transition),
    Clock(&'a Clock),
    Progress(&'a Progress),
    Signal(&'a Signal),
    Conversation(&'a ConversationRecord),
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
    /// The size is not the size of the kind.
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
        Kind::Exchange => Record::Exchange(exactly(kind, body)?),
        Kind::TlsExchange => Record::TlsExchange(exactly(kind, body)?),
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
