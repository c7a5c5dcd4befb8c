//! The order in which objects can be made.
//!
//! Every object waits for what it needs. Where objects need each other, the circle is opened where SQL allows it, as
//! `pg_dump` does: a default, a check or a constraint of a domain is added after its table or type instead of standing
//! inside it; a view is made first as a stand-in with the same columns; a type is announced before its functions.

mod attach;

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::Kind;
use super::late::Late;
use super::object::{Address, Object};
use super::script::Shape;

/// Which form of an object is made at a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Whole,
    StandIn,
    /// What takes the place of a stand-in.
    Replacement,
}

/// One step of making a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) object: usize,
    pub(super) form: Form,
    /// Parts and properties that are written inside the object.
    pub(super) inlined: Vec<usize>,
    /// Steps that come earlier and must.
    pub(super) needs: Vec<usize>,
}

/// Objects that need each other with no way out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("these need each other, and none of them can be made first: {}", .0.join(", "))]
pub struct Circle(Vec<String>);

/// A dependency that the catalogs record: the first needs the second.
pub(super) type Dependency = (Address, Address);

/// The catalogs that tell dependencies apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Catalogs {
    /// Whose rows stand for the definitions of views.
    pub(super) rules: u32,
    pub(super) types: u32,
}

/// How firm a dependency is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Firmness {
    /// The definition of a view or type needs it, its stand-in does not.
    Definition,
    Hard,
}

/// Puts the objects in order. `is_there` tells of each whether it is not to be made, but may be there already.
pub(super) fn order(
    objects: &[Object],
    aliases: &[Dependency],
    dependencies: &[Dependency],
    catalogs: Catalogs,
    late: &Late,
    shape: Shape,
    is_there: impl Fn(usize) -> bool,
) -> Result<Vec<Step>, Circle> {
    let mut graph = Graph::new(objects, late);
    graph.add_dependencies(aliases, dependencies, catalogs);
    graph.add_wishes();
    graph.add_partition_wishes(is_there);
    graph.open_circles()?;
    graph.into_steps(shape)
}

struct Graph<'a> {
    objects: &'a [Object],
    late: &'a Late,
    /// The object of a catalog row, or of a column that comes late.
    rows: HashMap<Address, usize>,
    /// `needs[node]`: what the node waits for. The first nodes are the objects; replacements of stand-ins follow.
    needs: Vec<HashMap<usize, Firmness>>,
    /// A wish to be written inside its parent: the parent should wait for what the property needs.
    wishes: HashSet<(usize, usize)>,
    /// The node that takes the place of a stand-in.
    replacement: HashMap<usize, usize>,
    /// The object of a node beyond the objects.
    replaced: Vec<usize>,
    /// Nodes whose definition needs the object itself.
    of_itself: Vec<usize>,
}

impl<'a> Graph<'a> {
    fn new(objects: &'a [Object], late: &'a Late) -> Self {
        let mut rows = HashMap::new();
        for (index, object) in objects.iter().enumerate() {
            for address in [object.address, object.alias].into_iter().flatten() {
                if !object.kind.is_part() && address.sub == 0 || late.adds(Some(address)) {
                    rows.entry(address).or_insert(index);
                }
            }
        }
        for (alias, of) in &late.aliases {
            if let Some(node) = rows.get(of).copied() {
                rows.entry(*alias).or_insert(node);
            }
        }
        let mut graph = Self {
            objects,
            late,
            rows,
            needs: vec![HashMap::new(); objects.len()],
            wishes: HashSet::new(),
            replacement: HashMap::new(),
            replaced: Vec::new(),
            of_itself: Vec::new(),
        };
        for (index, object) in objects.iter().enumerate() {
            let hangs_on_column = matches!(
                object.kind,
                Kind::Inheritance | Kind::SequenceOwner | Kind::IdentitySequence
            );
            for address in [object.parent, object.needs].into_iter().flatten() {
                let last = late.last_of(Some(address)).filter(|_| hangs_on_column);
                for needed in [Some(address), last].into_iter().flatten() {
                    if let Some(needed) = graph.node(needed) {
                        graph.add(index, needed, Firmness::Hard);
                    }
                }
            }
        }
        for (waiting, needed) in &late.waits {
            if let (Some(waiting), Some(needed)) = (graph.node(*waiting), graph.node(*needed)) {
                graph.add(waiting, needed, Firmness::Hard);
            }
        }
        graph
    }

    fn node(&self, address: Address) -> Option<usize> {
        let row = self.rows.get(&address);
        row.or_else(|| self.rows.get(&address.whole())).copied()
    }

    fn add(&mut self, from: usize, to: usize, firmness: Firmness) {
        if from == to {
            // A view whose definition reads the view itself; for other objects it means nothing.
            if firmness == Firmness::Definition {
                self.of_itself.push(from);
            }
        } else {
            let entry = self.needs[from].entry(to).or_insert(firmness);
            *entry = firmness.max(*entry);
        }
    }

