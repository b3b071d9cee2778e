//! What is measured: nothing in between, the gateway, and nginx as the plainest proxy there is.
//!
//! A process is started from a configuration that is written here, into a directory that goes with it, and is ended when
//! its value is dropped.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;
use tempfile::TempDir;

use crate::failed::Failed;
use crate::process;

/// The application's key, so that authentication is part of what is measured.
pub(crate) const APP_KEY: &str = "secret-of-bench";
/// Longest start.
const STARTS_WITHIN: Duration = Duration::from_secs(10);
/// Between two looks at a process that starts.
const LOOK_EVERY: Duration = Duration::from_micros(200);

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    /// The fake provider itself.
    Direct,
    Switchback,
    Nginx,
}

/// How processes are started.
#[derive(Debug)]
pub(crate) struct Launcher {
    pub(crate) upstream: SocketAddr,
    pub(crate) switchback: OsString,
    /// `None`: not measured.
    pub(crate) nginx: Option<OsString>,
    pub(crate) is_pinned: bool,
}

/// A process that is ready.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) pid: u32,
    /// From the start of the process to the first sign that it serves.
    pub(crate) ready_after: Duration,
    admin: Option<SocketAddr>,
    child: Child,
    _home: TempDir,
}

// === impl Target ===

impl Target {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Switchback => "Switchback",
            Self::Nginx => "nginx",
        }
    }
}

// === impl Launcher ===

impl Launcher {
    /// All targets of this run, in the order of the table.
    pub(crate) fn targets(&self) -> Vec<Target> {
        let mut targets = vec![Target::Direct, Target::Switchback];
        if self.nginx.is_some() {
            targets.push(Target::Nginx);
        }
        targets
    }

    /// Starts a target and waits until it is ready; nothing for a direct call.
    pub(crate) fn start(&self, target: Target) -> Result<Option<Running>, Failed> {
        match (target, &self.nginx) {
            (Target::Switchback, _) => self.switchback().map(Some),
            (Target::Nginx, Some(program)) => self.nginx(program).map(Some),
            (Target::Direct | Target::Nginx, _) => Ok(None),
        }
    }

    fn switchback(&self) -> Result<Running, Failed> {
        let home = tempfile::tempdir()?;
        let [listen, admin] = free_ports()?;
        let file = home.path().join("switchback.toml");
        std::fs::write(&file, configuration(self.upstream, listen, admin))?;
        let mut command = process::pinned(&self.switchback, self.is_pinned);
        // The records go beside the file, into a folder that ends with the run: a store that grows is another store.
        command.current_dir(home.path());
        command.arg("--quiet").arg("--config").arg(&file).arg("serve");
        command.env("BENCH_APP_KEYS", format!("bench:{APP_KEY}")).env("BENCH_PROVIDER_KEY", "key-of-the-fake-provider");
        let running = Running::start(command, home, listen, Some(admin), || get(admin, "/readyz").is_ok())?;
        Ok(running)
    }

    fn nginx(&self, program: &OsString) -> Result<Running, Failed> {
        let home = tempfile::tempdir()?;
        let [listen, _] = free_ports()?;
        let file = home.path().join("nginx.conf");
        std::fs::write(&file, nginx_configuration(self.upstream, listen, home.path()))?;
        let mut command = process::pinned(program, self.is_pinned);
        command.arg("-p").arg(home.path()).arg("-c").arg(&file).arg("-e").arg(home.path().join("error.log"));
        Running::start(command, home, listen, None, || TcpStream::connect(listen).is_ok())
    }
}

// === impl Running ===

