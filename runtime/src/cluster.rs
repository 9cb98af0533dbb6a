//! Several processes are one cluster: the same job, the same dataflow, rows exchanged between machines.
//!
//! ```text
//!   quorate worker (a supervisor) ──leash── the process of a generation
//!                                             │ workers: timely, over one socket pair for each other process
//!                                             │ links: pump the pairs' other ends over TCP or TLS
//!                                             └ process 0 alone: lead, publisher, files
//! ```
//!
//! Timely has neither authentication nor heartbeats, and does not survive a lost process. So:
//!
//! 1. *Fate is shared.* A generation is all of its processes. When one dies, hangs or is cut off, every other ends too,
//!    each within the limit of silence, and its supervisor starts the next: start-up is recovery, from the log. One of which
//!    a single worker hangs says of itself that it leaves (`run/workers`): its links would go on for ever.
//! 2. *The log decides.* Process 0 claims it, once all are there, and tells the others its claim. What is safe is safe by
//!    the log's rules: two clusters of a job are two claimants. Nothing here has to be right for a row to count once.
//! 3. *Nobody else gets in.* A connection is a process of this meeting or nothing (`handshake`); strangers change
//!    nothing and hold up nobody (`door`).
//! 4. *A run ends by process 0's word*, or by that of one that cannot go on and would not after another start. Everybody
//!    passes it on before leaving, so all end alike. Who was asked to stop stays away; the others wait for it to come back.
//!
//! What is shared between threads of a process and is not rows — the highest open epoch, bytes and rows read, the wish to
//! stop — each process tells the others whole, at once where it matters (`word::Standing`): a worker adopts the highest
//! epoch that *any* worker has opened, or unaligned clocks throttle everything.
//!
//! Who reads what: files are process 0's, since nobody says that others see the same disk. Partitions that all can reach
//! have an owner among all workers (`Seats::reads`). Retained rows are read by everybody,
//! and each worker feeds back its share.
//!
//! *Cost*: a thread's time for the pump, and a copy of each row that changes machines on both sides; a word of some
//! hundred bytes each way eight times within the limit of silence. What recovery takes is in `gather` (a meeting of
//! processes that are there takes three round trips) and in reading the retained rows.

mod door;
mod frame;
mod gather;
mod greet;
pub(crate) mod hall;
mod handshake;
mod hosts;
pub mod leash;
mod link;
pub(crate) mod mesh;
mod secret;
mod skew;
pub mod supervise;
mod tls;
mod wire;
pub(crate) mod word;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use gather::gather;
pub(crate) use handshake::Here;
pub use hosts::{Address, Hosts, WrongHosts, of_service, ordinal};
pub use secret::{Secret, TooShort};
pub use tls::TlsFiles;

/// What this program is: its version, and a number of all that its build was made of. Processes exchange rows as they lie
/// in memory, and by hashes, so all must be of one build; two builds of one version are not.
pub const BUILD: &str = concat!(env!("CARGO_PKG_VERSION"), " (build ", env!("QUORATE_BUILD"), ")");

/// Who is silent for so long is taken for dead, unless somebody says otherwise.
pub const SILENCE: Duration = Duration::from_secs(10);

/// A worker that has not gone through its loop for so long hangs, unless somebody says otherwise. Recovery feeds back all
/// that a worker retained in one go.
pub const HANGS_AFTER: Duration = Duration::from_secs(120);

/// The name of this machine.
pub fn machine() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// What a process is told of its cluster.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// All processes, and which this one is.
    pub hosts: Hosts,
    /// Where it listens, if not at its own address among the hosts.
    pub listen: Option<SocketAddr>,
    /// What proves that a process belongs here.
    pub secret: Option<Secret>,
    /// Certificates of both sides.
    pub tls: Option<TlsFiles>,
    /// A process one of whose workers has not gone through its loop for so long hangs.
    pub hangs_after: Duration,
    /// Who is silent for so long is taken for dead.
    pub silence: Duration,
    /// What its supervisor holds it on, if it has one.
    pub leash: Option<Arc<leash::Leash>>,
}

impl Cluster {
    /// Whether strangers could pass for one of its processes: then it must not run.
    pub fn is_open(&self) -> bool {
        self.secret.is_none() && self.tls.is_none() && !self.hosts.are_loopback()
    }

    /// What this process stands for in `job`.
    pub(crate) fn here(&self, job: &crate::job::Job) -> Here {
        Here {
            version: BUILD.to_owned(),
            job: job.name.clone(),
            fingerprint: job.fingerprint(),
            count: self.hosts.count(),
            index: self.hosts.index(),
            secret: self.secret.clone().unwrap_or_else(Secret::none),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_has_its_version_and_a_number() {
        let number = BUILD.strip_prefix(concat!(env!("CARGO_PKG_VERSION"), " (build "));
        let number = number.and_then(|rest| rest.strip_suffix(')')).unwrap();
        assert!(
            number.len() == 16 && number.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{BUILD}"
        );
        let nothing = format!("{:016x}", 0xcbf2_9ce4_8422_2325_u64);
        assert_ne!(number, nothing, "it was made of something");
    }
}
