//! What is answered: pure functions of what the run tells.

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use quorate_runtime::health::Facts;
use quorate_runtime::metrics::{CONTENT_TYPE, Metrics};
use serde::Serialize;

/// The paths there are.
pub(crate) fn router(metrics: Metrics) -> Router {
    Router::new()
        .route("/metrics", get(exposition))
        .route("/healthz", get(health))
        .route("/readyz", get(readiness))
        .fallback(index)
        .with_state(metrics)
}

/// The body of `/healthz` and `/readyz`.
#[derive(Serialize)]
struct Verdict {
    /// `ok`, or `bad`.
    status: &'static str,
    /// What is wrong, each in a sentence.
    why: Vec<String>,
    #[serde(flatten)]
    facts: Facts,
}

async fn exposition(State(metrics): State<Metrics>) -> Response {
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], metrics.render()).into_response()
}

async fn health(State(metrics): State<Metrics>) -> Response {
    let facts = metrics.facts();
    verdict(facts.liveness(), facts)
}

async fn readiness(State(metrics): State<Metrics>) -> Response {
    let facts = metrics.facts();
    verdict(facts.readiness(), facts)
}

fn verdict(why: Vec<String>, facts: Facts) -> Response {
    let (code, status) = match why.is_empty() {
        true => (StatusCode::OK, "ok"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "bad"),
    };
    let body = serde_json::to_string(&Verdict { status, why, facts }).unwrap_or_default();
    (code, [(header::CONTENT_TYPE, "application/json")], body + "\n").into_response()
}

async fn index() -> Response {
    (StatusCode::NOT_FOUND, "there are /metrics, /healthz and /readyz\n").into_response()
}
