//! Coloring of an interference graph with coalescing of copies.
//!
//! Nodes are taken out one by one while they have fewer neighbours than there are registers; nodes of a copy become one where the
//! graph stays as colorable as it was; then registers are given in the opposite order. Source: George and Appel, Iterated Register
//! Coalescing, 1996. Neighbours are rows of bits, so that the tests whether a copy may go are a few operations on words.

use super::LAST;
use super::sets::{Matrix, Set, members_of_word};
use smallvec::SmallVec;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Core registers that are allocated: r0 to r11, and lr, which functions that need so many save in any case.
pub(super) const COLORS: usize = 13;
/// Nodes below this one are core registers.
pub(super) const CORE: usize = 16;
/// The most neighbours of a node that finds a register in any case.
const FREE: usize = COLORS - 1;
/// Core registers in the first word of a row.
const CORE_BITS: u64 = (1 << CORE) - 1;

/// Of this many nodes that only copies keep from being taken out, one gives them up at a time.
const FROZEN_PART: usize = 16;

/// A copy between nodes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Copy {
    pub(super) from: u32,
    pub(super) to: u32,
    /// How often it is likely to be executed.
    pub(super) weight: u64,
}

/// An interference graph.
pub(super) struct Graph {
    /// Neighbours, those among them that were taken out or merged; of core registers only nodes that are none.
    rows: Matrix,
    /// By node: its neighbours that are present.
    degree: Vec<usize>,
    /// No node has more.
    degree_max: usize,
    /// Nodes that are neither taken out nor merged.
    present: Set,
    /// Nodes present that may not find a register: those of `COLORS` neighbours or more, and core registers.
    many: Set,
    /// The same with one neighbour more.
    more: Set,
    /// Nodes whose copies are to be tested, in this pass over the copies and in the next one: something about a node or its
    /// neighbours has changed that a test depends on.
    changed: [Set; 2],
    copies: Vec<Copy>,
    is_open: Vec<bool>,
    /// By node: its copies and those of the nodes merged into it, and how many ends of open ones are among them.
    copies_of: Vec<SmallVec<[u32; 4]>>,
    open_of: Vec<u32>,
    /// By node: what spilling it costs; nothing if it cannot be spilled.
    costs: Vec<Option<u64>>,
    /// By node: the one that it was merged into.
    alias: Vec<u32>,
    /// Nodes that are not taken out, cheap ones first; among them such that are no more, or have other costs by now.
    rest: Vec<(u64, u32)>,
    /// Nodes to take out next, cheap ones first.
    ready: BinaryHeap<Reverse<(u64, u32)>>,
}

/// Registers by node, or the nodes to spill.
pub(super) type Coloring = Result<Vec<Option<u8>>, Vec<u32>>;

/// The core register of a color.
fn register(color: usize) -> u8 {
    if color + 1 == COLORS { LAST } else { color as u8 }
}

fn is_core(n: u32) -> bool {
    (n as usize) < CORE
}

impl Graph {
    pub(super) fn new(nodes: usize, costs: Vec<Option<u64>>) -> Graph {
        Graph {
            rows: Matrix::new(nodes),
            degree: vec![0; nodes],
            degree_max: 1,
            present: Set::new(nodes),
            many: Set::new(nodes),
            more: Set::new(nodes),
            changed: [Set::new(nodes), Set::new(nodes)],
            copies: Vec::new(),
            is_open: Vec::new(),
            copies_of: std::iter::repeat_with(SmallVec::new).take(nodes).collect(),
            open_of: vec![0; nodes],
            costs,
            alias: (0..nodes as u32).collect(),
            rest: Vec::new(),
            ready: BinaryHeap::new(),
        }
    }
    /// Two nodes need different registers.
    pub(super) fn edge(&mut self, a: u32, b: u32) {
        self.rows.insert(a, b);
    }
    /// A node needs another register than all of a set, itself and perhaps one more excepted.
    pub(super) fn edges(&mut self, n: u32, others: &Set, except: Option<u32>) {
        let before = except.filter(|e| !self.rows.contains(n, *e));
        self.rows.row_mut(n).iter_mut().zip(others.words()).for_each(|(row, word)| *row |= word);
        if let Some(e) = before {
            self.rows.remove(n, e);
        }
    }
    /// A copy that is better not there.
    pub(super) fn copy(&mut self, copy: Copy) {
        self.add(copy, true);
    }
    /// A register that two nodes had better share; they are not made one for it.
    pub(super) fn wish(&mut self, wish: Copy) {
        self.add(wish, false);
    }
    fn add(&mut self, copy: Copy, is_open: bool) {
        if copy.from == copy.to {
            return;
        }
        let number = self.copies.len() as u32;
        self.copies.push(copy);
        self.is_open.push(is_open);
        for end in [copy.from, copy.to] {
            self.copies_of[end as usize].push(number);
            self.open_of[end as usize] += u32::from(is_open);
        }
    }

