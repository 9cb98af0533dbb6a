use proptest::prelude::*;
use quorate_schemas::log::Hex;

use super::*;

const MEETING: Hex<16> = Hex([9; 16]);

fn here(index: usize) -> Here {
    Here {
        version: "1".to_owned(),
        job: "panel".to_owned(),
        fingerprint: Digest::of(b"settings"),
        count: 3,
        index,
        secret: Secret::new(b"a secret of some length").unwrap(),
    }
}

/// A handshake to its end: what each of the two makes of it.
fn meet(
    dials: &Here,
    to: usize,
    asked: Option<RandomId>,
    is_dialled: &Here,
    meeting: Option<RandomId>,
) -> (Result<(Welcome, Keys), Strange>, Result<Keys, Strange>) {
    let (mut dialler, hello) = Dialler::begin(dials, to, asked, Hex([1; 16]));
    let (mut dialled, challenge) = Dialled::hello(is_dialled, &hello, Hex([2; 16])).unwrap();
    let claims = dialler.challenged(&challenge).unwrap();
    match dialled.claims(&claims) {
        Err(strange) => (dialler.answered(&[0; 40]), Err(strange)),
        Ok(claims) => match judge(&claims, is_dialled, meeting) {
            Ok(meeting) => {
                let (answer, keys) = dialled.welcome(Welcome { meeting, threads: 2, clock_us: 7 });
                (dialler.answered(&answer), Ok(keys))
            }
            Err(refusal) => {
                let answer = dialled.refuse(refusal.clone());
                (dialler.answered(&answer), Err(Strange::Refused(refusal)))
            }
        },
    }
}

#[test]
fn who_belongs_together_agrees_on_the_meeting_and_on_keys() {
    let (there, back) = meet(&here(2), 0, None, &here(0), Some(MEETING));
    let (welcome, keys) = there.unwrap();
    let expected = Welcome { meeting: MEETING, threads: 2, clock_us: 7 };
    assert_eq!((welcome, Ok(keys)), (expected, back));
    assert_ne!(keys.there, keys.back);
    let (there, back) = meet(&here(2), 1, Some(MEETING), &here(1), Some(MEETING));
    assert!(there.is_ok() && back.is_ok());
}

#[test]
fn who_does_not_belong_here_is_refused_and_told_why() {
    let check = |dials: Here, to, asked, is_dialled: Here, meeting, expected: Refusal| {
        let (there, back) = meet(&dials, to, asked, &is_dialled, meeting);
        assert_eq!(there, Err(Strange::Refused(expected.clone())));
        assert_eq!(back, Err(Strange::Refused(expected)));
    };
    let other = |change: fn(&mut Here)| {
        let mut other = here(2);
        change(&mut other);
        other
    };
    let met = Some(MEETING);
    let version = Refusal::Version { here: "1".to_owned(), there: "2".to_owned() };
    check(other(|it| it.version = "2".to_owned()), 0, None, here(0), met, version);
    // Another build of the same version.
    let (one, two) = ("1 (build 0a)".to_owned(), "1 (build 0b)".to_owned());
    let version = Refusal::Version { here: one.clone(), there: two.clone() };
    let dials = Here { version: two, ..here(2) };
    check(dials, 0, None, Here { version: one, ..here(0) }, met, version);
    let job = Refusal::Job { here: "panel".to_owned(), there: "other".to_owned() };
    check(other(|it| it.job = "other".to_owned()), 0, None, here(0), met, job);
    let settings = other(|it| it.fingerprint = Digest::of(b"others"));
    check(settings, 0, None, here(0), met, Refusal::Settings);
    let count = Refusal::Count { here: 3, there: 4 };
    check(other(|it| it.count = 4), 0, None, here(0), met, count);
    let index = Refusal::OtherIndex { here: 1, dialled: 0 };
    check(here(2), 0, None, here(1), met, index);
    check(here(1), 2, met, here(2), met, Refusal::Order(1));
    check(other(|it| it.index = 3), 0, None, here(0), met, Refusal::Order(3));
    check(here(2), 1, met, here(1), None, Refusal::NotYet);
    check(here(2), 1, None, here(1), met, Refusal::OtherMeeting);
    check(here(2), 1, Some(Hex([8; 16])), here(1), met, Refusal::OtherMeeting);
    check(here(2), 0, Some(Hex([8; 16])), here(0), met, Refusal::OtherMeeting);
}

#[test]
fn without_the_secret_nobody_gets_in_and_nobody_is_sent_away() {
    let stranger = Here { secret: Secret::new(b"another secret here").unwrap(), ..here(2) };
    let (there, back) = meet(&stranger, 0, None, &here(0), Some(MEETING));
    assert_eq!((there, back), (Err(Strange::Secret), Err(Strange::Secret)));

    // A refusal by somebody who was only asked, and does not know the secret.
    let (mut dialler, hello) = Dialler::begin(&here(2), 0, None, Hex([1; 16]));
    let (mut false_one, challenge) = Dialled::hello(&stranger, &hello, Hex([2; 16])).unwrap();
    let claims = dialler.challenged(&challenge).unwrap();
    assert_eq!(false_one.claims(&claims), Err(Strange::Secret));
    assert_eq!(dialler.answered(&false_one.refuse(Refusal::Settings)), Err(Strange::Secret));
}

#[test]
fn what_was_heard_on_one_connection_proves_nothing_on_another() {
    let (mut dialler, hello) = Dialler::begin(&here(2), 0, None, Hex([1; 16]));
    let (_, challenge) = Dialled::hello(&here(0), &hello, Hex([2; 16])).unwrap();
    let claims = dialler.challenged(&challenge).unwrap();
    let (mut again, other) = Dialled::hello(&here(0), &hello, Hex([3; 16])).unwrap();
    assert_ne!(challenge, other);
    assert_eq!(again.claims(&claims), Err(Strange::Secret));
}

proptest! {
    #[test]
    fn garbage_is_refused_at_every_step(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Dialled::hello(&here(0), &bytes, Hex([2; 16])).is_err());
        let (mut dialler, hello) = Dialler::begin(&here(2), 0, None, Hex([1; 16]));
        let (mut dialled, challenge) = Dialled::hello(&here(0), &hello, Hex([2; 16])).unwrap();
        prop_assert!(dialled.claims(&bytes).is_err());
        prop_assert!(dialler.challenged(&bytes).is_err());
        let (mut dialler, _) = Dialler::begin(&here(2), 0, None, Hex([1; 16]));
        dialler.challenged(&challenge).unwrap();
        prop_assert!(dialler.answered(&bytes).is_err());
    }
}
