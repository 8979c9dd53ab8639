//! Three services: one that closes before its clients, and two healthy ones with as many idle closes.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::Path,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use harness::{Program, port};

/// Where nothing else on the host listens.
const HOST: Ipv4Addr = Ipv4Addr::new(127, 104, 9, 3);
const PATIENCE: Duration = Duration::from_secs(20);

/// What clients of a service do with each connection after its first response, for ever.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Habit {
    /// Write the next request so long after the response, without a look at the connection.
    UseAgainAfter(Duration),
    /// Use it twice more at once, then close it when it has been idle for so long.
    CloseAfter(Duration),
    /// Never use it again, and wait for the server to close it.
    Leave,
}

/// A server and its clients.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) port: u16,
    seen: Arc<Seen>,
    clients: Vec<JoinHandle<()>>,
    _server: Program,
}

/// What its clients saw, which is the truth.
#[derive(Debug, Default)]
struct Seen {
    stop: AtomicBool,
    answered: AtomicU64,
    lost: AtomicU64,
    first_loss: Mutex<Option<Instant>>,
}

impl Service {
    pub(crate) fn start(
        name: &str,
        directory: &Path,
        server: &Path,
        idle_timeout: &str,
        clients: u64,
        habit: Habit,
    ) -> Self {
        let at = port::free(HOST).expect("a free port");
        let mut command = Command::new(server);
        command.args(["serve", "--listen", &at.to_string(), "--keep-alive-timeout", idle_timeout]);
        let mut server = Program::start(&mut command, directory, name).expect("the server");
        let address = server.await_word("listening on ").expect("its address");
        let address: SocketAddr = address.parse().expect("an address");
        let seen = Arc::new(Seen::default());
        let clients = (0..clients)
            .map(|number| {
                let seen = Arc::clone(&seen);
                thread::spawn(move || {
                    let mut client = Client { address, number, asked: 0, seen: &seen };
                    while !seen.stop.load(Ordering::Relaxed) {
                        client.use_one_connection(habit);
                    }
                })
            })
            .collect();
        Self { port: address.port(), seen, clients, _server: server }
    }

    pub(crate) fn answered(&self) -> u64 {
        self.seen.answered.load(Ordering::Relaxed)
    }

    pub(crate) fn lost(&self) -> u64 {
        self.seen.lost.load(Ordering::Relaxed)
    }

    pub(crate) fn first_loss(&self) -> Option<Instant> {
        *self.seen.first_loss.lock().expect("nobody panicked")
    }

    /// Lets the clients finish what they do; the server goes on.
    pub(crate) fn stop_clients(&mut self) {
        self.seen.stop.store(true, Ordering::Relaxed);
        for client in self.clients.drain(..) {
            client.join().expect("a client panicked");
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.seen.stop.store(true, Ordering::Relaxed);
    }
}

struct Client<'a> {
    address: SocketAddr,
    number: u64,
    asked: u64,
    seen: &'a Seen,
}

impl Client<'_> {
    fn use_one_connection(&mut self, habit: Habit) {
        let mut stream = TcpStream::connect(self.address).expect("connect");
        stream.set_read_timeout(Some(PATIENCE)).expect("timeout");
        stream.set_nodelay(true).expect("no delay");
        self.ask(&mut stream).expect("a fresh connection is answered");
        match habit {
            Habit::UseAgainAfter(pause) => {
                thread::sleep(pause);
                if self.ask(&mut stream).is_err() {
                    self.seen.lost.fetch_add(1, Ordering::Relaxed);
                    self.seen.first_loss.lock().expect("nobody panicked").get_or_insert_with(Instant::now);
                }
            }
            Habit::CloseAfter(pause) => {
                for _ in 0..2 {
                    thread::sleep(pause / 4);
                    self.ask(&mut stream).expect("a healthy connection is answered");
                }
                thread::sleep(pause);
            }
            Habit::Leave => {
                let closed = stream.read(&mut [0; 16]).expect("the server closes in time");
                assert_eq!(closed, 0, "nothing was asked for");
            }
        }
    }

    /// One request, no two of which are alike, and its response.
    fn ask(&mut self, stream: &mut TcpStream) -> io::Result<()> {
        self.asked += 1;
        let (number, asked) = (self.number, self.asked);
        write!(stream, "GET /?client={number}&request={asked} HTTP/1.1\r\nHost: test\r\n\r\n")?;
        let mut response = Vec::new();
        // The server answers with a body of 13 bytes.
        while !response.ends_with(b"\r\n\r\nxxxxxxxxxxxxx") {
            let mut some = [0; 1024];
            match stream.read(&mut some)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => response.extend_from_slice(&some[..read]),
            }
        }
        self.seen.answered.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}
