use std::path::PathBuf;
use std::str::FromStr;

use crate::store::Operation;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Out of reach: nothing happens.
    Error,
    /// No rights: nothing happens.
    Denied,
    /// The disk is full: nothing happens.
    Full,
    /// It happens, and the answer is lost.
    Lost,
    /// It happens, `for_ms` later.
    Delay {
        /// The delay.
        for_ms: u64,
    },
    /// A creation happens and is answered by *exists*.
    Exists,
    /// The answer to a creation is lost, and it happens `after_ms` later.
    Late {
        /// When it happens.
        after_ms: u64,
    },
}

/// Which of the attempts that a rule fits it applies to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    /// Each.
    Always,
    /// The first so many.
    First(u64),
    /// One alone, counted from 1.
    Nth(u64),
    /// Each with this chance, in millionths.
    Chance(u64),
    /// Each for as long as there is a file: whoever makes and removes it stops the store and lets it go on.
    While(PathBuf),
}

/// One kind of trouble.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The operation; any, if left out.
    pub operation: Option<Operation>,
    /// Only on paths that contain this.
    pub path_part: String,
    /// What goes wrong.
    pub fault: Fault,
    /// When.
    pub when: When,
}

/// What is to go wrong: a seed, and rules of which the first that applies decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultPlan {
    /// What chances are drawn from.
    pub seed: u64,
    /// The rules.
    pub rules: Vec<Rule>,
}

impl FaultPlan {
    /// The plan that `text` describes.
    ///
    /// Clauses are separated by `;` or line ends. One may be `seed N`; the others are
    /// `<operation> [part of path]: <fault> [when]`, where the operation is `create`, `put`, `get`, `head`, `list`,
    /// `delete` or `*`; the fault is `error`, `denied`, `full`, `lost`, `delay Nms`, `exists` or `late Nms` (the last
    /// two for `create` alone); and when is `N%`, `first N`, `nth N` or `while FILE`, or left out for always.
    ///
    /// # Errors
    /// If it can't be understood: the clause, and what was expected.
    pub fn parse(text: &str) -> Result<FaultPlan, String> {
        let mut plan = FaultPlan::default();
        for clause in text.split([';', '\n']).map(str::trim).filter(|clause| !clause.is_empty()) {
            let parsed = match clause.strip_prefix("seed ") {
                Some(seed) => number(seed.trim()).map(|seed| plan.seed = seed),
                None => parse_rule(clause).map(|rule| plan.rules.push(rule)),
            };
            parsed.map_err(|reason| format!("in the fault {clause:?}: {reason}"))?;
        }
        Ok(plan)
    }

    /// The plan in the environment variable `name`; none, if it is not set.
    ///
    /// # Errors
    /// As [`FaultPlan::parse`].
    #[expect(
        clippy::disallowed_methods,
        reason = "how a test reaches into the built binary; never in a release"
    )]
    pub fn from_env(name: &str) -> Result<Option<FaultPlan>, String> {
        std::env::var(name).ok().map(|text| FaultPlan::parse(&text)).transpose()
    }

    /// The fault that the `attempt`th `operation` on `path` meets; `matches` counts, per rule, what it was held to.
    pub(super) fn fault(
        &self,
        operation: Operation,
        path: &str,
        attempt: u64,
        matches: &mut [u64],
    ) -> Option<Fault> {
        let mut found = None;
        for (index, (rule, matched)) in self.rules.iter().zip(matches).enumerate() {
            let fits =
                rule.operation.is_none_or(|of| of == operation) && path.contains(&rule.path_part);
            // What a rule before has decided is no attempt for this one.
            if !fits || found.is_some() {
                continue;
            }
            *matched += 1;
            let applies = match &rule.when {
                When::Always => true,
                When::First(count) => *matched <= *count,
                When::Nth(nth) => *matched == *nth,
                When::Chance(millionths) => {
                    self.draw(index, operation, path, attempt) % 1_000_000 < *millionths
                }
                When::While(file) => file.exists(),
            };
            found = applies.then_some(rule.fault);
        }
        found
    }

    /// A number that depends on nothing but its arguments and the seed.
    fn draw(&self, rule: usize, operation: Operation, path: &str, attempt: u64) -> u64 {
        let numbers = [rule as u64, operation as u64, attempt];
        let bytes = numbers.into_iter().chain(path.bytes().map(u64::from));
        bytes.fold(mix(self.seed), |sum, number| mix(sum ^ number))
    }
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood, 2014).
fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

fn parse_rule(clause: &str) -> Result<Rule, String> {
    let (subject, what) =
        clause.split_once(':').ok_or("expected `<operation> [part of path]: <fault> [when]`")?;
    let (operation, path_part) = match subject.trim().split_once(' ') {
        Some((operation, part)) => (operation, part.trim().to_owned()),
        None => (subject.trim(), String::new()),
    };
    let operation = parse_operation(operation)?;
    let mut words = what.split_whitespace();
    let fault = match words.next().unwrap_or_default() {
        "error" => Fault::Error,
        "denied" => Fault::Denied,
        "full" => Fault::Full,
        "lost" => Fault::Lost,
        "exists" => Fault::Exists,
        "delay" => Fault::Delay { for_ms: millis(words.next())? },
        "late" => Fault::Late { after_ms: millis(words.next())? },
        other => {
            return Err(format!(
                "no fault is called {other:?}: error, denied, full, lost, delay, exists, late"
            ));
        }
    };
    if matches!(fault, Fault::Exists | Fault::Late { .. }) && operation != Some(Operation::Create) {
        return Err("this fault is one of `create` alone".into());
    }
    let rest: Vec<&str> = words.collect();
    let when = match rest[..] {
        [] => When::Always,
        ["first", count] => When::First(number(count)?),
        ["nth", nth] => When::Nth(number(nth)?),
        ["while", file] => When::While(file.into()),
        [share] => When::Chance(percent(share)?),
        _ => {
            return Err(
                "expected `N%`, `first N`, `nth N`, `while FILE` or nothing at its end".into()
            );
        }
    };
    Ok(Rule { operation, path_part, fault, when })
}

fn parse_operation(word: &str) -> Result<Option<Operation>, String> {
    Ok(Some(match word {
        "*" => return Ok(None),
        "create" => Operation::Create,
        "put" => Operation::Put,
        "get" => Operation::Get,
        "head" => Operation::Head,
        "list" => Operation::List,
        "delete" => Operation::Delete,
        _ => {
            return Err(format!(
                "no operation is called {word:?}: create, put, get, head, list, delete, *"
            ));
        }
    }))
}

fn millis(word: Option<&str>) -> Result<u64, String> {
    let digits = word
        .and_then(|word| word.strip_suffix("ms"))
        .ok_or("expected a duration such as `50ms`")?;
    number(digits)
}

fn percent(word: &str) -> Result<u64, String> {
    let share = word.strip_suffix('%').and_then(|share| f64::from_str(share).ok());
    match share.filter(|share| (0.0..=100.0).contains(share)) {
        Some(share) => Ok((share * 10_000.0).round() as u64),
        None => Err(format!("expected a share such as `10%`, not {word:?}")),
    }
}

fn number(word: &str) -> Result<u64, String> {
    word.parse().map_err(|_| format!("expected a number, not {word:?}"))
}
