//! Every manifest inherits: lints, the edition and licence, and each dependency's version are said once.

use crate::crates::Crate;
use crate::tree::Tree;
use crate::violation::Violation;

/// Fields of `[package]` that every crate has in common.
const INHERITED: &[&str] =
    &["version", "edition", "rust-version", "license", "repository", "publish"];

pub(crate) fn violations(tree: &Tree, crates: &[Crate]) -> Vec<Violation> {
    let manifests = crates.iter().map(|member| format!("{}/Cargo.toml", member.folder));
    manifests
        .filter_map(|path| tree.find(&path))
        .flat_map(|source| judge(&source.path, &source.text))
        .collect()
}

fn judge(path: &str, manifest: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut table = "";
    let mut inherits_lints = false;
    for (at, line) in manifest.lines().enumerate() {
        let violation =
            |fault: String, remedy| Violation { path: path.into(), line: at + 1, fault, remedy };
        if line.starts_with('[') {
            table = line.trim_matches(['[', ']']);
        }
        let Some((key, _)) = line.split_once('=') else {
            continue;
        };
        let key = key.trim();
        let inherits = key.ends_with(".workspace") || line.contains("workspace = true");
        inherits_lints |= table == "lints" && inherits;
        if table.ends_with("dependencies") && !inherits {
            let remedy = "put the version in [workspace.dependencies] and inherit it: `name.workspace = true`";
            found.push(violation(format!("{key} has a version of its own"), remedy));
        }
        if table == "package" && INHERITED.contains(&key) {
            let remedy = "inherit it from [workspace.package]: `key.workspace = true`";
            found.push(violation(format!("{key} is said again"), remedy));
        }
    }
    if !inherits_lints {
        let remedy = "add `[lints]` with `workspace = true`: lints are law in every crate";
        let fault = "the workspace's lints are not inherited".into();
        found.push(Violation { path: path.into(), line: 0, fault, remedy });
    }
    found
}

#[test]
fn a_manifest_that_says_something_itself_is_found() {
    let good = "[package]\nname = \"a\"\nversion.workspace = true\n[lints]\nworkspace = true\n\
                [dependencies]\nserde.workspace = true\ndatafusion = { workspace = true, optional = true }\n";
    let check = |manifest: &str, expected: &[&str]| {
        let found: Vec<String> =
            judge("a/Cargo.toml", manifest).iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), expected.len(), "{found:?}");
        assert!(found.iter().zip(expected).all(|(line, part)| line.contains(part)), "{found:?}");
    };
    check(good, &[]);
    check(
        &good.replace("serde.workspace = true", "serde = \"1\""),
        &["a/Cargo.toml:7: serde has a version"],
    );
    check(
        &good.replace("version.workspace = true", "version = \"1\""),
        &["a/Cargo.toml:3: version is said again"],
    );
    check(&good.replace("[lints]", "[other]"), &["lints are not inherited"]);
}
