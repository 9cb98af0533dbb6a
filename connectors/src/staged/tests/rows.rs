//! Rows of any table, from a seed, and rows as text.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use quorate_schemas::table::{CellKind, Column, Table};

const DAY: i64 = 86_400_000_000;

/// A row of numbers from a seed (SplitMix64).
pub(super) struct Draws(pub(super) u64);

impl Draws {
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 27)) % bound
    }
}

/// `count` rows of `table`: few different ids and times around 1970, so that there are ties, and nulls where allowed.
pub(super) fn rows(table: Table, count: usize, seed: u64) -> RecordBatch {
    let draws = &mut Draws(seed);
    let arrays = table.columns().map(|column| cells(column, count, draws)).collect();
    RecordBatch::try_new(table.schema(), arrays).unwrap()
}

fn cells(column: Column, count: usize, draws: &mut Draws) -> ArrayRef {
    let drawn: Vec<Option<i64>> = (0..count)
        .map(|_| (!column.nullable || draws.below(3) > 0).then(|| draws.below(40) as i64 - 20))
        .collect();
    let drawn = drawn.into_iter();
    match column.kind {
        CellKind::Text | CellKind::Word => {
            Arc::new(drawn.map(|n| n.map(|n| format!("x{n}"))).collect::<StringArray>())
        }
        CellKind::Int => Arc::new(drawn.collect::<Int64Array>()),
        CellKind::Real => {
            Arc::new(drawn.map(|n| n.map(|n| n as f64 / 4.0)).collect::<Float64Array>())
        }
        CellKind::Flag => Arc::new(drawn.map(|n| n.map(|n| n > 0)).collect::<BooleanArray>()),
        CellKind::Bytes => {
            let bytes: Vec<Option<Vec<u8>>> =
                drawn.map(|n| n.map(|n| n.to_be_bytes().to_vec())).collect();
            Arc::new(bytes.iter().map(Option::as_deref).collect::<BinaryArray>())
        }
        CellKind::Time => {
            let times = drawn.map(|n| n.map(|n| n * DAY / 7));
            Arc::new(times.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
        }
    }
}

/// Each row as text, in the order they are in.
pub(super) fn texts(batches: &[RecordBatch]) -> Vec<String> {
    let options = FormatOptions::default().with_null("null");
    let mut texts = Vec::new();
    for batch in batches {
        let columns: Vec<ArrayFormatter<'_>> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column.as_ref(), &options).unwrap())
            .collect();
        texts.extend((0..batch.num_rows()).map(|row| {
            let cells: Vec<String> =
                columns.iter().map(|column| column.value(row).to_string()).collect();
            cells.join("|")
        }));
    }
    texts
}

/// Rows as a multiset.
pub(super) fn sorted(batches: &[RecordBatch]) -> Vec<String> {
    let mut texts = texts(batches);
    texts.sort();
    texts
}
