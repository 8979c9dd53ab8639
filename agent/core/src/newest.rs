//! A map that holds a bounded number of keys, and forgets the oldest for each that comes beyond.

use std::{collections::VecDeque, hash::Hash};

use hashbrown::HashMap;

/// The newest `MOST` keys, each since it first came.
#[derive(Debug)]
pub(crate) struct NewestMap<K, V, const MOST: usize> {
    known: HashMap<K, V>,
    /// Oldest first.
    order: VecDeque<K>,
}

impl<K, V, const MOST: usize> Default for NewestMap<K, V, MOST> {
    fn default() -> Self {
        Self { known: HashMap::new(), order: VecDeque::new() }
    }
}

impl<K: Copy + Eq + Hash, V, const MOST: usize> NewestMap<K, V, MOST> {
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.known.get(key)
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.known.get_mut(key)
    }

    /// A key that is known keeps its place in the order.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        if self.known.insert(key, value).is_some() {
            return;
        }
        self.order.push_back(key);
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    pub(crate) fn values(&self) -> impl ExactSizeIterator<Item = &V> {
        self.known.values()
    }

    /// Without what its values hold elsewhere.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.known.capacity() * (size_of::<(K, V)>() + 1) + self.order.capacity() * size_of::<K>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_and_one_that_comes_again_grows_no_younger() {
        let mut map = NewestMap::<u32, &str, 2>::default();
        map.insert(1, "one");
        map.insert(2, "two");
        map.insert(1, "another");
        assert_eq!((map.get(&1), map.values().len()), (Some(&"another"), 2));
        map.insert(3, "three");
        assert_eq!((map.get(&1), map.get(&2), map.get(&3)), (None, Some(&"two"), Some(&"three")));
        assert_eq!(map.order.len(), 2);
        if let Some(value) = map.get_mut(&2) {
            *value = "changed";
        }
        assert_eq!(map.get(&2), Some(&"changed"));
        assert!(map.heap_bytes() > 0);
    }
}
