//! A fleet's files, written in one pass.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::cast::Cast;
use super::chance::Purpose;
use super::damage::spoil;
use super::fleet::Fleet;
use super::job::job_file;
use super::line::Scribe;
use super::order::orders;
use super::output::{Output, Size, failed};
use super::plan::{Part, TaskRow, VoteRow};
use super::readme::read_me;
use super::registration::{Action, registrations};
use super::rows::{Row, Rows};
use super::tick::Ticks;
use crate::error::Error;

/// The progress is told once in so many rows.
const ROWS_PER_TELLING: u64 = 1 << 16;

/// What was written. Rows are lines; the counts below them say what those lines are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// The job over these files.
    pub job: PathBuf,
    /// Lines of `agents`.
    pub agents: u64,
    /// Lines of `tasks`, and of `truth`.
    pub tasks: u64,
    /// Lines of `votes`.
    pub votes: u64,
    /// Lines of `gold`.
    pub gold: u64,
    /// Lines of `ticks`.
    pub ticks: u64,
    /// Lines of `control`.
    pub control: u64,
    /// Bytes of all these, before compression.
    pub bytes: u64,
    /// Tasks that the clique attacks.
    pub attacked: u64,
    /// Votes that are lines a second time.
    pub duplicates: u64,
    /// Votes that were changed.
    pub changed: u64,
    /// Votes beyond the lateness.
    pub late: u64,
    /// Pairs of votes that contradict each other.
    pub equivocations: u64,
    /// Lines without an answer.
    pub abstentions: u64,
    /// Malformed lines.
    pub bad_rows: u64,
}

/// Writes `fleet` into the folder `out`, which is made if there is none and must be empty if there is one.
///
/// `progress` is told how many rows are written, about once in 65,000; [`Fleet::rows_expected`] says of how
/// many. `job.toml` comes last: where it stands, everything else does.
///
/// # Errors
/// If there can be no such fleet, if the folder is not empty, or if a file cannot be written: what was
/// written by then stays there, without a job.
pub fn write_fleet(
    fleet: &Fleet,
    out: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<Written, Error> {
    let cast = Arc::new(Cast::of(fleet)?);
    claim(out)?;
    let mut telling = Telling { rows: 0, told: 0, progress };
    let mut written = Written { job: out.join("job.toml"), ..Written::default() };
    write_agents(&cast, out, &mut written, &mut telling)?;
    write_votes(&cast, out, &mut written, &mut telling)?;
    write_ticks(&cast, out, &mut written, &mut telling)?;
    write_control(&cast, out, &mut written, &mut telling)?;
    (telling.progress)(telling.rows);
    write_text(&out.join("README.txt"), &read_me(fleet, &written))?;
    write_text(&written.job, &job_file(fleet))?;
    Ok(written)
}

fn claim(out: &Path) -> Result<(), Error> {
    fs::create_dir_all(out).map_err(|source| failed("create", out, source))?;
    let mut entries = fs::read_dir(out).map_err(|source| failed("list", out, source))?;
    if entries.next().is_some() {
        return Err(Error::Occupied { path: out.to_owned() });
    }
    Ok(())
}

fn write_text(path: &Path, text: &str) -> Result<(), Error> {
    let write = |mut file: fs::File| io::Write::write_all(&mut file, text.as_bytes());
    fs::File::create_new(path).and_then(write).map_err(|source| failed("write", path, source))
}

/// Counts rows, and says so now and then.
struct Telling<'a> {
    rows: u64,
    told: u64,
    progress: &'a mut dyn FnMut(u64),
}

impl Telling<'_> {
    fn add(&mut self, rows: u64) {
        self.rows += rows;
        if self.rows - self.told >= ROWS_PER_TELLING {
            self.told = self.rows;
            (self.progress)(self.rows);
        }
    }
}

fn write_agents(
    cast: &Cast,
    out: &Path,
    written: &mut Written,
    telling: &mut Telling,
) -> Result<(), Error> {
    let compression = cast.fleet.compression;
    let mut agents = Output::create(out, "agents.jsonl", compression)?;
    let mut truth = Output::create(out, "truth_agents.jsonl", compression)?;
    let mut scribe = Scribe::of(cast);
    for row in registrations(cast) {
        agents.add(1, |lines| scribe.agent(&row, lines))?;
        if row.action == Action::Register {
            truth.add(1, |lines| scribe.agent_truth(&row, lines))?;
            telling.add(1);
        }
        telling.add(1);
    }
    let Size { rows, bytes } = agents.finish()?;
    written.agents = rows;
    written.bytes += bytes + truth.finish()?.bytes;
    Ok(())
}

