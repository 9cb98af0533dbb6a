//! Faults as they happen.

use std::thread::sleep;
use std::time::Duration;

use quorate_broker::Real;
use quorate_s3::{Plan, Server};

use super::plan::{Fault, Kind};
use super::site::{BROKER, STORE, Site};
use crate::cluster::crew::{signal, wait_for};

/// So many requests a change of the store's weather must have met.
const MET: u64 = 2;

impl Site {
    /// Lets it happen, and be over.
    pub(super) fn suffer(&mut self, fault: &Fault) {
        let Fault { kind, victim, lasts, .. } = *fault;
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
            Kind::CutWorker | Kind::BlinkWorker => self.cut(victim, fault),
            Kind::CutBroker => self.cut(BROKER, fault),
            Kind::CutStore => self.cut(STORE, fault),
            Kind::LoseFrames => self.worse(victim, &["loss", "30%"], fault),
            Kind::DelayFrames => self.worse(victim, &["delay", "500ms"], fault),
            Kind::KillBroker | Kind::StopBroker => {
                match kind {
                    Kind::KillBroker => self.broker().kill(),
                    _ => self.broker().stop(),
                }
                self.pass(fault);
                self.broker().start();
            }
            Kind::HaltBroker => {
                let pid = self.broker().pid();
                signal(pid, "-STOP");
                self.pass(fault);
                signal(pid, "-CONT");
            }
            Kind::RestartStore => {
                let address = self.store.take().expect("it runs").address();
                self.pass(fault);
                let folder = self.bucket();
                self.store = Some(wait_for("the store's address to be free", || {
                    Server::start_at(address, &folder, Plan::default()).ok()
                }));
            }
            Kind::StoreErrs => self.weather("*: 500 30%; *: 503 40%", fault),
            Kind::StoreIsSlow => self.weather("*: slow 700", fault),
            Kind::StoreLosesAnswers => self.weather("create: lost 50%; create: did 500 50%", fault),
            Kind::StoreIsFull => self.weather("put: 507; post: 507", fault),
        }
    }

    /// The process of a generation, once there is one.
    fn child(&mut self, victim: usize) -> u32 {
        self.until("a process", |site| site.members[victim].child())
    }

    fn broker(&mut self) -> &mut Real {
        self.broker.as_mut().expect("a plan for a real broker")
    }

    /// Lets the fault last. A process may be killed in the middle of it.
    fn pass(&mut self, fault: &Fault) {
        sleep(fault.lasts / 2);
        if let Some(child) = fault.killed.and_then(|killed| self.members[killed].child()) {
            signal(child, "-KILL");
        }
        sleep(fault.lasts / 2);
    }

    fn cut(&mut self, machine: usize, fault: &Fault) {
        self.cable("down", machine, &[]);
        self.pass(fault);
        self.cable("up", machine, &[]);
    }

    fn worse(&mut self, machine: usize, how: &[&str], fault: &Fault) {
        self.cable("worse", machine, how);
        self.pass(fault);
        self.cable("better", machine, &[]);
    }

    /// The store's answers are others for a while, and somebody has met them.
    fn weather(&mut self, plan: &str, fault: &Fault) {
        let met = |site: &Site| site.store.as_ref().expect("it runs").seen().faults;
        let before = met(self);
        let plan = Plan::parse(&format!("seed {}; {plan}", fault.seed)).unwrap();
        self.store.as_ref().expect("it runs").turn(plan);
        self.pass(fault);
        self.until("requests to meet it", |site| (met(site) >= before + MET).then_some(()));
        self.store.as_ref().expect("it runs").turn(Plan::default());
    }
}

fn halt(pids: &[u32], lasts: Duration) {
    pids.iter().for_each(|pid| signal(*pid, "-STOP"));
    sleep(lasts);
    pids.iter().for_each(|pid| signal(*pid, "-CONT"));
}