    fn root(&self, mut n: u32) -> u32 {
        while self.alias[n as usize] != n {
            n = self.alias[n as usize];
        }
        n
    }
    /// The neighbours present of a node, by word.
    fn present(&self, n: u32) -> impl Iterator<Item = u64> + '_ {
        self.rows.row(n).iter().zip(self.present.words()).map(|(row, present)| row & present)
    }

    /// Word `at` of the neighbours present of a node.
    fn present_word(&self, n: u32, at: usize) -> u64 {
        self.rows.row(n)[at] & self.present.words()[at]
    }

    /// Makes rows symmetric and counts neighbours.
    fn complete(&mut self) {
        let nodes = self.alias.len() as u32;
        for n in 0..nodes {
            self.rows.remove(n, n);
            if is_core(n) {
                self.rows.row_mut(n)[0] &= !CORE_BITS;
            }
            self.rows.mirror(n);
        }
        for n in 0..nodes {
            self.present.insert(n);
            self.degree[n as usize] = self.rows.row(n).iter().map(|word| word.count_ones() as usize).sum();
            self.rank(n);
            self.change(n);
        }
    }
    /// The copies of a node are to be tested again.
    fn change(&mut self, n: u32) {
        self.changed.iter_mut().for_each(|set| set.insert(n));
    }
    /// The copies of all neighbours of a node are to be tested again.
    fn change_around(&mut self, n: u32) {
        self.changed.iter_mut().for_each(|set| set.add_words(self.rows.row(n)));
    }
    /// Notes whether a node present has many neighbours.
    fn rank(&mut self, n: u32) {
        self.degree_max = self.degree_max.max(self.degree[n as usize]);
        self.many.set(n, is_core(n) || self.degree[n as usize] >= COLORS);
        self.more.set(n, is_core(n) || self.degree[n as usize] > COLORS);
    }
    fn leave(&mut self, n: u32) {
        [&mut self.present, &mut self.many, &mut self.more].into_iter().for_each(|set| set.remove(n));
    }

    /// Colors the graph. Nodes that nothing mentions get no register.
    pub(super) fn color(mut self) -> Coloring {
        self.complete();
        let mentioned = |n: &u32| self.costs[*n as usize] != Some(0);
        self.rest = (CORE as u32..self.alias.len() as u32).filter(mentioned).map(|n| self.key(n)).collect();
        self.rest.sort_unstable();
        let mut copies: Vec<u32> = (0..self.copies.len() as u32).collect();
        copies.sort_by_key(|c| (u64::MAX - self.copies[*c as usize].weight, *c));
        let mut stack = Vec::new();
        // Cheap nodes first: what is used often chooses its register early.
        self.ready = self.rest.iter().copied().filter(|(_, n)| self.is_ready(*n)).map(Reverse).collect();
        loop {
            while let Some(Reverse((_, n))) = self.ready.pop() {
                if self.present.contains(n) {
                    self.take_out(n, &mut stack);
                }
            }
            copies.retain(|c| self.is_open[*c as usize]);
            if self.coalesce(&copies) || !self.ready.is_empty() {
                continue;
            }
            // The cheapest keep their copies: some at a time, or large functions would take long.
            let mut rest = std::mem::take(&mut self.rest);
            rest.retain(|entry| self.is_left(entry));
            self.rest = rest;
            let free: Vec<u32> = self.rest.iter().map(|(_, n)| *n).filter(|n| self.is_free(*n)).collect();
            if !free.is_empty() {
                for n in &free[..free.len().div_ceil(FROZEN_PART)] {
                    self.keep_copies(*n);
                    self.ready.push(Reverse(self.key(*n)));
                }
                continue;
            }
            let Some(n) = self.cheapest() else { break };
            self.take_out(n, &mut stack);
        }
        self.choose(stack)
    }

    /// The node that costs least for what it frees; it may get a register all the same.
    fn cheapest(&self) -> Option<u32> {
        let mut best: Option<(u64, u32)> = None;
        for (cost, n) in &self.rest {
            // Those that follow cost more.
            if best.is_some_and(|(least, _)| cost / self.degree_max as u64 > least) {
                break;
            }
            let worth = (cost / self.degree[*n as usize].max(1) as u64, *n);
            best = Some(best.map_or(worth, |best| best.min(worth)));
        }
        Some(best?.1)
    }
    /// Whether an entry of the nodes left is that of one.
    fn is_left(&self, entry: &(u64, u32)) -> bool {
        self.present.contains(entry.1) && self.key(entry.1) == *entry
    }
    fn key(&self, n: u32) -> (u64, u32) {
        (self.costs[n as usize].unwrap_or(u64::MAX), n)
    }
    fn is_free(&self, n: u32) -> bool {
        self.degree[n as usize] < COLORS
    }
    /// Whether nothing keeps a node from being taken out.
    fn is_ready(&self, n: u32) -> bool {
        self.is_free(n) && self.open_of[n as usize] == 0
    }
    /// Takes a node out next, if nothing keeps it.
    fn offer(&mut self, n: u32) {
        if self.is_ready(n) && self.present.contains(n) && !is_core(n) {
            self.ready.push(Reverse(self.key(n)));
        }
    }
    /// Gives up on a copy.
    fn close(&mut self, c: u32) {
        if !std::mem::replace(&mut self.is_open[c as usize], false) {
            return;
        }
        let Copy { from, to, .. } = self.copies[c as usize];
        let ends = [from, to].map(|n| self.root(n));
        ends.iter().for_each(|n| self.open_of[*n as usize] -= 1);
        ends.into_iter().for_each(|n| self.offer(n));
    }
    /// Gives up on the copies of a node.
    fn keep_copies(&mut self, n: u32) {
        let copies = std::mem::take(&mut self.copies_of[n as usize]);
        copies.iter().for_each(|c| self.close(*c));
        self.copies_of[n as usize] = copies;
    }
    fn take_out(&mut self, n: u32, stack: &mut Vec<u32>) {
        self.leave(n);
        self.keep_copies(n);
        if !self.is_free(n) {
            self.change_around(n);
        }
        // What follows changes neither the row nor who is present.
        for at in 0..self.rows.width() {
            for m in members_of_word(at, self.present_word(n, at)).filter(|m| !is_core(*m)) {
                self.fewer(m);
            }
        }
        stack.push(n);
    }
    /// A node has lost a neighbour.
    fn fewer(&mut self, n: u32) {
        self.degree[n as usize] -= 1;
        if let COLORS | FREE = self.degree[n as usize] {
            self.rank(n);
            self.change_around(n);
        }
        self.offer(n);
    }

    /// Makes one node of both ends of each copy where that is safe. Result: whether it did.
    fn coalesce(&mut self, copies: &[u32]) -> bool {
        let mut merged = false;
        for &c in copies {
            if !self.is_open[c as usize] {
                continue;
            }
            let Copy { from, to, .. } = self.copies[c as usize];
            let (mut a, mut b) = (self.root(from), self.root(to));
            (self.alias[from as usize], self.alias[to as usize]) = (a, b);
            if ![a, b].iter().any(|n| self.changed[0].contains(*n)) {
                continue;
            }
            if is_core(b) {
                std::mem::swap(&mut a, &mut b);
            }
            if a == b || is_core(b) || self.rows.contains(a, b) {
                self.close(c);
                continue;
            }
            let is_safe = if is_core(a) { self.fits_core(a, b) } else { self.fits(a, b) };
            if is_safe {
                self.merge(a, b);
                self.close(c);
                merged = true;
            }
        }
        self.changed.swap(0, 1);
        self.changed[1].clear();
        merged
    }
    /// Whether every neighbour of `b` stays colorable if `b` becomes core register `a`.
    fn fits_core(&self, a: u32, b: u32) -> bool {
        let rows = self.rows.row(a).iter().zip(self.rows.row(b));
        let mut lost = rows.zip(self.many.words()).map(|((a, b), many)| b & !a & many);
        lost.next().unwrap_or(0) & !CORE_BITS == 0 && lost.all(|word| word == 0)
    }
    /// Whether the merged node has few neighbours of many.
    fn fits(&self, a: u32, b: u32) -> bool {
        let rows = self.rows.row(a).iter().zip(self.rows.row(b));
        let sets = self.many.words().iter().zip(self.more.words());
        let count = rows.zip(sets).map(|((a, b), (many, more))| ((a ^ b) & many | a & b & more).count_ones() as usize);
        count.sum::<usize>() < COLORS
    }
    /// Makes `b` a part of `a`.
    fn merge(&mut self, a: u32, b: u32) {
        self.leave(b);
        self.alias[b as usize] = a;
        self.change(a);
        self.change_around(b);
        // What follows changes neither the row of `b`, which is not present itself, nor who is present.
        for at in 0..self.rows.width() {
            for m in members_of_word(at, self.present_word(b, at)) {
                if self.rows.contains(a, m) {
                    // It was a neighbour of both.
                    if !is_core(m) {
                        self.fewer(m);
                    }
                } else if !is_core(a) || !is_core(m) {
                    self.rows.insert(a, m);
                    self.rows.insert(m, a);
                }
            }
        }
        let copies = std::mem::take(&mut self.copies_of[b as usize]);
        self.copies_of[a as usize].extend(copies);
        self.open_of[a as usize] += self.open_of[b as usize];
        if !is_core(a) {
            self.degree[a as usize] = self.present(a).map(|word| word.count_ones() as usize).sum();
            self.rank(a);
            let before = self.key(a);
            let sum = self.costs[a as usize].zip(self.costs[b as usize]);
            self.costs[a as usize] = sum.map(|(x, y)| x.saturating_add(y));
            let key = self.key(a);
            if key != before {
                self.rest.insert(self.rest.partition_point(|other| *other < key), key);
            }
        }
    }

    /// Gives registers, the node that was taken out last first.
    fn choose(&self, mut stack: Vec<u32>) -> Coloring {
        let nodes = self.alias.len();
        let roots: Vec<u32> = (0..nodes as u32).map(|n| self.root(n)).collect();
        let mut colors: Vec<Option<u8>> = vec![None; nodes];
        let color = |colors: &[Option<u8>], n: u32| colors[roots[n as usize] as usize].map(usize::from);
        // By node: the next one that was merged into the same.
        let mut next: Vec<Option<u32>> = vec![None; nodes];
        for (n, root) in (0..).zip(&roots).filter(|(n, root)| n != *root) {
            next[n as usize] = next[*root as usize].replace(n);
        }
        // By register: the nodes that have it.
        let mut holders = vec![Set::new(nodes); COLORS];
        let give = |holders: &mut [Set], c: usize, n: u32| {
            let members = std::iter::successors(Some(n), |m| next[*m as usize]);
            members.for_each(|m| holders[c].insert(m));
        };
        for c in 0..COLORS {
            colors[usize::from(register(c))] = Some(c as u8);
            give(&mut holders, c, register(c).into());
        }
        let mut spilled = Vec::new();
        while let Some(n) = stack.pop() {
            let row = self.rows.row(n);
            let is_taken = |c: usize| row.iter().zip(holders[c].words()).any(|(a, b)| a & b != 0);
            let mut wishes = [0u64; COLORS];
            for copy in self.copies_of[n as usize].iter().map(|c| self.copies[*c as usize]) {
                // The node itself has no register yet.
                for c in [copy.from, copy.to].into_iter().filter_map(|end| color(&colors, end)) {
                    wishes[c] += copy.weight;
                }
            }
            let free = (0..COLORS).filter(|c| !is_taken(*c));
            match free.max_by_key(|c| (wishes[*c], COLORS - c)) {
                Some(c) => {
                    colors[n as usize] = Some(c as u8);
                    give(&mut holders, c, n);
                }
                None => spilled.push(n),
            }
        }
        if !spilled.is_empty() {
            let members = |n: u32| (0..nodes as u32).filter(|m| roots[*m as usize] == n).collect::<Vec<_>>();
            return Err(spilled.into_iter().flat_map(members).collect());
        }
        Ok(roots.iter().map(|n| colors[*n as usize].map(|c| register(c.into()))).collect())
    }
}
