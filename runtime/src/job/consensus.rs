//! `[consensus]`: how votes become decisions.

use std::time::Duration;

use quorate_operators::policy::{Caps, Close, Method, Policy, QuorumOf, StakeRule, Unknown};
use quorate_schemas::clock::Eras;
use quorate_schemas::ratio::Ratio;
use quorate_schemas::record::RecordKind;
use quorate_schemas::time::{Micros, SECOND};
use toml::Spanned;

use super::close::read_close;
use super::section::{Findings, Given, Section, Wrong};
use super::source::Source;
use super::units::{LONGEST, Span, on_the_clock};
use super::value;

/// `[consensus]`, resolved.
pub(super) struct Consensus {
    pub(super) policy: Policy,
    pub(super) lateness: Micros,
    pub(super) idle_after: Option<Duration>,
}

/// `[consensus]` as the file has it.
pub(super) struct RawConsensus {
    /// `method`: `"weighted"` (default: a vote weighs the log-odds that its agent is right), `"stacked"` (what it adds
    /// beside the votes of the others), `"auto"` (which of several does best on known answers) or `"majority"`.
    method: Given<Method>,
    /// `quorum`: the share of weight that an answer must exceed; default `"2/3"`. Below 1.
    quorum: Given<Ratio>,
    /// `quorum_of`: a share of what: `"votes"` cast, or of all `"eligible"`. Default votes; eligible with stakes.
    quorum_of: Given<QuorumOf>,
    /// `close`: when tasks close, beside their own deadlines; default `{ after = "10m" }`.
    close: Given<Close>,
    /// `lateness`: a row this much older than the newest before it in its partition is late; default `"30s"`.
    lateness: Given<Micros>,
    /// `idle_after`: a followed partition without a row on time for so long (by the machine's clock, from `"1s"` on)
    /// holds the watermark up no more, or `"off"`; default `"60s"`.
    idle_after: Given<Option<Micros>>,
    /// `era`: the span of event time in which weights stand; default `"1h"`.
    era: Given<Micros>,
    /// `finality_after`: how long after its close a task can still be revised; default `"10m"`.
    finality_after: Given<Micros>,
    /// `forget_after`: how long after that its name is remembered; default `"1h"`.
    forget_after: Given<Micros>,
    /// `cap`: the most of a domain's weight that one agent or family may hold, or `"off"`. Default off; 1/3 with stakes.
    cap: Given<Option<Ratio>>,
    /// `stake`: what stakes do to weights: `"ignore"` (default) or `"linear"`.
    stake: Given<StakeRule>,
    /// `min_votes`: fewer votes leave a task undecided; default 1.
    min_votes: Given<u32>,
    /// `unknown_agents`: votes of agents that are not registered: `"accept"` (default) or `"reject"`.
    unknown_agents: Given<Unknown>,
    /// `unknown_tasks`: votes on tasks that are not declared: `"accept"` (default) or `"reject"`.
    unknown_tasks: Given<Unknown>,
}

/// Longer than the pauses of most writers, and short enough for a person to wait.
const IDLE_AFTER: Micros = 60 * SECOND;

/// A shorter lateness costs little, whatever tasks are like.
const HOUR: Micros = 3_600 * SECOND;

const UNKNOWN: &[(&str, Unknown)] = &[("accept", Unknown::Accept), ("reject", Unknown::Reject)];

impl RawConsensus {
    pub(super) fn read(mut section: Section<'_>, found: &mut Findings<'_>) -> RawConsensus {
        let methods = value::word(&[
            ("majority", Method::Majority),
            ("weighted", Method::Weighted),
            ("stacked", Method::Stacked),
            ("auto", Method::Auto),
        ]);
        let wholes = value::word(&[("votes", QuorumOf::Votes), ("eligible", QuorumOf::Eligible)]);
        let stakes = value::word(&[("ignore", StakeRule::Ignore), ("linear", StakeRule::Linear)]);
        let raw = RawConsensus {
            method: section.take("method", found, methods),
            quorum: section.take("quorum", found, value::share().and_then(below_the_whole)),
            quorum_of: section.take("quorum_of", found, wholes),
            close: read_close(&mut section, found),
            lateness: section.take("lateness", found, value::span(0..=LONGEST)),
            idle_after: section.take(
                "idle_after",
                found,
                value::span(SECOND..=LONGEST).unless("off"),
            ),
            era: section.take("era", found, value::span(SECOND..=LONGEST)),
            finality_after: section.take("finality_after", found, value::span(0..=LONGEST)),
            forget_after: section.take("forget_after", found, value::span(0..=LONGEST)),
            cap: section.take("cap", found, value::share().and_then(above_nothing).unless("off")),
            stake: section.take("stake", found, stakes),
            min_votes: section.take("min_votes", found, value::count(1..=u32::MAX)),
            unknown_agents: section.take("unknown_agents", found, value::word(UNKNOWN)),
            unknown_tasks: section.take("unknown_tasks", found, value::word(UNKNOWN)),
        };
        section.close(found);
        raw
    }

