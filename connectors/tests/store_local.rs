//! What a disk does: crashed writers, missing rights, things in the way, a disk that is full.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use quorate_connectors::error::Error;
use quorate_connectors::store::{Creation, Operation, Problem, Store};

async fn open(root: &Path) -> Store {
    Store::open(root.to_str().unwrap()).await.unwrap()
}

#[expect(clippy::disallowed_methods, reason = "the age of a file is the wall's")]
fn age(path: &Path, by: Duration) {
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - by).unwrap();
}

fn check(error: Error, operation: Operation, problem: Problem, can_wait: impl Fn(&Error) -> bool) {
    assert!(can_wait(&error), "{error}: retryable is {}", error.retryable());
    let text = error.to_string();
    match error {
        Error::Store { operation: o, problem: p, .. } => {
            assert_eq!((o, p), (operation, problem), "{text}")
        }
        other => panic!("not the store's: {other}"),
    }
    assert!(text.contains(problem.advice()), "{text}");
}

#[tokio::test]
async fn leftovers_of_crashed_writers_are_never_listed_and_swept_after_an_hour() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let store = open(root).await;
    store.put("log/1", Bytes::from_static(b"x")).await.unwrap();
    let (old, young, other) =
        (root.join("log/.quorate-1-5-0"), root.join(".quorate-9-5-7"), root.join("log/.other"));
    for path in [&old, &young, &other] {
        fs::write(path, "half").unwrap();
    }
    let hours = Duration::from_secs(3 * 3600);
    age(&old, hours);
    age(&other, hours);
    age(&root.join("log/1"), hours);

    let paths = |store: Store| async move {
        store.list("").await.unwrap().into_iter().map(|it| it.path).collect::<Vec<_>>()
    };
    assert_eq!(paths(store).await, ["log/.other", "log/1"]);
    assert_eq!(paths(open(root).await).await, ["log/.other", "log/1"]);
    assert!(!old.exists() && young.exists() && other.exists());
}

#[tokio::test]
async fn writing_leaves_no_temporary_files() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    store.create("a/b", Bytes::from_static(b"x")).await.unwrap();
    store.create("a/b", Bytes::from_static(b"y")).await.unwrap();
    store.put("a/b", Bytes::from_static(b"z")).await.unwrap();
    let names: Vec<_> = fs::read_dir(directory.path().join("a"))
        .unwrap()
        .map(|it| it.unwrap().file_name())
        .collect();
    assert_eq!(names, ["b"]);
}

/// In a container the process id is always 1, so a crashed writer's leftover may have the very name that comes next.
#[tokio::test]
async fn a_leftover_in_the_way_is_stepped_around() {
    let directory = tempfile::tempdir().unwrap();
    let (first, second) = (open(directory.path()).await, open(directory.path()).await);
    let writes = (0..50).map(|n| {
        let store = if n % 2 == 0 { first.clone() } else { second.clone() };
        tokio::spawn(async move { store.put(&format!("x/{n}"), Bytes::from_static(b"x")).await })
    });
    for write in writes.collect::<Vec<_>>() {
        write.await.unwrap().unwrap();
    }
    assert_eq!(first.list("x").await.unwrap().len(), 50);
}

#[tokio::test]
async fn a_file_in_place_of_a_directory_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "x").unwrap();
    let error = Store::open(file.to_str().unwrap()).await.unwrap_err();
    check(error, Operation::Open, Problem::NotADirectory, |error| !error.retryable());
    let store = open(directory.path()).await;
    for path in ["file/a", "file/a/b"] {
        let error = store.create(path, Bytes::new()).await.unwrap_err();
        check(error, Operation::Create, Problem::NotADirectory, |error| !error.retryable());
        assert_eq!(store.get(path).await.unwrap(), None);
    }
    store.put("d/a", Bytes::new()).await.unwrap();
    let error = store.put("d", Bytes::new()).await.unwrap_err();
    check(error, Operation::Put, Problem::IsADirectory, |error| !error.retryable());
    assert_eq!(store.get("d").await.unwrap(), None, "a directory is no object");
}

#[tokio::test]
async fn missing_rights_are_named_and_not_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let locked = directory.path().join("locked");
    fs::create_dir(&locked).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o500)).unwrap();
    if fs::write(locked.join("probe"), "x").is_ok() {
        println!("SKIPPED: this user may write everywhere, so there are no rights to miss");
        return;
    }
    let error = open(directory.path()).await.put("locked/a", Bytes::new()).await.unwrap_err();
    check(error, Operation::Put, Problem::Denied, |error| !error.retryable());
}

/// A file system of 64 kB below `directory`, for as long as this lives.
struct Tiny {
    root: PathBuf,
}

impl Tiny {
    fn mount(directory: &Path) -> Option<Tiny> {
        let root = directory.join("tiny");
        fs::create_dir(&root).unwrap();
        mount(&["-t", "tmpfs", "-o", "size=64k", "tmpfs"], &root).then_some(Tiny { root })
    }
}

impl Drop for Tiny {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.root).status();
    }
}

fn mount(arguments: &[&str], root: &Path) -> bool {
    let mounted = Command::new("mount").args(arguments).arg(root).output();
    mounted.is_ok_and(|output| output.status.success())
}

#[tokio::test]
async fn a_full_disk_can_be_waited_for_and_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let Some(tiny) = Tiny::mount(directory.path()) else {
        println!("SKIPPED: this user may not mount, so no disk can be filled");
        return;
    };
    let store = open(&tiny.root).await;
    let error = store.create("a", vec![1; 1_000_000].into()).await.unwrap_err();
    check(error, Operation::Create, Problem::NoSpace, Error::retryable);
    assert_eq!(fs::read_dir(&tiny.root).unwrap().count(), 0, "nothing is left half written");
    assert_eq!(store.create("a", Bytes::from_static(b"x")).await.unwrap(), Creation::Created);
}

#[tokio::test]
async fn a_read_only_file_system_is_named_and_can_be_read() {
    let directory = tempfile::tempdir().unwrap();
    let Some(tiny) = Tiny::mount(directory.path()) else {
        println!("SKIPPED: this user may not mount, so no file system can be read-only");
        return;
    };
    open(&tiny.root).await.put("a", Bytes::from_static(b"x")).await.unwrap();
    assert!(mount(&["-o", "remount,ro"], &tiny.root));
    let store = open(&tiny.root).await;
    assert_eq!(store.get("a").await.unwrap().unwrap(), "x");
    let error = store.put("b", Bytes::new()).await.unwrap_err();
    check(error, Operation::Put, Problem::ReadOnly, |error| !error.retryable());
    let error = store.delete("a").await.unwrap_err();
    check(error, Operation::Delete, Problem::ReadOnly, |error| !error.retryable());
}

#[tokio::test]
async fn a_store_that_is_only_read_need_not_be_writable_or_exist() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory.path().join("not/yet")).await;
    assert_eq!(store.list("").await.unwrap(), []);
    assert_eq!(store.get("latest").await.unwrap(), None);
    assert!(!directory.path().join("not").exists(), "reading makes nothing");
}
