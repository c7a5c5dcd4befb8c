//! The shapes of the tenants whose turn comes next, read a group at a time, ahead of those who need them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::shape::Shape;
use crate::db::{SchemaName, Session};

/// How many are read at first, when all are waiting for one.
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
    pub(super) fn new(turns: Vec<SchemaName>, tables: Vec<String>) -> Self {
        let turn_of = turns.iter().cloned().zip(0..).collect();
        Self {
            tables,
            turns,
            turn_of,
            ahead: Mutex::default(),
            reading: tokio::sync::Mutex::default(),
        }
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
        let count = if turn == 0 { FIRST } else { GROUP };
        let group: Vec<&SchemaName> = self.turns.iter().skip(turn).take(count).collect();
        let read_at = Instant::now();
        let read = Shape::read(session, &group, &self.tables).await;
        let mut ahead = self.ahead();
        ahead.next = ahead.next.max(turn + group.len());
        let shapes = match read {
            Ok(shapes) => shapes,
            Err(error) => return tracing::debug!("reading ahead: {error:#}"),
        };
        let shapes = shapes.into_iter().map(|shape| (read_at, shape));
        ahead.shapes.extend(group.into_iter().cloned().zip(shapes));
    }
}
