//! From what the network brings to lines, each of at most a given length.

/// Bytes of an event that are kept: etcd takes objects of at most 1.5 MiB (--max-request-bytes).
pub(super) const LONGEST: usize = 2 << 20;
/// A buffer that has grown beyond this is given back.
const USUAL: usize = 64 << 10;

/// What has come of a line.
#[derive(Debug, Default)]
pub(super) struct Lines {
    begun: Vec<u8>,
    /// It is too long: the rest of it is thrown away.
    skips: bool,
}

impl Lines {
    /// Calls `line` with each line that `data` ends, without its end, and with `None` for one that is too long.
    pub(super) fn push(&mut self, data: &[u8], mut line: impl FnMut(Option<&[u8]>)) {
        let mut parts = data.split(|&byte| byte == b'\n');
        // What is behind the last end of a line is the begin of the next.
        let mut part = parts.next().unwrap_or_default();
        for next in parts {
            self.add(part);
            line((!self.skips).then_some(&*self.begun));
            *self = Self { begun: self.emptied(), skips: false };
            part = next;
        }
        self.add(part);
    }

    fn add(&mut self, part: &[u8]) {
        if self.begun.len() + part.len() > LONGEST {
            self.skips = true;
            self.begun = Vec::new();
        }
        if !self.skips {
            self.begun.extend_from_slice(part);
        }
    }

    fn emptied(&mut self) -> Vec<u8> {
        let mut buffer = std::mem::take(&mut self.begun);
        if buffer.capacity() > USUAL {
            return Vec::new();
        }
        buffer.clear();
        buffer
    }
}
