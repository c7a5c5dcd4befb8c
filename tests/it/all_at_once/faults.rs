//! What befalls programs, sessions, connections and the server while everybody works.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::scene::Scene;
use crate::support::{Random, kill_if_there, psql};

/// How long a server is away at most, beside the time that it takes to start.
const AWAY: Duration = Duration::from_millis(600);

#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    KillProgram,
    InterruptProgram,
    EndSession,
    CutConnections,
    /// Upon which the server ends all others and recovers.
    KillSession,
    CrashServer,
    RestartServer,
}

/// As often as they stand here.
const FAULTS: [Fault; 12] = [
    Fault::KillProgram,
    Fault::KillProgram,
    Fault::KillProgram,
    Fault::KillProgram,
    Fault::InterruptProgram,
    Fault::EndSession,
    Fault::EndSession,
    Fault::EndSession,
    Fault::CutConnections,
    Fault::KillSession,
    Fault::CrashServer,
    Fault::RestartServer,
];

/// What befalls a round of that length, and when.
pub(super) fn of_a_round(random: &mut Random, length: Duration) -> Vec<(Duration, Fault)> {
    let many = 3 + random.below(5);
    let mut faults: Vec<(Duration, Fault)> = (0..many)
        .map(|_| (random.pause(length), *random.pick(&FAULTS).expect("some")))
        .collect();
    faults.sort_by_key(|(at, _)| *at);
    faults
}

impl Fault {
    pub(super) fn strike(self, scene: &Scene, random: &mut Random) {
        // Nobody must be surprised by it who hears of it first.
        scene.is_hurt.store(true, Ordering::SeqCst);
        scene.happened(&format!("{self:?}"));
        *scene.tally().faults.entry(format!("{self:?}")).or_default() += 1;
        let database = &scene.fleet.database;
        match self {
            Self::KillProgram => scene.signal_program(random, "KILL"),
            Self::InterruptProgram => scene.signal_program(random, "INT"),
            Self::EndSession => {
                if let Some(pid) = database.any_session(random) {
                    psql(database.url(), &format!("SELECT pg_terminate_backend({pid})")).ok();
                }
            }
            Self::CutConnections => scene.proxy.cut(),
            Self::KillSession => {
                if let Some(pid) = database.any_session(random) {
                    kill_if_there(pid);
                }
            }
            Self::CrashServer => {
                scene.server.crash();
                std::thread::sleep(random.pause(AWAY));
                scene.server.start_again();
            }
            Self::RestartServer => {
                scene.server.stop();
                std::thread::sleep(random.pause(AWAY));
                scene.server.start_again();
            }
        }
    }
}
