//! One revision of a decision, column by column, against what follows from the votes as of it.

use quorate_schemas::id::Name;
use quorate_schemas::ratio::Ratio;
use quorate_schemas::time::{Micros, format_rfc3339};

use super::finding::{Check, Findings};
use super::life::about;
use crate::derive::Outcome;
use crate::rows::{Decision, is_micros, micros, real};
use crate::terms::Terms;

/// What is known, beside the tables, of the commit that made a revision true.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Known<'t> {
    pub(crate) terms: Option<&'t Terms>,
    /// The greatest event time of the input by then. What closed later did so because the input had ended.
    pub(crate) greatest: Option<Micros>,
}

/// How far a confidence may be off: it is rounded to millionths, and exponentials differ a little between machines.
const CONFIDENCE_SLACK: f64 = 1.5e-6;

/// Whether the answer is one that only an operator can have set: it has a quorum, and not by its votes.
pub(super) fn is_set_by_hand(
    decision: &Decision,
    outcome: &Outcome,
    terms: Option<&Terms>,
) -> bool {
    let (Ok(quorum), Some(answer)) = (decision.quorum.parse(), decision.answer.as_ref()) else {
        return false;
    };
    let follows = outcome.answer() == Some(answer)
        && why_undecided(decision, outcome, quorum, terms).is_none();
    terms.is_none_or(|terms| terms.controlled) && decision.state == "quorate" && !follows
}

/// Why the votes leave their task undecided; nothing, if they do not.
fn why_undecided<'d>(
    decision: &'d Decision,
    outcome: &Outcome,
    quorum: Ratio,
    terms: Option<&Terms>,
) -> Option<&'d str> {
    let Some(answer) = outcome.answer() else { return Some("no_votes") };
    let eligible = i128::from(micros(decision.eligible).unwrap_or(0));
    let few = terms.map(|terms| outcome.votes < terms.min_votes);
    let own_number = terms.is_none_or(|terms| terms.declared);
    let found = decision.undecided_reason.as_deref();
    match few {
        // A task's own number of votes is in no table: then its decision is believed.
        _ if own_number && found == Some("too_few_votes") => found,
        Some(true) if !own_number => Some("too_few_votes"),
        _ if outcome.exceeds(answer, quorum, eligible) => None,
        _ => Some("no_quorum"),
    }
}

/// Checks a revision; `before` is the one before it, `by_hand` the answer that an operator has set.
pub(super) fn check_revision(
    decision: &Decision,
    before: Option<&Decision>,
    outcome: &Outcome,
    by_hand: Option<&Name>,
    known: Known<'_>,
    findings: &mut Findings,
) {
    let terms = known.terms;
    let mut derived = Derived { decision, findings };
    derived.check_counts(outcome, terms);
    derived.check_answer(outcome, by_hand);
    derived.check_state(outcome, terms, by_hand.is_some());
    derived.check_confidence(outcome, terms);
    derived.check_reason(before, terms);
    derived.check_times(before, known);
}

/// One revision against what follows from its votes.
struct Derived<'a> {
    decision: &'a Decision,
    findings: &'a mut Findings,
}

