//! How agents become known: each version registers when it begins and retires when the next one does.

use super::cast::Cast;

/// A line among the agents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Registration {
    pub(super) agent: u32,
    pub(super) version: u32,
    pub(super) action: Action,
    pub(super) event_time_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Register,
    Retire,
}

/// All registrations of a fleet, in order of event time.
pub(super) fn registrations(cast: &Cast) -> impl Iterator<Item = Registration> + '_ {
    let fleet = &cast.fleet;
    (0..fleet.versions).flat_map(move |version| {
        let event_time_ms = fleet.version_starts_ms(version);
        let turn = move |agent: u32| {
            let retired = version.checked_sub(1).map(|version| (version, Action::Retire));
            let both = retired.into_iter().chain([(version, Action::Register)]);
            both.map(move |(version, action)| Registration {
                agent,
                version,
                action,
                event_time_ms,
            })
        };
        (0..fleet.agents).flat_map(turn)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Fleet;

    #[test]
    fn at_any_time_the_current_version_is_the_only_one_registered() {
        let fleet =
            Fleet { versions: 3, agents: 5, tasks: 10, task_spacing_ms: 7, ..Fleet::default() };
        let cast = Cast::of(&fleet).unwrap();
        let mut coming = registrations(&cast).peekable();
        let mut known = std::collections::BTreeSet::new();
        for time_ms in fleet.start_ms..fleet.start_ms + 200 {
            while let Some(row) = coming.next_if(|row| row.event_time_ms <= time_ms) {
                let changed = match row.action {
                    Action::Register => known.insert((row.agent, row.version)),
                    Action::Retire => known.remove(&(row.agent, row.version)),
                };
                assert!(changed, "{row:?}");
            }
            let version = fleet.version_at(time_ms);
            assert!(
                known.iter().eq((0..5).map(|agent| (agent, version)).collect::<Vec<_>>().iter())
            );
        }
        assert_eq!(coming.next(), None);
    }
}
