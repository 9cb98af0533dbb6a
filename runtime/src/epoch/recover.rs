//! Start-up is recovery: take the lead, sweep what older incarnations left, read what was retained.

use futures::stream::{self, StreamExt, TryStreamExt};
use quorate_connectors::staged::{Checked, Wanted, read_added};
use quorate_connectors::store::Store;
use quorate_schemas::id::IdKey;
use quorate_schemas::log::Standing;
use quorate_schemas::retained::RetainedRow;

use super::failpoint::{Step, reach};
use super::hands::drive;
use super::ledger::{Applicant, Claim, Claimed, Committed, Lead, NotClaimed, Sweep, Terms};
use super::retained::alive;
use crate::error::Error;
use crate::seats::Seats;

/// What a claim came to, for a run.
pub(crate) enum Taken {
    /// This run leads.
    Lead(Box<Lead>, Committed),
    /// The job is finished.
    Finished(Committed),
}

/// Takes the lead.
///
/// # Errors
/// If somebody else has it, or the log is not this job's.
pub(crate) async fn take_lead(
    applicant: Applicant,
    terms: Terms,
    store: &Store,
    note: &(dyn Fn(&str) + Sync),
) -> Result<Taken, Error> {
    let claimed = drive(Claim::new(applicant, terms), store, note).await?;
    match claimed {
        Claimed::Leading(lead, committed) => {
            reach(Step::Claimed);
            Ok(Taken::Lead(Box::new(lead), committed))
        }
        Claimed::Not(why) => match *why {
            NotClaimed::Finished(committed) => Ok(Taken::Finished(committed)),
            NotClaimed::Held { by, seq } => Err(Error::Held { by: by.to_string(), seq }),
            NotClaimed::OtherJob { found } => Err(Error::OtherJob { found }),
            NotClaimed::OtherFingerprint { .. } => Err(Error::OtherFingerprint),
            NotClaimed::Fenced(fenced) => Err(Error::Fenced(fenced)),
            NotClaimed::Damaged(damage) => Err(damage.into()),
            NotClaimed::Breach(breach) => Err(Error::Breach(breach)),
        },
    }
}

/// Removes what older incarnations staged and never committed.
///
/// # Errors
/// If the store fails for good.
pub(crate) async fn sweep(
    committed: &Committed,
    store: &Store,
    note: &(dyn Fn(&str) + Sync),
) -> Result<(), Error> {
    reach(Step::Sweep);
    drive(Sweep::orphans(committed), store, note).await?;
    Ok(())
}

/// How many files are on their way at a time.
const FILES_AT_A_TIME: usize = 4;

