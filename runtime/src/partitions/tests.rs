//! Workers over followed files, with a log and a clock and without a dataflow.

mod rig;

use std::time::Duration;

use proptest::prelude::*;
use quorate_schemas::time::SECOND;

use rig::Rig;

const AT_ONCE: Option<Duration> = Some(Duration::ZERO);

#[test]
fn two_sources_read_one_file_each_for_itself() {
    let sources = "[source.votes]\nfollow = true\nfiles = \"*.jsonl\"\n\
                   [source.gold]\nfollow = true\nfiles = \"gold.jsonl\"";
    for workers in 1..=2 {
        let mut rig = Rig::new(sources, workers, None);
        rig.append("gold.jsonl", &[1, 2]);
        rig.start();
        rig.settle();
        let names: Vec<String> = rig.positions().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["gold/gold.jsonl", "votes/gold.jsonl"], "{workers}");
        rig.append("gold.jsonl", &[3]);
        rig.settle();
        assert_eq!(rig.read_of("gold"), rig.read_of("votes"));
        assert_eq!(rig.read_of("gold").len(), 3);
    }
}

#[test]
fn a_partition_that_has_only_rejects_holds_the_clock_up_no_longer_than_others() {
    let mut rig = Rig::followed(1, None);
    rig.append("a.jsonl", &[100]);
    rig.write("b.jsonl", "nonsense\n");
    rig.start();
    rig.settle();
    assert_eq!(rig.clock.promised, i64::MIN, "b has shown nothing");
    rig.restart(1, AT_ONCE);
    rig.append("a.jsonl", &[101]);
    for _ in 0..2 {
        rig.poll(0);
        rig.seal(0);
    }
    assert_eq!(rig.clock.promised, 101, "and is idle now");
    rig.commit();
    assert!(rig.position("b.jsonl").unwrap().idle);
    // More of the same is read, and accounted for.
    let next = rig.position("b.jsonl").unwrap().next;
    rig.write("b.jsonl", "nonsense\nand more nonsense\n");
    rig.settle();
    assert!(rig.position("b.jsonl").unwrap().next > next);
}

#[test]
fn that_a_partition_was_idle_is_in_the_log_and_its_rows_behind_the_clock_are_late() {
    // Whether it is taken up in that run or in the next one: it joins where the clock stands.
    for restarts in [false, true] {
        let mut rig = Rig::followed(2, AT_ONCE);
        rig.append("a.jsonl", &[10, 500]);
        rig.append("b.jsonl", &[20]);
        rig.start();
        (0..2).for_each(|worker| rig.poll(worker));
        (0..2).for_each(|worker| rig.seal(worker));
        rig.commit();
        assert_eq!((rig.clock.promised, rig.position("b.jsonl").unwrap().idle), (20, false));
        rig.poll(1);
        rig.seal(1);
        rig.commit();
        assert!(rig.position("b.jsonl").unwrap().idle, "although no row moved it");
        rig.append("a.jsonl", &[600]);
        rig.settle();
        assert_eq!(rig.clock.promised, 600);
        rig.append("b.jsonl", &[30, 600, 601]);
        if restarts {
            rig.restart(1, None);
        }
        rig.settle();
        assert_eq!((rig.late(), rig.read()), (vec![30], vec![10, 20, 30, 500, 600, 600, 601]));
        assert_eq!(rig.position("b.jsonl").unwrap().join_watermark_us, Some(600));
    }
}

#[test]
fn a_partition_that_was_not_idle_keeps_its_place_through_a_restart() {
    let mut rig = Rig::followed(2, None);
    rig.append("a.jsonl", &[10, 500]);
    rig.append("b.jsonl", &[20]);
    rig.start();
    rig.settle();
    rig.restart(1, None);
    rig.append("b.jsonl", &[20, 30]);
    rig.settle();
    assert!(rig.late().is_empty());
    assert_eq!(rig.position("b.jsonl").unwrap().join_watermark_us, None);
}

#[test]
fn a_file_that_is_replaced_before_it_is_opened_is_left_to_the_next_survey() {
    let mut rig = Rig::followed(1, None);
    rig.append("a.jsonl", &[1]);
    rig.start();
    rig.settle();
    for (name, nr) in [("b.jsonl", 2), ("c.jsonl", 4)] {
        rig.append(name, &[nr]);
        rig.survey();
        rig.replace(name, &[nr, nr + 1]);
        rig.look();
        rig.look();
    }
    assert_eq!(rig.said("was replaced while it was being opened"), 2, "{:?}", rig.notes());
    assert_eq!(rig.clock.promised, 1, "nothing holds the clock but the file that is read");
    rig.settle();
    assert_eq!(rig.read(), [1, 2, 3, 4, 5]);
    assert_eq!(rig.said("was replaced"), 2);
}

