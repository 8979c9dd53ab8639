//! A receiver of OTLP over HTTP that says what a test tells it to, and keeps what it took.

use std::{
    io::{BufRead as _, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::collector::{
    logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse},
    metrics::v1::ExportMetricsServiceRequest,
};
use prost::Message as _;
use rustix::net::sockopt::set_socket_linger;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What a request gets.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    Accept,
    /// Of each batch so many are not taken.
    Reject(i64),
    /// A status, and for how many seconds not to come back.
    Status(u16, Option<u64>),
    /// Later than anybody waits.
    Slow(Duration),
    /// The connection is reset once the request has been read.
    Reset,
}

#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub(crate) logs: Vec<ExportLogsServiceRequest>,
    pub(crate) metrics: Vec<ExportMetricsServiceRequest>,
    /// In lower case.
    pub(crate) heads: Vec<String>,
}

#[derive(Debug)]
struct Shared {
    answer: Mutex<Answer>,
    taken: Mutex<Taken>,
    requests: AtomicU64,
    tls: Option<Arc<ServerConfig>>,
}

/// Listening, until it is told to die.
#[derive(Debug)]
pub(crate) struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
    alive: Option<(Arc<AtomicBool>, JoinHandle<()>)>,
}

impl Receiver {
    pub(crate) fn start() -> Self {
        Self::with(None)
    }

    pub(crate) fn with(tls: Option<Arc<ServerConfig>>) -> Self {
        let address = crate::peer::free_address();
        let shared = Shared {
            answer: Mutex::new(Answer::Accept),
            taken: Mutex::default(),
            requests: AtomicU64::new(0),
            tls,
        };
        let mut made = Self { address, shared: Arc::new(shared), alive: None };
        made.live();
        made
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn answer(&self, answer: Answer) {
        *lock(&self.shared.answer) = answer;
    }

    /// Requests so far, whatever they got.
    pub(crate) fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }

    pub(crate) fn taken(&self) -> MutexGuard<'_, Taken> {
        lock(&self.shared.taken)
    }

    pub(crate) fn live(&mut self) {
        let listener = TcpListener::bind(self.address).expect("listen");
        let (alive, shared) = (Arc::new(AtomicBool::new(true)), Arc::clone(&self.shared));
        let lives = Arc::clone(&alive);
        let thread = thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if !lives.load(Ordering::Relaxed) {
                    return;
                }
                let (shared, lives) = (Arc::clone(&shared), Arc::clone(&lives));
                // Whoever asks may go at any time.
                thread::spawn(move || drop(shared.serve(stream, &lives)));
            }
        });
        self.alive = Some((alive, thread));
    }

    /// Nobody listens any more.
    pub(crate) fn die(&mut self) {
        let Some((alive, thread)) = self.alive.take() else { return };
        alive.store(false, Ordering::Relaxed);
        // It waits for one more connection.
        drop(TcpStream::connect(self.address));
        thread.join().expect("the listener");
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.die();
    }
}

fn lock<T>(held: &Mutex<T>) -> MutexGuard<'_, T> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn serve(&self, stream: TcpStream, alive: &AtomicBool) -> std::io::Result<()> {
        let socket = stream.try_clone()?;
        match &self.tls {
            None => self.converse(stream, &socket, alive),
            Some(config) => {
                let connection = ServerConnection::new(Arc::clone(config)).map_err(std::io::Error::other)?;
                self.converse(StreamOwned::new(connection, stream), &socket, alive)
            }
        }
    }

    fn converse(
        &self,
        stream: impl Read + Write,
        socket: &TcpStream,
        alive: &AtomicBool,
    ) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        loop {
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                if stream.read_line(&mut head)? == 0 {
                    return Ok(());
                }
            }
            let head = head.to_ascii_lowercase();
            let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
            let length = field("content-length:").and_then(|length| length.parse().ok()).unwrap_or(0);
            let mut body = vec![0; length];
            stream.read_exact(&mut body)?;
            if !alive.load(Ordering::Relaxed) {
                return Ok(());
            }
            self.requests.fetch_add(1, Ordering::Relaxed);
            if field("content-encoding:") == Some("gzip") {
                let mut plain = Vec::new();
                GzDecoder::new(&body[..]).read_to_end(&mut plain)?;
                body = plain;
            }
            let answer = *lock(&self.answer);
            let (status, more, said) = match answer {
                Answer::Accept => (200, String::new(), self.take(head, &body, 0)),
                Answer::Reject(count) => (200, String::new(), self.take(head, &body, count)),
                Answer::Status(status, after) => {
                    let after = after.map_or_else(String::new, |after| format!("Retry-After: {after}\r\n"));
                    (status, after, b"not now".to_vec())
                }
                Answer::Slow(time) => {
                    thread::sleep(time);
                    return Ok(());
                }
                Answer::Reset => return set_socket_linger(socket, Some(Duration::ZERO)).map_err(Into::into),
            };
            let out = stream.get_mut();
            write!(out, "HTTP/1.1 {status} Said\r\n{more}Content-Length: {}\r\n\r\n", said.len())?;
            out.write_all(&said)?;
            out.flush()?;
        }
    }

    /// Keeps all but the first `rejected` records of a batch, and says so.
    fn take(&self, head: String, body: &[u8], rejected: i64) -> Vec<u8> {
        let mut taken = lock(&self.taken);
        if head.contains("/v1/metrics ") {
            taken.metrics.push(ExportMetricsServiceRequest::decode(body).expect("metrics"));
            taken.heads.push(head);
            return Vec::new();
        }
        let mut logs = ExportLogsServiceRequest::decode(body).expect("logs");
        let records = &mut logs.resource_logs[0].scope_logs[0].log_records;
        let rejected = rejected.min(records.len() as i64);
        records.drain(..rejected as usize);
        taken.logs.push(logs);
        taken.heads.push(head);
        let partial = (rejected > 0).then(|| ExportLogsPartialSuccess {
            rejected_log_records: rejected,
            error_message: "too old".to_owned(),
        });
        ExportLogsServiceResponse { partial_success: partial }.encode_to_vec()
    }
}
