//! What a job had chosen, as far as an auditor needs it: read back from the store, never from a job file.
//!
//! A log record carries the digest of its job, and the text that it is the digest of lies beside the log under
//! [`job_path`]: `key = value` lines. So the text needs no protection of its own. A changed one is not the job's.

use quorate_connectors::store::Store;
use quorate_schemas::log::{Digest, job_path};
use quorate_schemas::ratio::Ratio;
use quorate_schemas::time::Micros;

use crate::error::Result;

/// The terms on which tasks were decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The method: `majority` or `weighted`.
    pub method: String,
    /// The share that an answer must exceed, where its task has none of its own.
    pub quorum: Ratio,
    /// Whether it is a share of all who could have voted, and not of the votes cast.
    pub of_eligible: bool,
    /// The length of an era.
    pub era_us: Micros,
    /// How long after its close a task can be revised.
    pub finality_after_us: Micros,
    /// How long after that its name is remembered.
    pub forget_after_us: Micros,
    /// Whether no agent or family may hold more than a share of the weight.
    pub capped: bool,
    /// Whether weights are multiplied by stake.
    pub staked: bool,
    /// Fewer counted votes than this leave a task undecided, where it has no number of its own.
    pub min_votes: i64,
    /// Whether a source registers agents.
    pub registered: bool,
    /// Whether a source declares tasks: these may have a quorum, options and a number of votes of their own.
    pub declared: bool,
    /// Whether a source gives orders: to set an answer by hand, or to leave out an agent's votes.
    pub controlled: bool,
}

impl Terms {
    /// The terms in a job's text. Lines of other keys mean nothing here.
    ///
    /// # Errors
    /// Which key is missing or holds what it cannot.
    pub fn parse(text: &str) -> Result<Terms, String> {
        let value = |key: &str| {
            let pairs = text.lines().filter_map(|line| line.split_once(" = "));
            let mut values = pairs.filter(|(found, _)| *found == key).map(|(_, value)| value);
            values.next().ok_or_else(|| format!("it has no line `{key} = …`"))
        };
        let number = |key: &str| {
            let value = value(key)?;
            value.parse::<i64>().map_err(|_| format!("`{key} = {value}` is not a number"))
        };
        let quorum = value("consensus.quorum")?;
        let reads = |kind: &str| {
            let kinds = text.lines().filter(|line| line.starts_with("source."));
            kinds.into_iter().any(|line| line.ends_with(&format!(".kind = {kind}")))
        };
        Ok(Terms {
            method: value("consensus.method")?.to_owned(),
            quorum: quorum.parse().map_err(|reason| format!("consensus.quorum: {reason}"))?,
            of_eligible: value("consensus.quorum_of")? == "eligible",
            era_us: number("consensus.era_us")?.max(1),
            finality_after_us: number("consensus.finality_after_us")?,
            forget_after_us: number("consensus.forget_after_us")?,
            capped: value("consensus.cap")? != "off",
            staked: value("consensus.stake")? != "ignore",
            min_votes: number("consensus.min_votes")?,
            registered: value("consensus.registered")? == "true",
            declared: reads("tasks"),
            controlled: reads("control"),
        })
    }

    /// The era that `time` lies in.
    pub fn era_of(&self, time: Micros) -> i64 {
        time.div_euclid(self.era_us)
    }

    /// Whether what a vote counts follows from evidence alone: not from stake, caps, or who is registered.
    pub fn weights_are_plain(&self) -> bool {
        !(self.capped || self.staked || self.of_eligible && self.registered)
    }

    /// Whether votes are weighed as parts of a whole, of which none is less than nothing.
    pub fn weighs_parts(&self) -> bool {
        self.capped || self.staked || self.of_eligible
    }

    /// Whether weights are log-odds, so that their sums give a posterior.
    pub fn weights_are_log_odds(&self) -> bool {
        self.method != "majority" && !self.capped && !self.staked
    }
}

/// The terms of the job with this fingerprint, or why they are not known.
pub(crate) async fn read(store: &Store, fingerprint: &Digest) -> Result<Result<Terms, String>> {
    let Some(bytes) = store.get(&job_path(fingerprint)).await? else {
        return Ok(Err(
            "the text of the job that it was written under is not on the store".to_owned()
        ));
    };
    if Digest::of(&bytes) != *fingerprint {
        return Ok(Err(
            "the text of the job was changed: it does not have the fingerprint".to_owned()
        ));
    }
    let text = String::from_utf8_lossy(&bytes);
    Ok(Terms::parse(&text)
        .map_err(|reason| format!("the text of the job cannot be read: {reason}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
form = 1
name = panel
consensus.method = weighted
consensus.quorum = 2/3
consensus.quorum_of = votes
consensus.close.after_us = 600000000
consensus.era_us = 3600000000
consensus.finality_after_us = 600000000
consensus.forget_after_us = 3600000000
consensus.cap = off
consensus.stake = ignore
consensus.min_votes = 1
consensus.registered = false
source.questions.kind = tasks
";

    #[test]
    fn terms_are_read_from_the_text_of_a_job() {
        let terms = Terms::parse(TEXT).unwrap();
        assert_eq!((terms.quorum, terms.era_us), (Ratio::TWO_THIRDS, 3_600_000_000));
        assert!(
            terms.weights_are_plain()
                && terms.weights_are_log_odds()
                && terms.declared
                && !terms.registered
        );
        let capped = Terms::parse(&TEXT.replace("cap = off", "cap = 1/3")).unwrap();
        assert!(!capped.weights_are_plain() && !capped.weights_are_log_odds());
    }

    #[test]
    fn a_text_that_lacks_a_key_is_refused_by_its_name() {
        let without = TEXT.replace("consensus.era_us = 3600000000\n", "");
        assert_eq!(Terms::parse(&without), Err("it has no line `consensus.era_us = …`".to_owned()));
        let wrong = TEXT.replace("min_votes = 1", "min_votes = one");
        assert_eq!(
            Terms::parse(&wrong),
            Err("`consensus.min_votes = one` is not a number".to_owned())
        );
    }
}
