//! The supervisor of one process of a cluster: starts it for each generation, and says why the last one ended.
//!
//! 1. It does nothing else: no connection, no store, no memory to speak of. It lives as long as it is not asked to stop.
//! 2. A process that failed is followed by another, after a wait that grows while they fail at once; one that was fenced or
//!    is misconfigured is not, since starting it again would not help.
//! 3. A process that is halted says nothing, and is killed: its place in the cluster would stay taken.

use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::leash::Line;
use crate::clock::Stopwatch;

/// How often signals are looked at.
const LOOK: Duration = Duration::from_millis(50);

/// The first wait before the next generation; each one is twice the one before.
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// The longest.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Who was alive for so long did not fail at once, nor did who has committed something: a wait after it would spare nobody
/// much, and keeps the job from its next commit. Links that break every half a minute are lived with.
const LIVED: Duration = Duration::from_secs(5);

/// What a supervisor is told.
pub trait Supervised {
    /// The command of the next process. Its standard input becomes the leash.
    fn command(&mut self, restarts: u32) -> io::Result<Command>;

    /// A signal that was sent to the supervisor since it was asked last.
    fn signal(&mut self) -> Option<i32>;

    /// Whether a process that ended with this code is followed by another.
    fn may_follow(&self, code: i32) -> bool;

