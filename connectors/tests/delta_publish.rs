//! A commit's files are added exactly once, whatever the store does.

mod delta_fixture;

use delta_fixture::{NOW_MS, TABLE, faulty, fill, newest, provenance, stage, tables, visible};
use quorate_connectors::delta::{
    CHECKPOINT_EVERY, CommitFiles, DeltaTables, Published, live_files,
};
use quorate_connectors::store::{Requests, Store};
use quorate_schemas::log::StagedFile;
use quorate_schemas::table::Table;

/// Publishes commits `1..=commits`, each until it succeeds, through stores that `faults` gives by commit and try; a
/// publisher that failed is thrown away, as one that crashed is.
async fn publish_through(clean: &Store, commits: u64, faults: impl Fn(u64, u64) -> String) -> u64 {
    let (mut failures, mut publisher) = (0, None::<DeltaTables>);
    let mut staged: Vec<(u64, Vec<StagedFile>)> = Vec::new();
    for seq in 1..=commits {
        staged.push((seq, vec![stage(clean, 1, seq, seq * 10..seq * 10 + 10).await]));
        for attempt in 0.. {
            assert!(attempt < 100, "commit {seq} is never published");
            let tables =
                publisher.take().unwrap_or_else(|| tables(&faulty(clean, &faults(seq, attempt))));
            // All commits so far, so that what is there already must be left out.
            let commits: Vec<CommitFiles<'_>> =
                staged.iter().map(|(seq, files)| CommitFiles { seq: *seq, files }).collect();
            match tables.publish(TABLE, &commits, NOW_MS).await {
                Ok(_) => {
                    publisher = Some(tables);
                    break;
                }
                Err(error) => {
                    assert!(error.retryable(), "{error}");
                    failures += 1;
                }
            }
        }
    }
    failures
}

