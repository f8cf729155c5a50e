//! What a case is made of.

use serde_json::Value;

use crate::harness::beacons::Kind;
use crate::harness::http::Request;
use crate::harness::server::INGEST_KEY;

/// One bad body.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) expected: Expected,
    kind: Kind,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

/// How it must be refused.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    pub(crate) statuses: Vec<u16>,
    /// Field that must stand in `details` of a 400; empty: none in particular.
    pub(crate) field: String,
    /// Codes of which the field has one; empty: any.
    pub(crate) codes: Vec<&'static str>,
}

impl Case {
    /// A 400 that names this field with one of these codes.
    pub(crate) fn new(
        name: impl Into<String>,
        kind: Kind,
        body: impl Into<Vec<u8>>,
        field: &str,
        codes: &[&'static str],
    ) -> Self {
        Self {
            name: name.into(),
            kind,
            headers: vec![("content-type", "application/json".to_owned())],
            body: body.into(),
            expected: Expected {
                statuses: vec![400],
                field: field.to_owned(),
                codes: codes.to_vec(),
            },
        }
    }

    /// A body that gets one of these statuses, for what it is on the wire.
    pub(crate) fn wire(name: &str, body: impl Into<Vec<u8>>, statuses: &[u16]) -> Self {
        let mut case = Self::new(name, Kind::Event, body, "", &[]);
        case.expected.statuses = statuses.to_vec();
        case
    }

    /// A sample of the kind in which the value at `path` (keys with dots between) was replaced or, by `None`, left out.
    pub(crate) fn changed(
        name: &str,
        kind: Kind,
        path: &str,
        value: Option<Value>,
        codes: &[&'static str],
    ) -> Self {
        let mut beacon = kind.sample();
        let (object, key) = match path.rsplit_once('.') {
            Some((parents, key)) => {
                let object = parents
                    .split('.')
                    .fold(&mut beacon, |object, key| &mut object[key]);
                (object, key)
            }
            None => (&mut beacon, path),
        };
        let object = object.as_object_mut().expect("an object");
        match value {
            Some(value) => object.insert(key.to_owned(), value),
            None => object.remove(key),
        };
        Self::new(
            format!("{kind:?}: {path} {name}"),
            kind,
            beacon.to_string(),
            path,
            codes,
        )
    }

    /// Adds or replaces a header.
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.push((name, value.to_owned()));
        self
    }

    /// The request.
    pub(crate) fn request(&self) -> Request {
        let request = Request::post(self.kind.path(), self.body.clone()).header("x-api-key", INGEST_KEY);
        self.headers
            .iter()
            .fold(request, |request, (name, value)| request.header(name, value))
    }
}
