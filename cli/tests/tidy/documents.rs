//! A newcomer finds what they need: the documents at the root, each crate in the map, a purpose in each file.

use crate::crates::Crate;
use crate::lexer::code_of;
use crate::tree::Tree;
use crate::violation::Violation;

const AT_THE_ROOT: &[&str] = &[
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE-APACHE",
    "LICENSE-MIT",
];

/// Lines from the top within which a file's own doc begins: attributes may come first.
const TOP_LINES: usize = 5;

pub(crate) fn missing_documents(tree: &Tree, crates: &[Crate]) -> Vec<Violation> {
    let absent =
        AT_THE_ROOT.iter().filter(|path| tree.find(path).is_none()).map(|path| Violation {
            path: (*path).into(),
            line: 0,
            fault: "is missing".into(),
            remedy: "write it: it is one of the documents that every reader looks for",
        });
    let map = tree.find("ARCHITECTURE.md").map_or("", |source| &source.text);
    let unmapped = crates.iter().filter(|member| !map.contains(&format!("`{}/`", member.folder)));
    let unmapped = unmapped.map(|member| Violation {
        path: "ARCHITECTURE.md".into(),
        line: 0,
        fault: format!("the crate in `{}/` is not on the map", member.folder),
        remedy: "say there what it owns and what it stands on",
    });
    absent.chain(unmapped).collect()
}

/// A file with modules below it says so itself; one with an item of its own may leave it to the item's doc; tests are
/// named by what they show.
pub(crate) fn undocumented_files(tree: &Tree) -> Vec<Violation> {
    let judged = tree.rust().filter(|source| !source.is_test);
    let violation = |path: &str| Violation {
        path: path.into(),
        line: 1,
        fault: "does not say what it is for".into(),
        remedy: "begin with `//!` and its one idea in a sentence",
    };
    judged
        .filter(|source| !says_its_purpose(&source.text))
        .map(|source| violation(&source.path))
        .collect()
}

fn says_its_purpose(text: &str) -> bool {
    let on_top = text.lines().take(TOP_LINES).any(|line| line.starts_with("//!"));
    let is_root = code_of(text).lines().any(|line| {
        let declared =
            line.strip_prefix("pub").map_or(line, |rest| rest.trim_start_matches("(crate)"));
        (declared.trim_start().starts_with("mod ") && line.ends_with(';'))
            || line.starts_with("fn main(")
    });
    on_top || (!is_root && text.lines().any(|line| line.trim_start().starts_with("///")))
}

#[test]
fn a_document_or_a_crate_on_the_map_that_is_missing_is_named() {
    let member = |folder: &str| Crate {
        name: folder.into(),
        folder: folder.into(),
        dependencies: Vec::new(),
    };
    let files: Vec<(&str, &str)> = AT_THE_ROOT.iter().map(|path| (*path, "`cli/`")).collect();
    let found = missing_documents(&Tree::planted(&files), &[member("cli")]);
    assert!(found.is_empty(), "{found:?}");
    let found = missing_documents(&Tree::planted(&files[1..]), &[member("cli"), member("query")]);
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(found[0].path, "README.md");
    assert!(found[1].fault.contains("`query/`"), "{found:?}");
}

#[test]
fn a_file_without_a_purpose_is_found() {
    let check = |path: &str, text: &str, silent: bool| {
        let found = undocumented_files(&Tree::planted(&[(path, text)]));
        assert_eq!(!found.is_empty(), silent, "{path} {text}: {found:?}");
    };
    check("a.rs", "//! Why.\nfn f() {}", false);
    check("a.rs", "#![cfg(unix)]\n\n//! Why.\nmod b;", false);
    check("a.rs", "/// What.\nfn f() {}", false);
    check("a.rs", "// Why.\nfn f() {}", true);
    check("a.rs", "mod b;\n/// What.\nfn f() {}", true);
    check("a.rs", "pub(crate) mod b;\n/// What.\nfn f() {}", true);
    check("a.rs", "/// What.\nfn f() {}\n#[cfg(test)]\nmod tests {\n}", false);
    check("a/tests.rs", "mod b;", false);
    check("a.md", "", false);
}
