//! Text is the same on every machine: no path of one person's disk, no stray blanks, a newline at the end.

use crate::tree::{Source, Tree};
use crate::violation::Violation;

// In two parts each, or this file would find itself.
const HOMES: &[&str] =
    &[concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Us", "ers/"), concat!("/wo", "rk/")];

/// Files written by hand that rustfmt does not format.
const BY_HAND: &[&str] =
    &[".md", ".toml", ".sh", ".py", ".yml", ".yaml", "Makefile", ".ci/run", ".editorconfig"];

pub(crate) fn violations(tree: &Tree) -> Vec<Violation> {
    tree.sources
        .iter()
        .flat_map(|source| machine_paths(source).into_iter().chain(stray_blanks(source)))
        .collect()
}

fn machine_paths(source: &Source) -> Vec<Violation> {
    let lines = source.text.lines().enumerate();
    let found = lines
        .filter_map(|(at, line)| Some((at, HOMES.iter().find(|home| starts_path(line, home))?)));
    let violation = |(at, home): (usize, &&str)| Violation {
        path: source.path.clone(),
        line: at + 1,
        fault: format!("a path below {home} exists on one machine only"),
        remedy: "make it relative, take it from the environment or use a temporary folder",
    };
    found.map(violation).collect()
}

/// Whether `home` is in the line as the start of a path: in `https://host/home/` it is not.
fn starts_path(line: &str, home: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || "_-./}{*$)~".contains(c);
    line.match_indices(home).any(|(at, _)| !line[..at].ends_with(inside))
}

fn stray_blanks(source: &Source) -> Vec<Violation> {
    if !BY_HAND.iter().any(|end| source.path.ends_with(end)) {
        return Vec::new();
    }
    let violation = |line: usize, fault: &str| Violation {
        path: source.path.clone(),
        line,
        fault: fault.into(),
        remedy: "let the editor follow .editorconfig",
    };
    let blank = |line: &str| line.ends_with([' ', '\t', '\r']);
    // Not `lines()`, which takes the `\r` of a foreign line end along.
    let trailing = source.text.split('\n').enumerate().filter(|(_, line)| blank(line));
    let mut found: Vec<Violation> =
        trailing.map(|(at, _)| violation(at + 1, "blanks at the end")).collect();
    let one_newline = source.text.ends_with('\n') && !source.text.ends_with("\n\n");
    if !source.text.is_empty() && !one_newline {
        found.push(violation(source.text.lines().count(), "does not end in one newline"));
    }
    found
}

#[test]
fn paths_of_a_machine_and_stray_blanks_are_found() {
    let check = |path: &str, text: &str, expected: &[usize]| {
        let found = violations(&Tree::planted(&[(path, text)]));
        let lines: Vec<usize> = found.iter().map(|violation| violation.line).collect();
        assert_eq!(lines, expected, "{path} {text}: {found:?}");
    };
    for home in HOMES {
        check("a.rs", &format!("\nlet path = \"{home}x\";"), &[2]);
        check("a.rs", &format!("// https://example.org{home}x and ../a{home}"), &[]);
    }
    check("a.md", "one \ntwo\n", &[1]);
    check("a.md", "one\r\n", &[1]);
    check("a.md", "one\ntwo", &[2]);
    check("a.md", "one\n\n", &[2]);
    check("Makefile", "a:\n\tb\n", &[]);
    check("a.json", "{} ", &[]);
}
