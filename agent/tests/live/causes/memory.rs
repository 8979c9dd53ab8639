//! A server that the kernel kills because its memory cgroup is full.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
};

use harness::{gate, one_at, software::python::PYTHON, wait};
use rustix::process::Signal;

use super::announced;
use crate::{
    agent,
    gate::require,
    peer::{ask, dial, read_end, read_response},
};

const LIMIT: &str = "33554432";

/// Answers one request; takes more memory than there is once a signal tells it to. The kernel does so in one go: a program
/// that runs meanwhile loses its own code to reclaim and reads it again, for many seconds on a busy machine.
const SERVER: &str = "
import mmap, signal, socket
MAP_POPULATE = 0x8000
everywhere = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_POPULATE
signal.signal(signal.SIGUSR1, lambda *_: mmap.mmap(-1, 1 << 28, flags=everywhere))
listener = socket.create_server(('127.0.0.1', 0))
print(listener.getsockname()[1], flush=True)
connection = listener.accept()[0]
connection.recv(4096)
connection.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nhi')
while True: signal.pause()
";

/// A cgroup of this test's own, with little memory.
struct Small(PathBuf);

impl Small {
    /// `None` where no memory controller is to be had.
    fn make() -> Option<Self> {
        let Some(root) = controller() else {
            eprintln!("skipped: no memory controller is mounted");
            return None;
        };
        let path = root.join(format!("whohungup-test-{}", std::process::id()));
        if let Err(error) = fs::create_dir(&path) {
            gate::skip(&format_args!("make {}: {error}", path.display()));
            return None;
        }
        let made = Self(path);
        // Version 2 and version 1; swap would only put it off.
        let limits = [
            ("memory.max", "memory.swap.max", "0"),
            ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes", LIMIT),
        ];
        for (memory, swap, most) in limits {
            if made.0.join(memory).exists() {
                fs::write(made.0.join(memory), LIMIT).expect("limit the memory");
                if made.0.join(swap).exists() {
                    fs::write(made.0.join(swap), most).expect("limit the swap");
                }
                return Some(made);
            }
        }
        gate::skip(&format_args!("{} has no memory controller", made.0.display()));
        None
    }

    /// A command that runs Python there and nowhere else.
    fn python(&self, script: &str) -> Command {
        let mut command = Command::new("sh");
        let enter = "echo $$ >\"$0\"/cgroup.procs && exec \"$@\"";
        command.args(["-c", enter]).arg(&self.0).args([PYTHON, "-c", script]);
        command
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // A process that was killed may be among its members for a moment.
        let removed = wait::until("no member", Duration::from_secs(10), || Ok(fs::remove_dir(&self.0).ok()));
        if let Err(error) = removed {
            eprintln!("{} is left behind: {error}", self.0.display());
        }
    }
}

/// Where the hierarchy with the memory controller is mounted.
fn controller() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").expect("mounts");
    let mut mounts = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ');
        Some((fields.nth(1)?, fields.next()?, fields.next()?))
    });
    let is_it = |(path, kind, options): &(&str, &str, &str)| match *kind {
        "cgroup" => options.split(',').any(|option| option == "memory"),
        "cgroup2" => {
            let controllers = fs::read_to_string(Path::new(path).join("cgroup.controllers"));
            controllers.is_ok_and(|all| all.split_whitespace().any(|one| one == "memory"))
        }
        _ => false,
    };
    mounts.find(is_it).map(|(path, ..)| path.into())
}

#[test]
fn a_server_that_the_kernel_killed_for_want_of_memory_is_named_as_such() {
    require!();
    let Some(small) = Small::make() else { return };
    let mut server = announced(&mut small.python(SERVER));
    let at = server.at;
    let agent = agent::watch(&[at]);
    let mut stream = dial(at);
    ask(&mut stream);
    read_response(&mut stream);
    thread::sleep(Duration::from_millis(300));
    server.program.signal(Signal::USR1).expect("signal the server");
    read_end(&mut stream);
    drop(stream);

    let closes = agent.closes(2);
    let server = one_at(&closes, at, "server");
    server.says("verdict=server-idle closer=server cause=oom-killed phase=idle closed_by/signal=9");
    server.is_held_by("python3");
    one_at(&closes, at, "client").says("verdict=server-idle closer=server cause=oom-killed");
}
