//! The engine's hands without its dataflow: surveys, workers that poll and seal, a clock, and positions as a log keeps
//! them.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use quorate_operators::clock::{Clockwork, Report};
use quorate_schemas::clock::{Clock, Eras};
use quorate_schemas::id::IdKey;
use quorate_schemas::log::{PartitionRange, Position, Standing};
use quorate_schemas::place::Origin;
use quorate_schemas::record::Record;
use quorate_schemas::time::SECOND;
use tempfile::TempDir;

use crate::assign::Assignments;
use crate::epoch::ledger::Change;
use crate::error::Error;
use crate::job::Job;
use crate::observe::Observer;
use crate::partitions::{Pace, Partitions, Start, Taken};
use crate::roster::Roster;
use crate::seats::Seats;
use crate::survey::Surveyor;

/// A row that came in: its source, its number, whether it was on time.
type Row = (String, i64, bool);

#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Observer for Notes {
    fn note(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }
}

pub(super) struct Rig {
    folder: TempDir,
    sources: String,
    notes: Arc<Notes>,
    run: Option<Run>,
    workers: usize,
    idle_after: Option<Duration>,
    /// The last commit, and how many rows it has.
    log: Standing,
    committed: usize,
    rows: Vec<Row>,
    pub(super) clock: Clock,
    pub(super) now_us: i64,
}

/// What dies with a process.
struct Run {
    roster: Arc<Roster>,
    surveyor: Surveyor,
    assignments: Arc<Assignments>,
    workers: Vec<Partitions>,
    clockwork: Clockwork,
    epoch: u64,
    told: u64,
    /// What was sealed, and by whom.
    positions: BTreeMap<Origin, Position>,
    ranges: Vec<PartitionRange>,
    owners: BTreeMap<Origin, usize>,
    taken: Vec<Taken>,
    /// How many of the rows are sealed.
    sealed: Vec<Row>,
}

/// A row at this time: a vote or a known answer, as one likes.
fn vote(nr: i64) -> String {
    format!(
        "{{\"at\":{nr},\"task_id\":\"a task by its number: {nr}\",\"agent_id\":\"a\",\"choice\":\"x\",\
         \"answer\":\"x\"}}\n"
    )
}

fn number(text: &str) -> i64 {
    let digits: String = text
        .split("number: ")
        .nth(1)
        .unwrap_or("")
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    digits.parse().unwrap_or(-1)
}

impl Rig {
    pub(super) fn new(sources: &str, workers: usize, idle_after: Option<Duration>) -> Rig {
        Rig {
            folder: TempDir::new().unwrap(),
            sources: sources.to_owned(),
            notes: Arc::default(),
            run: None,
            workers,
            idle_after,
            log: Standing::default(),
            committed: 0,
            rows: Vec::new(),
            clock: Clock::START,
            now_us: SECOND,
        }
    }

    pub(super) fn followed(workers: usize, idle_after: Option<Duration>) -> Rig {
        Rig::new("[source.votes]\nfollow = true\nfiles = \"*.jsonl*\"", workers, idle_after)
    }

