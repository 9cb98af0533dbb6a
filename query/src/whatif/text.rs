//! A comparison for a person with 80 columns.

use std::fmt;

use super::{Flip, Side, Whatif};
use crate::grid::{Grid, counted};

impl fmt::Display for Whatif {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Whatif { tasks, known, attacked, .. } = self;
        let mut headings = vec!["", ">quorate"];
        if *known > 0 {
            headings.extend([">of these right", ">all right"]);
        }
        if *attacked > 0 {
            headings.push(">lies believed");
        }
        let mut sides = Grid::new(2, &headings);
        let decided = format!("{}, as decided", self.method);
        for (name, side) in [(&decided, &self.decided), (&self.policy, &self.otherwise)] {
            let Side { quorate, right, quorate_known, quorate_right, captured } = *side;
            let mut row = vec![name.clone(), share(quorate, *tasks)];
            if *known > 0 {
                row.extend([share(quorate_right, quorate_known), share(right, *known)]);
            }
            if *attacked > 0 {
                row.push(share(captured, *attacked));
            }
            sides.row(row);
        }
        write!(f, "{sides}")?;
        let changed = match self.changed {
            1 => "1 answer differs".to_owned(),
            changed => format!("{changed} answers differ"),
        };
        writeln!(f, "  {}, {changed}; {known} can be scored", counted(*tasks, "task"))?;
        if self.flips.is_empty() {
            return Ok(());
        }
        writeln!(f, "\nanswers that differ, the most telling first")?;
        let mut flips =
            Grid::new(2, &["task", "decided", ">votes", "otherwise", ">votes", "right"]);
        for flip in &self.flips {
            let Flip { task_id, decided, otherwise, truth, votes_decided, votes_otherwise, votes } =
                flip;
            let label = |label: &Option<String>| label.clone().unwrap_or_else(|| "-".to_owned());
            flips.row([
                task_id.clone(),
                label(decided),
                format!("{votes_decided} of {votes}"),
                label(otherwise),
                format!("{votes_otherwise} of {votes}"),
                truth.clone().unwrap_or_else(|| "?".to_owned()),
            ]);
        }
        write!(f, "{flips}")
    }
}

/// `1,200 63.4 %`.
fn share(part: u64, whole: u64) -> String {
    let tenths = (u128::from(part) * 1_000 + u128::from(whole) / 2) / u128::from(whole.max(1));
    format!("{part} {:>3}.{} %", tenths / 10, tenths % 10)
}
