//! What was said of many closes.

use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader, Read},
    net::SocketAddr,
};

use anyhow::{Context as _, Result};

use crate::Close;

/// What stands of each socket, by local and remote address.
#[derive(Debug, Default)]
pub struct Closes {
    sockets: HashMap<(SocketAddr, SocketAddr), Vec<Close>>,
    printed: String,
}

impl FromIterator<Close> for Closes {
    fn from_iter<T: IntoIterator<Item = Close>>(all: T) -> Self {
        let mut closes = Self::default();
        all.into_iter().for_each(|close| closes.add(close));
        closes
    }
}

impl Closes {
    /// What `watch --json` has printed.
    pub fn read(output: impl Read) -> Result<Self> {
        let mut closes = Self::default();
        for line in BufReader::new(output).lines() {
            closes.add_line(&line.context("read closes")?)?;
        }
        Ok(closes)
    }

    /// All that was printed, what was amended included, line by line.
    pub fn printed(&self) -> &str {
        &self.printed
    }

    pub(crate) fn add_line(&mut self, line: &str) -> Result<()> {
        self.add(Close::parse(line)?);
        self.printed.push_str(line);
        self.printed.push('\n');
        Ok(())
    }

    pub fn add(&mut self, close: Close) {
        let closes = self.sockets.entry((close.local, close.remote)).or_default();
        // The same addresses may be in use in several namespaces.
        let amended = |said: &Close| said.netns == close.netns;
        if close.amends()
            && let Some(index) = closes.iter().rposition(amended)
        {
            closes.remove(index);
        }
        closes.push(close);
    }

    /// What stands of each socket.
    pub fn all(&self) -> impl Iterator<Item = &Close> {
        self.sockets.values().flatten()
    }

    pub fn of(&self, local: SocketAddr, remote: SocketAddr) -> &[Close] {
        self.sockets.get(&(local, remote)).map_or(&[], Vec::as_slice)
    }
}

/// The only close with this role.
///
/// # Panics
/// When there is another, or none.
pub fn at<'a>(closes: &'a [Close], role: &str) -> &'a Close {
    let mut found = closes.iter().filter(|close| close.role == role);
    match (found.next(), found.next()) {
        (Some(close), None) => close,
        _ => panic!("not one {role} among {closes:#?}"),
    }
}

/// The closes at one server and with one role, in the order in which they were told.
pub fn all_at<'a>(closes: &'a [Close], server: SocketAddr, role: &str) -> Vec<&'a Close> {
    closes.iter().filter(|close| close.touches(server) && close.role == role).collect()
}

/// The only one of those.
///
/// # Panics
/// When there is another, or none.
pub fn one_at<'a>(closes: &'a [Close], server: SocketAddr, role: &str) -> &'a Close {
    match all_at(closes, server, role).as_slice() {
        [close] => close,
        others => panic!("not one {role} at {server}: {others:#?}"),
    }
}

/// The only close of the socket with these ends, as that socket sees them.
///
/// # Panics
/// When there is none.
pub fn of(closes: &[Close], local: SocketAddr, remote: SocketAddr) -> &Close {
    let found = closes.iter().find(|close| (close.local, close.remote) == (local, remote));
    found.unwrap_or_else(|| panic!("no close of {local} to {remote} among {closes:#?}"))
}
