//! Node.

use std::process::Command;

use anyhow::Result;

use super::installed;

/// A server that announces its port and closes idle connections about a second after the last response, with Node's own
/// timer: some versions add a second to what they announce.
pub const SERVER: &str = "
const server = require('http').createServer((request, response) => response.end('hi'));
server.keepAliveTimeout = 1000;
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
";

pub fn script(text: &str) -> Result<Command> {
    let mut command = Command::new(installed("node")?);
    command.args(["-e", text]);
    Ok(command)
}
