//! What the lengths and times of TLS records say of the messages in them (RFC 8446 section 5; RFC 5246 section 6.2).
//!
//! Over HTTP/1 every record with data is of a message. Over HTTP/2 (RFC 9113 section 6) frames that carry none have
//! lengths of their own, and the first records of both sides are the preface and SETTINGS.

mod last_word;

use whohungup_ebpf::{
    exchange::{Exchange, IN, OUT, Stream, state},
    tls_records::{ALERT_13, LONGEST_SETTINGS, TLS_ALERT, TLS_RECORDS, TlsRecords, part::VERSION_13, tls},
};

pub use last_word::{End, LastWord, Word};

use crate::{labels::Side, protocol::MAX_FAREWELL_BYTES};

/// Before what a record carries.
const HEADER: u32 = 5;
/// Level and description.
const ALERT_BYTES: u32 = 2;
/// The client's connection preface (RFC 9113 section 3.4).
const PREFACE: u32 = 24;
/// A SETTINGS frame without settings; also its acknowledgment.
const EMPTY_SETTINGS: u32 = 9;
/// A frame's header, and the least that four pseudo-header fields take, of which one is a host's name (RFC 7541).
const SHORTEST_HEADERS: u32 = 9 + 11;
/// SETTINGS, an acknowledgment, and HEADERS with a status and a date.
const SHORTEST_ANSWER: u32 = 40;
/// What a client's SETTINGS have behind them: nothing, or a WINDOW_UPDATE.
const ALONE: &[u32] = &[0, 13];
/// Or an acknowledgment of the server's as well.
const ACKNOWLEDGED: &[u32] = &[0, 9, 13, 22];
/// Tickets come in the first few records of a server.
const FIRST_RECORDS: usize = 4;
/// The most that one record carries.
const FULL_RECORD: u32 = 1 << 14;

/// One record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    pub by: Side,
    /// Jiffies when it had passed.
    pub at: u32,
    /// Bytes that it carries.
    pub carries: u32,
    /// Its type says that it is an alert.
    is_alert: bool,
    /// An alert, or as short as one of TLS 1.3: of no message that begins or ends an exchange.
    is_brief: bool,
    order: u16,
}

/// The newest records of both directions, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Records {
    list: Vec<Record>,
    /// All that there were.
    is_whole: bool,
    pub is_http2: bool,
    is_13: bool,
    /// Of the client's records.
    overhead: u32,
    /// The newest record of the server had not passed in full.
    pub is_answer_cut: bool,
    /// The handshake did not end.
    pub is_in_handshake: bool,
    /// Descriptions of the first alerts in clear text, of the server and of the client.
    clear: [Option<u8>; 2],
}

/// How the exchange stands by the records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turns {
    pub begun: u32,
    pub answered: u32,
    /// Jiffies when the request came that is open, or the newest.
    pub asked_at: Option<u32>,
    /// Jiffies at the newest record of a response.
    pub answered_at: Option<u32>,
}

impl Turns {
    pub fn is_open(&self) -> bool {
        self.begun != self.answered
    }
}

