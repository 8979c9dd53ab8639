//! A block of lines in a finished file: one member of a gzip file (RFC 1952), whose extra field says what is in it.
//! Every program that reads gzip reads the file as one text; ours passes over the blocks that it does not need.

use std::{
    io::{self, Read as _, Write as _},
    net::SocketAddr,
};

use flate2::{Compression, GzBuilder, bufread::GzDecoder};
use jiff::Timestamp;
use serde::Deserialize;
use whohungup_core::labels::Verdict;

/// Lines of about so many bytes make a block.
pub(super) const BLOCK_BYTES: usize = 1 << 20;
/// A block that claims to be longer is broken: its text has at most twice [`BLOCK_BYTES`].
const MOST_BYTES: u32 = 16 << 20;
/// Server ports that a block's summary can name; with more, every port may be in it.
const MOST_PORTS: usize = 64;
/// The subfield's two letters, RFC 1952 section 2.3.1.1.
const SUBFIELD: [u8; 2] = *b"WU";
const VERSION: u8 = 1;
/// ID1, ID2, CM, FLG (FEXTRA), MTIME, XFL, OS, XLEN; then the subfield's letters and length.
const GZIP_HEADER: usize = 12;
const SUBFIELD_HEADER: usize = 4;
/// Version, count of ports, verdicts, compressed length, closes, first and last time.
const FIXED: usize = 1 + 1 + 2 + 4 + 4 + 8 + 8;
/// Where the compressed length stands.
const LENGTH_AT: usize = GZIP_HEADER + SUBFIELD_HEADER + 4;
pub(super) const LONGEST_HEADER: usize = GZIP_HEADER + SUBFIELD_HEADER + FIXED + 2 * MOST_PORTS;

/// What is in a block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) closes: u32,
    /// Of the oldest and of the newest close, ns since 1970.
    pub(super) first_ns: i64,
    pub(super) last_ns: i64,
    /// A [`bit`] for each; the highest: something amends a close.
    pub(super) verdicts: u16,
    /// Sorted; `None` where there are more than can be named.
    pub(super) ports: Option<Vec<u16>>,
}

const AMENDS: u16 = 1 << 15;

/// What a summary needs of a line.
#[derive(Deserialize)]
struct Line {
    time: Timestamp,
    verdict: Verdict,
    amends: bool,
    server_port: Option<u16>,
    local: SocketAddr,
    remote: SocketAddr,
}

impl Summary {
    fn empty() -> Self {
        Self { first_ns: i64::MAX, last_ns: i64::MIN, ports: Some(Vec::new()), ..Self::default() }
    }

    /// Whether `line` was a close.
    fn add(&mut self, line: &[u8]) -> bool {
        let Ok(Line { time, verdict, amends, server_port, local, remote }) = serde_json::from_slice(line)
        else {
            return false;
        };
        let ns = i64::try_from(time.as_nanosecond()).unwrap_or_default();
        self.closes += 1;
        (self.first_ns, self.last_ns) = (self.first_ns.min(ns), self.last_ns.max(ns));
        self.verdicts |= bit(verdict) | if amends { AMENDS } else { 0 };
        match server_port {
            Some(port) => self.add_port(port),
            None => [local, remote].iter().for_each(|end| self.add_port(end.port())),
        }
        true
    }

    fn add_port(&mut self, port: u16) {
        let Some(ports) = &mut self.ports else { return };
        if let Err(at) = ports.binary_search(&port) {
            ports.insert(at, port);
        }
        if ports.len() > MOST_PORTS {
            self.ports = None;
        }
    }

    pub(super) fn has_amendments(&self) -> bool {
        self.verdicts & AMENDS != 0
    }

    pub(super) fn has_verdict(&self, verdict: Verdict) -> bool {
        self.verdicts & bit(verdict) != 0
    }

    pub(super) fn may_have_port(&self, port: u16) -> bool {
        self.ports.as_ref().is_none_or(|ports| ports.binary_search(&port).is_ok())
    }

