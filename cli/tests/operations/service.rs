//! A run that is asked over HTTP while it goes on.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

/// So long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
const NAP: Duration = Duration::from_millis(50);

pub(crate) fn quorate(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quorate"));
    for name in ["QUORATE_LISTEN", "QUORATE_LOG", "QUORATE_RESTARTS"] {
        command.env_remove(name);
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

/// A fleet in `folder` whose files are followed, so that its run goes on until it is stopped.
pub(crate) fn fleet(folder: &Path, more: &[&str]) -> String {
    let fleet = folder.join("fleet").display().to_string();
    let made = quorate(&["generate", &fleet, "--tasks", "60"]).args(more).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    format!("{fleet}/job.toml")
}

/// Writes `to` in place of each `from` in the job file.
pub(crate) fn edit(job: &str, from: &str, to: &str) {
    let text = fs::read_to_string(job).unwrap();
    assert!(text.contains(from), "{from:?} is not in {text}");
    fs::write(job, text.replace(from, to)).unwrap();
}

/// Has the job go on until it is stopped.
pub(crate) fn follow(job: &str) {
    edit(job, "files = ", "follow = true\nfiles = ");
}

/// An answer: its code and its body.
pub(crate) type Answer = (u16, String);

/// What is answered at `path`.
pub(crate) fn ask(address: SocketAddr, path: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: quorate\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// A run that listens on a port of its own. Dropped, it is killed.
pub(crate) struct Service {
    child: Child,
    address: SocketAddr,
    /// Lines of standard output, as they come.
    _said: Receiver<Value>,
}

impl Drop for Service {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Service {
    /// Runs `job`, with `more` arguments, in an environment with `set`.
    pub(crate) fn start(job: &str, more: &[&str], set: &[(&str, &str)]) -> Service {
        let mut command = quorate(&["run", job, "--listen", "127.0.0.1:0", "--json"]);
        command.args(more).envs(set.iter().copied());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        // More than a short run says: nobody takes what comes after the first line.
        let (sender, said) = sync_channel(100_000);
        std::thread::spawn(move || {
            let lines = std::io::BufRead::lines(std::io::BufReader::new(stdout));
            for line in lines.map_while(Result::ok) {
                if sender.send(serde_json::from_str(&line).unwrap()).is_err() {
                    break;
                }
            }
        });
        let first: Value = said.recv_timeout(PATIENCE).unwrap();
        assert_eq!(first["type"], "listening", "{first}");
        let address = first["address"].as_str().unwrap().parse().unwrap();
        Service { child, address, _said: said }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        ask(self.address, path)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Asks until `is` holds of an answer, and gives that.
    pub(crate) fn wait(&self, path: &str, is: impl Fn(&Answer) -> bool) -> Answer {
        let mut waited = Duration::ZERO;
        loop {
            let answer = self.get(path);
            if is(&answer) {
                return answer;
            }
            assert!(waited < PATIENCE, "{path} stays so: {answer:?}");
            sleep(NAP);
            waited += NAP;
        }
    }

    /// Ends it as a supervisor does: code and standard error.
    pub(crate) fn stop(mut self) -> (Option<i32>, String) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let mut complaints = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut complaints).unwrap();
        (self.child.wait().unwrap().code(), complaints)
    }
}

/// Standard output of a command that succeeds.
pub(crate) fn said(arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } = quorate(arguments).output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}
