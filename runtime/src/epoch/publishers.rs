use std::sync::Arc;

use quorate_connectors::delta::DeltaTables;
use quorate_connectors::staged::Provenance;

use super::ledger::Terms;
use super::marks::TopicMarks;
use super::publish::Publisher;
use super::topics::TopicPublisher;
use crate::job::Job;
use crate::shared::Shared;

/// Who tells the outside what is committed.
pub(crate) struct Publishers {
    /// As Delta tables.
    pub(crate) delta: Option<Publisher>,
    /// As messages.
    pub(crate) topics: Option<TopicPublisher>,
}

impl Publishers {
    /// Those that the job asks for.
    pub(crate) fn of(job: &Job, provenance: &Provenance, shared: Arc<Shared>) -> Publishers {
        let marks = Arc::new(TopicMarks::of(job.topics.as_ref().map(|topics| &topics.spec)));
        let delta = job.publish.delta.then(|| Publisher {
            tables: DeltaTables::new(shared.store.clone(), provenance.clone()),
            publish: job.publish,
            terms: Terms::default(),
            topics: Arc::clone(&marks),
            shared: Arc::clone(&shared),
        });
        let topics = job.topics.clone().filter(|topics| !topics.spec.topics.is_empty());
        let topics = topics.map(|topics| TopicPublisher {
            topics,
            provenance: provenance.clone(),
            marks,
            shared,
        });
        Publishers { delta, topics }
    }
}
