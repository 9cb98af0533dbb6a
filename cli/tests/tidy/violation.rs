//! What a rule found: the place, the fault and the remedy.

use std::fmt;

/// One breach of one rule.
#[derive(Debug)]
pub(crate) struct Violation {
    /// Relative to the checkout, with slashes.
    pub(crate) path: String,
    /// From 1; 0 means the file as a whole.
    pub(crate) line: usize,
    /// What is wrong there.
    pub(crate) fault: String,
    /// What to do about it.
    pub(crate) remedy: &'static str,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Violation { path, line, fault, remedy } = self;
        match line {
            0 => write!(f, "{path}: {fault}; {remedy}"),
            line => write!(f, "{path}:{line}: {fault}; {remedy}"),
        }
    }
}

#[test]
fn a_violation_is_printed_as_a_place_that_editors_open() {
    let mut violation = Violation {
        path: "cli/src/main.rs".into(),
        line: 3,
        fault: "too long".into(),
        remedy: "split it",
    };
    assert_eq!(violation.to_string(), "cli/src/main.rs:3: too long; split it");
    violation.line = 0;
    assert_eq!(violation.to_string(), "cli/src/main.rs: too long; split it");
}
