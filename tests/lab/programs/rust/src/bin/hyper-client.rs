//! hyper alone: its connection, used again while it is open. It has no pool and no timers.

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use futures_util::StreamExt as _;
use http_body_util::{BodyExt as _, Empty, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    Request,
    body::Frame,
    client::conn::http1::{SendRequest, handshake},
};
use hyper_util::rt::TokioIo;
use lab_rust::{Answer, Client, Conversation, claimed, play, stalling};
use tokio::net::TcpStream;

type Sent = UnsyncBoxBody<Bytes, Infallible>;

struct Hyper {
    host: String,
    timeout: Duration,
    open: Option<(SendRequest<Sent>, u16)>,
}

impl Hyper {
    fn of(conversation: &Conversation) -> Self {
        let host = conversation.url.trim_start_matches("http://").to_owned();
        Self { host, timeout: conversation.timeout(), open: None }
    }

    async fn exchange(
        &mut self,
        path: &str,
        stalls_after: Option<usize>,
        answer: &mut Answer,
    ) -> Result<(), String> {
        let request = Request::builder().uri(path).header("host", &self.host);
        let (request, body) = match stalls_after {
            None => (request, Empty::new().boxed_unsync()),
            Some(bytes) => {
                let frames = stalling(bytes).map(|some| Ok::<_, Infallible>(Frame::data(some)));
                let request = request.method("POST").header("content-length", claimed(bytes));
                (request, StreamBody::new(frames).boxed_unsync())
            }
        };
        let mut request = request.body(body).map_err(|error| error.to_string())?;
        loop {
            let kept = self.open.take();
            let is_new = kept.is_none();
            let (mut sender, port) = match kept {
                Some(open) => open,
                None => self.dial().await.map_err(|error| error.to_string())?,
            };
            answer.local_port = Some(port);
            let mut unsent = match sender.try_send_request(request).await {
                Ok(response) => {
                    answer.status = Some(response.status().as_u16());
                    response.into_body().collect().await.map_err(|error| error.to_string())?;
                    self.open = Some((sender, port));
                    return Ok(());
                }
                Err(unsent) => unsent,
            };
            // It says whether a connection that was kept was closed before anything was sent on it.
            let message = unsent.take_message().filter(|_| !is_new);
            request = message.ok_or_else(|| unsent.into_error().to_string())?;
        }
    }

    async fn dial(&self) -> Result<(SendRequest<Sent>, u16), Box<dyn std::error::Error>> {
        let socket = TcpStream::connect(&self.host).await?;
        let port = socket.local_addr()?.port();
        let (sender, connection) = handshake(TokioIo::new(socket)).await?;
        tokio::spawn(connection);
        Ok((sender, port))
    }
}

impl Client for Hyper {
    async fn ask(&mut self, path: &str, stalls_after: Option<usize>) -> Answer {
        let mut answer = Answer::default();
        match tokio::time::timeout(self.timeout, self.exchange(path, stalls_after, &mut answer)).await {
            Ok(Ok(())) => answer,
            Ok(Err(error)) => Answer { error: Some(error), ..answer },
            Err(_) => Answer { status: answer.status, local_port: answer.local_port, ..Answer::timed_out() },
        }
    }

    fn close(&mut self) {
        self.open = None;
    }
}

fn main() {
    play(Hyper::of);
}
