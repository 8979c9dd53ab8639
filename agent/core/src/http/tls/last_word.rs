//! The record with which one side said that it ends the connection.

use super::{Record, Records};
use crate::labels::Side;

/// What a WebSocket's ping is answered with, and no request is as short (RFC 6455 section 5.5.3).
const LONGEST_PONG: u32 = 8;
/// A record so many ticks behind another of the same side belongs to it.
const TOGETHER_TICKS: u32 = 2;

/// Bytes of a PING, and of a GOAWAY without words.
const PING: u32 = 17;

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
        self.by == Some(record.by) && self.at.wrapping_sub(record.at) <= TOGETHER_TICKS
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
            .filter(|(at, record)| may_be_goaway(record) && self.settings() != Some(*at))?;
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
        if said_before
            .is_some_and(|other| other.by == Side::Client && other.carries != PING && may_be_goaway(other))
            && let Some(clients) = self.clients_goaway(End { by: Some(Side::Server), at: record.at }, at)
        {
            return Some(clients);
        }
        // A client that answers a GOAWAY with its own ends the connection with it.
        let mut answers =
            self.list[at + 1..].iter().filter(|other| other.by == Side::Client && other.carries == PING);
        let is_ping = answers.any(|answer| !end.is_right_behind(answer) && !self.ends_at(answer));
        (!is_reply && !is_ping).then_some(LastWord {
            by: Side::Server,
            at: record.at,
            before: at,
            order: record.order,
            what: Word::Goaway,
            is_sure: false,
        })
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
