use proptest::prelude::*;

use super::*;

/// A file called `name` with this content.
fn file(name: &str, inode: u64, content: &str) -> Sighting {
    Sighting {
        name: name.to_owned(),
        path: Path::new("/job").join(name),
        packing: Packing::of_name(name).unwrap(),
        format: Format::Json,
        inode: Inode { device: 1, inode },
        file_bytes: content.len() as u64,
        head: content.as_bytes()[..content.len().min(1024)].to_vec(),
        reach: Reach::Matched,
    }
}

/// A partition whose file was first seen at `home` and had this content when it was read up to `next`.
fn known(partition: &str, home: &str, inode: u64, content: &str, next: u64) -> Known {
    let mark = FileMark::new(home, Inode { device: 1, inode }, content.as_bytes(), Format::Json);
    Known { partition: partition.to_owned(), next, mark, done: false }
}

fn done(known: Known) -> Known {
    Known { done: true, ..known }
}

fn cut_short(mut known: Known) -> Known {
    known.mark.cut_short = true;
    done(known)
}

/// Who is who: `partition < file from position`, with `*` where it is followed; then the lost; then the notices.
fn check(
    reading: Reading,
    known: &[Known],
    files: &[Sighting],
    entries: &[&str],
    lost: &[&str],
    notices: &[&str],
) {
    let found = recognise(Path::new("/job"), known, files.to_vec(), reading);
    let described: Vec<String> = found
        .entries
        .iter()
        .map(|entry| {
            let name = entry.path.strip_prefix("/job").unwrap().display();
            let star = if entry.reading == Reading::Followed { "*" } else { "" };
            let partition = match entry.partition.split_once('@') {
                Some((path, short)) => {
                    assert!(short.len() == 8, "{short}");
                    format!("{path}@")
                }
                None => entry.partition.clone(),
            };
            format!("{partition} < {name} from {}{star}", entry.next)
        })
        .collect();
    assert_eq!(described, entries);
    let described: Vec<String> =
        found.lost.iter().map(|(known, loss)| format!("{} {loss:?}", known.partition)).collect();
    assert_eq!(described, lost);
    assert_eq!(found.notices.len(), notices.len(), "{:?}", found.notices);
    for (notice, part) in found.notices.iter().zip(notices) {
        assert!(notice.to_string().contains(part), "{part:?} is missing from: {notice}");
    }
}

const OLD: &str = "{\"row\":1,\"of\":\"the old file\"}\n{\"row\":2,\"of\":\"the old file\"}\n";
const NEW: &str = "{\"row\":1,\"of\":\"the new file\"}\n";
use Reading::{Bounded, Followed};

#[test]
fn new_files_are_named_by_their_paths() {
    let files = [file("a.jsonl", 1, OLD), file("b.jsonl.gz", 2, NEW)];
    check(
        Bounded,
        &[],
        &files,
        &["a.jsonl < a.jsonl from 0", "b.jsonl.gz < b.jsonl.gz from 0"],
        &[],
        &[],
    );
}

#[test]
fn a_known_file_goes_on_where_it_was_left_under_whatever_name() {
    let known = [known("v.jsonl", "v.jsonl", 1, &OLD[..40], 30)];
    check(Bounded, &known, &[file("v.jsonl", 1, OLD)], &["v.jsonl < v.jsonl from 30"], &[], &[]);
    check(
        Followed,
        &known,
        &[file("v.jsonl.1", 1, OLD)],
        &["v.jsonl < v.jsonl.1 from 30*"],
        &[],
        &[],
    );
}

#[test]
fn a_restored_file_is_known_by_its_place_and_a_copied_one_by_its_content() {
    let known = [known("v.jsonl", "v.jsonl", 1, OLD, 30)];
    check(Bounded, &known, &[file("v.jsonl", 9, OLD)], &["v.jsonl < v.jsonl from 30"], &[], &[]);
    let short = [self::known("v.jsonl", "v.jsonl", 1, "{}\n", 3)];
    check(
        Bounded,
        &short,
        &[file("v.jsonl", 9, "{}\n{}\n")],
        &["v.jsonl < v.jsonl from 3"],
        &[],
        &[],
    );
    check(
        Bounded,
        &known,
        &[file("elsewhere.gz", 9, OLD)],
        &["v.jsonl < elsewhere.gz from 30"],
        &[],
        &[],
    );
}

