//! Numbers as people read them.

/// `1234567` as `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1234567` as `1.2M`, for where there is little room.
pub(crate) fn short(number: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")];
    match UNITS.iter().find(|(unit, _)| number >= *unit) {
        None => number.to_string(),
        Some((unit, word)) if number / unit >= 10 => format!("{}{word}", grouped(number / unit)),
        Some((unit, word)) => format!("{}.{}{word}", number / unit, number % unit * 10 / unit),
    }
}

/// `3 files`, `1 file`.
pub(crate) fn counted(number: u64, one: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {one}{plural}", grouped(number))
}

/// `1536` as `1.5 KiB`.
pub(crate) fn bytes(number: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if number < 1_024 {
        return format!("{number} B");
    }
    let (mut tenths, mut unit) = (u128::from(number) * 10 / 1_024, 0);
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        (tenths, unit) = (tenths / 1_024, unit + 1);
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// Of `total`, in whole per cent.
pub(crate) fn per_cent(part: u64, total: u64) -> u64 {
    let share = u128::from(part) * 100 / u128::from(total.max(1));
    u64::try_from(share.min(100)).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [0, 999, 1_000, 9_999, 10_000, 1_250_000, 25_000_000_000].map(short),
            ["0", "999", "1.0k", "9.9k", "10k", "1.2M", "25G"]
        );
        assert_eq!([0, 1, 2_000].map(|n| counted(n, "row")), ["0 rows", "1 row", "2,000 rows"]);
        assert_eq!(
            [0, 1_023, 1_536, 16 << 20].map(bytes),
            ["0 B", "1023 B", "1.5 KiB", "16.0 MiB"]
        );
        assert_eq!(bytes(u64::MAX), "16777215.9 TiB");
        assert_eq!((per_cent(1, 3), per_cent(5, 0), per_cent(u64::MAX, u64::MAX)), (33, 100, 100));
    }
}
