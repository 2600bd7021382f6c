//! Sets of small numbers as bits, and square matrices of them.

/// Bits of a word.
const WORD: usize = u64::BITS as usize;

/// The members of a set that its word with this number has, ascending.
pub(super) fn members_of_word(at: usize, mut word: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let bit = (word != 0).then(|| word.trailing_zeros())?;
        word &= word - 1;
        Some((at * WORD) as u32 + bit)
    })
}

/// A set.
#[derive(Clone, PartialEq)]
pub(super) struct Set(Vec<u64>);

impl Set {
    /// An empty set of numbers below `size`.
    pub(super) fn new(size: usize) -> Set {
        Set(vec![0; size.div_ceil(WORD)])
    }
    /// Makes room for numbers below `size`.
    pub(super) fn grow(&mut self, size: usize) {
        self.0.resize(size.div_ceil(WORD), 0);
    }
    pub(super) fn clear(&mut self) {
        self.0.fill(0);
    }
    pub(super) fn insert(&mut self, n: u32) {
        self.0[n as usize / WORD] |= 1 << (n as usize % WORD);
    }
    pub(super) fn remove(&mut self, n: u32) {
        self.0[n as usize / WORD] &= !(1 << (n as usize % WORD));
    }
    pub(super) fn set(&mut self, n: u32, member: bool) {
        if member { self.insert(n) } else { self.remove(n) }
    }
    pub(super) fn contains(&self, n: u32) -> bool {
        self.0[n as usize / WORD] >> (n as usize % WORD) & 1 != 0
    }
    /// Adds a set. Result: whether anything is new.
    pub(super) fn add(&mut self, other: &Set) -> bool {
        let mut new = 0;
        for (a, b) in self.0.iter_mut().zip(&other.0) {
            new |= *b & !*a;
            *a |= *b;
        }
        new != 0
    }
    /// Adds a set given as words.
    pub(super) fn add_words(&mut self, words: &[u64]) {
        self.0.iter_mut().zip(words).for_each(|(a, b)| *a |= b);
    }
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().enumerate().flat_map(|(at, word)| members_of_word(at, *word))
    }
    pub(super) fn words(&self) -> &[u64] {
        &self.0
    }
}

/// A relation between numbers below its size: a set for each.
pub(super) struct Matrix {
    rows: Vec<u64>,
    /// Words of a row.
    width: usize,
}

impl Matrix {
    pub(super) fn new(size: usize) -> Matrix {
        let width = size.div_ceil(WORD);
        Matrix { rows: vec![0; width * size], width }
    }
    /// Words of a row.
    pub(super) fn width(&self) -> usize {
        self.width
    }
    /// Relates to `n` all that `n` is related to.
    pub(super) fn mirror(&mut self, n: u32) {
        for at in 0..self.width {
            members_of_word(at, self.row(n)[at]).for_each(|m| self.insert(m, n));
        }
    }
    pub(super) fn row(&self, n: u32) -> &[u64] {
        &self.rows[n as usize * self.width..][..self.width]
    }
    pub(super) fn row_mut(&mut self, n: u32) -> &mut [u64] {
        &mut self.rows[n as usize * self.width..][..self.width]
    }
    pub(super) fn contains(&self, a: u32, b: u32) -> bool {
        self.row(a)[b as usize / WORD] >> (b as usize % WORD) & 1 != 0
    }
    pub(super) fn insert(&mut self, a: u32, b: u32) {
        self.row_mut(a)[b as usize / WORD] |= 1 << (b as usize % WORD);
    }
    pub(super) fn remove(&mut self, a: u32, b: u32) {
        self.row_mut(a)[b as usize / WORD] &= !(1 << (b as usize % WORD));
    }
}
