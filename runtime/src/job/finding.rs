//! What is wrong with a job file: where, which key, why, and what to write instead.
//!
//! ```text
//! error: panel.toml:12:10: consensus.quorum: "3/2" is not a share between 0 and 1
//!   12 | quorum = "3/2"
//!      |          ^^^^^
//!   write a ratio such as "2/3" or a decimal such as "0.5"
//! ```

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The job runs, but perhaps not as meant.
    Warning,
    /// The job cannot run.
    Error,
}

/// A place in a file, counted from one; columns are characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// One mistake, or one thing to think about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The job file.
    pub file: PathBuf,
    /// Where in it; `None` where the whole file is meant.
    pub at: Option<At>,
    /// The key, with its sections: `consensus.quorum`. Empty where no key is meant.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub remedy: String,
    excerpt: Option<Excerpt>,
}

/// The line a finding points at.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Excerpt {
    line: String,
    before: usize,
    width: usize,
}

/// The longest line that is shown.
const LINE_CHARS: usize = 120;

impl Finding {
    /// An error of the file as a whole.
    pub(super) fn of_file(
        file: &Path,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Finding {
        Finding {
            severity: Severity::Error,
            file: file.to_path_buf(),
            at: None,
            key: String::new(),
            message: message.into(),
            remedy: remedy.into(),
            excerpt: None,
        }
    }

    /// The same of a key.
    pub(super) fn about(self, severity: Severity, key: &str) -> Finding {
        Finding { severity, key: key.to_owned(), ..self }
    }

    /// Stands for the file's first place, and shows nothing of it.
    pub(super) fn at_the_top(self) -> Finding {
        Finding { at: Some(At { line: 1, column: 1 }), ..self }
    }

    /// Points at `span` of `text`.
    pub(super) fn at(mut self, text: &str, span: &Range<usize>) -> Finding {
        let start = text.floor_char_boundary(span.start.min(text.len()));
        let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
        let end = text.floor_char_boundary(span.end.clamp(start, line_end));
        let before = text[line_start..start].chars().count();
        self.at =
            Some(At { line: text[..line_start].matches('\n').count() + 1, column: before + 1 });
        let line = &text[line_start..line_end];
        // Beyond what is shown there is nothing to underline; and what may stand in such a line is not shown at all.
        if before < LINE_CHARS && !may_tell(line) {
            let line = line.trim_end().chars().take(LINE_CHARS).map(printable).collect();
            let width = text[start..end].chars().count().clamp(1, LINE_CHARS - before);
            self.excerpt = Some(Excerpt { line, before, width });
        }
        self
    }

    /// The finding with the line that it points at and its remedy, over several lines.
    pub fn in_full(&self) -> impl fmt::Display + '_ {
        InFull(self)
    }
}

/// Whether a secret may stand in a line: messages go to terminals, logs and reports.
fn may_tell(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    ["password", "secret"].iter().any(|word| line.contains(word))
}

/// One line, for logs: `file:line:column: key: message; remedy`.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Head(self))?;
        if self.remedy.is_empty() { Ok(()) } else { write!(f, "; {}", self.remedy) }
    }
}

struct Head<'a>(&'a Finding);

impl fmt::Display for Head<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding { file, at, key, message, .. } = self.0;
        write!(f, "{}:", file.display())?;
        if let Some(At { line, column }) = at {
            write!(f, "{line}:{column}:")?;
        }
        if !key.is_empty() {
            write!(f, " {key}:")?;
        }
        write!(f, " {message}")
    }
}

struct InFull<'a>(&'a Finding);

impl fmt::Display for InFull<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.0.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, "{word}: {}", Head(self.0))?;
        if let (Some(At { line, .. }), Some(excerpt)) = (self.0.at, &self.0.excerpt) {
            let number = line.to_string();
            let gutter = " ".repeat(number.len());
            let mark = "^".repeat(excerpt.width);
            write!(f, "\n  {number} | {}", excerpt.line)?;
            write!(f, "\n  {gutter} | {}{mark}", " ".repeat(excerpt.before))?;
        }
        if self.0.remedy.is_empty() { Ok(()) } else { write!(f, "\n  {}", self.0.remedy) }
    }
}

