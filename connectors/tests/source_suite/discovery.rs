//! Which files there are, and what is wrong with those that can't be read.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use quorate_connectors::source::{Packing, Reading};

use super::rig::{Rig, pack, row, rows};

/// Checks that a bounded source stops with an error that has all of these parts, and that a followed one says the
/// same once and goes on.
fn refused(patterns: &[&str], prepare: impl Fn(&Rig), parts: &[&str]) {
    let mut bounded = Rig::new(Reading::Bounded, patterns);
    prepare(&bounded);
    let error = bounded.try_survey().expect_err("must be refused");
    assert!(!error.retryable());
    let text = error.to_string();
    let mut followed = Rig::new(Reading::Followed, patterns);
    prepare(&followed);
    followed.tick();
    followed.tick();
    assert_eq!(followed.notices.len(), 1, "{:?}", followed.notices);
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing from: {text}");
        assert_eq!(followed.said(part), 1, "{part:?}");
    }
}

#[test]
fn names_are_relative_to_the_job_and_sorted() {
    let mut rig = Rig::new(Reading::Bounded, &["./data/*.jsonl", "data/b.jsonl", "data/**/c.*"]);
    fs::create_dir_all(rig.path("data/deep/er")).unwrap();
    for name in [
        "data/b.jsonl",
        "data/a.jsonl",
        "data/.hidden.jsonl",
        "data/other.txt",
        "data/deep/er/c.jsonl",
    ] {
        rig.write(name, row(1));
    }
    let survey = rig.survey();
    let names: Vec<&str> = survey.entries.iter().map(|entry| entry.partition.as_str()).collect();
    assert_eq!(names, ["data/a.jsonl", "data/b.jsonl", "data/deep/er/c.jsonl"]);
}

#[test]
fn an_absolute_pattern_keeps_its_path_outside_of_the_base() {
    let elsewhere = Rig::new(Reading::Bounded, &[]);
    elsewhere.write("a.jsonl", row(1));
    let pattern = format!("{}/*.jsonl", elsewhere.directory.path().display());
    let mut rig = Rig::new(Reading::Bounded, &[&pattern]);
    assert_eq!(rig.survey().entries[0].partition, elsewhere.path("a.jsonl").display().to_string());
}

#[test]
fn what_is_missing_is_named_with_the_remedy() {
    refused(
        &["votes-*.jsonl"],
        |_| {},
        &["votes-*.jsonl: no file matches", "begins at the job file's directory"],
    );
    refused(&["votes.jsonl"], |_| {}, &["votes.jsonl: no file matches"]);
    refused(&["votes[.jsonl"], |_| {}, &["votes[.jsonl: is no pattern", "* ? [a-z]"]);
}

#[test]
fn a_directory_is_no_file_and_a_pattern_passes_over_it() {
    let directory = |rig: &Rig| fs::create_dir(rig.path("data")).unwrap();
    refused(&["data"], directory, &["data: is a directory", "data/*.jsonl"]);
    let mut rig = Rig::new(Reading::Bounded, &["d*"]);
    directory(&rig);
    rig.write("d.jsonl", row(1));
    assert_eq!(rig.survey().entries.len(), 1);
}

#[test]
fn a_path_that_the_log_has_no_room_for_is_refused_where_it_is_found() {
    let folder = ["d".repeat(250), "e".repeat(250), "f".repeat(250)].join("/");
    let deep = |rig: &Rig| {
        fs::create_dir_all(rig.path(&folder)).unwrap();
        rig.write(&format!("{folder}/{}.jsonl", "v".repeat(200)), row(1));
    };
    refused(&["**/*.jsonl"], deep, &[&"v".repeat(200), "its path is too long", "move it up"]);
    // What is known under a short name may be moved there.
    let mut rig = Rig::new(Reading::Followed, &["**/*.jsonl"]);
    rig.write("v.jsonl", rows(0..2));
    rig.tick();
    fs::create_dir_all(rig.path(&folder)).unwrap();
    rig.rename("v.jsonl", &format!("{folder}/{}.jsonl", "v".repeat(200)));
    rig.tick();
    assert_eq!((rig.lines.len(), rig.notices.len(), rig.open.len()), (2, 0, 1));
}

#[test]
fn what_lies_behind_a_trouble_is_not_gone() {
    let mut rig = Rig::new(Reading::Followed, &["v/*.jsonl", "w.jsonl"]);
    fs::create_dir(rig.path("v")).unwrap();
    rig.write("v/a.jsonl", rows(0..2));
    rig.write("w.jsonl", rows(2..4));
    rig.tick();
    rig.rename("v/a.jsonl", "a");
    let gone = rig.survey().gone;
    assert_eq!(gone, ["v/a.jsonl"]);
    // What cannot be read now may be the file.
    symlink("nowhere", rig.path("v/a.jsonl")).unwrap();
    assert_eq!(rig.survey().gone, [""; 0]);
}

