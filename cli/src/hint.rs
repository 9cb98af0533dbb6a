//! What to try next.

use std::fmt::Display;

/// A first question to the tables of a job; without SQL in this build, whether they add up.
pub(crate) fn first_question(job_file: impl Display) -> String {
    match cfg!(feature = "sql") {
        true => format!(
            "try: quorate query --job {job_file} \"SELECT task_id, answer, confidence FROM decisions_current LIMIT 5\""
        ),
        false => format!("try: quorate verify --job {job_file}"),
    }
}
