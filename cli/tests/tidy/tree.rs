//! The checkout's text files, read once. What `.gitignore` names is not part of it, nor what begins with a dot and is
//! not known to be shared: a rule must not fail over somebody's editor.

use std::fs;
use std::path::{Path, PathBuf};

/// What begins with a dot and is the project's all the same.
const SHARED_DOT_NAMES: &[&str] =
    &[".cargo", ".ci", ".config", ".dockerignore", ".editorconfig", ".github", ".gitignore"];

/// A text file of the checkout.
pub(crate) struct Source {
    /// Relative to the checkout, with slashes.
    pub(crate) path: String,
    pub(crate) text: String,
    /// Compiled for tests alone: `tests.rs`, what is below a folder `tests` or `benches`, and every module that is
    /// declared under `#[cfg(test)]`.
    pub(crate) is_test: bool,
}

impl Source {
    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// The last part of the path.
    pub(crate) fn file_name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}

/// All of them, sorted by path so that a report reads the same everywhere.
pub(crate) struct Tree {
    pub(crate) sources: Vec<Source>,
}

impl Tree {
    /// Reads the checkout that this test was compiled from.
    pub(crate) fn of_checkout() -> Tree {
        Tree::of(read(&checkout()))
    }

    /// A tree made up for a test of a rule: pairs of path and text.
    pub(crate) fn planted(files: &[(&str, &str)]) -> Tree {
        Tree::of(files.iter().map(|&(path, text)| (path.into(), text.into())).collect())
    }

    fn of(mut files: Vec<(String, String)>) -> Tree {
        files.sort();
        let declared: Vec<String> =
            files.iter().flat_map(|(path, text)| test_modules(path, text)).collect();
        let source = |(path, text): (String, String)| {
            let is_test = is_test(&path, &declared);
            Source { path, text, is_test }
        };
        Tree { sources: files.into_iter().map(source).collect() }
    }

    pub(crate) fn rust(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter().filter(|source| source.is_rust())
    }

    pub(crate) fn find(&self, path: &str) -> Option<&Source> {
        self.sources.iter().find(|source| source.path == path)
    }
}

/// Paths and texts below `root`.
fn read(root: &Path) -> Vec<(String, String)> {
    let ignored = ignored_folders(root);
    let mut files = Vec::new();
    let mut open = vec![root.to_path_buf()];
    while let Some(folder) = open.pop() {
        let entries = fs::read_dir(&folder).expect("a folder of the checkout can be listed");
        for entry in entries {
            let entry = entry.expect("a folder of the checkout can be listed");
            let path = relative(root, &entry.path());
            if ignored.contains(&path) || is_private(&entry.file_name().to_string_lossy()) {
                continue;
            }
            // Links are not followed: what they point to is either here anyway or not ours.
            let kind = entry.file_type().expect("an entry has a type");
            if kind.is_dir() {
                open.push(entry.path());
            } else if kind.is_file() {
                // A file that is not UTF-8, or that went away meanwhile, has no lines to judge.
                files.extend(fs::read_to_string(entry.path()).ok().map(|text| (path, text)));
            }
        }
    }
    files
}

fn is_test(path: &str, declared: &[String]) -> bool {
    let module = path.trim_end_matches(".rs");
    let below = |test: &String| module.strip_prefix(test.as_str()).is_some_and(is_end_of_part);
    path.split('/').any(|part| ["tests", "benches", "tests.rs"].contains(&part))
        || path.ends_with("_tests.rs")
        || declared.iter().any(below)
}

fn is_end_of_part(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('/')
}

/// The modules that a file declares for tests alone, as paths without `.rs`.
fn test_modules(path: &str, text: &str) -> Vec<String> {
    let own = path.trim_end_matches(".rs");
    let folder =
        ["/lib", "/main", "/mod"].iter().find_map(|root| own.strip_suffix(root)).unwrap_or(own);
    let pairs = text.lines().zip(text.lines().skip(1)).map(|(a, b)| (a.trim(), b.trim()));
    let guarded = pairs.filter(|(attribute, _)| *attribute == "#[cfg(test)]").map(|(_, item)| item);
    let name = |item: &str| {
        let (_, declared) = item.rsplit_once("mod ").filter(|(before, _)| !before.contains('"'))?;
        declared.strip_suffix(';').map(str::to_owned)
    };
    guarded.filter_map(name).map(|name| format!("{folder}/{name}")).collect()
}

/// The workspace's root: the parent of this crate's folder.
pub(crate) fn checkout() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("the crate is in the workspace's root").to_path_buf()
}

/// Of editors, of git and of whoever works here.
fn is_private(name: &str) -> bool {
    name.starts_with('.') && !SHARED_DOT_NAMES.contains(&name)
}

fn ignored_folders(root: &Path) -> Vec<String> {
    let rules = fs::read_to_string(root.join(".gitignore")).unwrap_or_default();
    let anchored = rules.lines().filter_map(|line| line.trim().strip_prefix('/'));
    let mut folders: Vec<String> =
        anchored.map(|folder| folder.trim_end_matches('/').into()).collect();
    folders.push("target".into());
    folders
}

fn relative(root: &Path, path: &Path) -> String {
    let inside = path.strip_prefix(root).expect("found below the root");
    inside.to_string_lossy().replace('\\', "/")
}

#[test]
fn a_module_declared_for_tests_is_one_with_all_below_it() {
    let declaring = "mod c;\n#[cfg(test)]\nmod d;\n#[cfg(test)]\npub(crate) mod e;\n";
    let paths =
        ["a/b.rs", "a/b/c.rs", "a/b/d.rs", "a/b/d/x.rs", "a/b/e.rs", "a/b/ex.rs", "a/tests.rs"];
    let only_first = |at: usize| if at == 0 { declaring } else { "" };
    let files: Vec<_> =
        paths.iter().enumerate().map(|(at, path)| (*path, only_first(at))).collect();
    let tests: Vec<bool> =
        Tree::planted(&files).sources.iter().map(|source| source.is_test).collect();
    assert_eq!(tests, [false, false, true, true, true, false, true]);
    let root =
        Tree::planted(&[("a/src/lib.rs", declaring), ("a/src/d.rs", ""), ("a/src/lib/d.rs", "")]);
    let tests: Vec<bool> = root.sources.iter().map(|source| source.is_test).collect();
    assert_eq!(tests, [true, false, false]);
}

#[test]
fn the_tree_holds_sources_and_nothing_that_was_built() {
    let tree = Tree::of_checkout();
    assert!(tree.find("cli/tests/tidy/tree.rs").is_some());
    assert!(tree.find("Cargo.toml").is_some());
    assert!(tree.find(".ci/run").is_some());
    assert!(tree.sources.iter().all(|source| !source.path.starts_with(".git/")));
    assert!(tree.sources.iter().all(|source| !source.path.starts_with("target/")));
}
