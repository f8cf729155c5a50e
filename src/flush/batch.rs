//! The rows of one table in one segment: what one insert sends, and what it is cut into when the warehouse
//! refuses a row of it.

use std::collections::HashSet;

use bytes::{Bytes, BytesMut};
use uuid::Uuid;

use crate::domain::row_head::EVENT_ID_BYTES;
pub(super) use crate::domain::row_head::event_id;
use crate::wal::TableRows;

/// Rows that are inserted together under one token. Cutting copies no rows.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub(super) table: String,
    pub(super) columns: Vec<String>,
    /// Token of the rows that this batch was cut from, or of itself.
    base_token: String,
    /// Place of the first row among those rows; `None` when it holds them all.
    first: Option<usize>,
    payload: Vec<Bytes>,
    row_bytes: Vec<u32>,
    /// Its rows are sums of the ledger, not events.
    pub(super) is_sums: bool,
}

impl Batch {
    /// All rows of a table in a segment.
    pub(super) fn new(token: String, rows: TableRows) -> Self {
        Self {
            table: rows.table,
            columns: rows.columns,
            base_token: token,
            first: None,
            payload: rows.payload,
            row_bytes: rows.row_bytes,
            is_sums: false,
        }
    }

    /// A segment's rows of the ledger.
    pub(super) fn of_sums(token: String, rows: TableRows) -> Self {
        Self {
            is_sums: true,
            ..Self::new(token, rows)
        }
    }

    /// The token under which these rows, and no others, are inserted.
    pub(super) fn token(&self) -> String {
        match self.first {
            None => self.base_token.clone(),
            Some(first) => {
                let last = first + self.row_bytes.len().saturating_sub(1);
                format!("{}:{first}-{last}", self.base_token)
            }
        }
    }

    /// The token that one of these rows has when it is alone.
    pub(super) fn token_of_row(&self, index: usize) -> String {
        let place = self.first.unwrap_or(0) + index;
        format!("{}:{place}-{place}", self.base_token)
    }

    pub(super) fn rows(&self) -> usize {
        self.row_bytes.len()
    }

    pub(super) fn payload(&self) -> &[Bytes] {
        &self.payload
    }

    /// Two halves with tokens of their own; the same halves whenever the same rows are cut.
    pub(super) fn halves(&self) -> [Self; 2] {
        let middle = self.row_bytes.len() / 2;
        let bytes: usize = self.row_bytes[..middle].iter().map(|bytes| *bytes as usize).sum();
        let (mut left, mut right) = (Vec::new(), Vec::new());
        let mut rest = bytes;
        for chunk in &self.payload {
            let cut = rest.min(chunk.len());
            if cut > 0 {
                left.push(chunk.slice(..cut));
            }
            if cut < chunk.len() {
                right.push(chunk.slice(cut..));
            }
            rest -= cut;
        }
        let first = self.first.unwrap_or(0);
        [
            self.part(first, left, self.row_bytes[..middle].to_vec()),
            self.part(first + middle, right, self.row_bytes[middle..].to_vec()),
        ]
    }

    fn part(&self, first: usize, payload: Vec<Bytes>, row_bytes: Vec<u32>) -> Self {
        Self {
            table: self.table.clone(),
            columns: self.columns.clone(),
            base_token: self.base_token.clone(),
            first: Some(first),
            payload,
            row_bytes,
            is_sums: self.is_sums,
        }
    }

    /// The rows, one by one.
    pub(super) fn each_row(&self) -> impl Iterator<Item = Bytes> {
        let mut chunks = self.payload.iter().cloned();
        let mut chunk = Bytes::new();
        self.row_bytes.iter().map(move |bytes| {
            let mut missing = *bytes as usize;
            if chunk.len() >= missing {
                return chunk.split_to(missing);
            }
            // The log cuts between rows, so this is for empty remainders; it holds for any cut.
            let mut row = BytesMut::with_capacity(missing);
            while missing > 0 {
                if chunk.is_empty() {
                    match chunks.next() {
                        Some(next) => chunk = next,
                        None => break,
                    }
                }
                let piece = chunk.split_to(missing.min(chunk.len()));
                missing -= piece.len();
                if row.is_empty() && missing == 0 {
                    return piece;
                }
                row.extend_from_slice(&piece);
            }
            row.freeze()
        })
    }

