//! The daemon that faults are done to, and what it must never fail in.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::Command,
    time::{Duration, Instant},
};

use harness::{Daemon, Samples, port, sum, wait};

use crate::gate;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: faults\r\n\r\n";
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
/// `/readyz` answers within this, whatever happens.
pub(crate) const TELLS_WITHIN: Duration = Duration::from_secs(5);

pub(crate) struct Subject(pub(crate) Daemon);

impl Subject {
    /// `None` where it cannot be tried, which has been said.
    pub(crate) fn start(options: &[&str]) -> Option<Self> {
        let agent = gate::context()?.agent;
        let mut command = Command::new(&agent);
        command.args(["run", "--listen", "127.0.0.1:0"]).args(options);
        Some(Self(Daemon::start_by(&agent, &mut command).expect("the daemon starts")))
    }

    /// Resident memory, bytes.
    pub(crate) fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).expect("its status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
    }

    pub(crate) fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.0.id())).expect("its descriptors").count()
    }

    /// It says that it is ready, and soon.
    pub(crate) fn is_ready(&self) {
        let asked = Instant::now();
        let answer = self.0.get("/readyz").expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(asked.elapsed() < TELLS_WITHIN, "it took {:?}", asked.elapsed());
    }

    /// After it stood still it may say so once more.
    pub(crate) fn is_ready_again(&self) {
        let ready = wait::until("that it is ready again", TELLS_WITHIN, || {
            Ok(self.0.get("/readyz")?.starts_with("HTTP/1.1 200").then_some(()))
        });
        ready.unwrap_or_else(|error| panic!("{error:#}"));
    }

    pub(crate) fn samples(&self) -> Samples {
        self.0.samples().expect("a scrape")
    }
}

/// Records that did not come through, as the daemon counts them.
pub(crate) fn lost(samples: &Samples) -> f64 {
    sum(samples, "whohungup_events_lost_total{")
        + sum(samples, "whohungup_bpf_program_missed_runs_total{")
        + sum(samples, "whohungup_connections_untracked_total")
}

/// Closes at a port that were reported.
pub(crate) fn closes_at(samples: &Samples, port: u16) -> f64 {
    let ours = format!("server_port=\"{port}\"");
    let is_ours = |name: &str| name.starts_with("whohungup_closes_total{") && name.contains(&ours);
    samples.iter().filter(|(name, _)| is_ours(name)).map(|(_, count)| count).sum()
}

pub(crate) fn is_balanced(samples: &Samples) -> bool {
    samples["whohungup_connections_balance"].abs() < 0.5
}

pub(crate) fn degraded(samples: &Samples, reason: &str) -> bool {
    samples[&format!("whohungup_degraded{{reason=\"{reason}\"}}")] > 0.5
}

/// A listener at an address and a port of this suite's own.
pub(crate) fn listen(last: u8) -> (TcpListener, SocketAddr) {
    let listener = port::listen(Ipv4Addr::new(127, 104, 60, last)).expect("a listener");
    let at = listener.local_addr().expect("an address");
    (listener, at)
}

/// One request and its answer, and the server closes.
pub(crate) fn exchange(listener: &TcpListener, at: SocketAddr) {
    let mut client = TcpStream::connect(at).expect("connect");
    let (mut server, _) = listener.accept().expect("accept");
    client.write_all(REQUEST).expect("ask");
    let mut bytes = [0; 256];
    let _request = server.read(&mut bytes).expect("read");
    server.write_all(RESPONSE).expect("answer");
    let _response = client.read(&mut bytes).expect("read");
    harness::close(server);
    harness::close(client);
}
