use std::fs;

use proptest::prelude::*;
use quorate_connectors::inlet::Counts;
use quorate_connectors::source::{FileSource, FileSpec, Format, Reading};
use quorate_schemas::clock::Clock;
use quorate_schemas::log::PartitionRange;
use quorate_schemas::record::RecordKind;
use tempfile::TempDir;

use super::*;

/// Followed files, and who is told of them.
struct Rig {
    folder: TempDir,
    files: FileSource,
    roster: Roster,
}

fn roster(standing: &Standing, workers: usize) -> Roster {
    Roster::of(standing, 0, workers, Duration::ZERO).unwrap()
}

impl Rig {
    fn new() -> Rig {
        let folder = TempDir::new().unwrap();
        let spec = FileSpec {
            base: folder.path().to_owned(),
            patterns: vec!["*.jsonl".to_owned()],
            format: Format::Json,
            reading: Reading::Followed,
        };
        let roster = roster(&Standing::default(), 2);
        Rig { folder, files: FileSource::new(spec), roster }
    }

    fn write(&self, name: &str, rows: usize) {
        let text = format!("{{\"of\":\"a file called {name}\"}}\n").repeat(rows);
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.folder.path().join(name)).unwrap();
    }

    /// What a look hands out: `partition to owner from position`; and what it takes for missing.
    fn survey(&mut self) -> (Vec<String>, Vec<Missing>) {
        let known = self.roster.known("votes");
        let files: Vec<Known> = known.iter().filter_map(Known::file).collect();
        let found = self.files.survey(&files).unwrap();
        let mut told = Vec::new();
        for entry in found.entries {
            let surveyed = known.iter().find(|known| known.partition == entry.partition);
            let entry = Found::File(entry);
            if let Some(offer) = self.roster.offer("votes", &entry, surveyed) {
                told.push(format!(
                    "{} to {} from {}",
                    entry.partition(),
                    offer.owner,
                    entry.next()
                ));
            }
        }
        (told, self.roster.missing("votes", &found.gone))
    }

    /// The owner of `name` has read all of it, and says how it stands.
    fn read(&self, name: &str, how: How) -> u64 {
        let bytes = fs::metadata(self.folder.path().join(name)).unwrap().len();
        let known = self.roster.known("votes");
        let known = known.into_iter().find(|known| known.partition == name).unwrap();
        let progress = Progress {
            origin: origin(name).shared(),
            record: RecordKind::Vote,
            next: bytes,
            greatest: None,
            floor: None,
            bound: None,
            done: how == How::Done,
            seen: bytes,
            mark: known.mark,
            counts: Counts::default(),
        };
        self.roster.stands(&progress, how);
        bytes
    }
}

fn origin(partition: &str) -> Origin {
    Origin { source: "votes".to_owned(), partition: partition.to_owned() }
}

fn nothing() -> (Vec<String>, Vec<Missing>) {
    (Vec::new(), Vec::new())
}

#[test]
fn a_file_that_is_read_is_handed_to_nobody_however_it_grows() {
    let mut rig = Rig::new();
    rig.write("a.jsonl", 1);
    rig.write("b.jsonl", 9);
    assert_eq!(rig.survey().0, ["a.jsonl to 0 from 0", "b.jsonl to 1 from 0"]);
    for rows in [20, 30] {
        rig.write("a.jsonl", rows);
        assert_eq!(rig.survey(), nothing());
        rig.read("a.jsonl", How::Open);
    }
    rig.write("c.jsonl", 1);
    assert_eq!(rig.survey().0, ["c.jsonl to 0 from 0"], "the one with less to read at first");
}

#[test]
fn who_rests_is_taken_up_by_its_owner_once_there_is_more() {
    for how in [How::Idle, How::Done] {
        let mut rig = Rig::new();
        rig.write("a.jsonl", 1);
        rig.write("b.jsonl", 2);
        rig.survey();
        for rows in [3, 4] {
            let next = rig.read("b.jsonl", how);
            assert_eq!(rig.survey(), nothing(), "{how:?}: nothing was written");
            rig.write("b.jsonl", rows);
            assert_eq!(rig.survey().0, [format!("b.jsonl to 1 from {next}")], "{how:?}");
            assert_eq!(rig.survey(), nothing(), "{how:?}: it is told once");
        }
    }
}

#[test]
fn half_a_line_does_not_wake_an_idle_partition_again_and_again() {
    let mut rig = Rig::new();
    fs::write(rig.folder.path().join("a.jsonl"), "{\"half\":").unwrap();
    rig.survey();
    rig.read("a.jsonl", How::Idle);
    assert_eq!(rig.survey(), nothing());
    rig.write("a.jsonl", 1);
    assert_eq!(rig.survey().0.len(), 1);
}

#[test]
fn what_has_moved_since_the_survey_looked_is_left_to_the_next_one() {
    let mut rig = Rig::new();
    rig.write("a.jsonl", 1);
    rig.survey();
    rig.read("a.jsonl", How::Idle);
    rig.write("a.jsonl", 2);
    let known = rig.roster.known("votes");
    let files: Vec<Known> = known.iter().filter_map(Known::file).collect();
    let found = rig.files.survey(&files).unwrap().entries.remove(0);
    rig.read("a.jsonl", How::Idle);
    assert_eq!(rig.roster.offer("votes", &Found::File(found), Some(&known[0])), None);
    assert_eq!(rig.survey(), nothing(), "it was read meanwhile");
}

