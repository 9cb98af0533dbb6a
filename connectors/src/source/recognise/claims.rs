//! Which file is whose: each is claimed by one known partition at most.

use std::collections::{BTreeMap, BTreeSet};

use super::heads::Head;
use super::{Known, Sighting};
use crate::source::mark::Inode;

/// Who has what.
pub(super) struct Claims {
    /// Known partition → its file.
    pub(super) of_known: BTreeMap<usize, usize>,
    /// The files that are somebody's.
    pub(super) taken: BTreeSet<usize>,
}

/// The claims of `known` on `sightings`, in the order that the module's doc states.
pub(super) fn claims(known: &[Known], sightings: &[Sighting]) -> Claims {
    let mut claims = Claims { of_known: BTreeMap::new(), taken: BTreeSet::new() };
    let by_inode: BTreeMap<Inode, usize> =
        sightings.iter().enumerate().map(|(at, file)| (file.inode, at)).collect();
    let by_name: BTreeMap<&str, usize> =
        sightings.iter().enumerate().map(|(at, file)| (file.name.as_str(), at)).collect();
    // A done partition may have had the same file in an earlier life.
    let (done, open): (Vec<usize>, Vec<usize>) = (0..known.len()).partition(|&at| known[at].done);
    let order: Vec<usize> = open.into_iter().chain(done).collect();
    for &at in &order {
        let found = by_inode.get(&known[at].mark.inode());
        claims.claim(known, sightings, at, found.copied());
    }
    for &at in &order {
        // An empty file that was read to its end says nothing of what stands in its place.
        if !known[at].done || known[at].mark.head_bytes > 0 {
            let found = by_name.get(known[at].mark.path.as_str());
            claims.claim(known, sightings, at, found.copied());
        }
    }
    claims.by_content(known, sightings, &order);
    claims
}

impl Claims {
    fn claim(&mut self, known: &[Known], sightings: &[Sighting], at: usize, file: Option<usize>) {
        let Some(file) = file else { return };
        let free = !self.of_known.contains_key(&at) && !self.taken.contains(&file);
        if free && may_be(&known[at], &sightings[file]) {
            self.of_known.insert(at, file);
            self.taken.insert(file);
        }
    }

    /// The files that are nobody's yet, for those whose own is gone or was cut short. A digest of each such file for
    /// each length of a head that is looked for, nearly always one; then a look-up for each partition.
    fn by_content(&mut self, known: &[Known], sightings: &[Sighting], order: &[usize]) {
        let looking: Vec<usize> = order
            .iter()
            .copied()
            .filter(|at| !self.of_known.contains_key(at))
            .filter(|&at| {
                let Known { mark, done, .. } = &known[at];
                mark.is_telling() && (!done || mark.cut_short)
            })
            .collect();
        let lengths: BTreeSet<u32> = looking.iter().map(|&at| known[at].mark.head_bytes).collect();
        let mut begin: BTreeMap<Head, Vec<usize>> = BTreeMap::new();
        for file in (0..sightings.len()).filter(|file| !self.taken.contains(file)) {
            let heads = lengths.iter().map_while(|bytes| Head::of_file(&sightings[file], *bytes));
            heads.for_each(|head| begin.entry(head).or_default().push(file));
        }
        for at in looking {
            for &file in begin.get(&Head::of(&known[at].mark)).into_iter().flatten() {
                self.claim(known, sightings, at, Some(file));
            }
        }
    }
}

/// Whether `file` may be the one that `known` was read from. What was cut short does not go on in the same file,
/// whatever that has become: nobody knows how much of it is new.
fn may_be(known: &Known, file: &Sighting) -> bool {
    let long_enough = !file.has_bytes_for_positions() || file.file_bytes >= known.next;
    let written_anew = known.mark.cut_short && file.inode == known.mark.inode();
    long_enough && !written_anew && known.mark.begins(&file.head)
}
