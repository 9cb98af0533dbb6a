//! Watches a run, and says what somebody wants to know of it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use quorate_runtime::observe::{Committed, Observer, Progress, Started, StopSignal};
use quorate_schemas::table::{DecisionRow, DecisionUpdateRow, json_line};
use serde_json::{Value, json};

use super::lines;
use crate::console::{Console, Paint};

/// How it shall be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// For people.
    Lines,
    /// For machines: everything, one JSON object a line, to standard output.
    Json,
    /// Decisions only, where they were asked for.
    Quiet,
}

/// Where nobody watches the status line, so many of its versions (seconds) pass between two lines of log.
const PROGRESS_PER_LINE: u64 = 10;

pub(super) struct Watch {
    console: Arc<Console>,
    wish: Wish,
    stop: StopSignal,
    progress: AtomicU64,
    said_stopping: AtomicBool,
}

impl Watch {
    pub(super) fn new(console: Arc<Console>, wish: Wish, stop: StopSignal) -> Watch {
        Watch {
            console,
            wish,
            stop,
            progress: AtomicU64::new(0),
            said_stopping: AtomicBool::new(false),
        }
    }

    /// Machines may ask there from now on.
    pub(super) fn listening(&self, address: SocketAddr) {
        match self.wish {
            Wish::Json => self.json("listening", json!({ "address": address.to_string() })),
            Wish::Lines => self
                .console
                .note(format_args!("asked for /metrics, /healthz and /readyz at http://{address}")),
            Wish::Quiet => {}
        }
    }

    /// To standard output. When its reader has gone there is nobody left to run for.
    fn result(&self, written: io::Result<()>) {
        if written.is_err() {
            self.stop.stop();
        }
    }

    fn json(&self, kind: &str, mut value: Value) {
        if let Some(object) = value.as_object_mut() {
            object.insert("type".to_owned(), kind.into());
        }
        self.result(self.console.out(value));
    }

    fn go_on(&self, progress: &Progress) {
        if !self.console.logs() {
            self.console.note(lines::progress(progress));
            return;
        }
        let Progress { rows, rows_per_s, decided, undecided, commits, .. } = *progress;
        let (rows_in, late, rejected) = (rows.rows_in, rows.late, rows.rejected);
        tracing::info!(
            target: "quorate",
            rows_in,
            late,
            rejected,
            rows_per_s,
            decided,
            undecided,
            commits,
            "progress"
        );
    }

    fn say_stopping(&self) {
        if self.wish == Wish::Lines
            && self.stop.is_given()
            && !self.said_stopping.swap(true, Ordering::Relaxed)
        {
            self.console
                .note("stopping: what was read is being committed; once more to stop at once");
        }
    }
}

impl Observer for Watch {
    fn started(&self, started: &Started) {
        if self.wish == Wish::Json {
            let Started { incarnation, checkpoint, workers, retained_rows, took_ms } = started;
            self.json(
                "started",
                json!({
                    "incarnation": incarnation,
                    "checkpoint": checkpoint,
                    "workers": workers,
                    "retained_rows": retained_rows,
                    "took_ms": took_ms,
                }),
            );
        } else if self.console.logs() {
            let Started { incarnation, checkpoint, workers, retained_rows, took_ms } = *started;
            tracing::info!(
                target: "quorate",
                incarnation,
                checkpoint,
                workers,
                retained_rows,
                took_ms,
                "reading begins"
            );
        }
    }

    fn progress(&self, progress: &Progress) {
        self.say_stopping();
        let before = self.progress.fetch_add(1, Ordering::Relaxed);
        match self.wish {
            Wish::Json => self.json("progress", lines::progress_json(progress)),
            Wish::Lines => {
                if !self.console.status(&lines::status(progress))
                    && before % PROGRESS_PER_LINE == PROGRESS_PER_LINE - 1
                {
                    self.go_on(progress);
                }
            }
            Wish::Quiet => {}
        }
    }

    fn committed(&self, commit: &Committed) {
        if self.wish == Wish::Json {
            let Committed { seq, checkpoint, rows, took_ms, requests } = commit;
            let said = json!({
                "seq": seq,
                "checkpoint": checkpoint,
                "rows": rows,
                "took_ms": took_ms,
                "requests": requests,
            });
            self.json("commit", said);
        }
        let Committed { seq, checkpoint, rows, took_ms, .. } = *commit;
        let rows_in = rows.rows_in;
        tracing::debug!(target: "quorate", seq, checkpoint, rows_in, took_ms, "committed");
    }

    fn update(&self, update: &DecisionUpdateRow) {
        match self.wish {
            Wish::Json => self.result(self.console.collect(&json_line("update", update))),
            Wish::Lines | Wish::Quiet => {
                let line = self.console.painted(Paint::Dim, &lines::update(update));
                self.result(self.console.collect(line.as_bytes()));
            }
        }
    }

    fn decided(&self, decision: &DecisionRow) {
        match self.wish {
            Wish::Json => self.result(self.console.collect(&json_line("decision", decision))),
            Wish::Lines | Wish::Quiet => {
                self.result(self.console.collect(lines::decision(decision).as_bytes()));
            }
        }
    }

    fn told(&self) {
        self.result(self.console.flush());
    }

    fn note(&self, text: &str) {
        match self.wish {
            Wish::Json => self.json("note", json!({ "text": text })),
            Wish::Lines => self.console.notice(text),
            Wish::Quiet => {}
        }
    }
}
