//! Rows on their way: put in as they happen, taken out as they arrive.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// Rows by arrival; of equal arrivals, the first put in comes first.
///
/// *Memory*: the rows put in and not yet taken. *Cost*: the logarithm of their number.
pub(super) struct Window<T> {
    waiting: BinaryHeap<Reverse<Waiting<T>>>,
    put: u64,
}

struct Waiting<T> {
    arrival_ms: u64,
    turn: u64,
    row: T,
}

impl<T> Window<T> {
    pub(super) fn new() -> Window<T> {
        Window { waiting: BinaryHeap::new(), put: 0 }
    }

    pub(super) fn put(&mut self, arrival_ms: u64, row: T) {
        self.waiting.push(Reverse(Waiting { arrival_ms, turn: self.put, row }));
        self.put += 1;
    }

    /// The next row that arrives before `end_ms`; `None` as a bound stands for the end of time.
    pub(super) fn take_before(&mut self, end_ms: Option<u64>) -> Option<T> {
        let Reverse(next) = self.waiting.peek()?;
        if end_ms.is_some_and(|end_ms| next.arrival_ms >= end_ms) {
            return None;
        }
        self.waiting.pop().map(|Reverse(next)| next.row)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }
}

impl<T> Waiting<T> {
    fn rank(&self) -> (u64, u64) {
        (self.arrival_ms, self.turn)
    }
}

impl<T> PartialEq for Waiting<T> {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}

impl<T> Eq for Waiting<T> {}

impl<T> PartialOrd for Waiting<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Waiting<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_leave_in_order_of_arrival_and_none_before_its_time() {
        let mut window = Window::new();
        for (arrival_ms, row) in [(5, "c"), (3, "a"), (5, "d"), (3, "b"), (9, "e")] {
            window.put(arrival_ms, row);
        }
        let mut until =
            |end_ms| -> Vec<&str> { std::iter::from_fn(|| window.take_before(end_ms)).collect() };
        assert_eq!(until(Some(3)), [""; 0]);
        assert_eq!(until(Some(5)), ["a", "b"]);
        assert_eq!(until(Some(9)), ["c", "d"]);
        assert_eq!(until(None), ["e"]);
    }
}
