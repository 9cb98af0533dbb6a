//! A link: the pump between timely's socket pair and the connection to one other process.
//!
//! ```text
//!   timely ◄──socket pair──► pump ◄──frames: rows, words──► connection (TCP or TLS) ◄──► the other's pump
//! ```
//!
//! 1. Timely never sees the connection. While a generation is alive its ends of the pairs are: what breaks, breaks here,
//!    and the run ends with a cause instead of timely's threads with a panic.
//! 2. Whoever is silent for longer than the limit, or takes nothing for so long, is lost. Every process says where it
//!    stands several times within the limit.
//! 3. Words go ahead of rows; a word that only says where the process stands is made when it is sent, so none waits.
//!
//! *Memory*: two buffers a link, and what the kernel holds of the two sockets.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader, ReadHalf, WriteHalf, split};
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::frame::{HEADER, Kind, LONGEST, Lane};
use super::hall::Hall;
use super::wire::{AnyWire, read_frame, seconds, why, within, write_frame};
use super::word::Word;

/// So many words wait to be sent.
const WORDS: usize = 16;

/// Rows are read from timely in pieces of so many bytes at most.
const PIECE: usize = 64 << 10;

/// How often within the limit of silence a process says where it stands.
const SIGNS: u32 = 8;

/// A link to another process.
pub(crate) struct Link {
    words: mpsc::Sender<Word>,
    sending: JoinHandle<()>,
    receiving: JoinHandle<()>,
}

/// What a link is made of.
pub(crate) struct Ends {
    /// The other process.
    pub(crate) peer: usize,
    /// The connection to it.
    pub(crate) wire: AnyWire,
    /// What is sent.
    pub(crate) out: Lane,
    /// What comes.
    pub(crate) back: Lane,
    /// The other end of timely's socket.
    pub(crate) rows: UnixStream,
    /// Who is silent for longer is lost.
    pub(crate) silence: Duration,
}

impl Link {
    /// Begins to pump.
    pub(crate) fn new(ends: Ends, hall: &Arc<Hall>) -> Link {
        let Ends { peer, wire, out, back, rows, silence } = ends;
        let (from_wire, to_wire) = split(wire);
        // Not as a pair that shuts the socket down when it is dropped: timely would take that for a broken connection.
        let (from_timely, to_timely) = split(rows);
        let (words, queue) = mpsc::channel(WORDS);
        let (sender, receiver) = (Arc::clone(hall), Arc::clone(hall));
        let sending = tokio::spawn(async move {
            let mut sending = Sending { wire: to_wire, lane: out, silence };
            if let Err(error) = sending.all(from_timely, queue, &sender).await {
                sender.lose(peer, why(&error));
            }
        });
        let receiving = tokio::spawn(async move {
            let mut receiving = Receiving { wire: BufReader::new(from_wire), lane: back, silence };
            if let Err(error) = receiving.all(peer, to_timely, &receiver).await {
                let why = match error.kind() {
                    io::ErrorKind::TimedOut => format!("it was silent for {}", seconds(silence)),
                    _ => why(&error),
                };
                receiver.lose(peer, why);
            }
        });
        Link { words, sending, receiving }
    }

    /// Says `word`.
    pub(crate) async fn say(&self, word: Word) {
        // If it cannot be said the other is lost, which is known by other means.
        let _ = self.words.send(word).await;
    }

    /// Sends what was said, then closes; waits until the other has closed too.
    pub(crate) async fn close(self) {
        let Link { words, sending, receiving } = self;
        drop(words);
        let _ = sending.await;
        let _ = receiving.await;
    }
}

struct Sending {
    wire: WriteHalf<AnyWire>,
    lane: Lane,
    silence: Duration,
}

impl Sending {
    async fn all(
        &mut self,
        mut rows: ReadHalf<UnixStream>,
        mut words: mpsc::Receiver<Word>,
        hall: &Hall,
    ) -> io::Result<()> {
        let (mut frame, mut has_rows) = (vec![0; HEADER + PIECE], true);
        let mut news = hall.news();
        let mut signs = tokio::time::interval(self.silence / SIGNS);
        signs.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                word = words.recv() => match word {
                    Some(word) => self.word(&word).await?,
                    None => return self.wire.shutdown().await,
                },
                _ = news.changed() => self.word(&Word::Standing(hall.standing())).await?,
                _ = signs.tick() => self.word(&Word::Standing(hall.standing())).await?,
                read = rows.read(&mut frame[HEADER..]), if has_rows => {
                    let read = read?;
                    has_rows = read > 0;
                    let kind = if has_rows { Kind::Rows } else { Kind::End };
                    self.lane.seal(kind, &mut frame[..HEADER + read]);
                    within(self.silence, write_frame(&mut self.wire, &frame[..HEADER + read])).await?;
                }
            }
        }
    }

    async fn word(&mut self, word: &Word) -> io::Result<()> {
        let bytes = serde_json::to_vec(word)?;
        let frame = self.lane.frame(Kind::Word, &bytes);
        within(self.silence, write_frame(&mut self.wire, &frame)).await
    }
}

struct Receiving {
    wire: BufReader<ReadHalf<AnyWire>>,
    lane: Lane,
    silence: Duration,
}

impl Receiving {
    async fn all(
        &mut self,
        peer: usize,
        mut rows: WriteHalf<UnixStream>,
        hall: &Hall,
    ) -> io::Result<()> {
        let mut bytes = Vec::new();
        loop {
            let frame = read_frame(&mut self.wire, &mut self.lane, LONGEST, &mut bytes);
            match within(self.silence, frame).await? {
                Kind::Rows => rows.write_all(&bytes).await?,
                Kind::End => rows.shutdown().await?,
                Kind::Word => hall.hear(peer, serde_json::from_slice(&bytes)?).await,
                Kind::Hand => {
                    return Err(io::Error::other("it began another handshake"));
                }
            }
        }
    }
}
