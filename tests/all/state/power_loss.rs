//! What the loss of power leaves, on a file system that then loses what was not synced.

#![expect(clippy::print_stdout, reason = "a proof says how much it has proven")]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::whole::{Account, Clients, HANDLER, ROOMS, number_of, settled};
use crate::support::durable::{DISTRIBUTOR, Durable, id_of, kills, random};
use crate::support::lossy_fs::LossyFs;

/// A durable directory on a file system of its own, mounted with this seed.
pub(super) fn mount(durable: &Durable, seed: u64) -> Option<LossyFs> {
    std::fs::create_dir(durable.dir()).expect("the temporary folder is writable");
    LossyFs::mount(&durable.dir(), seed)
}

/// A number below this one, a new one each time.
pub(super) fn at_random(below: u64) -> u64 {
    random(Duration::from_nanos(below)).as_nanos() as u64
}

#[tokio::test]
async fn with_fsync_always_what_a_client_has_read_survives_the_loss_of_power_whole() {
    let (cuts, time) = kills();
    let durable = Durable::of(HANDLER);
    let seed = at_random(1 << 32);
    let Some(disk) = mount(&durable, seed) else { return };
    let started = Instant::now();
    let (mut cut, mut failures, mut events) = (0, 0, [0; ROOMS]);
    let (mut accounts, mut is_faulty) = (Vec::<Option<Account>>::new(), false);
    loop {
        let server = durable.serve(&["--fsync", "always"]);
        for (room, account) in accounts.into_iter().enumerate() {
            let mut client = server.connect(&format!("/{room}")).await;
            let n = settled(&mut client).await;
            let before = std::mem::replace(&mut events[room], n);
            let least = account.as_ref().map_or(0, |account| account.acknowledged).max(before);
            assert!(
                (least..=least + 1).contains(&n),
                "seed {seed}, cut {cut}: {n} events are stored, and {least} were confirmed"
            );
            let Some(Account { ids, .. }) = account else { continue };
            for id in ids {
                let stored = durable.find_value(&id).map(|value| number_of(&value));
                if stored.is_none() && is_faulty {
                    // Its client may have left when its event had failed.
                    continue;
                }
                let expected = (n > before).then_some(n);
                assert_eq!(stored, expected, "seed {seed}, cut {cut}: the attachment of {id}");
            }
        }
        if cut >= cuts || started.elapsed() >= time {
            break;
        }
        let clients = Clients::start(&server);
        tokio::time::sleep(random(Duration::from_millis(250))).await;
        is_faulty = cut % 3 == 2;
        if is_faulty {
            // What a failed sync has lost is not there either.
            disk.fail_writes(1 + at_random(40), Errno::IO);
            tokio::time::sleep(random(Duration::from_millis(60))).await;
        }
        server.kill();
        failures += disk.heal();
        disk.cut_power();
        cut += 1;
        accounts = clients.accounts().await;
    }
    let events: u64 = events.iter().sum();
    assert!(events > u64::from(cut), "the clients were heard before the cuts");
    println!(
        "survived {cut} cuts of power and {failures} failed writes with {events} events in {:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn with_fsync_never_the_store_is_whole_after_the_loss_of_power_and_lacks_last_events_at_most()
{
    let (cuts, time) = kills();
    let durable = Durable::of(HANDLER);
    let seed = at_random(1 << 32);
    let Some(disk) = mount(&durable, seed) else { return };
    let started = Instant::now();
    let (mut cut, mut lost) = (0, 0);
    let mut confirmed = [0; ROOMS];
    let mut all_ids = BTreeSet::new();
    while cut < cuts && started.elapsed() < time {
        let server = durable.serve(&["--fsync", "never"]);
        for (room, confirmed) in confirmed.iter_mut().enumerate() {
            let mut client = server.connect(&format!("/{room}")).await;
            let n = settled(&mut client).await;
            assert!(n <= *confirmed + 1, "seed {seed}, cut {cut}: an event that nobody has sent");
            lost += confirmed.saturating_sub(n);
            // The room goes on from there.
            assert_eq!(client.ask("next").await, (n + 1).to_string());
            *confirmed = n + 1;
        }
        let clients = Clients::start(&server);
        tokio::time::sleep(random(Duration::from_millis(250))).await;
        server.kill();
        disk.cut_power();
        cut += 1;
        for (account, confirmed) in clients.accounts().await.into_iter().zip(&mut confirmed) {
            let Some(Account { acknowledged, ids }) = account else { continue };
            *confirmed = acknowledged.max(*confirmed);
            for id in ids {
                assert!(all_ids.insert(id), "seed {seed}, cut {cut}: an id is used twice");
            }
        }
    }
    let torn = durable.attachments(&["list"]).1.matches("is damaged").count();
    println!(
        "survived {cut} cuts of power in {:?}; lost {lost} last events and {torn} attachments",
        started.elapsed()
    );
}

/// As an attachment that was written just before, with `--fsync never`.
#[tokio::test]
async fn an_attachment_that_the_loss_of_power_has_torn_is_one_report_and_hurts_nobody_else() {
    let durable = Durable::of(DISTRIBUTOR);
    let server = durable.serve(&["--resume"]);
    let mut ids = Vec::new();
    for value in ["whole", "empty", "zeros"] {
        let mut client = server.connect("/").await;
        ids.push(id_of(&mut client).await);
        assert_eq!(client.ask(value).await, "kept");
    }
    server.kill();
    let [whole, empty, zeros] = ids.try_into().expect("three");
    let bytes = std::fs::read(durable.file(&zeros)).expect("it is there").len();
    std::fs::write(durable.file(&empty), "").expect("writable");
    std::fs::write(durable.file(&zeros), vec![0; bytes]).expect("writable");

    let server = durable.serve(&["--resume"]);
    for torn in [&empty, &zeros] {
        let log = server.wait_for_log(&format!("conn={torn}"));
        let lines: Vec<&str> =
            log.lines().filter(|line| line.contains(&format!("conn={torn}"))).collect();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains("cannot read an attachment"), "{}", lines[0]);
    }
    let mut client = server.connect("/").await;
    let new = id_of(&mut client).await;
    let (code, text) = durable.attachments(&["adopt", &new, &empty]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains(&format!("attachment {empty} is damaged")), "{text}");
    let (code, text) = durable.attachments(&["adopt", &new, &whole]);
    assert_eq!(code, 0, "{text}");
    assert_eq!(client.ask("?").await, format!("{new} whole"));
}

#[tokio::test]
async fn a_server_starts_again_whenever_its_first_start_was_cut_off() {
    let (_cuts, time) = kills();
    let step = if time == Duration::MAX { 1 } else { 4 };
    for fsync in ["never", "always"] {
        let durable = Durable::of(DISTRIBUTOR);
        let seed = at_random(1 << 32);
        let Some(disk) = mount(&durable, seed) else { return };
        let mut after = 1 + at_random(step);
        loop {
            // The disk is lost at this change; what the server makes of that is nothing but an end.
            disk.fail_writes(after, Errno::IO);
            let is_cut = durable.try_serve(&["--fsync", fsync, "--resume"]).is_err();
            disk.heal();
            disk.cut_power();
            let server = durable.serve(&["--fsync", fsync, "--resume"]);
            let mut client = server.connect("/").await;
            assert_eq!(client.ask("value").await, "kept", "seed {seed}, change {after}");
            server.kill();
            if !is_cut {
                break;
            }
            // The next one is a first start again.
            for entry in std::fs::read_dir(durable.dir()).expect("it is mounted") {
                let path = entry.expect("it is listed").path();
                let removed = if path.is_dir() {
                    std::fs::remove_dir_all(&path)
                } else {
                    std::fs::remove_file(&path)
                };
                removed.expect("it is ours");
            }
            after += step;
        }
    }
}
