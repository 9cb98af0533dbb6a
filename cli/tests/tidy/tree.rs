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
}

impl Source {
    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// `tests.rs`, `foo_tests.rs` and everything below a folder `tests` or `benches`.
    pub(crate) fn is_test(&self) -> bool {
        let below = |folder: &str| self.path.split('/').any(|part| part == folder);
        self.path.ends_with("tests.rs") || below("tests") || below("benches")
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
        Tree::read(&checkout())
    }

    /// A tree made up for a test of a rule: pairs of path and text.
    pub(crate) fn planted(files: &[(&str, &str)]) -> Tree {
        let source = |&(path, text): &(&str, &str)| Source { path: path.into(), text: text.into() };
        Tree { sources: files.iter().map(source).collect() }
    }

    pub(crate) fn rust(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter().filter(|source| source.is_rust())
    }

    pub(crate) fn find(&self, path: &str) -> Option<&Source> {
        self.sources.iter().find(|source| source.path == path)
    }

    fn read(root: &Path) -> Tree {
        let ignored = ignored_folders(root);
        let mut sources = Vec::new();
        let mut open = vec![root.to_path_buf()];
        while let Some(folder) = open.pop() {
            let entries = fs::read_dir(&folder).expect("a folder of the checkout can be listed");
            for entry in entries {
                let entry = entry.expect("a folder of the checkout can be listed");
                let path = relative(root, &entry.path());
                // Links are not followed: what they point to is either here anyway or not ours.
                let kind = entry.file_type().expect("an entry has a type");
                if ignored.contains(&path) || is_private(&entry.file_name().to_string_lossy()) {
                    continue;
                }
                if kind.is_dir() {
                    open.push(entry.path());
                } else if kind.is_file() {
                    // A file that is not UTF-8, or that went away meanwhile, has no lines to judge.
                    let text = fs::read_to_string(entry.path());
                    sources.extend(text.ok().map(|text| Source { path, text }));
                }
            }
        }
        sources.sort_by(|a, b| a.path.cmp(&b.path));
        Tree { sources }
    }
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
fn the_tree_holds_sources_and_nothing_that_was_built() {
    let tree = Tree::of_checkout();
    assert!(tree.find("cli/tests/tidy/tree.rs").is_some());
    assert!(tree.find("Cargo.toml").is_some());
    assert!(tree.find(".ci/run").is_some());
    assert!(tree.sources.iter().all(|source| !source.path.starts_with(".git/")));
    assert!(tree.sources.iter().all(|source| !source.path.starts_with("target/")));
}
