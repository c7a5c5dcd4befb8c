//! Applications that work in tenants all the time, by the library, and write down what they were told.

use std::cell::Cell;
use std::time::Duration;

use tenantctl::client::{Client, ClientError, Options};
use tenantctl::db::{self, OpenTenantError, SessionError};
use tenantctl::tenant::{RegistryError, Tenant};

use super::ledger::{Fate, Mark, is_due, mark};
use super::scene::Scene;
use crate::support::Random;

/// Rows of a transaction in `lines`.
pub(super) const LINES: u64 = 3;
/// How long an application rests between two transactions at most.
const REST: Duration = Duration::from_millis(60);

/// An application that never ends before its round.
pub(super) struct Application<'a> {
    scene: &'a Scene,
    client: Client,
    writer: u64,
    random: Random,
    /// How many transactions it has begun in all rounds.
    begun: &'a mut u64,
}

/// Runs an application until the round is over.
pub(super) fn run(scene: &Scene, writer: u64, begun: &mut u64, (random, patience): (Random, u32)) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let url = match writer.is_multiple_of(2) {
        true => scene.fleet.database.url().to_owned(),
        false => scene.proxy.url(scene.fleet.database.name()),
    };
    let options = Options {
        pool_max: Some(2),
        ..Options::default()
    };
    runtime.block_on(async {
        let client = Client::connect(&url, options).expect("a valid URL");
        let mut application = Application {
            scene,
            client,
            writer,
            random,
            begun,
        };
        while !scene.is_over() {
            application.work_somewhere().await;
            tokio::time::sleep(application.random.pause(REST * patience)).await;
        }
    });
}

impl Application<'_> {
    async fn work_somewhere(&mut self) {
        let Some(slug) = self.scene.ledger.somewhere(&mut self.random) else {
            return;
        };
        let tenant = match self.client.by_slug(&slug).await {
            Ok(tenant) => tenant,
            Err(ClientError::Suspended(_)) => return,
            Err(error) => return self.excuse(&slug, &error.into()),
        };
        match self.random.below(10) {
            0 => self.read(&slug, &tenant).await,
            1 => self.change_its_mind(&slug, &tenant).await,
            _ => self.write(&slug, &tenant).await,
        }
    }

    fn sign(&self, slug: &str) -> String {
        self.scene.ledger.change(slug, |account| account.sign.clone())
    }

    fn next(&mut self) -> Mark {
        *self.begun += 1;
        mark(*self.begun, self.writer)
    }

    /// Writes to all tables, in several messages.
    async fn write(&mut self, slug: &str, tenant: &Tenant) {
        let mark = self.next();
        let ledger = &self.scene.ledger;
        let sign = ledger.change(slug, |account| {
            account.own.insert(mark, Fate::Unknown);
            account.sign.clone()
        });
        let is_written = Cell::new(false);
        let done = self
            .client
            .transaction(tenant, async |tx| {
                is_written.set(false);
                for statement in statements(&sign, mark) {
                    tx.script(&statement).await?;
                }
                is_written.set(true);
                Ok(())
            })
            .await;
        match done {
            Ok(()) => {
                ledger.change(slug, |account| account.own.insert(mark, Fate::Committed));
                self.scene.tally().committed += 1;
            }
            // Nobody has heard of the commit.
            Err(error) if is_written.get() && is_lost(&error) => {
                self.scene.tally().unknown += 1;
                self.excuse(slug, &error);
            }
            Err(error) => {
                ledger.change(slug, |account| account.own.remove(&mark));
                self.excuse(slug, &error);
            }
        }
    }

    /// Writes to all tables, and then will not have it.
    async fn change_its_mind(&mut self, slug: &str, tenant: &Tenant) {
        const MIND: &str = "it has changed its mind";
        let mark = self.next();
        let sign = self.sign(slug);
        let done: anyhow::Result<()> = self
            .client
            .transaction(tenant, async |tx| {
                tx.script(&statements(&sign, mark).concat()).await?;
                anyhow::bail!(MIND)
            })
            .await;
        match done {
            Err(error) if error.to_string() == MIND => {}
            Err(error) => self.excuse(slug, &error),
            Ok(()) => self
                .scene
                .wrong(format!("{slug}: a transaction that failed was committed")),
        }
    }

    /// Looks whether all is there that it has written.
    async fn read(&mut self, slug: &str, tenant: &Tenant) {
        let question = format!(
            "SELECT count(*) FROM entries WHERE tenant = '{}' AND mark % {} = {}",
            self.sign(slug),
            mark(1, 0),
            self.writer
        );
        let read = self
            .client
            .read(tenant, async |tx| {
                let rows = tx.query(&question, &[]).await?;
                Ok(rows[0].get::<_, i64>(0))
            })
            .await;
        match read {
            Ok(found) => {
                let (least, most) = self.scene.ledger.written(slug, self.writer);
                let found = usize::try_from(found).unwrap_or_default();
                if !(least..=most).contains(&found) {
                    self.scene.wrong(format!(
                        "{slug}: writer {} reads {found} of its {least} to {most} transactions",
                        self.writer
                    ));
                }
            }
            Err(error) => self.excuse(slug, &error),
        }
    }

    /// Passes over what comes of what others do at the time.
    fn excuse(&self, slug: &str, error: &anyhow::Error) {
        let words = format!("{error:#}");
        let is_restless = || self.scene.ledger.change(slug, |account| account.is_restless);
        let is_missing = matches!(
            error.downcast_ref(),
            Some(ClientError::Open(OpenTenantError::SchemaMissing(_)))
        ) || ["there is no tenant", "42P01", "XX000"]
            .iter()
            .any(|word| words.contains(word));
        let waited = ["55P03", "40P01"].iter().any(|word| words.contains(word));
        let is_excused =
            waited || (is_missing && is_restless()) || (is_of_connections(error) && self.scene.is_hurt());
        if !is_excused {
            self.scene
                .wrong(format!("writer {} in {slug}: {words}", self.writer));
        }
    }
}

/// What an application writes in one transaction.
fn statements(sign: &str, mark: Mark) -> [String; 2] {
    let at = match is_due(mark) {
        true => "now() - interval '400 days'",
        false => "now()",
    };
    [
        format!(
            "INSERT INTO entries (mark, tenant) VALUES ({mark}, '{sign}'); \
             INSERT INTO lines (entry, number) SELECT {mark}, n FROM generate_series(1, {LINES}) n;"
        ),
        format!("INSERT INTO events VALUES ({mark}, {at}); INSERT INTO visits VALUES ({mark}, {at});"),
    ]
}

/// Whether the connection was lost while something was under way.
fn is_lost(error: &anyhow::Error) -> bool {
    let cause = match error.downcast_ref() {
        Some(
            ClientError::Session(SessionError::Sql(cause))
            | ClientError::Open(OpenTenantError::Sql(cause))
            | ClientError::Registry(RegistryError::Sql(cause)),
        ) => Some(cause),
        _ => error.chain().find_map(|cause| cause.downcast_ref::<db::Error>()),
    };
    cause.is_some_and(db::Error::is_connection_lost)
}

/// Whether it says that there was no way to the server.
fn is_of_connections(error: &anyhow::Error) -> bool {
    let words = format!("{error:#}");
    is_lost(error) || words.contains("cannot connect") || words.contains("no connection")
}
