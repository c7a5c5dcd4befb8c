//! Waits for a database that is not there yet: a server that starts, a failover that is under way.

use std::time::{Duration, Instant};

use super::connect::connect;
use super::connect_error::ConnectError;
use super::connection::Connection;
use super::target::ConnectTarget;
use crate::db::backoff;

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
        let pause = backoff::pause(round, LONGEST_PAUSE).min(left);
        on_wait(&error, pause);
        tokio::time::sleep(pause).await;
        round += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::super::environment::Env;
    use super::*;

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
