//! Calls that go together in one: put together, and their answers taken apart.
//!
//! Elements of lists stay the text that they were: no number loses a digit on the way.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::HeaderMap;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::domain::integration::BatchedPath;

/// A JSON object whose members are not looked into.
type Object = BTreeMap<String, Box<RawValue>>;

/// Headers that may differ between calls that go together: they say who asks, not for what.
const OF_ONE_CALL: [&str; 5] = [
    "traceparent",
    "tracestate",
    "baggage",
    "user-agent",
    "x-request-id",
];

/// Calls with the same key may go together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct BatchKey {
    integration: Uuid,
    sum: [u8; 32],
}

/// What one call asks for.
#[derive(Debug)]
pub(super) struct Asked {
    /// What else its body says.
    rest: Object,
    items: Vec<Box<RawValue>>,
}

impl Asked {
    /// Reads a call's body; none: it is not one that goes together with others.
    pub(super) fn read(batched: &BatchedPath, body: &[u8]) -> Option<Self> {
        let mut rest: Object = serde_json::from_slice(body).ok()?;
        let items = rest.remove(&batched.items)?;
        let items: Vec<Box<RawValue>> = match items.get().as_bytes().first()? {
            b'[' => serde_json::from_str(items.get()).ok()?,
            // Where a list may stand vendors take a single thing, too.
            _ => vec![items],
        };
        // A list of numbers is one thing (a text that was cut into tokens), and not many.
        let are_things = items
            .iter()
            .all(|item| matches!(item.get().as_bytes().first(), Some(b'"' | b'{' | b'[')));
        are_things.then_some(Self { rest, items })
    }

    /// How many things it asks for.
    pub(super) const fn len(&self) -> usize {
        self.items.len()
    }

    /// Under what it may go together with others.
    pub(super) fn key(&self, integration: Uuid, path: &str, query: &str, headers: &HeaderMap) -> BatchKey {
        let mut sum = Sha256::new();
        let mut add = |part: &[u8]| {
            sum.update(part.len().to_le_bytes());
            sum.update(part);
        };
        add(path.as_bytes());
        add(query.as_bytes());
        for (name, value) in &self.rest {
            add(name.as_bytes());
            add(value.get().as_bytes());
        }
        let mut headers: Vec<_> = headers
            .iter()
            .filter(|(name, _)| !OF_ONE_CALL.contains(&name.as_str()))
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect();
        headers.sort_unstable();
        for (name, value) in headers {
            add(name.as_bytes());
            add(value);
        }
        BatchKey {
            integration,
            sum: sum.finalize().into(),
        }
    }
}

/// The body of one call that asks for what all of these ask for; none for none.
pub(super) fn together<'a>(
    batched: &BatchedPath,
    mut asked: impl Iterator<Item = &'a Asked>,
) -> Option<Bytes> {
    let first = asked.next()?;
    let mut items: Vec<&RawValue> = first.items.iter().map(|item| &**item).collect();
    items.extend(asked.flat_map(|asked| asked.items.iter().map(|item| &**item)));
    let items = serde_json::value::to_raw_value(&items).ok()?;
    let mut body: BTreeMap<&str, &RawValue> = first
        .rest
        .iter()
        .map(|(name, value)| (name.as_str(), &**value))
        .collect();
    body.insert(&batched.items, &items);
    serde_json::to_vec(&body).ok().map(Bytes::from)
}

/// Takes an answer apart: to calls that asked for so many things each. What else it says, each is told. None: it is no such answer.
pub(super) fn apart(batched: &BatchedPath, answer: &[u8], lens: &[usize]) -> Option<Vec<Bytes>> {
    let mut rest: Object = serde_json::from_slice(answer).ok()?;
    let answers = rest.remove(&batched.answers)?;
    let answers: Vec<Box<RawValue>> = serde_json::from_str(answers.get()).ok()?;
    let len: usize = lens.iter().sum();
    if answers.len() != len {
        return None;
    }
    let mut answers = match &batched.place {
        Some(place) => in_place(answers, place)?,
        None => answers,
    }
    .into_iter();
    lens.iter()
        .map(|len| {
            let mut own = Vec::with_capacity(*len);
            for (number, answer) in answers.by_ref().take(*len).enumerate() {
                own.push(match &batched.place {
                    Some(place) => with_place(&answer, place, number)?,
                    None => answer,
                });
            }
            let own = serde_json::value::to_raw_value(&own).ok()?;
            rest.insert(batched.answers.clone(), own);
            serde_json::to_vec(&rest).ok().map(Bytes::from)
        })
        .collect()
}

/// The answers in the order that they tell of themselves; none: two tell the same, or one none.
fn in_place(answers: Vec<Box<RawValue>>, place: &str) -> Option<Vec<Box<RawValue>>> {
    let mut placed: Vec<Option<Box<RawValue>>> = (0..answers.len()).map(|_| None).collect();
    for answer in answers {
        let members: BTreeMap<&str, &RawValue> = serde_json::from_str(answer.get()).ok()?;
        let number: usize = members.get(place)?.get().parse().ok()?;
        let free = placed.get_mut(number).filter(|placed| placed.is_none())?;
        *free = Some(answer);
    }
    placed.into_iter().collect()
}

