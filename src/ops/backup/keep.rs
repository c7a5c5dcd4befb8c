//! Which backups stay.

use jiff::Timestamp;

use super::folder::Kept;

/// Which backups of a tenant stay. One that any of the rules keeps stays, and the newest always does.
#[derive(Debug, Clone, Copy, Default)]
pub struct Keep {
    /// So many of the newest.
    pub newest: Option<u32>,
    /// Those that are no older than so many days.
    pub days: Option<u32>,
}

impl Keep {
    /// Whether there is anything to do.
    pub fn is_everything(self) -> bool {
        self.newest.is_none() && self.days.is_none()
    }

    /// Those of a tenant's backups, the oldest first, that no rule keeps.
    pub(super) fn superfluous<'a>(self, backups: &[&'a Kept], now: Timestamp) -> Vec<&'a Kept> {
        let many = backups.len();
        let is_young = |backup: &Kept, days: u32| {
            let day = jiff::SignedDuration::from_hours(24);
            backup.taken_at.is_none_or(|taken_at| {
                taken_at.duration_until(now) <= day * i32::try_from(days).unwrap_or(i32::MAX)
            })
        };
        let is_kept = |(at, backup): (usize, &Kept)| {
            let newer = many - 1 - at;
            newer == 0
                || self.newest.is_some_and(|newest| newer < newest as usize)
                || self.days.is_some_and(|days| is_young(backup, days))
        };
        match self.is_everything() {
            true => Vec::new(),
            false => backups
                .iter()
                .enumerate()
                .filter(|(at, backup)| !is_kept((*at, backup)))
                .map(|(_, backup)| *backup)
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(days_ago: i64) -> Kept {
        let now: Timestamp = "2026-06-01T00:00:00Z".parse().expect("a time");
        Kept {
            file: format!("{days_ago}"),
            bytes: 0,
            modified: 0,
            slug: "acme".to_owned(),
            taken_at: Some(now - jiff::SignedDuration::from_hours(24 * days_ago)),
            encrypted: false,
            head: None,
            problem: None,
        }
    }

    fn gone(keep: Keep, ages: &[i64]) -> Vec<String> {
        let backups: Vec<Kept> = ages.iter().map(|age| kept(*age)).collect();
        let now = "2026-06-01T00:00:00Z".parse().expect("a time");
        keep.superfluous(&backups.iter().collect::<Vec<_>>(), now)
            .iter()
            .map(|backup| backup.file.clone())
            .collect()
    }

    #[test]
    fn the_newest_stays_whatever_the_rules_say() {
        let nothing = Keep {
            newest: Some(0),
            days: Some(0),
        };
        assert_eq!(gone(nothing, &[900, 800]), ["900"]);
        assert_eq!(gone(nothing, &[]), Vec::<String>::new());
    }

    #[test]
    fn a_backup_that_one_rule_keeps_stays() {
        let ages = [40, 20, 10, 3, 1];
        let newest = |newest| Keep {
            newest: Some(newest),
            days: None,
        };
        assert_eq!(gone(newest(2), &ages), ["40", "20", "10"]);
        let days = Keep {
            newest: None,
            days: Some(10),
        };
        assert_eq!(gone(days, &ages), ["40", "20"]);
        let both = Keep {
            newest: Some(4),
            days: Some(10),
        };
        assert_eq!(gone(both, &ages), ["40"]);
        assert_eq!(gone(Keep::default(), &ages), Vec::<String>::new());
    }
}
