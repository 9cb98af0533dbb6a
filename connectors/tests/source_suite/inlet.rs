//! Rows judged and counted on their way in.

use std::sync::Arc;

use proptest::prelude::*;
use quorate_connectors::decode::{Decoder, FieldMap, FieldSource};
use quorate_connectors::inlet::{Counts, Inlet, InletSpec, InletState, Limits, Progress, Resume};
use quorate_connectors::source::{FileSource, FileSpec, Format, Known, Packing, Reading};
use quorate_schemas::id::IdKey;
use quorate_schemas::record::{Placed, Record, RecordKind};
use quorate_schemas::table::{RejectReason, RejectRow, RejectStage};
use quorate_schemas::time::TimeUnit;
use tempfile::TempDir;

use super::rig::pack;

/// A file `v.jsonl` (or its packed form) and what came of it.
struct Door {
    directory: TempDir,
    name: &'static str,
    spec: InletSpec,
    rows: Vec<Placed<Record>>,
    rejects: Vec<RejectRow>,
}

const NOW_US: i64 = 1_000_000;

impl Door {
    /// A door for gold rows with `at` in microseconds.
    fn new(packing: Packing, content: &[u8], lateness_us: i64) -> Door {
        let name = match packing {
            Packing::Plain => "v.jsonl",
            Packing::Gzip => "v.jsonl.gz",
            Packing::Zstd => "v.jsonl.zst",
        };
        let directory = TempDir::new().unwrap();
        std::fs::write(directory.path().join(name), pack(packing, content)).unwrap();
        let map: FieldMap =
            [("event_time", FieldSource::time("at", TimeUnit::Us))].into_iter().collect();
        let decoder = Arc::new(Decoder::new(RecordKind::Gold, &map, IdKey::new([1; 16])).unwrap());
        let limits = Limits { line_bytes_max: 100, reject_bytes_max: 20, future_skew_us: 1_000 };
        let spec = InletSpec { source: "gold".into(), decoder, lateness_us, limits };
        Door { directory, name, spec, rows: Vec::new(), rejects: Vec::new() }
    }

    /// An inlet that goes on where the log left it.
    fn open(&self, logged: Option<&Progress>, floor: Option<i64>) -> Inlet {
        let spec = FileSpec {
            base: self.directory.path().to_owned(),
            patterns: vec![self.name.to_owned()],
            format: Format::Json,
            reading: Reading::Bounded,
        };
        let known: Vec<Known> =
            logged.iter().filter_map(|progress| progress.known().file()).collect();
        let survey = FileSource::new(spec).survey(&known).unwrap();
        let resume = match logged {
            Some(progress) => Resume { greatest: progress.greatest, floor: progress.floor },
            None => Resume { greatest: None, floor },
        };
        Inlet::open(&self.spec, &survey.entries[0], resume).unwrap()
    }

    fn poll(&mut self, inlet: &mut Inlet, budget_bytes: usize) -> InletState {
        inlet.poll(budget_bytes, NOW_US, &mut self.rows, &mut self.rejects).unwrap()
    }

    fn drain(&mut self, inlet: &mut Inlet) -> Progress {
        while self.poll(inlet, 1 << 20) == InletState::More {}
        inlet.progress()
    }

    /// Every row that came in: its position, and how it was refused if it was.
    fn story(&self) -> Vec<(u64, Option<RejectReason>)> {
        let rows = self.rows.iter().map(|row| (row.place.position, None));
        let rejects = self.rejects.iter().map(|row| (row.place.position, Some(row.reason)));
        let mut story: Vec<_> = rows.chain(rejects).collect();
        story.sort();
        story
    }
}

fn gold(at: i64) -> String {
    format!("{{\"at\":{at},\"task_id\":\"t\",\"answer\":\"x\"}}\n")
}

/// Checks what becomes of gold rows with these event times.
fn check(
    lateness_us: i64,
    floor: Option<i64>,
    times: &[i64],
    late: &[i64],
    refused: &[i64],
    bound: Option<i64>,
) {
    let content: String = times.iter().map(|&at| gold(at)).collect();
    let mut door = Door::new(Packing::Plain, content.as_bytes(), lateness_us);
    let mut inlet = door.open(None, floor);
    let progress = door.drain(&mut inlet);
    let of = |wanted: fn(RejectReason) -> bool| -> Vec<i64> {
        door.rejects.iter().filter(|row| wanted(row.reason)).map(|row| row.event_time).collect()
    };
    assert_eq!(of(|reason| reason == RejectReason::Late), late);
    assert_eq!(of(|reason| reason != RejectReason::Late), refused);
    assert_eq!((progress.bound, progress.done), (bound, true));
    let (late, rejected) = (late.len() as u64, refused.len() as u64);
    let rows_in = times.len() as u64;
    assert_eq!(
        progress.counts,
        Counts { rows_in, on_time: rows_in - late - rejected, late, rejected }
    );
}

#[test]
fn a_row_is_late_behind_the_greatest_before_it_and_moves_nothing() {
    check(10, None, &[100, 90, 89, 95, 111, 100], &[89, 100], &[], Some(101));
    check(10, Some(95), &[94, 96, 100], &[94], &[], Some(95));
}

#[test]
fn a_row_too_far_ahead_is_refused_and_moves_nothing() {
    check(
        10,
        None,
        &[100, NOW_US + 1_001, 100, NOW_US + 1_000],
        &[],
        &[NOW_US + 1_001],
        Some(NOW_US + 990),
    );
}

