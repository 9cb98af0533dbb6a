//! What the readable files hold, and a way to read the rows of a table again.

use std::collections::{BTreeMap, BTreeSet};

use quorate_connectors::store::Store;
use quorate_schemas::log::ObjectName;
use quorate_schemas::table::Table;

use super::finding::{Check, Finding, Findings};
use crate::error::Result;
use crate::file::{Batches, Content, File};
use crate::read::Part;
use crate::rows::{Columns, FromTable, Origins};

/// A file that was read once, from end to end.
#[derive(Debug)]
pub(super) struct Examined {
    pub(super) path: String,
    pub(super) content: Content,
}

/// The files that can be read, by table.
pub(super) struct Contents {
    store: Store,
    files: BTreeMap<Table, Vec<Examined>>,
    lost: BTreeMap<Table, Lost>,
}

/// The commits whose rows cannot be read: what rests on them is not checked, since it would all look wrong.
#[derive(Clone, Debug, Default)]
pub(super) struct Lost {
    /// Rows of whatever commits: the lost file is a merged one.
    any: bool,
    commits: BTreeSet<i64>,
}

impl Contents {
    pub(super) fn new(store: Store) -> Contents {
        Contents { store, files: BTreeMap::new(), lost: BTreeMap::new() }
    }

    /// A file that cannot be read.
    pub(super) fn lose(&mut self, table: Table, path: &str) {
        let lost = self.lost.entry(table).or_default();
        match ObjectName::parse(path) {
            Some(ObjectName::Table { checkpoint, .. }) => {
                lost.commits.insert(i64::try_from(checkpoint).unwrap_or(i64::MAX));
            }
            _ => lost.any = true,
        }
    }

    /// Whether rows of `commit` may be missing from `table`.
    pub(super) fn lacks(&self, table: Table, commit: i64) -> bool {
        self.lost.get(&table).is_some_and(|lost| lost.any || lost.commits.contains(&commit))
    }

    /// Whether all rows of these tables can be read.
    pub(super) fn are_whole(&self, tables: &[Table]) -> bool {
        tables.iter().all(|table| !self.lost.contains_key(table))
    }

    pub(super) fn add(&mut self, table: Table, file: Examined) {
        self.files.entry(table).or_default().push(file);
    }

    pub(super) fn of(&self, table: Table) -> &[Examined] {
        self.files.get(&table).map_or(&[], Vec::as_slice)
    }

    pub(super) fn rows(&self, table: Table) -> u64 {
        let commits = self.of(table).iter().flat_map(|file| file.content.by_commit.values());
        commits.map(|multiset| multiset.rows).sum()
    }

    /// The path of file number `nr` of a table.
    pub(super) fn path(&self, table: Table, nr: u32) -> &str {
        self.of(table).get(nr as usize).map_or("", |file| &file.path)
    }

    /// All rows of a table; of a file that holds what no table of this build can, the finding.
    pub(super) async fn read<R: FromTable>(
        &self,
        table: Table,
        findings: &mut Findings,
    ) -> Result<Vec<R>> {
        self.gather(table, findings, File::all).await
    }

    /// All rows of a table, but only these columns of them.
    pub(super) async fn read_columns<R: FromTable>(
        &self,
        table: Table,
        columns: &[&str],
        findings: &mut Findings,
    ) -> Result<Vec<R>> {
        self.gather(table, findings, |file| file.columns(columns)).await
    }

    /// The rows of a table that are about tasks of a part.
    pub(super) async fn read_part<R: FromTable>(
        &self,
        table: Table,
        part: Part,
        findings: &mut Findings,
    ) -> Result<Vec<R>> {
        if part.of == 1 {
            return self.read(table, findings).await;
        }
        self.gather(table, findings, |file| file.rows_with("task_id", move |task| part.has(task)))
            .await
    }

    async fn gather<R: FromTable>(
        &self,
        table: Table,
        findings: &mut Findings,
        batches: impl Fn(File) -> Result<Batches, String>,
    ) -> Result<Vec<R>> {
        let (mut rows, mut origins) = (Vec::new(), Origins::default());
        for (nr, examined) in self.of(table).iter().enumerate() {
            let read = match self.store.get(&examined.path).await? {
                Some(bytes) => File::open(table, bytes).and_then(&batches),
                None => Err("it went while it was being verified".to_owned()),
            };
            let read = read.and_then(|mut batches| {
                batches.try_for_each(|batch| {
                    R::read(&Columns(&batch?), nr as u32, &mut origins, &mut rows)
                })
            });
            if let Err(reason) = read {
                let finding = Finding::new(Check::File, reason).in_table(table.name());
                findings.add(finding.in_file(&examined.path));
            }
        }
        Ok(rows)
    }
}
