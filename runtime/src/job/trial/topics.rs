//! The topics that rows are told to: are they there?

use quorate_connectors::kafka::publish::look_for;

use super::Problem;
use crate::job::Job;

/// Adds what is wrong with them.
pub(super) fn check(job: &Job, problems: &mut Vec<Problem>) {
    let Some(topics) = &job.topics else { return };
    match look_for(&topics.spec, &job.name) {
        Err(error) => problems.push(Problem::error("publish.kafka", error.to_string())),
        Ok(found) => {
            let missing = found.into_iter().filter(|topic| topic.partitions.is_none());
            problems.extend(missing.map(|topic| {
                let message = format!(
                    "there is no topic {}: make it, with as many partitions as its readers want",
                    topic.name
                );
                Problem::error("publish.kafka.topics", message)
            }));
        }
    }
}
