//! An explanation for a person with 80 columns.

use std::fmt;

use quorate_schemas::time::format_rfc3339;

use super::{Change, Closeness, Evidence, Explanation, Revision, Standing};
use crate::grid::{Grid, counted, cut, short};

/// Votes shown; the others are for machines.
const VOTES_SHOWN: usize = 50;
/// Agents named where some would have changed a decision.
const AGENTS_NAMED: usize = 5;

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(now) = self.revisions.last() else { return Ok(()) };
        let domain = if self.domain.is_empty() {
            "no domain".to_owned()
        } else {
            format!("domain {}", cut(&self.domain, 30))
        };
        writeln!(
            f,
            "task {} ({domain}, job {}), as of commit {}",
            cut(&self.task_id, 40),
            self.job,
            self.as_of_commit
        )?;
        writeln!(f)?;
        self.head(f, now)?;
        writeln!(f, "\nrevisions")?;
        write!(f, "{}", revisions(&self.revisions))?;
        writeln!(f, "\nanswers")?;
        let mut labels = Grid::new(2, &["label", ">weight", ">share", ">votes"]);
        for label in self.labels.iter().take(VOTES_SHOWN) {
            labels.row([
                label.label.clone(),
                short(label.weight),
                per_cent(label.share),
                label.votes.to_string(),
            ]);
        }
        write!(f, "{labels}")?;
        writeln!(f, "\nvotes")?;
        write!(f, "{}", votes(&self.votes))?;
        writeln!(f, "\nwhat the weights rest on")?;
        write!(f, "{}", evidence(&self.votes))?;
        writeln!(f, "\nhow close it was")?;
        closeness(f, &self.closeness, now)?;
        writeln!(f)?;
        if self.matches() {
            return writeln!(f, "derived from these votes alone: the same, in every column");
        }
        writeln!(f, "derived from these votes alone: NOT the same")?;
        self.differences.iter().try_for_each(|finding| writeln!(f, "  {finding}"))
    }
}

impl Explanation {
    fn head(&self, f: &mut fmt::Formatter<'_>, now: &Revision) -> fmt::Result {
        let answer =
            now.answer.as_ref().map_or_else(|| "none".to_owned(), |answer| cut(answer, 40));
        let reason =
            now.undecided_reason.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"));
        let hand = if self.set_by_hand { ", set by hand" } else { "" };
        let ending = if now.is_final { ", final" } else { "" };
        writeln!(f, "  answer      {answer}: {}{reason}{hand}{ending}", now.state)?;
        writeln!(f, "  confidence  {}", short(now.confidence))?;
        let (support, total) = (short(now.support_weight), short(now.total_weight));
        writeln!(
            f,
            "  weight      {support} of {total}, by the weights of era {} ({})",
            self.era,
            match &self.choice {
                Some(choice) => format!("{}: {}", self.method, choice.in_words()),
                None => self.method.clone(),
            }
        )?;
        let closed = format_rfc3339(self.closed_at);
        writeln!(f, "  closed      {closed} by {}", self.close_rule)?;
        writeln!(f, "  opened      {}", format_rfc3339(self.opened_at))?;
        let more = format!("{} abstained, {} in quarantine", now.abstentions, now.excluded);
        let gone = format!("{} superseded, {} doubled", self.superseded, self.duplicates);
        writeln!(f, "  votes       {} counted, {more}; {gone}", now.votes)?;
        match &now.gold_answer {
            None => Ok(()),
            Some(gold) => {
                let verdict = if now.answer.as_ref() == Some(gold) { "right" } else { "wrong" };
                writeln!(f, "  gold        {}: the answer is {verdict}", cut(gold, 40))
            }
        }
    }
}

fn per_cent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

fn revisions(revisions: &[Revision]) -> Grid {
    let mut grid = Grid::new(
        2,
        &[">rev", ">commit", "event time", "reason", "state", "answer", ">confidence"],
    );
    for revision in revisions {
        let time = format_rfc3339(revision.event_time);
        let cells = [
            revision.revision.to_string(),
            revision.commit.to_string(),
            time.split('.').next().unwrap_or(&time).to_owned(),
            revision.reason.clone(),
            revision.state.clone(),
            revision.answer.clone().unwrap_or_default(),
            short(revision.confidence),
        ];
        grid.row(cells);
    }
    grid
}

fn agent(vote: &Standing) -> String {
    match &vote.version {
        Some(version) => format!("{} {version}", vote.agent_id),
        None => vote.agent_id.clone(),
    }
}

