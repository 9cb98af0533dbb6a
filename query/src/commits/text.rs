//! The log for a person with 80 columns.

use std::fmt;

use quorate_schemas::log::Counts;
use quorate_schemas::table::Table;

use super::{Detail, History, Kind, Line};
use crate::grid::{Grid, counted, cut, grouped};

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut grid =
            Grid::new(0, &[">seq", "kind", ">commit", "written", ">rows in", "rows out"]);
        for line in &self.records {
            let commit =
                if line.kind == Kind::Commit { line.commit.to_string() } else { String::new() };
            let written = line.written_at.split('.').next().unwrap_or_default().to_owned();
            let rows =
                if line.kind == Kind::Commit { grouped(line.rows.rows_in) } else { String::new() };
            let word = line.kind.word().to_owned();
            grid.row([line.seq.to_string(), word, commit, written, rows, tables(line)]);
        }
        write!(f, "{grid}")?;
        match self.older {
            0 => Ok(()),
            older => writeln!(f, "({} before these)", counted(older as u64, "record")),
        }
    }
}

/// What tables gain, in a few words.
fn tables(line: &Line) -> String {
    let gained = |table: Table| line.tables.get(table.name()).copied().unwrap_or(0);
    let told = [(gained(Table::Decisions), "decision"), (gained(Table::Votes), "vote")];
    let mut parts: Vec<String> =
        told.iter().filter(|(rows, _)| *rows > 0).map(|(rows, one)| counted(*rows, one)).collect();
    let others = line.tables.values().sum::<u64>() - told.iter().map(|(rows, _)| rows).sum::<u64>();
    if others > 0 {
        parts.push(format!("{} others", grouped(others)));
    }
    if line.finished && line.kind == Kind::Commit {
        parts.push("the end".to_owned());
    }
    parts.join(", ")
}

fn sum(rows: &Counts) -> String {
    let Counts { rows_in, on_time, late, rejected } = *rows;
    let became = format!(
        "{} on time + {} late + {} rejected",
        grouped(on_time),
        grouped(late),
        grouped(rejected)
    );
    format!("{} = {became}", counted(rows_in, "row"))
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = &self.line;
        writeln!(f, "commit {}, log record {}", line.commit, line.seq)?;
        writeln!(f, "  written     {} by {}", line.written_at, cut(&self.owner, 40))?;
        writeln!(
            f,
            "  job         {} ({:.12}), incarnation {}",
            self.job,
            self.fingerprint.to_string(),
            line.incarnation
        )?;
        writeln!(f, "  sha256      {}", self.sha256)?;
        writeln!(f, "  previous    {}", self.previous)?;
        let watermark = self.watermark.as_deref().unwrap_or(if line.finished {
            "the end of the input"
        } else {
            "none"
        });
        writeln!(f, "  watermark   {watermark}")?;
        writeln!(f, "  read        {}", sum(&line.rows))?;
        writeln!(f, "  so far      {}", sum(&self.totals))?;
        let rows = counted(self.retained_rows, "retained row");
        writeln!(f, "  open        {rows} in {}", counted(self.retained_files as u64, "file"))?;
        if !self.moved.is_empty() {
            let mut grid = Grid::new(
                2,
                &["source", "partition", ">from", ">to", ">rows", ">late", ">rejected"],
            );
            for moved in &self.moved {
                let numbers = [
                    moved.from,
                    moved.to,
                    moved.rows.rows_in,
                    moved.rows.late,
                    moved.rows.rejected,
                ];
                grid.row(
                    [moved.source.clone(), moved.partition.clone()]
                        .into_iter()
                        .chain(numbers.map(grouped)),
                );
            }
            write!(f, "\n{grid}")?;
        }
        if !self.files.is_empty() {
            let mut grid = Grid::new(2, &["file", ">rows", ">bytes"]);
            self.files.iter().for_each(|file| {
                grid.row([file.path.clone(), grouped(file.rows), grouped(file.bytes)])
            });
            write!(f, "\n{grid}")?;
        }
        Ok(())
    }
}