#[test]
fn rotation_by_renaming_leaves_two_partitions() {
    let known = [known("v.jsonl", "v.jsonl", 1, OLD, 30)];
    let files = [file("v.jsonl", 2, NEW), file("v.jsonl.1", 1, OLD)];
    check(
        Followed,
        &known,
        &files,
        &["v.jsonl < v.jsonl.1 from 30*", "v.jsonl@ < v.jsonl from 0*"],
        &[],
        &[],
    );
}

#[test]
fn a_new_file_in_an_old_place_has_to_have_content_to_be_told_apart() {
    let known = [known("v.jsonl", "v.jsonl", 1, OLD, 30)];
    let files = [file("v.jsonl", 2, ""), file("v.jsonl.1", 1, OLD)];
    check(Followed, &known, &files, &["v.jsonl < v.jsonl.1 from 30*"], &[], &[]);
}

#[test]
fn rotation_by_copying_is_not_read_twice_and_its_rest_is_read_in_the_copy() {
    let read = known("v.jsonl", "v.jsonl", 1, OLD, 30);
    let copy = file("v.jsonl.1", 2, OLD);
    let before = [file("v.jsonl", 1, OLD), copy.clone()];
    check(
        Followed,
        std::slice::from_ref(&read),
        &before,
        &["v.jsonl < v.jsonl from 30*"],
        &[],
        &["taken for a copy"],
    );
    let after = [file("v.jsonl", 1, NEW), copy];
    let expected = ["v.jsonl < v.jsonl.1 from 30", "v.jsonl@ < v.jsonl from 0*"];
    check(Followed, &[cut_short(read.clone())], &after, &expected, &[], &[]);
    let whole = Known { next: OLD.len() as u64, ..read };
    check(Followed, &[cut_short(whole)], &after, &["v.jsonl@ < v.jsonl from 0*"], &[], &[]);
}

#[test]
fn what_was_cut_short_does_not_go_on_in_its_own_file() {
    let read = known("v.jsonl", "v.jsonl", 1, OLD, OLD.len() as u64);
    let back = [file("v.jsonl", 1, &format!("{OLD}{NEW}"))];
    let anew = ["v.jsonl@ < v.jsonl from 0*"];
    check(Followed, &[cut_short(read.clone())], &back, &anew, &[], &[]);
    check(Followed, &[done(read)], &back, &["v.jsonl < v.jsonl from 60*"], &[], &[]);
}

#[test]
fn rotation_by_compressing_is_not_read_twice_and_goes_on_after_a_restart() {
    let files = [file("v.jsonl", 2, NEW), file("v.jsonl.1.gz", 3, OLD)];
    let read = known("v.jsonl", "v.jsonl", 1, OLD, 30);
    let expected = ["v.jsonl < v.jsonl.1.gz from 30*", "v.jsonl@ < v.jsonl from 0*"];
    check(Followed, std::slice::from_ref(&read), &files, &expected, &[], &[]);
    check(
        Followed,
        &[done(read)],
        &files,
        &["v.jsonl@ < v.jsonl from 0*"],
        &[],
        &["v.jsonl.1.gz: begins exactly like v.jsonl and is taken for a copy"],
    );
}

#[test]
fn an_inode_used_anew_is_another_file() {
    let read = done(known("v.jsonl", "v.jsonl", 1, OLD, OLD.len() as u64));
    check(Bounded, &[read], &[file("w.jsonl", 1, NEW)], &["w.jsonl < w.jsonl from 0"], &[], &[]);
}

#[test]
fn a_file_shorter_than_what_was_read_is_not_that_file() {
    let known = [known("v.jsonl", "v.jsonl", 1, &OLD[..40], 60)];
    let files = [file("v.jsonl", 1, &OLD[..50])];
    check(Followed, &known, &files, &["v.jsonl@ < v.jsonl from 0*"], &["v.jsonl Replaced"], &[]);
}

