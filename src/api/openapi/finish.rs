//! What all addresses share, added to what each says of itself.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;

use super::failures::{Traits, add, failures as failures_of};

/// The whole description.
pub(super) fn finished(described: OpenApi) -> Value {
    let mut document = serde_json::to_value(described).unwrap_or_default();
    document["info"]["version"] = env!("CARGO_PKG_VERSION").into();
    document["info"]["license"] = json!({"name": env!("CARGO_PKG_LICENSE")});
    document["servers"] = json!([{"url": "/"}]);
    document["components"]["securitySchemes"] = json!({
        "bearer": {"type": "http", "scheme": "bearer", "description": "A key, or the admin token"},
        "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        "key_in_address": {"type": "apiKey", "in": "query", "name": "key",
            "description": "For `navigator.sendBeacon`, which sets no headers"},
        "session": {"type": "apiKey", "in": "cookie", "name": "__Host-fresnel_session",
            "description": "Set by `POST /api/session`; over plain http its name is `fresnel_session`"},
        "csrf": {"type": "apiKey", "in": "header", "name": "X-Fresnel-CSRF",
            "description": "Any value: what a session changes needs it, or an `Origin` that is this host"},
    });
    let mut parts = BTreeSet::new();
    for (_, schema) in members(&mut document["components"]["schemas"]) {
        mend_flattened(schema);
        open_parts(schema, &mut parts);
    }
    for name in parts {
        open(&mut document["components"]["schemas"][name]);
    }
    let mut failures = Failures::default();
    for (path, item) in members(&mut document["paths"]) {
        for (method, operation) in members(item) {
            finish(path, method, operation, &mut failures);
        }
    }
    let failures = failures.0.into_iter();
    document["components"]["responses"] = failures.map(|(_, name, response)| (name, response)).collect();
    document
}

/// Failures, each once: many addresses share them. Status and codes, name, and what is said.
#[derive(Default)]
struct Failures(Vec<((u16, Vec<String>), String, Value)>);

impl Failures {
    fn reference(&mut self, status: u16, codes: Vec<String>) -> Value {
        let wanted = (status, codes);
        let known = self.0.iter().find(|(known, ..)| *known == wanted);
        let name = known.map(|(_, name, _)| name.clone()).unwrap_or_else(|| {
            let same_status = self.0.iter().filter(|((other, _), ..)| *other == status);
            let name = format!("Error{status}_{}", same_status.count() + 1);
            let response = failure(status, &wanted.1);
            self.0.push((wanted, name.clone(), response));
            name
        });
        json!({"$ref": format!("#/components/responses/{name}")})
    }
}

fn members(value: &mut Value) -> impl Iterator<Item = (&str, &mut Value)> {
    let members = value.as_object_mut().into_iter().flat_map(Map::iter_mut);
    members.map(|(name, value)| (name.as_str(), value))
}

fn finish(path: &str, method: &str, operation: &mut Value, failures: &mut Failures) {
    operation["operationId"] = operation_id(path, method).into();
    let tag = operation["tags"][0].as_str().unwrap_or_default().to_owned();
    let is_free = operation.get("security").is_some();
    let parameters = operation["parameters"].as_array_mut();
    let (mut has_parameters, mut has_files) = (false, false);
    for parameter in parameters.into_iter().flatten() {
        let is_in_query = parameter["in"] == "query";
        // A query string knows no null: what is optional is left out.
        if is_in_query {
            without_null(&mut parameter["schema"]);
            has_parameters |= parameter["name"] != "project";
            has_files |= parameter["name"] == "format";
        }
    }
    if operation["parameters"].is_null() {
        operation["parameters"] = json!([]);
    }
    let of = Traits {
        tag: &tag,
        changes: method != "get",
        has_body: operation.get("requestBody").is_some(),
        has_parameters,
        asks_who: !is_free,
    };
    let mut codes = failures_of(of);
    let is_enveloped = !matches!(tag.as_str(), "documents") && !path.ends_with('z') && path != "/metrics";
    let responses = &mut operation["responses"];
    // What is kept says so, and whoever has it already is told.
    let meta = if responses.get("304").is_some() {
        "#/components/schemas/KeptMeta"
    } else {
        "#/components/schemas/Meta"
    };
    for (status, response) in members(responses) {
        let status: u16 = status.parse().unwrap_or_default();
        if status >= 400 && response.get("content").is_none() {
            add(&mut codes, status, named_codes(response["description"].as_str()));
            continue;
        }
        if response["description"].as_str().is_none_or(str::is_empty) {
            response["description"] = success_words(status).into();
        }
        // What is no JSON has no envelope.
        if response.pointer("/content/application~1json").is_none() {
            continue;
        }
        let schema = &mut response["content"]["application/json"]["schema"];
        if is_enveloped {
            *schema = envelope_of(schema.take(), meta);
        }
        if has_files {
            // With `format`, the list alone.
            *schema = json!({"anyOf": [schema.take(), {"type": "array", "items": {"type": "object"}}]});
            response["content"]["text/csv"] = json!({"schema": {"type": "string"}});
            response["content"]["application/x-ndjson"] = json!({"schema": {"type": "string"}});
        }
    }
    for (status, codes) in codes {
        responses[status.to_string()] = failures.reference(status, codes);
    }
    // The server itself answers so, before the request is looked at.
    responses["431"] = json!({"description": "the head of the request is too large; without a body"});
    if !is_free {
        operation["security"] = security(&tag, method);
    } else {
        operation["security"] = json!([]);
    }
}

