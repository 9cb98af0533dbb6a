//! What the generated votes say about agents whose truth is known, read from the files alone.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use quorate_connectors::generate::{Fleet, Mix, write_fleet};
use quorate_schemas::time::{Micros, parse_rfc3339};
use serde_json::Value;

/// A fleet's rows by kind.
struct Rows(BTreeMap<&'static str, Vec<Value>>);

const KINDS: [&str; 8] =
    ["agents", "tasks", "votes", "gold", "ticks", "control", "truth", "truth_agents"];

impl Rows {
    fn of(fleet: &Fleet) -> Rows {
        let folder = tempfile::tempdir().unwrap();
        write_fleet(fleet, folder.path(), &mut |_| {}).unwrap();
        Rows(KINDS.map(|kind| (kind, read(folder.path(), kind))).into())
    }

    fn all(&self, kind: &str) -> &[Value] {
        &self.0[kind]
    }

    /// Rows of `kind` by their text in `key`.
    fn by(&self, kind: &str, key: &str) -> BTreeMap<&str, &Value> {
        self.all(kind).iter().map(|row| (text(row, key), row)).collect()
    }

    /// For each behaviour, the share of its votes that are right: on the clique's targets, and on others.
    fn right(&self) -> BTreeMap<(&str, bool), f64> {
        let (truth, agents) = (self.by("truth", "task_id"), self.by("truth_agents", "agent_id"));
        let mut counts: BTreeMap<_, (f64, f64)> = BTreeMap::new();
        for vote in self.all("votes").iter().filter(|vote| !vote["choice"].is_null()) {
            let task = truth[text(vote, "task_id")];
            let behaviour = text(agents[text(vote, "agent_id")], "behaviour");
            let (right, all) = counts.entry((behaviour, !task["target"].is_null())).or_default();
            *right += f64::from(vote["choice"] == task["answer"]);
            *all += 1.0;
        }
        counts.into_iter().map(|(key, (right, all))| (key, right / all)).collect()
    }
}

fn read(folder: &Path, kind: &str) -> Vec<Value> {
    let lines = fs::read_to_string(folder.join(format!("{kind}.jsonl"))).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row[key].as_str().unwrap_or_else(|| panic!("{key} in {row}"))
}

fn time(row: &Value) -> Micros {
    parse_rfc3339(text(row, "event_time")).expect("an event time")
}

/// All behaviours, one fifth of them honest, voting often.
fn mixed() -> Fleet {
    let mix = Mix {
        noisy: 0.2,
        constant: 0.1,
        always_wrong: 0.2,
        colluding: 0.2,
        equivocating: 0.1,
        sleeping: 0.0,
    };
    Fleet { tasks: 4_000, agents: 40, mix, target_share: 0.3, ..Fleet::default() }
}

#[test]
fn each_behaviour_is_right_as_often_as_it_should() {
    let fleet = Fleet { accuracy_min: 0.8, accuracy_max: 0.8, changed_share: 0.0, ..mixed() };
    let rows = Rows::of(&fleet);
    let right = rows.right();
    let check = |behaviour, attacked, expected: f64| {
        let share = right[&(behaviour, attacked)];
        assert!((share - expected).abs() < 0.03, "{behaviour} {attacked}: {share}");
    };
    for attacked in [false, true] {
        check("honest", attacked, 0.8);
        check("noisy", attacked, 0.25);
        check("constant", attacked, 0.25);
        assert_eq!(right[&("always_wrong", attacked)], 0.0);
        // Of two answers that contradict each other, the second is right only if the first is not.
        check("equivocating", attacked, (0.8 + 0.2 / 3.0) / 2.0);
    }
    check("colluding", false, 0.8);
    assert_eq!(right[&("colluding", true)], 0.0);
}

#[test]
fn the_clique_says_one_wrong_label_on_each_target_and_a_constant_agent_always_the_same() {
    let rows = Rows::of(&Fleet { changed_share: 0.0, abstain_share: 0.0, ..mixed() });
    let (truth, agents) = (rows.by("truth", "task_id"), rows.by("truth_agents", "agent_id"));
    let (mut pushed, mut constant) = (0, 0);
    for vote in rows.all("votes") {
        let (task, agent) = (truth[text(vote, "task_id")], agents[text(vote, "agent_id")]);
        assert_ne!(task["target"], task["answer"]);
        match text(agent, "behaviour") {
            "colluding" if !task["target"].is_null() => {
                assert_eq!(vote["choice"], task["target"]);
                pushed += 1;
            }
            "constant" => {
                assert_eq!(vote["choice"], agent["choice"]);
                constant += 1;
            }
            _ => {}
        }
    }
    assert!(pushed > 1_000 && constant > 1_000, "{pushed} {constant}");
}

#[test]
fn an_honest_agent_is_as_accurate_in_each_domain_as_the_truth_says() {
    let fleet = Fleet { changed_share: 0.0, mix: Mix::honest(), tasks: 20_000, ..mixed() };
    let rows = Rows::of(&fleet);
    let (truth, tasks) = (rows.by("truth", "task_id"), rows.by("tasks", "task_id"));
    let mut counts: BTreeMap<(&str, &str), (f64, f64)> = BTreeMap::new();
    for vote in rows.all("votes").iter().filter(|vote| !vote["choice"].is_null()) {
        let domain = text(tasks[text(vote, "task_id")], "domain");
        let (right, all) = counts.entry((text(vote, "agent_id"), domain)).or_default();
        *right += f64::from(vote["choice"] == truth[text(vote, "task_id")]["answer"]);
        *all += 1.0;
    }
    let agents = rows.by("truth_agents", "agent_id");
    assert_eq!(counts.len(), 40 * 4);
    for ((agent, domain), (right, all)) in counts {
        let accuracy = agents[agent]["accuracy"][domain].as_f64().unwrap();
        let deviation = (accuracy * (1.0 - accuracy) / all).sqrt();
        assert!(
            (right / all - accuracy).abs() < 4.5 * deviation,
            "{agent} {domain}: {right}/{all}"
        );
    }
}

#[test]
fn members_of_a_family_err_alike_more_often_than_strangers() {
    let fleet = Fleet {
        mix: Mix::honest(),
        families: 4,
        family_correlation: 0.6,
        accuracy_min: 0.5,
        accuracy_max: 0.5,
        ..mixed()
    };
    let rows = Rows::of(&fleet);
    let (truth, agents) = (rows.by("truth", "task_id"), rows.by("agents", "agent_id"));
    let mut errors: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
    for vote in rows.all("votes").iter().filter(|vote| !vote["choice"].is_null()) {
        let task = text(vote, "task_id");
        if vote["choice"] != truth[task]["answer"] {
            let family = text(agents[text(vote, "agent_id")], "family");
            errors.entry(task).or_default().push((family, text(vote, "choice")));
        }
    }
    let mut alike: BTreeMap<bool, (f64, f64)> = BTreeMap::new();
    for wrong in errors.values() {
        for (at, (family, choice)) in wrong.iter().enumerate() {
            for (other, chosen) in &wrong[..at] {
                let (same, all) = alike.entry(family == other).or_default();
                *same += f64::from(choice == chosen);
                *all += 1.0;
            }
        }
    }
    let share = |family| alike[&family].0 / alike[&family].1;
    // Two that err pick the family's label both with 0.36, else agree by luck.
    assert!((share(true) - (0.36 + 0.64 / 3.0)).abs() < 0.04, "{}", share(true));
    assert!((share(false) - 1.0 / 3.0).abs() < 0.04, "{}", share(false));
}

#[test]
fn every_row_refers_to_what_was_there_by_then() {
    let fleet = Fleet { versions: 3, stake_max: 50, orders: 9, ..mixed() };
    let rows = Rows::of(&fleet);
    let tasks = rows.by("tasks", "task_id");
    let mut registered: BTreeMap<(&str, &str), Micros> = BTreeMap::new();
    for row in rows.all("agents").iter().filter(|row| row["action"] == "register") {
        let known = registered.insert((text(row, "agent_id"), text(row, "version")), time(row));
        assert_eq!(known, None, "{row}");
        assert!((1..=50).contains(&row["stake"].as_u64().unwrap()), "{row}");
    }
    assert_eq!(registered.len(), 40 * 3);
    let is_known = |row: &Value| {
        let agent = (text(row, "agent_id"), text(row, "version"));
        registered.get(&agent).is_some_and(|since| *since <= time(row))
    };
    for row in rows.all("votes") {
        assert!(is_known(row), "{row}");
        let task = tasks[text(row, "task_id")];
        assert!(time(task) <= time(row), "{row}");
        let is_option = task["options"].as_array().unwrap().contains(&row["choice"]);
        assert!(is_option || row["choice"].is_null(), "{row}");
    }
    assert!(rows.all("ticks").iter().all(is_known));
    for row in rows.all("control") {
        match text(row, "action") {
            "override" => assert!(time(tasks[text(row, "task_id")]) <= time(row), "{row}"),
            _ => assert!(is_known(row), "{row}"),
        }
    }
    let versions: Vec<_> = rows.all("votes").iter().map(|row| text(row, "version")).collect();
    assert!(["1", "2", "3"].iter().all(|version| versions.contains(version)));
}

#[test]
fn gold_is_a_share_of_the_truth() {
    let rows = Rows::of(&Fleet { gold_share: 0.1, ..mixed() });
    let truth = rows.by("truth", "task_id");
    for row in rows.all("gold") {
        assert_eq!(row["answer"], truth[text(row, "task_id")]["answer"]);
    }
    assert!((350..450).contains(&rows.all("gold").len()), "{}", rows.all("gold").len());
    let attacked = truth.values().filter(|row| !row["target"].is_null()).count();
    assert!((1_100..1_300).contains(&attacked), "{attacked}");
}