    fn encode(&self) -> Vec<u8> {
        let ports = self.ports.as_deref().unwrap_or_default();
        let mut data = Vec::with_capacity(SUBFIELD_HEADER + FIXED + 2 * ports.len());
        data.extend(SUBFIELD);
        data.extend((FIXED as u16 + 2 * ports.len() as u16).to_le_bytes());
        data.extend([VERSION, if self.ports.is_some() { ports.len() as u8 } else { u8::MAX }]);
        data.extend(self.verdicts.to_le_bytes());
        // The compressed length, once it is known.
        data.extend([0; 4]);
        data.extend(self.closes.to_le_bytes());
        data.extend(self.first_ns.to_le_bytes());
        data.extend(self.last_ns.to_le_bytes());
        data.extend(ports.iter().flat_map(|port| port.to_le_bytes()));
        data
    }
}

/// By the label, which does not change when others are added: two that share a bit cost a block read in vain.
fn bit(verdict: Verdict) -> u16 {
    let sum: u32 = verdict.as_str().bytes().map(u32::from).sum();
    1 << (sum % AMENDS.trailing_zeros())
}

/// Compresses `lines` into blocks behind each other at `out`. Lines that are no closes are left out; returns how many.
pub(super) fn compress(lines: &[u8], out: &mut impl io::Write) -> io::Result<u64> {
    let mut broken = 0;
    let mut text = Vec::with_capacity(BLOCK_BYTES + 4096);
    let mut summary = Summary::empty();
    for line in lines.split_inclusive(|&byte| byte == b'\n') {
        if line.ends_with(b"\n") && summary.add(line) {
            text.extend_from_slice(line);
        } else {
            broken += 1;
        }
        if text.len() >= BLOCK_BYTES {
            out.write_all(&member(&text, &summary)?)?;
            text.clear();
            summary = Summary::empty();
        }
    }
    if !text.is_empty() {
        out.write_all(&member(&text, &summary)?)?;
    }
    Ok(broken)
}

fn member(text: &[u8], summary: &Summary) -> io::Result<Vec<u8>> {
    let compressed = Vec::with_capacity(text.len() / 6);
    let mut encoder = GzBuilder::new().extra(summary.encode()).write(compressed, Compression::new(3));
    encoder.write_all(text)?;
    let mut member = encoder.finish()?;
    let length = u32::try_from(member.len()).map_err(io::Error::other)?;
    member[LENGTH_AT..LENGTH_AT + 4].copy_from_slice(&length.to_le_bytes());
    Ok(member)
}

/// What the block says of itself whose first bytes are `start`: its summary, and its compressed length. `None` where it
/// is no block of a record.
pub(super) fn read_summary(start: &[u8]) -> Option<(Summary, u32)> {
    let (gzip, rest) = start.split_at_checked(GZIP_HEADER)?;
    let (subfield, rest) = rest.split_at_checked(SUBFIELD_HEADER)?;
    // FLG is FEXTRA alone: neither a name nor a comment stands between.
    let is_ours = gzip[..4] == [0x1f, 0x8b, 8, 4] && subfield[..2] == SUBFIELD;
    let length = usize::from(u16::from_le_bytes([subfield[2], subfield[3]]));
    let data = rest.get(..length).filter(|data| is_ours && data.len() >= FIXED && data[0] == VERSION)?;
    let (fixed, ports) = data.split_at(FIXED);
    let word = |at: usize| fixed[at..].first_chunk().map(|word| u32::from_le_bytes(*word));
    let long = |at: usize| fixed[at..].first_chunk().map(|word| i64::from_le_bytes(*word));
    let (ports, rest) = ports.as_chunks::<2>();
    let named = match fixed[1] {
        u8::MAX => None,
        count if usize::from(count) == ports.len() && rest.is_empty() => {
            Some(ports.iter().map(|port| u16::from_le_bytes(*port)).collect())
        }
        _ => return None,
    };
    let summary = Summary {
        closes: word(8)?,
        first_ns: long(12)?,
        last_ns: long(20)?,
        verdicts: u16::from_le_bytes([fixed[2], fixed[3]]),
        ports: named,
    };
    let compressed = word(4)?;
    (compressed as usize > GZIP_HEADER + SUBFIELD_HEADER + length && compressed <= MOST_BYTES)
        .then_some((summary, compressed))
}

