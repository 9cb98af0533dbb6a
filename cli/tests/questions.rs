//! `quorate query` as it is asked: by an argument, from standard input, and at a terminal.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use tempfile::TempDir;

/// A small fleet that was decided, and its job.
fn decided() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("fleet").display().to_string();
    let job = format!("{out}/job.toml");
    for arguments in [&["generate", &out, "--tasks", "60", "--seed", "3"][..], &["run", &job]] {
        let output = Command::new(env!("CARGO_BIN_EXE_quorate")).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    (folder, job)
}

/// Asks with `input` as standard input: exit code, standard output, standard error.
fn asked(job: &str, more: &[&str], input: &str) -> (i32, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_quorate"))
        .args(["query", "--job", job])
        .args(more)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A question that is an argument leaves its input alone, and may be answered before this.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

#[test]
fn questions_come_from_standard_input() {
    let (_folder, job) = decided();
    let text = "SELECT count(*) > 0 AS some FROM decisions; -- one;\nSELECT ';' AS two";
    let expected = "{\"some\":true}\n{\"two\":\";\"}\n";
    assert_eq!(asked(&job, &["--format", "json"], text), (0, expected.to_owned(), String::new()));
    let (code, said, complaints) = asked(&job, &[], " \n-- nothing\n");
    assert_eq!((code, said.as_str()), (2, ""));
    assert!(complaints.contains("nothing is asked"), "{complaints}");
    // What came before the mistake was answered.
    let (code, said, complaints) =
        asked(&job, &["--format", "csv"], "SELECT 1 AS a; SELECT x FROM vote;");
    assert_eq!((code, said.as_str()), (2, "a\n1\n"));
    assert!(complaints.contains("did you mean \"votes\"?"), "{complaints}");
}

#[test]
fn an_answer_is_drawn_within_the_screen() {
    let (_folder, job) = decided();
    let drawn = |sql: &str| {
        let (code, said, complaints) = asked(&job, &["--chart", sql], "");
        assert_eq!((code, complaints.as_str()), (0, ""), "{said}");
        assert!(said.contains('#') && said.is_ascii(), "{said}");
        assert!(said.lines().all(|line| line.len() <= 80), "{said}");
        said
    };
    let bars = drawn(
        "SELECT state, count(*) AS tasks FROM decisions_current GROUP BY state ORDER BY 2 DESC",
    );
    assert!(bars.contains("decided  #"), "{bars}");
    let columns =
        drawn("SELECT date_trunc('minute', event_time) AS at, count(*) FROM votes GROUP BY 1");
    assert!(columns.lines().count() >= 14 && columns.contains(" 0 +---"), "{columns}");
    let (code, said, complaints) =
        asked(&job, &["--chart", "SELECT task_id, answer FROM decisions"], "");
    assert_eq!((code, said.as_str()), (2, ""));
    assert!(complaints.contains("\"answer\" holds no numbers"), "{complaints}");
}

#[test]
fn a_chart_of_many_rows_is_cut_and_says_so() {
    let (_folder, job) = decided();
    let sql =
        "SELECT task_id, total_weight FROM decisions UNION ALL SELECT agent_id, 1.0 FROM votes";
    let (code, said, complaints) = asked(&job, &["--chart", sql], "");
    assert_eq!((code, said.lines().count()), (0, 50), "{complaints}");
    assert!(complaints.contains("first 50 rows"), "{complaints}");
}

/// So long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// What is typed before the prompt is ready is lost.
const READY: Duration = Duration::from_millis(500);

/// What a terminal of 80 columns shows of a prompt at which lines are typed, each once the words before it are there; none
/// without the program `script`.
fn typed(job: &str, history: &Path, lines: &[(&str, &str)]) -> Option<String> {
    let quorate = env!("CARGO_BIN_EXE_quorate");
    let command = format!("stty cols 80 rows 24; exec '{quorate}' query --job '{job}'");
    let mut child = Command::new("script")
        .args(["-qefc", &command, "/dev/null"])
        .env("QUORATE_HISTORY", history)
        .env("TERM", "xterm")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let (mut keys, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (to, pieces) = sync_channel(1 << 16);
    let reading = std::thread::spawn(move || {
        let mut piece = [0; 4096];
        while let Ok(bytes @ 1..) = screen.read(&mut piece) {
            if to.send(piece[..bytes].to_vec()).is_err() {
                break;
            }
        }
    });
    let mut shown = Vec::new();
    for (words, line) in lines {
        while !String::from_utf8_lossy(&shown).contains(words) {
            let piece = pieces.recv_timeout(PATIENCE);
            let seen = String::from_utf8_lossy(&shown);
            shown.extend(piece.unwrap_or_else(|_| panic!("{words:?} is missing from {seen}")));
        }
        std::thread::sleep(READY);
        keys.write_all(line.as_bytes()).unwrap();
    }
    let status = child.wait().unwrap();
    reading.join().unwrap();
    shown.extend(pieces.try_iter().flatten());
    let shown = String::from_utf8_lossy(&shown).into_owned();
    assert!(status.success(), "{shown}");
    Some(shown)
}

#[test]
fn at_a_terminal_a_mistake_is_told_and_the_next_question_is_answered() {
    if !cfg!(target_os = "linux") {
        return;
    }
    let (folder, job) = decided();
    let history = folder.path().join("state/history");
    let lines = [
        ("quorate> ", "\\d\r"),
        ("votes_current", "SELECT nothing FROM votes;\r"),
        ("there is no column \"nothing\"", "SELECT 40 + 2 AS sum;\r"),
        ("| 42  |", "\\q\r"),
    ];
    let Some(screen) = typed(&job, &history, &lines) else {
        eprintln!("skipped: there is no `script` here");
        return;
    };
    for words in ["decisions_current", "there is no column \"nothing\"", "| 42  |", "1 row, commit"]
    {
        assert!(screen.contains(words), "{words:?} is missing from {screen}");
    }
    let kept = std::fs::read_to_string(history).unwrap();
    assert!(
        kept.contains("SELECT nothing FROM votes;") && kept.contains("SELECT 40 + 2"),
        "{kept}"
    );
}
