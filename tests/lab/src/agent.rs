//! What the agent says of each close, by the one parser that all tests share.

pub(crate) use harness::{Close, Closes, Watch};

#[cfg(test)]
pub(crate) mod tests {
    pub(crate) const CLIENT: &str = "127.0.0.1:1000";
    pub(crate) const SERVER: &str = "127.0.0.1:80";
}
