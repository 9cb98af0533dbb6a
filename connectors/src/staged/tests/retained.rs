use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, Int64Array, RecordBatch, StringArray};
use bytes::Bytes;
use proptest::prelude::*;
use quorate_schemas::clock::Clock;
use quorate_schemas::id::{Id, IdKey, Name};
use quorate_schemas::log::Digest;
use quorate_schemas::place::{Origin, Place};
use quorate_schemas::record::{
    Agent, AgentAction, Control, ControlAction, Gold, Number, Placed, Value, Vote,
};
use quorate_schemas::retained::{Retain, RetainedRow};

use super::{provenance, trusted};
use crate::staged::write::{properties, write_one};
use crate::staged::{Burials, add_retained, read_added, read_retained, write_retained};

fn id() -> impl Strategy<Value = Id> {
    (".{0,40}", prop::option::of("[a-z]{1,3}"))
        .prop_map(|(name, version)| IdKey::new([9; 16]).agent(&name, version.as_deref()))
}

fn name() -> impl Strategy<Value = Name> {
    ".{0,30}".prop_map(Name::new)
}

fn placed<T: std::fmt::Debug>(body: impl Strategy<Value = T>) -> impl Strategy<Value = Placed<T>> {
    (body, any::<i64>(), name(), 0..3u8, any::<u64>()).prop_map(
        |(body, event_time, event_id, file, position)| {
            let origin =
                Origin { source: "votes".into(), partition: format!("{file}.jsonl") }.shared();
            Placed { event_time, event_id, place: Place { origin, position }, body }
        },
    )
}

fn value() -> impl Strategy<Value = Value> {
    let number = any::<f64>().prop_filter_map("finite", Number::new);
    prop_oneof![
        Just(Value::Abstain),
        name().prop_map(Value::Choice),
        number.clone().prop_map(Value::Number),
        (name(), name()).prop_map(|ranked| Value::Ranking(Box::new(ranked))),
        (name(), number).prop_map(|scored| Value::Score(Box::new(scored))),
    ]
}

fn row() -> impl Strategy<Value = RetainedRow> {
    let vote = (id(), id(), value()).prop_map(|(task, agent, value)| Vote { task, agent, value });
    let gold = (id(), name()).prop_map(|(task, answer)| Gold { task, answer });
    let order = |action| Control { action, operator: Name::new("op"), reason: Name::new("") };
    let overriding = (id(), name())
        .prop_map(move |(task, answer)| order(ControlAction::Override { task, answer }));
    let quarantine = id().prop_map(move |agent| order(ControlAction::Quarantine { agent }));
    let agent =
        (id(), prop::option::of(name()), any::<Option<u64>>(), prop::collection::vec(name(), 0..3))
            .prop_map(|(agent, family, stake, domains)| Agent {
                agent,
                action: AgentAction::Register,
                operator: None,
                family,
                stake,
                domains,
            });
    prop_oneof![
        any::<i64>().prop_map(|watermark| RetainedRow::Clock(Clock { watermark, ..Clock::START })),
        placed(vote).prop_map(|vote| RetainedRow::Vote(Box::new(vote))),
        placed(gold).prop_map(|row| RetainedRow::Gold(Box::new(row))),
        placed(overriding).prop_map(|row| RetainedRow::Override(Box::new(row))),
        placed(quarantine).prop_map(|row| RetainedRow::Control(Box::new(row))),
        placed(agent).prop_map(|row| RetainedRow::Agent(Box::new(row))),
        (id(), 1..9u32).prop_map(|(task, count)| RetainedRow::Duplicate { task, count }),
        (id(), any::<i64>(), any::<i64>()).prop_map(|(task, closed_at, forget_at)| {
            RetainedRow::Tombstone { task, closed_at, forget_at }
        }),
    ]
}

