//! Turns names into addresses.

use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;
use std::thread;

use futures_util::future::BoxFuture;
use tokio::sync::{Semaphore, oneshot};

/// Names that are resolved at a time; others wait.
const MAX_LOOKUPS: usize = 32;

/// Knows the addresses of names.
pub trait Resolve: Send + Sync + 'static {
    /// The addresses of a name, best first.
    fn resolve(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// Asks the system: `/etc/hosts`, then DNS as the machine is set up.
pub struct SystemResolver {
    lookups: Arc<Semaphore>,
}

impl Default for SystemResolver {
    fn default() -> SystemResolver {
        SystemResolver { lookups: Arc::new(Semaphore::new(MAX_LOOKUPS)) }
    }
}

impl Resolve for SystemResolver {
    fn resolve(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let lookups = Arc::clone(&self.lookups);
        Box::pin(async move {
            let permit = lookups.acquire_owned().await.map_err(io::Error::other)?;
            let (done, found) = oneshot::channel();
            // Not tokio's pool for blocking work, which panics when the system gives no thread. A lookup
            // cannot be stopped: it keeps its permit until the system answers.
            thread::Builder::new().name("zigttp-resolve".to_owned()).spawn(move || {
                let addresses = (name.as_str(), 0).to_socket_addrs();
                let addresses = addresses.map(|all| all.map(|each| each.ip()).collect());
                drop(permit);
                // Its request may be over.
                drop(done.send(addresses));
            })?;
            found.await.map_err(io::Error::other)?
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Resolve, SystemResolver};

    #[tokio::test]
    async fn the_system_knows_localhost() {
        let found = SystemResolver::default().resolve("localhost".to_owned()).await;
        let found = found.expect("it is found");
        assert!(
            !found.is_empty() && found.iter().all(|address| address.is_loopback()),
            "{found:?}"
        );
    }
}
