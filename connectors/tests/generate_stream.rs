//! What holds for the votes of any fleet, whatever its settings.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use quorate_connectors::generate::{Fleet, Mix, Part, VoteRow, votes};

fn all(fleet: &Fleet) -> Vec<VoteRow> {
    votes(fleet).expect("the fleet can be").collect()
}

/// Small fleets of every kind.
fn fleets() -> impl Strategy<Value = Fleet> {
    let counts = (any::<u64>(), 1..200u64, 1..20u32, 2..6u32, 0..4u32, 0..30u32);
    let times = (1..3_000u64, 1..20_000u32, 0..3_000u32, 0..10_000u32, 1..4u32);
    let shares = prop::array::uniform5(0.0..0.3f64);
    let fates = prop::array::uniform4(0.0..0.3f64);
    (counts, times, shares, fates).prop_map(|(counts, times, shares, fates)| {
        let (seed, tasks, agents, options, votes_per_task_min, more) = counts;
        let (task_spacing_ms, vote_spread_ms, out_of_order_ms, extra_ms, versions) = times;
        let [colluding, equivocating, constant, empty_task_share, abstain_share] = shares;
        let [duplicate_share, changed_share, late_share, target_share] = fates;
        Fleet {
            seed,
            tasks,
            agents,
            options,
            votes_per_task_min,
            votes_per_task_max: votes_per_task_min + more,
            task_spacing_ms: task_spacing_ms.max(u64::from(versions)),
            vote_spread_ms,
            out_of_order_ms,
            lateness_ms: out_of_order_ms + extra_ms,
            versions,
            mix: Mix { colluding, equivocating, constant, ..Mix::honest() },
            empty_task_share,
            abstain_share,
            duplicate_share,
            changed_share,
            late_share,
            target_share,
            ..Fleet::default()
        }
    })
}

proptest! {
    #[test]
    fn disorder_stays_within_what_the_fleet_allows_and_late_votes_are_late(fleet in fleets()) {
        let mut greatest_ms = 0;
        for vote in all(&fleet) {
            let behind_ms = greatest_ms.max(vote.event_time_ms) - vote.event_time_ms;
            if vote.part == Part::Late {
                prop_assert!(behind_ms > fleet.lateness_ms.into(), "{vote:?} {behind_ms}");
            } else {
                prop_assert!(behind_ms <= fleet.out_of_order_ms.into(), "{vote:?} {behind_ms}");
                greatest_ms = greatest_ms.max(vote.event_time_ms);
            }
        }
    }

    #[test]
    fn a_vote_falls_into_the_time_of_its_task(fleet in fleets()) {
        for vote in all(&fleet) {
            let opens_ms = fleet.start_ms + vote.task * fleet.task_spacing_ms;
            let closes_ms = opens_ms + u64::from(fleet.vote_spread_ms);
            prop_assert!((opens_ms..=closes_ms).contains(&vote.event_time_ms), "{vote:?}");
            prop_assert!(vote.task < fleet.tasks && vote.agent < fleet.agents);
            prop_assert!(vote.version < fleet.versions);
            prop_assert!(vote.choice.is_none_or(|label| label < fleet.options));
        }
    }

    #[test]
    fn an_agent_has_one_part_on_a_task_and_plays_it_whole(fleet in fleets()) {
        let mut turns: BTreeMap<(u64, u32), Vec<VoteRow>> = BTreeMap::new();
        for vote in all(&fleet) {
            turns.entry((vote.task, vote.agent)).or_default().push(vote);
        }
        let mut voters: BTreeMap<u64, u32> = BTreeMap::new();
        for ((task, _), mut turn) in turns {
            *voters.entry(task).or_default() += 1;
            turn.sort_by_key(|vote| (vote.serial, vote.part));
            let parts: Vec<Part> = turn.iter().map(|vote| vote.part).collect();
            match (parts.as_slice(), turn.as_slice()) {
                ([Part::Only] | [Part::Late], _) => {}
                ([Part::Only, Part::Duplicate], [first, second]) => {
                    prop_assert_eq!(VoteRow { part: Part::Only, ..*second }, *first);
                }
                ([Part::Superseded, Part::Changed], [slip, changed]) => {
                    prop_assert!(slip.event_time_ms < changed.event_time_ms, "{turn:?}");
                    prop_assert_ne!(slip.choice, changed.choice);
                }
                ([Part::Equivocation, Part::Contradiction], [first, second]) => {
                    prop_assert!(first.event_time_ms <= second.event_time_ms, "{turn:?}");
                    prop_assert_ne!(first.choice, second.choice);
                }
                _ => prop_assert!(false, "{turn:?}"),
            }
        }
        let most = fleet.votes_per_task_max.min(fleet.agents);
        prop_assert!(voters.values().all(|count| *count <= most), "{voters:?}");
    }

    #[test]
    fn the_same_seed_gives_the_same_votes_and_another_gives_others(fleet in fleets()) {
        let votes = all(&fleet);
        prop_assert_eq!(&votes, &all(&fleet));
        // A few votes may coincide by chance; many cannot.
        if votes.len() > 100 {
            prop_assert_ne!(votes, all(&Fleet { seed: fleet.seed ^ 1, ..fleet }));
        }
    }

    #[test]
    fn a_longer_fleet_begins_with_the_shorter_one(fleet in fleets()) {
        let fleet = Fleet { versions: 1, late_share: 0.0, ..fleet };
        let longer = Fleet { tasks: fleet.tasks + 50, ..fleet.clone() };
        let first: BTreeSet<_> = all(&fleet).into_iter().map(|vote| format!("{vote:?}")).collect();
        let begun = all(&longer).into_iter().filter(|vote| vote.task < fleet.tasks);
        prop_assert_eq!(first, begun.map(|vote| format!("{vote:?}")).collect());
    }
}

