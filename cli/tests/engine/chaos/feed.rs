//! What is produced while things go wrong: the rows of a fleet, at a steady pace, to topics and to a file.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use quorate_broker::{Topic, Writer};

/// How often rows are written.
const TURN: Duration = Duration::from_millis(50);

/// Of a longer pause, since the broker was away, no more is made up for.
const MOST_AT_ONCE: Duration = Duration::from_secs(1);

/// The votes' topic and the ticks' have so many partitions; every so many-th vote goes to the file instead.
pub(super) const VOTES: i32 = 4;
pub(super) const TICKS: i32 = 2;

/// The file that grows.
pub(super) const FILE: &str = "votes-followed.jsonl";

/// Where a line goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum To {
    Votes(i32),
    Ticks(i32),
    File,
}

/// A producer at work.
pub(super) struct Feed {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// All that it has to say.
    pub(super) rows: u64,
}

#[derive(Default)]
struct Shared {
    /// So many rows a second.
    pace: AtomicU64,
    /// It goes on to here.
    allowed: AtomicU64,
    /// So many are where they shall go, for certain; …
    produced: AtomicU64,
    /// … so many of them in topics.
    in_topics: AtomicU64,
    over: AtomicBool,
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        let thread = self.thread.take();
        if !std::thread::panicking() {
            thread.map(JoinHandle::join);
        }
    }
}

fn lines(folder: &Path, kind: &str) -> Vec<Vec<u8>> {
    let bytes = fs::read(folder.join(format!("{kind}.jsonl"))).unwrap();
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    lines.map(<[u8]>::to_vec).collect()
}

/// Votes and ticks in the order of their files, dealt to partitions, one beside the other.
fn dealt(folder: &Path) -> Vec<(To, Vec<u8>)> {
    let mut all = Vec::new();
    for kind in ["votes", "ticks"] {
        let lines = lines(folder, kind);
        let count = lines.len();
        all.extend(lines.into_iter().enumerate().map(|(at, line)| {
            let at = at as i32;
            let to = match kind {
                "ticks" => To::Ticks(at % TICKS),
                _ if at % (VOTES + 1) == VOTES => To::File,
                _ => To::Votes(at % (VOTES + 1)),
            };
            (at as usize * 1_000_000 / count, to, line)
        }));
    }
    all.sort_by_key(|(share, ..)| *share);
    all.into_iter().map(|(_, to, line)| (to, line)).collect()
}

impl Feed {
    /// Begins to write what lies in `folder`, once it is allowed to.
    pub(super) fn start(folder: &Path, votes: &Topic, ticks: &Topic) -> Feed {
        let all = dealt(folder);
        let shared = Arc::<Shared>::default();
        let rows = all.len() as u64;
        let file = OpenOptions::new().create(true).append(true).open(folder.join(FILE)).unwrap();
        let pen = Pen { votes: votes.writer(), ticks: ticks.writer(), file };
        let thread = spawn({
            let shared = Arc::clone(&shared);
            move || pen.write_all(&all, &shared)
        });
        Feed { shared, thread: Some(thread), rows }
    }

    /// Goes on to `rows`, so many a second.
    pub(super) fn go_on(&self, rows: u64, pace: u64) {
        self.shared.pace.store(pace, Ordering::Relaxed);
        self.shared.allowed.store(rows.min(self.rows), Ordering::Relaxed);
    }

    /// Rows that the broker has said are in the topics.
    pub(super) fn in_topics(&self) -> u64 {
        let is_done = self.shared.produced.load(Ordering::Relaxed) == self.rows;
        let has_ended = self.thread.as_ref().is_some_and(JoinHandle::is_finished);
        assert!(is_done || !has_ended, "the producer died");
        self.shared.in_topics.load(Ordering::Relaxed)
    }
}

#[expect(clippy::disallowed_methods, reason = "rows come at a pace")]
fn now() -> Instant {
    Instant::now()
}

struct Pen {
    votes: Writer,
    ticks: Writer,
    file: File,
}

impl Pen {
    fn write_all(mut self, all: &[(To, Vec<u8>)], shared: &Shared) {
        let (mut at, mut due, mut before) = (0, 0.0, now());
        while at < all.len() && !shared.over.load(Ordering::Relaxed) {
            sleep(TURN);
            let passed = std::mem::replace(&mut before, now()).elapsed().min(MOST_AT_ONCE);
            due += shared.pace.load(Ordering::Relaxed) as f64 * passed.as_secs_f64();
            let allowed = shared.allowed.load(Ordering::Relaxed) as usize;
            let next = allowed.min(at + due as usize);
            // What is not allowed now is not made up for later.
            due = if next == allowed { 0.0 } else { due.fract() };
            let in_topics = self.write(&all[at..next]);
            at = next;
            shared.produced.store(at as u64, Ordering::Relaxed);
            shared.in_topics.fetch_add(in_topics, Ordering::Relaxed);
        }
    }

    /// Gives how many went to topics.
    fn write(&mut self, rows: &[(To, Vec<u8>)]) -> u64 {
        let mut lines = Vec::new();
        for (_, line) in rows.iter().filter(|(to, _)| *to == To::File) {
            lines.extend_from_slice(line);
            lines.push(b'\n');
        }
        self.file.write_all(&lines).unwrap();
        let of = |wanted: fn(To) -> Option<i32>| {
            rows.iter().filter_map(move |(to, line)| Some((wanted(*to)?, line.as_slice())))
        };
        self.votes.write(of(|to| match to {
            To::Votes(partition) => Some(partition),
            To::Ticks(_) | To::File => None,
        }));
        self.ticks.write(of(|to| match to {
            To::Ticks(partition) => Some(partition),
            To::Votes(_) | To::File => None,
        }));
        rows.iter().filter(|(to, _)| *to != To::File).count() as u64
    }
}