#[test]
fn a_bounded_file_that_is_replaced_before_it_is_opened_is_an_error() {
    let mut rig = Rig::new("[source.votes]\nfiles = \"*.jsonl\"", 1, None);
    rig.append("a.jsonl", &[1]);
    rig.survey_first();
    rig.replace("a.jsonl", &[2]);
    let error = rig.try_take().expect_err("it is not the file that was found");
    assert!(error.to_string().contains("a.jsonl"), "{error}");
}

#[test]
fn a_writer_that_comes_back_to_a_file_it_had_left_is_heard() {
    let mut rig = Rig::followed(2, None);
    rig.append("a.jsonl", &[1, 2]);
    rig.append("b.jsonl", &[0, 2]);
    rig.start();
    rig.settle();
    rig.rename("a.jsonl", "a.jsonl.1");
    for more in [3, 4] {
        rig.pass_time();
        assert!(rig.position("a.jsonl").unwrap().done);
        assert_eq!(rig.open(), 1, "what is done is held nowhere");
        rig.append("a.jsonl.1", &[more]);
        rig.settle();
        assert!(!rig.position("a.jsonl").unwrap().done);
    }
    rig.pass_time();
    rig.append("a.jsonl.1", &[5]);
    rig.restart(1, None);
    rig.settle();
    assert_eq!(rig.read(), [0, 1, 2, 2, 3, 4, 5]);
}

#[test]
fn what_is_over_and_gone_leaves_the_log() {
    let mut rig = Rig::followed(2, AT_ONCE);
    rig.append("stays.jsonl", &[1]);
    rig.start();
    for nr in 2..20 {
        let name = format!("f{nr}.jsonl");
        rig.append(&name, &[nr]);
        rig.settle();
        rig.remove(&name);
        rig.settle();
        rig.settle();
        assert!(rig.positions().len() <= 2, "{:?}", rig.positions());
    }
    assert_eq!((rig.read().len(), rig.open()), (19, 0));
}

/// What may happen to a folder of followed files, and to who reads them.
#[derive(Clone, Copy, Debug)]
enum Act {
    Append(u8),
    Rename(u8),
    CopyTruncate(u8),
    Survey,
    Poll(u8),
    Seal(u8),
    Commit,
    Restart(u8),
    Wait,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (0u8..3).prop_map(Act::Append),
        1 => (0u8..3).prop_map(Act::Rename),
        1 => (0u8..3).prop_map(Act::CopyTruncate),
        4 => Just(Act::Survey),
        6 => (0u8..3).prop_map(Act::Poll),
        5 => (0u8..3).prop_map(Act::Seal),
        2 => Just(Act::Commit),
        1 => (1u8..4).prop_map(Act::Restart),
        1 => Just(Act::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever is written, rotated, read, sealed, killed and rescaled: every row comes in once, ranges chain, and no
    /// row on time lies behind the clock. (The rig holds each seal against the last two.)
    #[test]
    fn every_row_is_read_once_and_none_lies_behind_the_clock(
        acts in prop::collection::vec(act(), 1..120),
        idles in any::<bool>(),
    ) {
        let idle_after = idles.then_some(Duration::ZERO);
        let mut rig = Rig::followed(2, idle_after);
        let (mut next, mut rotations) = (0, 0);
        let file = |nr: u8| format!("v{nr}.jsonl");
        let mut append = |rig: &mut Rig, nr: u8| {
            next += 1;
            rig.append(&file(nr), &[next]);
            next
        };
        append(&mut rig, 0);
        rig.start();
        for act in acts {
            match act {
                Act::Append(nr) => { append(&mut rig, nr); }
                Act::Rename(nr) | Act::CopyTruncate(nr) => {
                    // A file without content can be told from no other.
                    append(&mut rig, nr);
                    rotations += 1;
                    let old = format!("{}.{rotations}", file(nr));
                    match act {
                        Act::Rename(_) => rig.rename(&file(nr), &old),
                        _ => rig.copy_and_truncate(&file(nr), &old),
                    }
                }
                Act::Survey => rig.survey(),
                Act::Poll(worker) => rig.poll(worker.into()),
                Act::Seal(worker) => rig.seal(worker.into()),
                Act::Commit => rig.commit(),
                Act::Restart(workers) => rig.restart(workers.into(), idle_after),
                Act::Wait => rig.now_us += 10 * SECOND,
            }
        }
        let mut rows = 0;
        for nr in 0..3 {
            rows = append(&mut rig, nr);
        }
        for _ in 0..3 {
            rig.settle();
            rig.pass_time();
        }
        prop_assert_eq!(rig.read(), (1..=rows).collect::<Vec<i64>>(), "{:?}", rig.notes());
        rig.commit();
        rig.restart(2, idle_after);
        rig.settle();
        prop_assert_eq!(rig.read().len() as i64, rows, "what is read stays read");
    }
}
