//! A job in operation, as machines see it: metrics, health, logs, signals, and what is deployed around it.

mod deployed;
mod exposition;
#[cfg(feature = "failpoints")]
mod flood;
mod health;
mod lag;
mod logs;
mod metrics;
mod service;
