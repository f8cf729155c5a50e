//! Compares the frames of neighbouring segments: are there too few, or too many?

use crate::wal::layout::{DATA_START, SegmentId};

use super::Finding;
use super::survey::Candidate;

/// Compares where each segment begins with where the one before it ended. `expected` is where the first
/// one should begin, if that is known.
pub(super) fn check(candidates: &mut [Candidate], mut expected: Option<u64>, findings: &mut Vec<Finding>) {
    // What lies between the last segment that holds frames and the current one, that one included.
    let mut neighbours = 0;
    for index in 0..candidates.len() {
        let (before, rest) = candidates.split_at_mut(index);
        let Some(current) = rest.first_mut() else { break };
        if current.sequences.is_empty() {
            continue;
        }
        let first = current.sequences.start;
        let segment = current.header.identity.id;
        match expected {
            Some(expected) if current.is_head_damaged => current.sequences.start = expected.min(first),
            Some(expected) if first > expected => {
                findings.push(Finding::Missing {
                    before: segment,
                    frames: first - expected,
                });
                // A seal tells that its segment is whole; the others may be the ones that lost them.
                for short in before
                    .iter_mut()
                    .skip(neighbours)
                    .filter(|one| one.frames.is_some())
                {
                    short.is_damaged = true;
                }
            }
            Some(expected) if first < expected => {
                let long = before
                    .iter_mut()
                    .skip(neighbours)
                    .find(|one| !one.sequences.is_empty());
                if let Some((segment, frames)) = long.and_then(|long| cut(long, first)) {
                    findings.push(Finding::Refused { segment, frames });
                }
            }
            _ => {}
        }
        expected = Some(current.sequences.end);
        neighbours = index;
    }
}

/// Leaves out the frames from `first` on; `None` when a seal says that they were acknowledged.
fn cut(candidate: &mut Candidate, first: u64) -> Option<(SegmentId, u64)> {
    let frames = candidate.frames.as_ref()?;
    let kept = || frames.iter().filter(|(_, frame)| frame.sequence < first);
    let left_out = frames.len() - kept().count();
    candidate.rows = kept().map(|(_, frame)| u64::from(frame.rows)).sum();
    candidate.end = kept()
        .next_back()
        .map_or(DATA_START, |(at, frame)| at + frame.padded_bytes());
    candidate.sequences.end = first.max(candidate.sequences.start);
    Some((candidate.header.identity.id, u64::try_from(left_out).ok()?))
}
