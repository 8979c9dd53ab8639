//! The agent under test, by the harness: `whohungup watch --json`, and what it reports of each close.

pub(crate) use harness::{Close, Closes, Watch};

#[cfg(test)]
pub(crate) mod tests {
    //! The ends of [`harness::Close::sample`].

    pub(crate) const CLIENT: &str = "127.0.0.1:1000";
    pub(crate) const SERVER: &str = "127.0.0.1:80";
}
