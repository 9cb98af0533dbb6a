use serde::{Deserialize, Serialize};

use super::CellKind::{Flag, Int, Real, Text, Time, Word};
use super::{Cells, Column, TableRow};
use crate::id::{Id, Name};
use crate::ratio::Ratio;
use crate::record::TaskKind;
use crate::time::Micros;

/// How a closed task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum DecisionStatus {
    /// The answer's weight exceeds the quorum.
    Quorate,
    /// It does not; the answer is only the leading one.
    Undecided(UndecidedReason),
}

/// Why a closed task has no quorum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum UndecidedReason {
    /// Nobody's vote counted.
    NoVotes,
    /// Fewer votes counted than the task or the job asks for.
    TooFewVotes,
    /// The leading answer's weight does not exceed the quorum.
    NoQuorum,
}

impl UndecidedReason {
    /// The word in the table.
    pub fn word(self) -> &'static str {
        match self {
            UndecidedReason::NoVotes => "no_votes",
            UndecidedReason::TooFewVotes => "too_few_votes",
            UndecidedReason::NoQuorum => "no_quorum",
        }
    }
}

/// Why this revision was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RevisionReason {
    /// The task closed.
    Closed,
    /// A voter was quarantined.
    Quarantine,
    /// A voter was released.
    Release,
    /// An operator set the answer.
    Override,
    /// The right answer became known.
    Gold,
    /// The job's settings, or the build, decide otherwise now.
    Upgrade,
    /// Nothing changes any more.
    Final,
}

impl RevisionReason {
    /// The word in the table.
    pub fn word(self) -> &'static str {
        match self {
            RevisionReason::Closed => "closed",
            RevisionReason::Quarantine => "quarantine",
            RevisionReason::Release => "release",
            RevisionReason::Override => "override",
            RevisionReason::Gold => "gold",
            RevisionReason::Upgrade => "upgrade",
            RevisionReason::Final => "final",
        }
    }
}

/// What closed a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum CloseRule {
    /// The task's own deadline.
    Deadline,
    /// The job's time after the first vote.
    After,
    /// Enough votes.
    Votes,
    /// A quorum was reached.
    Quorum,
    /// The input ended.
    EndOfInput,
}

impl CloseRule {
    /// The word in the table.
    pub fn word(self) -> &'static str {
        match self {
            CloseRule::Deadline => "deadline",
            CloseRule::After => "after",
            CloseRule::Votes => "votes",
            CloseRule::Quorum => "quorum",
            CloseRule::EndOfInput => "end_of_input",
        }
    }
}

/// What the quorum is a share of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EligibleBasis {
    /// The weight of the votes cast.
    Votes,
    /// The weight of the agents registered for the domain when the task opened.
    Registered,
    /// The weight of the agents seen voting in the domain lately.
    Voters,
}

impl EligibleBasis {
    /// The word in the table.
    pub fn word(self) -> &'static str {
        match self {
            EligibleBasis::Votes => "votes",
            EligibleBasis::Registered => "registered",
            EligibleBasis::Voters => "voters",
        }
    }
}

/// One revision of one task's decision.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DecisionRow {
    /// When this revision became true, in event time.
    pub event_time: Micros,
    /// From 0.
    pub revision: u32,
    /// The task.
    pub task: Id,
    /// Its domain.
    pub domain: Id,
    /// Its kind.
    pub kind: TaskKind,
    /// How it stands.
    pub status: DecisionStatus,
    /// Whether no revision will follow.
    pub is_final: bool,
    /// Why this revision was written.
    pub reason: RevisionReason,
    /// The leading answer, in every status; null only where nobody's vote counted.
    pub answer: Option<Name>,
    /// The answer's posterior probability, in millionths.
    pub confidence_micros: i64,
    /// The answer's weight, in millionths.
    pub support_micros: i64,
    /// The weight of the next answer, in millionths.
    pub runner_up_micros: i64,
    /// The weight of all counted votes, in millionths.
    pub total_micros: i64,
    /// What the quorum is a share of, in millionths of weight.
    pub eligible_micros: i64,
    /// What that is.
    pub eligible_basis: EligibleBasis,
    /// The quorum that held.
    pub quorum: Ratio,
    /// Counted votes.
    pub votes: u32,
    /// Agents whose last word was no answer.
    pub abstentions: u32,
    /// Agents whose vote did not count.
    pub excluded: u32,
    /// How many labels an answer was one of: the declared options, else the labels voted for.
    pub options: u32,
    /// Votes replaced by their agent's later one.
    pub superseded: u32,
    /// Votes equal to one that was there.
    pub duplicates: u32,
    /// The method that decided.
    pub method: Name,
    /// The era whose weights decided.
    pub era: i64,
    /// When the task opened.
    pub opened_at: Micros,
    /// When it closed.
    pub closed_at: Micros,
    /// What closed it.
    pub close_rule: CloseRule,
    /// The right answer, once it is known.
    pub gold: Option<Name>,
}