    /// What holds. What the sources must be for it is checked here too.
    pub(super) fn resolve(
        self,
        sources: &[Source],
        caps: Caps,
        updates: bool,
        found: &mut Findings<'_>,
    ) -> Consensus {
        self.check(sources, caps, found);
        let defaults = Policy::default();
        let stake = or(&self.stake, defaults.stake);
        // Where stake is at risk, less than a third of it must neither decide nor block.
        let (cap, quorum_of) = match stake {
            StakeRule::Ignore => (defaults.cap, defaults.quorum_of),
            StakeRule::Linear => (Some(Ratio::ONE_THIRD), QuorumOf::Eligible),
        };
        let policy = Policy {
            method: or(&self.method, defaults.method),
            quorum: or(&self.quorum, defaults.quorum),
            quorum_of: or(&self.quorum_of, quorum_of),
            close: or(&self.close, defaults.close),
            eras: self.era.as_ref().map_or(defaults.eras, |era| Eras::of_length(*era.get_ref())),
            finality_after: or(&self.finality_after, defaults.finality_after),
            forget_after: or(&self.forget_after, defaults.forget_after),
            cap: or(&self.cap, cap),
            stake,
            min_votes: or(&self.min_votes, defaults.min_votes),
            unknown_agents: or(&self.unknown_agents, defaults.unknown_agents),
            unknown_tasks: or(&self.unknown_tasks, defaults.unknown_tasks),
            registered: holds(sources, RecordKind::Agent),
            updates,
            caps,
        };
        let idle_after = or(&self.idle_after, Some(IDLE_AFTER));
        Consensus {
            policy,
            lateness: or(&self.lateness, 30 * SECOND),
            idle_after: idle_after.map(on_the_clock),
        }
    }

    fn check(&self, sources: &[Source], caps: Caps, found: &mut Findings<'_>) {
        let agents = holds(sources, RecordKind::Agent);
        let add_agents = "add [source.agents], or leave this key out";
        if let Some(key) =
            self.unknown_agents.as_ref().filter(|key| *key.get_ref() == Unknown::Reject && !agents)
        {
            let message = "no source registers agents, so every vote would be rejected";
            found.error(Some(&key.span()), "consensus.unknown_agents", message, add_agents);
        }
        if let Some(key) =
            self.unknown_tasks.as_ref().filter(|key| *key.get_ref() == Unknown::Reject)
            && !holds(sources, RecordKind::Task)
        {
            let message = "no source declares tasks, so every vote would be rejected";
            let remedy = "add [source.tasks], or leave this key out";
            found.error(Some(&key.span()), "consensus.unknown_tasks", message, remedy);
        }
        if let Some(key) =
            self.stake.as_ref().filter(|key| *key.get_ref() == StakeRule::Linear && !agents)
        {
            let message =
                "no source says what agents have at stake, so no vote would weigh anything";
            found.error(Some(&key.span()), "consensus.stake", message, add_agents);
        }
        if let Some(votes) =
            self.min_votes.as_ref().filter(|votes| *votes.get_ref() > caps.votes_per_task)
        {
            let message = format!(
                "a task holds at most {} votes, so none would ever be decided",
                caps.votes_per_task
            );
            let remedy = "lower it, or raise limits.votes_per_task";
            found.error(Some(&votes.span()), "consensus.min_votes", message, remedy);
        }
        self.check_close(sources, caps, found);
        self.warn_of_lateness(found);
        self.warn_of_agreement(sources, found);
        self.warn_of_two_winners(found);
    }

