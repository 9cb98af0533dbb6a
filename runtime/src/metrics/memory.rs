//! How much memory this program has, and how much it may have.

use std::fs;
use std::path::{Path, PathBuf};

/// Bytes of this program that lie in memory, as the kernel counts them.
pub(super) fn resident_bytes() -> Option<u64> {
    resident(&fs::read_to_string("/proc/self/status").ok()?)
}

/// The most that this program may have: the least limit of the control groups it is in, of either version.
pub(super) fn limit_bytes() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limit_in = |file: PathBuf| limit(&fs::read_to_string(file).ok()?);
    limit_files(&groups, Path::new("/sys/fs/cgroup")).into_iter().filter_map(limit_in).min()
}

fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1_024)
}

/// A limit, unless it is none: `max`, or of version 1 the greatest number of pages.
fn limit(text: &str) -> Option<u64> {
    const NONE: u64 = 1 << 60;
    text.trim().parse().ok().filter(|bytes| *bytes < NONE)
}

/// The files that may hold a limit: of the group itself and of those above it. In a container its own group may be the
/// root of what it sees.
fn limit_files(groups: &str, root: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (parts.next(), parts.next()) else { continue };
        let (base, file) = match controllers {
            "" => (root.to_path_buf(), "memory.max"),
            some if some.split(',').any(|name| name == "memory") => {
                (root.join("memory"), "memory.limit_in_bytes")
            }
            _ => continue,
        };
        let group = group.trim_start_matches('/');
        files.extend(Path::new(group).ancestors().map(|above| base.join(above).join(file)));
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_numbers_are_read() {
        assert_eq!(resident("VmPeak:\t 9 kB\nVmRSS:\t  1000 kB\n"), Some(1_024_000));
        assert_eq!(resident("nothing"), None);
        assert!(resident_bytes().is_some_and(|bytes| bytes > 1 << 20));
        assert_eq!(limit("1073741824\n"), Some(1 << 30));
        assert_eq!(limit("max\n"), None);
        assert_eq!(limit("9223372036854771712\n"), None);
    }

    #[test]
    fn a_limit_is_looked_for_in_the_group_and_above_it_in_either_version() {
        let check = |groups: &str, expected: &[&str]| {
            let found = limit_files(groups, Path::new("/cg"));
            let expected: Vec<PathBuf> = expected.iter().map(PathBuf::from).collect();
            assert_eq!(found, expected, "{groups}");
        };
        check("0::/a/b\n", &["/cg/a/b/memory.max", "/cg/a/memory.max", "/cg/memory.max"]);
        check("0::/\n", &["/cg/memory.max"]);
        check(
            "5:cpu:/x\n4:hugetlb,memory:/x\n",
            &["/cg/memory/x/memory.limit_in_bytes", "/cg/memory/memory.limit_in_bytes"],
        );
        check("nonsense", &[]);
    }
}
