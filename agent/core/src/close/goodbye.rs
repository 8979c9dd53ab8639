//! The first word of an end, said before any FIN or RST: a TLS alert, or a GOAWAY (HTTP/2).
//!
//! Who says it ends the connection; the FIN of the other side only answers it (RFC 8446 section 6.1; RFC 9113 section
//! 6.8). Clocks stop there, and a request that comes after it meets a connection that has ended.

use whohungup_ebpf::exchange::{Exchange, IN, OUT, TLS};

use super::{
    ending::Ending,
    facts::{Facts, Reading as _, is_before},
    phase::ExchangePhase,
    race::Found,
};
use crate::{
    http::{
        TlsAlert,
        tls::{End, LastWord, Records, Word},
    },
    labels::{Basis, Cause, CloseType, Closer, Phase, Race, Role, Side},
};

/// A FIN that leaves so many ticks after the word leaves together with it.
const TOGETHER_TICKS: u32 = 2;
/// Nobody gives a request up sooner.
const PATIENCE_TICKS: u32 = 25;

/// What was said, and how the records stood.
#[derive(Clone, Debug)]
pub(super) struct Goodbye {
    pub by: Side,
    /// Jiffies when it passed.
    pub at: u32,
    pub what: Word,
    is_sure: bool,
    /// TLS: it, and the records at the first step.
    in_records: Option<(LastWord, Records)>,
}

/// `None` where the first FIN or RST was the first word, or left together with it.
pub(super) fn find(facts: &Facts, ending: Ending, view: &ExchangePhase) -> Option<Goodbye> {
    // Of two FINs that crossed one may answer what the other side had said before.
    let closer = ending.closer.side();
    if closer.is_none() && ending.closer != Closer::Both {
        return None;
    }
    if ending.connecting || facts.is_seen_late() {
        return None;
    }
    let exchange = facts.exchange.as_deref()?;
    let is_http2 = view.basis == Basis::Http && view.at.as_ref().is_some_and(|at| at.http2);
    let said = (exchange.protocol == TLS).then(|| in_records(facts, exchange, closer)).flatten();
    let found = if is_http2 {
        // What was read is no guess by size.
        let alert = said.clone().filter(|said| said.what == Word::Alert);
        // But what lies unread in this end's socket nobody has read inside.
        let frames = in_frames(view);
        let is_seen = view.at.as_ref().is_some_and(|at| at.goaway);
        let unread = said.clone().filter(|said| {
            facts.first.unread() > 0
                && said.what == Word::Goaway
                && !is_seen
                && said.by.closer() == facts.role.other_end()
        });
        frames.into_iter().chain(alert).chain(unread).reduce(Goodbye::earlier)
    } else {
        said
    }?;
    let is_asked =
        found.in_records.as_ref().is_some_and(|(word, records)| records.asked_behind(word).is_some());
    let has_words = found.in_records.as_ref().is_some_and(|(word, _)| word.has_words);
    let is_together = closer == Some(found.by)
        && !is_asked
        && !has_words
        && facts.first.ticks_since(found.at) <= TOGETHER_TICKS;
    (!is_together).then_some(found)
}

fn in_records(facts: &Facts, exchange: &Exchange, closer: Option<Side>) -> Option<Goodbye> {
    let records = Records::of(exchange);
    let word = records.last_word(End { by: closer, at: facts.first.header.jiffies })?;
    let is_open = records.newest_turns(word.before).is_open();
    // A client that says it has no more to send may be answered all the same.
    let is_answered = word.by == Side::Client && is_open && !records.newest_turns(records.count()).is_open();
    // A server's GOAWAY lets what is open end.
    let is_announcement = word.what == Word::Goaway && is_open;
    let goes_on = newest(facts).is_some_and(|newest| Records::of(newest).goes_on_after(&records, word.by));
    (!is_answered && !is_announcement && !goes_on).then_some(Goodbye {
        by: word.by,
        at: word.at,
        what: word.what,
        is_sure: word.is_sure,
        in_records: Some((word, records)),
    })
}

/// What had passed when the socket was last seen.
fn newest(facts: &Facts) -> Option<&Exchange> {
    facts.exchange_after.as_deref()
}

fn in_frames(view: &ExchangePhase) -> Option<Goodbye> {
    // Bytes that are no HTTP/2 may look like one, with a code that nobody has defined.
    let frame = view.at.as_ref()?.goaway_frame.as_ref().filter(|frame| frame.is_defined())?;
    // One with an error ends the streams that are open too; a client's lets them end.
    let ends = view.phase.is_idle() || (frame.by == Side::Server && frame.is_polite());
    ends.then_some(Goodbye {
        by: frame.by,
        at: frame.at,
        what: Word::Goaway,
        is_sure: !frame.is_answered,
        in_records: None,
    })
}

impl Goodbye {
    fn earlier(self, other: Self) -> Self {
        if is_before(other.at, self.at) { other } else { self }
    }

    pub(super) fn is_tls(&self) -> bool {
        self.in_records.is_some()
    }

    /// How it ended, seen so.
    pub(super) fn ending(&self, facts: &Facts, by_fin: Ending) -> Ending {
        let closer = self.by.closer();
        // What the other side did then is no cause.
        let is_own = closer == by_fin.closer && by_fin.cause != Cause::UnreadData;
        Ending {
            closer,
            close_type: CloseType::Fin,
            cause: if is_own { by_fin.cause } else { Cause::Unknown },
            local: facts.role.this_end() == closer,
            connecting: false,
        }
    }

