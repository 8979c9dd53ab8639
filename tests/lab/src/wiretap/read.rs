//! A capture's connections, as `tshark` reads them.

use std::{
    collections::HashMap,
    fs,
    io::{BufRead as _, BufReader},
    net::{IpAddr, SocketAddr},
    process::Stdio,
};

use anyhow::{Context as _, Result, ensure};
use harness::spawn;

use super::{
    capture::Captured,
    flow::{Flow, Segment},
};
use crate::{kit::Kit, truth::Side};

/// In the order in which a line has them.
const FIELDS: [&str; 13] = [
    "tcp.stream",
    "frame.time_epoch",
    "ip.src",
    "ipv6.src",
    "tcp.srcport",
    "ip.dst",
    "ipv6.dst",
    "tcp.dstport",
    "tcp.flags",
    "tcp.seq_raw",
    "tcp.ack_raw",
    "tcp.window_size",
    "tcp.payload",
];
/// They would read the payload, which is ours to read.
const READERS: [&str; 3] = ["http", "http2", "tls"];

const FIN: u16 = 0x01;
const SYN: u16 = 0x02;
const RST: u16 = 0x04;
const ACK: u16 = 0x10;

/// One line of tshark's: a segment between two addresses.
#[derive(Debug, Clone, PartialEq)]
struct Raw {
    stream: usize,
    at: f64,
    from: SocketAddr,
    to: SocketAddr,
    flags: u16,
    seq: u32,
    ack: u32,
    window: u32,
    payload: Vec<u8>,
}

/// All connections, in the order in which they began. A port that is used again begins another.
pub(super) fn flows(kit: &Kit, captured: &Captured) -> Result<Vec<Flow>> {
    let mut command = kit.command("tshark");
    command.args(["-n", "-o", "tcp.desegment_tcp_streams:FALSE"]);
    for reader in READERS {
        command.args(["--disable-protocol", reader]);
    }
    command.args(["-T", "fields", "-E", "separator=/t", "-E", "occurrence=f"]);
    for field in FIELDS {
        command.args(["-e", field]);
    }
    command.args(["-Y", "tcp", "-r"]).arg(&captured.file);
    let complaints = captured.file.with_extension("log");
    let log = fs::File::create(&complaints).context("create a log file")?;
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
    let mut tshark = spawn(&mut command)?;
    let output = tshark.stdout.take().context("take tshark's output")?;
    let mut streams = Streams::new(captured.dropped > 0);
    for line in BufReader::new(output).lines() {
        let line = line.context("read tshark's output")?;
        let raw = parse(&line).with_context(|| format!("understand tshark's line {line:?}"))?;
        streams.push(raw);
    }
    let status = tshark.wait().context("wait for tshark")?;
    let said = || fs::read_to_string(&complaints).unwrap_or_default();
    ensure!(status.success(), "tshark ended with {status} over {}: {}", captured.file.display(), said());
    Ok(streams.finish())
}

fn parse(line: &str) -> Result<Raw> {
    let fields: Vec<_> = line.split('\t').collect();
    let [stream, at, ip4, ip6, port, to_ip4, to_ip6, to_port, flags, seq, ack, window, payload] = fields[..]
    else {
        anyhow::bail!("{} fields instead of {}", fields.len(), FIELDS.len());
    };
    let address = |ip4: &str, ip6: &str, port: &str| -> Result<SocketAddr> {
        let ip: IpAddr = if ip4.is_empty() { ip6 } else { ip4 }.parse().context("an address")?;
        Ok((ip, port.parse().context("a port")?).into())
    };
    Ok(Raw {
        stream: stream.parse().context("a stream's number")?,
        at: at.parse().context("a time")?,
        from: address(ip4, ip6, port)?,
        to: address(to_ip4, to_ip6, to_port)?,
        flags: u16::from_str_radix(flags.trim_start_matches("0x"), 16).context("flags")?,
        seq: seq.parse().context("a sequence number")?,
        ack: if ack.is_empty() { 0 } else { ack.parse().context("an acknowledgment")? },
        window: window.parse().context("a window")?,
        payload: bytes(payload).context("a payload")?,
    })
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let nibble = |digit: u8| char::from(digit).to_digit(16).map(|value| value as u8);
    let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|&[high, low]| Some(nibble(high)? << 4 | nibble(low)?)).collect()
}

/// The flows as they grow.
#[derive(Debug)]
struct Streams {
    all: Vec<Stream>,
    /// Where each is, by tshark's number.
    numbers: HashMap<usize, usize>,
    may_have_holes: bool,
}

#[derive(Debug)]
struct Stream {
    flow: Flow,
    client: Unwrap,
    server: Unwrap,
}

impl Streams {
    fn new(may_have_holes: bool) -> Self {
        Self { all: Vec::new(), numbers: HashMap::new(), may_have_holes }
    }

    fn push(&mut self, raw: Raw) {
        let new = self.all.len();
        let index = *self.numbers.entry(raw.stream).or_insert(new);
        if index == new {
            self.all.push(Stream::begin(&raw, self.may_have_holes));
        }
        self.all[index].push(raw);
    }

    fn finish(self) -> Vec<Flow> {
        self.all.into_iter().map(|stream| stream.flow).collect()
    }
}

impl Stream {
    fn begin(raw: &Raw, may_have_holes: bool) -> Self {
        // A capture that begins with the answer to a SYN has the server's segment first.
        let by_server = raw.flags & (SYN | ACK) == SYN | ACK;
        let (client, server) = if by_server { (raw.to, raw.from) } else { (raw.from, raw.to) };
        Self {
            flow: Flow { client, server, segments: Vec::new(), may_have_holes },
            client: Unwrap::default(),
            server: Unwrap::default(),
        }
    }

    fn push(&mut self, raw: Raw) {
        let by = if raw.from == self.flow.client { Side::Client } else { Side::Server };
        let (own, other) = match by {
            Side::Client => (&mut self.client, &mut self.server),
            Side::Server => (&mut self.server, &mut self.client),
        };
        let flags = raw.flags;
        let is_set = |flag| flags & flag != 0;
        // A reset to the SYN has a sequence number of its own making, 0.
        let is_stray = is_set(RST) && own.newest.is_none();
        self.flow.segments.push(Segment {
            at: raw.at,
            by,
            seq: if is_stray { 0 } else { own.relative(raw.seq, is_set(SYN)) },
            ack: is_set(ACK).then(|| other.relative(raw.ack, false)),
            payload: raw.payload,
            syn: is_set(SYN),
            fin: is_set(FIN),
            rst: is_set(RST),
            window: raw.window,
        });
    }
}

/// Sequence numbers of one direction without their beginning and without their end at 2^32.
#[derive(Debug, Default)]
struct Unwrap {
    origin: u32,
    newest: Option<u64>,
}

impl Unwrap {
    fn relative(&mut self, number: u32, is_first: bool) -> u64 {
        let Some(newest) = self.newest else {
            // Without its SYN what comes first is taken for the first byte.
            self.origin = if is_first { number } else { number.wrapping_sub(1) };
            self.newest = Some(u64::from(number.wrapping_sub(self.origin)));
            return self.newest.unwrap_or_default();
        };
        let ahead = number.wrapping_sub(self.origin).wrapping_sub(newest as u32) as i32;
        let unwrapped = newest.saturating_add_signed(ahead.into());
        self.newest = Some(newest.max(unwrapped));
        unwrapped
    }
}

#[cfg(test)]
mod tests;
