//! How well a job does, as numbers to be drawn: accuracy and coverage over time, whether confidence can be believed,
//! agents by domain, and who agrees with whom.
//!
//! *Cost*: the tables are read twice; memory holds a count per agent, and one for each pair of those that are drawn.

mod html;
mod svg;

use std::collections::{BTreeMap, HashMap};

use quorate_connectors::store::Store;
use quorate_schemas::id::Name;
use quorate_schemas::table::Table;
use quorate_schemas::time::Micros;
use serde::Serialize;

use crate::agents::last_of_each;
use crate::error::Result;
use crate::read::{each_life, files_until, rows_with};
use crate::rows::{Reputation, Status};
use crate::snapshot::{Extent, Snapshot};
use crate::verify::Life;
use crate::whatif::{Truths, right_answer};

pub use html::page;

/// Points on the axis of time.
const MOMENTS: usize = 60;
/// Bins of confidence.
const BINS: usize = 10;
/// Agents drawn: those with the most votes.
const AGENTS_DRAWN: usize = 30;
/// Domains drawn: those with the most evidence.
const DOMAINS_DRAWN: usize = 8;

/// What there is to draw.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The job.
    pub job: String,
    /// The commit that it is about.
    pub as_of_commit: u64,
    /// All closed tasks.
    pub all: Sum,
    /// The same by when they closed, in equal spans of event time; empty ones are left out.
    pub moments: Vec<Moment>,
    /// The same by confidence, a tenth each, from 0 to 1.
    pub bins: Vec<Bin>,
    /// Agents by domain, as of the last era of each.
    pub standings: Vec<Standing>,
    /// Who agrees with whom.
    pub agreement: Agreement,
}

/// Tasks, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sum {
    /// All of them.
    pub tasks: u64,
    /// Those with a quorum.
    pub quorate: u64,
    /// Those whose right answer is known.
    pub known: u64,
    /// Of these, those whose leading answer is right.
    pub right: u64,
    /// Of the known, those with a quorum.
    pub quorate_known: u64,
    /// Of these, those that are right.
    pub quorate_right: u64,
}

impl Sum {
    fn add(&mut self, quorate: bool, right: Option<bool>) {
        self.tasks += 1;
        self.quorate += u64::from(quorate);
        self.known += u64::from(right.is_some());
        self.right += u64::from(right == Some(true));
        self.quorate_known += u64::from(quorate && right.is_some());
        self.quorate_right += u64::from(quorate && right == Some(true));
    }
}

/// The tasks that closed in a span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// Where the span begins.
    pub from_us: Micros,
    /// The tasks.
    pub sum: Sum,
}

/// The tasks of about one confidence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Bin {
    /// The sum of their confidences; only those whose right answer is known.
    pub confidence: f64,
    /// The tasks.
    pub sum: Sum,
}

/// What an agent has shown in a domain.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Standing {
    /// The agent, with its version.
    pub agent: String,
    /// The domain.
    pub domain: String,
    /// What a vote counts.
    pub weight: f64,
    /// Known answers seen, fading from era to era.
    pub seen: f64,
    /// Of them, right.
    pub right: f64,
}

/// How often agents say the same on tasks on which both vote.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Agreement {
    /// The agents, so that those who agree stand side by side.
    pub agents: Vec<String>,
    /// By row and column as in `agents`: tasks with both, and with the same answer of both.
    pub pairs: Vec<Vec<(u64, u64)>>,
}

/// Gathers what there is to draw. Answers are scored as [`crate::whatif::whatif`] scores them.
///
/// # Errors
/// If the store cannot be read.
pub async fn report(store: &Store, truths: Option<&Truths>) -> Result<Report> {
    let snapshot = Snapshot::load(store, Extent::Committed).await?;
    let mut first = FirstLook::default();
    each_life(store, &snapshot, |life| first.see(life)).await?;
    let mut second = SecondLook::after(&first);
    each_life(store, &snapshot, |life| second.see(life, truths)).await?;
    let commit = snapshot.record.standing.checkpoint;
    let files = files_until(snapshot.files_of(Table::AgentReputation), commit);
    let reputations =
        rows_with(store, Table::AgentReputation, &files, "agent_id", |_| true).await?;
    let SecondLook { all, moments, bins, agreement, .. } = second;
    Ok(Report {
        job: snapshot.record.job.clone(),
        as_of_commit: commit,
        all,
        moments: moments.into_iter().filter(|moment| moment.sum.tasks > 0).collect(),
        bins,
        standings: standings(reputations, &first),
        agreement: side_by_side(agreement),
    })
}

/// Who votes, and when tasks close.
#[derive(Default)]
struct FirstLook {
    votes: BTreeMap<Name, u64>,
    closed: Option<(Micros, Micros)>,
}

impl FirstLook {
    fn see(&mut self, life: &Life) {
        let Some(last) = life.decisions.last() else { return };
        let at = last.closed_at;
        self.closed = Some(self.closed.map_or((at, at), |(a, b)| (a.min(at), b.max(at))));
        for vote in life.votes.iter().filter(|vote| vote.revision == 0) {
            *self.votes.entry(vote.agent.clone()).or_default() += 1;
        }
    }