#[test]
fn each_source_has_its_own_partition_of_a_file_that_both_have() {
    let mut rig = Rig::new();
    rig.write("a.jsonl", 1);
    let entry = rig.files.survey(&[]).unwrap().entries.remove(0);
    let entry = Found::File(entry);
    assert_eq!(rig.roster.offer("votes", &entry, None).unwrap().owner, 0);
    assert_eq!(rig.roster.offer("gold", &entry, None).unwrap().owner, 1);
    assert_eq!(rig.roster.known("votes").len(), 1);
}

#[test]
fn what_could_not_be_opened_is_offered_again_and_its_trouble_is_said_once() {
    let mut rig = Rig::new();
    rig.write("a.jsonl", 1);
    rig.survey();
    for said in [true, false] {
        assert_eq!(rig.roster.shut(&origin("a.jsonl"), "it was replaced"), said);
        assert_eq!(rig.survey().0, ["a.jsonl to 0 from 0"]);
    }
    rig.read("a.jsonl", How::Open);
    assert!(rig.roster.shut(&origin("a.jsonl"), "it was replaced"));
}

/// What a record leaves out that has this position of `a.jsonl`.
fn left_out(rig: &Rig, done: bool, next: u64, ranges: Vec<PartitionRange>) -> Vec<Origin> {
    let position = Position { done, next, ..logged(false, None, None, 0).positions.remove(0) };
    let mut change = Change { positions: vec![position], ranges, ..Change::default() };
    let left_out = rig.roster.leave_out(&mut change);
    assert_eq!(change.positions.is_empty(), !left_out.is_empty());
    left_out
}

#[test]
fn what_is_done_and_gone_is_forgotten_once_all_of_it_is_committed() {
    let mut rig = Rig::new();
    rig.write("a.jsonl", 1);
    rig.write("b.jsonl", 1);
    rig.survey();
    let next = rig.read("a.jsonl", How::Done);
    assert_eq!(left_out(&rig, true, next, Vec::new()), [], "it still lies there");
    rig.remove("a.jsonl");
    rig.survey();
    assert_eq!(left_out(&rig, false, next, Vec::new()), [], "its end is not in the log");
    assert_eq!(left_out(&rig, true, next - 1, Vec::new()), [], "its last rows are not in the log");
    let origin = origin("a.jsonl");
    let range = PartitionRange {
        origin: origin.clone(),
        from: 0,
        to: next,
        rows_in: 0,
        on_time: 0,
        late: 0,
        rejected: 0,
    };
    assert_eq!(left_out(&rig, true, next, vec![range]), [], "this record moves it");
    let origins = [origin];
    assert_eq!(left_out(&rig, true, next, Vec::new()), origins);
    rig.write("a.jsonl", 2);
    assert_eq!(rig.survey(), nothing(), "its name is not free before the log has forgotten it");
    rig.roster.forgotten(&origins);
    assert_eq!(rig.survey().0, ["a.jsonl to 0 from 0"]);
}

#[test]
fn an_idle_partition_whose_file_is_gone_has_ended() {
    let mut rig = Rig::new();
    rig.write("a.jsonl", 1);
    rig.write("b.jsonl", 1);
    rig.survey();
    rig.remove("a.jsonl");
    assert_eq!(rig.survey(), nothing(), "whoever reads it notices by itself");
    rig.write("a.jsonl", 1);
    rig.survey();
    rig.read("a.jsonl", How::Idle);
    rig.remove("a.jsonl");
    let (told, missing) = rig.survey();
    let [missing] = missing.try_into().unwrap();
    assert_eq!((told.len(), missing.offer.owner, missing.known.done), (0, 0, true));
    assert_eq!(rig.survey(), nothing(), "it is told once");
}

fn logged(idle: bool, greatest: Option<Micros>, floor: Option<Micros>, clock: Micros) -> Standing {
    let mut rig = Rig::new();
    rig.write("a.jsonl", 1);
    let mark = rig.files.survey(&[]).unwrap().entries.remove(0).mark;
    let position = Position {
        origin: origin("a.jsonl"),
        next: 0,
        greatest_event_time_us: greatest,
        idle,
        join_watermark_us: floor,
        done: false,
        mark: serde_json::to_value(mark).unwrap(),
    };
    let clock = Clock { promised: clock, ..Clock::START };
    Standing { positions: vec![position], clock, ..Standing::default() }
}

/// The floor with which a logged partition goes on.
fn floor(standing: &Standing, lateness_us: Micros) -> Option<Micros> {
    let roster = Roster::of(standing, lateness_us, 1, Duration::ZERO).unwrap();
    roster.lock().by_origin[&origin("a.jsonl")].resume.floor
}

#[test]
fn an_idle_partition_goes_on_where_the_clock_stands() {
    assert_eq!(floor(&logged(true, Some(100), None, 500), 10), Some(500));
    assert_eq!(floor(&logged(true, None, None, 500), 10), Some(500));
    assert_eq!(floor(&logged(true, None, None, Micros::MIN), 10), None, "there is no clock yet");
    // An upgrade to a greater lateness does not take back what was promised under the old one.
    assert_eq!(floor(&logged(false, Some(100), None, 90), 50), Some(90));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The clock promises at most the bound of a partition that holds it; so its floor stays what it was.
    #[test]
    fn a_partition_that_was_not_idle_goes_on_as_it_was(
        lateness_us in 0i64..50,
        greatest in prop::option::of(0i64..100),
        join in prop::option::of(0i64..100),
        behind in 0i64..50,
    ) {
        let bound = Lateness::resumed(lateness_us, greatest, join).bound();
        let promised = bound.map_or(Micros::MIN, |bound| bound - behind);
        prop_assert_eq!(floor(&logged(false, greatest, join, promised), lateness_us), join);
    }
}
