//! `[limits]`: what input may cost. Beyond a limit rows become rejects, so that nobody can pin memory or time.

use quorate_connectors::inlet;
use quorate_operators::policy::{Caps, Policy};
use quorate_schemas::ratio::Ratio;
use quorate_schemas::time::{EARLIEST, LATEST, Micros};
use toml::Spanned;
use toml::de::DeValue;

use super::finding::quoted;
use super::section::{Findings, Given, Section, Wrong};
use super::shape::{Reader, Shape};
use super::units::{LONGEST, Size};
use super::value;

/// Bounds on rows, and on how many of them may be bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// What one row may do.
    pub rows: inlet::Limits,
    /// When there are so many bad rows that the job stops.
    pub rejects: RejectLimit,
}

/// How many rows a job refuses before it stops, since something else than a row must be wrong. Late rows don't
/// count: they are well formed, and on some days many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectLimit {
    /// It never stops.
    Off,
    /// More than this many rows.
    Rows(u64),
    /// More than this share of the rows read, once [`RejectLimit::SHARE_FROM_ROWS`] have been.
    Share(Ratio),
}

impl RejectLimit {
    /// Below this many rows a share says too little: the first line of a file may well be a heading.
    pub const SHARE_FROM_ROWS: u64 = 10_000;

    /// Whether a job that has read `rows_in` rows and refused `rejected` of them must stop.
    pub fn is_exceeded(self, rejected: u64, rows_in: u64) -> bool {
        match self {
            RejectLimit::Off => false,
            RejectLimit::Rows(rows) => rejected > rows,
            RejectLimit::Share(share) => {
                let count = |rows: u64| i64::try_from(rows).unwrap_or(i64::MAX);
                rows_in >= RejectLimit::SHARE_FROM_ROWS
                    && share.exceeded_by(count(rejected), count(rows_in))
            }
        }
    }
}

/// `[limits]` as the file has it.
pub(super) struct RawLimits {
    /// `line_bytes`: the longest line; from `"1KiB"` to `"1GiB"`, default `"16MiB"`.
    line_bytes: Given<u64>,
    /// `reject_bytes`: how much of a rejected row is kept; up to `line_bytes`, default `"64KiB"`.
    reject_bytes: Given<u64>,
    /// `votes_per_task`: rows that one task can hold; default 1,000,000.
    votes_per_task: Given<u32>,
    /// `votes_per_agent_and_task`: different votes of one agent that a task can hold; default 64.
    votes_per_agent_and_task: Given<u32>,
    /// `future_skew`: how far ahead of the clock an event time may lie, or `"off"`; default `"10m"`. What is further
    /// ahead would make everything after it late.
    future_skew: Given<Option<Micros>>,
    /// `rejects`: stop above this many refused rows: a share (`"10%"`, default, once 10,000 rows were read), a number,
    /// or `"off"`.
    rejects: Given<RejectLimit>,
}

impl RawLimits {
    pub(super) fn read(mut section: Section<'_>, found: &mut Findings<'_>) -> RawLimits {
        let votes = || value::count(1..=u32::MAX);
        let raw = RawLimits {
            line_bytes: section.take("line_bytes", found, value::size(1 << 10..=1 << 30)),
            reject_bytes: section.take("reject_bytes", found, value::size(0..=1 << 30)),
            votes_per_task: section.take("votes_per_task", found, votes()),
            votes_per_agent_and_task: section.take("votes_per_agent_and_task", found, votes()),
            future_skew: section.take("future_skew", found, value::span(0..=LONGEST).unless("off")),
            rejects: section.take("rejects", found, rejects()),
        };
        section.close(found);
        raw
    }