async fn check(clean: &Store, commits: u64, context: &str) {
    assert_eq!(visible(clean).await, (10..commits * 10 + 10).collect::<Vec<_>>(), "{context}");
    assert_eq!(tables(clean).progress(TABLE).await.unwrap(), Some(commits), "{context}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn publishing_again_adds_nothing() {
    let store = Store::memory();
    let first = tables(&store);
    assert_eq!(first.progress(TABLE).await.unwrap(), None);
    fill(&store, &first, 3).await;
    check(&store, 3, "once").await;
    let files = [store.list("tables/anomalies").await.unwrap()[0].clone()];
    let files = [StagedFile {
        table: TABLE.name().into(),
        path: files[0].path.clone(),
        rows: 10,
        bytes: files[0].size,
        sha256: Default::default(),
        min_event_time_us: None,
        max_event_time_us: None,
    }];
    for seq in 1..=3 {
        let commits = [CommitFiles { seq, files: &files }];
        for publisher in [&first, &tables(&store)] {
            assert_eq!(
                publisher.publish(TABLE, &commits, NOW_MS).await.unwrap(),
                Published::Nothing
            );
        }
    }
    check(&store, 3, "again").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_fault_leaves_every_row_there_once() {
    let faults = [
        "create _delta_log: lost first 2",
        "create _delta_log: exists first 2",
        "create _delta_log: late 15ms first 2",
        "create _delta_log: error first 2",
        "create _delta_log: full first 2",
        "create _delta_log: delay 5ms",
        "get _delta_log: error first 9",
        "get _delta_log: lost nth 2",
        "list _delta_log: error first 9",
        "*: lost nth 3; *: error nth 5",
    ];
    for plan in faults {
        let store = Store::memory();
        // Then the store recovers: a plan counts anew with each publisher.
        publish_through(
            &store,
            4,
            |_, attempt| if attempt < 2 { plan.to_owned() } else { String::new() },
        )
        .await;
        // What lands late has landed by then.
        tokio::time::sleep(std::time::Duration::from_millis(60)).await;
        check(&store, 4, plan).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_at_random_and_crashes_in_between_leave_every_row_there_once() {
    let mut failures = 0;
    for seed in 0..30u64 {
        let store = Store::memory();
        let plan = |seq: u64, attempt: u64| {
            let seed = seed * 1_000 + seq * 100 + attempt;
            format!(
                "seed {seed}; create _delta_log: lost 20%; create _delta_log: exists 15%; create _delta_log: late 5ms 15%; \
                 create: error 15%; get: error 5%; list: lost 10%"
            )
        };
        failures += publish_through(&store, 5, plan).await;
        tokio::time::sleep(std::time::Duration::from_millis(30)).await;
        check(&store, 5, &format!("seed {seed}")).await;
    }
    assert!(failures > 10, "the faults were too rare to show anything: {failures}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn publishers_that_race_add_every_row_once() {
    let store = Store::memory();
    let mut commits = Vec::new();
    for seq in 1..=20 {
        commits.push((seq, vec![stage(&store, 1, seq, seq * 10..seq * 10 + 10).await]));
    }
    let commits = std::sync::Arc::new(commits);
    // Three of one log, as when a fenced process has not noticed yet, and one of another log with rows of its own.
    let mut racers = Vec::new();
    for racer in 0..3 {
        let (commits, publisher) = (commits.clone(), tables(&store));
        racers.push(tokio::spawn(async move {
            for (seq, files) in commits.iter().skip(racer) {
                let so_far: Vec<CommitFiles<'_>> = commits
                    .iter()
                    .filter(|(other, _)| other <= seq)
                    .map(|(seq, files)| CommitFiles { seq: *seq, files })
                    .collect();
                assert!(files.len() == 1);
                while let Err(error) = publisher.publish(TABLE, &so_far, NOW_MS).await {
                    assert!(error.retryable(), "{error}");
                }
            }
        }));
    }
    let other = DeltaTables::new(store.clone(), provenance(2));
    for seq in 1..=10 {
        let files = [stage(&store, 2, seq, 1_000 + seq..1_001 + seq).await];
        while let Err(error) =
            other.publish(TABLE, &[CommitFiles { seq, files: &files }], NOW_MS).await
        {
            assert!(error.retryable(), "{error}");
        }
    }
    for racer in racers {
        racer.await.unwrap();
    }
    assert_eq!(visible(&store).await, (10..210).chain(1_001..1_011).collect::<Vec<_>>());
    assert_eq!(tables(&store).progress(TABLE).await.unwrap(), Some(20));
    assert_eq!(
        DeltaTables::new(store.clone(), provenance(2)).progress(TABLE).await.unwrap(),
        Some(10)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_commits_are_published_in_one_version_and_cost_one_request() {
    let store = Store::memory();
    let publisher = tables(&store);
    fill(&store, &publisher, 1).await;
    let (two, three) = (stage(&store, 1, 2, 20..30).await, stage(&store, 1, 3, 30..40).await);
    let (two, three) = ([two], [three]);
    let commits = [CommitFiles { seq: 2, files: &two }, CommitFiles { seq: 3, files: &three }];
    let before = store.requests();
    let published = publisher.publish(TABLE, &commits, NOW_MS).await.unwrap();
    assert_eq!(published, Published::Added { version: 2, files: 2 });
    let after = store.requests();
    let sent_bytes = after.sent_bytes;
    assert_eq!(after, Requests { create: before.create + 1, sent_bytes, ..before });
    check(&store, 3, "two in one").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_publication_makes_all_tables() {
    let store = Store::memory();
    fill(&store, &tables(&store), 1).await;
    for table in Table::ALL {
        assert!(
            store
                .get(&format!("tables/{}/_delta_log/{:020}.json", table.name(), 0))
                .await
                .unwrap()
                .is_some()
        );
        assert_eq!(live_files(&store, table).await.unwrap().len(), usize::from(table == TABLE));
    }
    assert_eq!(live_files(&Store::memory(), TABLE).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_without_new_rows_is_marked_now_and_then() {
    let store = Store::memory();
    let publisher = tables(&store);
    fill(&store, &publisher, 2).await;
    let other = [StagedFile { table: "votes".into(), ..stage(&store, 1, 3, 30..31).await }];
    let mut marks = Vec::new();
    for seq in 3..=600 {
        match publisher.publish(TABLE, &[CommitFiles { seq, files: &other }], NOW_MS).await.unwrap()
        {
            Published::Nothing => {}
            Published::Marked { .. } => marks.push(seq),
            Published::Added { .. } => panic!("the files are of another table"),
        }
    }
    assert_eq!(marks, [258, 514]);
    assert_eq!(tables(&store).progress(TABLE).await.unwrap(), Some(514));
    assert_eq!(visible(&store).await, (10..30).collect::<Vec<_>>());
}

/// Readers and publishers that begin with a checkpoint see what those see that read every version.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_takes_the_place_of_the_versions_before_it() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path().to_str().unwrap()).await.unwrap();
    let commits = CHECKPOINT_EVERY + 3;
    fill(&store, &tables(&store), commits).await;
    check(&store, commits, "with all versions").await;
    let log = format!("tables/{}/_delta_log", TABLE.name());
    let checkpoint = format!("{log}/{CHECKPOINT_EVERY:020}.checkpoint.parquet");
    assert!(store.head(&checkpoint).await.unwrap().is_some());
    assert!(store.head(&format!("{log}/_last_checkpoint")).await.unwrap().is_some());
    for version in 0..CHECKPOINT_EVERY {
        store.delete(&format!("{log}/{version:020}.json")).await.unwrap();
    }
    check(&store, commits, "with a checkpoint").await;
    fill_one_more(&store, commits + 1).await;
    check(&store, commits + 1, "published on it").await;
    assert_eq!(newest(&store).await.0, commits + 1);
}

async fn fill_one_more(store: &Store, seq: u64) {
    let files = [stage(store, 1, seq, seq * 10..seq * 10 + 10).await];
    tables(store).publish(TABLE, &[CommitFiles { seq, files: &files }], NOW_MS).await.unwrap();
}
