//! How two processes find out that they belong together. Pure: bytes in, bytes out.
//!
//! ```text
//!   who dials                                   who is dialled
//!      hello      protocol, a random number  ─────►
//!      ◄─────  challenge      another random number
//!      claims     who I am, a proof          ─────►   looks at the proof first, then at the claims
//!      ◄─────  answer         a proof, and welcome or why not
//! ```
//!
//! 1. A proof is a keyed hash, under the shared secret, of everything that was said before and of what it stands by. The
//!    random numbers are of this connection alone, so no proof is worth anything on another.
//! 2. Who dials proves itself first: a stranger who dials gets nothing that a secret could be guessed from.
//! 3. An answer is believed only with its proof, a refusal too: nobody else can send a process away.
//! 4. Between them they agree on the keys of the frames that follow.
//!
//! A generation has no number before it has claimed the log, so until then it goes by its *meeting*: a random number that
//! its process 0 draws. Who was of another meeting (an older generation, another cluster) is refused.

use quorate_schemas::log::{Digest, RandomId};
use serde::{Deserialize, Serialize};

use super::secret::{Secret, same};

/// What both must speak.
const PROTOCOL: &str = "quorate cluster 2";

/// The most bytes of a step.
pub(crate) const LONGEST_STEP: usize = 4 << 10;

const PROOF: usize = 32;

/// What a process stands for.
#[derive(Clone, Debug)]
pub(crate) struct Here {
    /// The build ([`BUILD`](super::BUILD)): workers of different ones would not understand each other.
    pub(crate) version: String,
    /// The job.
    pub(crate) job: String,
    /// Its settings, as far as results depend on them.
    pub(crate) fingerprint: Digest,
    /// How many processes there are.
    pub(crate) count: usize,
    /// Which this one is.
    pub(crate) index: usize,
    /// What proves that it belongs here.
    pub(crate) secret: Secret,
}

#[derive(Debug, Serialize, Deserialize)]
struct Hello {
    protocol: String,
    number: RandomId,
}

#[derive(Debug, Serialize, Deserialize)]
struct Challenge {
    number: RandomId,
}

/// Who dials, in its own words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    version: String,
    job: String,
    fingerprint: Digest,
    count: usize,
    /// Which process it is.
    pub(crate) index: usize,
    /// Which it takes the other for.
    to: usize,
    /// Whose meeting it is at; `None` where it asks process 0 for it.
    meeting: Option<RandomId>,
}

/// What a process is told that belongs here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Welcome {
    /// The meeting.
    pub(crate) meeting: RandomId,
    /// Workers of each process.
    pub(crate) threads: usize,
    /// The time that it is there, in microseconds since 1970.
    pub(crate) clock_us: i64,
}

/// Why a process is not let in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub(crate) enum Refusal {
    /// Another build.
    #[error(
        "it is quorate {here}, and the one that dials is {there}: run the same build everywhere"
    )]
    Version {
        /// Of who is dialled.
        here: String,
        /// Of who dials.
        there: String,
    },
    /// Another job.
    #[error("it runs job {here:?}, not {there:?}")]
    Job {
        /// Of who is dialled.
        here: String,
        /// Of who dials.
        there: String,
    },
    /// Another job of this name.
    #[error("its job file has other settings: use the same everywhere")]
    Settings,
    /// Another list of hosts.
    #[error(
        "it knows of {here} processes, and the one that dials of {there}: use the same hosts everywhere"
    )]
    Count {
        /// Of who is dialled.
        here: usize,
        /// Of who dials.
        there: usize,
    },
    /// Another order of hosts.
    #[error("it is process {here}, not {dialled}: use the same hosts in the same order everywhere")]
    OtherIndex {
        /// Which it is.
        here: usize,
        /// Which it was taken for.
        dialled: usize,
    },
    /// An index that cannot dial here.
    #[error("process {0} has no business to dial: lower ones are dialled by higher ones")]
    Order(usize),
    /// It has not met process 0 yet.
    #[error("it is not at a meeting yet")]
    NotYet,
    /// Another meeting.
    #[error("it is at another meeting: one of the two generations is over")]
    OtherMeeting,
    /// The place is taken.
    #[error(
        "process {0} is there already: two with the same index, or one from before that is not given up yet"
    )]
    Taken(usize),
}

#[derive(Debug, Serialize, Deserialize)]
enum Answer {
    Welcome(Welcome),
    Refused(Refusal),
}

/// Why a handshake came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Strange {
    /// Bytes that are no step of it.
    #[error("it does not speak {PROTOCOL:?}: another program, or another version of this one")]
    Protocol,
    /// A proof that does not fit.
    #[error("its secret is not ours: give every process the same")]
    Secret,
    /// A refusal.
    #[error("refused: {0}")]
    Refused(Refusal),
}

/// The keys of the two directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Keys {
    /// From who dials.
    pub(crate) there: [u8; 16],
    /// From who is dialled.
    pub(crate) back: [u8; 16],
}

/// What was said so far.
#[derive(Debug)]
struct Said {
    secret: Secret,
    steps: Vec<Vec<u8>>,
}

impl Said {
    fn new(secret: &Secret) -> Said {
        Said { secret: secret.clone(), steps: Vec::new() }
    }

    fn step<T: Serialize>(&mut self, step: &T) -> Vec<u8> {
        let bytes = serde_json::to_vec(step).expect("a step has a text");
        self.steps.push(bytes.clone());
        bytes
    }

