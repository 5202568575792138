//! One loaded artifact as WebAssembly: its module, its image, and its idle instances.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use wasmtime::InstancePre;

use crate::counters::Counters;
use crate::event_state::HostData;
use crate::instance::Instance;
use crate::restore::Image;
use crate::stripes::Stripes;
use crate::view::View;

/// A handler ready to be instantiated.
pub struct Program<V: View> {
    pub(crate) instance: InstancePre<HostData<V>>,
    /// Whether the module was rewritten, so that it marks what it writes.
    pub(crate) is_rewritten: bool,
    /// What its instances are restored to; `None` if each serves only one event.
    image: Option<Image>,
    /// Restored instances. The last one that a worker has used is the next that it uses: its pages are in the
    /// caches of its core.
    idle: Stripes<Mutex<Idle<V>>>,
    /// How many events have restored an instance, where some are verified.
    restored: AtomicU64,
    /// Whether a restored instance has differed from the image: then none is restored any more.
    is_distrusted: AtomicBool,
    /// What its events count, if it was built to count.
    counters: Option<Counters>,
}

/// Boxed, because each is moved several times for an event.
type Idle<V> = Vec<Box<Instance<V>>>;

impl<V: View> Program<V> {
    pub(crate) fn new(
        instance: InstancePre<HostData<V>>,
        is_rewritten: bool,
        image: Option<Image>,
    ) -> Program<V> {
        Program {
            instance,
            is_rewritten,
            image,
            idle: Stripes::default(),
            restored: AtomicU64::new(0),
            is_distrusted: AtomicBool::new(false),
            counters: None,
        }
    }

    /// Adds up what its events count from now on.
    pub fn count(&mut self, counters: Counters) {
        self.counters = Some(counters);
    }

    /// What its events count, if they do.
    pub fn counters(&self) -> Option<&Counters> {
        self.counters.as_ref()
    }

    /// Takes an idle instance: of this worker, or else of another.
    pub(crate) fn take_idle(&self) -> Option<Box<Instance<V>>> {
        // Without an image there are none, or they are not trusted any more.
        self.image()?;
        let own = lock(self.idle.own()).pop();
        own.or_else(|| self.idle.all().find_map(|idle| lock(idle).pop()))
    }

    /// Adds a restored instance to the idle ones.
    pub(crate) fn put_idle(&self, instance: Box<Instance<V>>) {
        lock(self.idle.own()).push(instance);
    }

    /// What instances are restored to; `None` if they cannot be restored, or restoring is not trusted.
    pub(crate) fn image(&self) -> Option<&Image> {
        self.image.as_ref().filter(|_image| !self.is_distrusted.load(Ordering::Relaxed))
    }

    /// Whether its instances are made to be restored, trusted or not.
    pub(crate) fn has_image(&self) -> bool {
        self.image.is_some()
    }

    /// Whether to verify this restored instance: every Nth is.
    pub(crate) fn should_verify(&self, every: u64) -> bool {
        self.restored.fetch_add(1, Ordering::Relaxed) % every == every - 1
    }

    /// Uses only new instances from now on.
    pub(crate) fn distrust(&self, difference: &str) {
        self.is_distrusted.store(true, Ordering::Relaxed);
        for idle in self.idle.all() {
            lock(idle).clear();
        }
        tracing::error!(
            "a restored sandbox differs from its image ({difference}): this is a bug in zigttp; \
             further events of this handler get a new instance each"
        );
    }
}

fn lock<V: View>(idle: &Mutex<Idle<V>>) -> MutexGuard<'_, Idle<V>> {
    // A panic elsewhere cannot damage the list: every change is a single push or pop.
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}
