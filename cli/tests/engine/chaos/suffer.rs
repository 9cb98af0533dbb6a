//! Faults as they happen.

use std::thread::sleep;
use std::time::Duration;

use quorate_s3::{Plan, Server};

use super::plan::{Fault, Kind};
use super::site::{BROKER, STORE, Site};
use crate::cluster::crew::{signal, wait_for};

/// So many requests a change of the store's weather must have met.
const MET: u64 = 2;

impl Site {
    /// Lets it happen, and be over.
    pub(super) fn suffer(&mut self, fault: &Fault) {
        let Fault { kind, victim, lasts, seed, .. } = *fault;
        match kind {
            Kind::KillProcess => signal(self.child(victim), "-KILL"),
            Kind::KillMachine => {
                // Its process ends with it.
                signal(self.members[victim].supervisor.id(), "-KILL");
                self.members[victim].supervisor.wait().unwrap();
                sleep(lasts);
                self.members[victim] = self.member(victim);
            }
            Kind::HaltProcess => {
                let child = self.child(victim);
                halt(&[child], lasts);
            }
            Kind::HaltMachine => {
                // First the one that would start another.
                let supervisor = self.members[victim].supervisor.id();
                let child = self.child(victim);
                halt(&[supervisor, child], lasts);
            }
            Kind::CutWorker | Kind::BlinkWorker => self.cut(victim, lasts),
            Kind::CutBroker => self.cut(BROKER, lasts),
            Kind::CutStore => self.cut(STORE, lasts),
            Kind::LoseFrames => self.worse(victim, &["loss", "30%"], fault),
            Kind::DelayFrames => self.worse(victim, &["delay", "500ms"], fault),
            Kind::KillBroker | Kind::StopBroker => {
                let broker = self.broker.as_mut().expect("a plan for a real broker");
                match kind {
                    Kind::KillBroker => broker.kill(),
                    _ => broker.stop(),
                }
                sleep(lasts);
                broker.start();
            }
            Kind::HaltBroker => {
                let broker = self.broker.as_ref().expect("a plan for a real broker");
                halt(&[broker.pid()], lasts);
            }
            Kind::RestartStore => {
                let address = self.store.take().expect("it runs").address();
                sleep(lasts);
                let folder = self.bucket();
                self.store = Some(wait_for("the store's address to be free", || {
                    Server::start_at(address, &folder, Plan::default()).ok()
                }));
            }
            Kind::StoreErrs => self.weather("*: 500 30%; *: 503 40%", seed, lasts),
            Kind::StoreIsSlow => self.weather("*: slow 700", seed, lasts),
            Kind::StoreLosesAnswers => {
                self.weather("create: lost 50%; create: did 500 50%", seed, lasts)
            }
            Kind::StoreIsFull => self.weather("put: 507; post: 507", seed, lasts),
        }
    }

    /// The process of a generation, once there is one.
    fn child(&mut self, victim: usize) -> u32 {
        self.until("a process", |site| site.members[victim].child())
    }

    fn cut(&self, machine: usize, lasts: Duration) {
        self.cable("down", machine, &[]);
        sleep(lasts);
        self.cable("up", machine, &[]);
    }

    fn worse(&self, machine: usize, how: &[&str], fault: &Fault) {
        self.cable("worse", machine, how);
        sleep(fault.lasts);
        self.cable("better", machine, &[]);
    }

    /// The store's answers are others for a while, and somebody has met them.
    fn weather(&mut self, plan: &str, seed: u64, lasts: Duration) {
        let met = |site: &Site| site.store.as_ref().expect("it runs").seen().faults;
        let before = met(self);
        let plan = Plan::parse(&format!("seed {seed}; {plan}")).unwrap();
        self.store.as_ref().expect("it runs").turn(plan);
        sleep(lasts);
        self.until("requests to meet it", |site| (met(site) >= before + MET).then_some(()));
        self.store.as_ref().expect("it runs").turn(Plan::default());
    }
}

fn halt(pids: &[u32], lasts: Duration) {
    pids.iter().for_each(|pid| signal(*pid, "-STOP"));
    sleep(lasts);
    pids.iter().for_each(|pid| signal(*pid, "-CONT"));
}
