//! When a request is over.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::error::{Error, ErrorKind};
use crate::request::Target;

/// The end of a request's time, and whose time it is.
#[derive(Clone, Copy)]
pub(crate) struct Deadline {
    at: Instant,
    time: Duration,
    /// The name of the client's bound; `None`: the caller's own time.
    bound: Option<&'static str>,
}

impl Deadline {
    /// From now on, the client's time, or the caller's if that is shorter.
    pub(crate) fn new(time: Duration, bound: &'static str, own: Option<Duration>) -> Deadline {
        let (time, bound) = match own {
            Some(own) if own < time => (own, None),
            _ => (time, Some(bound)),
        };
        Deadline { at: Instant::now() + time, time, bound }
    }

    /// Does work until the end.
    pub(crate) async fn limit<T>(
        self,
        target: &Target,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        match timeout_at(self.at, work).await {
            Ok(result) => result,
            Err(_elapsed) => Err(self.error(target)),
        }
    }

    fn error(self, target: &Target) -> Error {
        let time = self.time;
        match self.bound {
            None => Error::new(
                ErrorKind::TimedOut,
                format!(
                    "fetch: {target} has not answered within {time:?}, the time of the request's signal"
                ),
            ),
            Some(bound) => Error::new(
                ErrorKind::Limit,
                format!("fetch: {target} has not answered within {time:?} ({bound})"),
            ),
        }
    }
}
