//! A job that follows its files while they are written comes to what it comes to when they lie there whole.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::job::{Job, assert_alike, generate};
use crate::running::Running;

const FILES: [&str; 6] = ["agents", "tasks", "votes", "gold", "ticks", "control"];

/// The place of votes among them.
const VOTES: usize = 2;

/// The time between two pieces that a file grows by.
const PIECE_MS: u64 = 100;

/// Checkpoints and epochs that are cut often, at moments that nobody chose.
const CUT: (&str, &str) = ("every = \"5s\"", "every = \"30ms\"\nepoch = \"3ms\"");

/// A file that is written piece by piece; a piece may end anywhere in a line.
struct Growing {
    path: PathBuf,
    file: File,
    content: Vec<u8>,
    written: usize,
    rotations: usize,
}

fn appended(path: &Path) -> File {
    OpenOptions::new().create(true).append(true).open(path).unwrap()
}

impl Growing {
    fn new(folder: &Path, name: &str) -> Growing {
        let content = fs::read(folder.join(format!("{name}.jsonl"))).unwrap();
        let path = folder.join("grown").join(format!("{name}.jsonl"));
        Growing { file: appended(&path), path, content, written: 0, rotations: 0 }
    }

    /// Writes up to this share of the content.
    fn grow(&mut self, share: f64) {
        let to = ((self.content.len() as f64 * share) as usize).min(self.content.len());
        self.write(to);
    }

    fn write(&mut self, to: usize) {
        if to > self.written {
            self.file.write_all(&self.content[self.written..to]).unwrap();
            self.written = to;
        }
    }

    /// Completes its line, and goes on in a new file; the old one keeps its content under another name.
    fn rotate(&mut self) {
        let rest = self.content[self.written..].iter().position(|byte| *byte == b'\n');
        self.write(self.written + rest.map_or(0, |at| at + 1));
        self.rotations += 1;
        let old = self.path.with_extension(format!("jsonl.{}", self.rotations));
        fs::rename(&self.path, old).unwrap();
        self.file = appended(&self.path);
    }
}

/// The job `name` over the files in `grown`, all of them followed, under their own names and those of rotated ones.
fn following(folder: &Path, name: &str) -> Job {
    let files = FILES.map(|file| format!("files = \"{file}.jsonl\""));
    let grown = FILES.map(|file| format!("follow = true\nfiles = \"grown/{file}.jsonl*\""));
    let mut changes: Vec<(&str, &str)> =
        files.iter().zip(&grown).map(|(from, to)| (from.as_str(), to.as_str())).collect();
    changes.push(CUT);
    Job::variant(folder, name, &changes)
}

/// The same job without `follow`: the input has an end now.
fn ends(job: &Job) {
    let text = fs::read_to_string(&job.file).unwrap().replace("follow = true\n", "");
    fs::write(&job.file, text).unwrap();
    job.run(2);
    job.verify();
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
            let run = Running::start(&job, random.random_range(1..=3));
            let stop_at: f64 = share + random.random_range(0.2..0.6);
            while share < stop_at.min(1.0) {
                share += random.random_range(0.0..0.06);
                files.iter_mut().for_each(|file| file.grow(share + random.random_range(0.0..0.01)));
                std::thread::sleep(Duration::from_millis(random.random_range(0..60)));
            }
            run.stop();
            job.verify();
        }
        ends(&job);
        assert_alike(&expected, &job.tables(), &format!("followed, seed {seed}"));
    }
}

/// The files are looked at again and again while they grow, more than one of them rotates, and in the first run a
/// rotated one is quiet for long enough to be complete.
#[test]
fn files_that_grow_through_surveys_and_rotations_give_the_same_tables() {
    for seed in 0..2 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let folder = tempfile::tempdir().unwrap();
        // Nothing is late: lateness is judged by file, so it would depend on where they are rotated.
        let fleet = ["--tasks", "300", "--agents", "20", "--orders", "6", "--late-share", "0"];
        generate(folder.path(), &[&fleet[..], &["--seed", &seed.to_string()]].concat());
        let whole = Job::variant(folder.path(), "whole", &[]);
        whole.run(2);
        let expected = whole.tables();

        fs::create_dir(folder.path().join("grown")).unwrap();
        let mut files = FILES.map(|name| Growing::new(folder.path(), name));
        let job = following(folder.path(), "rotated");
        let mut share = 0.0;
        for (stop_at, surveys) in [(0.5, 9), (0.7, 4), (1.0, 4)] {
            let run = Running::start(&job, random.random_range(2..=3));
            let pieces = surveys * 1_000 / PIECE_MS;
            let begun = share;
            for piece in 1..=pieces {
                share = begun + (stop_at - begun) * piece as f64 / pieces as f64;
                files.iter_mut().for_each(|file| file.grow(share + random.random_range(0.0..0.01)));
                if piece == pieces / 4 {
                    files[VOTES].rotate();
                    files[random.random_range(0..FILES.len())].rotate();
                }
                std::thread::sleep(Duration::from_millis(PIECE_MS));
            }
            run.stop();
            job.verify();
            // Also where nobody looks.
            files[VOTES].rotate();
        }
        ends(&job);
        assert_alike(&expected, &job.tables(), &format!("rotated, seed {seed}"));
    }
}
