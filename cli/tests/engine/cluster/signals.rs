//! A process of a cluster that is asked to end twice ends at once, with the code that `run` has then.

use std::fs;

use super::crew::{Crew, addresses, signal, wait_for};
use super::probe::ask;
use crate::job::{Job, generate};

#[test]
fn a_second_signal_ends_it_at_once_and_its_code_says_so() {
    for (name, code) in [("-TERM", 143), ("-INT", 130)] {
        let folder = tempfile::tempdir().unwrap();
        generate(folder.path(), &["--tasks", "60", "--agents", "10", "--seed", "2"]);
        let job = Job::variant(folder.path(), "job", &[("files = ", "follow = true\nfiles = ")]);
        let (listening, away) = (addresses(1), folder.path().join("away"));
        let faults = format!("*: error while {}", away.display());
        let mut crew = Crew::changed(&job, 1, "", &|_, command| {
            command.args(["--workers", "1", "--listen", &listening[0]]);
            command.env("QUORATE_FAULTS", &faults);
        });
        let asked = |is: fn(u16, &str) -> bool| {
            wait_for("an answer", || {
                let (code, body) =
                    ask(&listening[0], "/readyz", std::time::Duration::from_secs(2))?;
                is(code, &body).then_some(())
            });
        };
        asked(|code, _| code == 200);
        // The last commit never comes.
        fs::write(&away, "").unwrap();
        signal(crew.members[0].supervisor.id(), name);
        asked(|_, body| body.contains("asked to stop"));
        assert_eq!(crew.members[0].supervisor.try_wait().unwrap(), None);
        signal(crew.members[0].supervisor.id(), name);
        assert_eq!(crew.members[0].code(), code, "{}", crew.all());
        assert!(!crew.all().contains("starting again"), "{}", crew.all());
    }
}
