//! Each crate owns one foreign vocabulary and stands on the crates below it: the layout, checked.
//!
//! ```text
//!        cli                      clap, ratatui, rustyline, anyhow
//!         │  ╲
//!         │  server               axum, rmcp
//!         │ ╱  │  ╲
//!      query   │  runtime         datafusion │ timely, differential, tokio
//!         │    │ ╱  │    ╲
//!   connectors─┼    │   dataflows object_store, deltalake, parquet, rdkafka, reqwest
//!         │    │ models  │        candle, tokenizers
//!         │    │    │  operators  timely, differential
//!         ├────┼─ learning ┤
//!         └──── schemas ─┘        arrow
//! ```
//!
//! 1. A foreign word is named by its owners alone, so that replacing a library touches one crate.
//! 2. Arrows point down. A crate that is not in the table has no place yet.
//! 3. Tests are free (dev-dependencies), and so is `bench`: an oracle may use whatever shows the truth.

use crate::crates::Crate;
use crate::tree::Tree;
use crate::violation::Violation;

/// Who may stand on whom.
const LAYERS: &[(&str, &[&str])] = &[
    ("quorate-schemas", &[]),
    ("quorate-learning", &["quorate-schemas"]),
    ("quorate-operators", &["quorate-schemas", "quorate-learning"]),
    ("quorate-dataflows", &["quorate-operators", "quorate-schemas"]),
    ("quorate-connectors", &["quorate-schemas"]),
    ("quorate-models", &["quorate-schemas"]),
    (
        "quorate-runtime",
        &[
            "quorate-schemas",
            "quorate-learning",
            "quorate-operators",
            "quorate-dataflows",
            "quorate-connectors",
            "quorate-models",
        ],
    ),
    ("quorate-query", &["quorate-schemas", "quorate-learning", "quorate-connectors"]),
    ("quorate-server", &["quorate-runtime", "quorate-query"]),
    (
        "quorate",
        &[
            "quorate-schemas",
            "quorate-learning",
            "quorate-operators",
            "quorate-dataflows",
            "quorate-connectors",
            "quorate-models",
            "quorate-runtime",
            "quorate-query",
            "quorate-server",
        ],
    ),
    // What it fuzzes, and nothing that stands on it.
    ("quorate-fuzz", &["quorate-schemas", "quorate-connectors", "quorate-runtime"]),
    // Of tests: what they hold our client against is not ours.
    ("quorate-broker", &[]),
    ("quorate-s3", &[]),
];

/// Who may name a foreign crate, or any whose name begins with it and a hyphen.
const OWNERS: &[(&str, &[&str])] = &[
    ("timely", &["quorate-operators", "quorate-runtime"]),
    ("differential", &["quorate-operators", "quorate-runtime"]),
    ("arrow", &["quorate-schemas", "quorate-connectors", "quorate-query"]),
    // `verify` reads tables by a path of its own, so that it can disagree with the one that wrote them.
    ("parquet", &["quorate-connectors", "quorate-query"]),
    ("object_store", &["quorate-connectors"]),
    ("deltalake", &["quorate-connectors"]),
    ("rdkafka", &["quorate-connectors", "quorate-broker"]),
    ("reqwest", &["quorate-connectors"]),
    ("apache-avro", &["quorate-connectors"]),
    ("prost", &["quorate-connectors"]),
    ("protox", &["quorate-connectors"]),
    ("datafusion", &["quorate-query"]),
    ("candle", &["quorate-models"]),
    ("tokenizers", &["quorate-models"]),
    ("axum", &["quorate-server"]),
    ("rmcp", &["quorate-server"]),
    ("clap", &["quorate"]),
    ("ratatui", &["quorate"]),
    ("rustyline", &["quorate"]),
    ("anyhow", &["quorate"]),
    ("libfuzzer", &["quorate-fuzz"]),
    // Records, operators and dataflows do no I/O and draw no lots.
    (
        "tokio",
        &[
            "quorate-connectors",
            "quorate-runtime",
            "quorate-query",
            "quorate-server",
            "quorate",
            "quorate-s3",
        ],
    ),
    ("s3s", &["quorate-s3"]),
    ("rand", &["quorate-connectors", "quorate-runtime", "quorate"]),
    ("rand_chacha", &["quorate-connectors", "quorate-runtime", "quorate"]),
];

/// Measures everything, so it may name everything.
const EXEMPT: &str = "quorate-bench";

