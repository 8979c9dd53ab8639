//! What uprobes on OpenSSL add: nginx with TLS, asked by wrk on 32 connections that are kept.
//!
//! Only the uprobes are attached and detached; the tiers stay on, and so does what links sessions to sockets, so
//! that every call is followed whenever they are attached. nginx itself counts the requests.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    os::unix::fs::symlink,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use whohungup::session::{Session, SessionOptions};
use whohungup_bpf::libraries;
use whohungup_core::close::EvidenceDetail;

use super::{Args, SETTLE, nginx, poll, stats};

/// Row and whether wrk's calls of OpenSSL are observed too.
pub(crate) const ROWS: &[(&str, bool)] =
    &[("TLS keep-alive, OpenSSL, server only", false), ("TLS keep-alive, OpenSSL, both ends", true)];

pub(crate) fn row(args: &Args, name: &str, both: bool) -> anyhow::Result<()> {
    let mut options = SessionOptions::default();
    options.judge.detail = EvidenceDetail::Off;
    options.load.openssl = true;
    let (nginx, status) = nginx::with_tls()?;
    let mut session = Session::start(options)?;
    let mut load = wrk(nginx.directory(), nginx.at, both)?;
    poll(&mut session, Duration::from_millis(500));
    let mut pairs = Vec::with_capacity(args.pairs);
    let worker = nginx::worker(&nginx)?;
    let mut spent = [(Duration::ZERO, 0); 2];
    for index in 0..args.pairs {
        let mut rates = [0.0; 2];
        for half in 0..2 {
            let on = (half == 0) == (index % 2 == 0);
            if on {
                let found = libraries().into_iter().filter(|(_, path)| both || is_host_s(path)).collect();
                session.probes_mut().follow_libraries(&found)?;
            } else {
                session.probes_mut().leave_libraries()?;
            }
            poll(&mut session, SETTLE);
            let (before, at, cpu) = (requests(status)?, Instant::now(), cpu(worker)?);
            poll(&mut session, args.window);
            let done = requests(status)? - before;
            rates[usize::from(on)] = done as f64 / at.elapsed().as_secs_f64();
            spent[usize::from(on)].0 += self::cpu(worker)?.saturating_sub(cpu);
            spent[usize::from(on)].1 += done;
        }
        pairs.push((rates[0], rates[1]));
    }
    ensure!(load.try_wait()?.is_none(), "wrk ended early");
    let reported = per_run(&mut session)?;
    load.kill()?;
    load.wait()?;
    session.finish(drop);
    super::print_row(name, &stats::Summary::of(&pairs), pairs.len(), None, session.counters().lost());
    let [off, on] = spent.map(|(time, done)| time.as_secs_f64() * 1e6 / done as f64);
    println!("    CPU time of nginx for each request: {off:.1} us off, {on:.1} us on");
    println!("    per run: {reported}");
    Ok(())
}

/// Not the copy that wrk has when it is not to be observed.
fn is_host_s(path: &Path) -> bool {
    path.starts_with("/usr") || path.starts_with("/lib")
}

/// wrk on the last processor. A library that goes by another name is not found and not observed.
fn wrk(prefix: &Path, server: SocketAddr, observed: bool) -> anyhow::Result<Child> {
    let mut command = Command::new("taskset");
    let last = thread::available_parallelism().map_or(1, std::num::NonZero::get) - 1;
    command.args(["-c", &last.to_string(), "wrk", "-t1", "-c32", "-d1h"]);
    command.arg(format!("https://{server}/index.html")).stdout(Stdio::null());
    if !observed {
        let library = libraries().into_values().find(|path| is_host_s(path)).context("find libssl")?;
        fs::copy(library, prefix.join("client.so"))?;
        symlink("client.so", prefix.join("libssl.so.3"))?;
        command.env("LD_LIBRARY_PATH", prefix);
    }
    command.spawn().context("run wrk; on Debian: apt-get install wrk")
}

/// Time that a process has run, its first field of schedstat.
fn cpu(pid: u32) -> anyhow::Result<Duration> {
    let text = fs::read_to_string(format!("/proc/{pid}/schedstat"))?;
    let ns = text.split(' ').next().and_then(|ns| ns.parse().ok()).context("read schedstat")?;
    Ok(Duration::from_nanos(ns))
}

/// Requests that nginx has taken in, by its own count.
fn requests(status: SocketAddr) -> anyhow::Result<u64> {
    let mut stream = TcpStream::connect(status)?;
    stream.write_all(b"GET /status HTTP/1.0\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let line = text.lines().skip_while(|line| !line.starts_with("server accepts")).nth(1);
    line.and_then(|line| line.split_whitespace().nth(2)?.parse().ok()).context("read nginx's status")
}

fn per_run(session: &mut Session) -> anyhow::Result<String> {
    let found = libraries().into_iter().filter(|(_, path)| is_host_s(path)).collect();
    session.probes_mut().follow_libraries(&found)?;
    let before = session.probes().program_stats();
    let held = session.probes().measure()?;
    poll(session, Duration::from_secs(1));
    drop(held);
    Ok(super::reported(&before, &session.probes().program_stats()))
}
