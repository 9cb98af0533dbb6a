//! Who is which worker: all workers of a job count from 0, and each process has as many of them in a row.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

/// The workers of one process, among those of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seats {
    /// Which process this is.
    pub(crate) index: usize,
    /// How many there are.
    pub(crate) processes: usize,
    /// Workers of each.
    pub(crate) threads: usize,
}

impl Seats {
    /// Of a process that works alone.
    pub(crate) fn alone(threads: usize) -> Seats {
        Seats { index: 0, processes: 1, threads }
    }

    /// How many workers there are.
    pub(crate) fn peers(self) -> usize {
        self.processes * self.threads
    }

    /// Which thread of this process `worker` is, if it is one.
    pub(crate) fn thread_of(self, worker: usize) -> Option<usize> {
        worker.checked_sub(self.index * self.threads).filter(|thread| *thread < self.threads)
    }

    /// Which thread of this process restores rows that go there, if one does. Timely sends them where that is, too.
    pub(crate) fn restores(self, route: u64) -> Option<usize> {
        self.thread_of((route % self.peers().max(1) as u64) as usize)
    }

    /// Whether this process reads a partition that every process can reach (of a topic): one of them does, and all agree
    /// which, whatever they know of others. Which of its threads does is the [roster](crate::roster)'s.
    pub(crate) fn reads(self, source: &str, partition: &str) -> bool {
        let mut hasher = SipHasher13::new();
        hasher.write(source.as_bytes());
        // No name has it: so no two partitions are the same bytes.
        hasher.write_u8(0xff);
        // `votes/3@2` is what `votes/3` became when its topic was made anew, which only the reader of that one can tell.
        let place = partition.split('@').next().unwrap_or(partition);
        hasher.write(place.as_bytes());
        hasher.finish() % self.processes.max(1) as u64 == self.index as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_worker_sits_in_one_process() {
        let processes = (0..3).map(|index| Seats { index, processes: 3, threads: 2 });
        let sits: Vec<Vec<Option<usize>>> =
            processes.map(|seats| (0..6).map(|worker| seats.thread_of(worker)).collect()).collect();
        for worker in 0..6 {
            let threads: Vec<usize> = sits.iter().filter_map(|of| of[worker]).collect();
            assert_eq!(threads, [worker % 2]);
        }
    }

    #[test]
    fn a_partition_is_read_by_one_process() {
        let processes = (0..3).map(|index| Seats { index, processes: 3, threads: 2 });
        let processes: Vec<Seats> = processes.collect();
        let mut counts = [0; 3];
        for n in 0..600 {
            let reads = |seats: &&Seats| seats.reads("votes", &format!("votes/{n}"));
            let readers: Vec<&Seats> = processes.iter().filter(reads).collect();
            assert_eq!(readers.len(), 1);
            counts[readers[0].index] += 1;
            assert!(readers[0].reads("votes", &format!("votes/{n}@2")));
        }
        assert!(counts.iter().all(|count| (150..250).contains(count)), "{counts:?}");
        assert!(Seats::alone(4).reads("votes", "votes/1"));
    }
}
