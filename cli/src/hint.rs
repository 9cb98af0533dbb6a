//! What to try next.

use std::fmt::Display;

/// How this program is to be called by its name, where the shell does not find it: as it is when it was only built.
#[expect(
    clippy::disallowed_methods,
    reason = "the program's edge: what a person can type depends on their shell"
)]
pub(crate) fn alias() -> Option<String> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let is_found = std::env::split_paths(&paths).any(|folder| folder.join("quorate").is_file());
    let program = std::env::current_exe().ok().filter(|_| !is_found)?;
    Some(format!("first: alias quorate={}", program.display()))
}

/// A first question to the tables of a job; without SQL in this build, whether they add up.
pub(crate) fn first_question(job_file: impl Display) -> String {
    match cfg!(feature = "sql") {
        true => format!(
            "try: quorate query --job {job_file} \"SELECT task_id, answer, confidence FROM decisions_current LIMIT 5\""
        ),
        false => format!("try: quorate verify --job {job_file}"),
    }
}