    /// `view`, which is of the first FIN or RST, as it was when this was said; `None` where a message that was under way
    /// has ended since: the end was announced, and came with that.
    pub(super) fn view(&self, mut view: ExchangePhase) -> Option<ExchangePhase> {
        if let Some((word, records)) = &self.in_records {
            if view.basis == Basis::Inferred {
                by_records(&mut view, word, records);
            } else {
                self.without_late_request(&mut view, word, records);
            }
        }
        view.exact &= self.is_sure;
        let is_later = |at: u32| is_before(self.at, at);
        if view.phase == Phase::Idle && view.idle_since.is_some_and(is_later) {
            return None;
        }
        let is_unseen = view.at.as_ref().is_some_and(|at| at.unseen > 0 && Some(at.unseen) == at.in_flight);
        if self.in_records.is_none() && view.phase.is_in_flight() && !is_unseen {
            // Its streams were to end first.
            return None;
        }
        view.ended_at = Some(self.at);
        (view.is_ambiguous_last_word, view.is_farewell_read) = (false, false);
        Some(view)
    }

    /// Read inside TLS: a request that came since was not open.
    fn without_late_request(&self, view: &mut ExchangePhase, word: &LastWord, records: &Records) {
        let is_late = records.asked_behind(word).is_some()
            || view.request_start_jiffies.is_some_and(|at| is_before(self.at, at));
        if view.in_flight == Some(1) && view.reused && is_late && !records.newest_turns(word.before).is_open()
        {
            (view.phase, view.in_flight) = (Phase::Idle, Some(0));
        }
    }

    /// In words; the first FIN or RST came so many seconds later.
    pub(super) fn evidence(&self, later: f64) -> String {
        let what = match (self.what, self.is_sure) {
            (Word::Alert, _) => "TLS alert (close_notify)",
            (Word::Goaway, false) if self.is_tls() => "GOAWAY (by its size)",
            (Word::Goaway, _) => "GOAWAY",
        };
        format!("the {}'s {what} came first, {later:.3} s before: it ended the connection", self.by)
    }

    /// A request that came after it, over TLS. In clear text sequence numbers and stream numbers tell.
    pub(super) fn race(&self, facts: &Facts, view: &ExchangePhase) -> Option<Found> {
        let (word, at_first) = self.in_records.as_ref()?;
        let was_used =
            at_first.newest_turns(word.before).answered > 0 || view.requests.is_some_and(|served| served > 0);
        if self.by != Side::Server || view.phase != Phase::Idle || view.announced || !was_used {
            return None;
        }
        let exchange = newest(facts).or(facts.exchange.as_deref())?;
        let asked = Records::of(exchange).asked_behind(word)?;
        let known = asked.wrapping_sub(self.at);
        let answers = (IN + OUT - exchange.request_direction) & 1;
        let said = facts.exchange.as_deref()?.streams[usize::from(answers)].end_seq;
        let race = match facts.role {
            // What its kernel had received when it sent.
            Role::Server if is_before(exchange.request_ack, said) => Race::Crossed,
            _ => Race::Stale,
        };
        let known_for =
            (race == Race::Stale && facts.role == Role::Client).then(|| f64::from(known) * facts.tick);
        Some(Found { race, exact: view.is_plaintext && view.exact && self.is_sure, known_for })
    }
}

/// How it was by the records before `word`.
fn by_records(view: &mut ExchangePhase, word: &LastWord, records: &Records) {
    let turns = records.newest_turns(word.before);
    if records.turns(word.before).is_none() && turns.begun == 0 {
        // Out of reach: it was as it is.
        return;
    }
    let waited = turns.answered_at.is_some_and(|at| word.at.wrapping_sub(at) > PATIENCE_TICKS);
    if records.may_hide_a_request(word.before) || (turns.may_be_ticket && waited) {
        (view.phase, view.in_flight) = (Phase::Unknown, None);
        return;
    }
    let given_up = turns.given_up_at.filter(|&at| word.at.wrapping_sub(at) > TOGETHER_TICKS);
    let is_open = turns.is_open() && given_up.is_none();
    view.phase = match (turns.begun, is_open) {
        (0, _) => Phase::Unused,
        (_, true) => Phase::Waiting,
        (_, false) => Phase::Idle,
    };
    view.in_flight = Some(u32::from(is_open));
    (view.request_start_jiffies, view.idle_since) = (turns.asked_at, given_up.or(turns.answered_at));
    view.reused = turns.answered > 0 && (!is_open || turns.begun > 1);
}

/// The alert with which a TLS handshake failed.
pub(super) fn failed_handshake(facts: &Facts) -> Option<TlsAlert> {
    let exchange = facts.exchange_after.as_deref().or(facts.exchange.as_deref())?;
    if exchange.protocol != TLS {
        return None;
    }
    let records = Records::of(exchange);
    let by = records.first_alert().filter(|_| records.is_in_handshake)?;
    let number = records.clear_alert(by);
    (number != Some(0)).then(|| TlsAlert::new(by, number))
}

#[cfg(test)]
mod tests;
