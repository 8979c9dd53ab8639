//! Finds the end of a head, line by line, in the window that also keeps the head's first bytes.

use super::{
    Cursor, Payload,
    bound::{load_word, opaque, store_word, within},
};
use crate::exchange::{HEAD_BYTES, KEPT_BYTES, Stream, notes, state};

const WINDOW: u64 = HEAD_BYTES as u64;
const KEPT: u64 = KEPT_BYTES as u64;
/// What is added to a window that holds something already. Two bounds whose sum the verifier can see is no more
/// than the window.
const PIECE: u64 = 128;
/// What is kept of a line that the window slides away from: no field that matters is told by more.
const PREFIX: u64 = 40;
const _: () = assert!(KEPT + PREFIX <= WINDOW - PIECE && WINDOW.is_multiple_of(8) && KEPT.is_multiple_of(8));

const ONES: u64 = 0x0101_0101_0101_0101;
/// [`Stream::found`] when nothing was.
pub(super) const NOWHERE: u16 = u16::MAX;
const CR: u8 = b'\r';
const LF: u8 = b'\n';

impl<P: Payload> Cursor<P> {
    /// Reads one line; when the window holds no whole one, more is put into it first.
    #[inline(always)]
    pub(super) unsafe fn read_head(&mut self) {
        unsafe {
            let stream = self.stream;
            let starts = (*stream).state == state::BETWEEN;
            if starts {
                (*stream).held = 0;
            }
            if (*stream).options != 0 {
                return super::line::next_option(stream);
            }
            if (*stream).unread == 0 && !self.load_head(starts) {
                return;
            }
            (*stream).unread = 0;
            if let Some(at) = line_end(stream) {
                (*stream).unread = 1;
                if super::line::ended(stream, at) {
                    (*stream).unread = 0;
                    // What was put into the window beyond the head is not used up.
                    let beyond = u32::from((*stream).held).wrapping_sub(at as u32 + 1);
                    self.at = self.at.wrapping_sub(beyond);
                    self.len = self.len.wrapping_add(beyond);
                    (*stream).held = 0;
                    keep(stream, at + 1);
                    return self.head_ended();
                }
                if (*stream).status == super::line::MALFORMED {
                    return self.malformed();
                }
                (*stream).line = (at + 1) as u16;
            }
        }
    }

    /// False when there is nothing new to read, or not yet.
    #[inline(always)]
    unsafe fn load_head(&mut self, starts: bool) -> bool {
        unsafe {
            let stream = self.stream;
            let held = opaque(u64::from((*stream).held));
            let window = (&raw mut (*stream).head).cast::<u8>();
            let loaded = if held == 0 {
                let n = within(u64::from(self.len).min(WINDOW), WINDOW);
                n.filter(|&n| self.payload.load(self.at, window, n as u32))
            } else {
                if held > WINDOW - PIECE {
                    slide(stream);
                    return false;
                }
                let n = within(u64::from(self.len).min(PIECE), PIECE);
                n.filter(|&n| self.payload.load(self.at, window.add(held as usize), n as u32))
            };
            let Some(n) = loaded else {
                self.lose();
                return false;
            };
            if starts {
                if matches!(*window, CR | LF) {
                    self.advance(1);
                    return false;
                }
                self.message_begins();
            }
            (*stream).held = (held + n) as u16;
            keep(stream, held + n);
            self.advance(n as u32);
            true
        }
    }
}

/// The window holds `len` bytes of the head, from its start unless it has slid.
#[inline(always)]
unsafe fn keep(stream: *mut Stream, len: u64) {
    unsafe {
        if (*stream).notes & notes::CUT == 0 {
            (*stream).head_len = len as u16;
        }
    }
}

/// Makes room: keeps the head's first bytes and the beginning of the line under way.
#[inline(always)]
unsafe fn slide(stream: *mut Stream) {
    unsafe {
        let window = (&raw mut (*stream).head).cast::<u8>();
        let line = opaque(u64::from((*stream).line));
        let have = u64::from((*stream).held).wrapping_sub(line);
        if line > WINDOW {
            return;
        }
        let words = [
            word_at(window, line),
            word_at(window, line + 8),
            word_at(window, line + 16),
            word_at(window, line + 24),
            word_at(window, line + 32),
        ];
        let to = window.add(KEPT_BYTES);
        store_word(to, words[0]);
        store_word(to.add(8), words[1]);
        store_word(to.add(16), words[2]);
        store_word(to.add(24), words[3]);
        store_word(to.add(32), words[4]);
        if (*stream).notes & notes::CUT == 0 {
            (*stream).notes |= notes::CUT;
            (*stream).head_len = KEPT_BYTES as u16;
        }
        if have > PREFIX {
            (*stream).notes |= notes::LONG;
        }
        (*stream).line = KEPT_BYTES as u16;
        (*stream).held = (KEPT + have.min(PREFIX)) as u16;
    }
}

