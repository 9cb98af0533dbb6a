//! The meeting of a generation: every process finds all others before anything begins.
//!
//! ```text
//!   process 0     draws the meeting, waits for all to dial
//!   process i     dials 0, which tells it the meeting; then 1 … i-1; waits for i+1 … to dial; says that it has met
//!   process 0     once all have: claims the log, tells everybody the claim
//! ```
//!
//! 1. Nothing is claimed before all are there: half a cluster takes the job from nobody.
//! 2. Waiting has no deadline, losing has: who was met and is lost ends the meeting for all, as it ends a generation.
//! 3. A process that cannot come in (another job, an index that is taken) keeps asking, and says why it is refused: what
//!    is wrong may be put right on the other side.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use quorate_schemas::log::RandomId;
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::mpsc;

use super::Cluster;
use super::door::{Door, Guest};
use super::frame::Lane;
use super::greet::{Gate, STEP, Unmet, dial};
use super::hall::Hall;
use super::handshake::{Here, Keys, Welcome};
use super::link::{Ends, Link};
use super::mesh::Mesh;
use super::skew::Ahead;
use super::tls::Tls;
use super::wire::{AnyWire, within};
use super::word::Word;
use crate::clock::Stopwatch;
use crate::error::Error;
use crate::lots::random;
use crate::observe::Observer;
use crate::seats::Seats;

/// Somebody who is not there is dialled again after so long, …
const AGAIN: Duration = Duration::from_millis(200);

/// … which is said after so long, and then every [`SAID_AGAIN`].
const SAID: Duration = Duration::from_secs(1);

const SAID_AGAIN: Duration = Duration::from_secs(10);

/// Meets everybody. `threads` is how many workers each process has, by the word of process 0.
///
/// # Errors
/// If this process cannot listen, its certificates are none, or somebody is lost.
pub(crate) async fn gather(
    cluster: &Cluster,
    here: Here,
    threads: usize,
    observer: &Arc<dyn Observer>,
) -> Result<Mesh, Error> {
    let tls = cluster.tls.as_ref().map(Tls::read).transpose()?;
    let listener = listen(cluster).await?;
    let gate = Arc::new(Gate::new(here.clone(), threads));
    let (guests, came) = mpsc::channel(here.count);
    let door = Door { gate: Arc::clone(&gate), tls: tls.clone(), observer: Arc::clone(observer) };
    tokio::spawn(door.keep(listener, guests));
    let (hall, heard) = Hall::new();
    let count = here.count;
    let mut meeting = Meeting {
        cluster,
        here,
        tls,
        hall: Arc::clone(&hall),
        links: (0..count).map(|_| None).collect(),
        sockets: (0..count).map(|_| None).collect(),
        held: Vec::new(),
        ahead: Ahead::default(),
        observer: observer.as_ref(),
    };
    let threads = tokio::select! {
        met = meeting.meet(&gate, threads, came) => met?,
        loss = hall.lost() => return Err(Error::lost(&cluster.hosts, &loss)),
    };
    let Meeting { links, sockets, held, ahead, .. } = meeting;
    let seats = Seats { index: cluster.hosts.index(), processes: count, threads };
    let mesh = Mesh::new(cluster.hosts.clone(), seats, hall, links, (sockets, held), heard);
    let mut mesh = mesh.by_clock(ahead.us);
    mesh.all_met().await?;
    Ok(mesh)
}

async fn listen(cluster: &Cluster) -> Result<TcpListener, Error> {
    let own = cluster.hosts.of(cluster.hosts.index());
    let at = cluster.listen.unwrap_or_else(|| own.to_bind());
    let bound = match TcpListener::bind(at).await {
        // A machine without IPv6.
        Err(_) if at.ip().is_unspecified() && at.is_ipv6() => {
            TcpListener::bind(SocketAddr::from(([0, 0, 0, 0], at.port()))).await
        }
        bound => bound,
    };
    bound.map_err(|error| Error::Listen { at: at.to_string(), why: error.to_string() })
}

struct Meeting<'a> {
    cluster: &'a Cluster,
    here: Here,
    tls: Option<Tls>,
    hall: Arc<Hall>,
    links: Vec<Option<Link>>,
    /// Timely's ends.
    sockets: Vec<Option<std::os::unix::net::UnixStream>>,
    /// The other ends, once more.
    held: Vec<std::os::unix::net::UnixStream>,
    /// How far the clock of process 0 is ahead.
    ahead: Ahead,
    observer: &'a dyn Observer,
}