    /// The rows whose ids are not among these; under a token of their own, as other rows are.
    pub(super) fn without(&self, stored: &HashSet<Uuid>) -> Self {
        let mut payload: Vec<Bytes> = Vec::new();
        let mut row_bytes = Vec::new();
        let mut fingerprint = 0;
        for row in self.each_row() {
            let id = event_id(&row);
            if id.is_some_and(|id| stored.contains(&id)) {
                continue;
            }
            fingerprint = crc32c::crc32c_append(fingerprint, &row[..row.len().min(EVENT_ID_BYTES)]);
            row_bytes.push(u32::try_from(row.len()).unwrap_or(u32::MAX));
            payload.push(row);
        }
        Self {
            table: self.table.clone(),
            columns: self.columns.clone(),
            base_token: format!("{}:rest-{fingerprint:08x}", self.token()),
            first: None,
            payload,
            row_bytes,
            is_sums: self.is_sums,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(id: Uuid, filler: usize) -> Vec<u8> {
        let (high, low) = id.as_u64_pair();
        let mut row = high.to_le_bytes().to_vec();
        row.extend_from_slice(&low.to_le_bytes());
        row.extend(std::iter::repeat_n(7, filler));
        row
    }

    fn batch(rows: &[Vec<u8>], chunk_bytes: usize) -> Batch {
        let all: Vec<u8> = rows.concat();
        Batch::new(
            "node:1:t".to_owned(),
            TableRows {
                table: "t".to_owned(),
                columns: vec!["event_id".to_owned()],
                payload: all.chunks(chunk_bytes).map(Bytes::copy_from_slice).collect(),
                row_bytes: rows.iter().map(|row| row.len() as u32).collect(),
            },
        )
    }

    fn rows_of(batch: &Batch) -> Vec<Vec<u8>> {
        batch.each_row().map(|row| row.to_vec()).collect()
    }

    proptest! {
        #[test]
        fn halves_hold_all_rows_in_order_under_tokens_of_their_own(
            fillers in prop::collection::vec(0_usize..50, 2..60),
            chunk_bytes in 1_usize..200,
        ) {
            let rows: Vec<_> = fillers.iter().map(|filler| row(Uuid::now_v7(), *filler)).collect();
            let whole = batch(&rows, chunk_bytes);
            prop_assert_eq!(&rows_of(&whole), &rows);
            let mut queue = vec![whole];
            let mut singles = Vec::new();
            while let Some(next) = queue.pop() {
                prop_assert_eq!(next.payload().concat(), rows_of(&next).concat());
                if next.rows() == 1 {
                    singles.push((next.token(), rows_of(&next)));
                } else {
                    queue.extend(next.halves());
                }
            }
            singles.reverse();
            for (index, (token, found)) in singles.iter().enumerate() {
                prop_assert_eq!(token, &format!("node:1:t:{index}-{index}"));
                prop_assert_eq!(found, &vec![rows[index].clone()]);
            }
        }
    }

    #[test]
    fn rows_that_are_stored_are_left_out_and_the_rest_has_another_token() {
        let ids: Vec<_> = (0..5).map(|_| Uuid::now_v7()).collect();
        let rows: Vec<_> = ids.iter().map(|id| row(*id, 3)).collect();
        let whole = batch(&rows, 11);
        let rest = whole.without(&HashSet::from([ids[0], ids[3]]));
        assert_eq!(
            rows_of(&rest),
            [rows[1].clone(), rows[2].clone(), rows[4].clone()]
        );
        assert_ne!(rest.token(), whole.token());
        assert_eq!(
            rest.token(),
            whole.without(&HashSet::from([ids[0], ids[3]])).token()
        );
        assert_ne!(rest.token(), whole.without(&HashSet::from([ids[0]])).token());
        assert_eq!(whole.without(&ids.iter().copied().collect()).rows(), 0);
    }
}
