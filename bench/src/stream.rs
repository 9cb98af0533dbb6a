//! The votes of the benches: synthetic, the same for everybody, of a fixed width.
//!
//! W1 is 5 million votes over 500,000 tasks and 10,000 agents, 86 bytes of JSON each, a task's ten votes spread over
//! about 20,000 neighbouring lines; 2 % of the lines are duplicates, 1 % change a vote.

use std::io::{self, Write};

/// A fixed sequence of numbers: xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators",
/// 2016). Small, and the same in every language that a peer is written in.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }
}

/// How many votes, over what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// Lines in all, duplicates and changes among them.
    pub(crate) lines: u64,
    /// Distinct tasks.
    pub(crate) tasks: u64,
    /// Distinct agents.
    pub(crate) agents: u64,
    /// A task's votes lie within about so many lines.
    pub(crate) spread: u64,
    /// Lines within a second of event time.
    pub(crate) lines_per_s: u64,
}

impl Shape {
    /// W1's: ten votes on each of as many tasks as that makes.
    pub(crate) fn of_w1(lines: u64) -> Shape {
        Shape { lines, tasks: lines / 10, agents: 10_000, spread: 20_000, lines_per_s: 2_000 }
    }
}

/// 2026-01-01T00:00:00Z.
const START_MS: u64 = 1_767_225_600_000;

/// Writes lines one after the other, going on where it stopped.
pub(crate) struct Votes {
    shape: Shape,
    dice: Dice,
    line: u64,
    last: Option<(u64, u64, u8)>,
}

impl Votes {
    pub(crate) fn new(shape: Shape) -> Votes {
        Votes { shape, dice: Dice::new(1), line: 0, last: None }
    }

    /// Writes so many more lines; how many bytes that was.
    ///
    /// # Errors
    /// If they can't be written.
    pub(crate) fn write(&mut self, lines: u64, to: &mut impl Write) -> io::Result<u64> {
        let mut bytes = 0;
        let mut text = String::with_capacity(96);
        for _ in 0..lines {
            let (task, agent, choice) = self.next();
            let at_ms = START_MS + self.line * 1000 / self.shape.lines_per_s;
            text.clear();
            use std::fmt::Write as _;
            let _ = writeln!(
                text,
                "{{\"event_time\":{at_ms},\"task_id\":\"t{task:09}\",\"agent_id\":\"a{agent:07}\",\"choice\":\"{}\"}}",
                char::from(choice)
            );
            to.write_all(text.as_bytes())?;
            bytes += text.len() as u64;
            self.line += 1;
        }
        Ok(bytes)
    }

    fn next(&mut self) -> (u64, u64, u8) {
        let Shape { lines, tasks, agents, spread, .. } = self.shape;
        let chance = self.dice.below(100);
        if let Some((task, agent, choice)) = self.last.filter(|_| chance < 3) {
            let again = if chance < 2 { choice } else { b'A' + (choice - b'A' + 1) % 4 };
            self.last = None;
            return (task, agent, again);
        }
        // Around the task whose turn it is; at both ends what would lie beyond is folded back.
        let width = (spread * tasks / lines).max(1);
        let middle = self.line as i64 * tasks as i64 / lines as i64;
        let task = middle + self.dice.below(width) as i64 - width as i64 / 2;
        let task = task.clamp(0, tasks as i64 - 1) as u64;
        let agent = self.dice.below(agents);
        // Seven in ten say what is right.
        let right = (task % 4) as u8;
        let choice = match self.dice.below(10) < 7 {
            true => right,
            false => self.dice.below(4) as u8,
        };
        self.last = Some((task, agent, b'A' + choice));
        (task, agent, b'A' + choice)
    }
}
