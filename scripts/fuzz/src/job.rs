//! A job file: a job that is consistent, or findings that point into the text.
//!
//! An input is the file.

use std::path::Path;

use quorate_connectors::decode::Decoder;
use quorate_runtime::job::{At, Finding, Job, Loaded, Severity};
use quorate_schemas::id::IdKey;

/// What one finding may take on a terminal: a few lines, none of them long.
const FINDING_BYTES_MAX: usize = 4096;

/// Any text is a job that the rest of the program can use, or is refused with findings; and every finding, warnings of
/// a good job among them, points to a place in the text and is safe to print.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let findings = match Job::parse(text, Path::new("jobs/fuzzed.toml")) {
        Ok(Loaded { job, warnings }) => {
            usable(&job);
            assert!(warnings.iter().all(|finding| finding.severity == Severity::Warning));
            warnings
        }
        Err(refused) => {
            let says_why = |finding: &Finding| finding.severity == Severity::Error;
            assert!(refused.findings.iter().any(says_why), "refused without a reason");
            refused.findings
        }
    };
    let lines: Vec<&str> = text.split('\n').collect();
    for finding in &findings {
        points_into(&lines, finding);
        printable(finding);
    }
    let places: Vec<At> = findings.iter().filter_map(|finding| finding.at).collect();
    let in_order = places.is_sorted_by_key(|at| (at.line, at.column));
    assert!(in_order, "findings come in the order of the file: {places:?}");
}

/// What a [`Job`] holds is consistent: nobody checks again, so what they would check is checked here.
fn usable(job: &Job) {
    assert!(!job.name.is_empty() && !job.store.is_empty() && !job.sources.is_empty());
    assert!(job.checkpoint.epoch <= job.checkpoint.every);
    assert!(job.limits.rows.reject_bytes_max <= job.limits.rows.line_bytes_max);
    assert_ne!(job.workers, Some(0));
    for source in &job.sources {
        assert!(!source.place().is_empty(), "{} reads nothing", source.name);
        let decoder = Decoder::of(source.format, source.kind, &source.map, IdKey::new([7; 16]));
        assert!(decoder.is_ok(), "{}: {:?}", source.name, decoder.err());
    }
    // A line a key: a value that began a second line could pass for another key.
    let canonical = job.canonical();
    assert!(canonical.lines().all(|line| line.contains(" = ")), "{canonical}");
}

fn points_into(lines: &[&str], finding: &Finding) {
    let Some(At { line, column }) = finding.at else { return };
    let text = line.checked_sub(1).and_then(|line| lines.get(line));
    let text = text.unwrap_or_else(|| panic!("{finding}: there is no line {line}"));
    // One past the last character is where something is missing.
    assert!((1..=text.chars().count() + 1).contains(&column), "{finding}: no column {column}");
}

fn printable(finding: &Finding) {
    let (line, full) = (finding.to_string(), finding.in_full().to_string());
    assert!(!finding.message.is_empty(), "{line}");
    assert!(full.len() <= FINDING_BYTES_MAX, "{} bytes: {line}", full.len());
    let hostile = |c: char| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c);
    assert!(!line.contains(hostile), "{line:?}");
    assert!(!full.contains(|c: char| hostile(c) && c != '\n'), "{full:?}");
}

#[cfg(test)]
mod tests {
    use std::fs;

    use quorate_runtime::job::REFERENCE;

    use super::*;

    #[test]
    fn every_job_of_the_runtimes_tests_holds() {
        check(REFERENCE.as_bytes());
        let mut jobs = 0;
        for folder in ["bad", "doubtful"] {
            let folder =
                Path::new(env!("CARGO_MANIFEST_DIR")).join("../../runtime/tests/jobs").join(folder);
            for entry in fs::read_dir(folder).expect("a folder of jobs") {
                check(&fs::read(entry.expect("an entry").path()).expect("a file"));
                jobs += 1;
            }
        }
        assert!(jobs > 10, "{jobs} jobs");
    }
}