impl Records {
    pub fn of(exchange: &Exchange) -> Self {
        let asking = usize::from(exchange.request_direction & 1);
        let answering = usize::from((IN + OUT - exchange.request_direction) & 1);
        let (client, server) = (&exchange.streams[asking], &exchange.streams[answering]);
        let kept = [(Side::Client, TlsRecords::of(client)), (Side::Server, TlsRecords::of(server))];
        let mut list: Vec<Record> = kept
            .iter()
            .flat_map(|&(by, records)| {
                let count = records.count as usize;
                (count.saturating_sub(TLS_RECORDS)..count).map(move |at| {
                    let record = records.newest[at % TLS_RECORDS];
                    let len = record.len & !TLS_ALERT;
                    Record {
                        by,
                        at: record.at,
                        carries: u32::from(len).saturating_sub(u32::from(records.overhead)),
                        is_alert: record.len & TLS_ALERT != 0,
                        is_brief: record.len & TLS_ALERT != 0 || len == ALERT_13,
                        order: record.order,
                    }
                })
            })
            .collect();
        // The orders of two records of one moment are near each other.
        list.sort_by(|one, other| {
            let apart = one.at.wrapping_sub(other.at) as i32;
            apart.cmp(&0).then((one.order.wrapping_sub(other.order) as i16).cmp(&0))
        });
        let is_whole = kept.iter().all(|(_, records)| records.count as usize <= TLS_RECORDS);
        let flags = kept[0].1.flags;
        let is_greeted = flags & tls::OFFERS_HTTP2 != 0 && is_whole && is_greeted_first(&list);
        let is_under_way = |stream: &Stream| stream.state == state::RECORD && stream.skip > 0;
        let clear = |stream: &Stream| Some(TlsRecords::of(stream).alert).filter(|&said| said != 0);
        Self {
            list,
            is_whole,
            is_http2: flags & tls::HTTP2 != 0 || is_greeted,
            is_13: client.part & VERSION_13 != 0,
            overhead: kept[0].1.overhead.into(),
            is_answer_cut: is_under_way(server),
            is_in_handshake: kept[0].1.overhead == 0,
            clear: [server, client].map(|stream| clear(stream).map(|said| (said >> 8) as u8)),
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.list.len()
    }

    /// The description of a side's first alert, where it was in clear text.
    pub fn clear_alert(&self, by: Side) -> Option<u8> {
        self.clear[usize::from(by == Side::Client)]
    }

    /// An alert, or what looks like one.
    fn may_be_alert(&self, record: &Record) -> bool {
        record.is_alert || (self.is_13 && record.carries == ALERT_BYTES)
    }

    /// A frame that carries no message, or what looks like one.
    fn is_control(&self, record: &Record) -> bool {
        self.is_http2 && tls::is_control(u64::from(record.carries))
    }

    /// Neither an alert, nor a control frame, nor a farewell: COM_QUIT and Terminate have 5 bytes.
    fn may_ask(&self, record: &Record) -> bool {
        !record.is_brief && !self.is_control(record) && record.carries > MAX_FAREWELL_BYTES
    }

    /// Jiffies when the client asked for something after `word`, if it did.
    pub fn asked_behind(&self, word: &LastWord) -> Option<u32> {
        let is_later = |record: &&Record| (record.order.wrapping_sub(word.order) as i16) > 0;
        let late = self.list.iter().filter(|record| record.by == Side::Client).filter(is_later);
        late.into_iter().find(|record| self.may_ask(record)).map(|record| record.at)
    }

    /// The client has asked for something since `before` was all that there was.
    pub fn asks_since(&self, before: &Self) -> bool {
        let known = before
            .list
            .iter()
            .map(|record| record.order)
            .max_by(|one, other| (one.wrapping_sub(*other) as i16).cmp(&0));
        let is_later =
            |record: &&Record| known.is_none_or(|known| (record.order.wrapping_sub(known) as i16) > 0);
        let late = self.list.iter().filter(|record| record.by == Side::Client).filter(is_later);
        late.into_iter().any(|record| self.may_ask(record))
    }

    /// Whether a segment of `len` bytes that begins with `first` is one record of the client's, and its frame carries no
    /// message.
    pub fn is_control_record(&self, first: &[u8], len: u32) -> bool {
        let &[_, _, _, high, low, ..] = first else { return false };
        let record = u32::from(u16::from_be_bytes([high, low]));
        self.is_http2
            && record + HEADER == len
            && tls::is_control(u64::from(record.saturating_sub(self.overhead)))
    }

    /// The side has sent more than alerts since `before` was all that there was.
    pub fn goes_on_after(&self, before: &Self, by: Side) -> bool {
        let Some(newest) = before.list.iter().rfind(|record| record.by == by) else { return false };
        let is_later =
            |record: &&Record| record.by == by && (record.order.wrapping_sub(newest.order) as i16) > 0;
        self.list.iter().filter(is_later).any(|record| !record.is_brief)
    }

    /// Which side sent an alert first.
    pub fn first_alert(&self) -> Option<Side> {
        self.list.iter().find(|record| record.is_alert).map(|record| record.by)
    }

    /// Where the exchange stands after the first `before` records; `None` where the beginning is out of reach.
    pub fn turns(&self, before: usize) -> Option<Turns> {
        self.is_whole.then(|| self.replay(before))
    }

    /// The same from what is left of them: who spoke last, and when.
    pub fn newest_turns(&self, before: usize) -> Turns {
        self.replay(before)
    }

    fn replay(&self, before: usize) -> Turns {
        let mut turns = Turns::default();
        // A frame as small as one that carries no message, since the server spoke last.
        let (preface, settings) = (self.preface(), self.settings());
        // The record with the preface may hold a request too.
        let mut candidate =
            preface.and_then(|at| Some(self.list.get(at)?.at)).filter(|_| preface < Some(before));
        // Lengths of the first two of the server's since the first request.
        let mut first_answers = (0, None);
        for (at, record) in self.list.iter().enumerate().take(before) {
            let is_greeting = settings.is_some_and(|last| at <= last) && record.by == Side::Server;
            if record.is_brief || Some(at) == preface || is_greeting {
                continue;
            }
            if record.by == Side::Client {
                if self.is_control(record) {
                    if record.carries > 9 {
                        candidate.get_or_insert(record.at);
                    }
                    continue;
                }
                candidate = None;
                if !turns.is_open() {
                    turns.begun += 1;
                    turns.asked_at = Some(record.at);
                }
                continue;
            }
            if self.is_control(record) {
                continue;
            }
            if let Some(came) = candidate.take()
                && !turns.is_open()
                && turns.answered_at.is_none_or(|answered| came.wrapping_sub(answered) > 1)
            {
                turns.begun += 1;
                turns.asked_at = Some(came);
            }
            if turns.begun == 0 {
                continue;
            }
            let (count, first) = first_answers;
            first_answers = (count + 1, first.or(Some(record.carries)));
            if self.is_13
                && turns.begun == 1
                && !turns.is_open()
                && count == 1
                && first == Some(record.carries)
            {
                // Two of one length: session tickets (RFC 8446 section 4.6.1), sent while the first request came.
                (turns.answered, turns.answered_at) = (0, None);
                continue;
            }
            turns.answered = turns.begun;
            turns.answered_at = Some(record.at);
        }
        turns
    }

    /// HTTP/2: the record with the client's preface, unless it holds a request too.
    fn preface(&self) -> Option<usize> {
        if !self.is_http2 || !self.is_whole {
            return None;
        }
        let first = self.list.iter().position(|record| record.by == Side::Client && !record.is_brief)?;
        let (before, rest) = self.list.split_at(first);
        let (record, after) = rest.split_first()?;
        // Each side acknowledges once.
        let is_greeted =
            before.iter().any(|one| one.by == Side::Server && is_settings(one.carries, ACKNOWLEDGED));
        let is_later = after.iter().any(|one| one.by == Side::Client && one.carries == EMPTY_SETTINGS);
        let behind = if is_greeted && !is_later { ACKNOWLEDGED } else { ALONE };
        let rest = record.carries.checked_sub(PREFACE)?;
        (rest == 0 || is_settings(rest, behind)).then_some(first)
    }

    /// HTTP/2: nothing was answered by the first `before` records, and the one with the preface is long enough to hold a
    /// request too. Whether it does, nothing tells.
    pub fn may_hide_a_request(&self, before: usize) -> bool {
        let Some(at) = self.preface().filter(|&at| at < before) else { return false };
        let is_long = self.list[at].carries >= PREFACE + EMPTY_SETTINGS + SHORTEST_HEADERS;
        // Node to Node the answer comes in one record with the server's SETTINGS: then nothing is open.
        let greeting = self.settings().and_then(|last| self.list.get(at..=last)).unwrap_or_default();
        let may_be_answered =
            greeting.iter().any(|one| one.by == Side::Server && one.carries >= SHORTEST_ANSWER);
        is_long && !may_be_answered && self.replay(before).begun == 0
    }

    /// HTTP/2: the record with the server's SETTINGS, where it holds nothing else, or the newest right behind it that greets
    /// too; what comes before it are tickets.
    fn settings(&self) -> Option<usize> {
        if !self.is_http2 || !self.is_whole {
            return None;
        }
        let is_servers = |record: &Record| record.by == Side::Server && !record.is_brief;
        let mut servers = self.list.iter().enumerate().filter(|(_, record)| is_servers(record));
        let mut first = servers.by_ref().take(FIRST_RECORDS);
        let (at, settings) = first.find(|(_, record)| is_settings(record.carries, ACKNOWLEDGED))?;
        let is_more = |record: &Record| {
            ACKNOWLEDGED.contains(&record.carries) && record.at.wrapping_sub(settings.at) <= 1
        };
        let more = servers.take_while(|(_, record)| is_more(record)).last();
        Some(more.map_or(at, |(at, _)| at))
    }

    /// The last record of a response was as full as can be, or had not passed: more was to come.
    pub fn goes_on(&self) -> bool {
        let newest = self.list.iter().rfind(|record| !record.is_brief && !self.is_control(record));
        newest.is_some_and(|record| {
            record.by == Side::Server && (self.is_answer_cut || record.carries >= FULL_RECORD)
        })
    }

    /// The newest response came in pieces that are no download, one after the other until `end`: a stream of events.
    pub fn is_stream(&self, end: u32) -> bool {
        const PIECES: usize = 3;
        const PAUSE_TICKS: u32 = 3;
        let messages =
            || self.list.iter().rev().filter(|record| !record.is_brief && !self.is_control(record));
        let pieces: Vec<u32> =
            messages().take_while(|record| record.by == Side::Server).map(|record| record.at).collect();
        let Some(&newest) = pieces.first() else { return false };
        let pauses = pieces.windows(2).map(|pair| pair[0].wrapping_sub(pair[1]));
        let pauses: Vec<u32> = pauses.filter(|&ticks| ticks >= PAUSE_TICKS).collect();
        let Some(&longest) = pauses.iter().max() else { return false };
        pauses.len() >= PIECES && end.wrapping_sub(newest) <= 2 * longest
    }
}

/// The server spoke first, with what has the length of SETTINGS: no HTTP/1 server does, and its tickets are longer. Where both
/// sides send the acknowledgment in one record with something else, nothing else tells HTTP/2.
fn is_greeted_first(list: &[Record]) -> bool {
    let mut first =
        list.iter().filter(|record| !record.is_brief).take_while(|record| record.by == Side::Server);
    first.any(|record| is_settings(record.carries, ACKNOWLEDGED))
}

/// The length is that of a SETTINGS frame (RFC 9113 section 6.5.1: six bytes for each setting), which is a side's first
/// (section 3.4), with so many bytes behind it.
fn is_settings(carries: u32, behind: &[u32]) -> bool {
    (EMPTY_SETTINGS..=u32::from(LONGEST_SETTINGS)).contains(&carries)
        && behind.iter().any(|more| {
            carries.checked_sub(EMPTY_SETTINGS + more).is_some_and(|settings| settings.is_multiple_of(6))
        })
}

#[cfg(test)]
mod tests;
