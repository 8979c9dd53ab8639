//! Both ends of a connection, and what they do to each other.

use crate::endpoint::{Ending, Endpoint};
use crate::error::PlayError;
use crate::http::Writes;
use crate::ledger::Part;

/// Both ends of one connection.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) client: Endpoint,
    pub(crate) server: Endpoint,
}

impl Pair {
    /// The client closes with a FIN, then the server closes too.
    pub(crate) fn client_closes(&self) -> Result<(), PlayError> {
        self.client.close()?;
        self.server.finish(Ending::Fin)
    }

    /// The server closes with a FIN, then the client closes too.
    pub(crate) fn server_closes(&self) -> Result<(), PlayError> {
        self.server.close()?;
        self.client.finish(Ending::Fin)
    }

    /// The client closes with an RST.
    pub(crate) fn client_resets(&self) -> Result<(), PlayError> {
        self.client.reset()?;
        self.server.finish(Ending::Reset)
    }

    /// The server closes with an RST.
    pub(crate) fn server_resets(&self) -> Result<(), PlayError> {
        self.server.reset()?;
        self.client.finish(Ending::Reset)
    }

    /// The server writes a complete response, which the client reads fully.
    pub(crate) fn answer(&self, response: Writes) -> Result<(), PlayError> {
        let all = response.concat();
        let last = response.len().saturating_sub(1);
        for (index, piece) in response.into_iter().enumerate() {
            self.server.send(piece, if index == last { Part::End } else { Part::Middle })?;
        }
        self.client.receive(all, Part::End)
    }
}
