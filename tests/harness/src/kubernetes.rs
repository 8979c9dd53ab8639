//! A server in place of Kubernetes' API: it speaks HTTP over TLS as that does, and says what a test tells it to.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        mpsc::{self, Receiver, Sender},
    },
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result};
use rcgen::CertifiedKey;
use tempfile::TempDir;
use tokio_rustls::rustls::{
    ServerConfig, ServerConnection, StreamOwned, crypto::ring, pki_types::PrivateKeyDer,
};

use crate::wait;

const SHOWN_WITHIN: Duration = Duration::from_mins(1);

/// What a request gets.
#[derive(Debug)]
pub enum Answer {
    /// A watch: each text is sent as one chunk, until there are no more senders.
    Watch(Receiver<String>),
    /// A watch that breaks off in its middle after these.
    Cut(Vec<String>),
    /// Another status, with a Status object.
    Refused(u16, &'static str),
    /// None, for as long as the test takes.
    Silence,
}

impl Answer {
    /// A watch that says this and goes on until the sender is dropped.
    pub fn watch(lines: impl IntoIterator<Item = String>) -> (Self, Sender<String>) {
        let (sender, receiver) = mpsc::channel();
        for line in lines {
            let _received = sender.send(line + "\n");
        }
        (Self::Watch(receiver), sender)
    }
}

/// A server with a certificate of its own. It gives each request the next answer, and the last ones silence.
#[derive(Debug)]
pub struct ApiServer {
    address: SocketAddr,
    /// With `token` and `ca.crt`.
    account: TempDir,
    heads: Arc<Mutex<Vec<String>>>,
    answers: Sender<Answer>,
}

impl ApiServer {
    pub fn start() -> Result<Self> {
        let CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).context("make a certificate")?;
        let account = tempfile::tempdir()?;
        fs::write(account.path().join("ca.crt"), cert.pem())?;
        fs::write(account.path().join("token"), "first-token\n")?;
        let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![cert.into()], key)?;
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let (sender, answers) = mpsc::channel();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let known = Arc::clone(&heads);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let Ok((stream, head)) = accept(stream, &config) else { continue };
                if let Ok(mut known) = known.lock() {
                    known.push(head);
                }
                let Ok(answer) = answers.recv() else { return };
                // Whoever asked may go at any time.
                thread::spawn(move || give(stream, answer));
            }
        });
        Ok(Self { address, account, heads, answers: sender })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The directory of the service account.
    pub fn account(&self) -> &Path {
        self.account.path()
    }

    pub fn token(&self) -> PathBuf {
        self.account().join("token")
    }

    /// What the next request gets that has none yet.
    pub fn answer(&self, answer: Answer) {
        let _held = self.answers.send(answer);
    }

    /// The head of the request with this number, from 0, once it has come.
    pub fn head(&self, number: usize) -> Result<String> {
        wait::until(format_args!("request {number}"), SHOWN_WITHIN, || {
            Ok(self.heads.lock().ok().and_then(|heads| heads.get(number).cloned()))
        })
    }
}

type Stream = StreamOwned<ServerConnection, TcpStream>;

fn accept(stream: TcpStream, config: &Arc<ServerConfig>) -> Result<(Stream, String)> {
    let mut stream = StreamOwned::new(ServerConnection::new(Arc::clone(config))?, stream);
    let mut head = String::new();
    let mut lines = BufReader::new(&mut stream);
    while lines.read_line(&mut head)? > 2 {}
    Ok((stream, head))
}

fn give(mut stream: Stream, answer: Answer) -> Result<()> {
    match answer {
        Answer::Silence => loop {
            thread::park();
        },
        Answer::Refused(status, message) => {
            let body = serde_json::json!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
                "code": status,
            })
            .to_string();
            write!(stream, "HTTP/1.1 {status} No\r\nContent-Type: application/json\r\n")?;
            write!(stream, "Content-Length: {}\r\n\r\n{body}", body.len())?;
        }
        Answer::Watch(texts) => {
            begin(&mut stream)?;
            for text in texts {
                chunk(&mut stream, &text)?;
            }
            write!(stream, "0\r\n\r\n")?;
        }
        Answer::Cut(lines) => {
            begin(&mut stream)?;
            for line in lines {
                chunk(&mut stream, &(line + "\n"))?;
            }
            return Ok(());
        }
    }
    stream.conn.send_close_notify();
    stream.flush()?;
    Ok(())
}

fn begin(stream: &mut Stream) -> Result<()> {
    write!(stream, "HTTP/1.1 200 OK\r\nAudit-Id: 1\r\nCache-Control: no-cache, private\r\n")?;
    write!(stream, "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")?;
    stream.flush()?;
    Ok(())
}

fn chunk(stream: &mut Stream, text: &str) -> Result<()> {
    write!(stream, "{:x}\r\n{text}\r\n", text.len())?;
    stream.flush()?;
    Ok(())
}
