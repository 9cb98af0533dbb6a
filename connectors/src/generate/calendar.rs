//! Times as text.

use quorate_schemas::time::{SECOND, format_rfc3339};

/// Writes times in RFC 3339; remembers the day, since rows of one day stand together.
#[derive(Default)]
pub(super) struct Calendar {
    day: u64,
    date: String,
}

const DAY_MS: u64 = 86_400_000;
const DATE_BYTES: usize = "2026-01-01T".len();

impl Calendar {
    pub(super) fn put(&mut self, time_ms: u64, out: &mut Vec<u8>) {
        let day = time_ms / DAY_MS;
        if day != self.day || self.date.is_empty() {
            self.day = day;
            self.date = format_rfc3339((day * (DAY_MS / 1_000)) as i64 * SECOND);
            self.date.truncate(DATE_BYTES);
        }
        out.extend_from_slice(self.date.as_bytes());
        let of_day_ms = (time_ms % DAY_MS) as u32;
        put_padded(of_day_ms / 3_600_000, 2, out);
        out.push(b':');
        put_padded(of_day_ms / 60_000 % 60, 2, out);
        out.push(b':');
        put_padded(of_day_ms / 1_000 % 60, 2, out);
        out.push(b'.');
        put_padded(of_day_ms % 1_000, 3, out);
        out.push(b'Z');
    }
}

/// `number` with leading zeros, in this many digits.
pub(super) fn put_padded(mut number: u32, digits: usize, out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + digits, b'0');
    for digit in out[start..].iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use quorate_schemas::time::{TimeUnit, parse_rfc3339};

    use super::*;

    #[test]
    fn times_read_back_as_they_were() {
        let mut calendar = Calendar::default();
        for time_ms in
            [0, 86_399_999, 86_400_000, 1_767_225_600_000, 253_370_764_799_999, 951_782_400_001]
        {
            let mut out = Vec::new();
            calendar.put(time_ms, &mut out);
            let text = String::from_utf8(out).unwrap();
            assert_eq!(parse_rfc3339(&text), TimeUnit::Ms.to_micros(time_ms as i64), "{text}");
        }
    }
}