impl Meeting<'_> {
    /// Meets everybody; gives how many workers each process has.
    async fn meet(
        &mut self,
        gate: &Gate,
        mut threads: usize,
        mut guests: mpsc::Receiver<Guest>,
    ) -> Result<usize, Error> {
        if self.here.index == 0 {
            gate.open(random());
        } else {
            let welcome = self.dial(0, None).await?;
            threads = welcome.threads;
            gate.open(welcome.meeting);
            for to in 1..self.here.index {
                self.dial(to, Some(welcome.meeting)).await?;
            }
        }
        let mut waiting = Waiting::new();
        while let missing = self.missing()
            && !missing.is_empty()
        {
            match tokio::time::timeout(AGAIN, guests.recv()).await {
                Ok(Some(Guest { index, wire, keys })) => {
                    let lanes = (Lane::new(keys.back), Lane::new(keys.there));
                    self.join(index, wire, lanes)?;
                }
                // The door is open as long as the process lives.
                Ok(None) => return Err(Error::Worker("the door died".to_owned())),
                Err(_) => {
                    if waiting.is_said() {
                        let hosts = missing.iter().map(|index| self.name(*index));
                        let hosts = hosts.collect::<Vec<_>>().join(", ");
                        self.observer.note(&format!("waiting for {hosts}"));
                    }
                }
            }
        }
        if self.here.index > 0
            && let Some(link) = &self.links[0]
        {
            link.say(Word::Met).await;
        }
        Ok(threads)
    }

    fn missing(&self) -> Vec<usize> {
        (self.here.index + 1..self.here.count).filter(|at| self.links[*at].is_none()).collect()
    }

    fn name(&self, index: usize) -> String {
        format!("{} (process {index})", self.cluster.hosts.of(index))
    }

    /// Dials until it is let in.
    async fn dial(&mut self, to: usize, meeting: Option<RandomId>) -> Result<Welcome, Error> {
        let mut waiting = Waiting::new();
        loop {
            match self.dial_once(to, meeting).await {
                Ok((wire, welcome, keys, ahead)) => {
                    if to == 0 {
                        self.ahead = ahead;
                    }
                    if let Some(told) = ahead.told() {
                        self.observer.note(&format!("{}: {told}", self.name(to)));
                    }
                    self.join(to, wire, (Lane::new(keys.there), Lane::new(keys.back)))?;
                    return Ok(welcome);
                }
                Err(unmet) => {
                    if waiting.is_said() {
                        self.observer.note(&format!("waiting for {}: {unmet}", self.name(to)));
                    }
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }

    async fn dial_once(
        &self,
        to: usize,
        meeting: Option<RandomId>,
    ) -> Result<(AnyWire, Welcome, Keys, Ahead), Unmet> {
        let address = self.cluster.hosts.of(to);
        let stream =
            within(STEP, TcpStream::connect((address.host.as_str(), address.port))).await?;
        stream.set_nodelay(true)?;
        let mut wire: AnyWire = match &self.tls {
            Some(tls) => within(STEP, tls.connect(stream, address)).await?,
            None => Box::new(stream),
        };
        let (welcome, keys, ahead) = dial(wire.as_mut(), &self.here, to, meeting).await?;
        Ok((wire, welcome, keys, ahead))
    }

    /// Joins what was dialled, or has dialled, to timely's socket.
    fn join(&mut self, peer: usize, wire: AnyWire, (out, back): (Lane, Lane)) -> Result<(), Error> {
        let pair = std::os::unix::net::UnixStream::pair().and_then(|(timely, ours)| {
            ours.set_nonblocking(true)?;
            let held = ours.try_clone()?;
            Ok((timely, UnixStream::from_std(ours)?, held))
        });
        let (timely, rows, held) = pair.map_err(|error| {
            Error::Worker(format!("there is no socket for process {peer}: {error}"))
        })?;
        let silence = self.cluster.silence;
        self.links[peer] =
            Some(Link::new(Ends { peer, wire, out, back, rows, silence }, &self.hall));
        self.sockets[peer] = Some(timely);
        self.held.push(held);
        Ok(())
    }
}

/// Says now and then that somebody is waited for.
struct Waiting {
    since: Stopwatch,
    every: Duration,
}

impl Waiting {
    fn new() -> Waiting {
        Waiting { since: Stopwatch::start(), every: SAID }
    }

    fn is_said(&mut self) -> bool {
        let due = self.since.elapsed() >= self.every;
        if due {
            *self = Waiting { since: Stopwatch::start(), every: SAID_AGAIN };
        }
        due
    }
}

impl Error {
    /// A process was lost.
    pub(super) fn lost(hosts: &super::Hosts, loss: &super::hall::Loss) -> Error {
        let who = format!("process {} ({})", loss.peer, hosts.of(loss.peer));
        Error::Lost { who, why: loss.why.clone() }
    }
}
