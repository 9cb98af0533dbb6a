//! What is said about bad job files, word for word: `tests/jobs/*/NAME.toml` and beside it `NAME.txt`.
//!
//! After a wanted change of words: `QUORATE_BLESS=1 cargo test -p quorate-runtime --test job_errors`, then read the diff.

use std::fs;
use std::path::{Path, PathBuf};

use quorate_runtime::job::{Finding, Job, Loaded, Severity};

fn check(folder: &str, expect: impl Fn(&Path, &Result<Loaded, Vec<Finding>>)) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/jobs").join(folder);
    let mut jobs: Vec<PathBuf> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    jobs.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    jobs.sort();
    assert!(!jobs.is_empty(), "{} holds no jobs", folder.display());
    let mut wrong = Vec::new();
    for path in jobs {
        let text = fs::read_to_string(&path).unwrap();
        // Named without its folder, so that the words are the same on every machine.
        let result = Job::parse(&text, Path::new(path.file_name().unwrap()))
            .map_err(|refused| refused.findings);
        expect(&path, &result);
        let findings = match result {
            Ok(loaded) => loaded.warnings,
            Err(findings) => findings,
        };
        let said: String =
            findings.iter().map(|finding| format!("{}\n", finding.in_full())).collect();
        let golden = path.with_extension("txt");
        if bless() {
            fs::write(&golden, &said).unwrap();
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        if said != expected {
            wrong.push(format!("{}\n--- expected\n{expected}--- said\n{said}", golden.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[expect(clippy::disallowed_methods, reason = "a test's own switch, read at its edge")]
fn bless() -> bool {
    std::env::var_os("QUORATE_BLESS").is_some()
}

#[test]
fn every_mistake_is_named_with_its_place_its_reason_and_its_remedy() {
    check("bad", |path, result| {
        let findings = result.as_ref().expect_err(&format!("{} is no job", path.display()));
        for finding in findings.iter().filter(|finding| finding.severity == Severity::Error) {
            assert!(!finding.message.is_empty(), "{}", path.display());
            // The remedy of broken TOML is in its message: what was expected.
            assert!(
                !finding.remedy.is_empty() || finding.key.is_empty(),
                "{}: {finding}",
                path.display()
            );
            assert!(
                finding.at.is_some()
                    || finding.message.starts_with("is missing")
                    || finding.key == "source"
            );
        }
    });
}

#[test]
fn what_may_not_be_meant_is_a_warning_and_the_job_runs() {
    check("doubtful", |path, result| {
        let loaded =
            result.as_ref().unwrap_or_else(|findings| panic!("{}: {findings:?}", path.display()));
        assert!(!loaded.warnings.is_empty(), "{}", path.display());
    });
}

#[test]
fn nothing_in_a_number_reaches_the_terminal_as_a_command() {
    // The TOML parser takes whatever follows an underscore for digits and leaves it to us to read them.
    for number in ["5_0\u{1b}c", "-5_0\u{9b}2J", "5_0\u{7}", "5_0\u{202e}"] {
        let text = format!("name = \"j\"\nworkers = {number}\n");
        let said = Job::parse(&text, Path::new("j.toml")).unwrap_err().to_string();
        assert!(said.contains("workers: "), "{said:?}");
        let hostile = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!said.contains(hostile), "{said:?}");
    }
}

#[test]
fn a_file_that_cannot_be_read_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let says = |path: &Path, expected: &str| {
        let said = Job::load(path).unwrap_err().to_string();
        assert!(said.contains(expected) && said.contains(&path.display().to_string()), "{said}");
    };
    says(&folder.path().join("none.toml"), "quorate generate");
    says(folder.path(), "name the job file in it");
    let path = folder.path().join("job.toml");
    fs::write(&path, b"name = \"a\"\nstore = \"\xff\"").unwrap();
    says(&path, "not text in UTF-8 from line 2 on");
    fs::write(&path, vec![b'#'; (1 << 20) + 1]).unwrap();
    says(&path, "longer than 1 MiB");
    fs::write(&path, "").unwrap();
    says(&path, "name: is missing");
}
