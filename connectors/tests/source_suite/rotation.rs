//! What becomes of a followed file when it is rotated.

use std::collections::BTreeMap;

use proptest::prelude::*;
use quorate_connectors::source::{Packing, ReadStep, Reading};

use super::rig::{Rig, pack, row, rows, texts};

fn followed() -> Rig {
    let mut rig = Rig::new(Reading::Followed, &["v.jsonl*"]);
    rig.write("v.jsonl", rows(0..3));
    rig.tick();
    rig
}

/// The partitions that begin with `path@`.
fn generations(rig: &mut Rig, path: &str) -> Vec<String> {
    let names = rig.known().into_iter().map(|known| known.partition);
    names.filter(|name| name.starts_with(&format!("{path}@"))).collect()
}

#[test]
fn a_renamed_file_is_read_to_its_end_and_the_new_one_is_another_partition() {
    let mut rig = followed();
    rig.append("v.jsonl", rows(3..4));
    rig.rename("v.jsonl", "v.jsonl.1");
    rig.write("v.jsonl", rows(4..6));
    rig.append("v.jsonl.1", rows(6..7));
    rig.tick();
    let new = generations(&mut rig, "v.jsonl");
    assert_eq!((new.len(), rig.texts_of("v.jsonl").len(), rig.texts_of(&new[0]).len()), (1, 5, 2));
    rig.append("v.jsonl.1", rows(7..8));
    rig.pass_time();
    assert_eq!(
        (rig.texts(), rig.open.len(), rig.notices.len()),
        (texts(0..8), 1, 0),
        "{:?}",
        rig.notices
    );
    assert_eq!(rig.known().iter().filter(|known| known.done).count(), 1);
    rig.tick();
    assert_eq!(rig.open.len(), 1, "it is not opened again");
}

#[test]
fn a_writer_that_lingers_on_a_rotated_file_is_heard() {
    let mut rig = followed();
    rig.rename("v.jsonl", "v.jsonl.1");
    rig.pass_time();
    assert_eq!(rig.open.len(), 0);
    rig.append("v.jsonl.1", rows(3..5));
    rig.tick();
    assert_eq!(rig.texts_of("v.jsonl").len(), 5);
    rig.pass_time();
    assert_eq!(rig.open.len(), 0);
}

#[test]
fn a_rotated_file_is_found_after_a_restart_also_where_no_pattern_matches() {
    let mut rig = Rig::new(Reading::Followed, &["v.jsonl"]);
    rig.write("v.jsonl", rows(0..2));
    rig.tick();
    rig.commit();
    rig.append("v.jsonl", rows(2..4));
    rig.rename("v.jsonl", "rotated-away");
    rig.write("v.jsonl", rows(4..5));
    rig.restart();
    rig.tick();
    rig.pass_time();
    assert_eq!(rig.texts(), texts(0..5));
    assert_eq!((rig.texts_of("v.jsonl").len(), rig.open.len()), (4, 1));
}

#[test]
fn a_copied_and_truncated_file_loses_nothing_that_is_in_the_copy() {
    let mut rig = followed();
    rig.append("v.jsonl", rows(3..5));
    rig.copy("v.jsonl", "v.jsonl.1");
    rig.survey();
    assert_eq!(rig.said("taken for a copy"), 1);
    rig.truncate("v.jsonl");
    rig.append("v.jsonl", rows(5..6));
    rig.tick();
    assert_eq!(rig.said("was cut short or written anew"), 1);
    rig.tick();
    assert_eq!(rig.texts(), texts(0..6));
    let new = generations(&mut rig, "v.jsonl");
    assert_eq!((rig.texts_of("v.jsonl").len(), rig.texts_of(&new[0]).len()), (5, 1));
    rig.commit();
    rig.restart();
    rig.tick();
    assert_eq!((rig.texts(), rig.open.len()), (texts(0..6), 1));
}

#[test]
fn a_truncated_file_without_a_copy_is_said_to_have_lost_what_was_not_read() {
    let mut rig = Rig::new(Reading::Followed, &["v.jsonl"]);
    rig.write("v.jsonl", format!("{}{}", rows(0..3), "{\"half\":"));
    rig.tick();
    rig.truncate("v.jsonl");
    assert_eq!(rig.poll("v.jsonl"), ReadStep::Waiting, "it may be on its way back");
    rig.now_us += 2_000_000;
    assert_eq!(rig.poll("v.jsonl"), ReadStep::Done);
    assert_eq!(rig.said("and 8 bytes of a line that was not complete"), 1);
    rig.append("v.jsonl", rows(3..4));
    rig.tick();
    assert_eq!(rig.texts(), texts(0..4));
    assert_eq!(generations(&mut rig, "v.jsonl").len(), 1);
}

