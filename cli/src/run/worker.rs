//! `quorate worker`: a job on several machines. This is the supervisor of one process, or, on a leash, that process.

mod hosts;
mod supervisor;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use quorate_runtime::cluster::leash::Leash;
use quorate_runtime::cluster::{Cluster, Secret, TlsFiles};
use quorate_runtime::observe::Outcome;

use super::{Going, More, go};
use crate::console::Console;
use crate::exit::Exit;

const EXAMPLES: &str = "\
Examples:
  quorate worker panel.toml --hosts 10.0.0.1:2101,10.0.0.2:2101,10.0.0.3:2101 --index 0 --secret-file secret
  quorate worker panel.toml --hosts-file hosts --index 2 --tls-ca ca.pem --tls-cert node-2.pem --tls-key node-2.key
  quorate worker panel.toml --hosts-dns panel.default.svc:2101 --count 3      in the pods of a StatefulSet
  quorate worker --pool s3://bucket/pool       the jobs of a pool, each in one process: `quorate worker --pool --help`

Start it on every machine with the same job file and the same hosts in the same order; all write to one store. Files are
read by process 0 alone. Which workers there are changes no result. What is fixed while it runs is their number: to have
more or fewer, stop all and start them again with other hosts.

When one process dies, hangs or is cut off, all end and start again from the last commit, each by its supervisor, which
says why. Until all are there again, they wait. Ctrl-C (or SIGTERM) commits what was read, for all, and ends this one; the
others wait for it to come back. To stop a job, stop every process. A second one ends this process at once (130, or 143).

All must be the same build (`quorate --version`), and machines should set their clocks by one source: how far ahead a row may
lie is judged by the clock of process 0, and one that is more than 5 s off is named.

A connection that cannot prove that it knows the cluster's secret is refused. Without a secret and without certificates
only addresses of this machine are served. Rows are hidden from those who listen only with --tls-….";

/// Run a job on several machines, as one of its processes; with --pool URL, the jobs of a pool
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    going: Going,
    /// Go on with a finished job: read the files that came since
    #[arg(long)]
    reopen: bool,
    #[command(flatten)]
    hosts: hosts::Membership,
    /// Where other processes are awaited, if not at this one's address among the hosts
    #[arg(long, value_name = "ADDRESS:PORT")]
    bind: Option<SocketAddr>,
    /// A file with the secret that all processes share [default: the environment's QUORATE_CLUSTER_SECRET]
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// The authority that has signed the certificates of all processes (PEM)
    #[arg(long, value_name = "FILE", requires_all = ["tls_cert", "tls_key"])]
    tls_ca: Option<PathBuf>,
    /// The certificate of this process: of its host's name or address, for clients and servers (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_ca")]
    tls_cert: Option<PathBuf>,
    /// The certificate's key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_ca")]
    tls_key: Option<PathBuf>,
    /// A process that is silent for so many seconds is taken for dead
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    silence: Duration,
    /// A process one of whose threads does not get on for so many seconds hangs: the generation ends
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = seconds)]
    hangs_after: Duration,
    /// This is the process of a generation, not its supervisor
    #[arg(long, hide = true)]
    on_leash: bool,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "a number of seconds".to_owned())?;
    match (0.5..=3_600.0).contains(&seconds) {
        true => Ok(Duration::from_secs_f64(seconds)),
        false => Err("between 0.5 and 3600".to_owned()),
    }
}

pub(crate) fn run(args: &Args, console: &Arc<Console>) -> anyhow::Result<Exit> {
    let cluster = cluster(args).context(Exit::Misconfigured)?;
    match args.on_leash {
        true => on_leash(args, cluster, console),
        false => supervisor::run(args, &cluster, console),
    }
}

fn cluster(args: &Args) -> anyhow::Result<Cluster> {
    let tls = match (&args.tls_ca, &args.tls_cert, &args.tls_key) {
        (Some(ca), Some(cert), Some(key)) => {
            Some(TlsFiles { ca: ca.clone(), cert: cert.clone(), key: key.clone() })
        }
        _ => None,
    };
    let cluster = Cluster {
        hosts: args.hosts.read()?,
        listen: args.bind,
        secret: secret(args)?,
        tls,
        hangs_after: args.hangs_after,
        silence: args.silence,
        leash: None,
    };
    anyhow::ensure!(
        !cluster.is_open(),
        "anybody could pass for a process of this cluster: give all of them the same --secret-file, or certificates \
         (--tls-ca, --tls-cert, --tls-key)"
    );
    Ok(cluster)
}

#[expect(clippy::disallowed_methods, reason = "the program's edge: read once, here, and passed on")]
fn secret(args: &Args) -> anyhow::Result<Option<Secret>> {
    let text = match &args.secret_file {
        Some(file) => {
            Some(std::fs::read(file).with_context(|| format!("the secret {}", file.display()))?)
        }
        None => {
            let set = std::env::var("QUORATE_CLUSTER_SECRET").ok();
            set.filter(|text| !text.is_empty()).map(String::into_bytes)
        }
    };
    Ok(text.map(|text| Secret::new(&text)).transpose()?)
}

/// The process of a generation: says on its leash why it ends.
fn on_leash(args: &Args, cluster: Cluster, console: &Arc<Console>) -> anyhow::Result<Exit> {
    let leash = Leash::of_this_process().context("this is for `quorate worker` to start")?;
    let leash = Arc::new(leash);
    let cluster = Cluster { leash: Some(Arc::clone(&leash)), ..cluster };
    let more = More { reopen: args.reopen, cluster: Some(cluster) };
    match go(&args.going, more, quorate_runtime::run, console) {
        Ok(Outcome::Stopped(_)) => leash.stopped(),
        Ok(_) => {}
        Err(error) => {
            // The meaning of an exit code is its outermost context; its cause is what happened.
            leash.cause(&error.root_cause().to_string());
            return Err(error);
        }
    }
    Ok(Exit::Done)
}
