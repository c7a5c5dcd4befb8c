//! Limits of time as PostgreSQL's settings hold them.

use std::time::Duration;

/// The milliseconds for `lock_timeout` and its like, where zero means none. A limit stays a limit: the shortest is one
/// millisecond, the longest what the server takes, some 24 days.
pub fn limit_in_ms(limit: Duration) -> u128 {
    limit.as_millis().clamp(1, i32::MAX.unsigned_abs().into())
}

/// The same for a setting of ours in which zero means no limit too.
pub fn optional_limit_in_ms(limit: Duration) -> u128 {
    if limit.is_zero() { 0 } else { limit_in_ms(limit) }
}

/// Takes the limits off a transaction that may last, and be idle while this program is at work. The second has been
/// there since PostgreSQL 17.
pub const NO_TRANSACTION_LIMIT: &str = "SELECT pg_catalog.set_config(name, '0', true) FROM pg_catalog.pg_settings \
    WHERE name IN ('idle_in_transaction_session_timeout', 'transaction_timeout')";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_never_becomes_none() {
        assert_eq!(limit_in_ms(Duration::ZERO), 1);
        assert_eq!(optional_limit_in_ms(Duration::ZERO), 0);
        for (limit, shown) in [
            (Duration::from_micros(10), 1),
            (Duration::from_secs(5), 5000),
            (Duration::from_secs(u64::MAX), 2_147_483_647),
        ] {
            assert_eq!((limit_in_ms(limit), optional_limit_in_ms(limit)), (shown, shown));
        }
    }
}
