//! The record with which one side said that it ends the connection.

use super::{Record, Records, TOGETHER_TICKS};
use crate::labels::Side;

/// What a WebSocket's ping is answered with, and no request is as short (RFC 6455 section 5.5.3).
const LONGEST_PONG: u32 = 8;

/// Bytes of a PING, and of a GOAWAY without words.
const PING: u32 = 17;
/// A GOAWAY's words (RFC 9113 section 6.8, additional debug data) are no more: Apache's have 7 bytes, h2o's 41.
const MOST_WORDS: u32 = 64;
/// So many ticks behind all else, a message of a server's answers nothing.
const SILENT_TICKS: u32 = 25;

/// One side said that it ends the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastWord {
    pub by: Side,
    pub at: u32,
    /// Records before it.
    pub before: usize,
    pub(super) order: u16,
    pub what: Word,
    /// Nothing else is of that type or length.
    pub is_sure: bool,
    /// A GOAWAY with words: by its length alone it would be a message.
    pub has_words: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    Alert,
    Goaway,
}

/// Which FIN or RST came, and when.
#[derive(Clone, Copy, Debug)]
pub struct End {
    pub by: Option<Side>,
    pub at: u32,
}

impl End {
    fn is_right_behind(self, record: &Record) -> bool {
        self.by == Some(record.by) && self.is_at(record)
    }

    /// Nobody sends a PING, or answers one, in the very moment of the end.
    fn is_at(self, record: &Record) -> bool {
        self.at.wrapping_sub(record.at) <= TOGETHER_TICKS
    }
}

impl Records {
    /// The first word of the end that `end` finished.
    pub fn last_word(&self, end: End) -> Option<LastWord> {
        let alert = self.list.iter().enumerate().find_map(|(at, _)| self.alert(at, end));
        let goaway = self.goaway(end).or_else(|| self.clients_goaway(end, self.list.len()));
        match (alert, goaway) {
            (Some(alert), Some(goaway)) if goaway.before < alert.before => Some(goaway),
            (alert, goaway) => alert.or(goaway),
        }
    }

    fn alert(&self, at: usize, end: End) -> Option<LastWord> {
        let record = self.list.get(at)?;
        let goes_on = |(later, other): (usize, &Record)| {
            later > at && other.by == record.by && !self.may_be_alert(other)
        };
        if !self.may_be_alert(record) || self.list.iter().enumerate().any(goes_on) {
            return None;
        }
        let is_sure = record.is_alert || self.is_http2;
        (is_sure || self.is_no_message(at, end)).then_some(LastWord {
            by: record.by,
            at: record.at,
            before: at,
            order: record.order,
            what: Word::Alert,
            is_sure,
            has_words: false,
        })
    }

    /// TLS 1.3 and HTTP/1: two bytes may be of a message too.
    fn is_no_message(&self, at: usize, end: End) -> bool {
        let record = &self.list[at];
        let (before, after) = (&self.list[..at], &self.list[at + 1..]);
        let own = || before.iter().rev().filter(|other| other.by == record.by);
        // Right behind other bytes of its side it may be the end of what they began.
        let is_end_of_message =
            own().next().is_some_and(|other| record.at.wrapping_sub(other.at) <= TOGETHER_TICKS)
                && !end.is_right_behind(record);
        // That side has said as little before, and not right behind other bytes: they were the end of a message.
        let stands_alone = |of: &Record| {
            let before = |other: &&Record| (of.order.wrapping_sub(other.order) as i16) > 0;
            let behind = own().find(before);
            behind.is_none_or(|other| of.at.wrapping_sub(other.at) > TOGETHER_TICKS)
        };
        let is_habit = own().any(|other| self.may_be_alert(other) && stands_alone(other));
        // A ping is answered.
        let is_ping = after
            .iter()
            .any(|other| other.by != record.by && other.carries <= LONGEST_PONG && !self.may_be_alert(other));
        !is_end_of_message && !is_habit && !is_ping
    }