fn with_place(answer: &RawValue, place: &str, number: usize) -> Option<Box<RawValue>> {
    let mut members: Object = serde_json::from_str(answer.get()).ok()?;
    members.insert(place.to_owned(), serde_json::value::to_raw_value(&number).ok()?);
    serde_json::value::to_raw_value(&members).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn batched(place: Option<&str>) -> BatchedPath {
        BatchedPath {
            path: "/p".into(),
            items: "input".into(),
            answers: "data".into(),
            place: place.map(str::to_owned),
        }
    }

    fn asked(body: &str) -> Asked {
        Asked::read(&batched(None), body.as_bytes()).unwrap()
    }

    #[test]
    fn only_calls_that_differ_in_nothing_but_what_they_ask_for_go_together() {
        let key = |body: &str, path: &str, headers: &[(&'static str, &'static str)]| {
            let headers = headers
                .iter()
                .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
                .collect();
            asked(body).key(Uuid::from_u128(1), path, "", &headers)
        };
        let one = key(r#"{"input": "a", "model": "m"}"#, "/p", &[("accept", "x")]);
        let same = key(
            r#"{"model":"m","input":["b",{}]}"#,
            "/p",
            &[("traceparent", "t"), ("accept", "x")],
        );
        assert_eq!(one, same);
        for other in [
            key(r#"{"input": "a", "model": "n"}"#, "/p", &[("accept", "x")]),
            key(
                r#"{"input": "a", "model": "m", "user": "u"}"#,
                "/p",
                &[("accept", "x")],
            ),
            key(r#"{"input": "a", "model": "m"}"#, "/q", &[("accept", "x")]),
            key(r#"{"input": "a", "model": "m"}"#, "/p", &[("accept", "y")]),
        ] {
            assert_ne!(one, other);
        }
        for body in [
            "",
            "[]",
            "5",
            r#"{"model": "m"}"#,
            r#"{"input": [1, 2]}"#,
            r#"{"input": null}"#,
        ] {
            assert!(Asked::read(&batched(None), body.as_bytes()).is_none(), "{body}");
        }
    }

    #[test]
    fn an_answer_that_does_not_fit_is_not_taken_apart() {
        let lens = [1, 1];
        for (place, answer) in [
            (None, "no json"),
            (None, r#"{"data": [1]}"#),
            (None, r#"{"data": [1, 2, 3]}"#),
            (None, r#"{"data": {}}"#),
            (Some("n"), r#"{"data": [{"n": 0}, {"n": 0}]}"#),
            (Some("n"), r#"{"data": [{"n": 0}, {"n": 2}]}"#),
            (Some("n"), r#"{"data": [{"n": 0}, {}]}"#),
        ] {
            assert_eq!(apart(&batched(place), answer.as_bytes(), &lens), None, "{answer}");
        }
    }

    proptest! {
        #[test]
        fn each_call_is_given_the_answers_to_what_it_asked_for(
            calls in prop::collection::vec(prop::collection::vec("[a-z\\\\\"{]{0,5}", 0..4), 1..6), has_place in any::<bool>(),
            turn in any::<usize>(),
        ) {
            let batched = batched(has_place.then_some("place"));
            let read: Vec<Asked> = calls
                .iter()
                .map(|items| asked(&serde_json::json!({ "input": items, "model": "m" }).to_string()))
                .collect();
            let body = together(&batched, read.iter()).unwrap();
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            prop_assert_eq!(&body["model"], "m");
            // The vendor answers each thing with itself; where answers tell their place, in any order.
            let mut answers: Vec<_> = body["input"]
                .as_array()
                .unwrap()
                .iter()
                .enumerate()
                .map(|(place, item)| serde_json::json!({ "of": item, "place": place }))
                .collect();
            if has_place && !answers.is_empty() {
                let middle = turn % answers.len();
                answers.rotate_left(middle);
            }
            let answer = serde_json::json!({ "data": answers, "usage": { "total": 1.5 } }).to_string();
            let lens: Vec<usize> = read.iter().map(Asked::len).collect();
            let apart = apart(&batched, answer.as_bytes(), &lens).unwrap();
            prop_assert_eq!(apart.len(), calls.len());
            for (own, items) in apart.iter().zip(&calls) {
                let own: serde_json::Value = serde_json::from_slice(own).unwrap();
                prop_assert_eq!(&own["usage"]["total"], &serde_json::json!(1.5));
                let own = own["data"].as_array().unwrap();
                prop_assert_eq!(own.len(), items.len());
                for (number, (own, item)) in own.iter().zip(items).enumerate() {
                    prop_assert_eq!(&own["of"], &serde_json::json!(item));
                    if has_place {
                        prop_assert_eq!(&own["place"], &serde_json::json!(number));
                    }
                }
            }
        }
    }
}
