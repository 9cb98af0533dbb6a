//! What the generator writes, the decoder reads: every row but those that are damaged on purpose.

use std::fs;
use std::path::Path;

use quorate_connectors::decode::{Decoded, Decoder, FieldMap, Refusal};
use quorate_connectors::generate::{Fleet, Style, Written, votes, write_fleet};
use quorate_connectors::inlet::{Lateness, Verdict};
use quorate_schemas::id::IdKey;
use quorate_schemas::record::{Record, RecordKind};
use quorate_schemas::time::Micros;

const KEY: [u8; 16] = [9; 16];

/// A fleet in a folder, read as its own job says.
struct Read {
    folder: tempfile::TempDir,
    written: Written,
    job: toml::Table,
    lateness: Micros,
}

impl Read {
    fn of(fleet: &Fleet) -> Read {
        let folder = tempfile::tempdir().unwrap();
        let written = write_fleet(fleet, folder.path(), &mut |_| {}).unwrap();
        let job = fs::read_to_string(&written.job).unwrap().parse().unwrap();
        Read { folder, written, job, lateness: Micros::from(fleet.lateness_ms) * 1_000 }
    }

    fn rows(&self, kind: RecordKind) -> Vec<Result<Decoded, Refusal>> {
        let source = &self.job["source"][kind.source_key()];
        let map = source.get("map").map(|map| map.clone().try_into::<FieldMap>().unwrap());
        let decoder = Decoder::new(kind, &map.unwrap_or_default(), IdKey::new(KEY)).unwrap();
        let path: &Path = source["files"].as_str().unwrap().as_ref();
        let bytes = fs::read(self.folder.path().join(path)).unwrap();
        let lines = bytes.strip_suffix(b"\n").unwrap().split(|byte| *byte == b'\n');
        lines.map(|line| decoder.decode(line)).collect()
    }

    /// Rows that are refused, and rows that come too late.
    fn lost(&self, kind: RecordKind) -> (u64, u64) {
        let mut lateness = Lateness::resumed(self.lateness, None, None);
        let (mut refused, mut late) = (0, 0);
        for row in self.rows(kind) {
            match row.map(|row| lateness.judge(row.event_time)) {
                Err(_) => refused += 1,
                Ok(Verdict::Late { .. }) => late += 1,
                Ok(Verdict::OnTime) => {}
            }
        }
        (refused, late)
    }
}

fn check(fleet: &Fleet) {
    let read = Read::of(fleet);
    for kind in RecordKind::ALL {
        let votes = (read.written.bad_rows, read.written.late);
        let expected = if kind == RecordKind::Vote { votes } else { (0, 0) };
        assert_eq!(read.lost(kind), expected, "{kind:?} {:?}", fleet.style);
    }
    assert!(read.written.bad_rows > 50 && read.written.late > 50, "{:?}", read.written);
}

#[test]
fn every_row_is_read_on_time_but_the_damaged_and_the_late_ones() {
    for style in [Style::Full, Style::Compact] {
        let fleet = Fleet { bad_rows_share: 0.05, late_share: 0.03, style, ..Fleet::default() };
        check(&fleet);
        check(&Fleet { versions: 3, stake_max: 9, out_of_order_ms: 10_000, ..fleet });
    }
}

#[test]
fn the_votes_in_memory_are_those_in_the_file() {
    for style in [Style::Full, Style::Compact] {
        let fleet = Fleet { style, ..Fleet::default() };
        let rows = Read::of(&fleet).rows(RecordKind::Vote);
        let read = rows.into_iter().map(|row| {
            let row = row.expect("nothing is damaged here");
            let Record::Vote(vote) = row.record else { panic!("{row:?}") };
            (row.event_time, vote)
        });
        let key = IdKey::new(KEY);
        let made = votes(&fleet)
            .unwrap()
            .map(|row| (row.event_time_ms as Micros * 1_000, row.record(style, &key)));
        assert!(read.eq(made), "{style:?}");
    }
}
