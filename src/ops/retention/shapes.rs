//! The shapes of the tenants whose turn comes next, read a group at a time.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::shape::Shape;
use crate::db::{SchemaName, Session};

/// How many are read at once.
const GROUP: usize = 25;
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
}

#[derive(Debug)]
struct Ahead {
    read_at: Instant,
    shapes: HashMap<SchemaName, Shape>,
}

impl Shapes {
    pub(super) fn new(turns: Vec<SchemaName>, tables: Vec<String>) -> Self {
        let turn_of = turns.iter().cloned().zip(0..).collect();
        let ahead = Ahead {
            read_at: Instant::now(),
            shapes: HashMap::new(),
        };
        Self {
            tables,
            turns,
            turn_of,
            ahead: Mutex::new(ahead),
        }
    }

    /// The shape of a schema, which is asked for once. Those that follow are read with it; whoever works on one of them
    /// waits for that.
    pub(super) async fn of(&self, session: &Session, schema: &SchemaName) -> anyhow::Result<Shape> {
        let mut ahead = self.ahead.lock().await;
        if ahead.read_at.elapsed() > FRESH {
            ahead.shapes.clear();
        }
        if let Some(shape) = ahead.shapes.remove(schema) {
            return Ok(shape);
        }
        let turn = self.turn_of.get(schema).copied().unwrap_or(self.turns.len());
        let following = self.turns.iter().skip(turn + 1).take(GROUP - 1);
        let group: Vec<&SchemaName> = std::iter::once(schema).chain(following).collect();
        let mut shapes = Shape::read(session, &group, &self.tables).await?.into_iter();
        let own = shapes.next().unwrap_or_default();
        ahead.read_at = Instant::now();
        ahead
            .shapes
            .extend(group.into_iter().skip(1).cloned().zip(shapes));
        Ok(own)
    }
}
