//! One request, and all that comes back.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context as _, Result};

const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// Sends a request's line and fields, without the last line end; returns status, fields and body as they came.
pub fn ask(server: SocketAddr, request: &str) -> Result<String> {
    let mut stream = TcpStream::connect(server).with_context(|| format!("connect to {server}"))?;
    stream.set_read_timeout(Some(ANSWER_WITHIN)).context("set a timeout")?;
    write!(stream, "{request}\r\nConnection: close\r\n\r\n").context("ask")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).with_context(|| format!("read the answer to {request:?}"))?;
    Ok(answer)
}