fn write_votes(
    cast: &Arc<Cast>,
    out: &Path,
    written: &mut Written,
    telling: &mut Telling,
) -> Result<(), Error> {
    let fleet = &cast.fleet;
    let create = |name| Output::create(out, name, fleet.compression);
    let (mut tasks, mut truth, mut votes) =
        (create("tasks.jsonl")?, create("truth.jsonl")?, create("votes.jsonl")?);
    let mut gold = if fleet.gold_share > 0.0 { Some(create("gold.jsonl")?) } else { None };
    let mut damage = cast.chance(Purpose::Damage, 0);
    let mut scribe = Scribe::of(cast);
    for row in Rows::new(Arc::clone(cast)) {
        match row {
            Row::Task(task) => {
                tasks.add(1, |lines| scribe.task(&task, lines))?;
                truth.add(1, |lines| scribe.truth(&task, lines))?;
                if let Some(gold) = gold.as_mut().filter(|_| task.gold) {
                    gold.add(1, |lines| scribe.gold(&task, lines))?;
                }
                telling.add(2 + u64::from(task.gold));
                written.count_task(&task);
            }
            Row::Vote(vote) => {
                votes.add(1, |lines| scribe.vote(&vote, lines))?;
                if damage.hits(cast.shares.bad_rows) {
                    votes.add(1, |lines| {
                        let start = lines.len();
                        scribe.vote(&vote, lines);
                        spoil(&mut damage, start, lines);
                    })?;
                    written.bad_rows += 1;
                    telling.add(1);
                }
                telling.add(1);
                written.count_vote(&vote);
            }
        }
    }
    let gold = gold.map_or(Ok(Size::default()), Output::finish)?;
    let (tasks, votes) = (tasks.finish()?, votes.finish()?);
    (written.tasks, written.votes, written.gold) = (tasks.rows, votes.rows, gold.rows);
    written.bytes += tasks.bytes + truth.finish()?.bytes + votes.bytes + gold.bytes;
    Ok(())
}

fn write_ticks(
    cast: &Arc<Cast>,
    out: &Path,
    written: &mut Written,
    telling: &mut Telling,
) -> Result<(), Error> {
    if cast.fleet.ticks_per_agent == 0 {
        return Ok(());
    }
    let mut ticks = Output::create(out, "ticks.jsonl", cast.fleet.compression)?;
    let mut scribe = Scribe::of(cast);
    for row in Ticks::new(Arc::clone(cast)) {
        ticks.add(1, |lines| scribe.tick(&row, lines))?;
        telling.add(1);
    }
    let Size { rows, bytes } = ticks.finish()?;
    written.ticks = rows;
    written.bytes += bytes;
    Ok(())
}

fn write_control(
    cast: &Cast,
    out: &Path,
    written: &mut Written,
    telling: &mut Telling,
) -> Result<(), Error> {
    if cast.fleet.orders == 0 {
        return Ok(());
    }
    let mut control = Output::create(out, "control.jsonl", cast.fleet.compression)?;
    let mut scribe = Scribe::of(cast);
    for row in orders(cast) {
        control.add(1, |lines| scribe.order(&row, lines))?;
        telling.add(1);
    }
    let Size { rows, bytes } = control.finish()?;
    written.control = rows;
    written.bytes += bytes;
    Ok(())
}

impl Written {
    fn count_task(&mut self, task: &TaskRow) {
        self.attacked += u64::from(task.target.is_some());
    }

    fn count_vote(&mut self, vote: &VoteRow) {
        self.abstentions += u64::from(vote.choice.is_none());
        match vote.part {
            Part::Duplicate => self.duplicates += 1,
            Part::Changed => self.changed += 1,
            Part::Late => self.late += 1,
            Part::Contradiction => self.equivocations += 1,
            Part::Only | Part::Superseded | Part::Equivocation => {}
        }
    }
}
