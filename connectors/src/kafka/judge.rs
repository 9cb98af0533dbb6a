//! What is to be read of a partition, given what is known of it and what brokers have. Pure.

use super::mark::TopicMark;
use super::spec::{Gone, Start};
use crate::error::Error;
use crate::source::{Known, Mark};

/// From where to where a partition has messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offsets {
    /// The first.
    pub(super) first: u64,
    /// After the last.
    pub(super) end: u64,
}

/// What is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Judged {
    /// The partition's name.
    pub(super) partition: String,
    /// By what it is known.
    pub(super) mark: TopicMark,
    /// The position to go on from.
    pub(super) next: u64,
    /// The first offset to read.
    pub(super) begin: u64,
    /// What an operator should know.
    pub(super) notice: Option<String>,
}

/// Judges one partition.
///
/// Positions of one partition chain, so one whose topic was made anew is another partition, `votes/3@2`.
///
/// # Errors
/// [`Error::Kafka`] if rows are gone, and the job is not to go on without them.
pub(super) fn judge(
    at: &TopicMark,
    offsets: Offsets,
    known: &[Known<Mark>],
    start: Start,
    gone: Gone,
) -> Result<Judged, Error> {
    let of_it = known.iter().filter_map(|known| match &known.mark {
        Mark::Topic(mark) if (&mark.topic, mark.number) == (&at.topic, at.number) => {
            Some((generation(&known.partition), known, mark))
        }
        Mark::Topic(_) | Mark::File(_) => None,
    });
    // Those before the last have been replaced, whether or not their readers have noticed.
    let last = of_it.max_by_key(|(generation, ..)| *generation);
    let earlier = last.map_or(0, |(generation, ..)| generation);
    let Some((_, known, mark)) = last.filter(|(_, _, mark)| !mark.replaced) else {
        let begin = match (earlier, start, gone) {
            (0, Start::Latest, _) | (1.., _, Gone::Latest) => offsets.end,
            _ => offsets.first,
        };
        return Ok(fresh(at, earlier, begin, None));
    };
    let Offsets { first, end } = offsets;
    let judged = Judged {
        partition: known.partition.clone(),
        mark: mark.clone(),
        next: known.next,
        begin: known.next,
        notice: None,
    };
    if known.next < first {
        let lost = first - known.next;
        let what = format!(
            "the {lost} offsets from {} to {first} are gone from the topic before they were read",
            known.next
        );
        return match begin_after(gone, offsets) {
            None => Err(fails(&known.partition, &what, lost)),
            Some(begin) => Ok(Judged {
                begin,
                notice: Some(format!("{what}: it goes on at offset {begin}")),
                ..judged
            }),
        };
    }
    if known.next > end {
        let what = format!(
            "the job has read up to offset {}, and the topic ends at {end}: it was deleted and made anew, or lost \
             what it had",
            known.next
        );
        return match begin_after(gone, offsets) {
            None => Err(fails(&known.partition, &what, end - first)),
            Some(begin) => {
                let notice = format!("{what}: its messages from {begin} on are another partition");
                Ok(fresh(at, earlier, begin, Some(notice)))
            }
        };
    }
    Ok(judged)
}

/// Where to go on where rows are gone; nowhere if the job is to stop.
pub(super) fn begin_after(gone: Gone, offsets: Offsets) -> Option<u64> {
    match gone {
        Gone::Fail => None,
        Gone::Earliest => Some(offsets.first),
        Gone::Latest => Some(offsets.end),
    }
}

/// The error that says what would be passed over.
pub(super) fn fails(partition: &str, what: &str, skipped: u64) -> Error {
    let reason = format!(
        "{what}. Write gone = \"earliest\" in the source's kafka table to go on with what there is, or gone = \"latest\" \
         to pass over the {skipped} offsets there are and go on with what comes"
    );
    Error::Kafka { about: partition.to_owned(), reason, passes: false }
}