#[test]
fn a_lost_file_is_gone_or_replaced() {
    let known = [known("v.jsonl", "v.jsonl", 1, OLD, 30)];
    check(Bounded, &known, &[], &[], &["v.jsonl Gone"], &[]);
    check(
        Bounded,
        &known,
        &[file("v.jsonl", 2, NEW)],
        &["v.jsonl@ < v.jsonl from 0"],
        &["v.jsonl Replaced"],
        &[],
    );
}

#[test]
fn what_a_bounded_source_has_read_to_its_end_stays_read() {
    let read = [done(known("v.jsonl", "v.jsonl", 1, OLD, OLD.len() as u64))];
    check(Bounded, &read, &[file("v.jsonl", 1, OLD)], &[], &[], &[]);
    check(Bounded, &read, &[], &[], &[], &[]);
    let grown = format!("{OLD}{NEW}");
    check(Bounded, &read, &[file("v.jsonl", 1, &grown)], &[], &[], &["has grown since"]);
    check(
        Followed,
        &read,
        &[file("v.jsonl", 1, &grown)],
        &["v.jsonl < v.jsonl from 60*"],
        &[],
        &[],
    );
    check(Bounded, &read, &[file("v.jsonl", 2, NEW)], &["v.jsonl@ < v.jsonl from 0"], &[], &[]);
}

#[test]
fn an_empty_file_that_was_done_says_nothing_of_its_successor() {
    let empty = [done(known("v.jsonl", "v.jsonl", 1, "", 0))];
    check(Bounded, &empty, &[file("v.jsonl", 2, NEW)], &["v.jsonl@ < v.jsonl from 0"], &[], &[]);
}

#[test]
fn links_to_one_file_are_read_once_and_equal_bounded_files_twice() {
    let links = [file("a.jsonl", 1, OLD), file("b.jsonl", 1, OLD)];
    check(
        Bounded,
        &[],
        &links,
        &["a.jsonl < a.jsonl from 0"],
        &[],
        &["b.jsonl: is the same file as a.jsonl"],
    );
    let equal = [file("a.jsonl", 1, OLD), file("b.jsonl", 2, OLD)];
    check(
        Bounded,
        &[],
        &equal,
        &["a.jsonl < a.jsonl from 0", "b.jsonl < b.jsonl from 0"],
        &[],
        &[],
    );
}

#[test]
fn content_too_short_to_tell_makes_no_copy() {
    let files = [file("a.jsonl", 1, "{}\n"), file("b.jsonl", 2, "{}\n")];
    check(
        Followed,
        &[],
        &files,
        &["a.jsonl < a.jsonl from 0*", "b.jsonl < b.jsonl from 0*"],
        &[],
        &[],
    );
}

#[test]
fn a_name_that_is_taken_in_every_form_is_numbered() {
    let mark = FileMark::new("v", Inode { device: 1, inode: 1 }, b"x", Format::Json);
    let short = format!("v@{}", mark.short());
    let names = BTreeSet::from(["v".to_owned(), short.clone(), format!("{short}-2")]);
    assert_eq!(new_name(&mark, &names), format!("{short}-3"));
}

/// Which of these partitions are gone, when these files are followed.
fn gone(known: &[Known], files: &[Sighting]) -> Vec<String> {
    let found = recognise(Path::new("/job"), known, files.to_vec(), Followed);
    found.gone.into_iter().map(|known| known.partition).collect()
}

#[test]
fn a_partition_is_gone_when_nothing_is_left_that_would_be_read_again() {
    let read = done(known("v.jsonl", "v.jsonl", 1, OLD, OLD.len() as u64));
    let other = file("w.jsonl", 5, NEW);
    assert_eq!(gone(std::slice::from_ref(&read), std::slice::from_ref(&other)), ["v.jsonl"]);
    for left in [
        file("v.jsonl", 1, OLD),
        file("v.jsonl.1", 1, OLD),
        file("v.jsonl", 9, OLD),
        file("v.jsonl.1.gz", 9, OLD),
    ] {
        let name = left.name.clone();
        assert_eq!(gone(std::slice::from_ref(&read), &[left, other.clone()]), [""; 0], "{name}");
    }
    // A copy of two partitions that begin alike may be either's.
    let twin = done(known("u.jsonl", "u.jsonl", 2, OLD, OLD.len() as u64));
    let copy = file("old.gz", 9, OLD);
    assert_eq!(gone(&[twin, read], &[copy, other]), [""; 0]);
}

