//! Bodies of requests: whole, or as they come from somewhere else.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;

/// Pieces that wait to be sent.
const PIECES_MAX: usize = 4;

/// See the file's comment.
#[derive(Debug)]
pub enum OutgoingBody {
    /// All of it; empty when it was sent.
    Whole(Bytes),
    /// As it comes. If the other end is dropped before it said that this is all, the call ends with an error: what is cut off must not look
    /// whole to whom it is sent to.
    Coming {
        /// What is to be sent.
        pieces: mpsc::Receiver<Piece>,
        /// How many bytes are still to come, where that is known.
        bytes_left: Option<u64>,
    },
}

/// A part of a body that comes.
#[derive(Debug)]
pub enum Piece {
    /// Some of it.
    Data(Bytes),
    /// That was all.
    End,
}

impl OutgoingBody {
    /// One that is what is sent to the other end, of so many bytes if that is known.
    #[must_use]
    pub fn coming(bytes: Option<u64>) -> (mpsc::Sender<Piece>, Self) {
        let (sender, pieces) = mpsc::channel(PIECES_MAX);
        let body = Self::Coming {
            pieces,
            bytes_left: bytes,
        };
        (sender, body)
    }
}

impl Body for OutgoingBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        match self.get_mut() {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Coming { pieces, bytes_left } => {
                Poll::Ready(match std::task::ready!(pieces.poll_recv(context)) {
                    Some(Piece::Data(bytes)) => {
                        if let Some(left) = bytes_left {
                            *left = left.saturating_sub(bytes.len() as u64);
                        }
                        Some(Ok(Frame::data(bytes)))
                    }
                    Some(Piece::End) => None,
                    None => Some(Err(std::io::ErrorKind::UnexpectedEof.into())),
                })
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Coming { bytes_left, .. } => *bytes_left == Some(0),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Coming { bytes_left, .. } => {
                bytes_left.map_or_else(SizeHint::default, SizeHint::with_exact)
            }
        }
    }
}
