//! How the numbers of a fleet are called.

use quorate_schemas::id::Name;

use super::fleet::Style;

/// The names of one style. All are ASCII without anything that JSON would escape.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    style: Style,
}

impl Names {
    /// The names of `style`.
    pub fn of(style: Style) -> Names {
        Names { style }
    }

    /// The id of the `task`-th task.
    pub fn task(self, task: u64) -> Name {
        name(|out| self.put_task(task, out))
    }

    /// The id of the `agent`-th agent.
    pub fn agent(self, agent: u32) -> Name {
        name(|out| self.put_agent(agent, out))
    }

    /// The `domain`-th domain.
    pub fn domain(self, domain: u32) -> Name {
        name(|out| self.put_domain(domain, out))
    }

    /// The `label`-th label: `A` to `Z`, `AA`, `AB`, and so on.
    pub fn label(self, label: u32) -> Name {
        name(|out| put_label(label, out))
    }

    pub(super) fn put_task(self, task: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(match self.style {
            Style::Full => b"task-",
            Style::Compact => b"syn-",
        });
        put_number(task, out);
    }

    pub(super) fn put_agent(self, agent: u32, out: &mut Vec<u8>) {
        out.extend_from_slice(match self.style {
            Style::Full => b"agent-",
            Style::Compact => b"syn-a",
        });
        put_number(agent.into(), out);
    }

    pub(super) fn put_domain(self, domain: u32, out: &mut Vec<u8>) {
        out.extend_from_slice(match self.style {
            Style::Full => b"domain-",
            Style::Compact => b"d",
        });
        put_number(domain.into(), out);
    }
}

pub(super) fn put_label(label: u32, out: &mut Vec<u8>) {
    if label >= 26 {
        put_label(label / 26 - 1, out);
    }
    out.push(b'A' + (label % 26) as u8);
}

/// `number` in decimal digits.
pub(super) fn put_number(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[first..]);
}

fn name(put: impl Fn(&mut Vec<u8>)) -> Name {
    let mut bytes = Vec::with_capacity(24);
    put(&mut bytes);
    bytes.into_iter().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_readable_in_one_style_and_short_in_the_other() {
        let (full, compact) = (Names::of(Style::Full), Names::of(Style::Compact));
        assert_eq!((full.task(0), compact.task(0)), ("task-0".into(), "syn-0".into()));
        assert_eq!((full.agent(17), compact.agent(17)), ("agent-17".into(), "syn-a17".into()));
        assert_eq!((full.domain(3), compact.domain(3)), ("domain-3".into(), "d3".into()));
        assert_eq!(full.task(u64::MAX), "task-18446744073709551615");
    }

    #[test]
    fn labels_go_on_after_z_and_never_repeat() {
        let label = |number| Names::of(Style::Full).label(number);
        assert_eq!(
            [0, 25, 26, 27, 701, 702].map(label),
            ["A", "Z", "AA", "AB", "ZZ", "AAA"].map(Name::new)
        );
        let all: std::collections::BTreeSet<Name> = (0..1_000).map(label).collect();
        assert_eq!(all.len(), 1_000);
    }
}