impl Running {
    fn start(
        mut command: Command,
        home: TempDir,
        address: SocketAddr,
        admin: Option<SocketAddr>,
        is_ready: impl Fn() -> bool,
    ) -> Result<Self, Failed> {
        let begun = Instant::now();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
        let (pid, ready_after) = (child.id(), Duration::ZERO);
        let mut running = Self { address, pid, ready_after, admin, child, _home: home };
        while !is_ready() {
            if let Some(status) = running.child.try_wait()? {
                return Err(Failed::new(format!("what was to be measured ended at its start: {status}")));
            }
            if begun.elapsed() > STARTS_WITHIN {
                return Err(Failed::new("what was to be measured was not ready in time"));
            }
            std::thread::sleep(LOOK_EVERY);
        }
        running.ready_after = begun.elapsed();
        Ok(running)
    }

    /// Records that the gateway did not write. Figures without them would flatter it.
    pub(crate) fn records_dropped(&self) -> Result<Option<u64>, Failed> {
        #[derive(Deserialize)]
        struct Status {
            records_dropped: u64,
        }
        let Some(admin) = self.admin else { return Ok(None) };
        let status: Status = serde_json::from_str(&get(admin, "/admin/v1/status")?)?;
        Ok(Some(status.records_dropped))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is gone, and its directory goes next.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Everything a decision needs is on: an application key, a provider key, a ladder, the breaker, records in SQLite. The
/// breaker is set so high that it stays closed on the route that always fails: a skipped call is not a failover.
fn configuration(upstream: SocketAddr, listen: SocketAddr, admin: SocketAddr) -> String {
    format!(
        r#"version = 1
[server]
listen   = "{listen}"
admin    = "{admin}"
app-keys = "env:BENCH_APP_KEYS"
[store]
records = "sqlite:records.db"
[provider.fake]
api      = "openai-compatible"
base-url = "http://{upstream}/v1"
keys     = ["env:BENCH_PROVIDER_KEY"]
[provider.broken]
api      = "openai-compatible"
base-url = "http://{upstream}/v1"
keys     = ["env:BENCH_PROVIDER_KEY"]
[breaker]
opens-at = {{ failing = "100%", of-at-least = 100000, within = "1s" }}
[task.relay]
ladder = [{{ try = "fake/good" }}]
[task.paced]
ladder = [{{ try = "fake/paced" }}]
[task.failover]
ladder = [{{ try = "broken/bad", retries = 0 }}, {{ try = "fake/good" }}]
"#
    )
}

/// One worker, keep-alive on both sides, no access log.
fn nginx_configuration(upstream: SocketAddr, listen: SocketAddr, home: &Path) -> String {
    let home = home.display();
    format!(
        r#"daemon off;
master_process off;
worker_processes 1;
pid {home}/nginx.pid;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  tcp_nodelay on;
  keepalive_requests 100000000;
  client_body_temp_path {home}/body;
  proxy_temp_path {home}/proxy;
  fastcgi_temp_path {home}/fastcgi;
  uwsgi_temp_path {home}/uwsgi;
  scgi_temp_path {home}/scgi;
  upstream fake {{ server {upstream}; keepalive 128; keepalive_requests 100000000; }}
  server {{
    listen {listen};
    location / {{ proxy_pass http://fake; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
}}
"#
    )
}

/// Ports that were free a moment ago.
fn free_ports() -> Result<[SocketAddr; 2], Failed> {
    let any = (Ipv4Addr::LOCALHOST, 0);
    let (one, two) = (TcpListener::bind(any)?, TcpListener::bind(any)?);
    Ok([one.local_addr()?, two.local_addr()?])
}

/// A small GET, off the measured path.
fn get(address: SocketAddr, path: &str) -> Result<String, Failed> {
    use std::io::{Read as _, Write as _};
    let mut socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(STARTS_WITHIN))?;
    write!(socket, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut text = String::new();
    socket.take(1024 * 1024).read_to_string(&mut text)?;
    match text.split_once("\r\n\r\n") {
        Some((head, body)) if head.starts_with("HTTP/1.1 200") => Ok(body.to_owned()),
        _ => Err(Failed::new(format!("GET {path} was not answered with 200"))),
    }
}
