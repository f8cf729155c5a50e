//! A list that goes on by cursor on its way into a file, one page in memory at a time.

use actix_web::HttpResponse;
use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use futures_util::stream;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::export;
use crate::api::error::ApiError;
use crate::clock::UnixMicros;

/// Asks for a page, and gives its JSON.
pub(super) type Ask =
    Box<dyn Fn(Vec<(String, String)>) -> LocalBoxFuture<'static, Result<Vec<u8>, ApiError>>>;

/// A list, as it is asked for.
pub(super) struct List {
    /// Parameters of its first page.
    pub(super) parameters: Vec<(String, String)>,
    /// Most items of a page.
    pub(super) page_max: u32,
    /// Most rows of the file.
    pub(super) rows_max: u64,
    pub(super) now: UnixMicros,
}

/// The pages from the next one on.
pub(super) struct Pages {
    list: List,
    ask: Ask,
    format: export::Format,
    writer: export::Writer,
    /// The page that is written next; none behind the last one.
    page: Option<Page>,
}

#[derive(Deserialize)]
struct Page {
    items: Vec<Box<RawValue>>,
    next_cursor: Option<String>,
}

impl Pages {
    /// Asks for the first page, so that what is wrong with the question is told as ever.
    pub(super) async fn open(mut list: List, ask: Ask, format: export::Format) -> Result<Self, ApiError> {
        let is_given = |name: &str| list.parameters.iter().any(|(given, _)| given == name);
        let (has_limit, has_end) = (is_given("limit"), is_given("to"));
        if !has_limit {
            list.parameters
                .push(("limit".to_owned(), list.page_max.to_string()));
        }
        // Without an end, each page would be about another range.
        if !has_end {
            let next_s = list.now.as_millis().div_euclid(1_000) + 1;
            let to = UnixMicros::from_millis(next_s * 1_000).rfc3339();
            list.parameters.push(("to".to_owned(), to));
        }
        let mut pages = Self {
            list,
            ask,
            format,
            writer: export::Writer::new(format, false),
            page: None,
        };
        pages.page = Some(pages.next().await?);
        Ok(pages)
    }

    async fn next(&self) -> Result<Page, ApiError> {
        let text = (self.ask)(self.list.parameters.clone()).await?;
        serde_json::from_slice(&text).map_err(|error| ApiError::WarehouseFailed(error.to_string()))
    }

    /// The file. A failure on the way ends the connection before the body's end, so that nobody takes a part for the whole.
    pub(super) fn streamed(self, name: &str) -> HttpResponse {
        let mut builder = export::headed(name, self.format);
        let mut beginning = Vec::new();
        self.writer.begin(&mut beginning);
        let pieces = stream::try_unfold(Some((self, beginning)), |pages| async move {
            let Some((mut pages, mut out)) = pages else {
                return Ok(None);
            };
            let Some(page) = pages.page.take() else {
                pages.writer.end(&mut out);
                return Ok(Some((Bytes::from(out), None)));
            };
            pages.write(page, &mut out).await?;
            Ok::<_, actix_web::Error>(Some((Bytes::from(out), Some((pages, Vec::new())))))
        });
        builder.streaming(Box::pin(pieces))
    }

    /// Writes a page, and asks for the one behind it.
    async fn write(&mut self, mut page: Page, out: &mut Vec<u8>) -> Result<(), actix_web::Error> {
        let rows_max = usize::try_from(self.list.rows_max).unwrap_or(usize::MAX);
        page.items.truncate(rows_max);
        self.list.rows_max -= page.items.len() as u64;
        self.writer.rows(&page.items, out);
        if let Some(cursor) = page.next_cursor.filter(|_| self.list.rows_max > 0) {
            self.list.parameters.retain(|(name, _)| name != "cursor");
            self.list.parameters.push(("cursor".to_owned(), cursor));
            let next = self.next().await.map_err(|error| {
                tracing::warn!(?error, "a file could not be written to its end");
                actix_web::error::ErrorInternalServerError("the file is not whole")
            })?;
            self.page = Some(next);
        }
        Ok(())
    }
}
