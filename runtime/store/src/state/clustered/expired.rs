//! Removes entries whose time is over.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::cluster::answer;
use crate::cluster::scripts;
use crate::state::clustered::signal_feed::flat;
use crate::state::clustered::{Shared, read_until};
use crate::state::error::CommitStateError;
use crate::state::transaction::{StateReads, Transaction};

/// Expired entries that one sweep removes.
const EXPIRED_AT_ONCE: usize = 100;

impl Shared {
    /// Removes entries whose time is over, from whichever room.
    pub(super) async fn remove_expired(&self, expired_before: u64) -> Result<(), CommitStateError> {
        let mut seen_to: Vec<(String, String)> = Vec::new();
        loop {
            let link = &self.commits.link;
            let answer = link
                .call(&scripts::EXPIRED, read_until(), |command, _live| {
                    command
                        .arg(1)
                        .arg(&link.keys().expiry)
                        .arg(expired_before)
                        .arg(EXPIRED_AT_ONCE);
                    for (row, time) in &seen_to {
                        command.arg(row).arg(time);
                    }
                })
                .await?;
            seen_to.clear();
            let mut rooms: BTreeMap<Arc<str>, Vec<(Box<str>, String)>> = BTreeMap::new();
            let mut words = flat(answer)?.into_iter();
            while let (Some(row), Some(time)) = (words.next(), words.next()) {
                let (row, time) = (answer::string(&row)?, answer::string(&time)?.into_string());
                match room_and_key(&row) {
                    Some((room, key)) => {
                        rooms.entry(room.into()).or_default().push((key.into(), time))
                    }
                    None => seen_to.push((row.into_string(), time)),
                }
            }
            if rooms.is_empty() && seen_to.is_empty() {
                return Ok(());
            }
            for (room, keys) in rooms {
                if self.remove_expired_of(&room, &keys, expired_before).await? {
                    seen_to.extend(keys.into_iter().map(|(key, time)| (row_of(&room, &key), time)));
                }
            }
            if seen_to.is_empty() {
                // Other nodes were faster, or events changed them: next time.
                return Ok(());
            }
        }
    }

    /// Removes those entries of a room that are there and whose time is over. Returns false if others have changed
    /// them.
    async fn remove_expired_of(
        &self,
        room: &Arc<str>,
        keys: &[(Box<str>, String)],
        expired_before: u64,
    ) -> Result<bool, CommitStateError> {
        let replica = self.replicas.hold(room, read_until()).await?;
        let table = replica.table().expect("it was read");
        let is_over = |key: &str| {
            let expires = table.get(key).and_then(|entry| entry.expires);
            expires.is_some_and(|expires| expires < expired_before)
        };
        let over: Vec<_> = keys.iter().filter(|(key, _)| is_over(key)).collect();
        if over.is_empty() {
            return Ok(true);
        }
        let mut transaction =
            Transaction { room: Some(Arc::clone(room)), ..Transaction::default() };
        for (key, _) in &over {
            transaction.changes.entries.insert(key.clone(), None);
        }
        let keys = over.iter().map(|(key, _)| key.clone()).collect();
        let reads = StateReads { since: table.seq(), keys, ..StateReads::default() };
        transaction.reads = Some(Box::new(reads));
        match self.commit(&transaction).await {
            Ok(()) => {
                self.counts.expired.fetch_add(over.len() as u64, Ordering::Relaxed);
                Ok(true)
            }
            Err(CommitStateError::Conflict) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// The row of an entry among those that expire, as the script writes it.
fn row_of(room: &str, key: &str) -> String {
    format!("{}:{room}{key}", room.len())
}

fn room_and_key(row: &str) -> Option<(&str, &str)> {
    let (len, rest) = row.split_once(':')?;
    rest.split_at_checked(len.parse().ok()?)
}
