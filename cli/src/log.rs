//! What the engine logs, to standard error.

use std::io;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::Directive;

/// Reads what to log from `QUORATE_LOG`.
#[expect(clippy::disallowed_methods, reason = "the program's edge: read once, here")]
pub(crate) fn to_standard_error(colours: bool) {
    let wanted = std::env::var("QUORATE_LOG").unwrap_or_default();
    let wanted = if wanted.is_empty() { "warn" } else { wanted.as_str() };
    // A slip in it must not keep a job from running.
    let filter = EnvFilter::try_new(wanted).unwrap_or_else(|_| EnvFilter::new("warn"));
    // It calls a table that is not there yet an error, which is how a table begins.
    let quiet = "buoyant_kernel=off".parse::<Directive>();
    let filter = quiet.into_iter().fold(filter, EnvFilter::add_directive);
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colours)
        .with_writer(io::stderr)
        .init();
}