    fn job(&self) -> Job {
        let map = "map = { event_time = { field = \"at\", unit = \"us\" } }";
        let sources = self.sources.replace("files", &format!("{map}\nfiles"));
        let text = format!(
            "name = \"rig\"\nstore = \"memory://\"\n{sources}\n[consensus]\nlateness = \"0s\"\n"
        );
        Job::parse(&text, &self.file("job.toml")).unwrap_or_else(|e| panic!("{e}")).job
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn append(&self, name: &str, rows: &[i64]) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.file(name)).unwrap();
        file.write_all(rows.iter().map(|nr| vote(*nr)).collect::<String>().as_bytes()).unwrap();
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        fs::write(self.file(name), text).unwrap();
    }

    /// Another file in its place.
    pub(super) fn replace(&self, name: &str, rows: &[i64]) {
        let new = self.file("new");
        fs::write(&new, rows.iter().map(|nr| vote(*nr)).collect::<String>()).unwrap();
        fs::rename(new, self.file(name)).unwrap();
    }

    pub(super) fn rename(&self, from: &str, to: &str) {
        fs::rename(self.file(from), self.file(to)).unwrap();
    }

    pub(super) fn copy_and_truncate(&self, from: &str, to: &str) {
        fs::copy(self.file(from), self.file(to)).unwrap();
        File::options().write(true).open(self.file(from)).unwrap().set_len(0).unwrap();
    }

    pub(super) fn remove(&self, name: &str) {
        fs::remove_file(self.file(name)).unwrap();
    }

    /// A run begins, from the log.
    pub(super) fn start(&mut self) {
        self.survey_first();
        self.try_take().unwrap();
        // One epoch for all: the clock does not go on before each worker has said what it has.
        (0..self.workers).for_each(|worker| self.report(worker));
        self.close();
    }

    pub(super) fn survey_first(&mut self) {
        let job = self.job();
        let roster = Roster::of(&self.log, job.lateness, self.workers, Duration::ZERO).unwrap();
        let roster = Arc::new(roster);
        let assignments = Arc::new(Assignments::new(Seats::alone(self.workers), false, Vec::new()));
        let (key, seats) = (IdKey::new([1; 16]), Seats::alone(self.workers));
        let mut surveyor =
            Surveyor::new(&job, key, seats, Arc::clone(&roster), Arc::clone(&assignments)).unwrap();
        surveyor.survey(Start::WithTheRun, self.notes.as_ref(), &|| false).unwrap();
        let (look_every, per_look) = (Duration::ZERO, Duration::ZERO);
        let pace = Pace { idle_after: self.idle_after, look_every, per_look };
        let workers = (0..self.workers).map(|_| Partitions::new(Arc::clone(&roster), pace));
        let mut clockwork = Clockwork::new(Eras::of_length(SECOND), self.workers, self.log.clock);
        for worker in 0..self.workers {
            clockwork.report(Report::Complete { worker, complete: false });
        }
        self.clock = self.log.clock;
        let positions = self.log.positions.iter();
        self.run = Some(Run {
            surveyor,
            assignments,
            workers: workers.collect(),
            clockwork,
            epoch: 1,
            told: 0,
            positions: positions.map(|at| (at.origin.clone(), at.clone())).collect(),
            ranges: Vec::new(),
            owners: BTreeMap::new(),
            taken: (0..self.workers).map(|_| Taken::default()).collect(),
            sealed: Vec::new(),
            roster,
        });
    }

    /// The process dies and another goes on from the log.
    pub(super) fn restart(&mut self, workers: usize, idle_after: Option<Duration>) {
        self.rows.truncate(self.committed);
        (self.workers, self.idle_after) = (workers, idle_after);
        self.start();
    }

    fn run(&mut self) -> &mut Run {
        self.run.as_mut().expect("a run has begun")
    }

    pub(super) fn survey(&mut self) {
        let notes = Arc::clone(&self.notes);
        self.run().surveyor.survey(Start::Joining, notes.as_ref(), &|| false).unwrap();
    }

    pub(super) fn try_take(&mut self) -> Result<(), Error> {
        let run = self.run();
        for (nr, worker) in run.workers.iter_mut().enumerate() {
            run.assignments.take(nr).into_iter().try_for_each(|errand| worker.take(errand))?;
        }
        Ok(())
    }

    /// One turn of a worker's loop.
    pub(super) fn poll(&mut self, worker: usize) {
        let (clock, now_us) = (self.clock, self.now_us);
        self.try_take().unwrap();
        let run = self.run();
        let worker = worker % run.workers.len();
        let told = run.told;
        run.workers[worker].join(told, clock).unwrap();
        run.workers[worker].poll(clock, now_us, &mut run.taken[worker]).unwrap();
    }

    /// A worker seals an epoch that no other adds to, and the clock goes on.
    pub(super) fn seal(&mut self, worker: usize) {
        self.report(worker);
        self.close();
    }

    fn close(&mut self) {
        let run = self.run.as_mut().expect("a run has begun");
        self.clock = run.clockwork.close();
        (run.told, run.epoch) = (run.epoch, run.epoch + 1);
    }

    fn report(&mut self, worker: usize) {
        let clock = self.clock;
        let run = self.run.as_mut().expect("a run has begun");
        let worker = worker % run.workers.len();
        let Taken { rows, rejects, notes, counts, .. } = std::mem::take(&mut run.taken[worker]);
        assert_eq!(counts.rows_in as usize, rows.len() + rejects.len());
        let mut said = notes;
        let (reports, moved) = run.workers[worker].seal(run.epoch, &mut said);
        for row in rows {
            assert!(row.event_time >= clock.promised, "{row:?} lies behind {clock:?}");
            let task = match &row.body {
                Record::Vote(vote) => &vote.task,
                Record::Gold(gold) => &gold.task,
                other => panic!("{other:?}"),
            };
            let source = row.place.origin.source.clone();
            run.sealed.push((source, number(task.name().as_ref()), true));
        }
        for row in rejects {
            let nr = number(&String::from_utf8_lossy(&row.bytes));
            run.sealed.push((row.place.origin.source.clone(), nr, false));
        }
        for moved in moved {
            let origin = moved.origin.as_ref().clone();
            let owner = *run.owners.entry(origin.clone()).or_insert(worker);
            assert_eq!(owner, worker, "{origin:?} has two readers");
            if let Some(before) = run.positions.get(&origin) {
                assert_eq!(before.next, moved.from, "the ranges of {origin:?} chain");
            }
            if moved.to > moved.from {
                run.ranges.push(PartitionRange {
                    origin: origin.clone(),
                    from: moved.from,
                    to: moved.to,
                    rows_in: moved.counts.rows_in,
                    on_time: moved.counts.on_time,
                    late: moved.counts.late,
                    rejected: moved.counts.rejected,
                });
            }
            let position = Position {
                origin: origin.clone(),
                next: moved.to,
                greatest_event_time_us: moved.greatest,
                idle: moved.idle,
                join_watermark_us: moved.floor,
                done: moved.done,
                mark: moved.mark,
            };
            run.positions.insert(origin, position);
        }
        reports.into_iter().for_each(|report| run.clockwork.report(report));
        for note in said {
            self.notes.note(&note);
        }
    }

    /// What was sealed is true from now on.
    pub(super) fn commit(&mut self) {
        let clock = self.clock;
        let run = self.run.as_mut().expect("a run has begun");
        let ranges = std::mem::take(&mut run.ranges);
        let positions = run.positions.values().cloned().collect();
        let mut change = Change { positions, ranges, ..Change::default() };
        let over = run.roster.leave_out(&mut change);
        for origin in &over {
            run.positions.remove(origin);
            run.owners.remove(origin);
        }
        run.roster.forgotten(&over);
        self.rows.append(&mut run.sealed);
        self.committed = self.rows.len();
        let positions = change.positions;
        self.log = Standing { positions, clock, ..Standing::default() };
    }

    /// Each worker reads what there is for now, and seals it bit by bit.
    pub(super) fn look(&mut self) {
        for worker in 0..self.workers {
            for _ in 0..4 {
                self.poll(worker);
                self.seal(worker);
            }
        }
    }

    /// Surveys and looks until nothing more is to be done.
    pub(super) fn settle(&mut self) {
        for _ in 0..3 {
            self.survey();
            self.look();
            self.look();
        }
        self.commit();
    }

    /// Lets so much time pass that files which lost their names are taken for complete.
    pub(super) fn pass_time(&mut self) {
        for _ in 0..2 {
            self.look();
            self.now_us += 10 * SECOND;
        }
        self.look();
        self.commit();
    }

    pub(super) fn positions(&self) -> Vec<(String, Position)> {
        let name = |at: &Position| format!("{}/{}", at.origin.source, at.origin.partition);
        self.log.positions.iter().map(|at| (name(at), at.clone())).collect()
    }

    pub(super) fn position(&self, partition: &str) -> Option<Position> {
        self.log.positions.iter().find(|at| at.origin.partition == partition).cloned()
    }

    /// How many partitions the workers hold open.
    pub(super) fn open(&self) -> usize {
        self.run.as_ref().map_or(0, |run| run.workers.iter().map(|one| one.slots.len()).sum())
    }

    fn numbers(&self, wanted: impl Fn(&Row) -> bool) -> Vec<i64> {
        let mut numbers: Vec<i64> =
            self.rows.iter().filter(|row| wanted(row)).map(|(_, nr, _)| *nr).collect();
        numbers.sort();
        numbers
    }

    /// The rows that are committed, by number.
    pub(super) fn read(&self) -> Vec<i64> {
        self.numbers(|(_, nr, _)| *nr >= 0)
    }

    pub(super) fn read_of(&self, source: &str) -> Vec<i64> {
        self.numbers(|row| row.0 == source)
    }

    /// Those that were not on time.
    pub(super) fn late(&self) -> Vec<i64> {
        self.numbers(|(_, _, on_time)| !on_time)
    }

    pub(super) fn notes(&self) -> Vec<String> {
        self.notes.0.lock().unwrap().clone()
    }

    /// How often this was said.
    pub(super) fn said(&self, part: &str) -> usize {
        self.notes().iter().filter(|note| note.contains(part)).count()
    }
}
