//! The rule of weights against vectors that were made by another implementation of it.

use std::collections::BTreeMap;

use quorate_operators::policy::Policy;
use quorate_operators::reputation::{
    Book, MIN_OTHERS, Pool, chance_micros, prior_micros, transfers, trust_micros,
};
use quorate_schemas::clock::Eras;
use quorate_schemas::id::IdKey;
use quorate_schemas::retained::Shown;
use quorate_schemas::retained::{DomainRecord, Evidence, Retain, RetainedRow};
use quorate_schemas::table::{OutRow, ReputationRow};
use quorate_schemas::time::SECOND;
use serde_json::Value;

const TASK: i64 = 1_000_000;
const QUANTUM_MICROS: i64 = 62_500;

fn vectors(name: &str) -> Vec<Value> {
    let all: Value =
        serde_json::from_str(include_str!("weights.json")).expect("the vectors are JSON");
    let some = all[name].as_array().expect("a list of vectors").clone();
    assert!(!some.is_empty());
    some
}

fn int(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("{value} is not an integer"))
}

fn evidence(value: &Value) -> Evidence {
    Evidence {
        gold_seen: int(&value["gold_seen"]),
        gold_right: int(&value["gold_right"]),
        gold_chance: int(&value["gold_chance"]),
        consensus_seen: int(&value["consensus_seen"]),
        consensus_right: int(&value["consensus_right"]),
        consensus_chance: int(&value["consensus_chance"]),
    }
}

fn pool(value: &Value, prefix: &str) -> Pool {
    let field = |name: &str| int(&value[format!("{prefix}{name}")]);
    Pool { seen: field("seen"), right: field("right"), chance: field("chance") }
}

#[test]
fn weights_are_those_of_the_vectors() {
    for case in vectors("weight") {
        let elsewhere = pool(&case["elsewhere"], "gold_");
        let open = case["transfer_open"].as_bool().expect("a gate is open or not");
        let got =
            Pool::of(&evidence(&case["evidence"]), elsewhere, open, int(&case["trust_millionths"]));
        assert_eq!(got, pool(&case["pool"], ""), "{}", case["name"]);
        assert_eq!(got.weight_micros(), int(&case["weight_micronats"]), "{}", case["name"]);
    }
    assert_eq!(prior_micros(), TASK / 2);
}

#[test]
fn weights_take_their_steps_at_the_odds_of_the_vectors() {
    for case in vectors("quanta") {
        assert_eq!(
            pool(&case, "").weight_micros(),
            int(&case["weight_quanta"]) * QUANTUM_MICROS,
            "{case}"
        );
    }
    // With chance at one half the odds are right / wrong: one short of a step is not a step.
    for (step, odds) in vectors("odds").iter().enumerate() {
        let of_odds = |right: i64| {
            Pool { seen: 2 * (right + TASK), right: 2 * right, chance: right + TASK }
                .weight_micros()
        };
        assert_eq!(of_odds(int(odds)), (step as i64 + 1) * QUANTUM_MICROS, "odds {odds}");
        assert_eq!(of_odds(int(odds) - 1), step as i64 * QUANTUM_MICROS, "below odds {odds}");
    }
}

#[test]
fn trust_and_transfer_are_those_of_the_vectors() {
    for case in vectors("trust") {
        let record = DomainRecord {
            gold_tasks: int(&case["gold_tasks"]),
            gold_hits: int(&case["gold_hits"]),
        };
        assert_eq!(trust_micros(&record), int(&case["trust_millionths"]), "{case}");
    }
    for case in vectors("transfer") {
        let rows = case["rows"].as_array().expect("rows of agents");
        let rows = rows.iter().map(|row| (int(&row[0]), int(&row[1]), int(&row[2]), int(&row[3])));
        assert_eq!(
            transfers(rows),
            case["transfer_open"].as_bool().expect("a gate is open or not"),
            "{case}"
        );
    }
}

