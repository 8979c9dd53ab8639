//! Requests and the responses to them (RFC 9112 sections 6.3 and 9.3).

use super::{
    Cursor, LONG_GAP_TICKS, Payload, REPORT_EVERY,
    http2::no_old_streams,
    line::{MALFORMED, PREFACE},
    websocket,
};
use crate::exchange::{DEEP, DOUBT, GAP, HTTP2, STARTED_LATE, TUNNEL, kind, notes, state};

/// Lower ones are the kinds of requests.
const FIRST_STATUS: u16 = 100;

impl<P: Payload> Cursor<P> {
    /// The next byte is the first of a message.
    #[inline(always)]
    pub(super) unsafe fn message_begins(&mut self) {
        unsafe {
            let (stream, exchange) = (self.stream, self.exchange);
            (*stream).state = state::HEAD;
            (*stream).start_seq = (*stream).end_seq.wrapping_sub(self.len);
            (*stream).started = self.now;
            (*stream).messages = (*stream).messages.wrapping_add(1);
            (*stream).length = 0;
            (*stream).status = 0;
            (*stream).line = 0;
            (*stream).head_len = 0;
            (*stream).notes = 0;
            if self.asks() {
                self.request_begins();
            } else if (*exchange).begun == (*exchange).answered {
                (*stream).notes = notes::UNASKED;
                (*exchange).unasked = (*exchange).unasked.saturating_add(1);
            }
        }
    }

    #[inline(always)]
    pub(super) unsafe fn request_begins(&mut self) {
        unsafe {
            let exchange = self.exchange;
            let lost = (*self.other).state == state::LOST;
            if lost {
                // Where the responses stand is not known; a client mostly asks when it has been answered.
                (*exchange).answered = (*exchange).begun;
            }
            if (*exchange).flags & STARTED_LATE != 0 && (*exchange).begun == 1 {
                self.second_begins();
            }
            let open = (*exchange).begun.wrapping_sub((*exchange).answered);
            if open == 0 {
                (*exchange).oldest_started = self.now;
                if (*exchange).answered > 0 && !lost {
                    self.reused();
                }
            } else if open >= kind::SLOTS {
                (*exchange).flags |= DEEP;
            }
            (*exchange).kinds &= !(3 << (((*exchange).begun & (kind::SLOTS - 1)) * 2));
            self.one_more();
        }
    }

    /// A request has begun.
    #[inline(always)]
    pub(super) unsafe fn one_more(&mut self) {
        unsafe {
            let exchange = self.exchange;
            (*exchange).begun = (*exchange).begun.wrapping_add(1);
            if (*exchange).begun & (REPORT_EVERY - 1) == 0 {
                (*self.stream).report = 1;
            }
        }
    }

    /// Of the first request only the response was seen: read wrongly if it was to a HEAD.
    #[inline(always)]
    unsafe fn second_begins(&mut self) {
        unsafe {
            if (*self.other).state != state::BETWEEN {
                (*self.exchange).flags |= GAP;
            }
        }
    }

    /// A request on a connection that had been idle.
    #[inline(always)]
    pub(super) unsafe fn reused(&mut self) {
        unsafe {
            let exchange = self.exchange;
            let gap = self.now.wrapping_sub((*exchange).response_ended);
            (*exchange).gap = gap;
            (*exchange).reuses = (*exchange).reuses.wrapping_add(1);
            if gap >= LONG_GAP_TICKS {
                (*self.stream).report = 1;
            }
        }
    }

    /// The empty line has come.
    #[inline(always)]
    pub(super) unsafe fn head_ended(&mut self) {
        unsafe {
            let stream = self.stream;
            (*stream).notes |= notes::HEAD_DONE;
            (*stream).ends = (*stream).end_seq.wrapping_sub(self.len);
            if (*stream).notes & notes::UNSURE != 0 {
                (*self.exchange).flags |= DOUBT;
            }
            match (*stream).status {
                MALFORMED => return self.malformed(),
                PREFACE => return self.preface(),
                _ => {}
            }
            if self.asks() { self.request_head_ended() } else { self.response_head_ended() }
        }
    }

