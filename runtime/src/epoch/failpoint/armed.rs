//! Failpoints that do what the environment asks for.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use quorate_connectors::store::faults::FaultPlan;
use quorate_schemas::time::{Micros, SECOND};
use rustix::process::{Signal, getpid, kill_process};

use super::Step;

/// Rows that were read and are not committed: what a kill now would have to get back.
static ROWS_IN_FLIGHT: AtomicU64 = AtomicU64::new(0);

/// Rows that were read.
static ROWS_READ: AtomicU64 = AtomicU64::new(0);

/// How often the step that is asked for was reached.
static REACHED: AtomicU64 = AtomicU64::new(0);

/// How often workers went through their loops.
static TURNS: AtomicU64 = AtomicU64::new(0);

/// The step that was reached last.
static LAST: AtomicU8 = AtomicU8::new(Step::Claimed as u8);

/// What the environment asks for.
#[derive(Clone, Debug)]
enum Asked {
    /// To end at a step, the n-th time that so many rows are in flight there.
    At { step: String, nth: u64, least_rows: u64 },
    /// That a worker hangs after so many turns.
    Hang { turns: u64 },
    /// To end some time after a row.
    After { rows: u64, delay: Duration },
}

const STEPS: [Step; 17] = [
    Step::Seal,
    Step::Upload,
    Step::Uploaded,
    Step::Create,
    Step::Created,
    Step::Publish,
    Step::Published,
    Step::Fence,
    Step::Send,
    Step::Sent,
    Step::Told,
    Step::Merge,
    Step::Merged,
    Step::Sweep,
    Step::Remove,
    Step::Claimed,
    Step::Recovered,
];

impl Step {
    /// The step's name in `QUORATE_FAILPOINT`.
    fn name(self) -> &'static str {
        match self {
            Step::Seal => "seal",
            Step::Upload => "upload",
            Step::Uploaded => "uploaded",
            Step::Create => "create",
            Step::Created => "created",
            Step::Publish => "publish",
            Step::Published => "published",
            Step::Fence => "fence",
            Step::Send => "send",
            Step::Sent => "sent",
            Step::Told => "told",
            Step::Merge => "merge",
            Step::Merged => "merged",
            Step::Sweep => "sweep",
            Step::Remove => "remove",
            Step::Claimed => "claimed",
            Step::Recovered => "recovered",
        }
    }
}

fn asked() -> Option<&'static Asked> {
    static ASKED: OnceLock<Option<Asked>> = OnceLock::new();
    ASKED
        .get_or_init(|| {
            #[expect(
                clippy::disallowed_methods,
                reason = "failpoints are set from outside, in builds for tests only"
            )]
            let text = std::env::var("QUORATE_FAILPOINT").ok()?;
            let asked = parse(&text);
            assert!(asked.is_some(), "QUORATE_FAILPOINT={text} asks for nothing that there is");
            asked
        })
        .as_ref()
}

fn parse(text: &str) -> Option<Asked> {
    let (name, when) = text.split_once(':')?;
    if let Some((rows, micros)) = when.split_once('+').filter(|_| name == "rows") {
        let delay = Duration::from_micros(micros.parse().ok()?);
        return Some(Asked::After { rows: rows.parse().ok()?, delay });
    }
    if name == "hang" {
        return Some(Asked::Hang { turns: when.parse().ok()? });
    }
    let step = STEPS.iter().find(|step| step.name() == name)?.name().to_owned();
    let (nth, least_rows) = when.strip_suffix('!').map_or((when, 0), |nth| (nth, 1));
    Some(Asked::At { step, nth: nth.parse().ok()?, least_rows })
}

/// The process has reached `step`: it ends here if the environment asks for it.
pub(crate) fn reach(step: Step) {
    LAST.store(step as u8, Ordering::SeqCst);
    let Some(Asked::At { step: wanted, nth, least_rows }) = asked() else { return };
    let in_flight = ROWS_IN_FLIGHT.load(Ordering::SeqCst);
    if wanted == step.name()
        && in_flight >= *least_rows
        && REACHED.fetch_add(1, Ordering::SeqCst) + 1 == *nth
    {
        end(&format!("{wanted}:{nth} step={wanted}"), in_flight);
    }
}

/// A worker goes through its loop: it hangs here if the environment asks for it.
pub(crate) fn turn() {
    let Some(Asked::Hang { turns }) = asked() else { return };
    if TURNS.fetch_add(1, Ordering::SeqCst) + 1 == *turns {
        eprintln!("failpoint hang:{turns}");
        loop {
            std::thread::park();
        }
    }
}

/// So many rows were read.
pub(crate) fn rows_read(more: u64) {
    ROWS_IN_FLIGHT.fetch_add(more, Ordering::SeqCst);
    let before = ROWS_READ.fetch_add(more, Ordering::SeqCst);
    let Some(Asked::After { rows, delay }) = asked() else { return };
    if before < *rows && before + more >= *rows {
        std::thread::spawn(|| end_after(*rows, *delay));
    }
}

/// So many of the rows that were read are committed.
pub(crate) fn rows_committed(rows: u64) {
    ROWS_IN_FLIGHT.fetch_sub(rows, Ordering::SeqCst);
}

fn end_after(rows: u64, delay: Duration) {
    std::thread::sleep(delay);
    loop {
        let in_flight = ROWS_IN_FLIGHT.load(Ordering::SeqCst);
        if in_flight > 0 {
            let last = LAST.load(Ordering::SeqCst);
            let step = STEPS.iter().find(|step| **step as u8 == last).map_or("?", |s| s.name());
            end(&format!("rows:{rows}+{} step={step}", delay.as_micros()), in_flight);
        }
        std::thread::sleep(Duration::from_micros(20));
    }
}

fn end(what: &str, in_flight: u64) -> ! {
    eprintln!("failpoint {what} rows_in_flight={in_flight}");
    let _ = kill_process(getpid(), Signal::KILL);
    loop {
        std::thread::park();
    }
}

/// The faults between this process and its store that `QUORATE_FAULTS` asks for.
pub(crate) fn faults() -> Option<FaultPlan> {
    match FaultPlan::from_env("QUORATE_FAULTS") {
        Ok(plan) => plan,
        Err(wrong) => panic!("QUORATE_FAULTS: {wrong}"),
    }
}

/// How far ahead the clock of this process is to be.
pub(crate) fn clock_ahead_us() -> Micros {
    static AHEAD: OnceLock<Micros> = OnceLock::new();
    *AHEAD.get_or_init(|| {
        #[expect(
            clippy::disallowed_methods,
            reason = "clocks are set from outside, in builds for tests only"
        )]
        let Ok(text) = std::env::var("QUORATE_CLOCK_AHEAD_S") else { return 0 };
        let seconds: Micros =
            text.parse().unwrap_or_else(|_| panic!("QUORATE_CLOCK_AHEAD_S={text} is no number"));
        seconds.saturating_mul(SECOND)
    })
}
