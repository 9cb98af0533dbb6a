//! What every store must do, asked of each of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use object_store::memory::InMemory;
use object_store::prefix::PrefixStore;
use quorate_connectors::store::{Creation, Listed, Store};
use quorate_s3::{BUCKET, Plan, Server};

fn bytes(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

async fn paths(store: &Store, prefix: &str) -> Vec<String> {
    store.list(prefix).await.unwrap().into_iter().map(|listed| listed.path).collect()
}

/// The whole suite, on an empty store.
async fn check(store: Store) {
    absence_is_an_answer(&store).await;
    a_creation_never_overwrites(&store).await;
    a_write_replaces_the_whole_object(&store).await;
    parts_of_an_object_can_be_read(&store).await;
    listings_are_complete_and_sorted(&store).await;
    a_listing_can_begin_after_a_path(&store).await;
    one_of_many_creators_wins(&store).await;
    large_and_empty_objects_are_objects(&store).await;
    store.check_conditional_create().await.unwrap();
    assert_eq!(paths(&store, "probe").await, [""; 0], "the probe cleans up");
}

async fn absence_is_an_answer(store: &Store) {
    assert_eq!(store.get("absent").await.unwrap(), None);
    assert_eq!(store.get("absent/too").await.unwrap(), None);
    assert_eq!(store.get_range("absent", 0..1).await.unwrap(), None);
    assert_eq!(store.head("absent").await.unwrap(), None);
    assert_eq!(store.list("absent").await.unwrap(), []);
    assert_eq!(store.list("").await.unwrap(), []);
    store.delete("absent").await.unwrap();
}

async fn a_creation_never_overwrites(store: &Store) {
    assert_eq!(store.create("log/1", bytes("one")).await.unwrap(), Creation::Created);
    assert_eq!(store.create("log/1", bytes("two")).await.unwrap(), Creation::Exists);
    assert_eq!(store.get("log/1").await.unwrap().unwrap(), "one");
    store.delete("log/1").await.unwrap();
    assert_eq!(store.create("log/1", bytes("two")).await.unwrap(), Creation::Created);
    assert_eq!(store.get("log/1").await.unwrap().unwrap(), "two");
    store.delete("log/1").await.unwrap();
}

async fn a_write_replaces_the_whole_object(store: &Store) {
    store.put("latest", bytes("a longer text")).await.unwrap();
    store.put("latest", bytes("short")).await.unwrap();
    assert_eq!(store.get("latest").await.unwrap().unwrap(), "short");
    let listed = store.head("latest").await.unwrap().unwrap();
    assert_eq!((listed.path.as_str(), listed.size), ("latest", 5));
    // 2020 to 2100: milliseconds and no other unit.
    assert!(
        (1_577_836_800_000..4_102_444_800_000).contains(&listed.modified_ms),
        "{}",
        listed.modified_ms
    );
    store.delete("latest").await.unwrap();
}

async fn parts_of_an_object_can_be_read(store: &Store) {
    store.put("parts", bytes("0123456789")).await.unwrap();
    assert_eq!(store.get_range("parts", 0..3).await.unwrap().unwrap(), "012");
    assert_eq!(store.get_range("parts", 7..10).await.unwrap().unwrap(), "789");
    assert_eq!(store.get_range("parts", 8..100).await.unwrap().unwrap(), "89", "cut at the end");
    assert!(store.get_range("parts", 10..11).await.is_err(), "begins beyond the object");
    store.delete("parts").await.unwrap();
}

async fn listings_are_complete_and_sorted(store: &Store) {
    let all = [
        "tables/v/a.parquet",
        "tables/v/_delta_log/0.json",
        "tables/vx/a",
        "log/2",
        "log/10",
        "log/1",
        "tables/v-b",
    ];
    for path in all {
        store.put(path, bytes("x")).await.unwrap();
    }
    assert_eq!(
        paths(store, "tables/v").await,
        ["tables/v/_delta_log/0.json", "tables/v/a.parquet"]
    );
    assert_eq!(paths(store, "log").await, ["log/1", "log/10", "log/2"]);
    assert_eq!(paths(store, "log/").await, ["log/1", "log/10", "log/2"]);
    assert_eq!(
        paths(store, "lo").await,
        [""; 0],
        "a prefix is a directory and not a part of a name"
    );
    let whole = paths(store, "").await;
    assert!(whole.is_sorted(), "{whole:?}");
    assert_eq!(whole.iter().map(String::as_str).collect::<BTreeSet<_>>(), BTreeSet::from(all));
    let sizes: u64 = store.list("").await.unwrap().iter().map(|listed| listed.size).sum();
    assert_eq!(sizes, all.len() as u64);
    for path in all {
        store.delete(path).await.unwrap();
    }
    assert_eq!(paths(store, "").await, [""; 0]);
}

async fn a_listing_can_begin_after_a_path(store: &Store) {
    for path in ["log/1", "log/2", "log/3", "m/1"] {
        store.put(path, bytes("x")).await.unwrap();
    }
    let after = async |after| {
        let listed: Vec<Listed> = store.list_after("log", after).await.unwrap();
        listed.into_iter().map(|listed| listed.path).collect::<Vec<_>>()
    };
    assert_eq!(after("log/1").await, ["log/2", "log/3"]);
    assert_eq!(after("log/15").await, ["log/2", "log/3"]);
    assert_eq!(after("log/3").await, [""; 0]);
    assert_eq!(after("a").await, ["log/1", "log/2", "log/3"]);
    for path in ["log/1", "log/2", "log/3", "m/1"] {
        store.delete(path).await.unwrap();
    }
}

async fn one_of_many_creators_wins(store: &Store) {
    for round in 0..20 {
        let path = format!("race/deep/{round}");
        let creators = (0..8u8).map(|creator| {
            let (store, path) = (store.clone(), path.clone());
            tokio::spawn(async move {
                (creator, store.create(&path, vec![creator; 1000].into()).await.unwrap())
            })
        });
        let mut winners = Vec::new();
        for creator in creators.collect::<Vec<_>>() {
            match creator.await.unwrap() {
                (creator, Creation::Created) => winners.push(creator),
                (_, Creation::Exists) => {}
                (_, Creation::Unknown) => panic!("this store always knows"),
            }
        }
        assert_eq!(winners.len(), 1, "round {round}");
        assert_eq!(store.get(&path).await.unwrap().unwrap(), vec![winners[0]; 1000]);
        store.delete(&path).await.unwrap();
    }
}

async fn large_and_empty_objects_are_objects(store: &Store) {
    // The second one goes in parts, where a store has such: two whole ones and a rest.
    for bytes in [3_000_000u32, 17_000_001] {
        let large = Bytes::from((0..bytes).map(|n| (n % 251) as u8).collect::<Vec<_>>());
        store.put("large", large.clone()).await.unwrap();
        assert!(store.get("large").await.unwrap().unwrap() == large, "{bytes} bytes");
        assert_eq!(store.head("large").await.unwrap().unwrap().size, u64::from(bytes));
    }
    store.put("empty", Bytes::new()).await.unwrap();
    assert_eq!(store.get("empty").await.unwrap().unwrap(), "");
    assert_eq!(store.head("empty").await.unwrap().unwrap().size, 0);
    for path in ["large", "empty"] {
        store.delete(path).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_conforms() {
    check(Store::memory()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn local_conforms() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("made/when/needed");
    check(Store::open(root.to_str().unwrap()).await.unwrap()).await;
    let url = url::Url::from_directory_path(directory.path().join("by url")).unwrap();
    check(Store::open(url.as_str()).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn object_conforms() {
    check(Store::over_object_store("in memory", Arc::new(InMemory::new()))).await;
    let below = PrefixStore::new(InMemory::new(), "some/prefix");
    check(Store::over_object_store("below a prefix", Arc::new(below))).await;
}

/// Over real HTTP, with keys that are checked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s3_conforms() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path(), Plan::default()).unwrap();
    for location in [format!("s3://{BUCKET}"), format!("s3://{BUCKET}/some/prefix")] {
        check(Store::open_with(&location, &server.environment()).await.unwrap()).await;
    }
}

/// Planned faults that never fire change nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_without_faults_conforms() {
    use quorate_connectors::store::faults::FaultPlan;
    check(Store::memory().with_faults(FaultPlan::parse("* nowhere: error").unwrap())).await;
}