    fn add_dependencies(&mut self, aliases: &[Dependency], dependencies: &[Dependency], catalogs: Catalogs) {
        // An alias may stand for another alias: an array for a row type, and that for a table.
        for _ in 0..3 {
            for (alias, of) in aliases {
                if let Some(node) = self.node(*of) {
                    self.rows.entry(*alias).or_insert(node);
                }
            }
        }
        let defaults: HashMap<usize, usize> = self
            .objects
            .iter()
            .enumerate()
            .filter(|(_, object)| object.kind == Kind::DomainDefault)
            .filter_map(|(index, object)| Some((self.node(object.parent?)?, index)))
            .collect();
        for (dependent, needed) in dependencies {
            let (Some(from), Some(to)) = (self.node(*dependent), self.node(*needed)) else {
                continue;
            };
            let object = &self.objects[from];
            let is_type = needed.class == catalogs.types || self.objects[to].kind == Kind::Collation;
            // The catalogs do not tell what a domain needs for its default alone; a type it needs itself.
            let from = match defaults.get(&from) {
                Some(default) if !is_type && object.address == Some(*dependent) => *default,
                _ => from,
            };
            let is_definition = match object.kind {
                Kind::View => dependent.class == catalogs.rules,
                // What a function's signature needs are types.
                Kind::Type | Kind::Function | Kind::Procedure => !is_type,
                _ => false,
            };
            let firmness = match object.stand_in {
                Some(_) if is_definition => Firmness::Definition,
                _ => Firmness::Hard,
            };
            self.add(from, to, firmness);
            // What is made of whole rows is made of whole tables, though children need not be.
            let is_child = !is_type && matches!(object.kind, Kind::Table | Kind::ForeignTable);
            let of_rows = needed.sub == 0 && !is_child;
            let last = self.late.last_of(self.objects[to].address).filter(|_| of_rows);
            let last = last.and_then(|last| self.node(last));
            self.wishes
                .extend(last.filter(|last| *last != from).map(|last| (from, last)));
        }
    }

    /// A parent waits for what its properties need, so that they can stand inside it.
    fn add_wishes(&mut self) {
        for index in 0..self.objects.len() {
            let object = &self.objects[index];
            let parent = object.parent.and_then(|parent| self.node(parent));
            let parent = parent.filter(|parent| !self.objects[*parent].kind.is_part());
            let (Some(parent), true) = (parent, object.inline.is_some()) else {
                continue;
            };
            let needed: Vec<usize> = self.needs[index].keys().copied().collect();
            for needed in needed {
                if needed != parent && !self.needs[parent].contains_key(&needed) {
                    self.wishes.insert((parent, needed));
                }
            }
        }
    }

    fn edges(&self) -> Vec<Vec<usize>> {
        let mut edges: Vec<Vec<usize>> = self
            .needs
            .iter()
            .map(|needs| needs.keys().copied().collect())
            .collect();
        for (from, to) in &self.wishes {
            edges[*from].push(*to);
        }
        edges
    }

    fn open_circles(&mut self) -> Result<(), Circle> {
        for circle in circles(&self.edges()) {
            let inside: HashSet<usize> = circle.into_iter().collect();
            self.wishes
                .retain(|(from, to)| !(inside.contains(from) && inside.contains(to)));
        }
        for circle in circles(&self.edges()) {
            let inside: BTreeSet<usize> = circle.into_iter().collect();
            for &node in &inside {
                if node < self.objects.len()
                    && self.objects[node].stand_in.is_some()
                    && !self.replacement.contains_key(&node)
                {
                    self.part(node, &inside);
                }
            }
        }
        for node in std::mem::take(&mut self.of_itself) {
            if !self.replacement.contains_key(&node) {
                self.part(node, &BTreeSet::from([node]));
            }
        }
        match circles(&self.edges()).into_iter().next() {
            None => Ok(()),
            Some(circle) => Err(Circle(
                circle
                    .into_iter()
                    .map(|node| {
                        let object = &self.objects[self.object(node)];
                        format!("{} {}", object.kind, object.name)
                    })
                    .collect(),
            )),
        }
    }

    /// Parts a node into its stand-in and the replacement. What is in the circle makes do with the stand-in.
    fn part(&mut self, node: usize, circle: &BTreeSet<usize>) {
        let replacement = self.needs.len();
        let mut needs: HashMap<usize, Firmness> = self.needs[node].clone();
        needs.insert(node, Firmness::Hard);
        self.needs[node].retain(|_, firmness| *firmness == Firmness::Hard);
        for (from, needs) in self.needs.iter_mut().enumerate() {
            if !circle.contains(&from)
                && let Some(firmness) = needs.remove(&node)
            {
                needs.insert(replacement, firmness);
            }
        }
        self.needs.push(needs);
        self.replacement.insert(node, replacement);
        self.replaced.push(node);
    }

    fn object(&self, node: usize) -> usize {
        match node.checked_sub(self.objects.len()) {
            Some(beyond) => self.replaced[beyond],
            None => node,
        }
    }