/// The rows that are alive, as the log's standing has them, and its clock among them: those of the workers of one
/// process. The rows of a task are its worker's; others are somebody's. `key` is that of the log's ids.
///
/// # Errors
/// If a file is missing or damaged.
pub(crate) async fn read_rows(
    standing: &Standing,
    store: &Store,
    key: IdKey,
    seats: Seats,
) -> Result<Vec<RetainedRow>, Error> {
    let fetched = standing.retained.iter().map(|file| async move {
        let bytes = store.get(&file.path).await?;
        let bytes = bytes.ok_or_else(|| {
            Error::Damaged(format!("{} is named by the log and not there", file.path))
        })?;
        Ok::<_, Error>(Checked::new(&file.path, bytes, &file.sha256)?)
    });
    let files: Vec<Checked> = stream::iter(fetched).buffered(FILES_AT_A_TIME).try_collect().await?;
    let is_ours = |goes_by: &[u8]| seats.restores(key.route(goes_by)).is_some();
    let wanted: Option<Wanted<'_>> = if seats.processes > 1 { Some(&is_ours) } else { None };
    let mut rows = alive(read_added(files, wanted)?).map_err(|row| {
        Error::Damaged(format!("retained rows take away what is not there: {row:?}"))
    })?;
    if standing.checkpoint > 0 && seats.index == 0 {
        rows.push(RetainedRow::Clock(standing.clock));
    }
    reach(Step::Recovered);
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use quorate_connectors::staged::{Provenance, write_retained};
    use quorate_schemas::clock::Clock;
    use quorate_schemas::id::Name;
    use quorate_schemas::log::{Hex, RetainedFile};
    use quorate_schemas::place::{Origin, Place};
    use quorate_schemas::record::{Placed, Value, Vote};
    use quorate_schemas::retained::{DomainRecord, DomainStanding, Retain};

    use super::*;
    use crate::assign::Assignments;

    fn key() -> IdKey {
        IdKey::new([7; 16])
    }

    fn placed<T>(position: u64, body: T) -> Placed<T> {
        let origin = Origin { source: "votes".into(), partition: "a".into() }.shared();
        Placed { event_time: 0, event_id: Name::new(""), place: Place { origin, position }, body }
    }

    fn vote(task: u64, agent: u64) -> Retain {
        let (task, agent) = (key().id(&format!("t{task}")), key().id(&format!("a{agent}")));
        let vote = placed(agent.route(), Vote { task, agent, value: Value::Abstain });
        Retain::Row(RetainedRow::Vote(Box::new(vote)), 1)
    }

    fn domain(name: u64, diff: i64) -> Retain {
        let domain = key().id(&format!("d{name}"));
        let standing = DomainStanding { domain, era: 1, record: DomainRecord::default() };
        Retain::Row(RetainedRow::Domain(Box::new(standing)), diff)
    }

    /// A store with three files: votes, some of them buried or said again, and rows of no task, some of them cancelled.
    async fn stored() -> (Store, Standing) {
        let votes = |tasks: std::ops::Range<u64>| {
            tasks.flat_map(|task| (0..3).map(move |agent| vote(task, agent)))
        };
        let bury = |task: u64| Retain::Bury(format!("t{task}").into());
        let files: [Vec<Retain>; 3] = [
            votes(0..60).chain((0..20).map(|nr| domain(nr, 1))).collect(),
            (0..30).map(bury).chain(votes(20..25)).chain((0..5).map(|nr| domain(nr, -1))).collect(),
            votes(60..70).chain([vote(69, 2), bury(68)]).collect(),
        ];
        let provenance = Provenance { job: "j".to_owned(), log_id: Hex([7; 16]), incarnation: 1 };
        let store = Store::memory();
        let clock = Clock { watermark: 5, ..Clock::START };
        let mut standing = Standing { checkpoint: 3, clock, ..Standing::default() };
        for (nr, entries) in files.iter().enumerate() {
            let file = write_retained(entries, &provenance).unwrap();
            let path = format!("retained/{nr}.parquet");
            standing.retained.push(RetainedFile {
                path: path.clone(),
                checkpoint: nr as u64 + 1,
                rows: file.rows,
                buried: file.burials,
                bytes: file.bytes.len() as u64,
                sha256: file.sha256,
            });
            store.put(&path, file.bytes).await.unwrap();
        }
        (store, standing)
    }

    fn counted(rows: impl IntoIterator<Item = RetainedRow>) -> BTreeMap<RetainedRow, u32> {
        let mut counts = BTreeMap::new();
        rows.into_iter().for_each(|row| *counts.entry(row).or_default() += 1);
        counts
    }

    #[tokio::test]
    async fn processes_restore_together_what_one_restores_and_each_worker_its_own_tasks() {
        let (store, standing) = stored().await;
        let alone = read_rows(&standing, &store, key(), Seats::alone(1)).await.unwrap();
        // Tasks 20 to 24 were said anew, 30 to 67 and 69 are alive, one vote of 69 twice; 15 domains; the clock.
        assert_eq!(alone.len(), 3 * (5 + 38 + 1) + 1 + 15 + 1);
        let expected = counted(alone);
        for (processes, threads) in [(1, 2), (2, 1), (3, 1), (3, 2)] {
            let mut all = Vec::new();
            for index in 0..processes {
                let seats = Seats { index, processes, threads };
                let rows = read_rows(&standing, &store, key(), seats).await.unwrap();
                assert!(rows.len() < 100 || processes == 1, "no process has nearly all");
                let (count, assignments) = (rows.len(), Assignments::new(seats, false, rows));
                let mut dealt = 0;
                for thread in 0..threads {
                    let rows = assignments.take_restored(thread);
                    dealt += rows.len();
                    let worker = (index * threads + thread) as u64;
                    let workers: BTreeSet<u64> = rows
                        .iter()
                        .filter_map(|row| Some(row.task()?.route() % seats.peers() as u64))
                        .collect();
                    assert_eq!(workers.into_iter().collect::<Vec<_>>(), [worker]);
                    all.extend(rows);
                }
                assert_eq!(dealt, count);
            }
            assert_eq!(counted(all), expected, "{processes} processes of {threads}");
        }
    }
}