/// `GET /api/keys/{id}` is `get_keys_id`.
fn operation_id(path: &str, method: &str) -> String {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let parts = path.split(|letter| !is_part(letter));
    let parts = parts.filter(|part| !part.is_empty() && *part != "api");
    std::iter::once(method).chain(parts).collect::<Vec<_>>().join("_")
}

/// A part that may be missing and whose members stand among those of the whole is no `null` when it is missing: the
/// members are not there.
fn mend_flattened(schema: &mut Value) {
    let parts = schema.get_mut("allOf").and_then(Value::as_array_mut);
    for part in parts.into_iter().flatten() {
        let Some(mut choices) = part.get_mut("oneOf").map(Value::take) else {
            continue;
        };
        let nulls = choices.as_array_mut().into_iter().flatten();
        nulls
            .filter(|choice| choice["type"] == "null")
            .for_each(|choice| *choice = json!({"type": "object"}));
        *part = json!({"anyOf": choices});
    }
}

/// A part of `allOf` that allows no further members would refuse those of the other parts. Opens the parts that stand in a
/// schema, and notes the names of those that stand elsewhere.
fn open_parts(schema: &mut Value, names: &mut BTreeSet<String>) {
    if let Some(parts) = schema.get_mut("allOf").and_then(Value::as_array_mut) {
        for part in parts {
            open(part);
            let name = part["$ref"].as_str().and_then(|place| place.rsplit('/').next());
            names.extend(name.map(str::to_owned));
        }
    }
    match schema {
        Value::Object(members) => members.values_mut().for_each(|inner| open_parts(inner, names)),
        Value::Array(items) => items.iter_mut().for_each(|inner| open_parts(inner, names)),
        _ => {}
    }
}

/// Lets a schema have further members.
fn open(schema: &mut Value) {
    if let Some(members) = schema.as_object_mut() {
        members.retain(|name, value| !(name == "additionalProperties" && *value == false));
    }
}

fn without_null(schema: &mut Value) {
    if let Some(types) = schema.get_mut("type").and_then(Value::as_array_mut) {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            schema["type"] = only.clone();
        }
    }
    if let Some(choices) = schema.get_mut("oneOf").and_then(Value::as_array_mut) {
        choices.retain(|choice| choice["type"] != "null");
        if let [only] = choices.as_slice() {
            *schema = only.clone();
        }
    }
}

/// Names of codes, which stand between backticks.
fn named_codes(words: Option<&str>) -> Vec<String> {
    let words = words.unwrap_or_default().split('`').skip(1).step_by(2);
    words.map(str::to_owned).collect()
}

const fn success_words(status: u16) -> &'static str {
    match status {
        201 => "What was made",
        202 => "On disk",
        _ => "The answer",
    }
}

fn envelope_of(data: Value, meta: &str) -> Value {
    json!({
        "type": "object",
        "required": ["success", "data", "meta"],
        "properties": {
            "success": {"type": "boolean", "const": true},
            "data": data,
            "meta": {"$ref": meta},
        },
    })
}

fn failure(status: u16, codes: &[String]) -> Value {
    let schema = json!({
        "allOf": [
            {"$ref": "#/components/schemas/Error"},
            {"type": "object", "properties": {"code": {"enum": codes}}},
        ],
    });
    let mut response = json!({
        "description": format!("{}: {}", words(status), codes.join(", ")),
        "content": {"application/json": {"schema": schema, "example": {
            "success": false,
            "error": words(status),
            "code": codes.first(),
            "meta": {
                "error_id": "019ab3a0-7c1e-7d10-9c3f-3a1b2c4d5e6f",
                "timestamp": "2026-11-22T09:41:12.5Z",
                "retry_suggested": matches!(status, 408 | 429 | 503 | 504),
            },
        }}},
    });
    if matches!(status, 429 | 503) {
        response["headers"] = json!({"Retry-After": {
            "description": "Seconds after which to come again",
            "schema": {"type": "integer", "minimum": 0},
        }});
    }
    response
}

const fn words(status: u16) -> &'static str {
    match status {
        400 => "the request is wrong",
        401 => "who asks is not known",
        403 => "who asks may not do this",
        404 => "there is no such thing, or none that one may see",
        408 => "the body did not arrive in time",
        409 => "in conflict with what is there",
        413 => "too large",
        415 => "the media type or encoding is not taken",
        422 => "fields are missing or wrong",
        429 => "too often",
        500 => "it failed; the log says why",
        503 => "not now",
        504 => "it took too long",
        _ => "refused",
    }
}

fn security(tag: &str, method: &str) -> Value {
    let session = if method == "get" {
        json!({"session": []})
    } else {
        json!({"session": [], "csrf": []})
    };
    match tag {
        // Without a key, pages of allowed origins post where that is allowed.
        "beacons" => json!([{"key": []}, {"bearer": []}, {"key_in_address": []}, {}]),
        "sessions" => json!([session]),
        "operations" => json!([{}, {"bearer": []}]),
        _ => json!([{"bearer": []}, {"key": []}, session]),
    }
}
