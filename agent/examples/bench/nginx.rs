//! A private nginx with one worker on the first processor and a 612-byte file.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::Context as _;

pub(crate) struct Nginx {
    child: Child,
    address: SocketAddr,
    _prefix: tempfile::TempDir,
}

impl Nginx {
    pub(crate) fn start() -> anyhow::Result<Self> {
        let prefix = tempfile::tempdir().context("make a directory for nginx")?;
        let port = free_port()?;
        fs::write(prefix.path().join("index.html"), "x".repeat(612))?;
        let root = prefix.path().display();
        fs::write(
            prefix.path().join("nginx.conf"),
            format!(
                "worker_processes 1;\nworker_cpu_affinity 01;\ndaemon off;\nmaster_process on;\nuser root;\n\
                 pid {root}/nginx.pid;\nerror_log stderr crit;\nevents {{ worker_connections 4096; }}\n\
                 http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000;\n\
                 server {{ listen 0.0.0.0:{port} backlog=4096; root {root}; }} }}\n"
            ),
        )?;
        let child = Command::new("nginx")
            .args(["-p", &prefix.path().display().to_string(), "-c", "nginx.conf"])
            .stdout(Stdio::null())
            .spawn()
            .context("run nginx; on Debian: apt-get install nginx-light")?;
        let nginx = Self { child, address: (Ipv4Addr::LOCALHOST, port).into(), _prefix: prefix };
        for _ in 0..100 {
            if TcpStream::connect(nginx.address).is_ok() {
                return Ok(nginx);
            }
            thread::sleep(Duration::from_millis(20));
        }
        anyhow::bail!("nginx does not listen on {}", nginx.address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // SIGTERM, so that the master takes its worker along.
        if let Ok(pid) = i32::try_from(self.child.id())
            && let Some(pid) = rustix::process::Pid::from_raw(pid)
        {
            let _gone_already = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        drop(self.child.wait());
    }
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
