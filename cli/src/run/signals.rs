//! SIGINT and SIGTERM: the first asks the run to end, the second ends the program at once.
//!
//! Without a thread: a signal may do little more than set a flag, and a flag is all that a run looks at. Ending at once
//! is safe at any moment, since only what is in the log is true.

use std::io;

use quorate_runtime::observe::StopSignal;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

pub(crate) fn stop_on(stop: &StopSignal) -> io::Result<()> {
    for signal in [SIGINT, SIGTERM] {
        // Called in this order: the first time the flag is not yet set and the program goes on.
        flag::register_conditional_shutdown(signal, 128 + signal, stop.flag())?;
        flag::register(signal, stop.flag())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_signal_asks_to_stop() {
        let stop = StopSignal::new();
        stop_on(&stop).unwrap();
        assert!(!stop.is_given());
        signal_hook::low_level::raise(SIGTERM).unwrap();
        assert!(stop.is_given());
    }
}