#[test]
fn a_socket_or_pipe_is_no_file() {
    let socket = |rig: &Rig| drop(UnixListener::bind(rig.path("votes.jsonl")).unwrap());
    refused(
        &["votes.jsonl"],
        socket,
        &["is no regular file", "write the pipe or device into a file"],
    );
    refused(&["*.jsonl"], socket, &["is no regular file"]);
}

#[test]
fn a_dangling_link_is_unreadable_and_a_good_one_is_followed() {
    let dangling = |rig: &Rig| symlink("nowhere", rig.path("votes.jsonl")).unwrap();
    refused(&["votes.jsonl"], dangling, &["votes.jsonl: cannot be read", "points to"]);
    let mut rig = Rig::new(Reading::Bounded, &["link.jsonl"]);
    rig.write("votes.jsonl", rows(0..2));
    symlink(rig.path("votes.jsonl"), rig.path("link.jsonl")).unwrap();
    rig.tick();
    assert_eq!(rig.texts_of("link.jsonl").len(), 2);
}

#[test]
fn links_to_one_file_are_read_once() {
    let mut rig = Rig::new(Reading::Bounded, &["*.jsonl"]);
    rig.write("a.jsonl", rows(0..2));
    fs::hard_link(rig.path("a.jsonl"), rig.path("b.jsonl")).unwrap();
    symlink("a.jsonl", rig.path("c.jsonl")).unwrap();
    rig.tick();
    assert_eq!((rig.lines.len(), rig.said("is the same file as a.jsonl")), (2, 2));
}

#[test]
fn a_name_must_say_how_the_file_is_packed() {
    let gzip = pack(Packing::Gzip, row(1).as_bytes());
    let zstd = pack(Packing::Zstd, row(1).as_bytes());
    refused(
        &["v.jsonl"],
        |rig| rig.write("v.jsonl", &gzip),
        &["by its name it is plain text, by its first bytes gzip"],
    );
    refused(
        &["v.jsonl"],
        |rig| rig.write("v.jsonl", &zstd),
        &["by its first bytes zstd", ".zst for zstd"],
    );
    refused(
        &["v.gz"],
        |rig| rig.write("v.gz", row(1)),
        &["by its name it is gzip, by its first bytes plain text"],
    );
    refused(
        &["v.zst"],
        |rig| rig.write("v.zst", &gzip),
        &["by its name it is zstd, by its first bytes gzip"],
    );
    refused(&["v.xz"], |rig| rig.write("v.xz", row(1)), &[".xz cannot be read", "gzip or zstd"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_name_that_is_no_text_is_refused() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let name = |rig: &Rig| {
        fs::write(rig.directory.path().join(OsStr::from_bytes(b"v\xff.jsonl")), row(1)).unwrap();
    };
    refused(&["*.jsonl"], name, &["its name is not UTF-8"]);
}

#[test]
fn a_trouble_that_passed_is_said_again_when_it_is_back() {
    let mut rig = Rig::new(Reading::Followed, &["votes.jsonl"]);
    rig.tick();
    rig.write("votes.jsonl", row(1));
    rig.tick();
    assert_eq!((rig.said("no file matches"), rig.lines.len()), (1, 1));
    rig.remove("votes.jsonl");
    rig.tick();
    rig.tick();
    assert_eq!(rig.said("no file matches"), 2);
}

#[test]
fn an_unreadable_file_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let locked = |rig: &Rig| {
        rig.write("votes.jsonl", row(1));
        fs::set_permissions(rig.path("votes.jsonl"), fs::Permissions::from_mode(0o000)).unwrap();
    };
    let probe = Rig::new(Reading::Bounded, &[]);
    locked(&probe);
    if fs::File::open(probe.path("votes.jsonl")).is_ok() {
        eprintln!("skipped: this user may read every file, whatever its permissions");
        return;
    }
    refused(&["votes.jsonl"], locked, &["votes.jsonl: cannot be read", "chmod"]);
}

#[test]
fn a_bounded_file_that_is_gone_or_replaced_stops_the_job() {
    let mut rig = Rig::new(Reading::Bounded, &["*.jsonl"]);
    rig.budget_bytes = 50;
    rig.write("a.jsonl", rows(0..10));
    rig.write("b.jsonl", rows(10..12));
    rig.survey();
    rig.poll("a.jsonl");
    rig.poll("a.jsonl");
    rig.commit();
    rig.restart();
    rig.rename("a.jsonl", "moved");
    assert_eq!(
        rig.survey().entries[0].path,
        rig.path("moved"),
        "found by its inode, though no pattern matches it"
    );
    rig.restart();
    rig.remove("moved");
    let error = rig.try_survey().unwrap_err().to_string();
    assert!(error.contains("a.jsonl: is gone, and was read only up to byte"), "{error}");
    rig.write("a.jsonl", rows(20..30));
    let error = rig.try_survey().unwrap_err().to_string();
    assert!(error.contains("a.jsonl: is not the file any more"), "{error}");
    rig.write("a.jsonl", rows(0..10));
    rig.budget_bytes = 1 << 20;
    rig.tick();
    assert_eq!(rig.texts(), super::rig::texts(0..12));
}
