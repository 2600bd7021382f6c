//! A function's instructions as a graph: order, dominators, loops, and the longest way through.

use std::collections::{BTreeMap, BTreeSet};

/// A loop with one header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loop {
    /// Where every round begins.
    pub header: usize,
    /// Its nodes, those of inner loops included.
    pub body: BTreeSet<usize>,
    /// Nodes from which a new round begins.
    pub latches: Vec<usize>,
}

/// A graph that is entered at its node 0. Nodes stand in an order in which only edges to a loop's header lead back.
#[derive(Clone, Debug)]
pub struct Flow {
    /// What each node stands for.
    pub offsets: Vec<u32>,
    /// By node.
    pub successors: Vec<Vec<usize>>,
    /// By node.
    pub predecessors: Vec<Vec<usize>>,
    /// By node: its immediate dominator; 0 for node 0.
    dominator: Vec<usize>,
    /// Outer loops before inner ones.
    pub loops: Vec<Loop>,
}

impl Flow {
    /// Makes the graph of what can be reached from offset 0.
    ///
    /// # Errors
    /// The offset at which a loop is entered that is not its header.
    pub fn new(edges: &BTreeMap<u32, Vec<u32>>) -> Result<Flow, u32> {
        let offsets = order(edges);
        let number: BTreeMap<u32, usize> = offsets.iter().enumerate().map(|(n, offset)| (*offset, n)).collect();
        let successors: Vec<Vec<usize>> =
            offsets.iter().map(|o| edges.get(o).into_iter().flatten().map(|to| number[to]).collect()).collect();
        let mut predecessors = vec![Vec::new(); offsets.len()];
        for (from, to) in successors.iter().enumerate().flat_map(|(n, to)| to.iter().map(move |to| (n, *to))) {
            predecessors[to].push(from);
        }
        let dominator = dominators(&predecessors);
        let mut flow = Flow { offsets, successors, predecessors, dominator, loops: Vec::new() };
        flow.loops = flow.find_loops()?;
        Ok(flow)
    }

    /// Whether every way to a node leads over another one.
    pub fn dominates(&self, over: usize, mut node: usize) -> bool {
        while node > over {
            node = self.dominator[node];
        }
        node == over
    }

    fn find_loops(&self) -> Result<Vec<Loop>, u32> {
        let mut latches: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (from, to) in self.successors.iter().enumerate().flat_map(|(n, to)| to.iter().map(move |to| (n, *to))) {
            if to <= from {
                if !self.dominates(to, from) {
                    return Err(self.offsets[to]);
                }
                latches.entry(to).or_default().push(from);
            }
        }
        let body = |header: usize, latches: &[usize]| {
            let mut body = BTreeSet::from([header]);
            let mut open = latches.to_vec();
            while let Some(node) = open.pop() {
                if body.insert(node) {
                    open.extend(&self.predecessors[node]);
                }
            }
            body
        };
        // A header comes before those of the loops inside.
        Ok(latches
            .into_iter()
            .map(|(header, latches)| Loop { header, body: body(header, &latches), latches })
            .collect())
    }

    /// The innermost loop around a node.
    pub fn innermost(&self, node: usize) -> Option<usize> {
        self.loops.iter().rposition(|l| l.body.contains(&node))
    }

    /// The most weight on any way from the entry on. Operands: weight of each node, rounds of each loop at most.
    ///
    /// # Errors
    /// The sum is too large.
    pub fn longest(&self, weight: &[u64], rounds: &[u64]) -> Option<u64> {
        // Inner loops first: each counts as one node of what is around it, its header, with the weight of all its rounds.
        let mut whole = vec![0; self.loops.len()];
        for (n, l) in self.loops.iter().enumerate().rev() {
            let round = self.through(Some(n), l.body.iter().copied(), weight, &whole)?;
            whole[n] = round.checked_mul(rounds[n])?;
        }
        self.through(None, 0..self.offsets.len(), weight, &whole)
    }

    /// The most weight on a way through the nodes of a loop, or of all, back edges left out.
    fn through(
        &self,
        around: Option<usize>,
        nodes: impl Iterator<Item = usize> + Clone,
        weight: &[u64],
        whole: &[u64],
    ) -> Option<u64> {
        let inside = |node: usize| around.is_none_or(|n| self.loops[n].body.contains(&node));
        // The outermost loop around a node, of those inside of this one.
        let child = |node: usize| {
            let mut loops = self.loops.iter().enumerate().skip(around.map_or(0, |n| n + 1));
            loops.find(|(_, l)| inside(l.header) && l.body.contains(&node)).map(|(n, _)| n)
        };
        let start = around.map_or(0, |n| self.loops[n].header);
        let mut before: BTreeMap<usize, u64> = BTreeMap::from([(start, 0)]);
        let mut total: BTreeMap<usize, u64> = BTreeMap::new();
        for node in nodes {
            let of = child(node);
            let stands = of.map_or(node, |n| self.loops[n].header);
            if stands == node {
                let own = of.map_or(weight[node], |n| whole[n]);
                let sum = before.get(&node).copied().unwrap_or(0).checked_add(own)?;
                total.insert(node, sum);
            }
            let so_far = total[&stands];
            for to in self.successors[node].iter().copied().filter(|to| inside(*to) && *to > node) {
                if of.is_none() || child(to) != of {
                    let most = before.entry(to).or_insert(0);
                    *most = (*most).max(so_far);
                }
            }
        }
        total.values().copied().max()
    }
}

/// Reverse postorder.
fn order(edges: &BTreeMap<u32, Vec<u32>>) -> Vec<u32> {
    let none = Vec::new();
    let mut seen = BTreeSet::from([0]);
    let mut out = Vec::new();
    let mut open = vec![(0u32, 0usize)];
    while let Some((node, next)) = open.pop() {
        match edges.get(&node).unwrap_or(&none).get(next) {
            Some(to) => {
                open.push((node, next + 1));
                if seen.insert(*to) {
                    open.push((*to, 0));
                }
            }
            None => out.push(node),
        }
    }
    out.reverse();
    out
}

/// Immediate dominators of nodes in reverse postorder. Source: Cooper, Harvey, Kennedy, "A Simple, Fast Dominance Algorithm".
fn dominators(predecessors: &[Vec<usize>]) -> Vec<usize> {
    let mut dominator: Vec<Option<usize>> = vec![None; predecessors.len()];
    dominator[0] = Some(0);
    let mut changed = true;
    while changed {
        changed = false;
        for node in 1..predecessors.len() {
            let mut new: Option<usize> = None;
            for mut p in predecessors[node].iter().copied().filter(|p| dominator[*p].is_some()) {
                if let Some(mut other) = new {
                    while p != other {
                        let deeper = if p > other { &mut p } else { &mut other };
                        *deeper = dominator[*deeper].expect("invariant: dominators of known nodes are known");
                    }
                }
                new = Some(p);
            }
            if dominator[node] != new {
                dominator[node] = new;
                changed = true;
            }
        }
    }
    dominator.into_iter().map(|d| d.unwrap_or(0)).collect()
}
