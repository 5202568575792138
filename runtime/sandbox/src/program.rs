//! One loaded artifact as wasm: what its instances are made from, and restored to.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use wasmtime::InstancePre;

use crate::event_state::HostData;
use crate::instance::Instance;
use crate::restore::Image;
use crate::view::View;

/// A handler ready to be instantiated.
pub struct Program<V: View> {
    pub(crate) instance: InstancePre<HostData<V>>,
    /// Whether the module is the rewritten one, which marks what it writes.
    pub(crate) is_rewritten: bool,
    /// What its instances are restored to; `None` when each serves one event.
    image: Option<Image>,
    /// Restored instances. The last one used is the first to be used again: its pages are in the
    /// processor's caches.
    idle: Mutex<Idle<V>>,
    /// Events that restored an instance, where some are verified.
    restored: AtomicU64,
    /// A restored instance differed from the image, so none is restored any more.
    is_distrusted: AtomicBool,
}

/// Boxed, because they are handed on several times an event.
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
            idle: Mutex::default(),
            restored: AtomicU64::new(0),
            is_distrusted: AtomicBool::new(false),
        }
    }

    fn idle(&self) -> MutexGuard<'_, Idle<V>> {
        // Pushes and pops leave a whole list behind whatever happens.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an instance that waits for an event.
    pub(crate) fn take_idle(&self) -> Option<Box<Instance<V>>> {
        // Without an image there are none; and those that are left are not trusted.
        self.image().and_then(|_image| self.idle().pop())
    }

    /// Lets a restored instance wait for another event.
    pub(crate) fn put_idle(&self, instance: Box<Instance<V>>) {
        self.idle().push(instance);
    }

    /// What instances are restored to, unless they cannot be or are not trusted to be.
    pub(crate) fn image(&self) -> Option<&Image> {
        self.image.as_ref().filter(|_image| !self.is_distrusted.load(Ordering::Relaxed))
    }

    /// Whether its instances are made to be restored, trusted or not.
    pub(crate) fn has_image(&self) -> bool {
        self.image.is_some()
    }

    /// Whether this restored instance is one of every so many that are verified.
    pub(crate) fn is_to_be_verified(&self, every: u64) -> bool {
        self.restored.fetch_add(1, Ordering::Relaxed) % every == every - 1
    }

    /// Serves from now on by new instances alone.
    pub(crate) fn distrust(&self, difference: &str) {
        self.is_distrusted.store(true, Ordering::Relaxed);
        self.idle().clear();
        tracing::error!(
            "a restored sandbox differs from its image ({difference}): this is a bug in zigttp; \
             further events of this handler get a new instance each"
        );
    }
}
