//! The door of a process: everybody who dials is heard, nobody is waited for.
//!
//! 1. A connection is greeted in a task of its own, with a deadline at each step: who says nothing, or anything else,
//!    holds up nobody and changes nothing.
//! 2. So many may be greeted at once; more are turned away until those are done. Whoever belongs here dials again.
//! 3. It is open for as long as the process lives: who comes late is told that the place is taken.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};

use super::greet::{Gate, STEP, Unmet, admit};
use super::handshake::{Keys, Refusal, Strange};
use super::tls::Tls;
use super::wire::{AnyWire, within};
use crate::clock::Stopwatch;
use crate::observe::Observer;

/// So many are greeted at once.
const AT_ONCE: usize = 64;

/// So many lines about strangers in a minute: a scan of ports is no reason to fill a disk.
const LINES: u32 = 20;

/// Somebody who has come in.
pub(crate) struct Guest {
    /// Its index.
    pub(crate) index: usize,
    /// The connection.
    pub(crate) wire: AnyWire,
    /// Its keys.
    pub(crate) keys: Keys,
}

/// A door.
pub(crate) struct Door {
    pub(crate) gate: Arc<Gate>,
    pub(crate) tls: Option<Tls>,
    pub(crate) observer: Arc<dyn Observer>,
}

impl Door {
    /// Greets whoever dials; `guests` gets those that belong here.
    pub(crate) async fn keep(self, listener: TcpListener, guests: mpsc::Sender<Guest>) {
        let (places, mut lines) = (Arc::new(Semaphore::new(AT_ONCE)), Lines::new());
        let (strangers, mut turned_away) = mpsc::channel::<String>(AT_ONCE);
        loop {
            let (stream, from) = tokio::select! {
                Some(line) = turned_away.recv() => {
                    lines.say(&line, self.observer.as_ref());
                    continue;
                }
                accepted = listener.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        // Out of file descriptors, most likely: whoever it was dials again.
                        lines.say(&format!("nobody can be let in: {error}"), self.observer.as_ref());
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        continue;
                    }
                },
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                lines.say(
                    &format!("{from} is turned away: too many dial at once"),
                    self.observer.as_ref(),
                );
                continue;
            };
            let (gate, tls) = (Arc::clone(&self.gate), self.tls.clone());
            let (guests, strangers) = (guests.clone(), strangers.clone());
            tokio::spawn(async move {
                match greet(stream, &gate, tls).await {
                    Ok(guest) => {
                        // Nobody to receive it: the process is about to end.
                        let _ = guests.send(guest).await;
                    }
                    // One of ours that is ahead of us: it dials again.
                    Err(Unmet::Strange(Strange::Refused(Refusal::NotYet))) => {}
                    Err(unmet) => {
                        let _ = strangers.send(line(from, &unmet)).await;
                    }
                }
                drop(place);
            });
        }
    }
}

fn line(from: SocketAddr, unmet: &Unmet) -> String {
    format!("{from} dialled and was not let in: {unmet}")
}

async fn greet(stream: TcpStream, gate: &Gate, tls: Option<Tls>) -> Result<Guest, Unmet> {
    stream.set_nodelay(true)?;
    let mut wire: AnyWire = match tls {
        Some(tls) => within(STEP, tls.accept(stream)).await?,
        None => Box::new(stream),
    };
    let (index, keys) = admit(wire.as_mut(), gate).await?;
    Ok(Guest { index, wire, keys })
}

/// Lines about strangers, so many in a minute.
struct Lines {
    since: Stopwatch,
    said: u32,
}

impl Lines {
    fn new() -> Lines {
        Lines { since: Stopwatch::start(), said: 0 }
    }

    fn say(&mut self, line: &str, observer: &dyn Observer) {
        if self.since.elapsed() >= Duration::from_secs(60) {
            *self = Lines::new();
        }
        self.said += 1;
        match self.said {
            said if said < LINES => observer.note(line),
            LINES => observer.note(&format!("{line} (more within this minute are not told)")),
            _ => {}
        }
    }
}
