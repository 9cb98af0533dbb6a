//! Between a supervisor and the process of a generation: a socket, which is the process's standard input.
//!
//! The process writes lines: that it is alive, that its run has committed something, and in the end why it ends. Neither
//! survives the other: a process whose supervisor is gone ends at once, and one that says nothing any more is killed.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};

/// How often a process says that it is alive.
const SIGN: Duration = Duration::from_millis(500);

/// What a process says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// That it is alive.
    Alive,
    /// That its run has committed something: whatever ends it later, it did not fail at once.
    Works,
    /// Why it ends.
    Cause(String),
    /// That the run was stopped, by whoever was asked to.
    Stopped,
}

impl Line {
    fn text(&self) -> String {
        match self {
            Line::Alive => "alive\n".to_owned(),
            Line::Works => "works\n".to_owned(),
            Line::Cause(why) => format!("cause {}\n", why.replace('\n', " ")),
            Line::Stopped => "stopped\n".to_owned(),
        }
    }

    /// Reads a line; what is none says at least that somebody is alive.
    pub(super) fn read(text: &str) -> Line {
        match text.split_once(' ') {
            Some(("cause", why)) => Line::Cause(why.to_owned()),
            _ if text == "stopped" => Line::Stopped,
            _ if text == "works" => Line::Works,
            _ => Line::Alive,
        }
    }
}

/// The end that the process of a generation holds.
#[derive(Debug)]
pub struct Leash(UnixStream);

impl Leash {
    /// The leash that this process was started on: its standard input.
    ///
    /// # Errors
    /// If that is no socket.
    pub fn of_this_process() -> io::Result<Leash> {
        die_with_parent();
        let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        // Fails if it is no socket at all.
        socket.peer_addr()?;
        let (mut says, mut hears) = (socket.try_clone()?, socket.try_clone()?);
        thread::Builder::new().name("leash".to_owned()).spawn(move || {
            while says.write_all(Line::Alive.text().as_bytes()).is_ok() {
                thread::sleep(SIGN);
            }
        })?;
        thread::Builder::new().name("leash end".to_owned()).spawn(move || {
            // The supervisor says nothing: this waits until it is gone.
            let _ = hears.read(&mut [0]);
            let _ = kill_process(getpid(), Signal::KILL);
        })?;
        Ok(Leash(socket))
    }

    /// The run has committed something.
    pub(crate) fn works(&self) {
        self.say(&Line::Works);
    }

    /// Why this process is about to end.
    pub fn cause(&self, why: &str) {
        self.say(&Line::Cause(why.to_owned()));
    }

    /// The run was stopped.
    pub fn stopped(&self) {
        self.say(&Line::Stopped);
    }

    fn say(&self, line: &Line) {
        // If nobody hears it, nobody starts this process again either.
        let _ = (&self.0).write_all(line.text().as_bytes());
    }
}

/// Even a process that is halted ends with its supervisor, where the system can see to it.
#[cfg(target_os = "linux")]
fn die_with_parent() {
    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_they_were_written() {
        for line in [
            Line::Alive,
            Line::Works,
            Line::Stopped,
            Line::Cause("process 1 (b:2) was lost: it died".to_owned()),
        ] {
            assert_eq!(Line::read(line.text().trim_end()), line);
        }
        assert_eq!(Line::Cause("a\nb".to_owned()).text(), "cause a b\n");
    }
}