/// A book of eras of ten seconds, and what it published.
struct Reader {
    key: IdKey,
    book: Book,
    weights: BTreeMap<(String, String), i64>,
    /// The rows of the last era.
    rows: Vec<ReputationRow>,
    keep: Vec<Retain>,
}

impl Reader {
    fn new() -> Reader {
        let book = Book::new(
            Policy { eras: Eras::of_length(10 * SECOND), ..Policy::default() },
            IdKey::new([5; 16]),
            0,
        );
        let (weights, rows, keep) = (BTreeMap::new(), Vec::new(), Vec::new());
        Reader { key: IdKey::new([5; 16]), book, weights, rows, keep }
    }

    fn show(
        &mut self,
        era: i64,
        domain: &str,
        agent: Option<&str>,
        evidence: Evidence,
        record: DomainRecord,
    ) {
        let (agent, domain) = (agent.map(|agent| self.key.id(agent)), self.key.id(domain));
        self.book.show(Shown { agent, domain, era, evidence, record });
    }

    fn turn(&mut self, era: i64) {
        let turned = self.book.turn(era, &mut self.keep);
        for change in turned.weights {
            let who = (change.agent.name().to_string(), change.domain.name().to_string());
            self.weights.insert(who, change.weight_micros);
        }
        let row = |row| match row {
            OutRow::Reputation(row) => *row,
            other => panic!("not a row of reputation: {other:?}"),
        };
        self.rows = turned.rows.into_iter().map(row).collect();
    }

    fn weight(&self, agent: &str, domain: &str) -> i64 {
        self.weights.get(&(agent.to_owned(), domain.to_owned())).copied().unwrap_or(prior_micros())
    }

    /// How many retained rows of evidence are left.
    fn standing(&self) -> i64 {
        let diff = |change: &Retain| match change {
            Retain::Row(RetainedRow::Standing(_), diff) => *diff,
            _ => 0,
        };
        self.keep.iter().map(diff).sum()
    }
}

#[test]
fn evidence_decays_one_rounded_step_an_era_until_its_row_dies() {
    for case in vectors("decay") {
        let value = int(&case["value"]);
        let lives = int(&case["eras_until_zero"]);
        let seen = Evidence { gold_seen: value, gold_right: value, ..Evidence::default() };
        let mut reader = Reader::new();
        reader.show(0, "d", Some("a"), seen, DomainRecord::default());
        reader.turn(1);
        assert_eq!(reader.standing(), i64::from(value > 0), "{case}");
        reader.turn(1 + lives - i64::from(lives > 0));
        assert_eq!(
            reader.standing(),
            i64::from(value > 0),
            "the last era in which the row of {case} lives"
        );
        reader.turn(1 + lives);
        assert_eq!(reader.standing(), 0, "{case}");

        let mut reader = Reader::new();
        reader.show(0, "d", Some("a"), seen, DomainRecord::default());
        reader.turn(1);
        // A vote that shows nothing, so that there is a row for the era after.
        reader.show(1, "d", Some("a"), Evidence::default(), DomainRecord::default());
        reader.turn(2);
        assert_eq!(reader.rows[0].gold_seen_micros, int(&case["after_one_era"]), "{case}");
    }
}

/// A task of the stream: what was voted, what is known.
struct Task {
    domain: String,
    votes: Vec<(String, String)>,
    gold: Option<String>,
}

impl Task {
    fn of(value: &Value) -> Task {
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let votes = value["votes"].as_array().expect("votes");
        Task {
            domain: text(&value["domain"]),
            votes: votes.iter().map(|vote| (text(&vote[0]), text(&vote[1]))).collect(),
            gold: value["gold"].as_str().map(str::to_owned),
        }
    }

    /// The weight of each label, without the vote of `left_out`.
    fn support(&self, weights: &[i64], left_out: Option<usize>) -> Vec<(i64, &str)> {
        let mut support: BTreeMap<&str, i64> = BTreeMap::new();
        for (at, (_, label)) in self.votes.iter().enumerate() {
            let weight = if left_out == Some(at) { 0 } else { weights[at] };
            *support.entry(label).or_default() += weight;
        }
        let mut ranked: Vec<(i64, &str)> =
            support.into_iter().map(|(label, weight)| (weight, label)).collect();
        ranked.sort_by_key(|(weight, label)| (-weight, *label));
        ranked
    }

