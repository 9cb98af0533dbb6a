//! Lines for people: results to standard output, everything else to standard error.
//!
//! On a terminal, standard error may end in a status line that is written over again and again. Whatever else is said
//! clears it first; so all output goes through here. With `--log` what would be lines on standard error are events.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::sync::Mutex;

use quorate_runtime::job::{Finding, Severity};

use crate::log::Form;

/// Goes to the line's start and clears it.
const CLEAR: &str = "\r\x1b[2K";
/// Without and with breaking long lines: a status line must not become two.
const NO_WRAP: &str = "\x1b[?7l";
const WRAP: &str = "\x1b[?7h";

/// What a piece of text is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Paint {
    /// An error.
    Red,
    /// A warning.
    Yellow,
    /// Good news.
    Green,
    /// Of less weight.
    Dim,
}

impl Paint {
    pub(crate) fn over(self, text: &str, colours: bool) -> String {
        let code = match self {
            Paint::Red => "1;31",
            Paint::Yellow => "1;33",
            Paint::Green => "1;32",
            Paint::Dim => "2",
        };
        if colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Where output goes.
#[derive(Debug)]
pub(crate) struct Console {
    /// Whether standard error is a terminal that can clear a line.
    terminal: bool,
    /// Whether it gets events instead of lines.
    log: Option<Form>,
    /// Whether standard error takes colours.
    colours: bool,
    /// Whether standard output does.
    colours_out: bool,
    /// Whether a status line stands on standard error.
    status: Mutex<bool>,
    /// Lines of results that are not written yet.
    results: Mutex<Vec<u8>>,
}

/// So many bytes of results are written without waiting for more.
const RESULTS: usize = 64 << 10;

impl Console {
    /// As this process was started.
    #[expect(
        clippy::disallowed_methods,
        reason = "the program's edge: read once, here, and passed on"
    )]
    pub(crate) fn of_this_process(log: Option<Form>) -> Console {
        let terminal = io::stderr().is_terminal();
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let wanted = !dumb && !set("NO_COLOR");
        Console {
            terminal: terminal && !dumb,
            log,
            colours: terminal && wanted,
            colours_out: io::stdout().is_terminal() && wanted,
            status: Mutex::new(false),
            results: Mutex::default(),
        }
    }

    /// Whether what is said about a command is to be events.
    pub(crate) fn logs(&self) -> bool {
        self.log.is_some()
    }

    /// Whether standard error takes colours.
    pub(crate) fn colours(&self) -> bool {
        self.colours
    }

    /// A line of results, with those before it.
    pub(crate) fn out(&self, line: impl Display) -> io::Result<()> {
        self.collect(line.to_string().as_bytes())?;
        self.flush()
    }

    /// A line of results, which is written with others: by [`Console::flush`] at the latest.
    pub(crate) fn collect(&self, line: &[u8]) -> io::Result<()> {
        let mut results = self.results();
        results.extend_from_slice(line);
        results.push(b'\n');
        if results.len() < RESULTS { Ok(()) } else { self.write(&mut results) }
    }

    /// Writes the results that were collected.
    pub(crate) fn flush(&self) -> io::Result<()> {
        self.write(&mut self.results())
    }

    /// Under the lock of `results`: lines stay in their order.
    fn write(&self, results: &mut Vec<u8>) -> io::Result<()> {
        if results.is_empty() {
            return Ok(());
        }
        self.clear();
        let mut out = io::stdout().lock();
        let written = out.write_all(results).and_then(|()| out.flush());
        results.clear();
        written
    }

    /// A line of results in a colour, if standard output takes any.
    pub(crate) fn out_in(&self, paint: Paint, line: &str) -> io::Result<()> {
        self.out(self.painted(paint, line))
    }

    /// `text` in a colour, if standard output takes any.
    pub(crate) fn painted(&self, paint: Paint, text: &str) -> String {
        paint.over(text, self.colours_out)
    }

    /// A line about them. That nobody reads it is no reason to stop.
    pub(crate) fn note(&self, line: impl Display) {
        if self.logs() {
            tracing::info!(target: "quorate", "{line}");
            return;
        }
        self.clear();
        let _ = writeln!(io::stderr().lock(), "{line}");
    }

    /// A line that somebody will look for later: where no person watches, an event with its time.
    pub(crate) fn notice(&self, line: &str) {
        if self.logs() || !self.terminal {
            self.clear();
            tracing::warn!(target: "quorate", "{line}");
        } else {
            self.note(line);
        }
    }

    /// An error, in one line or more.
    pub(crate) fn error(&self, message: &str) {
        if self.logs() {
            tracing::error!(target: "quorate", "{message}");
            return;
        }
        self.note(format_args!("{}: {message}", Paint::Red.over("error", self.colours)));
    }

    /// A warning, in one line or more.
    pub(crate) fn warn(&self, message: &str) {
        if self.logs() {
            tracing::warn!(target: "quorate", "{message}");
            return;
        }
        self.note(format_args!("{}: {message}", Paint::Yellow.over("warning", self.colours)));
    }

    /// What was found in a job file.
    pub(crate) fn findings(&self, findings: &[Finding]) {
        for finding in findings {
            let text = finding.in_full().to_string();
            match finding.severity {
                Severity::Error if self.logs() => {
                    tracing::error!(target: "quorate", "{text}");
                    continue;
                }
                Severity::Warning if self.logs() => {
                    tracing::warn!(target: "quorate", "{text}");
                    continue;
                }
                Severity::Error | Severity::Warning => {}
            }
            let (word, paint) = match finding.severity {
                Severity::Error => ("error", Paint::Red),
                Severity::Warning => ("warning", Paint::Yellow),
            };
            let rest = text.strip_prefix(word).unwrap_or(&text);
            self.note(format_args!("{}{rest}", paint.over(word, self.colours)));
        }
    }

    /// Writes over the status line, if there is one: if a person sees standard error as it is written.
    pub(crate) fn status(&self, line: &str) -> bool {
        if !self.terminal || self.logs() {
            return false;
        }
        let size = terminal_size::terminal_size_of(io::stderr());
        let columns = size.map(|(width, _)| usize::from(width.0)).filter(|columns| *columns > 0);
        let columns = columns.unwrap_or(usize::MAX);
        let line: String = line.chars().take(columns).collect();
        let mut shown = self.lock();
        let _ = write!(io::stderr().lock(), "{CLEAR}{NO_WRAP}{line}{WRAP}");
        let _ = io::stderr().flush();
        *shown = true;
        true
    }

    /// Removes the status line.
    pub(crate) fn clear(&self) {
        let mut shown = self.lock();
        if std::mem::take(&mut *shown) {
            let _ = write!(io::stderr().lock(), "{CLEAR}");
        }
    }

    fn results(&self) -> std::sync::MutexGuard<'_, Vec<u8>> {
        self.results.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// A panic elsewhere must not silence what is said about it.
    fn lock(&self) -> std::sync::MutexGuard<'_, bool> {
        self.status.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
