//! Where the links of one process come together: what it tells them, and what they have to tell.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::sync::{mpsc, watch};

use super::word::{Standing, Word};

/// So many words wait to be heard; a process says few beside where it stands.
const WORDS: usize = 64;

/// The run, as its links see it.
pub(crate) trait Told: Send + Sync {
    /// Where this process stands.
    fn standing(&self) -> Standing;

    /// Where process `peer` does.
    fn hear(&self, peer: usize, standing: Standing);
}

/// A process was lost: the generation is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Loss {
    /// Which.
    pub(crate) peer: usize,
    /// Why it is taken for lost.
    pub(crate) why: String,
}

/// What the links of a process share.
pub(crate) struct Hall {
    run: OnceLock<Arc<dyn Told>>,
    news: watch::Sender<u64>,
    lost: watch::Sender<Option<Loss>>,
    heard: mpsc::Sender<(usize, Word)>,
    parting: AtomicBool,
}

impl Hall {
    /// A hall, and the words that are heard in it.
    pub(crate) fn new() -> (Arc<Hall>, mpsc::Receiver<(usize, Word)>) {
        let (heard, words) = mpsc::channel(WORDS);
        let (news, _) = watch::channel(0);
        let (lost, _) = watch::channel(None);
        let hall =
            Hall { run: OnceLock::new(), news, lost, heard, parting: AtomicBool::new(false) };
        (Arc::new(hall), words)
    }

    /// From now on the links tell where `run` stands.
    pub(crate) fn attach(&self, run: Arc<dyn Told>) {
        self.run.get_or_init(|| run);
        self.has_news();
    }

    /// Where this process stands changed in a way that others wait for.
    pub(crate) fn has_news(&self) {
        self.news.send_modify(|news| *news += 1);
    }

    /// When it does.
    pub(crate) fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    /// Where this process stands.
    pub(crate) fn standing(&self) -> Standing {
        self.run.get().map(|run| run.standing()).unwrap_or_default()
    }

    /// `peer` has said something.
    pub(crate) async fn hear(&self, peer: usize, word: Word) {
        match word {
            Word::Standing(standing) => {
                if let Some(run) = self.run.get() {
                    run.hear(peer, standing);
                }
            }
            Word::Leaves(why) => self.lose(peer, why),
            Word::Over(_) => {
                // Before anybody sees its connection close.
                self.part();
                let _ = self.heard.send((peer, word)).await;
            }
            Word::Met | Word::Begin(_) => {
                // Nobody listens any more: the run is about to end.
                let _ = self.heard.send((peer, word)).await;
            }
        }
    }

    /// From now on nobody is missed.
    pub(crate) fn part(&self) {
        self.parting.store(true, Ordering::Release);
    }

    /// `peer` is lost, unless everybody leaves. The first loss is the cause of the others.
    pub(crate) fn lose(&self, peer: usize, why: String) {
        if !self.parting.load(Ordering::Acquire) {
            self.lost.send_if_modified(|lost| {
                let first = lost.is_none();
                if first {
                    *lost = Some(Loss { peer, why });
                }
                first
            });
        }
    }

    /// Waits until somebody is lost.
    pub(crate) async fn lost(&self) -> Loss {
        let mut lost = self.lost.subscribe();
        let found = lost.wait_for(Option::is_some).await.ok().and_then(|lost| lost.clone());
        match found {
            Some(loss) => loss,
            // The sender is in `self`.
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_loss_is_the_cause_and_nobody_is_missed_who_parts() {
        let (hall, _words) = Hall::new();
        hall.hear(2, Word::Leaves("process 1 was lost".to_owned())).await;
        hall.lose(1, "it closed the connection".to_owned());
        assert_eq!(hall.lost().await, Loss { peer: 2, why: "process 1 was lost".to_owned() });

        let (hall, mut words) = Hall::new();
        hall.hear(0, Word::Over(super::super::word::Ending::AlreadyFinished)).await;
        hall.lose(0, "it closed the connection".to_owned());
        assert!(words.recv().await.is_some());
        assert!(hall.lost.borrow().is_none());
    }
}
