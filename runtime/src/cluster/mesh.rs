//! What a process holds of its cluster once all have met: links, words, and the sockets that timely gets.

use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use quorate_schemas::time::Micros;
use timely::communication::Hooks;
use timely::communication::allocator::zero_copy::initialize::{
    CommsGuard, initialize_networking_from_sockets,
};
use timely::communication::allocator::{AllocatorBuilder, ProcessBuilder};
use tokio::sync::mpsc;

use super::Hosts;
use super::hall::Hall;
use super::link::Link;
use super::word::{Begin, Ending, Word};
use crate::error::Error;
use crate::seats::Seats;

/// So long a process that leaves waits for its last words to be taken.
const PARTING: Duration = Duration::from_secs(2);

/// A process among all others.
pub(crate) struct Mesh {
    hosts: Hosts,
    seats: Seats,
    hall: Arc<Hall>,
    links: Vec<Option<Link>>,
    sockets: Vec<Option<UnixStream>>,
    /// The pumps' ends: timely's threads die of a panic when those close, so they stay open while the process lives.
    held: Vec<UnixStream>,
    heard: mpsc::Receiver<(usize, Word)>,
    ahead_us: Micros,
}

impl Mesh {
    /// What was met.
    pub(crate) fn new(
        hosts: Hosts,
        seats: Seats,
        hall: Arc<Hall>,
        links: Vec<Option<Link>>,
        (sockets, held): (Vec<Option<UnixStream>>, Vec<UnixStream>),
        heard: mpsc::Receiver<(usize, Word)>,
    ) -> Mesh {
        Mesh { hosts, seats, hall, links, sockets, held, heard, ahead_us: 0 }
    }

    /// The clock of process 0 is so far ahead.
    pub(crate) fn by_clock(self, ahead_us: Micros) -> Mesh {
        Mesh { ahead_us, ..self }
    }

    /// How far the clock of process 0, which all go by, is ahead of this machine's.
    pub(crate) fn ahead_us(&self) -> Micros {
        self.ahead_us
    }

    /// Which workers are this process's.
    pub(crate) fn seats(&self) -> Seats {
        self.seats
    }

    /// Where its links come together.
    pub(crate) fn hall(&self) -> Arc<Hall> {
        Arc::clone(&self.hall)
    }

    /// Process 0 waits until all have said that they have met; the others know only of themselves.
    pub(crate) async fn all_met(&mut self) -> Result<(), Error> {
        let mut missing = if self.seats.index == 0 { self.seats.processes - 1 } else { 0 };
        while missing > 0 {
            if let Word::Met = self.next().await?.1 {
                missing -= 1;
            }
        }
        Ok(())
    }

    async fn next(&mut self) -> Result<(usize, Word), Error> {
        next(&mut self.heard, &self.hall, &self.hosts).await
    }

    /// From process 0: everybody goes on from this claim.
    pub(crate) async fn begin(&self, begin: Begin) {
        self.say(&Word::Begin(begin)).await;
    }

    /// To the others: process 0 says where to go on, or that there is nothing to do.
    pub(crate) async fn begun(&mut self) -> Result<Result<Begin, Ending>, Error> {
        loop {
            match self.next().await?.1 {
                Word::Begin(begin) => return Ok(Ok(begin)),
                Word::Over(ending) => return Ok(Err(ending)),
                Word::Standing(_) | Word::Met | Word::Leaves(_) => {}
            }
        }
    }

    /// When process 0 says how it has ended, or somebody is lost. Who asks hears every further word.
    pub(crate) fn over(&mut self) -> impl Future<Output = Result<Ending, Error>> + Send + use<> {
        let (_, nothing) = mpsc::channel(1);
        let mut heard = std::mem::replace(&mut self.heard, nothing);
        let (hall, hosts) = (Arc::clone(&self.hall), self.hosts.clone());
        async move {
            loop {
                if let Word::Over(ending) = next(&mut heard, &hall, &hosts).await?.1 {
                    return Ok(ending);
                }
            }
        }
    }

    async fn say(&self, word: &Word) {
        for link in self.links.iter().flatten() {
            link.say(word.clone()).await;
        }
    }

    /// Says `word` to all, and closes.
    pub(crate) async fn part(self, word: Option<Word>) {
        self.hall.part();
        std::mem::forget(self.held);
        let all = async {
            for link in self.links.iter().flatten() {
                if let Some(word) = &word {
                    link.say(word.clone()).await;
                }
            }
            let closing = self.links.into_iter().flatten().map(Link::close);
            futures::future::join_all(closing).await;
        };
        // Who does not take it notices that the connection is closed.
        let _ = tokio::time::timeout(PARTING, all).await;
    }

    /// What timely's workers are made of: their ends of the sockets. The guard is to be dropped once they are done, which
    /// waits for what they have sent; or forgotten, if they are not.
    pub(crate) fn builders(&mut self) -> std::io::Result<(Vec<AllocatorBuilder>, CommsGuard)> {
        let Seats { index, threads, .. } = self.seats;
        let hooks = Hooks::default();
        let inside =
            ProcessBuilder::new_typed_vector(threads, hooks.refill.clone(), hooks.spill.clone());
        let sockets = std::mem::take(&mut self.sockets);
        let (builders, guard) =
            initialize_networking_from_sockets(inside, sockets, index, threads, hooks)?;
        Ok((builders.into_iter().map(AllocatorBuilder::Tcp).collect(), guard))
    }
}

/// The next word, unless somebody is lost.
async fn next(
    heard: &mut mpsc::Receiver<(usize, Word)>,
    hall: &Hall,
    hosts: &Hosts,
) -> Result<(usize, Word), Error> {
    let lost = tokio::select! {
        biased;
        word = heard.recv() => match word {
            Some(word) => return Ok(word),
            // The hall holds the other end.
            None => std::future::pending().await,
        },
        loss = hall.lost() => loss,
    };
    Err(Error::lost(hosts, &lost))
}
