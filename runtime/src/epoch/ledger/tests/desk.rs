//! An honest store in memory, a script of a dishonest one, and a log to work on.

use std::collections::BTreeMap;

use quorate_schemas::log::{
    Digest, Hex, ObjectName, Owner, PartitionRange, Position, RetainedFile, StagedFile,
};
use quorate_schemas::place::Origin;

use crate::epoch::ledger::{
    Applicant, Ask, Change, Claim, Claimed, Committed, Contest, Fact, Lead, Listed, Operation,
    Reopen, Settled, Terms, Turn, Upgrade,
};

/// An honest store.
#[derive(Clone, Debug, Default)]
pub(super) struct Desk {
    pub(super) objects: BTreeMap<String, Vec<u8>>,
    /// What was asked, in order.
    pub(super) asked: Vec<String>,
}

impl Desk {
    pub(super) fn execute(&mut self, ask: Ask) -> Fact {
        self.asked.push(show(&ask));
        match ask {
            Ask::Create { path, .. } if self.objects.contains_key(&path) => Fact::AlreadyExists,
            Ask::Create { path, bytes } => {
                self.objects.insert(path, bytes);
                Fact::Created
            }
            Ask::Put { path, bytes } => {
                self.objects.insert(path, bytes);
                Fact::Done
            }
            Ask::Read { path } => {
                self.objects.get(&path).map_or(Fact::Absent, |bytes| Fact::Present(bytes.clone()))
            }
            Ask::List { prefix, after } => {
                let after = after.unwrap_or_default();
                let paths =
                    self.objects.keys().filter(|path| path.starts_with(prefix) && **path > after);
                Fact::Listed(paths.map(|path| Listed { path: path.clone(), age_ms: 0 }).collect())
            }
            Ask::Delete { path } => {
                self.objects.remove(&path);
                Fact::Done
            }
            Ask::Wait { .. } => Fact::Waited,
        }
    }

    /// Drives an operation to its end; waiting passes the time.
    pub(super) fn drive<O: Operation>(&mut self, operation: O) -> O::Outcome {
        let (mut operation, mut fact, mut now_ms) = (operation, Fact::Begin, 0);
        loop {
            match operation.next(fact, now_ms) {
                Turn::Done(outcome) => return outcome,
                Turn::Ask(next, ask) => {
                    if let Ask::Wait { ms } = ask {
                        now_ms += ms;
                    }
                    operation = next;
                    fact = self.execute(ask);
                }
            }
        }
    }

    pub(super) fn claim(&mut self, applicant: Applicant) -> (Lead, Committed) {
        match self.drive(Claim::new(applicant, Terms::default())) {
            Claimed::Leading(lead, committed) => (lead, committed),
            Claimed::Not(why) => panic!("{why:?}"),
        }
    }

    pub(super) fn commit(&mut self, lead: Lead, change: Change) -> (Lead, Committed) {
        match self.drive(lead.commit(change, 0).expect("sound").send()) {
            Settled::Committed(lead, committed) => (lead, committed),
            Settled::Fenced(fenced) => panic!("{fenced}"),
        }
    }
}

/// Answers each ask from a script of `(what must be asked, the fact, how long it takes)`.
pub(super) fn play<O: Operation>(operation: O, script: &[(&str, Fact, u64)]) -> O::Outcome {
    let (mut operation, mut fact, mut now_ms) = (operation, Fact::Begin, 0);
    for (expected, answer, takes_ms) in script {
        let Turn::Ask(next, ask) = operation.next(fact, now_ms) else {
            panic!("done before {expected}")
        };
        assert_eq!(show(&ask), *expected);
        (operation, fact, now_ms) = (next, answer.clone(), now_ms + takes_ms);
    }
    match operation.next(fact, now_ms) {
        Turn::Done(outcome) => outcome,
        Turn::Ask(_, ask) => panic!("not done: {ask:?}"),
    }
}

/// An ask in short; numbers of records without their zeros.
pub(super) fn show(ask: &Ask) -> String {
    let short = |path: &str| match ObjectName::parse(path) {
        Some(ObjectName::Log { seq }) => format!("record {seq}"),
        _ => path.to_owned(),
    };
    match ask {
        Ask::Create { path, .. } => format!("create {}", short(path)),
        Ask::Put { path, .. } => format!("put {}", short(path)),
        Ask::Read { path } => format!("read {}", short(path)),
        Ask::List { prefix, after: None } => format!("list {prefix}"),
        Ask::List { prefix, after: Some(after) } => format!("list {prefix} after {}", short(after)),
        Ask::Delete { path } => format!("delete {}", short(path)),
        Ask::Wait { ms } => format!("wait {ms}"),
    }
}

pub(super) fn record_path(seq: u64) -> String {
    ObjectName::Log { seq }.to_string()
}

pub(super) fn owner(host: &str, instance: u128) -> Owner {
    let (user, directory) = ("quorate".to_owned(), "/srv".to_owned());
    Owner { host: host.to_owned(), user, directory, pid: 1, instance: Hex::from_u128(instance) }
}

pub(super) fn applicant(host: &str, instance: u128) -> Applicant {
    Applicant {
        job: "panel".to_owned(),
        fingerprint: Digest::of(b"job"),
        owner: owner(host, instance),
        log_id: Hex::from_u128(instance),
        written_at_ms: 0,
        contest: Contest::AfterSilence,
        upgrade: Upgrade::Refuse,
        reopen: Reopen::No,
    }
}

pub(super) fn origin() -> Origin {
    Origin { source: "votes".to_owned(), partition: "a.jsonl".to_owned() }
}

/// The next checkpoint: ten positions of one partition, a retained file, and a file for each of `tables`.
pub(super) fn change(lead: &Lead, tables: &[&str]) -> Change {
    let (standing, incarnation) = (lead.standing(), lead.incarnation());
    let checkpoint = standing.checkpoint + 1;
    let from = standing.position(&origin()).map_or(0, |position| position.next);
    let file = |table: &&str| StagedFile {
        table: (*table).to_owned(),
        path: format!("tables/{table}/{incarnation}-{checkpoint}-0-0.parquet"),
        rows: 10,
        bytes: 100,
        sha256: Digest::of(table.as_bytes()),
        min_event_time_us: None,
        max_event_time_us: None,
    };
    Change {
        checkpoint,
        ranges: vec![PartitionRange {
            origin: origin(),
            from,
            to: from + 10,
            rows_in: 10,
            on_time: 10,
            late: 0,
            rejected: 0,
        }],
        positions: vec![Position {
            origin: origin(),
            next: from + 10,
            greatest_event_time_us: None,
            idle: false,
            join_watermark_us: None,
            done: false,
            mark: serde_json::Value::Null,
        }],
        files: tables.iter().map(file).collect(),
        retained: vec![retained(incarnation, checkpoint, 10, 0)],
        ..Change::default()
    }
}

pub(super) fn retained(incarnation: u64, checkpoint: u64, rows: u64, buried: u64) -> RetainedFile {
    let path = ObjectName::Retained { incarnation, checkpoint, worker: 0 }.to_string();
    RetainedFile { path, checkpoint, rows, buried, bytes: rows, sha256: Digest::ZERO }
}
