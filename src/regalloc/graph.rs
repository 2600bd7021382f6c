//! Coloring of an interference graph with coalescing of copies.
//!
//! Nodes are taken out one by one while they have fewer neighbours than there are registers; nodes of a copy become one where the
//! graph stays as colorable as it was; then registers are given in the opposite order. Source: George and Appel, Iterated Register
//! Coalescing, 1996.

use std::collections::BTreeSet;

/// Core registers that are allocated: r0 to r11.
pub(super) const COLORS: usize = 12;
/// Nodes below this one are core registers.
pub(super) const CORE: usize = 16;

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
    /// Bits of a triangular matrix.
    matrix: Vec<u64>,
    neighbours: Vec<Vec<u32>>,
    degree: Vec<usize>,
    copies: Vec<Copy>,
    /// By node: what spilling it costs; nothing if it cannot be spilled.
    costs: Vec<Option<u64>>,
    /// By node: the one that it was merged into.
    alias: Vec<u32>,
    removed: Vec<bool>,
    /// By node: its copies.
    copies_of: Vec<Vec<u32>>,
    is_open: Vec<bool>,
    /// By node: its copies before any were merged.
    copies_at: Vec<Vec<u32>>,
    /// Nodes that are not taken out, cheap ones first, and those of them to take out next.
    rest: BTreeSet<(u64, u32)>,
    ready: BTreeSet<(u64, u32)>,
}

/// Registers by node, or the nodes to spill.
pub(super) type Coloring = Result<Vec<Option<u8>>, Vec<u32>>;

