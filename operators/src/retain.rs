//! The bridges from feeds to rows and back: what they hold is durable, or follows from what is.
//!
//! [`retain`] keeps rows until event time has passed their expiry; [`upsert`] takes of the rows of a key the one with
//! the greatest version; [`latch`] lets the answer for a key out once, when no row can change it any more. Together:
//! a feed that is read twice, cut differently or fed back after a restart gives the same answers.
//!
//! Rows leave one clock later than answers are latched, so that an answer is taken before its rows go.

use std::collections::BTreeMap;

use differential_dataflow::{ExchangeData, Hashable};
use quorate_schemas::clock::Clock;
use quorate_schemas::retained::{Retain, RetainedRow};
use quorate_schemas::time::Micros;
use serde::{Deserialize, Serialize};
use timely::dataflow::operators::Concatenate;
use timely::dataflow::operators::vec::{Delay, Map};

use crate::by_epoch::by_epoch;
use crate::decide::ToOutlet;
use crate::rows::{Feed, Rows};

/// How rows of one kind are kept.
pub struct Keeping<D> {
    /// The worker that keeps a row.
    pub route: fn(&D) -> u64,
    /// A row goes when the watermark has passed this time.
    pub expiry: fn(&D) -> Micros,
    /// The form in which it is written.
    pub written: fn(D) -> RetainedRow,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
enum ToRetain<D> {
    Restored(D),
    Row(D),
    Clock(Clock),
}

/// Keeps the rows of `feed`, and those `restored`, until their expiry.
///
/// *State*: the rows whose expiry the watermark has not passed. *Cost*: a row comes once and goes once.
pub fn retain<'s, D: ExchangeData + Ord>(
    feed: Feed<'s, D>,
    restored: Feed<'s, D>,
    clocks: Feed<'s, Clock>,
    keeping: Keeping<D>,
) -> (Rows<'s, D>, Feed<'s, ToOutlet>) {
    let scope = feed.0.scope();
    let here = scope.index() as u64;
    let Keeping { route, expiry, written } = keeping;
    let messages = scope.concatenate([
        restored.0.map(move |row| (route(&row), ToRetain::Restored(row))),
        feed.0.map(move |row| (route(&row), ToRetain::Row(row))),
        clocks.0.map(move |clock| (here, ToRetain::Clock(clock))),
    ]);
    let mut kept: BTreeMap<Micros, Vec<D>> = BTreeMap::new();
    let mut passed = Micros::MIN;
    let (out, changes) = by_epoch(
        "retain",
        messages,
        |(to, _)| *to,
        move |epoch, messages, emitted| {
            let mut now = None;
            for (_, message) in messages {
                let row = match message {
                    ToRetain::Clock(clock) => {
                        now = now.max(Some(clock.watermark));
                        continue;
                    }
                    ToRetain::Restored(row) => row,
                    ToRetain::Row(row) => {
                        emitted.out.push(ToOutlet::Keep(Retain::Row(written(row.clone()), 1)));
                        row
                    }
                };
                emitted.signals.push((row.clone(), epoch, 1));
                kept.entry(expiry(&row)).or_default().push(row);
            }
            let Some(now) = now else { return };
            let staying = kept.split_off(&passed.saturating_add(1));
            for row in std::mem::replace(&mut kept, staying).into_values().flatten() {
                emitted.out.push(ToOutlet::Keep(Retain::Row(written(row.clone()), -1)));
                emitted.signals.push((row, epoch, -1));
            }
            passed = now;
        },
    );
    (Rows::of(changes), Feed(out))
}

/// Of the rows of each key the one with the greatest version; of equal versions the greatest row.
///
/// *State*: the rows. *Cost*: of a change, the versions of its key.
pub fn upsert<'s, D, K, V>(rows: Rows<'s, D>, key: fn(&D) -> K, version: fn(&D) -> V) -> Rows<'s, D>
where
    D: ExchangeData + Ord,
    K: ExchangeData + Hashable + Ord,
    V: ExchangeData + Ord,
{
    let keyed = rows.0.map(move |row| (key(&row), (version(&row), row)));
    let greatest = keyed.reduce(|_, versions, output| {
        if let Some(((_, row), _)) = versions.last() {
            output.push((row.clone(), 1));
        }
    });
    Rows(greatest.map(|(_, row)| row))
}

/// For each key what `summarise` makes of its rows.
///
/// *State*: the rows. *Cost*: of a change, the rows of its key.
pub fn summarise<'s, D, K, S>(
    rows: Rows<'s, D>,
    key: fn(&D) -> K,
    summarise: fn(&K, &[&D]) -> S,
) -> Rows<'s, (K, S)>
where
    D: ExchangeData + Ord,
    K: ExchangeData + Hashable + Ord,
    S: ExchangeData + Ord,
{
    Rows(rows.0.map(move |row| (key(&row), row)).reduce(move |key, rows, output| {
        let rows: Vec<&D> = rows.iter().map(|(row, _)| *row).collect();
        output.push((summarise(key, &rows), 1));
    }))
}

#[derive(Clone, Debug, Serialize, Deserialize)]
enum ToLatch<K, A> {
    Restored(Clock),
    Change((K, A), i64),
    Clock(Clock),
}

/// The answer for each key, once the watermark has reached `until` of it. The first answer stands: what comes later
/// is eviction and is not told.
///
/// *State*: the answers that are not out. *Cost*: an answer's changes, and once its way out.
pub fn latch<'s, K, A>(
    rows: Rows<'s, (K, A)>,
    restored: Feed<'s, Clock>,
    clocks: Feed<'s, Clock>,
    until: fn(&K) -> Micros,
) -> Feed<'s, (K, A)>
where
    K: ExchangeData + Ord,
    A: ExchangeData + Ord,
{
    let scope = clocks.0.scope();
    let here = scope.index() as u64;
    // A batch of changes may be sent ahead of the times of some of them.
    let changes = rows.0.inner.delay(|(_, time, _), _| *time);
    let messages = scope.concatenate([
        restored.0.map(ToLatch::Restored),
        changes.map(|(row, _, diff)| ToLatch::Change(row, diff)),
        clocks.0.map(ToLatch::Clock),
    ]);
    let mut answers: BTreeMap<K, A> = BTreeMap::new();
    let mut told_to = Micros::MIN;
    let (out, _) = by_epoch(
        "latch",
        messages,
        move |_| here,
        move |_, messages, emitted| {
            let (mut now, mut added) = (None, Vec::new());
            for message in messages {
                match message {
                    ToLatch::Restored(clock) => told_to = told_to.max(clock.watermark),
                    ToLatch::Clock(clock) => now = now.max(Some(clock.watermark)),
                    ToLatch::Change(row, 1) => added.push(row),
                    ToLatch::Change((key, answer), _) => {
                        if answers.get(&key) == Some(&answer) {
                            answers.remove(&key);
                        }
                    }
                }
            }
            answers.extend(added.into_iter().filter(|(key, _)| until(key) > told_to));
            let Some(now) = now else { return };
            let (ready, waiting) =
                std::mem::take(&mut answers).into_iter().partition(|(key, _)| until(key) <= now);
            answers = waiting;
            emitted.out.extend::<BTreeMap<K, A>>(ready);
            emitted.signals.extend(std::iter::empty::<()>());
            told_to = told_to.max(now);
        },
    );
    Feed(out)
}
