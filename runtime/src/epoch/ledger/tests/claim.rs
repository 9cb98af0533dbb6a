//! Who may lead, and when.

use quorate_schemas::clock::{Clock, Phase};
use quorate_schemas::log::{Digest, Record};

use super::desk::{Desk, applicant, change, owner, play, record_path};
use crate::epoch::ledger::{
    Applicant, Change, Claim, Claimed, Contest, End, Fact, Lead, NotClaimed, Operation, Reopen,
    Terms, Turn, Upgrade,
};

/// A log of place `a`: a claim and a commit.
fn log() -> (Desk, Lead) {
    let mut desk = Desk::default();
    let (lead, _) = desk.claim(applicant("a", 1));
    let next = change(&lead, &["votes"]);
    let (lead, _) = desk.commit(lead, next);
    desk.asked.clear();
    (desk, lead)
}

fn claim(applicant: Applicant) -> Claim {
    Claim::new(applicant, Terms::default())
}

fn refusal(desk: &mut Desk, applicant: Applicant) -> NotClaimed {
    match desk.drive(claim(applicant)) {
        Claimed::Not(why) => *why,
        Claimed::Leading(..) => panic!("claimed"),
    }
}

fn waited_ms(desk: &Desk) -> u64 {
    let waits = desk.asked.iter().filter_map(|ask| ask.strip_prefix("wait "));
    waits.map(|ms| ms.parse::<u64>().expect("a number")).sum()
}

#[test]
fn the_first_claim_founds_the_log() {
    let mut desk = Desk::default();
    let (lead, committed) = desk.claim(applicant("a", 1));
    let record = committed.record();
    assert_eq!((record.seq, record.incarnation, lead.standing().checkpoint), (1, 1, 0));
    assert_eq!((record.log_id, record.previous), (applicant("a", 1).log_id, Digest::ZERO));
    assert_eq!(Record::from_bytes(&desk.objects[&record_path(1)]).expect("sound"), *record);
}

#[test]
fn the_same_place_takes_over_at_once_and_the_log_stays_what_it_is() {
    let (mut desk, before) = log();
    let (lead, committed) = desk.claim(applicant("a", 2));
    assert_eq!(waited_ms(&desk), 0);
    assert_eq!((committed.record().seq, lead.incarnation()), (3, 2));
    assert_eq!(committed.record().log_id, before.last().record().log_id, "not the one it brought");
    assert_eq!(lead.standing().positions, before.standing().positions);
    assert_eq!(lead.standing().ended_at(1), Some(1));
}

#[test]
fn another_place_waits_for_three_missed_heartbeats() {
    let (mut desk, _) = log();
    desk.claim(applicant("b", 2));
    assert_eq!(waited_ms(&desk), 180_000);
    let (mut desk, _) = log();
    desk.claim(Applicant { contest: Contest::TakeOver, ..applicant("b", 2) });
    assert_eq!(waited_ms(&desk), 0);
}

#[test]
fn another_place_that_sees_a_sign_of_life_stops_and_says_whose() {
    let (desk, lead) = log();
    let heartbeat = lead.heartbeat(0).record().to_bytes();
    let latest = || Fact::Present(desk.objects[&record_path(2)].clone());
    let script = [
        ("read latest", Fact::Absent, 0),
        ("list log/", Fact::Listed(Vec::new()), 0),
        ("read record 1", latest(), 0),
    ];
    // The listing shows nothing yet, and record 1 is not what its name says.
    assert!(
        matches!(play(claim(applicant("b", 2)), &script), Claimed::Not(why) if matches!(*why, NotClaimed::Damaged(_)))
    );

    let listed = crate::epoch::ledger::Listed { path: record_path(2), age_ms: 0 };
    let script = [
        ("read latest", Fact::Absent, 0),
        ("list log/", Fact::Listed(vec![listed]), 0),
        ("read record 2", latest(), 0),
        ("read record 3", Fact::Absent, 0),
        ("wait 15000", Fact::Waited, 15_000),
        ("read record 3", Fact::Unanswered, 10_000),
        ("wait 100", Fact::Waited, 100),
        ("read record 3", Fact::Absent, 0),
        ("wait 15000", Fact::Waited, 15_000),
        ("read record 3", Fact::Present(heartbeat), 0),
    ];
    match play(claim(applicant("b", 2)), &script) {
        Claimed::Not(why) => {
            assert!(matches!(*why, NotClaimed::Held { by, seq: 3 } if by == owner("a", 1)))
        }
        Claimed::Leading(..) => panic!("claimed"),
    }
}