impl Graph {
    pub(super) fn new(nodes: usize, costs: Vec<Option<u64>>) -> Graph {
        Graph {
            matrix: vec![0; (nodes * (nodes + 1) / 2).div_ceil(64)],
            neighbours: vec![Vec::new(); nodes],
            degree: vec![0; nodes],
            copies: Vec::new(),
            costs,
            alias: (0..nodes as u32).collect(),
            removed: vec![false; nodes],
            copies_of: vec![Vec::new(); nodes],
            is_open: Vec::new(),
            copies_at: Vec::new(),
            rest: BTreeSet::new(),
            ready: BTreeSet::new(),
        }
    }
    fn bit(a: u32, b: u32) -> usize {
        let (low, high) = (a.min(b) as usize, a.max(b) as usize);
        high * (high + 1) / 2 + low
    }
    fn interfere(&self, a: u32, b: u32) -> bool {
        let bit = Self::bit(a, b);
        self.matrix[bit / 64] >> (bit % 64) & 1 != 0
    }
    /// Two nodes need different registers.
    pub(super) fn edge(&mut self, a: u32, b: u32) {
        let is_core = |n: u32| (n as usize) < CORE;
        if a == b || is_core(a) && is_core(b) || self.interfere(a, b) {
            return;
        }
        let bit = Self::bit(a, b);
        self.matrix[bit / 64] |= 1 << (bit % 64);
        for (n, m) in [(a, b), (b, a)] {
            // Neighbours of core registers are not listed: they are never taken out.
            if !is_core(n) {
                self.neighbours[n as usize].push(m);
                self.degree[n as usize] += 1;
            }
        }
    }
    /// A copy that is better not there.
    pub(super) fn copy(&mut self, copy: Copy) {
        if copy.from == copy.to {
            return;
        }
        let number = self.copies.len() as u32;
        self.copies.push(copy);
        self.is_open.push(true);
        self.copies_of[copy.from as usize].push(number);
        self.copies_of[copy.to as usize].push(number);
    }
    /// A register that two nodes had better share; they are not made one for it.
    pub(super) fn wish(&mut self, wish: Copy) {
        self.copy(wish);
        if let Some(is_open) = self.is_open.last_mut().filter(|_| wish.from != wish.to) {
            *is_open = false;
        }
    }
    fn root(&self, mut n: u32) -> u32 {
        while self.alias[n as usize] != n {
            n = self.alias[n as usize];
        }
        n
    }
    fn is_copied(&self, n: u32) -> bool {
        self.copies_of[n as usize].iter().any(|c| self.is_open[*c as usize])
    }
    fn present(&self, n: u32) -> impl Iterator<Item = u32> + '_ {
        let all = self.neighbours[n as usize].iter().copied();
        all.filter(|m| !self.removed[*m as usize] && self.alias[*m as usize] == *m)
    }

    /// Colors the graph. Nodes that nothing mentions get no register.
    pub(super) fn color(mut self) -> Coloring {
        self.copies_at = self.copies_of.clone();
        self.rest = (CORE as u32..self.alias.len() as u32)
            .filter(|n| self.costs[*n as usize] != Some(0))
            .map(|n| self.key(n))
            .collect();
        let mut copies: Vec<u32> = (0..self.copies.len() as u32).collect();
        copies.sort_by_key(|c| (u64::MAX - self.copies[*c as usize].weight, *c));
        let mut stack = Vec::new();
        // Cheap nodes first: what is used often chooses its register early.
        self.ready = self.rest.iter().copied().filter(|(_, n)| self.is_ready(*n)).collect();
        loop {
            while let Some((_, n)) = self.ready.pop_first() {
                self.take_out(n, &mut stack);
            }
            copies.retain(|c| self.is_open[*c as usize]);
            if self.coalesce(&copies) {
                self.ready = self.rest.iter().copied().filter(|(_, n)| self.is_ready(*n)).collect();
                continue;
            }
            // The cheapest keep their copies: some at a time, or large functions would take long.
            let free: Vec<u32> = self.rest.iter().map(|(_, n)| *n).filter(|n| self.is_free(*n)).collect();
            if !free.is_empty() {
                for n in &free[..free.len().div_ceil(FROZEN_PART)] {
                    self.keep_copies(*n);
                    self.ready.insert(self.key(*n));
                }
                continue;
            }
            // The cheapest for what it frees; it may get a register all the same.
            let worth = |(cost, n): &(u64, u32)| (*cost / self.degree[*n as usize].max(1) as u64, *n);
            let Some((_, n)) = self.rest.iter().copied().min_by_key(worth) else { break };
            self.take_out(n, &mut stack);
        }
        self.choose(stack)
    }

    fn key(&self, n: u32) -> (u64, u32) {
        (self.costs[n as usize].unwrap_or(u64::MAX), n)
    }
    fn is_free(&self, n: u32) -> bool {
        self.degree[n as usize] < COLORS
    }
    /// Whether nothing keeps a node from being taken out.
    fn is_ready(&self, n: u32) -> bool {
        self.is_free(n) && !self.is_copied(n)
    }
    /// Gives up on the copies of a node.
    fn keep_copies(&mut self, n: u32) {
        for i in 0..self.copies_of[n as usize].len() {
            let c = self.copies_of[n as usize][i] as usize;
            if !std::mem::replace(&mut self.is_open[c], false) {
                continue;
            }
            for other in [self.root(self.copies[c].from), self.root(self.copies[c].to)] {
                if other != n && self.rest.contains(&self.key(other)) && self.is_ready(other) {
                    self.ready.insert(self.key(other));
                }
            }
        }
    }
    fn take_out(&mut self, n: u32, stack: &mut Vec<u32>) {
        self.rest.remove(&self.key(n));
        self.keep_copies(n);
        self.removed[n as usize] = true;
        let present: Vec<u32> = self.present(n).filter(|m| (*m as usize) >= CORE).collect();
        for m in present {
            self.degree[m as usize] -= 1;
            if self.degree[m as usize] + 1 == COLORS && !self.is_copied(m) {
                self.ready.insert(self.key(m));
            }
        }
        stack.push(n);
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
            if (b as usize) < CORE {
                std::mem::swap(&mut a, &mut b);
            }
            if a == b || (b as usize) < CORE || self.interfere(a, b) {
                self.is_open[c as usize] = false;
                continue;
            }
            let is_safe = if (a as usize) < CORE { self.fits_core(a, b) } else { self.fits(a, b) };
            if is_safe {
                self.is_open[c as usize] = false;
                self.merge(a, b);
                merged = true;
            }
        }
        merged
    }
    /// Whether every neighbour of `b` stays colorable if `b` becomes core register `a`.
    fn fits_core(&self, a: u32, b: u32) -> bool {
        self.present(b).all(|m| (m as usize) < CORE || self.degree[m as usize] < COLORS || self.interfere(m, a))
    }
    /// Whether the merged node has few neighbours of many.
    fn fits(&self, a: u32, b: u32) -> bool {
        let is_many =
            |m: u32, shared: bool| (m as usize) < CORE || self.degree[m as usize] - usize::from(shared) >= COLORS;
        let of_a = self.present(a).filter(|m| is_many(*m, self.interfere(*m, b))).count();
        let of_b = self.present(b).filter(|m| !self.interfere(*m, a) && is_many(*m, false)).count();
        of_a + of_b < COLORS
    }
    fn merge(&mut self, a: u32, b: u32) {
        self.rest.remove(&self.key(b));
        let present: Vec<u32> = self.present(b).collect();
        self.alias[b as usize] = a;
        for m in present {
            if (m as usize) >= CORE {
                self.degree[m as usize] -= 1;
            }
            self.edge(a, m);
        }
        let copies = std::mem::take(&mut self.copies_of[b as usize]);
        self.copies_of[a as usize].extend(copies);
        if (a as usize) >= CORE {
            self.rest.remove(&self.key(a));
            let sum = self.costs[a as usize].zip(self.costs[b as usize]);
            self.costs[a as usize] = sum.map(|(x, y)| x.saturating_add(y));
            self.rest.insert(self.key(a));
        }
    }

    /// Gives registers, the node that was taken out last first.
    fn choose(&self, mut stack: Vec<u32>) -> Coloring {
        let mut colors: Vec<Option<u8>> = (0..self.alias.len()).map(|n| (n < COLORS).then_some(n as u8)).collect();
        let mut spilled = Vec::new();
        let members = self.members();
        while let Some(n) = stack.pop() {
            let mut taken = [false; CORE];
            for m in &self.neighbours[n as usize] {
                if let Some(c) = colors[self.root(*m) as usize] {
                    taken[usize::from(c)] = true;
                }
            }
            let wanted = members[n as usize].iter().flat_map(|m| self.wishes(*m, &colors));
            let mut wishes = [0u64; COLORS];
            wanted.for_each(|(c, weight)| wishes[usize::from(c)] += weight);
            let free = (0..COLORS).filter(|c| !taken[*c]);
            match free.max_by_key(|c| (wishes[*c], COLORS - c)) {
                Some(c) => colors[n as usize] = Some(c as u8),
                None => spilled.push(n),
            }
        }
        if !spilled.is_empty() {
            return Err(spilled.into_iter().flat_map(|n| members[n as usize].clone()).collect());
        }
        Ok((0..self.alias.len() as u32).map(|n| colors[self.root(n) as usize]).collect())
    }
    /// By node: itself and what was merged into it.
    fn members(&self) -> Vec<Vec<u32>> {
        let mut members = vec![Vec::new(); self.alias.len()];
        (0..self.alias.len() as u32).for_each(|n| members[self.root(n) as usize].push(n));
        members
    }
    /// Registers of the other ends of a node's copies.
    fn wishes<'a>(&'a self, n: u32, colors: &'a [Option<u8>]) -> impl Iterator<Item = (u8, u64)> + 'a {
        self.copies_at[n as usize].iter().filter_map(move |c| {
            let c = self.copies[*c as usize];
            let other = if c.from == n { c.to } else { c.from };
            Some((colors[self.root(other) as usize]?, c.weight))
        })
    }
}
