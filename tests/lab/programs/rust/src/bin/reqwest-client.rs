//! reqwest, with its own pool.

use futures_util::StreamExt as _;
use hyper_util::client::legacy::connect::HttpInfo;
use lab_rust::{Answer, Client, Conversation, claimed, play, stalling};

struct Reqwest {
    client: reqwest::Client,
    url: String,
    new: Box<dyn Fn() -> reqwest::Client>,
}

impl Reqwest {
    fn of(conversation: &Conversation) -> Self {
        let (idle, timeout) = (conversation.idle_limit(), conversation.timeout());
        let new = Box::new(move || {
            reqwest::Client::builder()
                .pool_max_idle_per_host(1)
                .pool_idle_timeout(idle)
                .timeout(timeout)
                .retry(reqwest::retry::never())
                .no_proxy()
                .build()
                .expect("a client")
        });
        Self { client: new(), url: conversation.url.clone(), new }
    }
}

impl Client for Reqwest {
    async fn ask(&mut self, path: &str, stalls_after: Option<usize>) -> Answer {
        let url = format!("{}{path}", self.url);
        let request = match stalls_after {
            None => self.client.get(url),
            Some(bytes) => self
                .client
                .post(url)
                .header("content-length", claimed(bytes))
                .body(reqwest::Body::wrap_stream(stalling(bytes).map(Ok::<_, std::io::Error>))),
        };
        let failed =
            |error: reqwest::Error| Answer { timed_out: error.is_timeout(), ..Answer::failed(error) };
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return failed(error),
        };
        let info = response.extensions().get::<HttpInfo>();
        let (local_port, status) =
            (info.map(|info| info.local_addr().port()), Some(response.status().as_u16()));
        let answer = match response.bytes().await {
            Ok(_) => Answer::default(),
            Err(error) => failed(error),
        };
        Answer { status, local_port, ..answer }
    }

    fn close(&mut self) {
        self.client = (self.new)();
    }
}

fn main() {
    play(Reqwest::of);
}
