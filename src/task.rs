//! Named, supervised background tasks: the only place that spawns.

use std::future::Future;

use tokio::task::JoinHandle;

/// Starts a background task on the current runtime. Its end is logged with its name, and a panic in it
/// is logged as an error instead of vanishing with the handle.
pub fn spawn<F>(name: &'static str, work: F) -> JoinHandle<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    #[expect(clippy::disallowed_methods, reason = "this is the one door to spawning")]
    let inner = tokio::spawn(work);
    #[expect(clippy::disallowed_methods, reason = "this is the one door to spawning")]
    tokio::spawn(watch(name, inner))
}

/// The same for work that stays on the calling thread, which must run a `LocalSet`, as each actix worker
/// does. It ends with that `LocalSet` at the latest.
///
/// # Panics
/// Outside of a `LocalSet`.
pub fn spawn_local<F>(name: &'static str, work: F) -> JoinHandle<()>
where
    F: Future<Output = ()> + 'static,
{
    let inner = tokio::task::spawn_local(work);
    tokio::task::spawn_local(watch(name, inner))
}

/// Starts a thread that does local work for as long as the process lives, with a runtime and a `LocalSet` of its own. Its
/// end is logged.
///
/// # Errors
/// The system gives no thread, or no runtime.
pub fn thread<W, F>(name: &'static str, work: W) -> std::io::Result<()>
where
    W: FnOnce() -> F + Send + 'static,
    F: Future<Output = ()> + 'static,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let _detached = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        let local = tokio::task::LocalSet::new();
        let outcome = local.block_on(&runtime, async { spawn_local(name, work()).await });
        if let Err(error) = outcome {
            tracing::error!(task = name, %error, "a thread's work ended");
        }
    })?;
    Ok(())
}

/// Logs how a task ended.
async fn watch(name: &'static str, inner: JoinHandle<()>) {
    let abort_inner = AbortOnDrop(inner.abort_handle());
    match inner.await {
        Ok(()) => tracing::debug!(task = name, "task ended"),
        Err(error) if error.is_cancelled() => tracing::debug!(task = name, "task cancelled"),
        Err(error) => tracing::error!(task = name, %error, "task panicked"),
    }
    drop(abort_inner);
}

/// Runs blocking work off the async threads.
///
/// # Errors
/// The work panicked.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, tokio::task::JoinError> {
    tokio::task::spawn_blocking(work).await
}

/// Aborting the supervisor must abort the work that it watches.
struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