    pub(super) fn resolve(self, found: &mut Findings<'_>) -> (Limits, Caps) {
        self.warn_of_rejects(found);
        let defaults = inlet::Limits::default();
        let line_bytes_max = self.line_bytes.map_or(defaults.line_bytes_max, bytes);
        let reject_bytes_max = match self.reject_bytes {
            None => defaults.reject_bytes_max.min(line_bytes_max),
            Some(given) => {
                let (span, given) = (given.span(), bytes(given));
                if given > line_bytes_max {
                    let message = format!(
                        "keeps more of a line than its greatest length of {}",
                        Size(line_bytes_max as u64)
                    );
                    let remedy = "lower it, or raise limits.line_bytes";
                    found.error(Some(&span), "limits.reject_bytes", message, remedy);
                }
                given
            }
        };
        // No two times that are accepted lie further apart.
        let any = LATEST - EARLIEST;
        let skew = self.future_skew.map(Spanned::into_inner);
        let future_skew_us = skew.map_or(defaults.future_skew_us, |skew| skew.unwrap_or(any));
        let limits = Limits {
            rows: inlet::Limits { line_bytes_max, reject_bytes_max, future_skew_us },
            rejects: self.rejects.map_or_else(default_rejects, Spanned::into_inner),
        };
        let caps = Policy::default().caps;
        let span = self.votes_per_agent_and_task.as_ref().map(Spanned::span);
        let caps = Caps {
            votes_per_task: self.votes_per_task.map_or(caps.votes_per_task, Spanned::into_inner),
            votes_per_agent_and_task: self
                .votes_per_agent_and_task
                .map_or(caps.votes_per_agent_and_task, Spanned::into_inner),
        };
        if let Some(span) = span.filter(|_| caps.votes_per_agent_and_task > caps.votes_per_task) {
            let message =
                format!("a task holds at most {} rows, of all agents", caps.votes_per_task);
            let remedy = "lower it, or raise limits.votes_per_task";
            found.warn(Some(&span), "limits.votes_per_agent_and_task", message, remedy);
        }
        (limits, caps)
    }

    fn warn_of_rejects(&self, found: &mut Findings<'_>) {
        let Some(given) = &self.rejects else { return };
        let (message, remedy) = match *given.get_ref() {
            RejectLimit::Rows(0) => (
                "the first row that cannot be used stops the job",
                "write \"10%\" or a number if some may be bad",
            ),
            RejectLimit::Share(share) if share.numerator() == 0 => (
                "one row that cannot be used stops the job, once 10,000 were read",
                "write 0 if it shall stop at once, or \"10%\" if some may be bad",
            ),
            RejectLimit::Share(share) if share.numerator() == share.denominator() => (
                "no more than all rows can be rejected, so this never stops the job",
                "write \"off\" if that is meant",
            ),
            _ => return,
        };
        found.warn(Some(&given.span()), "limits.rejects", message, remedy);
    }
}

fn default_rejects() -> RejectLimit {
    Ratio::new(1, 10).map_or(RejectLimit::Off, RejectLimit::Share)
}

fn bytes(given: Spanned<u64>) -> usize {
    usize::try_from(given.into_inner()).unwrap_or(usize::MAX)
}

fn rejects() -> Reader<impl Fn(&Spanned<DeValue<'_>>) -> Result<RejectLimit, Wrong>> {
    let percent = Shape::Text(r"^\s*\+?[0-9]+\s*%$");
    let forms = vec![percent, Shape::Whole(0..=u64::MAX), Shape::Word(vec!["off"])];
    Reader::new(Shape::AnyOf(forms), read_rejects)
}

fn read_rejects(value: &Spanned<DeValue<'_>>) -> Result<RejectLimit, Wrong> {
    const FORMS: &str = "write a share such as \"10%\", a number of rows such as 1000, or \"off\"";
    match value.get_ref() {
        DeValue::Integer(_) => (value::whole(0..=u64::MAX).read)(value).map(RejectLimit::Rows),
        DeValue::String(text) if text == "off" => Ok(RejectLimit::Off),
        DeValue::String(text) => {
            let share =
                text.strip_suffix('%').and_then(|percent| percent.trim().parse::<u32>().ok());
            let share = share.and_then(|percent| Ratio::new(percent, 100));
            let wrong = || Wrong::new(format!("{} is not a limit of rejects", quoted(text)), FORMS);
            share.map(RejectLimit::Share).ok_or_else(wrong)
        }
        other => Err(Wrong::new(
            format!("is {}, should be text or a number", super::section::kind_of(other)),
            FORMS,
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_rejects_counts_once_enough_rows_were_read() {
        let limit = default_rejects();
        assert!(!limit.is_exceeded(9_999, 9_999));
        assert!(!limit.is_exceeded(1_000, 10_000));
        assert!(limit.is_exceeded(1_001, 10_000));
        assert!(limit.is_exceeded(u64::MAX, u64::MAX));
    }

    #[test]
    fn a_number_of_rejects_counts_from_the_first_row() {
        assert!(!RejectLimit::Rows(0).is_exceeded(0, 5));
        assert!(RejectLimit::Rows(0).is_exceeded(1, 5));
        assert!(!RejectLimit::Off.is_exceeded(u64::MAX, u64::MAX));
    }
}
