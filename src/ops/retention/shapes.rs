//! The shapes of the tenants whose turn comes next, read a group at a time, ahead of those who need them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::shape::Shape;
use crate::db::{SchemaName, Session};

/// How many are read along with the template, before anybody waits for one.
const FIRST: usize = 4;
/// How many are read at once later.
const GROUP: usize = 25;
/// With fewer left than this it is time to read on.
const LOW: usize = 8;
/// How old a shape may be. Tables grow, and what was added since is not gone over.
const FRESH: Duration = Duration::from_secs(5);

/// What is read ahead.
#[derive(Debug)]
pub(super) struct Shapes {
    tables: Vec<String>,
    /// The schemas in turn.
    turns: Vec<SchemaName>,
    turn_of: HashMap<SchemaName, usize>,
    ahead: Mutex<Ahead>,
    /// Held by the one who reads.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Ahead {
    shapes: HashMap<SchemaName, (Instant, Shape)>,
    /// The turn from which on nothing was read yet.
    next: usize,
}

impl Shapes {
    /// Reads the shape of the template, and along with it those of the tenants whose turn comes first.
    pub(super) async fn with_template(
        session: &Session,
        template: &SchemaName,
        turns: Vec<SchemaName>,
        tables: Vec<String>,
    ) -> anyhow::Result<(Self, Shape)> {
        let turn_of = turns.iter().cloned().zip(0..).collect();
        let shapes = Self {
            tables,
            turns,
            turn_of,
            ahead: Mutex::default(),
            reading: tokio::sync::Mutex::default(),
        };
        let group: Vec<&SchemaName> = shapes.turns.iter().take(FIRST).collect();
        let all: Vec<&SchemaName> = std::iter::once(template).chain(group.iter().copied()).collect();
        let read_at = Instant::now();
        let mut read = match Shape::read(session, &all, &shapes.tables).await {
            Ok(read) => read.into_iter(),
            // What is wrong with a tenant is found when its turn comes.
            Err(_) => Shape::read(session, &[template], &shapes.tables)
                .await?
                .into_iter(),
        };
        let of_template = read.next().unwrap_or_default();
        shapes.keep(0, &group, read_at, read);
        Ok((shapes, of_template))
    }

    /// The shape of a schema, which is asked for once. Who finds few left reads on, while the others have theirs.
    pub(super) async fn of(&self, session: &Session, schema: &SchemaName) -> anyhow::Result<Shape> {
        if let Some(shape) = self.take(schema) {
            if self.is_low()
                && let Ok(_reading) = self.reading.try_lock()
            {
                let turn = self.ahead().next;
                self.read_from(session, turn).await;
            }
            return Ok(shape);
        }
        let _reading = self.reading.lock().await;
        if let Some(shape) = self.take(schema) {
            return Ok(shape);
        }
        let turn = self.turn_of.get(schema).copied();
        if let Some(turn) = turn.filter(|turn| *turn >= self.ahead().next) {
            self.read_from(session, turn).await;
            if let Some(shape) = self.take(schema) {
                return Ok(shape);
            }
        }
        let alone = Shape::read(session, &[schema], &self.tables).await?;
        Ok(alone.into_iter().next().unwrap_or_default())
    }

    fn ahead(&self) -> MutexGuard<'_, Ahead> {
        self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, schema: &SchemaName) -> Option<Shape> {
        let (read_at, shape) = self.ahead().shapes.remove(schema)?;
        (read_at.elapsed() <= FRESH).then_some(shape)
    }

    fn is_low(&self) -> bool {
        let ahead = self.ahead();
        ahead.shapes.len() < LOW && ahead.next < self.turns.len()
    }

    /// Reads a group. What is wrong with one of them fails nobody else: each is asked for alone where it is not there.
    async fn read_from(&self, session: &Session, turn: usize) {
        let group: Vec<&SchemaName> = self.turns.iter().skip(turn).take(GROUP).collect();
        let read_at = Instant::now();
        let read = Shape::read(session, &group, &self.tables).await;
        let shapes = read.unwrap_or_else(|error| {
            tracing::debug!("reading ahead: {error:#}");
            Vec::new()
        });
        self.keep(turn, &group, read_at, shapes.into_iter());
    }

    /// Keeps the shapes of a group that begins at this turn.
    fn keep(
        &self,
        turn: usize,
        group: &[&SchemaName],
        read_at: Instant,
        shapes: impl Iterator<Item = Shape>,
    ) {
        let mut ahead = self.ahead();
        ahead.next = ahead.next.max(turn + group.len());
        let schemas = group.iter().copied().cloned();
        ahead
            .shapes
            .extend(schemas.zip(shapes.map(|shape| (read_at, shape))));
    }
}
