//! Runs an event again on the present build, without any effect: to compare what it does, or to write it as a test.

use std::sync::Arc;

use hyper::{Response, StatusCode};
use serde::Deserialize;
use serde_json::json;
use zigttp_abi::printable::printable_json;
use zigttp_recording::kept::Kept;
use zigttp_recording::replay::Replayer;
use zigttp_rooms::own_thread::on_own_thread;

use super::http::{ErrorResponse, error_response, json};
use crate::http::response::Body;
use crate::server::Server;

/// A request to run an event again, as JSON.
#[derive(Deserialize)]
struct RunRequest {
    /// Its number.
    event: u64,
}

/// Responds with what it was given, what it did and what it does now.
pub(super) async fn run(
    server: &Arc<Server>,
    request: &[u8],
) -> Result<Response<Body>, ErrorResponse> {
    let ran = with_event(server, request, |kept, replayer| kept.run_on(replayer)).await?;
    let text = serde_json::to_string(&ran).expect("text always serialises");
    Ok(json(printable_json(text)))
}

/// Responds with the text of a test.
pub(super) async fn save_test(
    server: &Arc<Server>,
    request: &[u8],
) -> Result<Response<Body>, ErrorResponse> {
    match with_event(server, request, |kept, replayer| kept.test_on(replayer)).await? {
        Ok(test) => Ok(json(printable_json(json!({ "test": test }).to_string()))),
        Err(why) => {
            let line = format!("this event cannot be a test: {why}");
            Err(error_response(StatusCode::UNPROCESSABLE_ENTITY, &line))
        }
    }
}

async fn with_event<T: Send + 'static>(
    server: &Arc<Server>,
    request: &[u8],
    work: impl FnOnce(&Kept, &Replayer) -> Option<T> + Send + 'static,
) -> Result<T, ErrorResponse> {
    let RunRequest { event } = serde_json::from_slice(request).map_err(|error| {
        error_response(StatusCode::BAD_REQUEST, &format!("the request cannot be read: {error}"))
    })?;
    let observer = server.dispatcher.observer.as_ref();
    let found =
        observer.and_then(|observer| Some((observer.kept(event)?, observer.limits.clone())));
    let (kept, limits) = found.ok_or_else(|| {
        let line = "this event is not kept: it is too old, too large, or nothing that ran";
        error_response(StatusCode::NOT_FOUND, line)
    })?;
    let failed = |why: &str| error_response(StatusCode::INTERNAL_SERVER_ERROR, why);
    let inspector = server.inspector.as_ref().ok_or_else(|| failed("there is no inspector"))?;
    let _running = inspector.running.acquire().await.map_err(|error| failed(&error.to_string()))?;
    let present = Arc::clone(&inspector.present);
    let (cache_dir, settings) = (server.config.cache_dir.clone(), server.replay_settings());
    // Loading the build takes up to a second.
    let ran = on_own_thread(move || {
        let replayer = present.load(&limits, cache_dir).map_err(|it| it.to_string())?;
        replayer.set_settings(settings);
        work(&kept, &replayer).ok_or_else(|| "the event cannot be run again".to_owned())
    });
    ran.await.map_err(|error| failed(&error.to_string()))?.map_err(|why| failed(&why))
}
