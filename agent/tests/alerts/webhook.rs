//! Where Alertmanager's messages arrive.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Instant,
};

use serde_json::Value;

/// One alert of a message, and when the message came.
#[derive(Clone, Debug)]
pub(crate) struct Delivered {
    pub(crate) at: Instant,
    alert: Value,
}

impl Delivered {
    pub(crate) fn label(&self, name: &str) -> &str {
        self.alert["labels"][name].as_str().unwrap_or_default()
    }

    pub(crate) fn annotation(&self, name: &str) -> &str {
        self.alert["annotations"][name].as_str().unwrap_or_default()
    }

    pub(crate) fn is_firing(&self) -> bool {
        self.alert["status"] == "firing"
    }

    pub(crate) fn is_of(&self, server_port: u16) -> bool {
        self.label("server_port") == server_port.to_string()
    }
}

/// A listener of its own, for as long as the test's process lives.
#[derive(Debug)]
pub(crate) struct Webhook {
    address: SocketAddr,
    delivered: Arc<Mutex<Vec<Delivered>>>,
}

impl Webhook {
    pub(crate) fn listen() -> Self {
        let listener = TcpListener::bind("127.104.9.2:0").expect("bind the webhook");
        let address = listener.local_addr().expect("address");
        let delivered = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&delivered);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // Alertmanager keeps its connections.
                let kept = Arc::clone(&kept);
                thread::spawn(move || take_messages(stream, &kept));
            }
        });
        Self { address, delivered }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// All that has come by now.
    pub(crate) fn delivered(&self) -> Vec<Delivered> {
        self.delivered.lock().expect("nobody panicked").clone()
    }
}

fn take_messages(stream: TcpStream, kept: &Mutex<Vec<Delivered>>) {
    let mut reader = BufReader::new(stream);
    while let Some(body) = read_message(&mut reader) {
        let at = Instant::now();
        let message: Value = serde_json::from_slice(&body).expect("Alertmanager sends JSON");
        let alerts = message["alerts"].as_array().expect("alerts").clone();
        kept.lock().expect("nobody panicked").extend(alerts.into_iter().map(|alert| Delivered { at, alert }));
        if reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").is_err() {
            return;
        }
    }
}

/// The body of the next request; `None` at the connection's end.
fn read_message(reader: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut length = None;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or_default();
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok();
        }
    }
    let mut body = vec![0; length.expect("Alertmanager says how long its message is")];
    reader.read_exact(&mut body).ok()?;
    Some(body)
}
