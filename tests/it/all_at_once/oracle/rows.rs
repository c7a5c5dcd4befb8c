//! The rows of each tenant, held against its account: what was committed is there, and nothing that never was.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::Oracle;
use crate::all_at_once::application::LINES;
use crate::all_at_once::ledger::{Account, Fate, Mark, Standing, is_due, schema_of};
use crate::support::archived_rows;

/// What a tenant's tables hold.
struct Held {
    /// Transactions, each with the tenant for which it was made.
    entries: BTreeMap<Mark, String>,
    events: BTreeSet<Mark>,
    visits: BTreeSet<Mark>,
    archived: Vec<Mark>,
}

impl Oracle<'_> {
    /// Each tenant holds what its account says.
    pub(super) fn rows(&self) {
        let mut accounts = self.scene.ledger.accounts();
        let slugs: Vec<String> = accounts.keys().cloned().collect();
        // A copy's original is known better once it was looked at itself.
        let (copies, originals): (Vec<String>, Vec<String>) = slugs
            .into_iter()
            .partition(|slug| accounts[slug].origin.is_some());
        for slug in originals.iter().chain(&copies) {
            let Some(mut account) = accounts
                .get(slug)
                .filter(|account| account.standing == Standing::There)
                .cloned()
            else {
                continue;
            };
            let held = self.held(slug);
            self.own_rows(slug, &mut account, &held);
            self.inherited_rows(slug, &mut account, &held, &accounts);
            self.retained_rows(slug, &mut account, &held);
            accounts.insert(slug.clone(), account);
        }
    }

    fn held(&self, slug: &str) -> Held {
        let schema = schema_of(slug);
        let marks = |table: &str| {
            let marks = self.lines(&format!("SELECT mark FROM {schema}.{table}"));
            marks.iter().map(|mark| mark.parse().expect("a number")).collect()
        };
        let entries = self.lines(&format!("SELECT mark, tenant FROM {schema}.entries"));
        let entries = entries.iter().filter_map(|line| line.split_once('|'));
        self.expect(
            &format!("{slug}: transactions of which some lines are missing"),
            &format!(
                "SELECT string_agg(mark::text, ', ') FROM {schema}.entries e \
                 WHERE (SELECT count(*) FROM {schema}.lines WHERE entry = e.mark) <> {LINES}"
            ),
            "",
        );
        Held {
            entries: entries
                .map(|(mark, tenant)| (mark.parse().expect("a number"), tenant.to_owned()))
                .collect(),
            events: marks("events"),
            visits: marks("visits"),
            archived: self.archived(slug),
        }
    }

    /// The transactions whose events are in the archive.
    fn archived(&self, slug: &str) -> Vec<Mark> {
        let archive = self.scene.fleet.folder().join("archive");
        let known = self.lines(&format!(
            "SELECT a.file, a.bytes, a.is_open FROM tenant_archives a JOIN tenants t ON t.id = a.tenant_id \
             WHERE t.slug = '{slug}' AND a.table_name = 'events' ORDER BY 1"
        ));
        let mut marks = Vec::new();
        for line in known {
            let [file, bytes, is_open] = line.split('|').collect::<Vec<_>>()[..] else {
                continue;
            };
            let path = archive.join(file);
            let length = fs::metadata(&path).map_or(0, |metadata| metadata.len());
            if is_open == "t" || length.to_string() != bytes {
                self.scene.wrong(format!(
                    "archive {file} has {length} bytes and not {bytes}, open: {is_open}"
                ));
                continue;
            }
            let rows = archived_rows(&path);
            marks.extend(rows.iter().filter_map(|row| row["mark"].as_u64()));
        }
        marks
    }

    fn own_rows(&self, slug: &str, account: &mut Account, held: &Held) {
        let own: BTreeSet<Mark> = marks_of(held, |sign| sign == account.sign);
        let (least, most) = (account.at_least(), account.at_most());
        let own_least = least.difference(&account.inherited).copied().collect();
        self.contains(slug, "committed transactions that are gone", &own_least, &own);
        self.contains(
            slug,
            "transactions that were never committed, or nobody's",
            &own,
            &most,
        );
        // What nobody heard of is known from now on.
        account.own.retain(|mark, _| own.contains(mark));
        for fate in account.own.values_mut().filter(|fate| **fate == Fate::Unknown) {
            *fate = Fate::Found;
        }
    }

    fn inherited_rows(
        &self,
        slug: &str,
        account: &mut Account,
        held: &Held,
        accounts: &BTreeMap<String, Account>,
    ) {
        let foreign: BTreeSet<Mark> = marks_of(held, |sign| sign != account.sign);
        let Some(origin) = account.origin.take() else {
            self.contains(
                slug,
                "copied transactions that are gone",
                &account.inherited,
                &foreign,
            );
            self.contains(
                slug,
                "another tenant's transactions",
                &foreign,
                &account.inherited,
            );
            return;
        };
        let at_most = accounts[&origin.slug].at_most();
        self.contains(
            slug,
            &format!("transactions of {} that were not copied", origin.slug),
            &origin.at_least,
            &foreign,
        );
        self.contains(
            slug,
            &format!("copied transactions that {} never had", origin.slug),
            &foreign,
            &at_most,
        );
        // An application begins none before it has heard of the last, so a snapshot has all before the last it has.
        for mark in foreign.difference(&origin.at_least) {
            self.contains(
                slug,
                &format!("transactions before {mark} that were not copied"),
                &accounts[&origin.slug].committed_before(*mark),
                &foreign,
            );
        }
        account.inherited = foreign;
        let archived = held.archived.iter().copied();
        account.inherited_due = archived.filter(|mark| account.inherited.contains(mark)).collect();
    }

    /// What has outlived its retention is gone, what was archived is there once, and everything else stays.
    fn retained_rows(&self, slug: &str, account: &mut Account, held: &Held) {
        let young: BTreeSet<Mark> = held
            .entries
            .keys()
            .copied()
            .filter(|mark| !is_due(*mark))
            .collect();
        self.same(slug, "events", &held.events, &young);
        self.same(slug, "visits", &held.visits, &young);
        let archived: BTreeSet<Mark> = held.archived.iter().copied().collect();
        if archived.len() != held.archived.len() {
            self.scene.wrong(format!(
                "{slug}: {} events are in the archive more than once",
                held.archived.len() - archived.len()
            ));
        }
        let own_due = account.own.keys().copied().filter(|mark| is_due(*mark));
        let due = own_due.chain(account.inherited_due.iter().copied()).collect();
        self.same(slug, "archived events", &archived, &due);
    }

    fn contains(&self, slug: &str, what: &str, part: &BTreeSet<Mark>, whole: &BTreeSet<Mark>) {
        let rest: Vec<&Mark> = part.difference(whole).collect();
        if !rest.is_empty() {
            self.scene
                .wrong(format!("{slug}: {} {what}: {}", rest.len(), super::shown(&rest)));
        }
    }

    fn same(&self, slug: &str, what: &str, found: &BTreeSet<Mark>, expected: &BTreeSet<Mark>) {
        self.contains(slug, &format!("{what} are missing"), expected, found);
        self.contains(slug, &format!("{what} are too many"), found, expected);
    }
}

fn marks_of(held: &Held, is_meant: impl Fn(&str) -> bool) -> BTreeSet<Mark> {
    let meant = held.entries.iter().filter(|(_, sign)| is_meant(sign));
    meant.map(|(mark, _)| *mark).collect()
}