#[test]
fn a_name_that_another_file_stands_under_is_not_given_up() {
    let read = |name: &str| done(known(name, "v.jsonl", 1, OLD, OLD.len() as u64));
    let new = file("v.jsonl", 2, NEW);
    let known = [read("v.jsonl"), read("v.jsonl@01234567")];
    assert_eq!(gone(&known, &[new]), ["v.jsonl@01234567"]);
}

#[test]
fn a_device_that_is_away_takes_nothing_with_it() {
    let read = done(known("v.jsonl", "v.jsonl", 1, OLD, OLD.len() as u64));
    assert_eq!(gone(std::slice::from_ref(&read), &[]), [""; 0]);
    let mut elsewhere = file("w.jsonl", 5, NEW);
    elsewhere.inode.device = 2;
    assert_eq!(gone(&[read], &[elsewhere]), [""; 0]);
}

#[test]
fn each_of_many_lost_partitions_finds_its_copy() {
    let content = |nr: usize| format!("{{\"row\":{nr:08},\"of\":\"one of many files\"}}\n");
    let many = 0..2_000;
    let known: Vec<Known> = many
        .clone()
        .map(|nr| known(&format!("{nr:04}"), &format!("{nr:04}"), nr as u64, &content(nr), 3))
        .collect();
    let files: Vec<Sighting> = many
        .clone()
        .map(|nr| file(&format!("old-{nr:04}"), 10_000 - nr as u64, &content(1_999 - nr)))
        .collect();
    let found = recognise(Path::new("/job"), &known, files, Followed);
    assert_eq!((found.entries.len(), found.lost.len()), (2_000, 0));
    for (nr, entry) in many.zip(&found.entries) {
        assert_eq!(entry.path, Path::new(&format!("/job/old-{:04}", 1_999 - nr)));
    }
}

/// Files that are too short to tell one from another, or longer than what a mark covers.
fn world() -> impl Strategy<Value = Vec<Sighting>> {
    let one = (0u8..5, 1u64..5, 0usize..4, prop_oneof![Just(0), Just(20), 1_200usize..1_300]);
    prop::collection::vec(one, 0..6).prop_map(|files| {
        let mut seen = BTreeSet::new();
        let mut files: Vec<Sighting> = files
            .into_iter()
            .filter(|(name, ..)| seen.insert(*name))
            .map(|(name, inode, row, bytes)| {
                let content = format!("{{\"row\":{row},\"of\":\"one of the files\"}}\n").repeat(50);
                file(&format!("f{name}"), inode, &content[..bytes])
            })
            .collect();
        files.sort_by(|a, b| a.name.cmp(&b.name));
        files
    })
}

proptest! {
    /// Whatever happened between two looks: no file is read as two partitions, no partition has two files, and a
    /// third look at the same files finds nothing new.
    #[test]
    fn every_file_is_one_partitions(before in world(), after in world(), share in 0u64..=3, follow in any::<bool>()) {
        let reading = if follow { Followed } else { Bounded };
        let base = Path::new("/job");
        let first = recognise(base, &[], before, reading);
        let known: Vec<Known> = first.entries.iter().map(|entry| Known {
            partition: entry.partition.clone(),
            next: entry.head.len() as u64 * share / 3,
            mark: entry.mark.clone(),
            done: share == 3,
        }).collect();
        let second = recognise(base, &known, after.clone(), reading);
        let names: BTreeSet<&str> = second.entries.iter().map(|entry| entry.partition.as_str()).collect();
        let inodes: BTreeSet<Inode> = second.entries.iter().map(|entry| entry.mark.inode()).collect();
        prop_assert_eq!(names.len(), second.entries.len());
        prop_assert_eq!(inodes.len(), second.entries.len());
        let mut all: BTreeMap<String, Known> =
            known.into_iter().map(|known| (known.partition.clone(), known)).collect();
        for entry in &second.entries {
            let Entry { partition, next, mark, .. } = entry.clone();
            all.insert(partition.clone(), Known { partition, next, mark, done: false });
        }
        let all: Vec<Known> = all.into_values().collect();
        let third = recognise(base, &all, after, reading);
        prop_assert_eq!(third.entries, second.entries);
    }
}