    /// Says something to people.
    fn note(&self, text: &str);
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Ended {
    /// Its exit code; 128 and the signal's number if it was killed.
    code: i32,
    /// Why, in its own words or for lack of them in ours.
    cause: String,
    /// Whether the run was stopped.
    stopped: bool,
    /// Whether it has committed something.
    worked: bool,
}

/// Runs one generation after the other. Gives the code to end with.
///
/// # Errors
/// If a process cannot be started.
pub fn supervise(supervised: &mut dyn Supervised, silence: Duration) -> io::Result<i32> {
    let (mut restarts, mut wait, mut asked) = (0, FIRST_WAIT, 0);
    loop {
        let lived = Stopwatch::start();
        let (ours, theirs) = UnixStream::pair()?;
        let mut command = supervised.command(restarts)?;
        // Of its own group: what a terminal sends to all comes through here, once.
        command.stdin(Stdio::from(OwnedFd::from(theirs))).process_group(0);
        let child = command.spawn()?;
        drop(command);
        let ended = Watched { child, leash: ours, silence }.end(supervised, &mut asked)?;
        let next = match ended.code {
            0 => ended.stopped && asked == 0,
            code => asked == 0 && supervised.may_follow(code),
        };
        if !next {
            return Ok(ended.code);
        }
        if ended.worked || lived.elapsed() >= LIVED {
            wait = FIRST_WAIT;
        }
        restarts += 1;
        supervised.note(&format!(
            "{}; starting again (restart {restarts}) in {}",
            ended.cause,
            super::wire::seconds(wait)
        ));
        let waited = Stopwatch::start();
        while waited.elapsed() < wait {
            if supervised.signal().is_some() {
                // Nothing runs that would have to commit anything.
                return Ok(0);
            }
            std::thread::sleep(LOOK.min(wait));
        }
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

struct Watched {
    child: Child,
    leash: UnixStream,
    silence: Duration,
}

impl Watched {
    /// Watches until it has ended.
    fn end(mut self, supervised: &mut dyn Supervised, asked: &mut u32) -> io::Result<Ended> {
        self.leash.set_read_timeout(Some(LOOK))?;
        let (mut text, mut bytes) = (Vec::new(), [0; 4096]);
        let (mut cause, mut stopped, mut worked) = (None, false, false);
        let mut heard = Stopwatch::start();
        let status = loop {
            let mut closed = false;
            match (&self.leash).read(&mut bytes) {
                Ok(0) => closed = true,
                Ok(read) => {
                    heard = Stopwatch::start();
                    text.extend_from_slice(&bytes[..read]);
                    while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
                        let line: Vec<u8> = text.drain(..=end).collect();
                        match Line::read(String::from_utf8_lossy(&line).trim_end()) {
                            Line::Alive => {}
                            Line::Works => worked = true,
                            Line::Cause(why) => cause = cause.or(Some(why)),
                            Line::Stopped => stopped = true,
                        }
                    }
                }
                // Nothing new.
                Err(_) => {}
            }
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            if closed {
                // Its end is near, or it has closed its standard input.
                std::thread::sleep(Duration::from_millis(5));
            }
            while let Some(signal) = supervised.signal() {
                *asked += 1;
                self.pass_on(signal);
            }
            if heard.elapsed() > self.silence {
                let silence = super::wire::seconds(self.silence);
                cause = cause.or(Some(format!("the process hung: it was silent for {silence}")));
                self.child.kill()?;
                heard = Stopwatch::start();
            }
        };
        let code = code(status);
        let cause = cause.unwrap_or_else(|| match (code, status.signal()) {
            (0, _) if stopped => "another process was asked to stop".to_owned(),
            (_, Some(signal)) => format!("the process was killed by signal {signal}"),
            _ => format!("the process ended with code {code}"),
        });
        Ok(Ended { code, cause, stopped, worked })
    }

    fn pass_on(&self, signal: i32) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let (Some(pid), Some(signal)) = (pid, Signal::from_named_raw(signal)) {
            // It may have ended a moment ago.
            let _ = kill_process(pid, signal);
        }
    }
}

fn code(status: ExitStatus) -> i32 {
    status.code().or(status.signal().map(|signal| 128 + signal)).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Runs these scripts, one for each generation.
    struct Scripts {
        scripts: Vec<&'static str>,
        signals: Vec<i32>,
        notes: Mutex<Vec<String>>,
    }

    impl Supervised for Scripts {
        fn command(&mut self, restarts: u32) -> io::Result<Command> {
            let mut command = Command::new("sh");
            let script = self.scripts.get(restarts as usize).copied().unwrap_or("exit 9");
            command.args(["-c", script]);
            Ok(command)
        }

        fn signal(&mut self) -> Option<i32> {
            self.signals.pop()
        }

        fn may_follow(&self, code: i32) -> bool {
            code != 3
        }

        fn note(&self, text: &str) {
            self.notes.lock().unwrap().push(text.to_owned());
        }
    }

    fn check(scripts: &[&'static str], signals: &[i32], code: i32, expected: &[&str]) {
        let (scripts, signals) = (scripts.to_vec(), signals.to_vec());
        let mut supervised = Scripts { scripts, signals, notes: Mutex::default() };
        let silence = Duration::from_millis(600);
        assert_eq!(supervise(&mut supervised, silence).unwrap(), code);
        let notes = supervised.notes.into_inner().unwrap();
        assert_eq!(notes.len(), expected.len(), "{notes:?}");
        for (note, part) in notes.iter().zip(expected) {
            assert!(note.contains(part), "{note}");
        }
    }

    #[test]
    fn a_process_that_failed_is_followed_by_another_with_its_first_cause() {
        let says = "echo cause the store is away >&0; echo cause it ended >&0; exit 1";
        let causes = [
            "the store is away; starting again (restart 1) in 0.2 s",
            "the process was killed by signal 9; starting again (restart 2) in 0.4 s",
        ];
        check(&[says, "kill -9 $$", "exit 0"], &[], 0, &causes);
        check(&["exit 1", "exit 3"], &[], 3, &["the process ended with code 1"]);
    }

    #[test]
    fn who_has_committed_something_is_followed_at_once_however_often_it_is_killed() {
        let worked = "echo works >&0; kill -9 $$";
        let again = "killed by signal 9; starting again";
        let notes =
            [format!("{again} (restart 1) in 0.2 s"), format!("{again} (restart 2) in 0.2 s")];
        check(&[worked, worked, "exit 0"], &[], 0, &[&notes[0], &notes[1]]);
    }

    #[test]
    fn a_run_that_others_stopped_is_gone_on_with_unless_this_one_was_asked_too() {
        let stopped = "echo stopped >&0; exit 0";
        check(&[stopped, "exit 0"], &[], 0, &["another process was asked to stop"]);
        check(&["sleep 0.3; echo stopped >&0; exit 0"], &[18], 0, &[]);
    }

    #[test]
    fn a_process_that_says_nothing_is_killed() {
        check(&["sleep 60", "exit 0"], &[], 0, &["it was silent for 0.6 s"]);
    }
}