fn votes(votes: &[Standing]) -> String {
    let mut grid = Grid::new(2, &["agent", "choice", ">weight", ">share", "status", "read from"]);
    for vote in votes.iter().take(VOTES_SHOWN) {
        let from = format!("{}:{}", vote.partition, vote.position);
        let choice = vote.choice.clone().unwrap_or_else(|| "-".to_owned());
        grid.row([
            agent(vote),
            choice,
            short(vote.weight),
            per_cent(vote.share),
            vote.status.clone(),
            from,
        ]);
    }
    let mut text = grid.to_string();
    if let Some(more) = votes.len().checked_sub(VOTES_SHOWN).filter(|more| *more > 0) {
        text.push_str(&format!("  and {more} more: --json has all\n"));
    }
    text
}

fn evidence(votes: &[Standing]) -> String {
    let headings =
        ["agent", "basis", ">era", ">gold", ">elsewhere", ">agreed", ">accuracy", ">weight"];
    let mut grid = Grid::new(2, &headings);
    let (mut known, mut newcomers) = (0, 0);
    let of = |right: f64, seen: f64| {
        if seen > 0.0 { format!("{right:.1}/{seen:.1}") } else { "-".to_owned() }
    };
    for vote in votes.iter().take(VOTES_SHOWN) {
        let Some(Evidence { here, gold_seen_elsewhere, gold_right_elsewhere }) = &vote.evidence
        else {
            newcomers += 1;
            continue;
        };
        known += 1;
        let elsewhere = of(*gold_right_elsewhere, *gold_seen_elsewhere);
        grid.row(match here {
            Some(shown) => vec![
                agent(vote),
                shown.basis.clone(),
                shown.era.to_string(),
                of(shown.gold_right, shown.gold_seen),
                elsewhere,
                of(shown.consensus_right, shown.consensus_seen),
                short(shown.accuracy),
                short(shown.weight),
            ],
            None => {
                let nothing = || "-".to_owned();
                vec![agent(vote), "elsewhere".to_owned(), nothing(), nothing(), elsewhere]
            }
        });
    }
    let mut text = if known > 0 { grid.to_string() } else { String::new() };
    if newcomers > 0 {
        text.push_str(&format!("  {} of whom nothing was known\n", counted(newcomers, "agent")));
    }
    text
}

fn closeness(f: &mut fmt::Formatter<'_>, close: &Closeness, now: &Revision) -> fmt::Result {
    let against = close
        .runner_up
        .as_ref()
        .map_or_else(|| "no other answer".to_owned(), |label| cut(label, 30));
    writeln!(f, "  margin      {} over {against}", short(close.margin))?;
    let basis =
        format!("{} of {} ({})", now.quorum, short(now.eligible_weight), now.eligible_basis);
    let needed = short(close.quorum_weight);
    match close.quorum_to_spare {
        spare if spare > 0.0 => {
            writeln!(f, "  quorum      more than {needed}, {basis}: {} to spare", short(spare))?
        }
        spare => writeln!(f, "  quorum      more than {needed}, {basis}: {} short", short(-spare))?,
    }
    let other = |change: &Option<Change>| {
        let to = change.as_ref().and_then(|change| change.to.clone());
        to.map_or_else(|| "another answer".to_owned(), |to| cut(&to, 24))
    };
    let (by_change, by_leaving) =
        (&close.other_answer_by_changed_votes, &close.other_answer_by_left_out_votes);
    let lines = [
        (format!("{} instead, had these voted for it", other(by_change)), by_change),
        (format!("{} instead, without these", other(by_leaving)), by_leaving),
        ("no quorum, had these voted otherwise".to_owned(), &close.no_quorum_by_changed_votes),
    ];
    for (what, change) in lines {
        if let Some(change) = change {
            writeln!(f, "  {what}:\n    {}", agents(change))?;
        }
    }
    if let Some(weight) = close.quorum_by_more_weight {
        writeln!(f, "  a quorum, with {} more weight for the answer", short(weight))?;
    }
    Ok(())
}

fn agents(change: &Change) -> String {
    let named: Vec<String> =
        change.agents.iter().take(AGENTS_NAMED).map(|agent| cut(agent, 24)).collect();
    let more = match change.agents.len() - named.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let of = format!(
        "{} of weight {}",
        counted(change.agents.len() as u64, "agent"),
        short(change.weight)
    );
    cut(&format!("{of}: {}{more}", named.join(", ")), 76)
}