impl DecisionRow {
    /// How far the answer leads, in millionths of weight.
    pub fn margin_micros(&self) -> i64 {
        self.support_micros - self.runner_up_micros
    }

    /// The greatest weight that could have been hostile among the answer's supporters, voting for the runner-up
    /// instead, without changing the answer: strictly less than half of the margin.
    pub fn tolerates_micros(&self) -> i64 {
        ((self.margin_micros() - 1) / 2).max(0)
    }
}

fn weight(micros: i64) -> Option<f64> {
    Some(micros as f64 / 1e6)
}

impl TableRow for DecisionRow {
    const COLUMNS: &'static [Column] = &[
        Column::new("task_id", Text),
        Column::new("domain", Word),
        Column::new("kind", Word),
        Column::new("state", Word),
        Column::nullable("undecided_reason", Word),
        Column::new("is_final", Flag),
        Column::new("reason", Word),
        Column::nullable("answer", Word),
        Column::new("confidence", Real),
        Column::new("support_weight", Real),
        Column::new("runner_up_weight", Real),
        Column::new("total_weight", Real),
        Column::new("eligible_weight", Real),
        Column::new("eligible_basis", Word),
        Column::new("quorum", Word),
        Column::new("margin", Real),
        Column::new("tolerated_hostile_weight", Real),
        Column::new("votes", Int),
        Column::new("abstentions", Int),
        Column::new("excluded", Int),
        Column::new("options", Int),
        Column::new("superseded", Int),
        Column::new("duplicates", Int),
        Column::new("method", Word),
        Column::new("era", Int),
        Column::new("opened_at", Time),
        Column::new("closed_at", Time),
        Column::new("close_rule", Word),
        Column::new("time_to_decision_ms", Int),
        Column::nullable("gold_answer", Word),
        Column::nullable("gold_match", Flag),
    ];

    fn revision(&self) -> i64 {
        self.revision.into()
    }

    fn event_time(&self) -> Micros {
        self.event_time
    }

    fn cells(&self, to: &mut impl Cells) {
        let (state, undecided) = match self.status {
            DecisionStatus::Quorate => ("quorate", None),
            DecisionStatus::Undecided(reason) => ("undecided", Some(reason.word())),
        };
        to.text(Some(self.task.name()));
        to.text(Some(self.domain.name()));
        to.text(Some(self.kind.word()));
        to.text(Some(state));
        to.text(undecided);
        to.flag(Some(self.is_final));
        to.text(Some(self.reason.word()));
        to.text(self.answer.as_deref());
        to.real(weight(self.confidence_micros));
        to.real(weight(self.support_micros));
        to.real(weight(self.runner_up_micros));
        to.real(weight(self.total_micros));
        to.real(weight(self.eligible_micros));
        to.text(Some(self.eligible_basis.word()));
        to.text(Some(&self.quorum.to_string()));
        to.real(weight(self.margin_micros()));
        to.real(weight(self.tolerates_micros()));
        to.int(Some(self.votes.into()));
        to.int(Some(self.abstentions.into()));
        to.int(Some(self.excluded.into()));
        to.int(Some(self.options.into()));
        to.int(Some(self.superseded.into()));
        to.int(Some(self.duplicates.into()));
        to.text(Some(&self.method));
        to.int(Some(self.era));
        to.time(Some(self.opened_at));
        to.time(Some(self.closed_at));
        to.text(Some(self.close_rule.word()));
        to.int(Some((self.closed_at - self.opened_at) / 1_000));
        to.text(self.gold.as_deref());
        to.flag(self.gold.as_ref().map(|gold| self.answer.as_ref() == Some(gold)));
    }
}