/// Eight bytes of the window at `at`; zeros beyond it.
#[inline(always)]
pub(super) unsafe fn word_at(window: *const u8, at: u64) -> u64 {
    let at = opaque(at);
    if at > WINDOW {
        return 0;
    }
    unsafe { load_word(window.add(at as usize)) }
}

/// Where the next line that says something ends, if the window holds its end.
/// [`Stream::line`] is left where that line, or the last that has begun, begins.
#[inline(always)]
unsafe fn line_end(stream: *mut Stream) -> Option<u64> {
    unsafe {
        if (*stream).notes & notes::FIRST_LINE != 0 {
            pass_over(stream);
        }
        let line = u64::from((&raw const (*stream).line).read_volatile());
        (*stream).found = NOWHERE;
        find(stream, line, &raw const (*stream).held, LF);
        let found = (&raw const (*stream).found).read_volatile();
        if found == NOWHERE { None } else { Some(u64::from(found)) }
    }
}

/// Moves on to the next line that may say something.
#[inline(always)]
unsafe fn pass_over(stream: *mut Stream) {
    unsafe {
        let window = (&raw const (*stream).head).cast::<u8>();
        let from = u64::from((*stream).line);
        if (*stream).notes & notes::LONG != 0 || says_something(stream, window, from) {
            return;
        }
        let mut base = from & !7;
        let mut before = u64::MAX << ((from & 7) * 8);
        for _ in 0..WINDOW / 8 {
            base = opaque(base);
            if base >= WINDOW {
                return;
            }
            let ends = hits(load_word(window.add(base as usize)), LF) & before;
            if ends != 0 && passed_all(stream, window, base, ends) {
                return;
            }
            before = u64::MAX;
            base += 8;
            if base >= limit(&raw const (*stream).held) {
                return;
            }
        }
    }
}

/// Moves on past the line ends in one word; true when there is a reason to stop.
///
/// Straight on, not in a loop: all that differs between its ways is in memory, so that they are one to the
/// verifier.
#[inline(always)]
unsafe fn passed_all(stream: *mut Stream, window: *const u8, base: u64, ends: u64) -> bool {
    unsafe {
        let line = base + lowest(ends) + 1;
        if line > limit(&raw const (*stream).held) {
            return true;
        }
        (&raw mut (*stream).line).write_volatile(line as u16);
        if says_something(stream, window, line) {
            return true;
        }
        let more = ends & (ends - 1);
        if more == 0 {
            return false;
        }
        let line = base + lowest(more) + 1;
        if line > limit(&raw const (*stream).held) {
            return true;
        }
        (&raw mut (*stream).line).write_volatile(line as u16);
        // Three in eight bytes: no header, and the next step's matter.
        says_something(stream, window, line) || more & (more - 1) != 0
    }
}

/// False for a line that begins with nothing that is looked for.
#[inline(always)]
unsafe fn says_something(stream: *const Stream, window: *const u8, line: u64) -> bool {
    let line = opaque(line);
    if line > WINDOW {
        return true;
    }
    let word = unsafe { load_word(window.add(line as usize)) };
    // Too little of it is there to tell, or it is empty.
    let held = unsafe { limit(&raw const (*stream).held) };
    line + 8 > held || matches!(word as u8, CR | LF) || super::line::is_looked_for(word)
}

/// Reads a bound anew each time: a register that holds it would learn from each comparison, differently on each
/// way, and the verifier would follow them all.
#[inline(always)]
unsafe fn limit(at: *const u16) -> u64 {
    u64::from(unsafe { at.read_volatile() })
}

/// Leaves in [`Stream::found`] where `byte` is next, from `from` on and before `to`.
#[inline(always)]
pub(super) unsafe fn find(stream: *mut Stream, from: u64, to: *const u16, byte: u8) {
    unsafe {
        let window = (&raw const (*stream).head).cast::<u8>();
        let mut base = from & !7;
        let mut before = u64::MAX << ((from & 7) * 8);
        for _ in 0..WINDOW / 8 {
            base = opaque(base);
            if base >= WINDOW {
                return;
            }
            let hits = hits(load_word(window.add(base as usize)), byte) & before;
            if hits != 0 {
                let at = base + lowest(hits);
                if at < limit(to) {
                    (&raw mut (*stream).found).write_volatile(at as u16);
                }
                return;
            }
            before = u64::MAX;
            base += 8;
            if base >= limit(to) {
                return;
            }
        }
    }
}

/// The top bit of each byte that is `byte`, exactly (no carry runs from one byte into the next).
#[inline(always)]
fn hits(word: u64, byte: u8) -> u64 {
    const LOW: u64 = 0x7f * ONES;
    let x = word ^ (u64::from(byte) * ONES);
    !(((x & LOW) + LOW) | x | LOW)
}

/// Index of the lowest byte whose top bit is set.
#[inline(always)]
fn lowest(hits: u64) -> u64 {
    ((hits & hits.wrapping_neg()) >> 7).wrapping_mul(0x0001_0203_0405_0607) >> 56
}
