//! Named steps at which a test can end the process, as a power cut would.
//!
//! Built only with the feature `failpoints`. `QUORATE_FAILPOINT=<step>:<n>` kills the process with SIGKILL when it
//! reaches the step for the n-th time; the step and the rows in flight go to standard error first.

/// The steps of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A worker is about to seal an epoch.
    Seal,
    /// A checkpoint's files are about to be uploaded.
    Upload,
    /// They have been.
    Uploaded,
    /// A record is about to be created.
    Create,
    /// It has been, and nobody knows.
    Created,
    /// A committed record is about to be published.
    Publish,
    /// It has been.
    Published,
    /// Retained files are about to be merged.
    Merge,
    /// Orphans are about to be removed.
    Sweep,
    /// A claim has been made, nothing is recovered yet.
    Claimed,
    /// The retained rows have been read, nothing is fed back yet.
    Recovered,
}

#[cfg(feature = "failpoints")]
impl Step {
    /// The step's name in `QUORATE_FAILPOINT`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Step::Seal => "seal",
            Step::Upload => "upload",
            Step::Uploaded => "uploaded",
            Step::Create => "create",
            Step::Created => "created",
            Step::Publish => "publish",
            Step::Published => "published",
            Step::Merge => "merge",
            Step::Sweep => "sweep",
            Step::Claimed => "claimed",
            Step::Recovered => "recovered",
        }
    }
}

/// Rows that were read and are not committed: what a kill now would have to get back.
pub(crate) static ROWS_IN_FLIGHT: std::sync::atomic::AtomicU64 =
    std::sync::atomic::AtomicU64::new(0);

/// The process has reached `step`.
#[cfg(not(feature = "failpoints"))]
pub(crate) fn reach(_step: Step) {}

/// The process has reached `step`: it ends here if the environment asks for it.
#[cfg(feature = "failpoints")]
pub(crate) fn reach(step: Step) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static ASKED: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static REACHED: AtomicU64 = AtomicU64::new(0);
    let asked = ASKED.get_or_init(|| {
        #[expect(
            clippy::disallowed_methods,
            reason = "failpoints are set from outside, in builds for tests only"
        )]
        let text = std::env::var("QUORATE_FAILPOINT").ok()?;
        let (name, nth) = text.split_once(':')?;
        Some((name.to_owned(), nth.parse().ok()?))
    });
    let Some((name, nth)) = asked else { return };
    if name == step.name() && REACHED.fetch_add(1, Ordering::SeqCst) + 1 == *nth {
        eprintln!(
            "failpoint {name}:{nth} rows_in_flight={}",
            ROWS_IN_FLIGHT.load(Ordering::SeqCst)
        );
        let _ =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        loop {
            std::thread::park();
        }
    }
}

/// The faults between this process and its store that `QUORATE_FAULTS` asks for.
#[cfg(feature = "failpoints")]
pub(crate) fn faults() -> Option<quorate_connectors::store::faults::FaultPlan> {
    match quorate_connectors::store::faults::FaultPlan::from_env("QUORATE_FAULTS") {
        Ok(plan) => plan,
        Err(wrong) => panic!("QUORATE_FAULTS: {wrong}"),
    }
}
