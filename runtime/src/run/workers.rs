//! The threads of timely: of this process alone, or of one among several.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use timely::WorkerConfig;
use timely::execute::execute_from;

use crate::clock::Stopwatch;
use crate::cluster::HANGS_AFTER;
use crate::cluster::mesh::Mesh;
use crate::error::Error;
use crate::observe::RunOptions;
use crate::shared::Shared;
use crate::worker::{Plan, work};

/// How often it is looked whether workers are done where others may be lost meanwhile.
const LOOK: Duration = Duration::from_millis(5);

/// How often it is looked whether workers hang.
const TURNS: Duration = Duration::from_millis(500);

/// So long a worker may take to notice that the run has failed; after that its process ends without it.
const PATIENCE: Duration = Duration::from_secs(3);

/// Runs all workers of this process to their end.
pub(super) fn work_all(
    plan: Plan,
    options: &RunOptions,
    mesh: Option<&mut Mesh>,
) -> Result<(), Error> {
    let shared = Arc::clone(&plan.shared);
    let hangs_after = options.cluster.as_ref().map_or(HANGS_AFTER, |cluster| cluster.hangs_after);
    match mesh {
        Some(mesh) => among_others(plan, mesh, &shared, hangs_after),
        None => alone(plan, options, &shared),
    }
}

fn alone(plan: Plan, options: &RunOptions, shared: &Shared) -> Result<(), Error> {
    let communication = match options.serialised {
        true => timely::CommunicationConfig::ProcessBinary(options.workers),
        false => timely::CommunicationConfig::Process(options.workers),
    };
    let config = timely::Config { communication, worker: WorkerConfig::default() };
    let plan = Arc::new(plan);
    let workers =
        timely::execute(config, move |worker| work(worker, &plan)).map_err(Error::Worker)?;
    note_deaths(workers.join(), shared);
    Ok(())
}

fn note_deaths(results: Vec<Result<(), String>>, shared: &Shared) {
    for result in results {
        if let Err(error) = result {
            let _: Option<()> = shared.fail(Error::Worker(error));
        }
    }
}

fn among_others(
    plan: Plan,
    mesh: &mut Mesh,
    shared: &Arc<Shared>,
    hangs_after: Duration,
) -> Result<(), Error> {
    let (builders, guard) = mesh.builders().map_err(|error| {
        Error::Worker(format!("timely's threads for other processes do not start: {error}"))
    })?;
    let plan = Arc::new(plan);
    // Timely's own threads are joined below, and only if nobody is lost: they would wait for ever.
    let workers = execute_from(builders, Box::new(()), WorkerConfig::default(), move |worker| {
        work(worker, &plan);
    });
    let workers = workers.map_err(Error::Worker)?;
    let are_done = || workers.guards().iter().all(thread::JoinHandle::is_finished);
    let mut turns = Turns { shared, hangs_after, looked: Stopwatch::start() };
    let are_done = || {
        turns.look();
        are_done()
    };
    if !wait_for(are_done, shared) {
        std::mem::forget((workers, guard));
        return Ok(());
    }
    note_deaths(workers.join(), shared);
    if shared.has_failed() {
        std::mem::forget(guard);
        return Ok(());
    }
    // What the workers have sent last goes out, and what the others have comes in.
    let last = thread::spawn(move || drop(guard));
    wait_for(|| last.is_finished(), shared);
    Ok(())
}

/// Looks whether the workers of this process go through their loops: one that does not holds up all processes, and its
/// own goes on to say that it is there.
struct Turns<'a> {
    shared: &'a Shared,
    hangs_after: Duration,
    looked: Stopwatch,
}

impl Turns<'_> {
    fn look(&mut self) {
        if self.looked.elapsed() < TURNS {
            return;
        }
        // A process that was halted as a whole is behind with everything: its workers have until the next look.
        let halted = self.looked.elapsed() >= 2 * TURNS;
        self.looked = Stopwatch::start();
        let age = self.shared.metrics.vitals().turn_age();
        if age >= self.hangs_after && !halted {
            let _: Option<()> = self.shared.fail(Error::Hung { seconds: age.as_secs() });
        }
    }
}

/// Waits until `are_done`; false if the run has failed, and they still are not a while later.
fn wait_for(mut are_done: impl FnMut() -> bool, shared: &Shared) -> bool {
    let mut failed: Option<Stopwatch> = None;
    while !are_done() {
        if shared.has_failed() && failed.get_or_insert_with(Stopwatch::start).elapsed() >= PATIENCE
        {
            return false;
        }
        thread::sleep(LOOK);
    }
    true
}
