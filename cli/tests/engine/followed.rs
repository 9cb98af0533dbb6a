//! A job that follows its files while they are written comes to what it comes to when they lie there whole.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::job::{Job, assert_alike, generate, text};

const FILES: [&str; 6] = ["agents", "tasks", "votes", "gold", "ticks", "control"];

/// Checkpoints and epochs that are cut often, at moments that nobody chose.
const CUT: (&str, &str) = ("every = \"5s\"", "every = \"30ms\"\nepoch = \"3ms\"");

/// A file that is written piece by piece; a piece may end anywhere in a line.
struct Growing {
    file: File,
    content: Vec<u8>,
    written: usize,
}

impl Growing {
    fn new(folder: &Path, name: &str) -> Growing {
        let content = fs::read(folder.join(format!("{name}.jsonl"))).unwrap();
        let path = folder.join("grown").join(format!("{name}.jsonl"));
        let file = OpenOptions::new().create(true).append(true).open(path).unwrap();
        Growing { file, content, written: 0 }
    }

    /// Writes up to this share of the content.
    fn grow(&mut self, share: f64) {
        let to = ((self.content.len() as f64 * share) as usize).min(self.content.len());
        if to > self.written {
            self.file.write_all(&self.content[self.written..to]).unwrap();
            self.written = to;
        }
    }
}

/// The job `name` over the files in `grown`, all of them followed.
fn following(folder: &Path, name: &str) -> Job {
    let files = FILES.map(|file| format!("files = \"{file}.jsonl\""));
    let grown = FILES.map(|file| format!("follow = true\nfiles = \"grown/{file}.jsonl\""));
    let mut changes: Vec<(&str, &str)> =
        files.iter().zip(&grown).map(|(from, to)| (from.as_str(), to.as_str())).collect();
    changes.push(CUT);
    Job::variant(folder, name, &changes)
}

/// Ends a run as a supervisor does, and waits until it has committed what it read.
fn stop(run: std::process::Child) {
    let sent = Command::new("kill").args(["-TERM", &run.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let output = run.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn followed_files_and_whole_ones_give_the_same_tables() {
    for seed in 0..3 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let folder = tempfile::tempdir().unwrap();
        let fleet = ["--tasks", "300", "--agents", "20", "--orders", "6"];
        generate(folder.path(), &[&fleet[..], &["--seed", &seed.to_string()]].concat());
        let whole = Job::variant(folder.path(), "whole", &[]);
        whole.run(2);
        let expected = whole.tables();

        fs::create_dir(folder.path().join("grown")).unwrap();
        let mut files = FILES.map(|name| Growing::new(folder.path(), name));
        let job = following(folder.path(), "followed");
        let mut share = 0.0;
        while share < 1.0 {
            let workers = random.random_range(1..=3);
            let mut run = job.command(workers);
            let run = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            let stop_at: f64 = share + random.random_range(0.2..0.6);
            while share < stop_at.min(1.0) {
                share += random.random_range(0.0..0.06);
                files.iter_mut().for_each(|file| file.grow(share + random.random_range(0.0..0.01)));
                std::thread::sleep(Duration::from_millis(random.random_range(0..60)));
            }
            stop(run);
            job.verify();
        }
        // The same job without `follow`: the input has an end now.
        let text = fs::read_to_string(&job.file).unwrap().replace("follow = true\n", "");
        fs::write(&job.file, text).unwrap();
        job.run(2);
        job.verify();
        assert_alike(&expected, &job.tables(), &format!("followed, seed {seed}"));
    }
}
