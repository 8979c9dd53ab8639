//! What the lab calls what the agent says: a report is of one close.

pub(crate) use harness::{Close as Report, Closes as Said, Watch as Agent};

#[cfg(test)]
pub(crate) mod tests {
    //! Reports written by hand.

    use super::Report;

    pub(crate) const CLIENT: &str = "127.0.0.1:1000";
    pub(crate) const SERVER: &str = "127.0.0.1:80";

    /// What the server's end says of a client that gave up waiting, with these changes.
    pub(crate) fn report(changes: &[(&str, serde_json::Value)]) -> Report {
        Report::sample(changes)
    }
}
