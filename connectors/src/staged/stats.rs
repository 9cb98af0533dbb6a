use arrow::array::{AsArray, RecordBatch};
use arrow::compute;
use arrow::datatypes::{DataType, Int64Type, TimestampMicrosecondType};
use quorate_schemas::log::StagedFile;
use quorate_schemas::table::Table;
use quorate_schemas::time::{EARLIEST, LATEST, Micros, format_rfc3339};
use serde_json::{Map, Value, json};

/// Least and greatest.
type Span<T> = Option<(T, T)>;

/// Longer texts are left out of a file's statistics: every reader of the Delta log would carry them along.
const MAX_TEXT_BYTES: usize = 256;

/// What is known of a table file's rows without reading them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// How many there are.
    pub rows: u64,
    /// Their event times, least and greatest.
    pub event_time: Option<(Micros, Micros)>,
    /// The commits they belong to.
    pub commit: Option<(i64, i64)>,
    /// The first column of text by which they are sorted, and its least and greatest value.
    pub id: Option<(&'static str, String, String)>,
}

impl Stats {
    /// What the log says of a staged file.
    pub fn of_staged(file: &StagedFile) -> Stats {
        let event_time = file.min_event_time_us.zip(file.max_event_time_us);
        Stats { rows: file.rows, event_time, ..Stats::default() }
    }

    pub(super) fn observe(&mut self, table: Table, batch: &RecordBatch) {
        self.rows += batch.num_rows() as u64;
        if let Some(times) = batch.column_by_name("event_time") {
            let times = times.as_primitive::<TimestampMicrosecondType>();
            widen(&mut self.event_time, compute::min(times).zip(compute::max(times)));
        }
        if let Some(commits) = batch.column_by_name("commit") {
            let commits = commits.as_primitive::<Int64Type>();
            widen(&mut self.commit, compute::min(commits).zip(compute::max(commits)));
        }
        let ids = table
            .sort_columns()
            .iter()
            .filter_map(|name| Some((*name, batch.column_by_name(name)?)));
        if let Some((name, ids)) =
            ids.into_iter().find(|(_, ids)| ids.data_type() == &DataType::Utf8)
        {
            let ids = ids.as_string::<i32>();
            let found = compute::min_string(ids).zip(compute::max_string(ids));
            let mut span = self.id.take().map(|(_, least, greatest)| (least, greatest));
            widen(
                &mut span,
                found.map(|(least, greatest)| (least.to_owned(), greatest.to_owned())),
            );
            self.id = span.map(|(least, greatest)| (name, least, greatest));
        }
    }

    /// The statistics as Delta writes them.
    ///
    /// Times have milliseconds there. Least and greatest are rounded outwards, so that a reader that skips files by
    /// them never skips a row.
    pub fn to_delta_json(&self) -> String {
        let (mut least, mut greatest, mut nulls) = (Map::new(), Map::new(), Map::new());
        if let Some((from, to)) = self.event_time {
            put(&mut least, "event_time", millis(from.div_euclid(1_000)));
            put(&mut greatest, "event_time", millis(-(-to).div_euclid(1_000)));
            nulls.insert("event_time".into(), 0.into());
        }
        if let Some((from, to)) = self.commit {
            put(&mut least, "commit", Some(from.into()));
            put(&mut greatest, "commit", Some(to.into()));
            nulls.insert("commit".into(), 0.into());
        }
        if let Some((name, from, to)) = &self.id {
            let short =
                |text: &String| (text.len() <= MAX_TEXT_BYTES).then(|| Value::from(text.as_str()));
            put(&mut least, name, short(from));
            put(&mut greatest, name, short(to));
        }
        json!({ "numRecords": self.rows, "minValues": least, "maxValues": greatest, "nullCount": nulls }).to_string()
    }
}

fn put(into: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    into.extend(value.map(|value| (name.to_owned(), value)));
}

/// A time given in milliseconds; `None` outside the years that the text has room for.
fn millis(millis: i64) -> Option<Value> {
    let micros = millis.checked_mul(1_000).filter(|micros| (EARLIEST..LATEST).contains(micros))?;
    Some(format_rfc3339(micros).replace("000Z", "Z").into())
}

fn widen<T: Ord + Clone>(span: &mut Span<T>, by: Span<T>) {
    *span = match (span.take(), by) {
        (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
        (one, other) => one.or(other),
    };
}
