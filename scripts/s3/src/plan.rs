//! What is to go wrong, as text.

use std::time::Duration;

/// Whether conditions of requests are looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Conditions {
    /// As S3 does.
    #[default]
    Honoured,
    /// As stores of old do: everything overwrites.
    Ignored,
}

/// What goes wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is done, and this status answered.
    Refused(u16),
    /// It is done, and this status answered.
    Denied(u16),
    /// Nothing is done and the connection is cut.
    Cut,
    /// It is done and the connection is cut before the answer.
    Lost,
    /// It is done and the connection is cut within the answer.
    Half,
    /// It is done after a while.
    Slow(Duration),
}

/// Faults of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    /// `create`, `put`, `get`, `head`, `list`, `delete`, `post`; or `*`.
    operation: String,
    /// Only of paths that contain this.
    path_part: String,
    fault: Fault,
    when: When,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Always,
    First(u64),
    Nth(u64),
    Percent(u64),
}

/// What is to go wrong: of several rules the first that applies decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    seed: u64,
    rules: Vec<Rule>,
    /// Whether conditions are looked at.
    pub conditions: Conditions,
}

impl Plan {
    /// The plan that `text` describes: clauses separated by `;`.
    ///
    /// `seed N`; `conditions ignored`; or `<operation> [part of path]: <fault> [N% | first N | nth N]`. An operation is
    /// `create` (a put with a condition), `put`, `post`, `get`, `head`, `list`, `delete` or `*`. A fault is a status
    /// (`503`), a status although it was done (`did 500`), `cut`, `lost`, `half` or `slow N` (milliseconds).
    ///
    /// # Errors
    /// The clause that is not understood.
    pub fn parse(text: &str) -> Result<Plan, String> {
        let mut plan = Plan::default();
        for clause in text.split(';').map(str::trim).filter(|clause| !clause.is_empty()) {
            plan.read(clause).ok_or_else(|| format!("not understood: {clause:?}"))?;
        }
        Ok(plan)
    }

    fn read(&mut self, clause: &str) -> Option<()> {
        if let Some(seed) = clause.strip_prefix("seed ") {
            self.seed = seed.trim().parse().ok()?;
        } else if clause == "conditions ignored" {
            self.conditions = Conditions::Ignored;
        } else {
            let (what, fault) = clause.split_once(':')?;
            let (operation, path_part) = what.trim().split_once(' ').unwrap_or((what.trim(), ""));
            let (fault, when) = fault_and_when(&fault.split_whitespace().collect::<Vec<_>>())?;
            let (operation, path_part) = (operation.to_owned(), path_part.to_owned());
            self.rules.push(Rule { operation, path_part, fault, when });
        }
        Some(())
    }

    /// What goes wrong with a request: `met` counts, for each rule, the requests that it was held against.
    pub(crate) fn fault(&self, operation: &str, path: &str, met: &mut Vec<u64>) -> Option<Fault> {
        met.resize(self.rules.len(), 0);
        for (at, rule) in self.rules.iter().enumerate() {
            let kind = rule.operation == "*"
                || rule.operation == operation
                || (rule.operation == "put" && operation == "create");
            if !kind || !path.contains(&rule.path_part) {
                continue;
            }
            met[at] += 1;
            let applies = match rule.when {
                When::Always => true,
                When::First(count) => met[at] <= count,
                When::Nth(nth) => met[at] == nth,
                When::Percent(percent) => drawn(self.seed, at as u64, met[at]) % 100 < percent,
            };
            if applies {
                return Some(rule.fault);
            }
        }
        None
    }
}

fn fault_and_when(words: &[&str]) -> Option<(Fault, When)> {
    let (fault, rest) = match words {
        ["did", status, rest @ ..] => (Fault::Denied(status.parse().ok()?), rest),
        ["slow", ms, rest @ ..] => (Fault::Slow(Duration::from_millis(ms.parse().ok()?)), rest),
        ["cut", rest @ ..] => (Fault::Cut, rest),
        ["lost", rest @ ..] => (Fault::Lost, rest),
        ["half", rest @ ..] => (Fault::Half, rest),
        [status, rest @ ..] => (Fault::Refused(status.parse().ok()?), rest),
        [] => return None,
    };
    let when = match rest {
        [] => When::Always,
        ["first", count] => When::First(count.parse().ok()?),
        ["nth", nth] => When::Nth(nth.parse().ok()?),
        [percent] => When::Percent(percent.strip_suffix('%')?.parse().ok()?),
        _ => return None,
    };
    Some((fault, when))
}

/// A number of a row that a seed names: splitmix64.
fn drawn(seed: u64, rule: u64, nth: u64) -> u64 {
    let mut mixed = seed ^ rule.rotate_left(40) ^ nth.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, requests: &[(&str, &str)], expected: &[Option<Fault>]) {
        let (plan, mut met) = (Plan::parse(text).unwrap(), Vec::new());
        let got: Vec<_> =
            requests.iter().map(|(op, path)| plan.fault(op, path, &mut met)).collect();
        assert_eq!(got, expected, "{text}");
    }

    #[test]
    fn the_first_rule_that_applies_decides() {
        let (slow, refused) =
            (Some(Fault::Slow(Duration::from_millis(5))), Some(Fault::Refused(503)));
        check("get: 503; *: slow 5", &[("get", "/a"), ("put", "/a")], &[refused, slow]);
        check("put: 503", &[("create", "/a"), ("head", "/a")], &[refused, None]);
        check(
            "create log: lost",
            &[("create", "/x"), ("create", "/log/1")],
            &[None, Some(Fault::Lost)],
        );
    }

    #[test]
    fn rules_may_be_for_some_requests_alone() {
        let did = Some(Fault::Denied(500));
        let thrice = [("get", "/a"); 3];
        check("get: did 500 first 2", &thrice, &[did, did, None]);
        check("get: cut nth 3", &thrice, &[None, None, Some(Fault::Cut)]);
        let (plan, mut met) = (Plan::parse("seed 3; get: half 30%").unwrap(), Vec::new());
        let hits = (0..1_000).filter(|_| plan.fault("get", "/a", &mut met).is_some()).count();
        assert!((250..350).contains(&hits), "{hits} of 1000");
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for text in ["get", "get: what", "get: 503 sometimes", "seed x", "get: slow"] {
            assert!(Plan::parse(text).unwrap_err().contains(text), "{text}");
        }
        assert_eq!(Plan::parse("conditions ignored").unwrap().conditions, Conditions::Ignored);
    }
}
