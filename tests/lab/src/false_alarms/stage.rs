//! What the plays share: servers that are started without a connection that they would see, clients that run to their
//! end, and sockets in a script's hand.

use std::{
    fs,
    io::Read,
    net::SocketAddr,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use harness::{
    Program,
    software::{apache, haproxy, nginx},
    spawn,
};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::{kit::Kit, setting::Setting, truth::Side, wire::Wire};

/// Where a play takes place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stage<'a> {
    pub(crate) kit: &'a Kit,
    /// The agent's program, for plays that need one of their own.
    pub(crate) agent: &'a Path,
}

/// A server that listens.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) at: SocketAddr,
    pub(crate) program: Program,
    pub(crate) directory: PathBuf,
}

/// On a machine that starts many.
const RAN_WITHIN: Duration = Duration::from_mins(1);

/// A server that ends within 50 ms of a connection has shut down: where a play ends with one, that is not what it is about.
const OUTLIVES: Duration = Duration::from_millis(150);

impl Drop for Served {
    fn drop(&mut self) {
        thread::sleep(OUTLIVES);
    }
}

impl Served {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.at)
    }

    pub(crate) fn signal(&mut self, signal: Signal) -> Result<()> {
        self.program.signal(signal)
    }
}

/// How a client ended, and what it printed.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: ExitStatus,
    pub(crate) output: String,
}

impl Ran {
    /// # Errors
    /// When it failed.
    pub(crate) fn fine(self) -> Result<String> {
        ensure!(self.status.success(), "the client ended with {}: {}", self.status, tail(&self.output));
        Ok(self.output)
    }

    /// # Errors
    /// When it did not end with this exit code.
    pub(crate) fn code(self, code: i32) -> Result<String> {
        ensure!(
            self.status.code() == Some(code),
            "the client ended with {}, not {code}: {}",
            self.status,
            tail(&self.output)
        );
        Ok(self.output)
    }
}

fn tail(text: &str) -> &str {
    let from = text.len().saturating_sub(400);
    text.get(from..).unwrap_or(text)
}

impl Stage<'_> {
    /// A new instance's address, directory and (mostly unused) backend.
    pub(crate) fn setting(&self, backend: Option<SocketAddr>) -> Result<Setting> {
        let at = self.kit.free_address()?;
        Ok(Setting { at, backend: backend.unwrap_or(at), directory: self.kit.directory()?, hasty: false })
    }

    /// nginx with one server; `@at@` and the like are filled in.
    pub(crate) fn nginx(
        &self,
        backend: Option<SocketAddr>,
        listen: &str,
        http: &str,
        server: &str,
    ) -> Result<Served> {
        self.nginx_as(self.setting(backend)?, listen, http, server)
    }

    /// The same at an address of the caller's choice.
    pub(crate) fn nginx_as(
        &self,
        setting: Setting,
        listen: &str,
        http: &str,
        server: &str,
    ) -> Result<Served> {
        let template = include_str!("../../programs/false_alarms/nginx.conf");
        let template =
            template.replace("@listen@", listen).replace("@http@", http).replace("@server@", server);
        let path = setting.write("nginx.conf", &setting.fill(&template))?;
        let command = nginx::in_foreground(self.kit.command("nginx"), &setting.directory, &path);
        serve(setting, command)
    }

    /// HAProxy with these sections after its defaults.
    pub(crate) fn haproxy(&self, backend: Option<SocketAddr>, sections: &str) -> Result<Served> {
        let setting = self.setting(backend)?;
        let template =
            include_str!("../../programs/false_alarms/haproxy.cfg").replace("@sections@", sections);
        let path = setting.write("haproxy.cfg", &setting.fill(&template))?;
        serve(setting, haproxy::in_foreground(self.kit.command("haproxy"), &path))
    }

    /// Apache, which serves `/fast`, with these timeouts.
    pub(crate) fn apache(&self, timeouts: &str) -> Result<Served> {
        let setting = self.setting(None)?;
        apache::document_root(&setting.directory)?;
        let template = include_str!("../../programs/apache.conf");
        let template = template.replace("@modules@", apache::MODULES).replace("@timeouts@", timeouts);
        let path = setting.write("apache.conf", &setting.fill(&template))?;
        serve(setting, apache::in_foreground(self.kit.command("apache2"), &path))
    }

    /// The Node server of these plays, with options of its own (`keepAliveTimeout=1000`).
    pub(crate) fn node(&self, options: &[&str]) -> Result<Served> {
        let setting = self.setting(None)?;
        let mut command =
            self.node_script("server.js", include_str!("../../programs/false_alarms/server.js"))?;
        command.args([setting.at.ip().to_string(), setting.at.port().to_string()]).args(options);
        serve(setting, command)
    }

    pub(crate) fn node_script(&self, name: &str, text: &str) -> Result<Command> {
        let mut command = self.kit.command("node");
        command.env("NODE_PATH", self.kit.modules()).arg(self.kit.file(name, text)?);
        Ok(command)
    }

    pub(crate) fn python_script(&self, name: &str, text: &str) -> Result<Command> {
        let mut command = self.kit.command("python3");
        command.arg("-u").arg(self.kit.file(name, text)?);
        Ok(command)
    }

    /// curl, silent and without a body on its output.
    pub(crate) fn curl(&self, more: &[&str]) -> Command {
        let mut command = self.kit.command("curl");
        command.args(["-s", "-S", "-o", "/dev/null", "--max-time", "20"]).args(more);
        command
    }
}