#[test]
fn a_reject_keeps_its_bytes_up_to_the_limit_and_where_it_stood() {
    let long = "y".repeat(101);
    let content =
        format!("{}nonsense that is longer than kept\n{long}\n\n{}", gold(5), gold(7).trim_end());
    let mut door = Door::new(Packing::Plain, content.as_bytes(), 0);
    let mut inlet = door.open(None, None);
    let progress = door.drain(&mut inlet);
    let first = gold(5).len() as u64;
    let [nonsense, too_long] = door.rejects.as_slice() else { panic!("{:?}", door.rejects) };
    assert_eq!(
        (nonsense.place.position, nonsense.reason, nonsense.bytes_total),
        (first, RejectReason::InvalidJson, 33)
    );
    assert_eq!(
        (nonsense.bytes.as_slice(), nonsense.stage),
        (&b"nonsense that is lon"[..], RejectStage::Inlet)
    );
    assert_eq!((nonsense.event_time, nonsense.place.origin.source.as_str()), (5, "gold"));
    assert_eq!(
        (too_long.place.position, too_long.reason, too_long.bytes_total),
        (first + 34, RejectReason::TooLong, 101)
    );
    assert_eq!(too_long.detail, "101 bytes, at most 100 are allowed");
    assert_eq!(
        (progress.next, door.rows[1].place.position),
        (content.len() as u64, first + 34 + 103)
    );
    assert_eq!(progress.origin, door.rows[0].place.origin);
}

#[test]
fn damage_is_one_reject_and_one_notice_inside_the_range() {
    let content: String = (0..100).map(gold).collect();
    let mut door = Door::new(Packing::Gzip, content.as_bytes(), 0);
    let path = door.directory.path().join(door.name);
    let packed = std::fs::read(&path).unwrap();
    std::fs::write(&path, &packed[..packed.len() - 4]).unwrap();
    let mut inlet = door.open(None, None);
    let progress = door.drain(&mut inlet);
    let [damage] = door.rejects.as_slice() else { panic!("{:?}", door.rejects) };
    assert_eq!((damage.detail.as_str(), damage.bytes.len()), ("truncated gzip stream", 0));
    assert_eq!(
        (damage.place.position, progress.next),
        (content.len() as u64, content.len() as u64 + 1)
    );
    assert_eq!(progress.counts, Counts { rows_in: 101, on_time: 100, late: 0, rejected: 1 });
    assert_eq!((inlet.take_notices().len(), inlet.take_notices().len()), (1, 0));
}

#[test]
fn counts_are_taken_once() {
    let mut door = Door::new(Packing::Plain, [gold(1), gold(2)].concat().as_bytes(), 0);
    let mut inlet = door.open(None, None);
    door.poll(&mut inlet, gold(1).len());
    assert_eq!(inlet.take_counts(), Counts { rows_in: 1, on_time: 1, late: 0, rejected: 0 });
    assert_eq!(inlet.take_counts(), Counts::default());
    door.drain(&mut inlet);
    assert_eq!(inlet.take_counts().rows_in, 1);
    assert_eq!(inlet.progress().counts.rows_in, 2);
}

fn content() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        8 => (0i64..200).prop_map(|at| gold(at).into_bytes()),
        1 => (NOW_US..NOW_US + 3_000).prop_map(|at| gold(at).into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..150),
        1 => Just(b"\n\r\n \n".to_vec()),
        1 => Just(b"{\"at\":3}\n".to_vec()),
    ];
    prop::collection::vec(line, 0..60).prop_map(|lines| lines.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// In any steps, and through restarts at any logged position, the same rows come in with the same verdicts; and
    /// every row that came in is on time, late or rejected.
    #[test]
    fn every_row_is_judged_once_and_alike(
        content in content(),
        lateness_us in 0i64..100,
        floor in prop::option::of(0i64..100),
        steps in prop::collection::vec((1usize..400, any::<bool>()), 1..30),
    ) {
        for packing in [Packing::Plain, Packing::Gzip, Packing::Zstd] {
            let mut whole = Door::new(packing, &content, lateness_us);
            let mut inlet = whole.open(None, floor);
            let end = whole.drain(&mut inlet);
            let Counts { rows_in, on_time, late, rejected } = end.counts;
            prop_assert_eq!(rows_in, on_time + late + rejected);
            prop_assert_eq!((rows_in, on_time), (whole.story().len() as u64, whole.rows.len() as u64));

            let mut stepped = Door::new(packing, &content, lateness_us);
            let mut inlet = stepped.open(None, floor);
            let mut counted = 0;
            for (budget_bytes, restart) in steps.iter().cycle().take(300) {
                if stepped.poll(&mut inlet, *budget_bytes) == InletState::Done {
                    break;
                }
                if *restart {
                    let progress = inlet.progress();
                    counted += inlet.take_counts().rows_in;
                    inlet = stepped.open(Some(&progress), None);
                    prop_assert_eq!(inlet.progress().bound, progress.bound);
                }
            }
            let last = stepped.drain(&mut inlet);
            counted += inlet.take_counts().rows_in;
            prop_assert_eq!(stepped.story(), whole.story());
            prop_assert_eq!((counted, last.next, last.greatest, last.bound), (rows_in, end.next, end.greatest, end.bound));
        }
    }
}
