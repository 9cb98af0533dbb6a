//! One fleet, decided by the policy that is attacked, and what came of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use quorate_connectors::generate::{Fleet, write_fleet};
use quorate_connectors::store::Store;
use quorate_query::agents::weights_by_era;
use quorate_query::whatif::{Policy, Weights, Whatif, whatif};
use quorate_runtime::job::Job;
use quorate_runtime::observe::Outcome;
use serde::{Deserialize, Serialize};
use toml::Table;

use crate::at::{block_on, failed};
use crate::console::Console;
use crate::exit::Exit;
use crate::run::quietly;
use crate::whatif::read_truths;

/// What of `[consensus]` is about times: a fleet brings its own.
const TIMES: [&str; 6] =
    ["close", "lateness", "idle_after", "era", "finality_after", "forget_after"];

/// Where fleets are decided: a folder that goes when this does, and the policy.
pub(super) struct Ground {
    folder: PathBuf,
    policy: Table,
}

impl Ground {
    /// The policy of `job`, if there is one, with another method if one is asked for.
    pub(super) fn new(job: Option<&Path>, method: Option<&str>) -> anyhow::Result<Ground> {
        let mut policy = Table::new();
        if let Some(path) = job {
            // What is wrong with it is said as `validate` says it.
            Job::load(path)?;
            let text = fs::read_to_string(path)
                .with_context(|| format!("{} cannot be read", path.display()))?;
            let mut file: Table = text.parse()?;
            if let Some(toml::Value::Table(consensus)) = file.remove("consensus") {
                policy = consensus;
            }
            policy.retain(|key, _| !TIMES.contains(&key));
        }
        if let Some(method) = method {
            policy.insert("method".to_owned(), method.into());
        }
        let folder = std::env::temp_dir().join(format!("quorate-attack-{}", std::process::id()));
        Ok(Ground { folder, policy })
    }

    /// The method that decides.
    pub(super) fn method(&self) -> anyhow::Result<&str> {
        let method = self.policy.get("method").map_or(Some("weighted"), toml::Value::as_str);
        method.context("consensus.method is no text").context(Exit::Misconfigured)
    }

    /// Whether votes weigh by stake.
    pub(super) fn is_staked(&self) -> bool {
        self.policy.get("stake").and_then(toml::Value::as_str) == Some("linear")
    }

    /// Decides `fleet`; nothing if that was stopped.
    pub(super) fn fight(
        &self,
        fleet: &Fleet,
        console: &Arc<Console>,
    ) -> anyhow::Result<Option<Fight>> {
        self.sweep();
        write_fleet(fleet, &self.folder, &mut |_| {})?;
        let path = self.folder.join("job.toml");
        let mut job: Table = fs::read_to_string(&path)?.parse()?;
        if let Some(toml::Value::Table(consensus)) = job.get_mut("consensus") {
            consensus.extend(self.policy.clone());
        }
        fs::write(&path, toml::to_string(&job)?)?;
        let (loaded, outcome) = quietly(path, console)?;
        if matches!(outcome, Outcome::Stopped(_)) {
            return Ok(None);
        }
        let learns = self.method()? != "majority";
        block_on(async {
            let store = Store::open(&loaded.store).await?;
            let truths = read_truths(&self.folder.join("truth.jsonl"))?;
            let majority = Policy { weights: Weights::Equal, quorum: None };
            let told = whatif(&store, majority, Some(&truths)).await.map_err(failed)?;
            let eras = match learns {
                true => weights_by_era(&store).await.map_err(failed)?,
                false => BTreeMap::new(),
            };
            let watched = Watched::of(&eras, &hostile(&self.folder)?);
            Ok(Some(Fight { told, watched }))
        })
    }

    fn sweep(&self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        self.sweep();
    }
}

/// Who is not honest, by the fleet's own word.
fn hostile(folder: &Path) -> anyhow::Result<BTreeSet<String>> {
    #[derive(Deserialize)]
    struct Line {
        agent_id: String,
        behaviour: String,
    }
    let text = fs::read_to_string(folder.join("truth_agents.jsonl"))?;
    let mut hostile = BTreeSet::new();
    for line in text.lines() {
        let Line { agent_id, behaviour } = serde_json::from_str(line)?;
        if behaviour != "honest" {
            hostile.insert(agent_id);
        }
    }
    Ok(hostile)
}

/// What came of one fleet.
pub(super) struct Fight {
    told: Whatif,
    watched: Option<Watched>,
}

/// What attackers' votes came to weigh.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Watched {
    /// In the end, of all agents' together, in per cent.
    weight: f64,
    /// The era, counted from the first with weights, from which on a vote of theirs weighs less than half of another's.
    found_out: Option<usize>,
    eras: usize,
}

