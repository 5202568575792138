//! Makes what runs events, within the limits of a configuration: for a server, and for whoever has events run without
//! one.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use zigttp_abi::api::MAX_ROOM_BYTES;
use zigttp_recording::block::RecordedLimits;
use zigttp_rooms::attachments::Attachments;
use zigttp_rooms::clock::Clock;
use zigttp_rooms::compression::Compression;
use zigttp_rooms::dispatcher::Dispatcher;
use zigttp_rooms::handler_log::HandlerLog;
use zigttp_rooms::handlers::Handlers;
use zigttp_rooms::hub::{Hub, Storage, WorkersHub};
use zigttp_rooms::leftovers::{LeftoverLimits, Leftovers};
use zigttp_rooms::limits::WaitLimits;
use zigttp_rooms::observer::Observer;
use zigttp_rooms::outside::Outside;
use zigttp_rooms::pace::Rate;
use zigttp_rooms::room_states::RoomStates;
use zigttp_rooms::rooms::{Rooms, TurnLimits};
use zigttp_rooms::settings::Settings;
use zigttp_rooms::slots::Slots;
use zigttp_rooms::turn_queues::TurnQueues;
use zigttp_rooms::witness::Witness;
use zigttp_rooms::world::World;
use zigttp_sandbox::app::App;
use zigttp_sandbox::pool::Pool;
use zigttp_sandbox::sandbox::Sandbox;
use zigttp_sandbox::state::StateLimits;
use zigttp_sandbox::stripes::Stripes;
use zigttp_sandbox::view::EventLimits;
use zigttp_store::attachment_files::AttachmentFiles;
use zigttp_store::dir::DurableDir;
use zigttp_store::ids::ConnectionIds;
use zigttp_store::state::states::States;

use crate::config::Config;

/// Longest wait of an event for a timer alone.
const LONGEST_TIMER: Duration = Duration::from_secs(60);

/// What a dispatcher is made of besides its limits.
pub struct Parts {
    pub sandbox: Arc<Sandbox<World>>,
    pub app: Arc<App<World>>,
    pub storage: Storage,
    pub clock: Clock,
    pub settings: Settings,
    /// Makes the requests of events.
    pub outside: Arc<dyn Outside>,
    /// Is told of every event in full, if anybody is.
    pub witness: Option<Arc<dyn Witness>>,
}

/// Makes a dispatcher with a hub of its own.
pub fn dispatcher(config: &Config, parts: Parts) -> Dispatcher {
    let Parts { sandbox, app, storage, clock, settings, outside, witness } = parts;
    let log_rate = Rate::per_second(config.handler_log_rate);
    let handler_log = match &witness {
        Some(_) => HandlerLog::of_witness(log_rate),
        None => HandlerLog::new(log_rate),
    };
    let hub = Arc::new(Hub::new(
        storage,
        event_limits(config),
        Compression { min_size: config.compression_min_size, level: config.compression_level },
        handler_log,
        Rooms::new(Arc::new(TurnQueues::new(config.queue_limits(), clock))),
        clock,
    ));
    hub.settings.replace(settings);
    let observer = config.inspector.as_ref().map(|options| {
        let limits = RecordedLimits::of(config.cpu_limit, config.memory_limit, &hub.limits);
        Observer::new(options.max_events, limits, clock)
    });
    Dispatcher {
        sandbox,
        handlers: Handlers::new(app, config.rollback_after),
        slots: Slots::new(config.max_events),
        hubs: Stripes::new(|| Arc::new(WorkersHub(Arc::clone(&hub)))),
        hub,
        on_error: config.on_error,
        recorder: None,
        shadow: None,
        turn_limits: TurnLimits { time: config.turn_timeout, max_waits: config.max_turn_waits },
        witness,
        spans: config.spans.0.clone(),
        outside,
        wait_limits: WaitLimits {
            events: config.max_waiting_events,
            bytes: Pool::new(config.max_waiting_bytes),
            longest_timer: LONGEST_TIMER,
            computations: Arc::new(Semaphore::new(max_computations())),
        },
        observer,
    }
}

/// How many long computations run at a time. The other processors are for events.
fn max_computations() -> usize {
    (std::thread::available_parallelism().map_or(1, usize::from) / 2).max(1)
}

fn event_limits(config: &Config) -> EventLimits {
    EventLimits {
        max_queue: config.max_queue,
        max_attachment: config.max_attachment_size,
        max_joins: config.max_joins as usize,
        // A room that is joined may be longer than any path.
        max_room: config.max_url.max(MAX_ROOM_BYTES),
        compression_min_size: config.compression_min_size,
        state: StateLimits {
            max_value: config.max_value_size,
            max_room_bytes: config.max_room_state as u64,
            max_writes: config.max_event_writes,
            max_signals: config.max_room_signals,
            max_timers: config.max_room_timers,
            max_room_streams: config.streams.max_of_room,
            max_all_streams: config.streams.max_stored(),
            max_stream_request: config.streams.max_request,
            max_written_bytes: config.max_event_write_bytes as u64,
        },
        max_requests: config.max_event_fetches,
        crypto: config.crypto_limit,
        event_memory: Pool::new(config.max_event_memory),
    }
}

/// Opens the state that outlives connections.
///
/// # Errors
/// When the durable folder cannot be used.
pub(crate) fn open_storage(config: &Config) -> io::Result<Storage> {
    let [of_database, of_memory] = config.state_limits();
    let Some(dir) = &config.durable else { return Ok(Storage::in_memory(of_memory)) };
    let dir = DurableDir::take(dir)?;
    let files = AttachmentFiles::open(dir.folder(), config.fsync, config.max_attachment_size)?;
    let ids = ConnectionIds::persisted(Arc::clone(dir.folder()))?;
    let leftovers = config.resume.then(|| leftovers(config));
    let states = RoomStates {
        storage: States::open(dir.folder(), config.fsync, of_database, &files)
            .map_err(io::Error::other)?,
        memory: States::in_memory(of_memory),
    };
    let attachments = Attachments::durable(files);
    Ok(Storage { ids, attachments, states, leftovers, durable_dir: Some(dir) })
}

/// State in memory whose connections can be resumed, as in a durable folder: that of a test.
pub fn resumable_storage(config: &Config) -> Storage {
    let [_of_database, of_memory] = config.state_limits();
    Storage { leftovers: Some(leftovers(config)), ..Storage::in_memory(of_memory) }
}

/// What a server that starts again after a crash finds, of what the one before has stored in memory: all but
/// `zigttp:memory`. For tests.
pub fn storage_after_crash(config: &Config, before: Storage) -> Storage {
    let Storage { ids, attachments, states, durable_dir, .. } = before;
    let Storage { states: RoomStates { memory, .. }, leftovers, .. } = resumable_storage(config);
    states.storage.restart();
    let states = RoomStates { storage: states.storage, memory };
    Storage { ids, attachments, states, leftovers, durable_dir }
}

/// The sandbox of a server with this configuration.
///
/// # Errors
/// When the machine lacks something that it needs.
pub fn sandbox(config: &Config) -> Result<Sandbox<World>, zigttp_sandbox::error::SandboxError> {
    Sandbox::new(config.sandbox_limits())
}

fn leftovers(config: &Config) -> Leftovers {
    Leftovers::new(LeftoverLimits {
        leftovers: config.max_leftovers(),
        bytes: config.max_leftover_bytes(),
        window: config.resume_window,
    })
}
