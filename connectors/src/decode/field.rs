//! The fields that records have.

use quorate_schemas::record::RecordKind;

use super::cast::Cast;

/// A field of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// When it happened.
    EventTime,
    /// The producer's id of the record.
    EventId,
    /// The task.
    TaskId,
    /// The agent.
    AgentId,
    /// The agent's version.
    Version,
    /// A vote's label.
    Choice,
    /// A vote's number.
    Number,
    /// A vote's ranking: the better one, the worse one.
    Ranking,
    /// A vote's score of a response.
    Score,
    /// A task's domain.
    Domain,
    /// A task's kind.
    Kind,
    /// The labels that answer a task.
    Options,
    /// A task's deadline.
    Deadline,
    /// The least number of votes that decides a task.
    MinVotes,
    /// A task's quorum.
    Quorum,
    /// A task's reward.
    RewardMicrounits,
    /// What happens to an agent, or what an operator orders.
    Action,
    /// Who runs an agent, or who gives an order.
    Operator,
    /// An agent's family.
    Family,
    /// An agent's stake.
    Stake,
    /// The domains that an agent may vote in.
    Domains,
    /// A known answer, or the one that an operator sets.
    Answer,
    /// Why an operator orders it.
    Reason,
    /// The run that a tick belongs to.
    RunId,
    /// A tick's number.
    Tick,
    /// Where an agent was.
    Zone,
    /// What an agent decided.
    Decision,
    /// How a tick ended.
    Status,
    /// How long a tick took.
    DurationMs,
    /// What a tick cost in tokens.
    Tokens,
}

use Field::*;

impl Field {
    /// How many fields there are.
    pub(crate) const COUNT: usize = Field::Tokens as usize + 1;

    /// Of these a vote has one.
    pub const VALUES: [Field; 4] = [Choice, Number, Ranking, Score];

    /// The fields of a kind of record, the common ones first.
    pub fn of(kind: RecordKind) -> &'static [Field] {
        match kind {
            RecordKind::Task => &[
                EventTime,
                EventId,
                TaskId,
                Domain,
                Kind,
                Options,
                Deadline,
                MinVotes,
                Quorum,
                RewardMicrounits,
            ],
            RecordKind::Agent => {
                &[EventTime, EventId, AgentId, Version, Action, Operator, Family, Stake, Domains]
            }
            RecordKind::Vote => {
                &[EventTime, EventId, TaskId, AgentId, Version, Choice, Number, Ranking, Score]
            }
            RecordKind::Gold => &[EventTime, EventId, TaskId, Answer],
            RecordKind::Control => {
                &[EventTime, EventId, Action, AgentId, Version, TaskId, Answer, Operator, Reason]
            }
            RecordKind::Tick => &[
                EventTime, EventId, AgentId, Version, RunId, Tick, Zone, Decision, Status,
                DurationMs, Tokens,
            ],
        }
    }

    /// The field's name in records and job files.
    pub fn name(self) -> &'static str {
        match self {
            EventTime => "event_time",
            EventId => "event_id",
            TaskId => "task_id",
            AgentId => "agent_id",
            Version => "version",
            Choice => "choice",
            Number => "number",
            Ranking => "ranking",
            Score => "score",
            Domain => "domain",
            Kind => "kind",
            Options => "options",
            Deadline => "deadline",
            MinVotes => "min_votes",
            Quorum => "quorum",
            RewardMicrounits => "reward_microunits",
            Action => "action",
            Operator => "operator",
            Family => "family",
            Stake => "stake",
            Domains => "domains",
            Answer => "answer",
            Reason => "reason",
            RunId => "run_id",
            Tick => "tick",
            Zone => "zone",
            Decision => "decision",
            Status => "status",
            DurationMs => "duration_ms",
            Tokens => "tokens",
        }
    }

    /// Whether it holds a time, so that a job may state its unit.
    pub fn is_time(self) -> bool {
        self.shape() == Shape::Time
    }

    /// Whether a value that is taken so may stand in it.
    pub fn may_be_taken_as(self, cast: Cast) -> bool {
        match self.shape() {
            Shape::Id | Shape::Label => true,
            Shape::Number | Shape::Integer | Shape::Ratio | Shape::Time => cast == Cast::Number,
            Shape::Word | Shape::List | Shape::Object => false,
        }
    }

    /// What stands in it.
    pub(crate) fn shape(self) -> Shape {
        match self {
            EventTime | Deadline => Shape::Time,
            EventId | TaskId | AgentId | Version | Domain | Operator | Family | RunId => Shape::Id,
            Choice | Answer | Reason | Zone | Decision | Status => Shape::Label,
            Kind | Action => Shape::Word,
            Quorum => Shape::Ratio,
            Number => Shape::Number,
            MinVotes | RewardMicrounits | Stake | Tick | DurationMs | Tokens => Shape::Integer,
            Options | Domains | Ranking => Shape::List,
            Score => Shape::Object,
        }
    }
}

/// What may stand in a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Id,
    Label,
    /// One of a few.
    Word,
    Ratio,
    Number,
    Integer,
    Time,
    List,
    Object,
}