#[test]
fn a_file_written_anew_and_longer_than_before_is_noticed() {
    let mut rig = followed();
    rig.write("v.jsonl", rows(10..30));
    rig.tick();
    rig.tick();
    let mut expected = [texts(0..3), texts(10..30)].concat();
    expected.sort();
    assert_eq!((rig.texts(), rig.said("written anew")), (expected, 1));
}

#[test]
fn a_file_cut_back_to_a_part_of_itself_is_noticed() {
    let mut rig = Rig::new(Reading::Followed, &["v.jsonl"]);
    rig.write("v.jsonl", rows(0..50));
    rig.tick();
    rig.write("v.jsonl", rows(0..40));
    rig.tick();
    rig.now_us += 2_000_000;
    assert_eq!(rig.poll("v.jsonl"), ReadStep::Done);
    rig.tick();
    assert_eq!(
        (rig.said("written anew"), rig.lines.len()),
        (1, 90),
        "what stands there now is another partition"
    );
}

/// Whoever saves a file through its inode empties it first, and may write it in pieces.
#[test]
fn a_file_that_is_emptied_and_has_a_row_more_when_it_is_back_loses_and_doubles_none() {
    for seen_meanwhile in [0..0, 0..1, 0..20, 0..49] {
        let mut rig = Rig::new(Reading::Followed, &["v.jsonl"]);
        rig.write("v.jsonl", rows(0..50));
        rig.tick();
        rig.write("v.jsonl", rows(seen_meanwhile.clone()));
        rig.tick();
        rig.now_us += 1_000_000;
        rig.tick();
        rig.write("v.jsonl", rows(0..51));
        rig.tick();
        rig.tick();
        let all = (rig.texts(), rig.known().len(), rig.said("written anew"));
        assert_eq!(all, (texts(0..51), 1, 0), "{seen_meanwhile:?}: {:?}", rig.notices);
    }
}

#[test]
fn a_file_that_stayed_shorter_is_another_one_however_it_goes_on() {
    let mut rig = Rig::new(Reading::Followed, &["v.jsonl"]);
    rig.write("v.jsonl", rows(0..50));
    rig.tick();
    rig.truncate("v.jsonl");
    rig.pass_time();
    assert_eq!((rig.said("written anew"), rig.open.len()), (1, 0));
    rig.write("v.jsonl", rows(0..51));
    for _ in 0..2 {
        rig.tick();
        let new = generations(&mut rig, "v.jsonl");
        assert_eq!((new.len(), rig.texts_of(&new[0]).len(), rig.lines.len()), (1, 51, 101));
        rig.commit();
        rig.restart();
    }
}

#[test]
fn a_file_that_begins_as_before_and_goes_on_otherwise_is_noticed() {
    // More than a mark covers, and more than is remembered of what was read last.
    let common = rows(0..40);
    assert!(common.len() > 1_500);
    for read_in_an_earlier_run in [false, true] {
        let mut rig = Rig::new(Reading::Followed, &["v.jsonl"]);
        rig.write("v.jsonl", format!("{common}{}", rows(100..110)));
        rig.tick();
        if read_in_an_earlier_run {
            rig.commit();
            rig.restart();
            rig.tick();
        }
        rig.write("v.jsonl", format!("{common}{}", rows(200..220)));
        rig.tick();
        rig.tick();
        let new = generations(&mut rig, "v.jsonl");
        assert_eq!((new.len(), rig.said("written anew")), (1, 1));
        assert_eq!(rig.texts_of(&new[0]).len(), 60);
    }
}

/// Another content comes between two reads of one poll: what is read of it is not taken for the old one's.
#[test]
fn what_comes_through_the_old_inode_is_not_taken_for_what_was_to_come() {
    let mut rig = Rig::new(Reading::Followed, &["v.jsonl"]);
    rig.write("v.jsonl", rows(0..30));
    rig.tick();
    rig.write("v.jsonl", rows(1_000..1_040));
    rig.read();
    assert_eq!(rig.texts_of("v.jsonl").len(), 30);
    rig.tick();
    assert_eq!(rig.lines.len(), 70);
}

#[test]
fn truncated_twice_through_one_inode_it_is_three_partitions() {
    let mut rig = Rig::new(Reading::Followed, &["v.jsonl"]);
    for generation in 0..3 {
        rig.write("v.jsonl", rows(generation * 2..generation * 2 + 2));
        rig.tick();
        rig.tick();
    }
    assert_eq!((rig.texts(), rig.known().len()), (texts(0..6), 3));
}

