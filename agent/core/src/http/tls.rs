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
/// The type of an alert that is not hidden.
const ALERT: u8 = 21;
/// A RST_STREAM frame.
const RST_STREAM: u32 = 13;
/// A record so many ticks behind another belongs to it.
const TOGETHER_TICKS: u32 = 2;
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
/// A ticket leaves when the client's part of the handshake has come: so many ticks behind the request that came with it, or fewer.
const TICKET_TICKS: u32 = 64;
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
    /// TLS 1.3: all that answers the only request is one record, right behind the handshake, and no session ticket came before
    /// it: it may be that.
    pub may_be_ticket: bool,
    /// Records of the request that is open, or the newest.
    asked_records: u32,
    /// HTTP/2: jiffies when the client sent, with the request open and nothing of the server's to take in, what is as long as a
    /// RST_STREAM: it gave the request up.
    pub given_up_at: Option<u32>,
}

impl Turns {
    pub fn is_open(&self) -> bool {
        self.begun != self.answered
    }

    /// HTTP/2: `record` is as long as two control frames, but to a request of HEADERS alone a server has none to send: no data
    /// came that it could give room for. It is an answer like one before, with fields that are all in the table (RFC 7541).
    fn is_answered_by(&self, record: &Record) -> bool {
        self.is_open() && self.begun > 1 && self.asked_records == 1 && matches!(record.carries, 26 | 30)
    }

    /// HTTP/2: `record`, which carries no message, is as long as a RST_STREAM, and comes some time behind the only request.
    fn is_given_up_by(&self, record: &Record) -> bool {
        let is_later = self.asked_at.is_some_and(|asked| record.at.wrapping_sub(asked) > TOGETHER_TICKS);
        self.is_open() && self.asked_records == 1 && record.carries == RST_STREAM && is_later
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

    /// Whether a segment of `len` bytes of the client's that begins with `first` asks for nothing: an alert, a farewell, or a
    /// frame that carries no message, with or without an alert behind it. `None` where protection adds nobody knows how much.
    pub fn asks_for_nothing(&self, first: &[u8], len: u32) -> Option<bool> {
        let &[kind, _, _, high, low, ..] = first else { return None };
        if kind == ALERT {
            return Some(true);
        }
        let record = HEADER + u32::from(u16::from_be_bytes([high, low]));
        let is_all = record == len || record + self.alert_bytes() == len;
        (self.overhead > 0).then(|| is_all && self.is_as_short_as_a_farewell(record))
    }

    /// The same of bytes of which no more is known than how many they are.
    pub fn may_ask_for_nothing(&self, len: u32) -> Option<bool> {
        let is_record = |&len: &u32| len >= HEADER + self.overhead;
        let before_alert = len.checked_sub(self.alert_bytes()).filter(is_record);
        (self.overhead > 0).then(|| {
            self.is_as_short_as_a_farewell(len)
                || before_alert.is_some_and(|len| self.is_as_short_as_a_farewell(len))
        })
    }

    /// A record with its header.
    fn is_as_short_as_a_farewell(&self, len: u32) -> bool {
        // No record is shorter than what protection adds.
        len.checked_sub(HEADER + self.overhead).is_none_or(|carries| {
            carries <= MAX_FAREWELL_BYTES || self.is_http2 && tls::is_control(carries.into())
        })
    }

    /// A record with an alert.
    const fn alert_bytes(&self) -> u32 {
        HEADER + ALERT_BYTES + self.overhead
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

    /// The newest record of this side that is no alert passed after that moment, jiffies.
    pub fn has_come_after(&self, by: Side, at: u32) -> bool {
        let newest = self.list.iter().rev().find(|record| record.by == by && !record.is_brief);
        newest.is_some_and(|record| record.at.wrapping_sub(at).cast_signed() > 0)
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
        let mut is_past_tickets = !self.is_13 || self.is_http2;
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
                    if turns.is_given_up_by(record) {
                        turns.given_up_at = Some(record.at);
                    }
                    continue;
                }
                candidate = None;
                if let Some(at) = turns.given_up_at.take() {
                    (turns.answered, turns.answered_at) = (turns.begun, Some(at));
                }
                if turns.is_open() {
                    turns.asked_records += 1;
                } else {
                    turns.begun += 1;
                    (turns.asked_at, turns.asked_records) = (Some(record.at), 1);
                }
                continue;
            }
            if self.is_control(record) && !turns.is_answered_by(record) {
                continue;
            }
            turns.given_up_at = None;
            if let Some(came) = candidate.take()
                && !turns.is_open()
                && turns.answered_at.is_none_or(|answered| came.wrapping_sub(answered) > 1)
            {
                turns.begun += 1;
                (turns.asked_at, turns.asked_records) = (Some(came), 1);
            }
            if turns.begun == 0 {
                is_past_tickets = true;
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
                (turns.answered, turns.answered_at, turns.may_be_ticket) = (0, None, false);
                is_past_tickets = true;
                continue;
            }
            let is_at_once =
                || turns.asked_at.is_some_and(|asked| record.at.wrapping_sub(asked) <= TICKET_TICKS);
            turns.may_be_ticket = !is_past_tickets && is_at_once();
            is_past_tickets = true;
            turns.answered = turns.begun;
            turns.answered_at = Some(record.at);
        }
        turns
    }

    /// How the exchange stood before the server's newest records, which came within `ticks` of `end`; `None` where they answer
    /// nothing.
    pub fn answered_right_before(&self, end: u32, ticks: u32) -> Option<Turns> {
        let is_message = |record: &&Record| !record.is_brief;
        let newest = self.list.iter().rfind(is_message)?;
        let is_together = |record: &Record| {
            record.by == Side::Server && (record.is_brief || end.wrapping_sub(record.at) <= ticks)
        };
        let behind = self.list.iter().rev().take_while(|record| is_together(record)).count();
        let before = self.replay(self.list.len() - behind);
        (newest.by == Side::Server && before.is_open()).then_some(before)
    }

    /// The server has sent a record that carries so much, or more.
    pub fn has_answered_with(&self, carries: u32) -> bool {
        self.list.iter().any(|record| record.by == Side::Server && record.carries >= carries)
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
