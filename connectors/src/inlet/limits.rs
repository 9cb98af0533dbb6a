use quorate_schemas::time::{Micros, SECOND};

/// Bounds on what one row may do. Each has a default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest line that is decoded, in bytes: 16 MiB.
    pub line_bytes_max: usize,
    /// How many bytes of a rejected row are kept: 64 KiB.
    pub reject_bytes_max: usize,
    /// How far an event time may lie ahead of the machine's clock, in microseconds: ten minutes. What lies further
    /// ahead would make everything after it late.
    pub future_skew_us: Micros,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            line_bytes_max: 16 << 20,
            reject_bytes_max: 64 << 10,
            future_skew_us: 600 * SECOND,
        }
    }
}
