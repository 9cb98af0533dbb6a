//! Which files to merge: a pure rule over a table's live files.
//!
//! Files are sorted into tiers by size, each [`MergePolicy::fan_in`] times the one before. A tier that has so many
//! files gives them to the next: so a row is rewritten once per tier, about four times on its way from a hundred
//! kilobytes to a hundred megabytes, however many files come. Files that fill one of the target's size are merged
//! without waiting for more: large merges come one by one, not all at once. Within a tier, files that are neighbours in
//! event time are merged with each other.

use super::files::LiveFile;

/// When and how far files are merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MergePolicy {
    /// What files should grow to. One of half that size is left alone.
    pub target_bytes: u64,
    /// How many files of about one size are merged, at least two.
    pub fan_in: u32,
    /// The most files that one merge takes.
    pub most_files: usize,
}

impl Default for MergePolicy {
    fn default() -> MergePolicy {
        MergePolicy { target_bytes: 128 << 20, fan_in: 8, most_files: 64 }
    }
}

/// Runs of files to be merged, each into one.
pub(super) fn choose(files: &[LiveFile], policy: &MergePolicy) -> Vec<Vec<LiveFile>> {
    let fan_in = policy.fan_in.max(2);
    let tier = |file: &&LiveFile| file.bytes.max(1).ilog(u64::from(fan_in));
    let mut small: Vec<&LiveFile> = files
        .iter()
        .filter(|file| {
            file.sha256.is_some() && !file.masked && file.bytes < policy.target_bytes / 2
        })
        .collect();
    small.sort_by_key(|file| (tier(file), file.min_event_time_us, file.path.clone()));
    let is_full = |tier: &&[&LiveFile]| {
        let bytes: u64 = tier.iter().map(|file| file.bytes).sum();
        tier.len() >= fan_in as usize || bytes >= policy.target_bytes
    };
    let tiers = small.chunk_by(|a, b| tier(a) == tier(b));
    tiers.filter(is_full).flat_map(|tier| runs(tier, policy)).collect()
}

/// Cuts a tier into runs of neighbours, each within the policy's bounds.
fn runs(tier: &[&LiveFile], policy: &MergePolicy) -> Vec<Vec<LiveFile>> {
    let (mut runs, mut run, mut bytes) = (Vec::new(), Vec::new(), 0);
    for file in tier {
        if bytes + file.bytes > policy.target_bytes || run.len() == policy.most_files.max(2) {
            runs.push(std::mem::take(&mut run));
            bytes = 0;
        }
        bytes += file.bytes;
        run.push((*file).clone());
    }
    runs.push(run);
    // A short rest at the end stays for the next time, unless the target's size is what cut the runs short.
    let shortest =
        if runs.len() == 1 { 2 } else { runs[0].len().min(policy.fan_in as usize).max(2) };
    runs.retain(|run| run.len() >= shortest);
    runs
}

#[cfg(test)]
mod tests {
    use quorate_schemas::log::Digest;

    use super::*;

    const POLICY: MergePolicy = MergePolicy { target_bytes: 1_000, fan_in: 4, most_files: 6 };

    /// Files of these sizes, younger ones first; gives the sizes of the runs' files, as places in the list.
    fn check(sizes: &[u64], expected: &[&[usize]]) {
        let files: Vec<LiveFile> = sizes
            .iter()
            .enumerate()
            .map(|(at, bytes)| LiveFile {
                path: format!("{at}"),
                bytes: *bytes,
                rows: None,
                min_event_time_us: Some(-(at as i64)),
                max_event_time_us: None,
                sha256: Some(Digest::ZERO),
                masked: false,
            })
            .collect();
        let place = |file: &LiveFile| file.path.parse::<usize>().unwrap();
        let runs: Vec<Vec<usize>> =
            choose(&files, &POLICY).iter().map(|run| run.iter().map(place).collect()).collect();
        assert_eq!(runs, expected, "{sizes:?}");
    }

    #[test]
    fn files_are_merged_when_there_are_enough_of_their_size() {
        check(&[], &[]);
        check(&[10, 10, 10], &[]);
        check(&[10, 11, 12, 13], &[&[3, 2, 1, 0]]);
        check(&[10, 10, 100, 100, 100, 1], &[]);
        check(&[10, 100, 10, 100, 10, 100, 10, 100], &[&[6, 4, 2, 0], &[7, 5, 3, 1]]);
    }

    #[test]
    fn files_that_fill_a_large_one_wait_for_no_more() {
        check(&[400, 400], &[]);
        check(&[400, 400, 400], &[&[2, 1]]);
        check(&[300, 300, 300, 10, 10], &[]);
    }

    #[test]
    fn a_merge_takes_no_more_files_or_bytes_than_allowed() {
        check(&[10; 8], &[&[7, 6, 5, 4, 3, 2]]);
        check(&[10; 12], &[&[11, 10, 9, 8, 7, 6], &[5, 4, 3, 2, 1, 0]]);
        check(&[400, 400, 400, 400], &[&[3, 2], &[1, 0]]);
        check(&[499, 499, 499, 499, 499], &[&[4, 3], &[2, 1]]);
    }

    #[test]
    fn large_masked_and_foreign_files_are_left_alone() {
        check(&[500, 500, 500, 500, 2_000], &[]);
        let file = |at: usize| LiveFile {
            path: format!("{at}"),
            bytes: 10,
            rows: None,
            min_event_time_us: None,
            max_event_time_us: None,
            sha256: (at != 9).then_some(Digest::ZERO),
            masked: at == 0,
        };
        assert_eq!(choose(&[0, 1, 2, 3].map(file), &POLICY), Vec::<Vec<LiveFile>>::new());
        assert_eq!(choose(&[9, 1, 2, 3].map(file), &POLICY), Vec::<Vec<LiveFile>>::new());
        assert_eq!(choose(&[1, 2, 3, 4].map(file), &POLICY).len(), 1);
    }

    /// What comes out of merges is merged again, a bounded number of times, and nothing is merged for ever.
    #[test]
    fn rows_are_rewritten_about_once_a_tier() {
        let policy = MergePolicy { target_bytes: 100_000, fan_in: 8, most_files: 64 };
        let (mut files, mut rewritten, arrivals) = (Vec::<LiveFile>::new(), 0u64, 20_000u64);
        for arrival in 0..arrivals {
            let time = Some(arrival as i64);
            let mut path = format!("{arrival:06}");
            let mut merged = LiveFile {
                path: path.clone(),
                bytes: 100,
                rows: None,
                min_event_time_us: time,
                max_event_time_us: time,
                sha256: Some(Digest::ZERO),
                masked: false,
            };
            files.push(merged.clone());
            loop {
                let runs = choose(&files, &policy);
                if runs.is_empty() {
                    break;
                }
                for run in runs {
                    files.retain(|file| !run.contains(file));
                    path.push('m');
                    merged = LiveFile {
                        path: path.clone(),
                        bytes: run.iter().map(|file| file.bytes).sum(),
                        ..run[0].clone()
                    };
                    rewritten += merged.bytes;
                    files.push(merged);
                }
            }
        }
        let total: u64 = files.iter().map(|file| file.bytes).sum();
        assert_eq!(total, arrivals * 100);
        assert!(
            rewritten / total <= 4,
            "each byte was rewritten {} times",
            rewritten as f64 / total as f64
        );
        assert!(files.len() < 80, "{} files are left", files.len());
    }
}
