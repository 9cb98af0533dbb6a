//! Reading rows of a snapshot's tables.

use quorate_connectors::store::Store;
use quorate_schemas::log::ObjectName;
use quorate_schemas::table::Table;

use crate::error::{Error, Result};
use crate::file::File;
use crate::rows::{Columns, Decision, FromTable, Origins, Vote};
use crate::snapshot::{Snapshot, TableFile};
use crate::verify::{Findings, Life, by_task, lives_of};

/// How many decisions and votes are in memory at once.
const ROWS_AT_ONCE: u64 = 1_000_000;

/// Shows every closed task of a snapshot, in no order that means anything.
pub(crate) async fn each_life(
    store: &Store,
    snapshot: &Snapshot,
    mut see: impl FnMut(&Life),
) -> Result<()> {
    let files =
        |table: Table| files_until(snapshot.files_of(table), snapshot.record.standing.checkpoint);
    let (decisions, votes) = (files(Table::Decisions), files(Table::Votes));
    let rows = decisions.iter().chain(&votes).map(|(_, file)| file.rows.unwrap_or(0)).sum();
    for part in Part::all(rows, ROWS_AT_ONCE) {
        let wanted = move |task: &str| part.has(task);
        let decisions: Vec<Decision> =
            rows_with(store, Table::Decisions, &decisions, "task_id", wanted).await?;
        let votes: Vec<Vote> = rows_with(store, Table::Votes, &votes, "task_id", wanted).await?;
        // What is wrong with them is for `verify` to say.
        let mut findings = Findings::new(0);
        for (decisions, votes) in by_task(decisions, votes).into_values() {
            lives_of(decisions, votes, &mut findings).iter().for_each(&mut see);
        }
    }
    Ok(())
}

/// The files that may hold rows up to a commit, with their numbers; a file that names a later one cannot.
pub(crate) fn files_until(files: &[TableFile], commit: u64) -> Vec<(u32, &TableFile)> {
    let numbered = files.iter().enumerate().map(|(nr, file)| (nr as u32, file));
    let early = |file: &TableFile| match ObjectName::parse(&file.path) {
        Some(ObjectName::Table { checkpoint, .. }) => checkpoint <= commit,
        _ => true,
    };
    numbered.filter(|(_, file)| early(file)).collect()
}

/// The rows of `files` whose text in `column` is wanted.
pub(crate) async fn rows_with<R: FromTable>(
    store: &Store,
    table: Table,
    files: &[(u32, &TableFile)],
    column: &str,
    wanted: impl FnMut(&str) -> bool + Clone + Send + 'static,
) -> Result<Vec<R>> {
    let (mut rows, mut origins) = (Vec::new(), Origins::default());
    for (nr, file) in files {
        let failed = |reason: String| Error::File { path: file.path.clone(), reason };
        let bytes = file.read(store).await?;
        let batches = File::open(table, bytes)
            .and_then(|file| file.rows_with(column, wanted.clone()))
            .map_err(failed)?;
        for batch in batches {
            R::read(&Columns(&batch.map_err(failed)?), *nr, &mut origins, &mut rows)
                .map_err(failed)?;
        }
    }
    Ok(rows)
}

/// Which tasks a reading is about: one of so many parts of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) nr: u64,
    pub(crate) of: u64,
}

impl Part {
    /// All parts of tasks that have so many rows, of which so many may be in memory at once.
    pub(crate) fn all(rows: u64, at_once: u64) -> impl Iterator<Item = Part> {
        let of = rows.div_ceil(at_once.max(1)).max(1);
        (0..of).map(move |nr| Part { nr, of })
    }

    pub(crate) fn has(self, task: &str) -> bool {
        // FNV-1a: any hash that is the same for all files will do.
        let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        self.of == 1 || task.bytes().fold(0xcbf2_9ce4_8422_2325, step) % self.of == self.nr
    }
}