    fn check_close(&self, sources: &[Source], caps: Caps, found: &mut Findings<'_>) {
        let Some(close) = &self.close else { return };
        let (span, rules) = (close.span(), close.get_ref());
        if rules.after.is_none()
            && let Some(followed) = sources.iter().find(|source| source.follow)
        {
            let message = format!(
                "source \"{}\" is followed and never ends, so tasks would never close",
                followed.name
            );
            let remedy = "write close = { after = \"10m\" }, or take `follow` out of the source";
            found.error(Some(&span), "consensus.close", message, remedy);
        }
        let min_votes = or(&self.min_votes, Policy::default().min_votes);
        if let Some(votes) = rules.votes {
            if votes < min_votes {
                let message = format!(
                    "closes a task at {votes} votes, of which {min_votes} are needed to decide it"
                );
                found.error(
                    Some(&span),
                    "consensus.close.votes",
                    message,
                    "raise it, or lower min_votes",
                );
            }
            if votes > caps.votes_per_task {
                let message = format!(
                    "a task holds at most {} votes and would never reach {votes}",
                    caps.votes_per_task
                );
                found.error(
                    Some(&span),
                    "consensus.close.votes",
                    message,
                    "lower it, or raise limits.votes_per_task",
                );
            }
        }
        let of_votes = or(&self.quorum_of, QuorumOf::Votes) == QuorumOf::Votes
            && or(&self.stake, StakeRule::Ignore) == StakeRule::Ignore;
        if rules.quorum && of_votes && min_votes == 1 {
            let message = "one vote is all of the votes cast, so a task closes at its first";
            let remedy = "set min_votes, or quorum_of = \"eligible\"";
            found.warn(Some(&span), "consensus.close.quorum", message, remedy);
        }
    }

    /// Rows are held until nothing on time can come before them, however short-lived their tasks are.
    fn warn_of_lateness(&self, found: &mut Findings<'_>) {
        let (Some(lateness), defaults) = (&self.lateness, Policy::default()) else { return };
        let Some(after) = or(&self.close, defaults.close).after else { return };
        let rest = [
            or(&self.finality_after, defaults.finality_after),
            or(&self.forget_after, defaults.forget_after),
        ];
        let life = rest.into_iter().fold(after, Micros::saturating_add);
        if *lateness.get_ref() > life.max(HOUR) {
            let message = format!(
                "each row is held for {}, and a task lives no longer than {}",
                Span(*lateness.get_ref()),
                Span(life)
            );
            let remedy = "memory grows with it, and nothing is decided before: lower it if rows come in better order";
            found.warn(Some(&lateness.span()), "consensus.lateness", message, remedy);
        }
    }

    fn warn_of_agreement(&self, sources: &[Source], found: &mut Findings<'_>) {
        let method = or(&self.method, Policy::default().method);
        if method.learns() && holds(sources, RecordKind::Vote) && !holds(sources, RecordKind::Gold)
        {
            let span = self.method.as_ref().map(Spanned::span);
            let message = match method {
                Method::Stacked | Method::Auto => {
                    "no source gives gold answers, so nothing is learnt, and all votes count the same"
                }
                _ => "no source gives gold answers, so weights are learnt from agreement alone",
            };
            let remedy = "agreement is not truth: add [source.gold] with a few known answers, or take \"majority\"";
            found.warn(span.as_ref(), "consensus.method", message, remedy);
        }
    }

    fn warn_of_two_winners(&self, found: &mut Findings<'_>) {
        if let Some(quorum) = &self.quorum {
            let ratio = *quorum.get_ref();
            if u64::from(ratio.numerator()) * 2 < u64::from(ratio.denominator()) {
                let message = format!("two answers can both exceed {ratio} of the weight");
                let remedy = "the heavier one wins; write at least \"1/2\" if a quorum shall exclude any other";
                found.warn(Some(&quorum.span()), "consensus.quorum", message, remedy);
            }
        }
    }
}

/// Whether a source of the job holds records of this kind.
pub(super) fn holds(sources: &[Source], kind: RecordKind) -> bool {
    sources.iter().any(|source| source.kind == kind)
}

fn or<T: Copy>(given: &Given<T>, default: T) -> T {
    given.as_ref().map_or(default, |given| *given.get_ref())
}

fn below_the_whole(ratio: Ratio) -> Result<Ratio, Wrong> {
    if ratio.numerator() == ratio.denominator() {
        let message = "an answer must exceed its quorum, and nothing exceeds the whole";
        return Err(Wrong::new(message, "write less than 1, for unanimity \"0.999999\""));
    }
    Ok(ratio)
}

fn above_nothing(ratio: Ratio) -> Result<Ratio, Wrong> {
    if ratio.numerator() == 0 {
        return Err(Wrong::new(
            "nobody could hold any weight",
            "write a share above 0, or \"off\"",
        ));
    }
    Ok(ratio)
}
