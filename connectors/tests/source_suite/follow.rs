//! Files that grow.

use quorate_connectors::source::{Mark, Packing, ReadStep, Reading};

use super::rig::{Rig, pack, row, rows, texts};

#[test]
fn a_half_written_line_waits_for_its_end() {
    for (name, packing) in
        [("v.jsonl", Packing::Plain), ("v.jsonl.gz", Packing::Gzip), ("v.jsonl.zst", Packing::Zstd)]
    {
        let mut rig = Rig::new(Reading::Followed, &[name]);
        let (begin, end) = (&row(1)[..10], &row(1)[10..]);
        rig.append(name, pack(packing, format!("{}{begin}", row(0)).as_bytes()));
        rig.tick();
        assert_eq!((rig.lines.len(), rig.open[name].next()), (1, row(0).len() as u64), "{name}");
        assert_eq!(rig.poll(name), ReadStep::Waiting);
        rig.commit();
        rig.restart();
        rig.append(name, pack(packing, end.as_bytes()));
        rig.tick();
        assert_eq!((rig.texts(), rig.notices.len()), (texts(0..2), 0));
    }
}

#[test]
fn a_file_that_comes_later_is_found_and_said_to_be_missing_once() {
    let mut rig = Rig::new(Reading::Followed, &["v-*.jsonl"]);
    rig.tick();
    rig.tick();
    assert_eq!(rig.said("no file matches"), 1);
    rig.write("v-1.jsonl", rows(0..2));
    rig.tick();
    rig.write("v-2.jsonl", rows(2..3));
    rig.append("v-1.jsonl", rows(3..4));
    rig.tick();
    assert_eq!((rig.texts(), rig.open.len()), (texts(0..4), 2));
}

#[test]
fn a_file_that_ends_inside_a_compressed_member_waits_and_is_damaged_only_when_it_is_complete() {
    let mut rig = Rig::new(Reading::Followed, &["v.jsonl.gz"]);
    let whole = pack(Packing::Gzip, rows(0..200).as_bytes());
    rig.write("v.jsonl.gz", &whole[..whole.len() / 2]);
    rig.tick();
    assert_eq!(rig.poll("v.jsonl.gz"), ReadStep::Waiting);
    rig.rename("v.jsonl.gz", "old");
    rig.pass_time();
    assert_eq!((rig.said("truncated gzip stream"), rig.closed["v.jsonl.gz"].done), (1, true));
}

#[test]
fn a_deleted_file_is_read_to_its_end_through_its_handle() {
    let mut rig = Rig::new(Reading::Followed, &["v.jsonl"]);
    rig.write("v.jsonl", rows(0..1));
    rig.tick();
    rig.append("v.jsonl", format!("{}{}", rows(1..3), row(3).trim_end()));
    rig.remove("v.jsonl");
    let survey = rig.survey();
    assert_eq!(survey.lost, ["v.jsonl"]);
    rig.read();
    assert_eq!(rig.texts(), texts(0..3), "the last line may still be completed");
    rig.pass_time();
    assert_eq!((rig.texts(), rig.closed.len()), (texts(0..4), 1));
}

#[test]
fn a_followed_file_that_was_lost_while_nobody_looked_is_said_once_and_comes_back() {
    let mut rig = Rig::new(Reading::Followed, &["v.jsonl"]);
    rig.write("v.jsonl", rows(0..2));
    rig.tick();
    rig.commit();
    rig.restart();
    rig.remove("v.jsonl");
    for _ in 0..2 {
        assert_eq!(rig.survey().lost, ["v.jsonl"]);
    }
    assert_eq!(rig.said("is gone"), 1);
    rig.write("v.jsonl", rows(0..3));
    rig.tick();
    assert_eq!(rig.texts(), texts(0..3), "restored, it goes on where it was left");
}

/// A file that has not changed is not read again; whatever changes in it shows in its length or its time.
#[test]
fn a_file_that_waits_is_read_on_whatever_becomes_of_it() {
    let changes: [fn(&Rig); 3] = [
        |rig| rig.append("v.jsonl", rows(2..4)),
        |rig| rig.write("v.jsonl", rows(2..4)),
        |rig| {
            rig.truncate("v.jsonl");
            rig.append("v.jsonl", rows(2..4));
        },
    ];
    for change in changes {
        let mut rig = Rig::new(Reading::Followed, &["v.jsonl"]);
        // Any file is old enough by then to be known by its time.
        rig.now_us = i64::MAX / 2;
        rig.write("v.jsonl", rows(0..2));
        let file = std::fs::File::options().write(true).open(rig.path("v.jsonl")).unwrap();
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
        rig.tick();
        assert_eq!(rig.poll("v.jsonl"), ReadStep::Waiting);
        assert_eq!(rig.poll("v.jsonl"), ReadStep::Waiting);
        change(&rig);
        rig.tick();
        rig.tick();
        assert_eq!(rig.texts(), texts(0..4));
    }
}

#[test]
fn a_small_mark_grows_with_its_file() {
    for (name, packing) in
        [("v.jsonl", Packing::Plain), ("v.jsonl.gz", Packing::Gzip), ("v.jsonl.zst", Packing::Zstd)]
    {
        let mut rig = Rig::new(Reading::Followed, &[name]);
        rig.write(name, "");
        for nr in 0..40 {
            rig.append(name, pack(packing, row(nr).as_bytes()));
            rig.tick();
            let Mark::File(mark) = rig.open.get_mut(name).unwrap().mark() else { panic!("a file") };
            assert_eq!(mark.head_bytes as usize, rows(0..nr + 1).len().min(1024), "{name}");
            if nr % 3 == 0 {
                rig.commit();
                rig.restart();
                rig.survey();
            }
        }
        rig.tick();
        assert_eq!(rig.texts(), texts(0..40));
    }
}
