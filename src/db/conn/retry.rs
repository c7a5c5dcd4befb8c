//! Waits for a database that is not there yet: a server that starts, a failover that is under way.

use std::time::{Duration, Instant};

use super::connect::connect;
use super::connect_error::ConnectError;
use super::connection::Connection;
use super::random;
use super::target::ConnectTarget;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Connects, and tries again until `wait` has passed if the trouble may pass by itself. `on_wait` hears of each
/// failure and how long the pause after it will be.
pub async fn connect_with_retry(
    target: &ConnectTarget,
    wait: Duration,
    mut on_wait: impl FnMut(&ConnectError, Duration),
) -> Result<Connection, ConnectError> {
    let begin = Instant::now();
    let mut round = 0;
    loop {
        let error = match connect(target).await {
            Ok(connection) => return Ok(connection),
            Err(error) => error,
        };
        let left = wait.saturating_sub(begin.elapsed());
        if !error.kind().may_pass() || left.is_zero() {
            return Err(error);
        }
        let pause = pause(round, random::fraction()).min(left);
        on_wait(&error, pause);
        tokio::time::sleep(pause).await;
        round += 1;
    }
}

/// Twice as long each time up to a limit, and anything from half of it to all, so that many clients of one server
/// do not come back at once.
fn pause(round: u32, chance: f64) -> Duration {
    let full = FIRST_PAUSE
        .saturating_mul(2_u32.saturating_pow(round))
        .min(LONGEST_PAUSE);
    full.mul_f64(0.5 + chance / 2.0)
}

#[cfg(test)]
mod tests {
    use super::super::environment::Env;
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit() {
        let longest: Vec<_> = (0..8).map(|round| pause(round, 1.0).as_millis()).collect();

        assert_eq!(longest, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(pause(0, 0.0), Duration::from_millis(50));
        assert_eq!(pause(u32::MAX, 1.0), LONGEST_PAUSE);
    }

    fn target(conninfo: &str) -> ConnectTarget {
        ConnectTarget::resolve(Some(conninfo), &Env::new(&|_| None), None).unwrap()
    }

    #[tokio::test]
    async fn an_absent_server_is_tried_until_the_time_is_up() {
        let directory = tempfile::tempdir().unwrap();
        let target = target(&format!("host={} user=app", directory.path().display()));
        let mut pauses = Vec::new();

        let begin = Instant::now();
        let wait = Duration::from_millis(300);
        let error = connect_with_retry(&target, wait, |_, pause| pauses.push(pause))
            .await
            .unwrap_err();

        assert!(begin.elapsed() >= wait);
        assert!(pauses.len() >= 2, "{pauses:?}");
        assert!(error.to_string().contains("there is no such socket"), "{error}");
    }

    #[tokio::test]
    async fn what_cannot_pass_is_not_tried_again() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let target = target(&format!(
            "host=127.0.0.1 port={port} sslmode=verify-full sslrootcert=/nowhere user=app"
        ));

        let waited = |_: &ConnectError, _: Duration| panic!("a missing file does not appear by waiting");
        let error = connect_with_retry(&target, Duration::from_secs(5), waited)
            .await
            .unwrap_err();

        assert!(error.to_string().contains("`/nowhere` does not exist"), "{error}");
    }
}
