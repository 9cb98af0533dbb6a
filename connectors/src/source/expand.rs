//! The paths that a pattern names.
//!
//! As in a shell: `*`, `?` and `[a-z]` stay within a name, `**` stands for any directories, and hidden names are left
//! alone unless the pattern shows its dot. What exists is taken as it is written, whatever characters it has. (The
//! crate `glob` walks too, but panics over or passes over names that are not UTF-8; here they are troubles.)

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use glob::Pattern;

use super::trouble::Trouble;

/// How deep `**` looks.
const DEPTH_MAX: usize = 64;

/// The paths that `pattern` names, from `base` on where it is relative: sorted, without directories.
pub(crate) fn expand(base: &Path, pattern: &str, troubles: &mut Vec<Trouble>) -> Vec<PathBuf> {
    let before = troubles.len();
    let whole = base.join(pattern);
    if whole.symlink_metadata().is_ok() {
        if whole.is_dir() {
            troubles.push(Trouble::directory(&whole));
            return Vec::new();
        }
        return vec![whole];
    }
    let start = if pattern.starts_with('/') { Path::new("/") } else { base };
    let mut parts: Vec<&str> =
        pattern.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.last() == Some(&"**") {
        parts.push("*");
    }
    let mut here = vec![start.to_owned()];
    for part in parts {
        let mut next = Vec::new();
        for path in here {
            match part {
                "**" => descend(path, 0, &mut next, troubles),
                _ if path.join(part).symlink_metadata().is_ok() => next.push(path.join(part)),
                _ => match Pattern::new(part) {
                    Ok(part) => names(&path, &part, &mut next, troubles),
                    Err(error) => {
                        troubles.push(Trouble::bad_pattern(&whole, error.msg));
                        return Vec::new();
                    }
                },
            }
        }
        here = next;
    }
    here.retain(|path| !path.is_dir());
    here.sort();
    here.dedup();
    if here.is_empty() && troubles.len() == before {
        troubles.push(Trouble::no_match(&whole));
    }
    here
}

/// The names in a directory that a part of a pattern matches.
fn names(directory: &Path, part: &Pattern, found: &mut Vec<PathBuf>, troubles: &mut Vec<Trouble>) {
    for path in list(directory, troubles) {
        let Some(name) = path.file_name() else { continue };
        let (name, is_text) = (name.to_string_lossy(), name.to_str().is_some());
        if name.starts_with('.') && !part.as_str().starts_with('.') || !part.matches(&name) {
            continue;
        }
        if is_text { found.push(path) } else { troubles.push(Trouble::no_utf8(&path)) }
    }
}

/// A directory and all below it. Links are not followed: they may lead back.
fn descend(
    directory: PathBuf,
    depth: usize,
    found: &mut Vec<PathBuf>,
    troubles: &mut Vec<Trouble>,
) {
    if depth < DEPTH_MAX {
        for path in list(&directory, troubles) {
            let hidden =
                path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if !hidden && path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()) {
                descend(path, depth + 1, found, troubles);
            }
        }
    }
    found.push(directory);
}

/// What lies in a directory; nothing in what is none.
fn list(directory: &Path, troubles: &mut Vec<Trouble>) -> Vec<PathBuf> {
    let listing =
        fs::read_dir(directory).and_then(|listing| listing.map(|item| Ok(item?.path())).collect());
    listing.unwrap_or_else(|error| {
        if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) {
            troubles.push(Trouble::unreadable(directory, &error));
        }
        Vec::new()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a pattern names among some files, below a directory with odd characters.
    fn check(pattern: &str, expected: &[&str]) {
        let root = tempfile::tempdir().unwrap();
        let base = root.path().join("run [2] *");
        for name in ["a.jsonl", "b.jsonl", "b.txt", ".h.jsonl", "v[1].jsonl", "v1.jsonl"] {
            for directory in ["", "x", "x/y", "x/.z", "w [3]"] {
                fs::create_dir_all(base.join(directory)).unwrap();
                fs::write(base.join(directory).join(name), "").unwrap();
            }
        }
        std::os::unix::fs::symlink(&base, base.join("x/loop")).unwrap();
        let mut troubles = Vec::new();
        let found = expand(&base, pattern, &mut troubles);
        let names: Vec<String> = found
            .iter()
            .map(|path| path.strip_prefix(&base).unwrap_or(path).display().to_string())
            .collect();
        assert_eq!(names, expected, "{pattern}");
        assert_eq!(troubles.len(), usize::from(expected.is_empty()), "{pattern}");
    }

    #[test]
    fn a_star_stays_within_a_name_and_passes_over_hidden_ones_and_directories() {
        check("[ab].jsonl", &["a.jsonl", "b.jsonl"]);
        check("b.*", &["b.jsonl", "b.txt"]);
        check("x/?.txt", &["x/b.txt"]);
        check(".*.jsonl", &[".h.jsonl"]);
        check("*a.jsonl", &["a.jsonl"]);
        check("*/a.jsonl", &["w [3]/a.jsonl", "x/a.jsonl"]);
    }

    #[test]
    fn two_stars_are_any_directories_but_hidden_and_linked_ones() {
        check("**/b.txt", &["b.txt", "w [3]/b.txt", "x/b.txt", "x/y/b.txt"]);
        check("x/**/y/../a*", &["x/a.jsonl"].map(|_| "x/y/../a.jsonl"));
        check(
            "x/y/**",
            &["x/y/a.jsonl", "x/y/b.jsonl", "x/y/b.txt", "x/y/v1.jsonl", "x/y/v[1].jsonl"],
        );
    }

    #[test]
    fn what_exists_is_taken_as_it_is_written() {
        check("v[1].jsonl", &["v[1].jsonl"]);
        check("w [3]/v[1].jsonl", &["w [3]/v[1].jsonl"]);
        check("w [3]/v[0-9].*", &["w [3]/v1.jsonl"]);
        check("./a.jsonl", &["a.jsonl"]);
    }

    #[test]
    fn what_names_nothing_is_a_trouble() {
        check("c*", &[]);
        check("a.jsonl/*", &[]);
        check("nowhere/*", &[]);
        check("x", &[]);
        check("a**b", &[]);
        check("[", &[]);
        check("", &[]);
    }
}