#[test]
fn silence_is_what_we_looked_at_and_not_what_we_slept_through() {
    let (mut desk, _) = log();
    let (mut operation, mut fact, mut now_ms) = (claim(applicant("b", 2)), Fact::Begin, 0);
    let mut reads = 0;
    while operation.watched().is_none() || reads < 2 {
        let Turn::Ask(next, ask) = operation.next(fact, now_ms) else {
            panic!("claimed too early")
        };
        operation = next;
        if operation.watched().is_some() {
            reads += u64::from(matches!(ask, crate::epoch::ledger::Ask::Read { .. }));
        }
        fact = desk.execute(ask);
    }
    assert_eq!(operation.watched(), Some(&owner("a", 1)));
    // The answer is from before the sleep: it says nothing about the time since.
    now_ms += 10_000_000;
    let Turn::Ask(operation, ask) = operation.next(fact, now_ms) else {
        panic!("claimed in its sleep")
    };
    assert!(matches!(ask, crate::epoch::ledger::Ask::Wait { .. }));
    let Turn::Ask(operation, ask) = operation.next(Fact::Waited, now_ms) else {
        panic!("claimed unseen")
    };
    let fact = desk.execute(ask);
    let Turn::Ask(_, ask) = operation.next(fact, now_ms) else { panic!("not asked") };
    assert!(matches!(ask, crate::epoch::ledger::Ask::Create { .. }), "{ask:?}");
}

#[test]
fn a_claim_that_loses_its_race_starts_over() {
    let (mut desk, _) = log();
    let mut late = desk.clone();
    desk.claim(applicant("a", 2));
    late.objects.insert(record_path(3), desk.objects[&record_path(3)].clone());
    let (lead, _) = late.claim(applicant("a", 3));
    assert_eq!((lead.incarnation(), lead.last().record().seq), (3, 4));
}

#[test]
fn a_claim_that_was_overtaken_is_fenced() {
    let (mut desk, _) = log();
    let (mut operation, mut fact) = (claim(applicant("a", 2)), Fact::Begin);
    let outcome = loop {
        match operation.next(fact, 0) {
            Turn::Done(outcome) => break outcome,
            Turn::Ask(next, ask) => {
                operation = next;
                let is_create = matches!(ask, crate::epoch::ledger::Ask::Create { .. });
                fact = desk.execute(ask);
                if is_create {
                    desk.claim(applicant("a", 3));
                }
            }
        }
    };
    match outcome {
        Claimed::Not(why) => {
            assert!(
                matches!(*why, NotClaimed::Fenced(fenced) if fenced.seq == 4 && fenced.by == Some(owner("a", 3)))
            );
        }
        Claimed::Leading(..) => panic!("claimed"),
    }
}

#[test]
fn a_log_of_another_job_or_form_is_left_alone() {
    let (mut desk, _) = log();
    let objects = desk.objects.clone();
    let other_job = Applicant { job: "other".to_owned(), ..applicant("a", 2) };
    assert!(
        matches!(refusal(&mut desk, other_job), NotClaimed::OtherJob { found } if found == "panel")
    );
    let other_form = Applicant { fingerprint: Digest::of(b"changed"), ..applicant("a", 2) };
    assert!(matches!(refusal(&mut desk, other_form.clone()), NotClaimed::OtherFingerprint { .. }));
    assert_eq!(desk.objects, objects);
    let (lead, _) = desk.claim(Applicant { upgrade: Upgrade::Adopt, ..other_form });
    assert_eq!(lead.last().record().fingerprint, Digest::of(b"changed"));
}

#[test]
fn a_finished_job_stays_finished_until_it_is_reopened() {
    let (mut desk, lead) = log();
    let mut next = change(&lead, &[]);
    next.clock.phase = Phase::End;
    let (_, last) = desk.commit(lead, Change { end: End::Finished, ..next });
    for host in ["a", "b"] {
        match refusal(&mut desk, applicant(host, 2)) {
            NotClaimed::Finished(found) => assert_eq!(found.digest(), last.digest()),
            other => panic!("{other:?}"),
        }
    }
    desk.asked.clear();
    let (lead, _) =
        desk.claim(Applicant { reopen: Reopen::From(Clock::START), ..applicant("b", 2) });
    assert_eq!(waited_ms(&desk), 0, "nobody is at work who could be waited for");
    assert_eq!((lead.standing().finished, lead.standing().clock), (false, Clock::START));
    let next = change(&lead, &["votes"]);
    desk.commit(lead, next);
}

#[test]
fn a_finished_job_is_claimed_once_to_carry_another_form() {
    let (mut desk, lead) = log();
    let next = change(&lead, &[]);
    desk.commit(lead, Change { end: End::Finished, ..next });
    let upgrade = Applicant {
        fingerprint: Digest::of(b"changed"),
        upgrade: Upgrade::Adopt,
        ..applicant("a", 2)
    };
    let (lead, _) = desk.claim(upgrade.clone());
    assert!(lead.standing().finished, "an upgrade reopens nothing");
    assert!(matches!(refusal(&mut desk, upgrade), NotClaimed::Finished(_)));
}
