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
    /// As it comes. An error ends the call.
    Coming {
        /// What is to be sent.
        pieces: mpsc::Receiver<Result<Bytes, std::io::Error>>,
        /// How many bytes are still to come, where that is known.
        bytes_left: Option<u64>,
    },
}

impl OutgoingBody {
    /// One that is what is sent to the other end, of so many bytes if that is known. It ends when that end is dropped.
    #[must_use]
    pub fn coming(bytes: Option<u64>) -> (mpsc::Sender<Result<Bytes, std::io::Error>>, Self) {
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
                let piece = std::task::ready!(pieces.poll_recv(context));
                if let (Some(left), Some(Ok(piece))) = (bytes_left, &piece) {
                    *left = left.saturating_sub(piece.len() as u64);
                }
                Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
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