#[test]
fn rotation_that_compresses_is_read_once_and_goes_on_after_a_restart() {
    for missed in [false, true] {
        let mut rig = followed();
        rig.commit();
        rig.append("v.jsonl", rows(3..5));
        if missed {
            rig.restart();
        }
        let packed = pack(Packing::Gzip, rows(0..5).as_bytes());
        rig.rename("v.jsonl", "v.jsonl.1");
        rig.write("v.jsonl", rows(5..6));
        rig.write("v.jsonl.1.gz", packed);
        rig.remove("v.jsonl.1");
        rig.tick();
        rig.pass_time();
        rig.tick();
        assert_eq!((rig.texts(), rig.open.len()), (texts(0..6), 1), "missed: {missed}");
        assert_eq!(rig.texts_of("v.jsonl").len(), 5);
    }
}

/// What may happen to a log directory between two looks.
#[derive(Clone, Copy, Debug)]
enum Act {
    Append(usize),
    AppendHalf,
    Rename,
    Compress,
    CopyTruncate,
    Read,
    Poll(usize),
    Commit,
    Restart,
    Wait,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        5 => (1usize..6).prop_map(Act::Append),
        1 => Just(Act::AppendHalf),
        1 => Just(Act::Rename),
        1 => Just(Act::Compress),
        1 => Just(Act::CopyTruncate),
        3 => Just(Act::Read),
        2 => (20usize..200).prop_map(Act::Poll),
        1 => Just(Act::Commit),
        1 => Just(Act::Restart),
        1 => Just(Act::Wait),
    ]
}

/// A program that writes rows into `v.jsonl` and rotates it.
struct Writer {
    next: usize,
    /// The rest of a line that is half written.
    half: Option<String>,
    rotations: usize,
    /// The rows of `v.jsonl`.
    here: Vec<usize>,
}

impl Writer {
    fn append(&mut self, rig: &Rig, count: usize) {
        self.complete(rig);
        for _ in 0..count {
            rig.append("v.jsonl", row(self.next));
            self.here.push(self.next);
            self.next += 1;
        }
    }

    fn append_half(&mut self, rig: &Rig) {
        self.complete(rig);
        let line = row(self.next);
        rig.append("v.jsonl", &line[..line.len() / 2]);
        self.half = Some(line[line.len() / 2..].to_owned());
        self.here.push(self.next);
        self.next += 1;
    }

    fn complete(&mut self, rig: &Rig) {
        if let Some(rest) = self.half.take() {
            rig.append("v.jsonl", rest);
        }
    }

    fn rotate(&mut self, rig: &Rig, how: Act) {
        self.append(rig, 1);
        self.rotations += 1;
        let old = format!("v.jsonl.{}", self.rotations);
        match how {
            Act::CopyTruncate => {
                rig.copy("v.jsonl", &old);
                rig.truncate("v.jsonl");
            }
            _ => {
                rig.rename("v.jsonl", &old);
                rig.write("v.jsonl", "");
            }
        }
        if let Act::Compress = how {
            let content: String = self.here.iter().map(|&nr| row(nr)).collect();
            rig.write(&format!("{old}.gz"), pack(Packing::Gzip, content.as_bytes()));
            rig.remove(&old);
        }
        self.here.clear();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever a rotating writer and a crashing reader do, every row is read once.
    #[test]
    fn every_row_is_read_once_through_any_rotation(acts in prop::collection::vec(act(), 1..60)) {
        let mut rig = Rig::new(Reading::Followed, &["v.jsonl*"]);
        let mut writer = Writer { next: 0, half: None, rotations: 0, here: Vec::new() };
        writer.append(&rig, 1);
        rig.survey();
        for act in acts {
            match act {
                Act::Append(count) => writer.append(&rig, count),
                Act::AppendHalf => writer.append_half(&rig),
                Act::Rename | Act::Compress | Act::CopyTruncate => writer.rotate(&rig, act),
                Act::Read => rig.tick(),
                Act::Poll(budget_bytes) => {
                    rig.survey();
                    let name = rig.open.keys().next().cloned();
                    let budget = std::mem::replace(&mut rig.budget_bytes, budget_bytes);
                    if let Some(name) = name {
                        rig.poll(&name);
                    }
                    rig.budget_bytes = budget;
                }
                Act::Commit => rig.commit(),
                Act::Restart => { rig.restart(); rig.survey(); }
                Act::Wait => rig.pass_time(),
            }
        }
        writer.append(&rig, 1);
        for _ in 0..3 {
            rig.tick();
            rig.pass_time();
        }
        prop_assert_eq!(rig.texts(), texts(0..writer.next), "{:?}", rig.notices);
        // What is done stays done, what is read is read: going on from the log gives nothing new.
        rig.commit();
        rig.restart();
        rig.tick();
        rig.pass_time();
        prop_assert_eq!(rig.lines.len(), writer.next);
        let positions: BTreeMap<(&str, u64), &str> =
            rig.lines.iter().map(|(name, position, text)| ((name.as_str(), *position), text.as_str())).collect();
        prop_assert_eq!(positions.len(), writer.next, "no two rows have one place");
    }
}
