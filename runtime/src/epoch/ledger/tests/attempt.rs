//! One record, one place: every order of answers.

use super::desk::play;
use crate::epoch::ledger::ask::{Ask, Fact, Operation, Turn};
use crate::epoch::ledger::attempt::{Attempt, Whose};

fn present(content: &str) -> Fact {
    Fact::Present(content.as_bytes().to_vec())
}

fn check(script: &[(&str, Fact)], whose: &Whose) {
    let script: Vec<(&str, Fact, u64)> =
        script.iter().map(|(ask, fact)| (*ask, fact.clone(), 0)).collect();
    assert_eq!(&play(Attempt::new("x".to_owned(), b"ours".to_vec()), &script), whose, "{script:?}");
}

#[test]
fn only_the_whole_content_says_whose_record_it_is() {
    let theirs = || Whose::Theirs(b"out!".to_vec());
    check(&[("create x", Fact::Created)], &Whose::Ours);
    for doubt in [Fact::AlreadyExists, Fact::Unanswered, Fact::Done, Fact::Waited, Fact::Absent] {
        check(&[("create x", doubt.clone()), ("read x", present("ours"))], &Whose::Ours);
        check(&[("create x", doubt), ("read x", present("out!"))], &theirs());
    }
}

#[test]
fn nothing_there_means_again() {
    for doubt in [Fact::AlreadyExists, Fact::Unanswered] {
        let script = [
            ("create x", doubt),
            ("read x", Fact::Absent),
            ("wait 100", Fact::Waited),
            ("create x", Fact::Created),
        ];
        check(&script, &Whose::Ours);
    }
    let refused =
        [("create x", Fact::Refused), ("wait 100", Fact::Waited), ("create x", Fact::Created)];
    check(&refused, &Whose::Ours);
}

#[test]
fn a_try_that_lands_after_it_was_given_up_is_ours() {
    let script = [
        ("create x", Fact::Unanswered),
        ("read x", Fact::Unanswered),
        ("wait 100", Fact::Waited),
        ("read x", Fact::Absent),
        ("wait 200", Fact::Waited),
        ("create x", Fact::AlreadyExists),
        ("read x", Fact::Refused),
        ("wait 400", Fact::Waited),
        ("read x", present("ours")),
    ];
    check(&script, &Whose::Ours);
}

#[test]
fn a_retry_is_the_same_byte_for_byte_and_waits_grow_to_a_bound() {
    let (mut attempt, mut fact) = (Attempt::new("x".to_owned(), b"ours".to_vec()), Fact::Begin);
    let (mut creates, mut waits) = (Vec::new(), Vec::new());
    for _ in 0..100 {
        let Turn::Ask(next, ask) = attempt.next(fact, 0) else { panic!("nothing is ever there") };
        attempt = next;
        fact = match ask {
            Ask::Create { bytes, .. } => {
                creates.push(bytes);
                Fact::Unanswered
            }
            Ask::Wait { ms } => {
                waits.push(ms);
                Fact::Waited
            }
            _ => Fact::Absent,
        };
    }
    assert!(creates.len() > 30 && creates.iter().all(|bytes| bytes == b"ours"));
    assert_eq!(waits[..8], [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000]);
    assert!(waits[8..].iter().all(|ms| *ms == 10_000));
}
