//! The handshake over a connection: each step has a deadline, whoever is at the other end.

use std::io;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use quorate_schemas::log::RandomId;

use super::frame::{Kind, Lane};
use super::handshake::{
    Claims, Dialled, Dialler, Here, Keys, LONGEST_STEP, Refusal, Strange, Welcome, judge,
};
use super::skew::Ahead;
use super::wire::{Wire, read_frame, why, within, write_frame};
use crate::clock::now_us;
use crate::lots::random;

/// An answer that no secret proves.
const NO_PROOF: [u8; 32] = [0; 32];

/// Somebody who takes longer for a step is somebody else.
pub(crate) const STEP: Duration = Duration::from_secs(5);

/// Why two processes did not come together.
#[derive(Debug)]
pub(crate) enum Unmet {
    /// The connection failed, or was silent.
    Io(io::Error),
    /// The other is not who it should be.
    Strange(Strange),
}

impl From<io::Error> for Unmet {
    fn from(error: io::Error) -> Unmet {
        Unmet::Io(error)
    }
}

impl From<Strange> for Unmet {
    fn from(strange: Strange) -> Unmet {
        Unmet::Strange(strange)
    }
}

impl std::fmt::Display for Unmet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unmet::Io(error) => f.write_str(&why(error)),
            Unmet::Strange(strange) => strange.fmt(f),
        }
    }
}

/// Who may come in: by the meeting that this process is at, and each index once.
#[derive(Debug)]
pub(crate) struct Gate {
    here: Here,
    threads: usize,
    meeting: OnceLock<RandomId>,
    taken: Mutex<Vec<bool>>,
}

impl Gate {
    /// A gate through which nobody has come.
    pub(crate) fn new(here: Here, threads: usize) -> Gate {
        let taken = Mutex::new(vec![false; here.count]);
        Gate { here, threads, meeting: OnceLock::new(), taken }
    }

    /// From now on this process is at `meeting`.
    pub(crate) fn open(&self, meeting: RandomId) {
        // A process is at one meeting in its life.
        self.meeting.get_or_init(|| meeting);
    }

    fn enter(&self, claims: &Claims) -> Result<Welcome, Refusal> {
        let meeting = judge(claims, &self.here, self.meeting.get().copied())?;
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut taken[claims.index], true) {
            true => Err(Refusal::Taken(claims.index)),
            false => Ok(Welcome { meeting, threads: self.threads, clock_us: now_us() }),
        }
    }

    fn leave(&self, index: usize) {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)[index] = false;
    }
}

/// The two lanes of a connection before it has keys of its own: out and in.
fn lanes() -> (Lane, Lane) {
    (Lane::new([0; 16]), Lane::new([0; 16]))
}

async fn say(mut wire: &mut dyn Wire, lane: &mut Lane, step: &[u8]) -> io::Result<()> {
    within(STEP, write_frame(&mut wire, &lane.frame(Kind::Hand, step))).await
}

async fn hear(mut wire: &mut dyn Wire, lane: &mut Lane) -> Result<Vec<u8>, Unmet> {
    let mut step = Vec::new();
    let read = read_frame(&mut wire, lane, LONGEST_STEP, &mut step);
    match within(STEP, read).await? {
        Kind::Hand => Ok(step),
        Kind::Word | Kind::Rows | Kind::End => Err(Strange::Protocol.into()),
    }
}

/// The handshake of who has dialled process `to`; with how far its clock is ahead.
pub(crate) async fn dial(
    wire: &mut dyn Wire,
    here: &Here,
    to: usize,
    meeting: Option<RandomId>,
) -> Result<(Welcome, Keys, Ahead), Unmet> {
    let (mut out, mut back) = lanes();
    let (mut dialler, hello) = Dialler::begin(here, to, meeting, random());
    say(wire, &mut out, &hello).await?;
    let challenge = hear(wire, &mut back).await?;
    let asked_us = now_us();
    say(wire, &mut out, &dialler.challenged(&challenge)?).await?;
    let answer = hear(wire, &mut back).await?;
    let (welcome, keys) = dialler.answered(&answer)?;
    Ok((welcome, keys, Ahead::of(welcome.clock_us, asked_us, now_us())))
}

/// The handshake of who was dialled: gives the index of who has come in.
pub(crate) async fn admit(wire: &mut dyn Wire, gate: &Gate) -> Result<(usize, Keys), Unmet> {
    let (mut back, mut out) = lanes();
    let hello = hear(wire, &mut out).await?;
    let (mut dialled, challenge) = Dialled::hello(&gate.here, &hello, random())?;
    say(wire, &mut back, &challenge).await?;
    let claims = match dialled.claims(&hear(wire, &mut out).await?) {
        Err(Strange::Secret) => {
            // That it does not fit, and nothing by which a secret could be guessed.
            say(wire, &mut back, &NO_PROOF).await?;
            return Err(Strange::Secret.into());
        }
        claims => claims?,
    };
    match gate.enter(&claims) {
        Err(refusal) => {
            say(wire, &mut back, &dialled.refuse(refusal.clone())).await?;
            Err(Strange::Refused(refusal).into())
        }
        Ok(welcome) => {
            let (answer, keys) = dialled.welcome(welcome);
            match say(wire, &mut back, &answer).await {
                Ok(()) => Ok((claims.index, keys)),
                Err(error) => {
                    gate.leave(claims.index);
                    Err(error.into())
                }
            }
        }
    }
}
