//! Requests that are under way when the process is to end.
//!
//! Streams of events would never end by themselves, and are ended. What else is under way is answered, within its share of the time of
//! a stop; calls that are relayed take as long as vendors need, within the relay's deadline. Who asks for the stop once more does not want
//! to wait.

use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;

use crate::api::{AlertStreams, ControlState, LiveStreams, QueryState};
use crate::integrations::relay::Relay;

/// Share of a stop's time in which requests under way may still be answered.
const SHARE_OF_STOP: f64 = 0.4;

/// A call is over when its answer is handed to the connection; a slow client has not taken all of it then.
const LAST_BYTES_TIME: Duration = Duration::from_secs(1);

/// See the file's comment.
pub(super) struct Requests {
    alert_streams: AlertStreams,
    live_streams: LiveStreams,
    relay: Relay,
}

impl Requests {
    pub(super) fn of(control: &ControlState, query: &QueryState) -> Self {
        Self {
            alert_streams: control.alert_streams.clone(),
            live_streams: query.live.clone(),
            relay: control.relay.clone(),
        }
    }

    /// Takes no more of them, and waits for those that are under way. Gives when a stop that may take so long must be done.
    pub(super) async fn end(
        self,
        server: &ServerHandle,
        stop_time: Duration,
        asked_again: impl Future,
    ) -> Instant {
        let begun = Instant::now();
        let for_requests = stop_time.mul_f64(SHARE_OF_STOP);
        self.alert_streams.stop();
        self.live_streams.stop();
        let relay_deadline = self.relay.stop();
        // The stop of the HTTP server may hang on a client; the log must be closed in time all the same.
        let time_is_up = async {
            tokio::time::sleep_until((begun + for_requests).into()).await;
            if self.relay.is_idle() {
                return;
            }
            let _ = tokio::time::timeout_at(relay_deadline.into(), self.relay.idle()).await;
            tokio::time::sleep(LAST_BYTES_TIME).await;
        };
        tokio::select! {
            () = server.stop(true) => {}
            // Those that are left end with the process; to wait for the server once more would be to wait for them.
            () = time_is_up => drop(server.stop(false)),
            _ = asked_again => drop(server.stop(false)),
        }
        (begun + stop_time).max(Instant::now() + (stop_time - for_requests))
    }
}