    /// HTTP/2: the newest frames of the server, of the length of a GOAWAY, that are no PING and answer none.
    fn goaway(&self, end: End) -> Option<LastWord> {
        if !self.is_http2 {
            return None;
        }
        let (at, record) = self
            .list
            .iter()
            .enumerate()
            .rfind(|(_, record)| record.by == Side::Server && !record.is_brief)
            .filter(|(at, record)| may_be_goaway(record) || self.is_goaway_with_words(*at, end))
            .filter(|(at, _)| self.settings() != Some(*at))
            .filter(|(at, record)| !self.replay(*at).is_answered_by(record))?;
        let pings = |records: &[Record], by: Side| {
            records
                .iter()
                .filter(|other| other.by == by && other.carries == PING)
                .map(|other| other.at)
                .collect::<Vec<_>>()
        };
        let (asked, answered) =
            (pings(&self.list[..at], Side::Client), pings(&self.list[..at], Side::Server));
        let is_reply = asked.len() > answered.len();
        let said_before = self.list[..at].iter().rfind(|other| !other.is_brief);
        if said_before.is_some_and(|other| {
            other.by == Side::Client
                && may_be_goaway(other)
                && (other.carries != PING || (end.by == Some(Side::Server) && end.is_at(other)))
        }) && let Some(clients) = self.clients_goaway(End { by: Some(Side::Server), at: record.at }, at)
        {
            return Some(clients);
        }
        // A client that answers a GOAWAY with its own ends the connection with it.
        let mut answers =
            self.list[at + 1..].iter().filter(|other| other.by == Side::Client && other.carries == PING);
        let is_ping = answers.any(|answer| !end.is_at(answer) && !self.ends_at(answer));
        (!is_reply && !is_ping).then_some(LastWord {
            by: Side::Server,
            at: record.at,
            before: at,
            order: record.order,
            what: Word::Goaway,
            is_sure: false,
            has_words: !may_be_goaway(record),
        })
    }

    /// HTTP/2: with nothing open, and long after all else, the server said something brief together with its end.
    fn is_goaway_with_words(&self, at: usize, end: End) -> bool {
        let record = &self.list[at];
        let before = self.list[..at].iter().rfind(|other| !other.is_brief);
        record.by == Side::Server
            && (PING + 1..=PING + MOST_WORDS).contains(&record.carries)
            && before.is_some_and(|other| record.at.wrapping_sub(other.at) >= SILENT_TICKS)
            && (end.is_right_behind(record) || self.ends_at(record))
            && !self.replay(at).is_open()
    }

    /// HTTP/2: what the server's end came right behind: a frame of the client's of the length of a GOAWAY, that it answered
    /// with that.
    fn clients_goaway(&self, end: End, before: usize) -> Option<LastWord> {
        if !self.is_http2 {
            return None;
        }
        let said = |record: &&Record| !self.may_be_alert(record);
        let list = &self.list[..before];
        let record =
            list.iter().rfind(said).filter(|record| record.by == Side::Client && may_be_goaway(record))?;
        let at = self.list.iter().position(|other| other.order == record.order)?;
        let alert = self.list[at..].iter().find(|other| self.may_be_alert(other));
        let (by, answered_at) = alert.map_or((end.by?, end.at), |alert| (alert.by, alert.at));
        let is_answered = by == Side::Server && answered_at.wrapping_sub(record.at) <= TOGETHER_TICKS;
        is_answered.then_some(LastWord {
            by: Side::Client,
            at: record.at,
            before: at,
            order: record.order,
            what: Word::Goaway,
            is_sure: false,
            has_words: false,
        })
    }

    /// The side of `record` says goodbye right behind it.
    fn ends_at(&self, record: &Record) -> bool {
        self.list.iter().any(|other| {
            other.by == record.by
                && self.may_be_alert(other)
                && other.at.wrapping_sub(record.at) <= TOGETHER_TICKS
        })
    }
}

fn may_be_goaway(record: &Record) -> bool {
    matches!(record.carries, PING | 26 | 30 | 34)
}