impl Derived<'_> {
    fn differs(
        &mut self,
        column: &str,
        expected: impl std::fmt::Display,
        found: impl std::fmt::Display,
    ) {
        self.findings.add(about(self.decision, Check::Decision, column).differs(expected, found));
    }

    fn number(&mut self, column: &str, expected: i64, found: i64) {
        if expected != found {
            self.differs(column, expected, found);
        }
    }

    fn weight(&mut self, column: &str, expected_micros: i128, found: f64) {
        if !is_micros(found, expected_micros) {
            self.differs(column, real(expected_micros), found);
        }
    }

    fn check_counts(&mut self, outcome: &Outcome, terms: Option<&Terms>) {
        let decision = self.decision;
        self.number("votes", outcome.votes, decision.votes);
        self.number("abstentions", outcome.abstentions, decision.abstentions);
        self.number("excluded", outcome.excluded, decision.excluded);
        self.weight("total_weight", outcome.total_micros, decision.total);
        // Where tasks are declared they may name their options, and not all of them need be voted for.
        if terms.is_some_and(|terms| !terms.declared) {
            self.number("options", outcome.ranked.len() as i64, decision.options);
        }
        if let Some(terms) = terms.filter(|terms| decision.method != terms.method) {
            self.differs("method", &terms.method, &decision.method);
        }
    }

    fn check_answer(&mut self, outcome: &Outcome, by_hand: Option<&Name>) {
        let decision = self.decision;
        let answer = by_hand.or(outcome.answer());
        if decision.answer.as_ref() != answer {
            let word = |answer: Option<&Name>| {
                answer.map_or_else(|| "none".to_owned(), |label| format!("{label:?}"))
            };
            self.differs("answer", word(answer), word(decision.answer.as_ref()));
        }
        let support = answer.map_or(0, |answer| outcome.weight_of(answer));
        let runner_up =
            answer.and_then(|answer| outcome.next_to(answer)).map_or(0, |(_, weight)| weight);
        self.weight("support_weight", support, decision.support);
        self.weight("runner_up_weight", runner_up, decision.runner_up);
        let margin = support - runner_up;
        self.weight("margin", margin, decision.margin);
        self.weight("tolerated_hostile_weight", ((margin - 1) / 2).max(0), decision.tolerated);
    }

    fn check_state(&mut self, outcome: &Outcome, terms: Option<&Terms>, by_hand: bool) {
        let decision = self.decision;
        // What a cap takes from the votes cast is still part of the whole.
        if decision.eligible_basis == "votes" && terms.is_some_and(|terms| !terms.capped) {
            self.weight("eligible_weight", outcome.total_micros, decision.eligible);
        } else if decision.eligible < decision.total {
            self.differs(
                "eligible_weight, at least the weight of the votes",
                decision.total,
                decision.eligible,
            );
        }
        let Ok(quorum) = decision.quorum.parse::<Ratio>() else {
            return self.differs("quorum", "a ratio", &decision.quorum);
        };
        if let Some(terms) = terms.filter(|terms| !terms.declared && terms.quorum != quorum) {
            self.differs("quorum", terms.quorum, quorum);
        }
        let found = decision.undecided_reason.as_deref();
        let expected = if by_hand { None } else { why_undecided(decision, outcome, quorum, terms) };
        let state = if expected.is_some() { "undecided" } else { "quorate" };
        if decision.state != state {
            self.differs("state", state, &decision.state);
        }
        if found != expected {
            self.differs("undecided_reason", expected.unwrap_or("none"), found.unwrap_or("none"));
        }
    }

    fn check_confidence(&mut self, outcome: &Outcome, terms: Option<&Terms>) {
        let Some(terms) = terms else { return };
        let decision = self.decision;
        let expected = match &decision.answer {
            None => 0.0,
            Some(answer) if terms.weights_are_log_odds() => outcome.posterior(answer),
            Some(answer) => real(outcome.share_micros(answer)),
        };
        // Also says no to what is not a number.
        let near = (decision.confidence - expected).abs() <= CONFIDENCE_SLACK;
        if !near {
            self.differs("confidence", format!("{expected:.6}"), decision.confidence);
        }
    }

    fn check_reason(&mut self, before: Option<&Decision>, terms: Option<&Terms>) {
        let reason = self.decision.reason.as_str();
        let ordered = ["override", "quarantine", "release"].contains(&reason);
        if before.is_none() && reason != "closed" && reason != "override" {
            self.differs("reason", "closed", reason);
        } else if ordered && terms.is_some_and(|terms| !terms.controlled) {
            self.differs("reason, of a job that reads no orders", "another", reason);
        }
    }

    fn check_times(&mut self, before: Option<&Decision>, known: Known<'_>) {
        let decision = self.decision;
        self.number(
            "time_to_decision_ms",
            (decision.closed_at - decision.opened_at) / 1_000,
            decision.time_to_decision_ms,
        );
        let time = |derived: &mut Self, column: &str, right: bool, at: Micros, found: Micros| {
            if !right {
                derived.differs(column, format_rfc3339(at), format_rfc3339(found));
            }
        };
        let (opened, closed) = (decision.opened_at, decision.closed_at);
        time(self, "opened_at, no later than the close", opened <= closed, closed, opened);
        match before {
            None => {
                time(
                    self,
                    "event_time, of the close",
                    decision.event_time == closed,
                    closed,
                    decision.event_time,
                );
            }
            Some(before) => {
                // The final revision, and one by other settings, may come at the very time of the last change.
                let may_be_equal = decision.is_final || decision.reason == "upgrade";
                let later = decision.event_time > before.event_time
                    || (may_be_equal && decision.event_time == before.event_time);
                time(
                    self,
                    "event_time, later than the revision before",
                    later,
                    before.event_time,
                    decision.event_time,
                );
                self.number("superseded", before.superseded, decision.superseded);
                self.number("duplicates", before.duplicates, decision.duplicates);
                self.number("era", before.era, decision.era);
            }
        }
        let matched = decision.gold.as_ref().map(|gold| decision.answer.as_ref() == Some(gold));
        if decision.gold_match != matched {
            self.differs(
                "gold_match",
                format!("{matched:?}"),
                format!("{:?}", decision.gold_match),
            );
        }
        let Some(terms) = known.terms else { return };
        let last = closed.saturating_add(terms.finality_after_us);
        time(
            self,
            "event_time, no later than the task could be revised",
            decision.event_time <= last,
            last,
            decision.event_time,
        );
        if before.is_none() {
            // At the end of the input gold tasks close in its last era and the others in the one after.
            let after_gold = decision.close_rule == "end_of_input" && decision.gold.is_none();
            let after_gold = i64::from(after_gold);
            let own = terms.era_of(closed) + after_gold;
            match known.greatest {
                // No era begins after the last row of the input.
                Some(last) => {
                    self.number("era", terms.era_of(closed.min(last)) + after_gold, decision.era);
                }
                None if decision.era > own => self.number("era", own, decision.era),
                None => {}
            }
        }
    }
}
