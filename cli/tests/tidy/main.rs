//! Tidy: the rules of the house that no compiler checks, as a test in the project's own language.
//!
//! ```text
//!   checkout ──► Tree (every text file) ────────┐
//!                                               ├──► rules ──► violations: file:line, what, what to do
//!   cargo metadata ──► Vec<Crate> (manifests) ──┘
//! ```
//!
//! 1. A rule is a pure function from what was read to violations, so each is itself tested on a planted one.
//! 2. A violation names its place and its remedy; a rule that can't say what to do is not a rule.
//! 3. No rule depends on the machine: neither on git nor on the network, nor on what was built before.
//!
//! Cost: a few milliseconds per thousand files, and one `cargo metadata --no-deps`.

mod crates;
mod documents;
mod layers;
mod length;
mod lexer;
mod manifests;
mod purity;
mod text;
mod tree;
mod violation;
mod words;

use tree::Tree;
use violation::Violation;

fn check(rule: fn(&Tree) -> Vec<Violation>) {
    fail_on(&rule(&Tree::of_checkout()));
}

fn fail_on(violations: &[Violation]) {
    let lines: Vec<String> = violations.iter().map(ToString::to_string).collect();
    assert!(
        lines.is_empty(),
        "{} violations of the house rules:\n{}",
        lines.len(),
        lines.join("\n")
    );
}

#[test]
fn no_rust_file_is_long_and_most_are_short() {
    check(length::violations);
}

#[test]
fn every_rust_file_says_what_it_is_for() {
    check(documents::undocumented_files);
}

#[test]
fn the_documents_a_newcomer_needs_are_there() {
    fail_on(&documents::missing_documents(&Tree::of_checkout(), &crates::of_workspace()));
}

#[test]
fn nothing_is_left_unfinished() {
    check(words::unfinished);
}

#[test]
fn names_say_what_a_thing_is() {
    check(words::vague_names);
}

#[test]
fn operators_and_the_ledger_are_pure() {
    check(purity::violations);
}

#[test]
fn text_is_clean_and_of_no_machine() {
    check(text::violations);
}

#[test]
fn each_crate_uses_only_the_crates_below_it_and_its_own_foreign_words() {
    fail_on(&layers::violations(&Tree::of_checkout(), &crates::of_workspace()));
}

#[test]
fn every_manifest_inherits_lints_and_versions() {
    fail_on(&manifests::violations(&Tree::of_checkout(), &crates::of_workspace()));
}
