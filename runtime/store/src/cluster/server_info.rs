//! What a Redis server says about itself.

/// What a Redis server says about itself. What it does not tell is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerInfo {
    /// `redis`, or what else is compatible.
    pub product: String,
    pub version: String,
    /// Another one after each start and failover.
    pub(crate) identity: String,
    /// `master`, or what takes no writes.
    pub role: String,
    /// Whether it has a log on disk, and when that is written.
    pub append_only: String,
    pub append_fsync: String,
    /// What goes when it is full.
    pub max_memory_policy: String,
}

impl ServerInfo {
    /// Of the answer to `INFO`.
    pub(crate) fn of_info(info: &str) -> ServerInfo {
        let field = |name: &str| {
            let mut lines = info.lines().filter_map(|line| line.split_once(':'));
            lines.find(|(found, _)| *found == name).map_or("", |(_, value)| value.trim())
        };
        let valkey = field("valkey_version");
        let (product, version) = match valkey {
            "" => ("redis", field("redis_version")),
            version => (field("server_name"), version),
        };
        ServerInfo {
            product: if product.is_empty() { "valkey" } else { product }.to_owned(),
            version: version.to_owned(),
            identity: format!("{}:{}", field("run_id"), field("master_replid")),
            role: field("role").to_owned(),
            append_only: if field("aof_enabled") == "1" { "yes" } else { "no" }.to_owned(),
            ..ServerInfo::default()
        }
    }

    /// In what it is weaker than what the cluster promises, as sentences for an operator.
    pub fn weaknesses(&self) -> Vec<String> {
        let mut weaknesses = Vec::new();
        if self.append_only == "no" {
            weaknesses.push(
                "it keeps no log on disk (appendonly no): a restart loses commits".to_owned(),
            );
        } else if !self.append_fsync.is_empty() && self.append_fsync != "always" {
            weaknesses.push(format!(
                "it writes its log now and then (appendfsync {}): a crash loses commits that were acknowledged",
                self.append_fsync
            ));
        }
        if !self.max_memory_policy.is_empty() && self.max_memory_policy != "noeviction" {
            weaknesses.push(format!(
                "when it is full it drops keys (maxmemory-policy {}): set it to noeviction",
                self.max_memory_policy
            ));
        }
        if !self.role.is_empty() && self.role != "master" {
            weaknesses.push(format!("it takes no writes: its role is {}", self.role));
        }
        weaknesses
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_known_by_its_run_and_says_where_it_is_weak() {
        let info = "# Server\r\nredis_version:7.0.15\r\nrun_id:abc\r\nrole:master\r\nmaster_replid:def\r\naof_enabled:1\r\n";
        let mut server = ServerInfo::of_info(info);
        assert_eq!((&*server.product, &*server.version), ("redis", "7.0.15"));
        assert_eq!(server.identity, "abc:def");
        (server.append_fsync, server.max_memory_policy) = ("always".into(), "noeviction".into());
        assert!(server.weaknesses().is_empty());
        (server.append_fsync, server.max_memory_policy) = ("everysec".into(), "allkeys-lru".into());
        assert_eq!(server.weaknesses().len(), 2);
        let valkey = ServerInfo::of_info(
            "redis_version:7.2.4\nserver_name:valkey\nvalkey_version:8.1.1\nrole:slave\n",
        );
        assert_eq!((&*valkey.product, &*valkey.version), ("valkey", "8.1.1"));
        assert_eq!(valkey.weaknesses().len(), 2);
    }
}
