//! What a store in memory or on a disk is held to beside the conformance suite in `tests/store_conformance.rs`.

use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode};

use super::{Problem, Store};
use crate::error::Error;

#[tokio::test]
async fn requests_are_counted_by_operation_and_per_store() {
    let store = Store::memory();
    store.create("a", Bytes::from_static(b"1234")).await.unwrap();
    store.put("a", Bytes::from_static(b"123")).await.unwrap();
    store.get("a").await.unwrap();
    store.get_range("a", 0..0).await.unwrap_err();
    store.head("a").await.unwrap();
    store.list("").await.unwrap();
    store.delete("a").await.unwrap();
    let requests = store.requests();
    assert_eq!((requests.create, requests.put, requests.get), (1, 1, 2));
    assert_eq!((requests.head, requests.list, requests.delete), (1, 1, 1));
    assert_eq!(requests.total(), 7);
    assert_eq!((requests.sent_bytes, requests.received_bytes), (7, 3));
    assert_eq!((requests.failures.other, requests.failures.total()), (1, 1), "an empty range");
    assert_eq!(store.with_limits(super::Limits::default()).requests().total(), 0);
}

#[tokio::test]
async fn a_bad_path_is_refused_before_any_request() {
    let store = Store::memory();
    for path in ["", "/etc/passwd", "../x", "a//b"] {
        match store.put(path, Bytes::new()).await.unwrap_err() {
            Error::Store { problem: Problem::BadPath, .. } => {}
            other => panic!("{path:?}: {other}"),
        }
    }
    assert_eq!(store.requests().total(), 0);
}

#[tokio::test]
async fn libraries_see_the_same_objects_through_their_interface() {
    let store = Store::memory();
    let view = store.as_object_store();
    let path = |text: &str| Path::parse(text).unwrap();
    view.put(&path("t/a"), "0123456789".into()).await.unwrap();
    assert_eq!(store.get("t/a").await.unwrap().unwrap(), "0123456789");

    let second = view.put_opts(&path("t/a"), "x".into(), PutMode::Create.into()).await;
    assert!(matches!(second, Err(object_store::Error::AlreadyExists { .. })));
    let part = view.get_range(&path("t/a"), 2..5).await.unwrap();
    assert_eq!(part, "234");
    let absent = view.get(&path("t/b")).await;
    assert!(matches!(absent, Err(object_store::Error::NotFound { .. })));
    assert_eq!(view.head(&path("t/a")).await.unwrap().size, 10);

    let mut upload = view.put_multipart(&path("t/d/b")).await.unwrap();
    upload.put_part("ab".into()).await.unwrap();
    upload.put_part("cd".into()).await.unwrap();
    assert_eq!(store.get("t/d/b").await.unwrap(), None, "an upload appears when it is complete");
    upload.complete().await.unwrap();
    assert_eq!(store.get("t/d/b").await.unwrap().unwrap(), "abcd");

    view.copy(&path("t/a"), &path("t/c")).await.unwrap();
    let listed = view.list_with_delimiter(Some(&path("t"))).await.unwrap();
    let objects: Vec<_> = listed.objects.iter().map(|meta| meta.location.to_string()).collect();
    assert_eq!(
        (objects, listed.common_prefixes),
        (vec!["t/a".into(), "t/c".to_owned()], vec![path("t/d")])
    );
    view.delete(&path("t/a")).await.unwrap();
    assert_eq!(store.list("").await.unwrap().len(), 2);
}
