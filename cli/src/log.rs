//! What is logged, to standard error.
//!
//! With `--log` everything about a command is an event with a time, a level and fields, for programs that collect logs;
//! without it only what is out of the ordinary, between the lines that people read.

use std::io;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::Directive;

/// How events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Form {
    /// One line each, for people
    Text,
    /// One JSON object a line, for machines
    Json,
}

/// Reads what to log from `QUORATE_LOG`.
#[expect(clippy::disallowed_methods, reason = "the program's edge: read once, here")]
pub(crate) fn to_standard_error(form: Option<Form>, colours: bool) {
    let usual = if form.is_some() { "warn,quorate=info" } else { "warn" };
    let wanted = std::env::var("QUORATE_LOG").unwrap_or_default();
    let wanted = if wanted.is_empty() { usual } else { wanted.as_str() };
    // A slip in it must not keep a job from running.
    let filter = EnvFilter::try_new(wanted).unwrap_or_else(|_| EnvFilter::new(usual));
    // It calls a table that is not there yet an error, which is how a table begins.
    let quiet = "buoyant_kernel=off".parse::<Directive>();
    let filter = quiet.into_iter().fold(filter, EnvFilter::add_directive);
    let events = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match form {
        Some(Form::Json) => {
            events.json().flatten_event(true).with_current_span(false).with_span_list(false).init();
            // A thread that dies says so as everything else is said.
            std::panic::set_hook(Box::new(|death| tracing::error!("{death}")));
        }
        Some(Form::Text) | None => events.with_ansi(colours).init(),
    }
}
