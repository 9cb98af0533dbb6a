//! What an operation asks of the store, and the facts that come back.

/// The next thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Write the object if there is none of that name.
    Create {
        /// Where.
        path: String,
        /// What: to be written as it is, in one piece.
        bytes: Vec<u8>,
    },
    /// Write the object, whatever was there.
    Put {
        /// Where.
        path: String,
        /// What.
        bytes: Vec<u8>,
    },
    /// Read the whole object, as it is now and not from a cache.
    Read {
        /// Where.
        path: String,
    },
    /// Name all objects whose path begins with `prefix` and, in the order of bytes, lies after `after`.
    List {
        /// A folder, with its slash.
        prefix: &'static str,
        /// Exclusive.
        after: Option<String>,
    },
    /// Remove the object.
    Delete {
        /// Where.
        path: String,
    },
    /// Let time pass.
    Wait {
        /// How much.
        ms: u64,
    },
}

/// What became of an [`Ask`].
///
/// The difference that matters is between *not done* and *not known*. A request that was refused before it could
/// have any effect (429, 503, no connection) is [`Fact::Refused`]; every other failure without a clear answer, a
/// timeout above all, is [`Fact::Unanswered`]: it may have taken effect, may still do so, or never. A fact that
/// doesn't fit the ask counts as no answer. An error that no retry can mend (no permission, no such bucket) is
/// no fact: the hands report it and drop the operation, which is as safe as a crash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// Nothing has been asked yet: what every operation begins with.
    Begin,
    /// The object was created by this request.
    Created,
    /// The store says that there is such an object; a 409 counts as that.
    AlreadyExists,
    /// Certainly not done; it may be tried again.
    Refused,
    /// Not known.
    Unanswered,
    /// The object's bytes.
    Present(Vec<u8>),
    /// There is no such object.
    Absent,
    /// The objects, in any order. A listing may miss the newest.
    Listed(Vec<Listed>),
    /// Written over what was there, or removed, or gone already.
    Done,
    /// The time has passed.
    Waited,
}

/// An object in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its path.
    pub path: String,
    /// How long ago the store saw it written last, by the store's own clock where it tells.
    pub age_ms: u64,
}

/// Something that takes several asks: a value that is consumed by each fact and comes back until it is done.
pub trait Operation: Sized {
    /// What it comes to.
    type Outcome;

    /// Takes the fact about the last ask, at `now_ms` of a clock that only goes forward and goes on while the
    /// machine sleeps, and says what to do next.
    fn next(self, fact: Fact, now_ms: u64) -> Turn<Self>;
}

/// What an operation says to a fact.
#[must_use]
#[derive(Debug)]
pub enum Turn<O: Operation> {
    /// Do this and come back.
    Ask(O, Ask),
    /// This is the outcome.
    Done(O::Outcome),
}

/// How long to wait before trying again: from a tenth of a second, doubling, to ten seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Patience {
    tries: u32,
}

impl Patience {
    const FIRST_MS: u64 = 100;
    const LONGEST_MS: u64 = 10_000;

    /// The next wait.
    pub(super) fn wait(&mut self) -> Ask {
        let ms = Self::FIRST_MS << self.tries.min(7);
        self.tries = self.tries.saturating_add(1);
        Ask::Wait { ms: ms.min(Self::LONGEST_MS) }
    }
}
