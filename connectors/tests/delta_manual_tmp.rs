mod delta_fixture;
use delta_fixture::*;
use quorate_connectors::delta::{CommitFiles, MergePolicy};
use quorate_connectors::store::Store;
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn write_for_python() {
    let _ = std::fs::remove_dir_all("/tmp/delta-check");
    let store = Store::open("/tmp/delta-check").await.unwrap();
    let t = tables(&store);
    fill(&store, &t, 1).await;
    let _ = (provenance(1), faulty(&store, "seed 1"), newest(&store).await, visible(&store).await);
    let policy = MergePolicy { target_bytes: 1 << 20, fan_in: 8, most_files: 32 };
    for seq in 2..=450u64 {
        let files = [stage(&store, 1, seq, seq * 10..seq * 10 + 10).await];
        t.publish(TABLE, &[CommitFiles { seq, files: &files }], NOW_MS).await.unwrap();
        if seq % 20 == 0 { t.merge_small(TABLE, &policy, NOW_MS).await.unwrap(); }
        tokio::time::sleep(std::time::Duration::from_millis(40)).await;
    }
    println!("live {}", quorate_connectors::delta::live_files(&store, TABLE).await.unwrap().len());
}
