use std::collections::{BTreeMap, BTreeSet};

use quorate_schemas::id::Name;
use quorate_schemas::ratio::Ratio;
use quorate_schemas::record::{Agent, Record, RecordKind};
use quorate_schemas::time::Micros;

use super::Problem;
use super::sample::{entries, read};
use crate::job::Job;

/// Reading more agents than this would be no trial any more.
const AGENTS: u64 = 1_000_000;

/// Refuses a cap under which the registered agents cannot hold the whole weight: two families of at most a third each
/// leave a third to nobody.
pub(super) fn check(job: &Job, now_us: Micros, problems: &mut Vec<Problem>) {
    let Some(cap) = job.policy.cap else { return };
    let mut panel = Panel::default();
    for source in job.sources_of(RecordKind::Agent) {
        // What is wrong with the source itself has been said.
        let Ok(entries) = entries(job, source, "", &mut Vec::new()) else { return };
        let add = &mut |record: &Record| {
            if let Record::Agent(agent) = record {
                panel.add(agent);
            }
        };
        match read(job, source, &entries, AGENTS, now_us, add) {
            Ok((rows, _)) if rows.rows_in < AGENTS => {}
            _ => return,
        }
    }
    if let Some((domain, groups)) = panel.thinnest().filter(|(_, groups)| falls_short(cap, *groups))
    {
        let place =
            if domain.is_empty() { String::new() } else { format!(" in domain \"{domain}\"") };
        let message = format!(
            "{groups} families or single agents may vote{place}, and {groups} shares of at most {cap} are less than \
             the whole: write at least \"1/{groups}\", or \"off\""
        );
        problems.push(Problem::error("consensus.cap", message));
    }
}

fn falls_short(cap: Ratio, groups: u64) -> bool {
    groups > 0 && u64::from(cap.numerator()).saturating_mul(groups) < u64::from(cap.denominator())
}

/// Who is capped together: a family, or one agent without a family.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Family(Name),
    Alone(Name),
}

/// The groups that may vote, by domain; those that may in every domain stand under none.
#[derive(Default)]
struct Panel {
    everywhere: BTreeSet<Group>,
    by_domain: BTreeMap<Name, BTreeSet<Group>>,
}

impl Panel {
    fn add(&mut self, agent: &Agent) {
        let group = match &agent.family {
            Some(family) => Group::Family(family.clone()),
            None => Group::Alone(agent.agent.name().clone()),
        };
        if agent.domains.is_empty() {
            self.everywhere.insert(group);
            return;
        }
        for domain in &agent.domains {
            self.by_domain.entry(domain.clone()).or_default().insert(group.clone());
        }
    }

    /// The domain with the fewest groups, and how many those are.
    fn thinnest(&self) -> Option<(&str, u64)> {
        let own = |groups: &BTreeSet<Group>| groups.union(&self.everywhere).count() as u64;
        let domains = self.by_domain.iter().map(|(domain, groups)| (domain.as_str(), own(groups)));
        let any = (!self.everywhere.is_empty()).then_some(("", self.everywhere.len() as u64));
        domains.chain(any).min_by_key(|(_, groups)| *groups)
    }
}

#[cfg(test)]
mod tests {
    use quorate_schemas::id::IdKey;
    use quorate_schemas::record::AgentAction;

    use super::*;

    fn thinnest(agents: &[(&str, Option<&str>, &[&str])]) -> Option<(String, u64)> {
        let mut panel = Panel::default();
        for (name, family, domains) in agents {
            panel.add(&Agent {
                agent: IdKey::new([0; 16]).id(name),
                action: AgentAction::Register,
                operator: None,
                family: family.map(Name::new),
                stake: None,
                domains: domains.iter().map(Name::new).collect(),
            });
        }
        panel.thinnest().map(|(domain, groups)| (domain.to_owned(), groups))
    }

    #[test]
    fn a_family_is_one_and_so_is_an_agent_without() {
        assert_eq!(thinnest(&[]), None);
        let agents =
            [("a", Some("x"), &[][..]), ("b", Some("x"), &[]), ("c", None, &[]), ("d", None, &[])];
        assert_eq!(thinnest(&agents), Some((String::new(), 3)));
    }

    #[test]
    fn the_thinnest_domain_counts_with_those_who_may_vote_everywhere() {
        let agents = [("a", None, &["math", "law"][..]), ("b", None, &["math"]), ("c", None, &[])];
        assert_eq!(thinnest(&agents), Some((String::new(), 1)));
        let agents = [("a", None, &["math", "law"][..]), ("b", None, &["math"])];
        assert_eq!(thinnest(&agents), Some(("law".to_owned(), 1)));
    }

    #[test]
    fn three_thirds_are_enough_and_two_are_not() {
        assert!(falls_short(Ratio::ONE_THIRD, 2));
        assert!(!falls_short(Ratio::ONE_THIRD, 3));
        assert!(!falls_short(Ratio::ONE_THIRD, 0));
    }
}