/// A job file that cannot run: every error found in it, and the warnings beside them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// In the order of the file.
    pub findings: Vec<Finding>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nr, finding) in self.findings.iter().enumerate() {
            let gap = if nr == 0 { "" } else { "\n" };
            write!(f, "{gap}{}", finding.in_full())?;
        }
        Ok(())
    }
}

impl std::error::Error for Refused {}

/// What keeps `text` from being TOML at all. What could be read of it is not looked at: it would only lead to mistakes
/// that are none.
pub(super) fn of_syntax(file: &Path, text: &str, errors: Vec<toml::de::Error>) -> Vec<Finding> {
    let one = |error: toml::de::Error| {
        let span = error.span();
        let remedy = span.as_ref().map_or("", |span| remedy_for_syntax(text, span.start));
        let whole = Finding::of_file(file, error.message(), remedy);
        match span {
            Some(span) => whole.at(text, &span),
            None => whole.at_the_top(),
        }
    };
    let mut findings: Vec<Finding> = errors.into_iter().map(one).collect();
    findings.sort_by_key(|finding| finding.at.map(|at| (at.line, at.column)));
    // The parser goes on within a broken line; only its first word about it means something.
    findings.dedup_by_key(|finding| finding.at.map(|at| at.line));
    findings
}

/// What most people mean who write what stands there.
fn remedy_for_syntax(text: &str, place: usize) -> &'static str {
    let place = text.floor_char_boundary(place.min(text.len()));
    let begin = text[..place].rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[begin..].lines().next().unwrap_or_default().trim_start();
    let value = line.split_once('=').map(|(_, value)| value.trim_start());
    // Neither a number nor a word of TOML's own begins so.
    let is_bare = |value: &str| {
        value.starts_with(|c: char| "./~*\\".contains(c) || c.is_alphabetic())
            && !["true", "false", "inf", "nan"].iter().any(|word| value.starts_with(word))
    };
    match value {
        _ if line.starts_with('[') || line.starts_with('#') => "",
        Some(value) if is_bare(value) => "put text in quotes: key = \"text\"",
        None if line.contains(':') => "write key = value",
        _ => "",
    }
}

/// `text` in quotes, short and safe to print on a terminal.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", plain(text))
}

/// `text` without quotes, short and safe to print on a terminal.
pub(super) fn plain(text: &str) -> String {
    const CHARS: usize = 60;
    let shown = text.chars().take(CHARS).map(printable);
    let more = text.chars().nth(CHARS).map(|_| '…');
    shown.chain(more).collect()
}

/// A job file may come from anyone: what would move the cursor or hide text is not passed on to the terminal.
fn printable(c: char) -> char {
    let hides = matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    match c {
        '\t' => ' ',
        c if c.is_control() || hides => '\u{fffd}',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_counted_in_characters_and_never_splits_one() {
        let text = "a = 1\nnäme = \"é\"\n";
        for start in 0..=text.len() + 3 {
            for end in start..=text.len() + 3 {
                let finding =
                    Finding::of_file(Path::new("j.toml"), "m", "r").at(text, &(start..end));
                assert!(!finding.in_full().to_string().is_empty());
            }
        }
        let value = text.find('"').unwrap();
        let finding =
            Finding::of_file(Path::new("j.toml"), "wrong", "do this").at(text, &(value..value + 4));
        assert_eq!(finding.at, Some(At { line: 2, column: 8 }));
        assert_eq!(finding.to_string(), "j.toml:2:8: wrong; do this");
        assert_eq!(
            finding.in_full().to_string(),
            "error: j.toml:2:8: wrong\n  2 | näme = \"é\"\n    |        ^^^\n  do this"
        );
    }

    #[test]
    fn nothing_in_a_job_file_reaches_the_terminal_as_a_command() {
        let text = "name = \"\u{1b}[2J\u{202e}\"";
        let shown = Finding::of_file(Path::new("j"), quoted(text), "")
            .at(text, &(7..9))
            .in_full()
            .to_string();
        assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown}");
    }

    #[test]
    fn a_very_long_line_is_cut() {
        let text = format!("x = \"{}\"", "y".repeat(1_000_000));
        for span in [4..1_000_005, 900_000..900_001] {
            let shown = Finding::of_file(Path::new("j"), quoted(&text), "")
                .at(&text, &span)
                .in_full()
                .to_string();
            assert!(shown.len() < 600, "{}", shown.len());
        }
    }
}