/// The lines of a block; `into` is cleared first.
///
/// # Errors
/// When it is broken (its checksum is of the text), or its text is longer than a block's.
pub(super) fn decompress(block: &[u8], into: &mut Vec<u8>) -> io::Result<()> {
    into.clear();
    let most = u64::from(MOST_BYTES) * 4;
    GzDecoder::new(block).take(most).read_to_end(into)?;
    if into.len() as u64 == most {
        return Err(io::Error::other("a block is longer than any that is written"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use whohungup_core::{close::ClosedConnection, testing::server_idle};

    fn lines(count: u32) -> String {
        (0..count).fold(String::new(), |mut text, at| {
            let time = Timestamp::from_second(i64::from(at)).expect("a time");
            let port = 8000 + (at % 3) as u16;
            let close = ClosedConnection { time, ..server_idle(port, "node") };
            writeln!(text, "{}", serde_json::to_string(&close).expect("JSON")).expect("text");
            text
        })
    }

    fn blocks(mut file: &[u8]) -> Vec<(Summary, Vec<u8>)> {
        let mut all = Vec::new();
        while let Some((summary, length)) = read_summary(file) {
            let (block, rest) = file.split_at(length as usize);
            let mut text = Vec::new();
            decompress(block, &mut text).expect("whole");
            all.push((summary, text));
            file = rest;
        }
        assert!(file.is_empty());
        all
    }

    #[test]
    fn blocks_give_back_every_line_and_say_what_is_in_them() {
        let text = lines(3000);
        let mut file = Vec::new();
        assert_eq!(compress(text.as_bytes(), &mut file).expect("in memory"), 0);
        let blocks = blocks(&file);
        assert!(blocks.len() > 1);
        let together: Vec<u8> = blocks.iter().flat_map(|(_, text)| text.clone()).collect();
        assert_eq!(together, text.as_bytes());
        assert_eq!(blocks.iter().map(|(summary, _)| summary.closes).sum::<u32>(), 3000);
        let (first, _) = &blocks[0];
        assert_eq!((first.first_ns, first.ports.as_deref()), (0, Some(&[8000, 8001, 8002][..])));
        assert_eq!(first.last_ns, (i64::from(first.closes) - 1) * 1_000_000_000);
        assert!(first.has_verdict(Verdict::ServerIdle) && !first.has_verdict(Verdict::ClientIdle));
        assert!(!first.has_amendments() && !first.may_have_port(80));
    }

    #[test]
    fn any_gzip_reader_reads_the_blocks_as_one_text() {
        let text = lines(3000);
        let mut file = Vec::new();
        compress(text.as_bytes(), &mut file).expect("in memory");
        let mut read = String::new();
        flate2::read::MultiGzDecoder::new(&file[..]).read_to_string(&mut read).expect("gzip");
        assert_eq!(read, text);
    }

    #[test]
    fn more_ports_than_can_be_named_may_all_be_there() {
        let mut summary = Summary::empty();
        (0..=MOST_PORTS as u16).for_each(|port| summary.add_port(port));
        assert!(summary.may_have_port(9999));
    }

    #[test]
    fn half_a_line_and_nonsense_are_left_out_and_counted() {
        let mut text = lines(2);
        text.push_str("{\"time\":1}\n");
        text.push_str(&lines(1)[..50]);
        let mut file = Vec::new();
        assert_eq!(compress(text.as_bytes(), &mut file).expect("in memory"), 2);
        assert_eq!(blocks(&file)[0].0.closes, 2);
    }

    #[test]
    fn what_is_broken_is_no_block() {
        let mut file = Vec::new();
        compress(lines(10).as_bytes(), &mut file).expect("in memory");
        for cut in 0..GZIP_HEADER + SUBFIELD_HEADER + FIXED {
            assert_eq!(read_summary(&file[..cut]), None, "{cut}");
        }
        let mut other = file.clone();
        other[3] = 0;
        assert_eq!(read_summary(&other), None);
        let last = file.len() - 7;
        file[last] ^= 0x40;
        assert!(decompress(&file, &mut Vec::new()).is_err(), "its checksum is of another text");
    }
}
