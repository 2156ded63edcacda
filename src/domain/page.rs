//! Pages of a list: a window between two keys, and what was found in it.
//!
//! **Invariant:** items of a page stand in the list's own order, whichever end it was read from.

/// Page size when the caller names none.
pub const DEFAULT_SIZE: u64 = 50;
/// Largest page.
pub const MAX_SIZE: u64 = 200;

/// From which end of a window a page is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum End {
    /// The first items.
    #[default]
    First,
    /// The last items.
    Last,
}

/// The part of a list that is asked for. Keys are those of the list's order and need not exist any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window<K> {
    /// Only items after this key.
    pub after: Option<K>,
    /// Only items before this key.
    pub before: Option<K>,
    /// Most items, 1 to [`MAX_SIZE`].
    pub size: u64,
    /// Which end counts.
    pub end: End,
}

impl<K> Window<K> {
    /// The first `size` items after a key.
    #[must_use]
    pub const fn first(size: u64, after: Option<K>) -> Self {
        Self { after, before: None, size, end: End::First }
    }
}

/// One page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// Whether the window holds more, beyond the end that was not asked for.
    pub has_more: bool,
}

impl<T> Slice<T> {
    /// Makes a page of up to `size + 1` items that were read from the asked end on.
    #[must_use]
    pub fn new(mut read: Vec<T>, size: u64, end: End) -> Self {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let has_more = read.len() > size;
        read.truncate(size);
        if end == End::Last {
            read.reverse();
        }
        Self { items: read, has_more }
    }

    /// The same page of something else.
    #[must_use]
    pub fn map<U>(self, each: impl FnMut(T) -> U) -> Slice<U> {
        Slice { items: self.items.into_iter().map(each).collect(), has_more: self.has_more }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_knows_that_there_is_more_and_keeps_the_order() {
        assert_eq!(Slice::new(vec![1, 2, 3], 2, End::First), Slice { items: vec![1, 2], has_more: true });
        assert_eq!(Slice::new(vec![3, 2, 1], 2, End::Last), Slice { items: vec![2, 3], has_more: true });
        assert_eq!(Slice::new(vec![1], 2, End::First), Slice { items: vec![1], has_more: false });
    }
}
