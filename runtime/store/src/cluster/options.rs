//! What an operator says about the cluster.

use std::time::Duration;

/// Where the cluster's Redis is, and how a node uses it.
#[derive(Clone, Debug)]
pub struct ClusterOptions {
    /// `redis://`, or `rediss://` for TLS, with the user, the password and the number of the database.
    pub url: String,
    /// What the names of all keys begin with. Clusters with different ones share a server and nothing else.
    pub prefix: String,
    /// The node's name, for people.
    pub node_name: String,
    /// Whether the cluster may be made where there is none: otherwise a server that has lost everything would look like
    /// a new one.
    pub may_init: bool,
    /// How long a commit waits for the server before its event fails.
    pub commit_timeout: Duration,
}