    /// Takes the first in the order of kinds and names among those that wait for nothing, again and again.
    fn into_steps(self, shape: Shape) -> Result<Vec<Step>, Circle> {
        let edges = self.edges();
        let mut waiting: Vec<usize> = edges
            .iter()
            .map(|needs| needs.iter().collect::<HashSet<_>>().len())
            .collect();
        let mut waited_for: Vec<Vec<usize>> = vec![Vec::new(); edges.len()];
        for (node, needs) in edges.iter().enumerate() {
            for needed in needs.iter().collect::<HashSet<_>>() {
                waited_for[*needed].push(node);
            }
        }
        let key = |node: usize| {
            let object = &self.objects[self.object(node)];
            Reverse((object.kind, object.position, &object.name, node))
        };
        let mut ready: BinaryHeap<_> = (0..edges.len())
            .filter(|node| waiting[*node] == 0)
            .map(key)
            .collect();
        let mut order = Vec::with_capacity(edges.len());
        while let Some(Reverse((_, _, _, node))) = ready.pop() {
            order.push(node);
            for dependent in &waited_for[node] {
                waiting[*dependent] -= 1;
                if waiting[*dependent] == 0 {
                    ready.push(key(*dependent));
                }
            }
        }
        debug_assert_eq!(order.len(), edges.len(), "no circle is left");
        Ok(self.place(&order, shape))
    }

    /// Moves what can stand inside its parent there, and need not wait for the parent's rows.
    fn place(&self, order: &[usize], shape: Shape) -> Vec<Step> {
        let mut rank = vec![0; order.len()];
        for (at, node) in order.iter().enumerate() {
            rank[*node] = at;
        }
        let bare_columns: HashSet<Address> = self
            .objects
            .iter()
            .filter(|object| object.kind.is_part())
            .filter(|object| object.inline.is_none() || self.late.adds(object.address))
            .filter_map(|object| object.address)
            .collect();
        let mut inside: HashMap<usize, Vec<usize>> = HashMap::new();
        let mut is_inside = vec![false; order.len()];
        for (index, object) in self.objects.iter().enumerate() {
            let Some((address, parent)) = object
                .parent
                .and_then(|parent| Some((parent, self.node(parent)?)))
            else {
                continue;
            };
            let fits = object.kind.is_part()
                || object.inline.is_some()
                    && (shape == Shape::Empty || !object.kind.comes_after_data())
                    && !bare_columns.contains(&address)
                    && !self.replacement.contains_key(&parent)
                    && self.needs[index]
                        .keys()
                        .all(|needed| *needed == parent || rank[*needed] < rank[parent]);
            if fits && !self.late.adds(object.address) {
                inside.entry(parent).or_default().push(index);
                is_inside[index] = true;
            }
        }
        let mut at = HashMap::new();
        let mut steps: Vec<Step> = Vec::new();
        for &node in order {
            if is_inside[node] {
                continue;
            }
            let form = if node >= self.objects.len() {
                Form::Replacement
            } else if self.replacement.contains_key(&node) {
                Form::StandIn
            } else {
                Form::Whole
            };
            let inlined = inside.remove(&node).unwrap_or_default();
            let needs = inlined
                .iter()
                .chain(std::iter::once(&node))
                .flat_map(|part| self.needs[*part].keys())
                .filter_map(|needed| at.get(needed).copied())
                .collect();
            for part in inlined.iter().chain(std::iter::once(&node)) {
                at.insert(*part, steps.len());
            }
            steps.push(Step {
                object: self.object(node),
                form,
                inlined,
                needs,
            });
        }
        steps
    }
}

/// The groups of nodes that reach each other, by Tarjan's algorithm without recursion.
fn circles(edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    const UNSEEN: usize = usize::MAX;
    let mut index = vec![UNSEEN; edges.len()];
    let mut low = vec![0; edges.len()];
    let mut on_stack = vec![false; edges.len()];
    let (mut stack, mut found, mut next) = (Vec::new(), Vec::new(), 0);
    for root in 0..edges.len() {
        if index[root] != UNSEEN {
            continue;
        }
        let mut work = vec![(root, 0)];
        while let Some((node, edge)) = work.pop() {
            if edge == 0 {
                index[node] = next;
                low[node] = next;
                next += 1;
                stack.push(node);
                on_stack[node] = true;
            }
            if let Some(&to) = edges[node].get(edge) {
                work.push((node, edge + 1));
                if index[to] == UNSEEN {
                    work.push((to, 0));
                } else if on_stack[to] {
                    low[node] = low[node].min(index[to]);
                }
                continue;
            }
            if let Some((parent, _)) = work.last() {
                low[*parent] = low[*parent].min(low[node]);
            }
            if low[node] == index[node] {
                let mut group = Vec::new();
                while let Some(member) = stack.pop() {
                    on_stack[member] = false;
                    group.push(member);
                    if member == node {
                        break;
                    }
                }
                if group.len() > 1 {
                    group.sort_unstable();
                    found.push(group);
                }
            }
        }
    }
    found
}