pub(crate) fn violations(tree: &Tree, crates: &[Crate]) -> Vec<Violation> {
    let judged = crates.iter().filter(|judged| judged.name != EXEMPT);
    judged.flat_map(|judged| crate_violations(tree, judged)).collect()
}

fn crate_violations(tree: &Tree, judged: &Crate) -> Vec<Violation> {
    let path = format!("{}/Cargo.toml", judged.folder);
    let Some(below) = allowed(LAYERS, &judged.name) else {
        let fault = format!("the crate {} is in no layer", judged.name);
        let remedy = "give it a row in LAYERS of cli/tests/tidy/layers.rs and in ARCHITECTURE.md";
        return vec![Violation { path, line: 0, fault, remedy }];
    };
    let mut found = Vec::new();
    for dependency in judged.dependencies.iter().filter(|dependency| !dependency.is_dev) {
        let name = dependency.name.as_str();
        let line = line_of(tree, &path, name);
        if is_ours(name) && !below.contains(&name) {
            let fault = format!("{} stands on {name}, which is not below it", judged.name);
            let remedy =
                "move the code to a crate that is above both, or what both need into one below";
            found.push(Violation { path: path.clone(), line, fault, remedy });
        }
        if let Some(owners) =
            owners_of(name).filter(|owners| !owners.contains(&judged.name.as_str()))
        {
            let fault =
                format!("{} names {name}, which belongs to {}", judged.name, owners.join(" and "));
            let remedy = "call through the owner, in our own words";
            found.push(Violation { path: path.clone(), line, fault, remedy });
        }
    }
    found
}

fn is_ours(name: &str) -> bool {
    name == "quorate" || name.starts_with("quorate-")
}

fn allowed(table: &'static [(&str, &[&str])], name: &str) -> Option<&'static [&'static str]> {
    table.iter().find(|(row, _)| *row == name).map(|(_, list)| *list)
}

fn owners_of(name: &str) -> Option<&'static [&'static str]> {
    let family = |word: &str| {
        name.strip_prefix(word).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    OWNERS.iter().find(|(word, _)| family(word)).map(|(_, owners)| *owners)
}

fn line_of(tree: &Tree, manifest: &str, dependency: &str) -> usize {
    let Some(source) = tree.find(manifest) else {
        return 0;
    };
    let names = |line: &str| line.split(['.', '=', ' ']).next() == Some(dependency);
    source.text.lines().position(names).map_or(0, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crates::Dependency;

    fn check(name: &str, dependencies: &[(&str, bool)], expected: &[&str]) {
        let dependency = |&(name, is_dev): &(&str, bool)| Dependency { name: name.into(), is_dev };
        let dependencies = dependencies.iter().map(dependency).collect();
        let tree = Tree::planted(&[("x/Cargo.toml", "[dependencies]\ntimely.workspace = true\n")]);
        let judged = Crate { name: name.into(), folder: "x".into(), dependencies };
        let found = violations(&tree, &[judged]);
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (violation, part) in found.iter().zip(expected) {
            assert!(violation.to_string().contains(part), "{violation} does not say {part}");
        }
    }

    #[test]
    fn a_foreign_word_is_named_by_its_owner_alone() {
        check("quorate-operators", &[("timely", false)], &[]);
        check(
            "quorate-dataflows",
            &[("timely", false)],
            &["x/Cargo.toml:2: quorate-dataflows names timely"],
        );
        check("quorate-runtime", &[("deltalake-core", false)], &["belongs to quorate-connectors"]);
        check(
            "quorate-schemas",
            &[("rand_chacha", false), ("tokio", false)],
            &["rand_chacha", "tokio"],
        );
        check("quorate-schemas", &[("arrowhead", false)], &[]);
    }

    #[test]
    fn crates_stand_on_those_below_them() {
        check("quorate-query", &[("quorate-connectors", false)], &[]);
        check("quorate-connectors", &[("quorate-query", false)], &["not below it"]);
        check("quorate-schemas", &[("quorate", false)], &["not below it"]);
    }

    #[test]
    fn tests_and_benches_are_free_and_strangers_are_not() {
        check("quorate-schemas", &[("timely", true), ("quorate-runtime", true)], &[]);
        check("quorate-bench", &[("timely", false), ("quorate", false)], &[]);
        check("quorate-new", &[], &["in no layer"]);
    }
}