    fn hear<'a, T: Deserialize<'a>>(&mut self, bytes: &'a [u8]) -> Result<T, Strange> {
        self.steps.push(bytes.to_vec());
        serde_json::from_slice(bytes).map_err(|_| Strange::Protocol)
    }

    fn prove(&self, role: &str) -> [u8; 32] {
        let mut parts = vec![role.as_bytes()];
        parts.extend(self.steps.iter().map(Vec::as_slice));
        self.secret.prove(&parts)
    }

    /// A step that stands by everything said so far.
    fn proven<T: Serialize>(&mut self, step: &T, role: &str) -> Vec<u8> {
        let bytes = self.step(step);
        [self.prove(role).as_slice(), &bytes].concat()
    }

    fn hear_proven<'a, T: Deserialize<'a>>(
        &mut self,
        bytes: &'a [u8],
        role: &str,
    ) -> Result<T, Strange> {
        let (proof, bytes) = bytes.split_at_checked(PROOF).ok_or(Strange::Protocol)?;
        self.steps.push(bytes.to_vec());
        if !same(proof, &self.prove(role)) {
            return Err(Strange::Secret);
        }
        serde_json::from_slice(bytes).map_err(|_| Strange::Protocol)
    }

    fn keys(&self) -> Keys {
        let proof = self.prove("keys");
        let (mut there, mut back) = ([0; 16], [0; 16]);
        there.copy_from_slice(&proof[..16]);
        back.copy_from_slice(&proof[16..]);
        Keys { there, back }
    }
}

/// Who dials.
#[derive(Debug)]
pub(crate) struct Dialler {
    said: Said,
    claims: Claims,
}

impl Dialler {
    /// Begins; gives the hello to send. `number` is random.
    pub(crate) fn begin(
        here: &Here,
        to: usize,
        meeting: Option<RandomId>,
        number: RandomId,
    ) -> (Dialler, Vec<u8>) {
        let mut said = Said::new(&here.secret);
        let hello = said.step(&Hello { protocol: PROTOCOL.to_owned(), number });
        let claims = Claims {
            version: here.version.clone(),
            job: here.job.clone(),
            fingerprint: here.fingerprint,
            count: here.count,
            index: here.index,
            to,
            meeting,
        };
        (Dialler { said, claims }, hello)
    }

    /// Hears the challenge; gives the claims to send.
    pub(crate) fn challenged(&mut self, challenge: &[u8]) -> Result<Vec<u8>, Strange> {
        self.said.hear::<Challenge>(challenge)?;
        Ok(self.said.proven(&self.claims, "claims"))
    }

    /// Hears the answer.
    pub(crate) fn answered(mut self, answer: &[u8]) -> Result<(Welcome, Keys), Strange> {
        match self.said.hear_proven(answer, "answer")? {
            Answer::Welcome(welcome) => Ok((welcome, self.said.keys())),
            Answer::Refused(refusal) => Err(Strange::Refused(refusal)),
        }
    }
}

/// Who is dialled.
#[derive(Debug)]
pub(crate) struct Dialled {
    said: Said,
}

impl Dialled {
    /// Hears a hello; gives the challenge to send. `number` is random.
    pub(crate) fn hello(
        here: &Here,
        hello: &[u8],
        number: RandomId,
    ) -> Result<(Dialled, Vec<u8>), Strange> {
        let mut said = Said::new(&here.secret);
        let Hello { protocol, .. } = said.hear(hello)?;
        if protocol != PROTOCOL {
            return Err(Strange::Protocol);
        }
        let challenge = said.step(&Challenge { number });
        Ok((Dialled { said }, challenge))
    }

    /// Hears the claims of somebody who knows the secret.
    pub(crate) fn claims(&mut self, claims: &[u8]) -> Result<Claims, Strange> {
        self.said.hear_proven(claims, "claims")
    }

    /// Lets it in: the answer to send.
    pub(crate) fn welcome(mut self, welcome: Welcome) -> (Vec<u8>, Keys) {
        let answer = self.said.proven(&Answer::Welcome(welcome), "answer");
        (answer, self.said.keys())
    }

    /// Sends it away.
    pub(crate) fn refuse(mut self, refusal: Refusal) -> Vec<u8> {
        self.said.proven(&Answer::Refused(refusal), "answer")
    }
}

/// Whether who makes these claims belongs here, where `meeting` is the one that this process is at.
pub(crate) fn judge(
    claims: &Claims,
    here: &Here,
    meeting: Option<RandomId>,
) -> Result<RandomId, Refusal> {
    if claims.version != here.version {
        let (here, there) = (here.version.clone(), claims.version.clone());
        return Err(Refusal::Version { here, there });
    }
    if claims.job != here.job {
        return Err(Refusal::Job { here: here.job.clone(), there: claims.job.clone() });
    }
    if claims.fingerprint != here.fingerprint {
        return Err(Refusal::Settings);
    }
    if claims.count != here.count {
        return Err(Refusal::Count { here: here.count, there: claims.count });
    }
    if claims.to != here.index {
        return Err(Refusal::OtherIndex { here: here.index, dialled: claims.to });
    }
    if claims.index <= here.index || claims.index >= here.count {
        return Err(Refusal::Order(claims.index));
    }
    let meeting = meeting.ok_or(Refusal::NotYet)?;
    match claims.meeting {
        None if here.index == 0 => Ok(meeting),
        Some(theirs) if theirs == meeting => Ok(meeting),
        _ => Err(Refusal::OtherMeeting),
    }
}

#[cfg(test)]
mod tests;