impl Watched {
    fn of(
        eras: &BTreeMap<i64, BTreeMap<String, f64>>,
        hostile: &BTreeSet<String>,
    ) -> Option<Watched> {
        let sides = |weights: &BTreeMap<String, f64>| {
            let (mut foes, mut others) = ((0.0, 0u32), (0.0, 0u32));
            for (agent, weight) in weights {
                let side = if hostile.contains(agent) { &mut foes } else { &mut others };
                *side = (side.0 + weight.max(0.0), side.1 + 1);
            }
            (foes, others)
        };
        let all: Vec<_> =
            eras.values().map(sides).filter(|(foes, others)| foes.1 > 0 && others.1 > 0).collect();
        let (foes, others) = *all.last()?;
        let trusted = |((foes, n), (others, m)): &((f64, u32), (f64, u32))| {
            foes / f64::from(*n) >= others / f64::from(*m) / 2.0
        };
        let last_trusted = all.iter().rposition(trusted);
        let found_out = last_trusted.map_or(Some(1), |at| (at + 1 < all.len()).then_some(at + 2));
        let weight = 100.0 * foes.0 / (foes.0 + others.0).max(f64::MIN_POSITIVE);
        Some(Watched { weight, found_out, eras: all.len() })
    }
}

/// What all fleets came to.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Tally {
    /// Questions whose answer the job was not told.
    questions: u64,
    /// Of them, answered right.
    right: u64,
    /// Of them, answered right by a plain majority of the same votes.
    right_by_majority: u64,
    /// Of them, with a quorum.
    quorate: u64,
    /// Of these, wrong.
    wrong_quorate: u64,
    /// Questions on which a lie was pushed.
    attacked: u64,
    /// Of them, those on which it was believed.
    believed: u64,
    /// Of each fleet with attackers that have weights: what theirs come to in the end, in per cent of all.
    weights: Vec<f64>,
    /// Of each of them: the era from which on they weigh less than half of what others do, and of how many.
    found_out: Vec<(Option<usize>, usize)>,
}

impl Tally {
    pub(super) fn add(&mut self, Fight { told, watched }: &Fight) {
        self.questions += told.known;
        self.right += told.decided.right;
        self.right_by_majority += told.otherwise.right;
        self.quorate += told.decided.quorate_known;
        self.wrong_quorate += told.decided.quorate_known - told.decided.quorate_right;
        self.attacked += told.attacked;
        self.believed += told.decided.captured;
        if let Some(watched) = watched {
            self.weights.push(watched.weight);
            self.found_out.push((watched.found_out, watched.eras));
        }
    }

    pub(super) fn right(&self) -> f64 {
        share(self.right, self.questions)
    }

    pub(super) fn right_by_majority(&self) -> f64 {
        share(self.right_by_majority, self.questions)
    }

    pub(super) fn quorate(&self) -> f64 {
        share(self.quorate, self.questions)
    }

    pub(super) fn wrong_quorate(&self) -> f64 {
        share(self.wrong_quorate, self.questions)
    }

    pub(super) fn believed(&self) -> f64 {
        share(self.believed, self.attacked)
    }

    /// What attackers weigh in the end, on average.
    pub(super) fn weight(&self) -> Option<f64> {
        let sum: f64 = self.weights.iter().sum();
        (!self.weights.is_empty()).then(|| sum / self.weights.len() as f64)
    }

    /// In which era attackers were found out, where that took longest.
    pub(super) fn found_out(&self) -> String {
        let latest = self.found_out.iter().max_by_key(|(era, _)| era.unwrap_or(usize::MAX));
        match latest {
            None => "-".to_owned(),
            Some((None, _)) => "never".to_owned(),
            Some((Some(era), eras)) => format!("{era} of {eras}"),
        }
    }
}

/// In per cent.
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { 100.0 * part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eras(weights: &[(f64, f64)]) -> BTreeMap<i64, BTreeMap<String, f64>> {
        let era = |(foe, other): &(f64, f64)| {
            let both = [("foe", *foe), ("other", *other)];
            both.map(|(agent, weight)| (agent.to_owned(), weight)).into()
        };
        (7..).zip(weights.iter().map(era)).collect()
    }

    #[test]
    fn attackers_are_found_out_once_they_weigh_less_than_half_and_go_on_to() {
        let hostile = BTreeSet::from(["foe".to_owned()]);
        let found_out = |weights: &[(f64, f64)]| {
            Watched::of(&eras(weights), &hostile).map(|watched| (watched.found_out, watched.eras))
        };
        assert_eq!(found_out(&[]), None);
        assert_eq!(found_out(&[(0.1, 1.0), (0.0, 1.0)]), Some((Some(1), 2)));
        assert_eq!(found_out(&[(1.0, 1.0), (0.4, 1.0), (0.2, 1.0)]), Some((Some(2), 3)));
        assert_eq!(found_out(&[(0.1, 1.0), (0.9, 1.0), (0.2, 1.0)]), Some((Some(3), 3)));
        assert_eq!(found_out(&[(0.1, 1.0), (0.9, 1.0)]), Some((None, 2)));
        let weighs = Watched::of(&eras(&[(-1.0, 1.0)]), &hostile).map(|watched| watched.weight);
        assert_eq!(weighs, Some(0.0));
        assert_eq!(Watched::of(&eras(&[(1.0, 1.0)]), &BTreeSet::new()), None);
    }
}