/// Of `whole`, `part` is about `share`: within four standard deviations of the binomial.
fn check_share(name: &str, part: usize, whole: usize, share: f64) {
    let deviation = (share * (1.0 - share) * whole as f64).sqrt();
    let off = (part as f64 - share * whole as f64).abs();
    assert!(off <= 4.0 * deviation.max(1.0), "{name}: {part} of {whole} is not {share}");
}

#[test]
fn shares_come_out_as_they_were_set() {
    let fleet = Fleet {
        tasks: 20_000,
        mix: Mix { equivocating: 0.1, colluding: 0.1, ..Mix::honest() },
        abstain_share: 0.05,
        duplicate_share: 0.04,
        changed_share: 0.03,
        late_share: 0.02,
        empty_task_share: 0.1,
        ..Fleet::default()
    };
    let votes = all(&fleet);
    let count = |part| votes.iter().filter(|vote| vote.part == part).count();
    let turns = votes.len()
        - [Part::Duplicate, Part::Changed, Part::Contradiction].map(count).iter().sum::<usize>();
    // Equivocators have no other fate.
    let others = turns - count(Part::Equivocation);
    check_share("equivocating", count(Part::Equivocation), turns, 0.1);
    check_share("duplicate", count(Part::Duplicate), others, 0.04);
    check_share("changed", count(Part::Changed), others, 0.03);
    check_share("late", count(Part::Late), others, 0.02);
    let abstained = votes.iter().filter(|vote| {
        vote.choice.is_none() && !matches!(vote.part, Part::Duplicate | Part::Changed)
    });
    // The hostile (a fifth here) never abstain.
    check_share("abstain", abstained.count(), turns, 0.05 * 0.8);
    let voted: BTreeSet<u64> = votes.iter().map(|vote| vote.task).collect();
    check_share("empty", 20_000 - voted.len(), 20_000, 0.1);
    let mut voters: BTreeMap<u64, BTreeSet<u32>> = BTreeMap::new();
    for vote in &votes {
        voters.entry(vote.task).or_default().insert(vote.agent);
    }
    let per_task: BTreeSet<usize> = voters.values().map(BTreeSet::len).collect();
    assert_eq!(per_task, (7..=11).collect());
}

#[test]
fn equivocators_contradict_themselves_at_the_same_time_or_close_to_it() {
    let mix = Mix { equivocating: 1.0, ..Mix::honest() };
    let votes = all(&Fleet { tasks: 2_000, mix, ..Fleet::default() });
    let mut firsts = BTreeMap::new();
    for vote in votes.iter().filter(|vote| vote.part == Part::Equivocation) {
        firsts.insert((vote.task, vote.agent), vote.event_time_ms);
    }
    let apart_ms: Vec<u64> = votes
        .iter()
        .filter(|vote| vote.part == Part::Contradiction)
        .map(|vote| vote.event_time_ms - firsts[&(vote.task, vote.agent)])
        .collect();
    assert!(apart_ms.iter().all(|apart| *apart <= 1_000));
    let at_once = apart_ms.iter().filter(|apart| **apart == 0).count();
    assert_eq!(firsts.len(), apart_ms.len());
    assert!((apart_ms.len() * 45 / 100..apart_ms.len() * 55 / 100).contains(&at_once), "{at_once}");
}

#[test]
fn the_votes_of_a_task_stand_within_as_many_lines_as_the_spread_says() {
    // The shape of a measurement: 10 votes a task, spread over 2,000 tasks.
    let fleet = Fleet {
        tasks: 20_000,
        agents: 10_000,
        votes_per_task_min: 8,
        votes_per_task_max: 12,
        task_spacing_ms: 10,
        vote_spread_ms: 20_000,
        out_of_order_ms: 0,
        late_share: 0.0,
        ..Fleet::default()
    };
    let mut span: BTreeMap<u64, (usize, usize)> = BTreeMap::new();
    for (line, vote) in all(&fleet).iter().enumerate() {
        span.entry(vote.task).or_insert((line, line)).1 = line;
    }
    let middle = span.range(5_000..15_000).map(|(_, (first, last))| last - first);
    let widest = middle.max().unwrap_or_default();
    assert!((15_000..22_000).contains(&widest), "{widest}");
}
