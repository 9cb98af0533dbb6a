//! Files stay readable: none is longer than 500 lines, and half of them are far shorter.
//!
//! A long file holds more than one idea; the first to notice is whoever reads it for the first time.

use crate::tree::Tree;
use crate::violation::Violation;

const MOST_LINES: usize = 500;
const MEDIAN_LINES: usize = 200;

pub(crate) fn violations(tree: &Tree) -> Vec<Violation> {
    let lengths: Vec<(&str, usize)> =
        tree.rust().map(|source| (source.path.as_str(), source.text.lines().count())).collect();
    let long = lengths.iter().filter(|(_, lines)| *lines > MOST_LINES).map(|(path, lines)| Violation {
        path: (*path).into(),
        line: MOST_LINES + 1,
        fault: format!("{lines} lines, at most {MOST_LINES} are readable"),
        remedy: "move one of its ideas to a file of its own, or its tests to `tests.rs` beside it",
    });
    long.chain(heavy_median(&lengths)).collect()
}

fn heavy_median(lengths: &[(&str, usize)]) -> Option<Violation> {
    let mut sorted: Vec<_> = lengths.iter().map(|&(path, lines)| (lines, path)).collect();
    sorted.sort_unstable();
    let (median, path) = *sorted.get(sorted.len() / 2)?;
    (median > MEDIAN_LINES).then(|| Violation {
        path: path.into(),
        line: 0,
        fault: format!("the median Rust file has {median} lines, {MEDIAN_LINES} is the aim"),
        remedy: "split the files around this size by idea",
    })
}

#[test]
fn a_file_of_501_lines_is_long_and_one_of_500_is_not() {
    let long = "\n".repeat(MOST_LINES + 1);
    let full = "\n".repeat(MOST_LINES);
    let tree = Tree::planted(&[
        ("a.rs", &long),
        ("b.rs", &full),
        ("c.rs", ""),
        ("d.rs", ""),
        ("e.rs", ""),
    ]);
    let found = violations(&tree);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].path.as_str(), found[0].line), ("a.rs", 501));
}

#[test]
fn many_middling_files_are_too_much_together() {
    let middling = "\n".repeat(MEDIAN_LINES + 1);
    let tree = Tree::planted(&[("a.rs", &middling), ("b.rs", &middling), ("c.rs", "")]);
    let found = violations(&tree);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].fault.contains("median"), "{found:?}");
}
