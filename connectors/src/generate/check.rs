//! Settings that no fleet can have, refused before anything is written.

use super::fleet::Fleet;
use crate::error::Error;

/// More tasks than this have no numbers of their own (see [`super::chance::Seed::chance`]).
const TASKS_MAX: u64 = 1 << 40;

/// Event times end before the year 9999, whose last days not everybody can write.
const END_MS: u64 = 253_370_764_800_000;

/// Agents are held in memory, with an accuracy for each version and domain.
const PROFILES_MAX: u64 = 1 << 28;

impl Fleet {
    /// Whether there can be such a fleet.
    ///
    /// # Errors
    /// The first setting that cannot be, and what it may be instead.
    pub fn check(&self) -> Result<(), Error> {
        self.check_counts()?;
        self.check_shares()?;
        self.check_times()
    }

    fn check_counts(&self) -> Result<(), Error> {
        let profiles = [self.versions, self.domains]
            .iter()
            .fold(u64::from(self.agents), |product, count| product.saturating_mul((*count).into()));
        let wrong = |setting, problem: &str| Err(refused(setting, problem));
        match self {
            _ if self.tasks == 0 => wrong("tasks", "is 0; at least one task is needed"),
            _ if self.tasks > TASKS_MAX => wrong("tasks", "is more than 2^40"),
            _ if self.agents == 0 => wrong("agents", "is 0; at least one agent is needed"),
            _ if self.domains == 0 => wrong("domains", "is 0; at least one domain is needed"),
            _ if self.versions == 0 => wrong("versions", "is 0; an agent has at least one version"),
            _ if profiles > PROFILES_MAX => {
                wrong("agents", "times versions times domains is more than 2^28")
            }
            _ if self.options < 2 => wrong("options", "is less than 2; nothing could be wrong"),
            _ if self.options > 1_000 => wrong("options", "is more than 1000"),
            _ if self.votes_per_task_min > self.votes_per_task_max => {
                wrong("votes_per_task_min", "is greater than votes_per_task_max")
            }
            _ => Ok(()),
        }
    }

    fn check_shares(&self) -> Result<(), Error> {
        let shares = [
            ("accuracy_min", self.accuracy_min),
            ("accuracy_max", self.accuracy_max),
            ("target_share", self.target_share),
            ("gold_share", self.gold_share),
            ("abstain_share", self.abstain_share),
            ("duplicate_share", self.duplicate_share),
            ("changed_share", self.changed_share),
            ("late_share", self.late_share),
            ("empty_task_share", self.empty_task_share),
            ("bad_rows_share", self.bad_rows_share),
            ("family_correlation", self.family_correlation),
        ];
        let of_agents = self.mix.shares().map(|(setting, _, share)| (setting, share));
        for (setting, share) in shares.into_iter().chain(of_agents) {
            if !(0.0..=1.0).contains(&share) {
                return Err(refused(setting, format!("is {share}; a share lies between 0 and 1")));
            }
        }
        let together = |shares: &[f64]| shares.iter().sum::<f64>();
        let fates = together(&[self.duplicate_share, self.changed_share, self.late_share]);
        let others = together(&of_agents.map(|(_, share)| share));
        // Sums of decimals may exceed one by a rounding; it is millionths that count.
        let whole = 1.0 + 1e-9;
        if self.accuracy_min > self.accuracy_max {
            return Err(refused("accuracy_min", "is greater than accuracy_max"));
        }
        if fates > whole {
            return Err(refused(
                "late_share",
                "is more than 1 with duplicate_share and changed_share",
            ));
        }
        if others > whole {
            return Err(refused("mix", "has shares that sum to more than 1"));
        }
        Ok(())
    }

    fn check_times(&self) -> Result<(), Error> {
        if self.task_spacing_ms == 0 {
            return Err(refused("task_spacing_ms", "is 0; tasks open one after the other"));
        }
        if self.vote_spread_ms == 0 {
            return Err(refused("vote_spread_ms", "is 0; a vote comes after its task"));
        }
        if self.tick_ms == 0 {
            return Err(refused("tick_ms", "is 0; ticks come one after the other"));
        }
        if self.out_of_order_ms > self.lateness_ms {
            return Err(refused(
                "out_of_order_ms",
                "is greater than lateness_ms: votes that only stand out of order would be late",
            ));
        }
        if self.duration_ms() < u64::from(self.versions) {
            return Err(refused("versions", "is more than the milliseconds that the tasks cover"));
        }
        let ticking_ms = (u64::from(self.ticks_per_agent) + 1) * u64::from(self.tick_ms);
        let longest_ms = self.duration_ms().max(ticking_ms);
        // A straggler comes up to twice the lateness after the last vote.
        let slack_ms = u64::from(self.vote_spread_ms) + 2 * u64::from(self.lateness_ms);
        let end_ms =
            self.start_ms.checked_add(longest_ms).and_then(|end| end.checked_add(slack_ms));
        if end_ms.is_none_or(|end_ms| end_ms > END_MS) {
            return Err(refused(
                "start_ms",
                "lets the fleet go on beyond the year 9998; take fewer tasks, or a smaller task_spacing_ms",
            ));
        }
        Ok(())
    }
}

fn refused(setting: &'static str, problem: impl Into<String>) -> Error {
    Error::Fleet { setting, problem: problem.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Mix;

    fn check(setting: &str, change: impl Fn(&mut Fleet)) {
        let mut fleet = Fleet::default();
        change(&mut fleet);
        let error = fleet.check().expect_err(setting).to_string();
        assert!(error.contains(setting), "{error}");
    }

    #[test]
    fn the_default_fleet_and_the_smallest_one_can_be() {
        assert!(Fleet::default().check().is_ok());
        let smallest = Fleet { tasks: 1, agents: 1, domains: 1, options: 2, ..Fleet::default() };
        assert!(smallest.check().is_ok());
    }

    #[test]
    fn an_impossible_setting_is_named() {
        check("tasks", |fleet| fleet.tasks = 0);
        check("tasks", |fleet| fleet.tasks = u64::MAX);
        check("agents", |fleet| fleet.agents = 0);
        check("agents", |fleet| (fleet.agents, fleet.domains) = (u32::MAX, u32::MAX));
        check("domains", |fleet| fleet.domains = 0);
        check("options", |fleet| fleet.options = 1);
        check("versions", |fleet| fleet.versions = 0);
        check("versions", |fleet| (fleet.tasks, fleet.task_spacing_ms, fleet.versions) = (1, 1, 2));
        check("votes_per_task_min", |fleet| fleet.votes_per_task_min = 12);
        check("gold_share", |fleet| fleet.gold_share = 1.1);
        check("late_share", |fleet| fleet.late_share = f64::NAN);
        check("late_share", |fleet| fleet.late_share = 0.99);
        check("mix.noisy", |fleet| fleet.mix.noisy = -0.1);
        check("mix", |fleet| fleet.mix = Mix { colluding: 0.6, noisy: 0.6, ..Mix::honest() });
        check("accuracy_min", |fleet| fleet.accuracy_min = 0.99);
        check("task_spacing_ms", |fleet| fleet.task_spacing_ms = 0);
        check("vote_spread_ms", |fleet| fleet.vote_spread_ms = 0);
        check("tick_ms", |fleet| fleet.tick_ms = 0);
        check("out_of_order_ms", |fleet| fleet.out_of_order_ms = 10_001);
        check("start_ms", |fleet| fleet.start_ms = u64::MAX);
        check("start_ms", |fleet| fleet.task_spacing_ms = u64::MAX);
    }
}
