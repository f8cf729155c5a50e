//! What the engine's process writes, made into log lines of this process.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncBufReadExt};
use tokio::time::Instant;
use tracing::Level;

/// Under which name the lines stand in our log.
const TARGET: &str = "fresnel::engine::clickhouse";

/// Longest line that is passed on; the rest of it is dropped.
const LINE_MAX_BYTES: usize = 2_048;
/// Most lines that are passed on in a [`WINDOW`]; more are counted and dropped.
const LINES_MAX: u32 = 200;
/// See [`LINES_MAX`].
const WINDOW: Duration = Duration::from_secs(10);
/// Lines that are kept to explain an end.
const TAIL_MAX: usize = 8;

/// The last lines of one life, to explain its end. Shared by the task that reads the lines and the one that
/// sees the process end; held for a push or a join only.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tail(Arc<Mutex<VecDeque<String>>>);

impl Tail {
    fn push(&self, line: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == TAIL_MAX {
            lines.pop_front();
        }
        lines.push_back(line.to_owned());
    }

    /// The lines, joined; empty when there was none.
    pub(crate) fn text(&self) -> String {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().cloned().collect::<Vec<_>>().join(" | ")
    }
}

/// Reads one line of at most [`LINE_MAX_BYTES`] without its end; `None` at the end of the stream. Bytes that
/// are not UTF-8 are replaced.
async fn next_line(stream: &mut (impl AsyncBufRead + Unpin)) -> Option<String> {
    let mut line = Vec::new();
    let mut any = false;
    loop {
        // An error of the pipe is its end.
        let buffer = stream.fill_buf().await.unwrap_or_default();
        if buffer.is_empty() {
            break;
        }
        any = true;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let part = &buffer[..end.unwrap_or(buffer.len())];
        let room = LINE_MAX_BYTES - line.len();
        line.extend_from_slice(&part[..part.len().min(room)]);
        let used = end.map_or(buffer.len(), |end| end + 1);
        stream.consume(used);
        if end.is_some() {
            break;
        }
    }
    any.then(|| String::from_utf8_lossy(&line).trim_end().to_owned())
}

/// Passes the engine's lines on until its process has closed the stream. Lines that `taken` answers with
/// true are for the caller alone.
pub(crate) async fn pass_on(
    mut stream: impl AsyncBufRead + Unpin,
    tail: Tail,
    mut taken: impl FnMut(&str) -> bool,
) {
    let mut window_start = Instant::now();
    let mut lines = 0_u32;
    while let Some(line) = next_line(&mut stream).await {
        if line.is_empty() || taken(&line) {
            continue;
        }
        tail.push(&line);
        if window_start.elapsed() >= WINDOW {
            let dropped = lines.saturating_sub(LINES_MAX);
            if dropped > 0 {
                tracing::warn!(dropped, "the engine wrote more lines than are passed on");
            }
            window_start = Instant::now();
            lines = 0;
        }
        lines = lines.saturating_add(1);
        if lines <= LINES_MAX {
            log(&line);
        }
    }
}

/// ClickHouse marks each message with its level: `2026.01.31 12:00:00.000000 [ 4711 ] {} <Error> Logger: text`.
/// Its lines without a mark belong to the message before them: the steps of a stack trace.
fn log(line: &str) {
    match level(line) {
        Level::ERROR => tracing::error!(target: TARGET, "{line}"),
        Level::WARN => tracing::warn!(target: TARGET, "{line}"),
        Level::INFO => tracing::info!(target: TARGET, "{line}"),
        _ => tracing::debug!(target: TARGET, "{line}"),
    }
}

fn level(line: &str) -> Level {
    const MARKS: [(&str, Level); 5] = [
        ("<Fatal>", Level::ERROR),
        ("<Critical>", Level::ERROR),
        ("<Error>", Level::ERROR),
        ("<Warning>", Level::WARN),
        ("<Information>", Level::INFO),
    ];
    let marked = MARKS.iter().find(|(mark, _)| line.contains(mark));
    let is_step = line.starts_with([' ', '('])
        || line
            .split_once(". ")
            .is_some_and(|(n, _)| n.parse::<u32>().is_ok());
    match marked {
        Some((_, level)) => *level,
        None if is_step => Level::DEBUG,
        None => Level::INFO,
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::BufReader;

    use super::*;

    #[tokio::test]
    async fn a_line_without_an_end_takes_bounded_memory() {
        let long = [vec![b'x'; 1 << 20], b"\nnext\n".to_vec()].concat();
        let mut stream = BufReader::new(long.as_slice());
        assert_eq!(next_line(&mut stream).await.unwrap().len(), LINE_MAX_BYTES);
        assert_eq!(next_line(&mut stream).await.unwrap(), "next");
        assert_eq!(next_line(&mut stream).await, None);
    }

    #[test]
    fn a_line_has_the_level_that_clickhouse_gave_it() {
        let line = "2026.01.31 12:00:00.000000 [ 4711 ] {} <Error> void DB::Merge: Code: 243. No space left";
        assert_eq!(level(line), Level::ERROR);
        assert_eq!(level("12. start_thread @ 0x00000000000891f5"), Level::DEBUG);
        assert_eq!(level(" (version 26.7.2.1)"), Level::DEBUG);
        assert_eq!(level("Error: the ClickHouse library is missing"), Level::INFO);
    }

    #[tokio::test]
    async fn the_last_lines_are_kept() {
        let text: String = (0..100).map(|n| format!("line {n}\n\n")).collect();
        let tail = Tail::default();
        pass_on(BufReader::new(text.as_bytes()), tail.clone(), |line| {
            line == "line 97"
        })
        .await;
        assert!(tail.text().starts_with("line 91 | line 92"), "{}", tail.text());
        assert!(
            tail.text().ends_with("line 96 | line 98 | line 99"),
            "{}",
            tail.text()
        );
    }
}