/// Starts a server and waits until it listens.
pub(crate) fn serve(setting: Setting, mut command: Command) -> Result<Served> {
    let mut program = Program::start(&mut command, &setting.directory, "server")?;
    program.await_bound(setting.at.port())?;
    Ok(Served { at: setting.at, program, directory: setting.directory })
}

/// Runs a client to its end.
pub(crate) fn run(command: &mut Command) -> Result<Ran> {
    Running::start(command)?.finish(RAN_WITHIN)
}

/// Asks once on a new connection, and reads the answer.
pub(crate) fn asked(at: SocketAddr) -> Result<Wire> {
    let mut wire = Wire::dial(at)?;
    ask(&mut wire)?;
    Ok(wire)
}

/// A connection from this address.
pub(crate) fn dial_from(from: SocketAddr, to: SocketAddr) -> Result<Wire> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&from.into()).with_context(|| format!("bind {from}"))?;
    socket.connect(&to.into()).with_context(|| format!("connect from {from} to {to}"))?;
    Wire::new(socket.into(), Side::Client)
}

/// Asks for `/` and reads the whole answer.
pub(crate) fn ask(wire: &mut Wire) -> Result<()> {
    ask_for(wire, "/")
}

pub(crate) fn ask_for(wire: &mut Wire, path: &str) -> Result<()> {
    let answered = wire.state().answered;
    wire.send(format!("GET {path} HTTP/1.1\r\nHost: lab\r\n\r\n").as_bytes())?;
    wire.read_until("the answer's end", |talk| talk.state().answered > answered)
}

/// The sockets of this server in such a state, each by what /proc/net/tcp has of its queues.
fn sockets(server: SocketAddr, state: &str) -> Result<Vec<String>> {
    let SocketAddr::V4(server) = server else { return Ok(Vec::new()) };
    let wanted = format!("{:08X}:{:04X}", u32::from_le_bytes(server.ip().octets()), server.port());
    let table = fs::read_to_string("/proc/net/tcp").context("read the table of sockets")?;
    let queues = |line: &str| {
        let words: Vec<_> = line.split_ascii_whitespace().take(5).collect();
        let [_, local, _, found, queues] = words[..] else { return None };
        (local == wanted && found == state).then(|| queues.to_owned())
    };
    Ok(table.lines().filter_map(queues).collect())
}

/// How many sockets of this server are connected.
pub(crate) fn established(server: SocketAddr) -> Result<usize> {
    Ok(sockets(server, "01")?.len())
}

/// How many sockets listen at this address.
pub(crate) fn listeners(server: SocketAddr) -> Result<usize> {
    Ok(sockets(server, "0A")?.len())
}

/// What waits in the queues of this server's connections.
pub(crate) fn queued(server: SocketAddr) -> Result<String> {
    Ok(sockets(server, "01")?.concat())
}

pub(crate) fn pause(milliseconds: u64) {
    thread::sleep(Duration::from_millis(milliseconds));
}

/// A client that runs, in a process group of its own. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    readers: Vec<thread::JoinHandle<String>>,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = spawn(command)?;
        let readers = vec![read(child.stdout.take()), read(child.stderr.take())];
        Ok(Self { child, readers })
    }

    /// Ctrl-C, or another signal, to it alone.
    pub(crate) fn signal(&mut self, signal: Signal) -> Result<()> {
        ensure!(self.child.try_wait()?.is_none(), "the client has ended by itself");
        kill_process(Pid::from_child(&self.child), signal).context("signal a client")
    }

    pub(crate) fn finish(mut self, within: Duration) -> Result<Ran> {
        let until = Instant::now() + within;
        let status = loop {
            if let Some(status) = self.child.try_wait().context("look after a client")? {
                break status;
            }
            if Instant::now() > until {
                bail!("the client does not end");
            }
            thread::sleep(Duration::from_millis(5));
        };
        let output = self.readers.drain(..).map(|reader| reader.join().unwrap_or_default()).collect();
        Ok(Ran { status, output })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _gone = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
            let _status = self.child.wait();
        }
    }
}

fn read(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What came before an error is kept.
            let _error = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