    /// What was taken for a message is none: bytes behind the end of a response, or another protocol.
    #[inline(always)]
    pub(super) unsafe fn malformed(&mut self) {
        unsafe {
            if (*self.stream).notes & notes::UNASKED != 0 && (*self.exchange).answered != 0 {
                return self.lose();
            }
            self.give_up();
        }
    }

    #[inline(always)]
    unsafe fn request_head_ended(&mut self) {
        unsafe {
            let (stream, exchange) = (self.stream, self.exchange);
            if (*stream).status >= FIRST_STATUS {
                // It answers: this is not the direction of requests.
                return self.give_up();
            }
            let slot = ((*exchange).begun.wrapping_sub(1) & (kind::SLOTS - 1)) * 2;
            (*exchange).kinds |= (u64::from((*stream).status) & 3) << slot;
            self.body_begins(false);
        }
    }

    #[inline(always)]
    unsafe fn response_head_ended(&mut self) {
        unsafe {
            let (stream, exchange) = (self.stream, self.exchange);
            let status = (*stream).status;
            if status < FIRST_STATUS {
                return self.give_up();
            }
            if (*stream).notes & notes::UNASKED != 0 {
                (*exchange).unasked_status = status;
            }
            if status == 101 {
                (*exchange).flags |= TUNNEL;
                websocket::begin(stream);
                return websocket::begin(self.other);
            }
            if status < 200 {
                (*stream).notes |= notes::INTERIM;
                return self.message_ended();
            }
            let slot = ((*exchange).answered & (kind::SLOTS - 1)) * 2;
            let asked = ((*exchange).kinds >> slot) & 3;
            if asked == kind::CONNECT && status < 300 {
                return self.tunnel();
            }
            if asked == kind::HEAD || status == 204 || status == 304 {
                return self.message_ended();
            }
            self.body_begins(true);
        }
    }

    #[inline(always)]
    unsafe fn body_begins(&mut self, may_run_on: bool) {
        unsafe {
            let stream = self.stream;
            let said = (*stream).notes;
            (*stream).part = 0;
            if said & notes::CHUNKED != 0 {
                if said & notes::LENGTH != 0 {
                    // One of the two is wrong (RFC 9112 section 6.3).
                    (*self.exchange).flags |= DOUBT;
                }
                (*stream).length = 0;
                (*stream).state = state::CHUNK;
            } else if said & notes::LENGTH != 0 && said & notes::CODED == 0 {
                if (*stream).length == 0 {
                    return self.message_ended();
                }
                (*stream).skip = (*stream).length;
                (*stream).state = state::BODY;
            } else if may_run_on {
                if said & notes::LENGTH != 0 {
                    // Beside a coding that is not chunked: who does not know it goes by the length.
                    (*self.exchange).flags |= DOUBT;
                }
                (*stream).state = state::UNTIL_CLOSE;
                (*stream).skip = u64::MAX;
            } else {
                if said & notes::CODED != 0 {
                    (*self.exchange).flags |= DOUBT;
                }
                self.message_ended();
            }
        }
    }

    /// The last byte of a message has passed.
    #[inline(always)]
    pub(super) unsafe fn message_ended(&mut self) {
        unsafe {
            let (stream, exchange) = (self.stream, self.exchange);
            (*stream).state = state::BETWEEN;
            (*stream).complete = (*stream).complete.wrapping_add(1);
            if !self.asks() && (*stream).notes & (notes::UNASKED | notes::INTERIM) == 0 {
                (*exchange).answered = (*exchange).answered.wrapping_add(1);
                (*exchange).response_ended = self.now;
            }
        }
    }

    #[inline(always)]
    unsafe fn tunnel(&mut self) {
        unsafe {
            (*self.exchange).flags |= TUNNEL;
            self.read_no_more();
        }
    }

    /// An HTTP/2 client's first line: with the empty line behind it, 18 of the preface's 24 bytes have been read.
    #[inline(always)]
    unsafe fn preface(&mut self) {
        unsafe {
            if !self.asks() || (*self.stream).messages != 1 || (*self.other).state != state::NEW {
                return self.give_up();
            }
            (*self.exchange).protocol = HTTP2;
            (*self.exchange).begun = 0;
            no_old_streams(self.exchange);
            (*self.stream).state = state::PREFACE;
            (*self.stream).skip = 6;
            (*self.stream).messages = 0;
        }
    }
}
