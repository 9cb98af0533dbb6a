//! What must be a function of its input names nothing else: no file, no clock, no thread, no float.
//!
//! Operators and dataflows run on every worker and again after a restart; a result that depended on anything but the
//! collections would differ between two runs that must be equal. Floats are out because `(a + b) + c` is not
//! `a + (b + c)`, and the order of a sum is the scheduler's. The ledger's rules are simulated with seeds, which is
//! worth something only as long as time and the store's answers come in as arguments.

use crate::lexer::{before_tests, code_of, identifiers};
use crate::tree::{Source, Tree};
use crate::violation::Violation;

/// Of the standard library, what reaches outside or waits.
const OUTSIDE: &[&str] = &["fs", "net", "thread", "process", "env"];
const CLOCKS: &[&str] = &["Instant", "SystemTime"];
const FLOATS: &[&str] = &["f32", "f64"];

const REMEDY: &str =
    "take it as an argument, or do it in runtime or connectors; numbers are fixed-point integers";

pub(crate) fn violations(tree: &Tree) -> Vec<Violation> {
    tree.rust().filter(|source| !source.is_test).flat_map(judge).collect()
}

fn judge(source: &Source) -> Vec<Violation> {
    let below = |folder: &str| source.path.starts_with(folder);
    let operators = below("operators/src/") || below("dataflows/src/");
    let ledger = below("runtime/src/epoch/ledger");
    if !operators && !ledger {
        return Vec::new();
    }
    let code = code_of(&source.text);
    let lines = before_tests(&code).lines().enumerate();
    let impure = lines.filter_map(|(at, line)| Some((at, impure_word(line, operators, ledger)?)));
    let violation = |(at, word)| Violation {
        path: source.path.clone(),
        line: at + 1,
        fault: format!("`{word}` in code that must depend on its arguments alone"),
        remedy: REMEDY,
    };
    impure.map(violation).collect()
}

fn impure_word(line: &str, operators: bool, ledger: bool) -> Option<&str> {
    let words: Vec<&str> = identifiers(line).collect();
    let reaches = words.iter().find(|word| OUTSIDE.contains(word));
    let outside = reaches.filter(|_| words.contains(&"std"));
    let clock = words.iter().find(|word| CLOCKS.contains(word));
    let float = words.iter().find(|word| operators && FLOATS.contains(word));
    let waits = words.iter().find(|word| ledger && **word == "async");
    outside.or(clock).or(float).or(waits).copied()
}

#[test]
fn what_reaches_outside_is_found_where_it_matters_and_nowhere_else() {
    let check = |path: &str, text: &str, expected: Option<usize>| {
        let found = violations(&Tree::planted(&[(path, text)]));
        assert_eq!(
            found.first().map(|violation| violation.line),
            expected,
            "{path} {text}: {found:?}"
        );
    };
    check("operators/src/tally.rs", "use std::collections::BTreeMap;", None);
    check("operators/src/tally.rs", "// an f64 in prose\nlet x: f64;", Some(2));
    check("operators/src/tally.rs", "#[cfg(test)]\nmod tests { fn f(x: f64) {} }", None);
    check("operators/tests/tally.rs", "let x: f64;", None);
    check("dataflows/src/ticks.rs", "use std::{fs, sync};", Some(1));
    check("dataflows/src/ticks.rs", "fn env() {}", None);
    check("runtime/src/epoch/ledger.rs", "use std::time::Instant;", Some(1));
    check("runtime/src/epoch/ledger/claim.rs", "async fn claim() {}", Some(1));
    check("runtime/src/epoch/ledger/claim.rs", "let share: f64 = 0.5;", None);
    check("runtime/src/clock.rs", "use std::time::Instant;", None);
}
