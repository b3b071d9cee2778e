//! A gateway process in a folder of its own, and single runs of the command line.

use std::fs::File as Sink;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::{File, http, until};

/// The key that the provider gets.
pub(crate) const PROVIDER_KEY: &str = "sk-provider-canary-8d41f0";

/// A running gateway. Dropping it kills it.
pub(crate) struct Gateway {
    child: Child,
    pub(crate) folder: TempDir,
    envs: Vec<(String, String)>,
    pub(crate) listen: SocketAddr,
    pub(crate) admin: SocketAddr,
}

/// How a run of the command line ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }
}

impl Gateway {
    pub(crate) async fn start(file: &File) -> Gateway {
        Gateway::start_with(&file.text(), &[]).await
    }

    pub(crate) async fn start_with(text: &str, envs: &[(&str, &str)]) -> Gateway {
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("switchback.toml"), text).unwrap();
        let envs = envs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Gateway::start_in(folder, envs).await
    }

    /// One whose configuration names these files beside it.
    pub(crate) async fn start_beside(text: &str, files: &[(&str, &str)]) -> Gateway {
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("switchback.toml"), text).unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        Gateway::start_in(folder, Vec::new()).await
    }

    async fn start_in(folder: TempDir, envs: Vec<(String, String)>) -> Gateway {
        let sink = Sink::options().create(true).append(true).open(folder.path().join("log")).unwrap();
        let before = std::fs::read_to_string(folder.path().join("log")).unwrap().len();
        let mut command = command();
        let command = command.arg("serve").current_dir(folder.path()).envs(envs.iter().cloned());
        let child = command.stdin(Stdio::null()).stdout(sink.try_clone().unwrap()).stderr(sink).spawn().unwrap();
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut gateway = Gateway { child, folder, envs, listen: nowhere, admin: nowhere };
        until("the gateway says where it listens", async || {
            let log = gateway.log();
            assert!(gateway.child.try_wait().unwrap().is_none(), "it ended: {log}");
            let told = log.get(before..).unwrap_or_default();
            let address = |label: &str| {
                let line = told.lines().find(|line| line.trim_start().starts_with(label))?;
                line.split("http://").nth(1)?.split(['/', ' ']).next()?.parse::<SocketAddr>().ok()
            };
            let (Some(listen), Some(admin)) = (address("applications"), address("operators")) else { return false };
            (gateway.listen, gateway.admin) = (listen, admin);
            true
        })
        .await;
        gateway
    }

    /// Ends the process as a crash would and starts it again in the same folder.
    pub(crate) async fn crash_and_restart(mut self) -> Gateway {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let folder = std::mem::replace(&mut self.folder, TempDir::new().unwrap());
        let envs = self.envs.clone();
        Gateway::start_in(folder, envs).await
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    pub(crate) fn config_path(&self) -> PathBuf {
        self.folder.path().join("switchback.toml")
    }

    pub(crate) fn rewrite(&self, text: &str) {
        // In one step, as editors do it.
        let next = self.folder.path().join("next");
        std::fs::write(&next, text).unwrap();
        std::fs::rename(next, self.config_path()).unwrap();
    }

    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let mut status = None;
        until("the gateway ends", async || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        })
        .await;
        status.unwrap()
    }

    /// Runs a verb against this gateway.
    pub(crate) fn cli(&self, args: &[&str]) -> Ran {
        let admin = format!("http://{}", self.admin);
        run(&[&["--admin", &admin], args].concat(), &[])
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        http::send(self.admin, "GET", path, &[], "").await.json()
    }

    /// Every record, newest first.
    pub(crate) async fn records(&self) -> Vec<Value> {
        self.get("/admin/v1/requests?limit=1000").await.as_array().unwrap().clone()
    }

    /// The records once there are so many.
    pub(crate) async fn records_of(&self, n: usize) -> Vec<Value> {
        until(&format!("there are {n} records"), async || self.records().await.len() >= n).await;
        let records = self.records().await;
        assert_eq!(records.len(), n, "{records:#?}");
        records
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the command line to its end.
pub(crate) fn run(args: &[&str], envs: &[(&str, &str)]) -> Ran {
    let done = command().args(args).envs(envs.iter().copied()).stdin(Stdio::null()).output().unwrap();
    Ran {
        code: done.status.code().unwrap_or(-1),
        out: String::from_utf8(done.stdout).unwrap(),
        err: String::from_utf8(done.stderr).unwrap(),
    }
}

/// The binary, with nothing of the tester's environment that it would read.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchback"));
    for (name, _) in std::env::vars_os() {
        let is_read = name.to_str().is_some_and(|it| it.starts_with("SWITCHBACK_") || it.ends_with("_API_KEY"));
        if is_read {
            command.env_remove(name);
        }
    }
    // The log goes into a file, and tests read it.
    command.env("SWITCHBACK_LOG_FORMAT", "text").env("TEST_PROVIDER_KEY", PROVIDER_KEY);
    command
}
