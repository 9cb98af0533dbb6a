//! Questions one after the other, at a terminal.
//!
//! ```text
//! line ──▶ command?  ──▶ done at once
//!   │
//!   └──▶ statement, once a `;` ends it ──▶ a session on the newest commit ──▶ answer, or what is wrong
//! ```
//!
//! 1. Nothing that is asked ends it: only `\q` and Ctrl-D do, or that nobody reads the answers any more.
//! 2. Each question sees the newest commit, also while a run goes on.
//! 3. Answers go to standard output; the prompt goes to the terminal, also where they are piped on.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use quorate_query::sql::{self, Session};
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{Behavior, ColorMode, CompletionType, Config, Editor};
use signal_hook::consts::SIGINT;

use super::command::{self, Command};
use super::history::History;
use super::words::Words;
use super::{Asked, Format, answer, statement};
use crate::at::failed;
use crate::console::Console;
use crate::exit::{self, Exit};
use crate::numbers::counted;

const PROMPT: &str = "quorate> ";
const GOES_ON: &str = "     ...> ";
/// Rows of an answer that are shown: some screens of them, also over a slow line.
const ROWS: usize = 100;
/// A question that was stopped is given up so fast.
const NAP: Duration = Duration::from_millis(50);

/// Asks until it is left.
pub(super) async fn run(
    asked: &Asked,
    mut format: Format,
    history: History,
    console: &Console,
) -> anyhow::Result<Exit> {
    let mut editor = editor()?;
    history.recall(&mut editor);
    let stopped = Arc::new(AtomicBool::new(false));
    // While a line is read Ctrl-C is a key; while a question is answered it is this.
    signal_hook::flag::register(SIGINT, Arc::clone(&stopped))?;
    let session = Session::open(&asked.store, asked.extent).await.map_err(failed)?;
    console.note(format_args!(
        "{}, commit {}. A question ends with `;`. \\d shows tables, \\? helps, \\q leaves.",
        asked.store.name(),
        session.commit()
    ));
    drop(session);
    let mut begun = String::new();
    loop {
        if let Some(words) = editor.helper_mut() {
            words.earlier.clone_from(&begun);
        }
        let line = match editor.readline(if begun.is_empty() { PROMPT } else { GOES_ON }) {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => {
                begun.clear();
                continue;
            }
            Err(ReadlineError::Eof) => return Ok(Exit::Done),
            Err(error) => return Err(error.into()),
        };
        if begun.is_empty()
            && let Some(command) = Command::of(&line)
        {
            history.keep(&mut editor, line.trim());
            match command {
                Command::Leave => return Ok(Exit::Done),
                Command::Format(chosen) => format = chosen,
                other => tell(other, console)?,
            }
            continue;
        }
        begun.push_str(&line);
        let (questions, rest) = statement::split(&begun);
        if !questions.is_empty() {
            history.keep(&mut editor, begun.trim());
            for question in questions {
                stopped.store(false, Ordering::Relaxed);
                let outcome = tokio::select! {
                    outcome = ask(asked, question, format, console) => outcome,
                    () = interrupted(&stopped) => {
                        console.note("stopped");
                        break;
                    }
                };
                if let Err(error) = outcome {
                    if exit::report(&error, console) == Exit::Done {
                        // Whoever read the answers has had enough of them.
                        return Ok(Exit::Done);
                    }
                    break;
                }
            }
        }
        begun = if rest.is_empty() { String::new() } else { format!("{}\n", rest.trim_start()) };
    }
}

fn editor() -> anyhow::Result<Editor<Words, FileHistory>> {
    let behavior = if io::stdout().is_terminal() { Behavior::Stdio } else { Behavior::PreferTerm };
    let config = Config::builder()
        .completion_type(CompletionType::List)
        .color_mode(ColorMode::Disabled)
        .behavior(behavior)
        .build();
    let mut editor = Editor::with_config(config)?;
    editor.set_helper(Some(Words::default()));
    Ok(editor)
}

async fn ask(
    asked: &Asked,
    question: &str,
    format: Format,
    console: &Console,
) -> anyhow::Result<()> {
    let session = Session::open(&asked.store, asked.extent).await.map_err(failed)?;
    let format = match format {
        Format::Table => sql::Format::Fitted(super::screen(ROWS)),
        format => format.of_answers(),
    };
    let written = answer(&session, question, format).await?;
    let rows = counted(written.rows as u64, "row");
    let commit = session.commit();
    if written.cut {
        console.note(format_args!(
            "the first {rows} of more, commit {commit}; LIMIT and OFFSET show others"
        ));
    } else {
        console.note(format_args!("{rows}, commit {commit}"));
    }
    Ok(())
}

async fn interrupted(stopped: &AtomicBool) {
    while !stopped.load(Ordering::Relaxed) {
        tokio::time::sleep(NAP).await;
    }
}

fn tell(command: Command, console: &Console) -> io::Result<()> {
    match command {
        Command::Help => console.out(command::HELP),
        Command::Tables => command::tables().into_iter().try_for_each(|line| console.out(line)),
        Command::Columns(name) => match command::columns(&name) {
            Some(lines) => lines.into_iter().try_for_each(|line| console.out(line)),
            None => {
                console
                    .error(&format!("there is no table {name:?}: \\d shows those that there are"));
                Ok(())
            }
        },
        Command::Wrong(why) => {
            console.error(&why);
            Ok(())
        }
        Command::Leave | Command::Format(_) => Ok(()),
    }
}