fn entry() -> impl Strategy<Value = Retain> {
    prop_oneof![
        6 => (row(), any::<i64>()).prop_map(|(row, diff)| Retain::Row(row, diff)),
        1 => name().prop_map(Retain::Bury),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn retained_rows_survive_their_file_in_their_order(entries in prop::collection::vec(entry(), 0..60)) {
        let file = write_retained(&entries, &provenance()).unwrap();
        let read = read_retained(trusted("file", file.bytes.clone())).unwrap();
        // An identity is equal by digest alone, so names are compared by their text.
        prop_assert_eq!(format!("{entries:?}"), format!("{read:?}"));
        prop_assert_eq!(&read, &entries);
        let burials = entries.iter().filter(|entry| matches!(entry, Retain::Bury(_))).count();
        prop_assert_eq!((file.rows, file.burials), (entries.len() as u64, burials as u64));
        prop_assert_eq!(file.sha256, Digest::of(&file.bytes));
    }
}

/// Rows of few groups and of none, so that they meet.
fn small_entry() -> impl Strategy<Value = Retain> {
    let task = || (0..4u8).prop_map(|nr| IdKey::new([9; 16]).id(&format!("t{nr}")));
    let row = prop_oneof![
        (task(), 0..2i64).prop_map(|(task, closed_at)| RetainedRow::Tombstone {
            task,
            closed_at,
            forget_at: 0
        }),
        (0..2i64).prop_map(|watermark| RetainedRow::Clock(Clock { watermark, ..Clock::START })),
    ];
    prop_oneof![
        4 => (row, -2..3i64).prop_map(|(row, diff)| Retain::Row(row, diff)),
        1 => task().prop_map(|task| Retain::Bury(task.name().clone())),
    ]
}

/// What entries hold together, and which groups they bury.
fn added(entries: &[Retain]) -> (BTreeMap<RetainedRow, i64>, BTreeSet<Name>) {
    let (mut rows, mut buried) = (BTreeMap::new(), BTreeSet::new());
    for entry in entries {
        match entry {
            Retain::Row(row, diff) => *rows.entry(row.clone()).or_default() += diff,
            Retain::Bury(name) => {
                rows.retain(|row: &RetainedRow, _| row.group() != Some(name));
                buried.insert(name.clone());
            }
        }
    }
    rows.retain(|_, diff| *diff != 0);
    (rows, buried)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn files_add_up_to_what_their_entries_do(
        files in prop::collection::vec(prop::collection::vec(small_entry(), 0..12), 0..5),
    ) {
        let write = |entries: &Vec<Retain>| write_retained(entries, &provenance()).unwrap().bytes;
        let written = || files.iter().map(|entries| trusted("file", write(entries))).collect();
        let entries: Vec<Retain> = files.iter().flatten().cloned().collect();
        let (rows, buried) = added(&entries);
        let read: BTreeMap<RetainedRow, i64> =
            read_added(written(), None).unwrap().into_iter().collect();
        prop_assert_eq!(&read, &rows);
        // In shares: together they are all, and nothing is in two of them.
        let mut together = BTreeMap::new();
        for share in 0..3 {
            let wanted = |goes_by: &[u8]| goes_by.iter().map(|byte| u64::from(*byte)).sum::<u64>() % 3 == share;
            for (row, times) in read_added(written(), Some(&wanted)).unwrap() {
                prop_assert_eq!(together.insert(row, times), None);
            }
        }
        prop_assert_eq!(&together, &rows);
        for burials in [Burials::Kept, Burials::LeftOut] {
            let one = add_retained(written(), burials, &provenance()).unwrap();
            let kept = match burials {
                Burials::Kept => buried.clone(),
                Burials::LeftOut => BTreeSet::new(),
            };
            let Some(one) = one else {
                prop_assert!(rows.is_empty() && kept.is_empty());
                continue;
            };
            let entries = read_retained(trusted("file", one.bytes)).unwrap();
            prop_assert_eq!((one.rows, one.burials), (entries.len() as u64, kept.len() as u64));
            prop_assert_eq!(added(&entries), (rows.clone(), kept));
        }
    }
}

fn vote(position: u64) -> Retain {
    let key = IdKey::new([1; 16]);
    let origin = Origin { source: "votes".into(), partition: "a.jsonl".into() }.shared();
    let body = Vote { task: key.id("t"), agent: key.id("a"), value: Value::Abstain };
    Retain::Row(
        RetainedRow::Vote(Box::new(Placed {
            event_time: 0,
            event_id: Name::new(""),
            place: Place { origin, position },
            body,
        })),
        1,
    )
}

#[test]
fn more_rows_than_are_read_at_a_time_come_back_in_order() {
    let entries: Vec<Retain> = (0..20_000).map(vote).collect();
    let file = write_retained(&entries, &provenance()).unwrap();
    assert_eq!(read_retained(trusted("file", file.bytes)).unwrap(), entries);
}

/// A file with rows as they are, and one last row with this kind, group and content.
fn forged(kind: &str, group: Option<&str>, row: Option<&[u8]>) -> Bytes {
    let duplicate = RetainedRow::Duplicate { task: IdKey::new([1; 16]).id("t"), count: 1 };
    let good = postcard::to_stdvec(&duplicate).unwrap();
    let columns: [(&str, ArrayRef); 4] = [
        ("kind", Arc::new(StringArray::from(vec!["duplicate", "duplicate", kind]))),
        ("group", Arc::new(StringArray::from(vec![Some("t"), Some("t"), group]))),
        ("row", Arc::new(BinaryArray::from(vec![Some(&good[..]), Some(&good[..]), row]))),
        ("diff", Arc::new(Int64Array::from(vec![1, 1, 1]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    write_one(&batch, properties(provenance().key_values("retained rows")).build()).unwrap().into()
}

#[test]
fn a_damaged_row_is_named() {
    let good = postcard::to_stdvec(&RetainedRow::Duplicate {
        task: IdKey::new([1; 16]).id("t"),
        count: 1,
    })
    .unwrap();
    let bad = [
        forged("duplicate", Some("t"), Some(&good[..good.len() - 1])),
        forged("duplicate", Some("t"), Some(b"\xff\xff\xff\xff\xff")),
        forged("vote", Some("t"), Some(&good)),
        forged("duplicate", Some("u"), Some(&good)),
        forged("duplicate", None, Some(&good)),
        forged("duplicate", Some("t"), None),
        forged("bury", None, None),
    ];
    for bytes in bad {
        let error =
            read_retained(trusted("retained/1-1-0.parquet", bytes)).unwrap_err().to_string();
        assert!(error.contains("retained/1-1-0.parquet: row 2: "), "{error}");
    }
    assert_eq!(
        read_retained(trusted("f", forged("duplicate", Some("t"), Some(&good)))).unwrap().len(),
        3
    );
    assert_eq!(
        read_retained(trusted("f", forged("bury", Some("t"), None))).unwrap()[2],
        Retain::Bury("t".into())
    );
}