    /// Those with the most votes, in order of their names.
    fn drawn(&self) -> Vec<Name> {
        let mut agents: Vec<(&Name, &u64)> = self.votes.iter().collect();
        agents.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
        let mut drawn: Vec<Name> =
            agents.into_iter().take(AGENTS_DRAWN).map(|(agent, _)| agent.clone()).collect();
        drawn.sort();
        drawn
    }
}

struct SecondLook {
    from: Micros,
    span: Micros,
    all: Sum,
    moments: Vec<Moment>,
    bins: Vec<Bin>,
    places: HashMap<Name, usize>,
    agreement: Agreement,
}

impl SecondLook {
    fn after(first: &FirstLook) -> SecondLook {
        let (from, to) = first.closed.unwrap_or_default();
        let span = (to.saturating_sub(from) / MOMENTS as i64).saturating_add(1);
        let moment = |nr: usize| Moment {
            from_us: from.saturating_add(span.saturating_mul(nr as i64)),
            sum: Sum::default(),
        };
        let drawn = first.drawn();
        SecondLook {
            from,
            span,
            all: Sum::default(),
            moments: (0..MOMENTS).map(moment).collect(),
            bins: vec![Bin::default(); BINS],
            places: drawn.iter().cloned().zip(0..).collect(),
            agreement: Agreement {
                pairs: vec![vec![(0, 0); drawn.len()]; drawn.len()],
                agents: drawn.iter().map(ToString::to_string).collect(),
            },
        }
    }

    fn see(&mut self, life: &Life, truths: Option<&Truths>) {
        let Some(decision) = life.decisions.last() else { return };
        let right =
            right_answer(decision, truths).map(|right| decision.answer.as_deref() == Some(right));
        let quorate = decision.state == "quorate";
        self.all.add(quorate, right);
        let nr = decision.closed_at.saturating_sub(self.from) / self.span;
        let nr = usize::try_from(nr).unwrap_or(0).min(MOMENTS - 1);
        self.moments[nr].sum.add(quorate, right);
        let bin = (decision.confidence.clamp(0.0, 1.0) * BINS as f64) as usize;
        let bin = &mut self.bins[bin.min(BINS - 1)];
        bin.sum.add(quorate, right);
        if right.is_some() {
            bin.confidence += decision.confidence;
        }
        let votes = life.votes_as_of(decision.revision);
        let drawn: Vec<(usize, &Name)> = votes
            .iter()
            .filter(|vote| vote.status == Status::Counted)
            .filter_map(|vote| Some((*self.places.get(&vote.agent)?, vote.label.as_ref()?)))
            .collect();
        for (one, said) in &drawn {
            for (other, too) in &drawn {
                let pair = &mut self.agreement.pairs[*one][*other];
                *pair = (pair.0 + 1, pair.1 + u64::from(said == too));
            }
        }
    }
}

/// The last row of each drawn agent in each drawn domain.
fn standings(reputations: Vec<Reputation>, first: &FirstLook) -> Vec<Standing> {
    let drawn = first.drawn();
    let of_drawn = reputations.into_iter().filter(|row| drawn.binary_search(&row.agent).is_ok());
    let last = last_of_each(of_drawn);
    let mut domains: BTreeMap<&Name, f64> = BTreeMap::new();
    for ((_, domain), row) in &last {
        *domains.entry(domain).or_default() += row.gold_seen + row.consensus_seen;
    }
    let mut domains: Vec<(&Name, f64)> = domains.into_iter().collect();
    domains.sort_by(|a, b| b.1.total_cmp(&a.1));
    domains.truncate(DOMAINS_DRAWN);
    let is_drawn = |domain: &Name| domains.iter().any(|(drawn, _)| *drawn == domain);
    last.iter()
        .filter(|((_, domain), _)| is_drawn(domain))
        .map(|((agent, domain), row)| Standing {
            agent: agent.to_string(),
            domain: domain.to_string(),
            weight: row.weight,
            seen: row.gold_seen,
            right: row.gold_right,
        })
        .collect()
}

/// Orders agents so that each stands beside the one it agrees with most, of those that are left.
fn side_by_side(agreement: Agreement) -> Agreement {
    let Agreement { agents, pairs } = agreement;
    let share = |one: usize, other: usize| {
        let (both, same) = pairs[one][other];
        // Two tasks in common say little.
        (same as f64 + 1.0) / (both as f64 + 2.0)
    };
    let mut left: Vec<usize> = (0..agents.len()).collect();
    let mut order: Vec<usize> = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let next = match order.last() {
            Some(last) => (0..left.len())
                .max_by(|a, b| share(*last, left[*a]).total_cmp(&share(*last, left[*b])))
                .unwrap_or(0),
            None => 0,
        };
        order.push(left.remove(next));
    }
    Agreement {
        agents: order.iter().map(|at| agents[*at].clone()).collect(),
        pairs: order.iter().map(|row| order.iter().map(|at| pairs[*row][*at]).collect()).collect(),
    }
}
