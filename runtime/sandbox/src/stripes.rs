//! A value for each worker: what every event changes is in no cache line that two cores write.

use std::cell::Cell;
use std::num::NonZero;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::available_parallelism;

/// More values than cores, so that two workers seldom have the same one: threads are numbered as they first ask.
const FOR_EACH_CORE: usize = 2;

/// Several values of one kind. Each thread changes its own; all together are what is meant.
pub struct Stripes<T>(Box<[Apart<T>]>);

/// Processors read and write pairs of lines of 64 bytes.
#[repr(align(128))]
struct Apart<T>(T);

impl<T> Stripes<T> {
    /// One for each worker. There is a power of two of them.
    pub fn new(make: impl FnMut() -> T) -> Stripes<T> {
        static COUNT: OnceLock<usize> = OnceLock::new();
        let count = COUNT.get_or_init(|| {
            let cores = available_parallelism().map_or(1, NonZero::get);
            (FOR_EACH_CORE * cores).next_power_of_two()
        });
        let mut make = make;
        Stripes((0..*count).map(|_| Apart(make())).collect())
    }

    /// That of the present thread.
    pub fn own(&self) -> &T {
        static THREADS: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static NUMBER: Cell<Option<usize>> = const { Cell::new(None) };
        }
        let number = NUMBER.get().unwrap_or_else(|| {
            let number = THREADS.fetch_add(1, Ordering::Relaxed);
            NUMBER.set(Some(number));
            number
        });
        self.of(number)
    }

    /// That of the thread with this number.
    fn of(&self, number: usize) -> &T {
        &self.0[number & (self.0.len() - 1)].0
    }

    /// Those of all threads.
    pub fn all(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|apart| &apart.0)
    }
}

impl<T: Default> Default for Stripes<T> {
    fn default() -> Stripes<T> {
        Stripes::new(T::default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_has_one_value_and_others_have_others() {
        let counts = Stripes::<AtomicUsize>::default();
        let here = std::ptr::from_ref(counts.own());
        assert_eq!(std::ptr::from_ref(counts.own()), here);
        let places: Vec<usize> = (0..counts.0.len())
            .map(|number| std::ptr::from_ref(counts.of(number)).addr())
            .collect();
        assert!(
            places.len() > 1 && places.windows(2).all(|two| two[1] - two[0] >= 128),
            "{places:?}"
        );
        assert_eq!(std::ptr::from_ref(counts.of(places.len())).addr(), places[0]);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| counts.own().fetch_add(1, Ordering::Relaxed));
            }
        });
        assert_eq!(counts.all().map(|count| count.load(Ordering::Relaxed)).sum::<usize>(), 8);
        assert!(counts.all().count().is_power_of_two());
    }
}
