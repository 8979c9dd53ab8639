//! A private nginx with one worker on the first processor and a 612-byte file.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::Context as _;

pub(crate) struct Nginx {
    child: Child,
    address: SocketAddr,
    _prefix: Option<tempfile::TempDir>,
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
        let child = spawn(prefix.path())?;
        Self { child, address: (Ipv4Addr::LOCALHOST, port).into(), _prefix: Some(prefix) }.wait()
    }

    /// With TLS on one port and its own count of requests on another, in a directory of the caller's.
    pub(crate) fn with_tls(prefix: &Path, tls: u16, status: u16) -> anyhow::Result<Self> {
        let root = prefix.display();
        fs::write(prefix.join("index.html"), "x".repeat(612))?;
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=bench"])
            .args(["-keyout", "key.pem", "-out", "cert.pem"])
            .current_dir(prefix)
            .stderr(Stdio::null())
            .status()
            .context("run openssl")?;
        anyhow::ensure!(made.success(), "openssl: {made}");
        fs::write(
            prefix.join("nginx.conf"),
            format!(
                "worker_processes 1;\nworker_cpu_affinity 01;\ndaemon off;\nuser root;\n\
                 pid {root}/nginx.pid;\nerror_log stderr crit;\nevents {{ worker_connections 4096; }}\n\
                 http {{ access_log off; keepalive_requests 1000000000;\n\
                 server {{ listen 127.0.0.1:{status}; location /status {{ stub_status; }} }}\n\
                 server {{ listen 127.0.0.1:{tls} ssl; root {root};\n\
                 ssl_certificate cert.pem; ssl_certificate_key key.pem; }} }}\n"
            ),
        )?;
        let child = spawn(prefix)?;
        Self { child, address: (Ipv4Addr::LOCALHOST, tls).into(), _prefix: None }.wait()
    }

    fn wait(self) -> anyhow::Result<Self> {
        let nginx = self;
        for _ in 0..100 {
            if TcpStream::connect(nginx.address).is_ok() {
                return Ok(nginx);
            }
            thread::sleep(Duration::from_millis(20));
        }
        anyhow::bail!("nginx does not listen on {}", nginx.address)
    }

    /// The one worker's process.
    pub(crate) fn worker(&self) -> anyhow::Result<u32> {
        let pid = self.child.id();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
        children.split_whitespace().next().and_then(|pid| pid.parse().ok()).context("find nginx's worker")
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

fn spawn(prefix: &Path) -> anyhow::Result<Child> {
    Command::new("nginx")
        .arg("-p")
        .arg(prefix)
        .args(["-c", "nginx.conf"])
        .stdout(Stdio::null())
        .spawn()
        .context("run nginx; on Debian: apt-get install nginx-light")
}

pub(crate) fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
