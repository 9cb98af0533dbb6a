//! Where the prompt's earlier questions are kept.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use rustyline::Editor;
use rustyline::history::FileHistory;

use super::words::Words;

/// The file of earlier questions; none, if none are kept.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    file: Option<PathBuf>,
}

impl History {
    /// The file that the environment names: `QUORATE_HISTORY` (empty: none), or one below the user's folder of state.
    #[expect(
        clippy::disallowed_methods,
        reason = "the program's edge: read once, when the prompt opens"
    )]
    pub(super) fn of_this_user() -> History {
        let file = place(
            std::env::var_os("QUORATE_HISTORY"),
            std::env::var_os("XDG_STATE_HOME"),
            std::env::var_os("HOME"),
        );
        History { file }
    }

    /// Gives the editor what was asked before. That nothing was, or that it cannot be read, is no reason not to ask.
    pub(super) fn recall(&self, editor: &mut Editor<Words, FileHistory>) {
        if let Some(file) = &self.file {
            let _ = editor.load_history(file);
        }
    }

    /// Keeps a question, at once: the terminal may be gone before the prompt is left.
    pub(super) fn keep(&self, editor: &mut Editor<Words, FileHistory>, question: &str) {
        let is_new = editor.add_history_entry(question).unwrap_or(false);
        if let Some(file) = self.file.as_ref().filter(|_| is_new) {
            let _ = file.parent().map(fs::create_dir_all);
            let _ = editor.append_history(file);
        }
    }
}

fn place(
    named: Option<OsString>,
    folder: Option<OsString>,
    home: Option<OsString>,
) -> Option<PathBuf> {
    if let Some(named) = named {
        return (!named.is_empty()).then(|| named.into());
    }
    // As the XDG specification has it: what is not absolute does not count.
    let absolute = |path: OsString| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
    let folder = folder.and_then(absolute);
    let folder = folder.or_else(|| Some(home.and_then(absolute)?.join(Path::new(".local/state"))));
    Some(folder?.join("quorate/history"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_the_one_that_is_named_or_lies_below_the_users_state() {
        let check =
            |named: Option<&str>, folder: Option<&str>, home: Option<&str>, file: Option<&str>| {
                let [named, folder, home] =
                    [named, folder, home].map(|path| path.map(OsString::from));
                assert_eq!(place(named, folder, home), file.map(PathBuf::from));
            };
        check(Some("h.txt"), Some("/s"), Some("/h"), Some("h.txt"));
        check(Some(""), Some("/s"), Some("/h"), None);
        check(None, Some("/s"), Some("/h"), Some("/s/quorate/history"));
        check(None, Some("s"), Some("/h"), Some("/h/.local/state/quorate/history"));
        check(None, None, Some("/h"), Some("/h/.local/state/quorate/history"));
        check(None, None, None, None);
    }
}