/// How many topics of its name there were up to the one of this partition.
fn generation(partition: &str) -> u32 {
    partition.rsplit_once('@').and_then(|(_, number)| number.parse().ok()).unwrap_or(1)
}

fn fresh(at: &TopicMark, earlier: u32, begin: u64, notice: Option<String>) -> Judged {
    let partition = match earlier {
        0 => at.name(),
        earlier => format!("{}@{}", at.name(), earlier + 1),
    };
    Judged { partition, mark: at.clone(), next: begin, begin, notice }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> TopicMark {
        TopicMark { topic: "votes".into(), number: 3, ..TopicMark::default() }
    }

    fn known(partition: &str, next: u64, replaced: bool) -> Known<Mark> {
        let mark = Mark::Topic(TopicMark { replaced, ..at() });
        Known { partition: partition.into(), next, mark, done: false }
    }

    fn judged(
        known: &[Known<Mark>],
        offsets: (u64, u64),
        gone: Gone,
    ) -> Result<(String, u64, u64, bool), String> {
        let offsets = Offsets { first: offsets.0, end: offsets.1 };
        judge(&at(), offsets, known, Start::Earliest, gone)
            .map(|j| (j.partition, j.next, j.begin, j.notice.is_some()))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_partition_goes_on_where_the_log_has_it() {
        let log = [known("votes/3", 120, false)];
        for gone in [Gone::Fail, Gone::Earliest, Gone::Latest] {
            assert_eq!(judged(&log, (0, 500), gone), Ok(("votes/3".into(), 120, 120, false)));
            assert_eq!(judged(&log, (120, 120), gone), Ok(("votes/3".into(), 120, 120, false)));
        }
        assert_eq!(judged(&[], (5, 9), Gone::Fail), Ok(("votes/3".into(), 5, 5, false)));
        let latest = Offsets { first: 5, end: 9 };
        assert_eq!(judge(&at(), latest, &[], Start::Latest, Gone::Fail).unwrap().next, 9);
    }

    #[test]
    fn rows_that_are_gone_are_passed_over_only_if_the_job_says_so() {
        let log = [known("votes/3", 120, false)];
        let said = judged(&log, (500, 900), Gone::Fail).unwrap_err();
        assert!(
            said.contains("380 offsets from 120 to 500") && said.contains("gone = \"earliest\""),
            "{said}"
        );
        // The range in the log still chains: it begins where the last one ended.
        assert_eq!(
            judged(&log, (500, 900), Gone::Earliest),
            Ok(("votes/3".into(), 120, 500, true))
        );
        assert_eq!(judged(&log, (500, 900), Gone::Latest), Ok(("votes/3".into(), 120, 900, true)));
    }

    #[test]
    fn a_topic_made_anew_is_another_partition() {
        let log = [known("votes/3", 120, false)];
        assert!(judged(&log, (0, 40), Gone::Fail).unwrap_err().contains("made anew"));
        assert_eq!(judged(&log, (0, 40), Gone::Earliest), Ok(("votes/3@2".into(), 0, 0, true)));
        assert_eq!(judged(&log, (0, 40), Gone::Latest), Ok(("votes/3@2".into(), 40, 40, true)));
        // From then on it is that one which goes on.
        for replaced in [true, false] {
            let log = [known("votes/3", 120, replaced), known("votes/3@2", 30, false)];
            assert_eq!(judged(&log, (0, 40), Gone::Fail), Ok(("votes/3@2".into(), 30, 30, false)));
        }
        let log = [known("votes/3@10", 30, false), known("votes/3@2", 50, false)];
        assert_eq!(judged(&log, (0, 40), Gone::Fail), Ok(("votes/3@10".into(), 30, 30, false)));
        let log = [known("votes/3", 120, true)];
        assert_eq!(judged(&log, (0, 400), Gone::Earliest), Ok(("votes/3@2".into(), 0, 0, false)));
    }
}
