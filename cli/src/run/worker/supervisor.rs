//! The supervisor: starts this program again, on a leash, once for each generation.

use std::io;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use quorate_runtime::cluster::Cluster;
use quorate_runtime::cluster::supervise::{Supervised, supervise};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use super::Args;
use crate::console::Console;
use crate::exit::Exit;

struct Worker<'a> {
    name: String,
    signals: [(i32, Arc<AtomicBool>); 2],
    console: &'a Console,
}

pub(super) fn run(args: &Args, cluster: &Cluster, console: &Console) -> anyhow::Result<Exit> {
    let signals = [SIGINT, SIGTERM].map(|signal| (signal, Arc::new(AtomicBool::new(false))));
    for (signal, given) in &signals {
        flag::register(*signal, Arc::clone(given))?;
    }
    let (index, count) = (cluster.hosts.index(), cluster.hosts.count());
    let name = format!("process {index} of {count}");
    let mut worker = Worker { name, signals, console };
    if !args.going.is_quiet() {
        worker.note(&format!("met at {}", cluster.hosts.of(index)));
    }
    let code = supervise(&mut worker, args.silence);
    let code = code.context("the process of a generation cannot be started")?;
    Ok(Exit::of(code))
}

impl Supervised for Worker<'_> {
    fn command(&mut self, restarts: u32) -> io::Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(std::env::args_os().skip(1)).arg("--on-leash");
        if restarts > 0 {
            command.env("QUORATE_RESTARTS", format!("generation-over={restarts}"));
            // A failpoint ends a process once; the next generation is to come right.
            command.env_remove("QUORATE_FAILPOINT");
        }
        Ok(command)
    }

    fn signal(&mut self) -> Option<i32> {
        let given = self.signals.iter().find(|(_, given)| given.swap(false, Ordering::Relaxed));
        given.map(|(signal, _)| *signal)
    }

    fn may_follow(&self, code: i32) -> bool {
        let for_good = [Exit::Misconfigured, Exit::Fenced, Exit::RejectLimit];
        !for_good.iter().any(|exit| i32::from(exit.code()) == code)
    }

    fn note(&self, text: &str) {
        self.console.note(format_args!("{}: {text}", self.name));
    }
}