    /// Decides the task and shows what that shows; the answer.
    fn close(&self, era: i64, reader: &mut Reader) -> String {
        let mut weights: Vec<i64> =
            self.votes.iter().map(|(agent, _)| reader.weight(agent, &self.domain)).collect();
        if weights.iter().all(|weight| *weight == 0) {
            weights.fill(TASK);
        }
        let support = self.support(&weights, None);
        let answer = support[0].1.to_owned();
        let chance = chance_micros(support.len() as u32);
        let hit = |right: bool| if right { TASK } else { 0 };
        for (at, (agent, label)) in self.votes.iter().enumerate() {
            let others = self.support(&weights, Some(at));
            let decided =
                others[0].0 > 0 && others.get(1).is_none_or(|second| second.0 < others[0].0);
            let mut evidence = Evidence::default();
            if let Some(gold) = &self.gold {
                (evidence.gold_seen, evidence.gold_right, evidence.gold_chance) =
                    (TASK, hit(gold == label), chance);
            } else if self.votes.len() as u32 > MIN_OTHERS && decided {
                evidence.consensus_seen = TASK;
                evidence.consensus_right = hit(others[0].1 == label);
                evidence.consensus_chance = chance;
            }
            reader.show(era, &self.domain, Some(agent), evidence, DomainRecord::default());
        }
        if let Some(gold) = &self.gold {
            let record = DomainRecord { gold_tasks: TASK, gold_hits: hit(*gold == answer) };
            reader.show(era, &self.domain, None, Evidence::default(), record);
        }
        answer
    }
}

#[test]
fn a_stream_of_tasks_is_decided_and_learnt_from_as_in_the_vectors() {
    let all: Value =
        serde_json::from_str(include_str!("weights.json")).expect("the vectors are JSON");
    let stream = &all["stream"];
    let (tasks, answers, eras) = (&stream["tasks"], &stream["answers"], &stream["eras"]);
    let mut reader = Reader::new();
    let mut now = 0;
    for (at, (task, answer)) in tasks
        .as_array()
        .expect("tasks")
        .iter()
        .zip(answers.as_array().expect("answers"))
        .enumerate()
    {
        // Task i closes at second i + 1.
        let era = (at as i64 + 1) / 10;
        if era > now {
            reader.turn(era);
            check_era(&reader, &eras[usize::try_from(era).expect("eras count from 0")]);
            now = era;
        }
        assert_eq!(
            Some(Task::of(task).close(era, &mut reader).as_str()),
            answer.as_str(),
            "task {at}"
        );
    }
    assert_eq!(now, 6, "the stream has seven eras");
}

/// Every weight at the start of an era, and the evidence of the agents that voted in the one before.
fn check_era(reader: &Reader, expected: &Value) {
    for (who, quanta) in expected["weight_quanta"].as_object().expect("weights") {
        let (agent, domain) = who.split_once(' ').expect("an agent and a domain");
        assert_eq!(
            reader.weight(agent, domain),
            int(quanta) * QUANTUM_MICROS,
            "{who} in era {}",
            expected["era"]
        );
    }
    assert!(!reader.rows.is_empty());
    for row in &reader.rows {
        let who = format!("{} {}", row.agent.name(), row.domain.name());
        let expected = &expected["evidence"][&who];
        let seen = [
            row.gold_seen_micros,
            row.gold_right_micros,
            row.consensus_seen_micros,
            row.consensus_right_micros,
        ];
        let nothing = expected.is_null() && seen == [0; 4];
        assert!(
            nothing || seen == [0, 1, 3, 4].map(|at| int(&expected[at])),
            "{who}: {seen:?}, not {expected}"
        );
    }
}
