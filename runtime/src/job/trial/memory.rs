//! Whether the machine has the memory that a job's bounds allow it to take.

use std::fs;

use super::Problem;
use crate::job::Job;
use crate::job::units::Size;

/// A merge takes so many times the file that it writes.
const MERGE: u64 = 4;

pub(super) fn check(job: &Job, problems: &mut Vec<Problem>) {
    if let Some(memory) = of_this_machine() {
        judge(job, memory, problems);
    }
}

/// More than half of all memory for one thing leaves too little for the rest.
fn judge(job: &Job, memory: u64, problems: &mut Vec<Problem>) {
    let merge = if job.publish.delta { job.publish.merge_bytes.saturating_mul(MERGE) } else { 0 };
    let takers = [
        ("checkpoint.bytes", job.checkpoint.bytes, "the input of one checkpoint"),
        ("publish.merge_bytes", merge, "merging files"),
        ("limits.line_bytes", job.limits.rows.line_bytes_max as u64, "one row"),
    ];
    for (key, bytes, what) in takers.into_iter().filter(|(_, bytes, _)| *bytes > memory / 2) {
        let message = format!(
            "{what} may take {} of the {} of memory that this machine has: lower it, or take a larger machine",
            rounded(bytes),
            rounded(memory)
        );
        problems.push(Problem::warning(key, message));
    }
}

/// In a unit that reads well.
fn rounded(bytes: u64) -> Size {
    Size(bytes.next_multiple_of(if bytes < 1 << 30 { 1 << 20 } else { 1 << 30 }))
}

/// What the kernel says there is, or the least that a container leaves of it; nothing where neither is known.
fn of_this_machine() -> Option<u64> {
    let whole = fs::read_to_string("/proc/meminfo").ok().and_then(|text| total(&text));
    let ours = fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let ours = ours.and_then(|text| text.trim().parse().ok());
    whole.into_iter().chain(ours).min()
}

fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1_024)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn what_takes_more_than_half_of_the_memory_is_named() {
        let text = "name = \"j\"\n[source.votes]\nfiles = \"v\"\n[checkpoint]\nbytes = \"3GiB\"\n\
                    [publish]\nmerge_bytes = \"1GiB\"\n";
        let about = |memory: u64| {
            let job = Job::parse(text, Path::new("j.toml")).unwrap().job;
            let mut problems = Vec::new();
            judge(&job, memory, &mut problems);
            problems
        };
        assert_eq!(about(16 << 30), []);
        let found = about(4 << 30);
        let keys: Vec<&str> = found.iter().map(|problem| problem.about.as_str()).collect();
        assert_eq!(keys, ["checkpoint.bytes", "publish.merge_bytes"]);
        assert!(found[0].message.contains("3GiB of the 4GiB"), "{found:?}");
    }

    #[test]
    fn the_kernels_number_is_read() {
        assert_eq!(total("MemFree: 1 kB\nMemTotal:       16000 kB\n"), Some(16_384_000));
        assert_eq!(total("nothing"), None);
    }
}
