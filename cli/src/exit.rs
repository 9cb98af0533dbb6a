//! How the program ends, for whoever restarts it.

use std::fmt;
use std::io;
use std::process::ExitCode;

use quorate_connectors::error::Error as ConnectorError;
use quorate_runtime::job::Refused;

use crate::console::Console;

/// The ways to end. As the context of an error it decides how that error ends the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, or stopped as asked.
    Done,
    /// Failed; trying again may help.
    Failed,
    /// What was asked for is wrong; trying again cannot help.
    Misconfigured,
    /// Another run leads this job.
    Fenced,
    /// Too many rows were refused.
    RejectLimit,
    /// `verify` has found something.
    Found,
    /// Ended at once by a signal of this number, the second one or one that cannot be heard.
    Signal(u8),
}

impl Exit {
    /// All of them, as `quorate --help` lists them.
    pub(crate) const ALL: [Exit; 6] = [
        Exit::Done,
        Exit::Failed,
        Exit::Misconfigured,
        Exit::Fenced,
        Exit::RejectLimit,
        Exit::Found,
    ];

    /// The code that the system is told.
    pub(crate) fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed => 1,
            // As clap ends for a wrong command line.
            Exit::Misconfigured => 2,
            Exit::Fenced => 3,
            Exit::RejectLimit => 4,
            Exit::Found => 5,
            // As shells count.
            Exit::Signal(number) => 128 | number,
        }
    }

    /// How a supervised process has ended: as one of the ways that there are.
    pub(crate) fn of(code: i32) -> Exit {
        let known = Exit::ALL.into_iter().find(|exit| i32::from(exit.code()) == code);
        let signal = || u8::try_from(code - 128).ok().filter(|number| (1..128).contains(number));
        known.or(signal().map(Exit::Signal)).unwrap_or(Exit::Failed)
    }

    /// What it means, and what a supervisor should do about it.
    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Exit::Done => "done, or stopped as asked with everything committed",
            Exit::Failed => "failed: the message says why; trying again may help",
            Exit::Misconfigured => "the command line or the job is wrong: trying again cannot help",
            Exit::Fenced => "another run has taken over this job: do not restart",
            Exit::RejectLimit => "more rows were rejected than the job allows",
            Exit::Found => "verify has found something",
            Exit::Signal(_) => {
                "ended at once by a signal; the next run goes on from the last commit"
            }
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.meaning())
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// Says what went wrong, and ends accordingly.
pub(crate) fn report(error: &anyhow::Error, console: &Console) -> Exit {
    let of_kind = |kind| {
        error
            .chain()
            .filter_map(|cause| cause.downcast_ref::<io::Error>())
            .any(|io| io.kind() == kind)
    };
    if of_kind(io::ErrorKind::BrokenPipe) {
        // Whoever read our output has had enough of it (`quorate … | head`).
        return Exit::Done;
    }
    if let Some(refused) = error.downcast_ref::<Refused>() {
        console.findings(&refused.findings);
        return Exit::Misconfigured;
    }
    let exit = error.downcast_ref::<Exit>().copied();
    // The meaning of a code is for the help; here the error itself says more.
    let causes =
        error.chain().filter(|cause| exit.is_none_or(|exit| cause.to_string() != exit.meaning()));
    console.error(&causes.map(ToString::to_string).collect::<Vec<_>>().join(": "));
    exit.unwrap_or(match error.downcast_ref::<ConnectorError>() {
        Some(ConnectorError::Fleet { .. } | ConnectorError::Occupied { .. }) => Exit::Misconfigured,
        _ => Exit::Failed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_supervisor_ends_as_what_it_supervised() {
        for code in [0, 1, 2, 3, 4, 5, 130, 137, 143, 255] {
            assert_eq!(i32::from(Exit::of(code).code()), code);
        }
        assert_eq!(
            (Exit::of(101), Exit::of(128), Exit::of(-1)),
            (Exit::Failed, Exit::Failed, Exit::Failed)
        );
    }
}
