//! What can go wrong with the cluster.

use std::sync::Arc;
use std::time::Duration;

/// The cluster cannot be used now.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// The address is no URL of a Redis server.
    #[error("not a URL of a Redis server")]
    Url(#[source] Arc<redis::RedisError>),
    /// There is no answer.
    #[error("the Redis server has not answered within {} ms", after.as_millis())]
    Unreachable {
        after: Duration,
        #[source]
        last: Option<Arc<redis::RedisError>>,
    },
    /// It answers with an error: it is full, read-only, or does not let this user in.
    #[error("the Redis server refuses")]
    Refused(#[source] Arc<redis::RedisError>),
    /// It answers what no script of this program does.
    #[error("the Redis server has answered {0}")]
    Nonsense(String),
    /// There is no cluster in it.
    #[error(
        "there is no cluster under the prefix {prefix:?}: a new server, or one that has lost all"
    )]
    Empty { prefix: String },
    /// Another version of the program has made the cluster.
    #[error("the cluster has layout {found}, and this program knows {known}")]
    Layout { found: String, known: u32 },
    /// All numbers of nodes are taken.
    #[error("there are as many nodes as there can be")]
    TooManyNodes,
    /// The node was away for so long that others have taken its place.
    #[error("this node has lost its place in the cluster")]
    Fenced,
    /// Nodes do not share it.
    #[error("{0} cannot be stored in a cluster")]
    NotShared(&'static str),
    /// The server has lost commits that it had acknowledged.
    #[error("the Redis server has lost commits of this room")]
    Lost,
    #[error("the server stops")]
    Stopped,
}

impl From<redis::RedisError> for ClusterError {
    fn from(error: redis::RedisError) -> ClusterError {
        ClusterError::Refused(Arc::new(error))
    }
}
