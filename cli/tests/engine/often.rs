//! A fleet whose job commits and publishes as often as it can: a store has much to do.

use std::path::Path;

use crate::job::{Job, Tables, generate};

/// Many small commits, each published.
pub(crate) const CUT: [(&str, &str); 1] = [(
    "every = \"5s\"",
    "every = \"20ms\"\nepoch = \"2ms\"\nbytes = \"64KiB\"\n\n[publish]\nevery = \"0s\"",
)];

/// The fleet, and the tables that its job comes to.
pub(crate) fn fleet(folder: &Path) -> Tables {
    generate(folder, &["--tasks", "300", "--agents", "20", "--seed", "6"]);
    let whole = Job::variant(folder, "whole", &CUT);
    whole.run(2);
    whole.tables()
}
