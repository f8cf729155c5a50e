//! Many beacons in one body: `{sent_at?, items: [{kind, …}]}`.
//!
//! Items stand on their own: what is valid is kept, and what is not is named by its place.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::Rejection;
use super::dedup::{Reservation, Seen};
use super::validate::{self, Arrival, Rules};
use crate::domain::beacon::{Beacon, Id, Kind};
use crate::domain::field_error::{FieldError, FieldFault};
use crate::domain::json::{Members, Value};
use crate::domain::ledger::{DropReason, ItemKind};
use crate::quota::{Class, Decision};

/// Most items of a batch.
pub const ITEMS_MAX: usize = 500;
/// Most items of one kind that a client may report as lost at a time.
const CLIENT_LOST_MAX: u32 = 1_000_000;
/// Most faults that the answer to a batch names.
const FAULTS_MAX: usize = 1_000;

/// A batch that has been looked at.
#[derive(Debug, Default)]
pub(super) struct Batch<'a> {
    /// The valid items.
    pub(super) beacons: Vec<Item<'a>>,
    /// The others, in their order.
    pub(super) refused: Vec<RefusedItem>,
    /// Items that the client says it had to throw away.
    pub(super) client_lost: Vec<(ItemKind, u32)>,
}

/// A valid item.
#[derive(Debug)]
pub(super) struct Item<'a> {
    /// Place in `items`, from 0.
    pub(super) index: usize,
    pub(super) kind: Kind,
    pub(super) beacon: Beacon<'a>,
}

/// Items that take from the same quota.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) kind: Kind,
    /// The user whom they name.
    pub(super) user_id: Option<String>,
    /// How many they are.
    pub(super) items: usize,
}

impl Group {
    fn has(&self, item: &Item<'_>) -> bool {
        item.kind == self.kind && item.user_id() == self.user_id.as_deref()
    }
}

impl Item<'_> {
    fn user_id(&self) -> Option<&str> {
        self.beacon.common.user_id.as_ref().map(Id::as_str)
    }
}

impl Batch<'_> {
    /// The valid items by kind and user, in the order of the first of each.
    pub(super) fn groups(&self) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        let mut places: HashMap<(Kind, Option<&str>), usize> = HashMap::new();
        for item in &self.beacons {
            let place = *places.entry((item.kind, item.user_id())).or_insert(groups.len());
            match groups.get_mut(place) {
                Some(group) => group.items += 1,
                None => groups.push(Group {
                    kind: item.kind,
                    user_id: item.user_id().map(str::to_owned),
                    items: 1,
                }),
            }
        }
        groups
    }

    /// Takes out all valid items, and returns their kinds.
    pub(super) fn take_all(&mut self) -> Vec<Kind> {
        self.beacons.drain(..).map(|item| item.kind).collect()
    }

    /// What the client has lost, to be counted once: not while the batch is refused, for it will come again, nor when
    /// all that it holds came before.
    pub(super) fn take_client_lost(&mut self, robots: &[Kind]) -> Vec<(ItemKind, u32)> {
        if self.beacons.is_empty() && robots.is_empty() {
            return Vec::new();
        }
        std::mem::take(&mut self.client_lost)
    }

    /// Takes out the valid items that are stored already, and returns their kinds; and the reservations of the others'
    /// ids, by their places. An id that stands twice in a batch is stored once. One that another request is storing
    /// is refused: nobody knows yet whether it will be durable.
    pub(super) fn without_repeated(
        &mut self,
        mut seen: impl FnMut(&Beacon<'_>) -> Option<Seen>,
    ) -> (Vec<Kind>, HashMap<usize, Reservation>) {
        let mut repeated = Vec::new();
        let mut reservations: HashMap<usize, Reservation> = HashMap::new();
        let mut own_ids = HashSet::new();
        let mut under_way = Vec::new();
        self.beacons.retain(|item| match seen(&item.beacon) {
            None => true,
            Some(Seen::New(reservation)) => {
                own_ids.insert(item.beacon.common.event_id);
                reservations.insert(item.index, reservation);
                true
            }
            Some(Seen::UnderWay) if !own_ids.contains(&item.beacon.common.event_id) => {
                under_way.push((item.index, item.kind));
                false
            }
            Some(Seen::UnderWay | Seen::Stored) => {
                repeated.push(item.kind);
                false
            }
        });
        for (index, kind) in under_way {
            self.refuse_under_way(index, kind);
        }
        (repeated, reservations)
    }

    /// An item that somebody else is storing.
    fn refuse_under_way(&mut self, index: usize, kind: Kind) {
        let message = "another request is storing it: send it again";
        self.refused.push(RefusedItem {
            index,
            kind: Some(kind),
            faults: vec![FieldError::new("event_id", FieldFault::UnderWay, message)],
        });
    }

    /// Takes out what other nodes have stored, and returns its kinds; what they are storing is refused. The places stand in
    /// order.
    pub(super) fn without_those_of_peers(&mut self, stored: &[usize], under_way: &[usize]) -> Vec<Kind> {
        let among = |places: &[usize], item: &Item<'_>| places.binary_search(&item.index).is_ok();
        let gone: Vec<_> = self
            .beacons
            .extract_if(.., |item| among(stored, item) || among(under_way, item))
            .collect();
        let mut repeated = Vec::new();
        for item in gone {
            if among(stored, &item) {
                repeated.push(item.kind);
            } else {
                self.refuse_under_way(item.index, item.kind);
            }
        }
        repeated
    }

    /// Why nothing can be taken: with several quotas the one that comes back last says when to come again.
    pub(super) fn why_nothing_is_left(&self, decisions: Vec<(Class, Decision)>) -> Rejection {
        let last = decisions
            .into_iter()
            .max_by_key(|(_, decision)| decision.retry_after_s);
        if let Some((class, decision)) = last {
            return Rejection::OverQuota { class, decision };
        }
        let is_under_way =
            |item: &RefusedItem| item.faults.iter().any(|fault| fault.code == FieldFault::UnderWay);
        if self.refused.iter().any(is_under_way) {
            return Rejection::UnderWay;
        }
        Rejection::Invalid(faults_of_all(&self.refused))
    }

    /// Keeps the first `items_max` items of a group; the others are beyond the quota.
    pub(super) fn keep_first(&mut self, items_max: u32, group: &Group) {
        let mut left = items_max;
        let beyond = self.beacons.extract_if(.., |item| {
            if !group.has(item) {
                return false;
            }
            let is_beyond = left == 0;
            left = left.saturating_sub(1);
            is_beyond
        });
        self.refused.extend(beyond.map(|item| RefusedItem {
            index: item.index,
            kind: Some(item.kind),
            faults: vec![FieldError::new(
                "item",
                FieldFault::OverQuota,
                "is beyond the quota; see Retry-After",
            )],
        }));
        self.refused.sort_by_key(|item| item.index);
    }
}

/// An item of a batch that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedItem {
    /// Place in `items`, from 0.
    pub index: usize,
    /// Its kind, when it names a known one.
    pub kind: Option<Kind>,
    /// What is wrong with its fields; never empty.
    pub faults: Vec<FieldError>,
}

/// Looks at all items.
///
/// # Errors
/// The body is no batch at all.
pub(super) fn look_at<'a>(
    body: Value<'a>,
    received_at_ms: i64,
    rules: &Rules,
) -> Result<Batch<'a>, Vec<FieldError>> {
    let Envelope {
        items,
        sent_at_ms,
        client_lost,
    } = envelope(body)?;
    let arrival = Arrival {
        received_at_ms,
        sent_at_ms,
    };
    let mut batch = Batch {
        client_lost,
        ..Batch::default()
    };
    for (index, item) in items.into_iter().enumerate() {
        match look_at_item(item, arrival, rules) {
            Ok((kind, beacon)) => batch.beacons.push(Item { index, kind, beacon }),
            Err((kind, faults)) => batch.refused.push(RefusedItem { index, kind, faults }),
        }
    }
    Ok(batch)
}

/// What a batch says beside its items.
struct Envelope<'a> {
    items: Vec<Value<'a>>,
    sent_at_ms: Option<i64>,
    client_lost: Vec<(ItemKind, u32)>,
}

fn envelope(body: Value<'_>) -> Result<Envelope<'_>, Vec<FieldError>> {
    let fault =
        |field: &'static str, code, message: Cow<'static, str>| vec![FieldError::new(field, code, message)];
    let Value::Object(mut members) = body else {
        let message = format!("must be an object, found {}", body.type_name());
        return Err(fault("body", FieldFault::WrongType, message.into()));
    };
    let items = match take(&mut members, "items") {
        None => return Err(fault("items", FieldFault::Missing, "is required".into())),
        Some(Value::List(items)) => items,
        Some(other) => {
            let message = format!("must be an array, found {}", other.type_name());
            return Err(fault("items", FieldFault::WrongType, message.into()));
        }
    };
    if items.is_empty() {
        return Err(fault("items", FieldFault::Empty, "must not be empty".into()));
    }
    if items.len() > ITEMS_MAX {
        let message = format!("must have at most {ITEMS_MAX} items");
        return Err(fault("items", FieldFault::TooLong, message.into()));
    }
    let client_lost = client_lost(take(&mut members, "client_lost")).map_err(|fault| vec![fault])?;
    Ok(Envelope {
        items,
        sent_at_ms: validate::sent_at_ms(members)?,
        client_lost,
    })
}

/// `{"metric": 3, "event": 1}`: how many items of each kind never left the client.
fn client_lost(value: Option<Value<'_>>) -> Result<Vec<(ItemKind, u32)>, FieldError> {
    const FIELD: &str = "client_lost";
    let members = match value {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Object(members)) => members,
        Some(other) => {
            let message = format!("must be an object, found {}", other.type_name());
            return Err(FieldError::new(FIELD, FieldFault::WrongType, message));
        }
    };
    let mut lost = Vec::new();
    for (name, value) in members {
        let fault =
            |code, message: &str| FieldError::new(format!("{FIELD}.{name}"), code, message.to_owned());
        let kind = ItemKind::from_name(&name)
            .ok_or_else(|| fault(FieldFault::UnknownValue, "is no kind of beacon"))?;
        let items = match value {
            Value::Unsigned(items) => u32::try_from(items).ok(),
            _ => return Err(fault(FieldFault::WrongType, "must be a whole number")),
        };
        let items = items
            .filter(|items| *items <= CLIENT_LOST_MAX)
            .ok_or_else(|| fault(FieldFault::OutOfRange, "must be at most 1000000"))?;
        lost.push((kind, items));
    }
    Ok(lost)
}

type Refused = (Option<Kind>, Vec<FieldError>);

fn look_at_item<'a>(item: Value<'a>, arrival: Arrival, rules: &Rules) -> Result<(Kind, Beacon<'a>), Refused> {
    let Value::Object(mut members) = item else {
        let message = format!("must be an object, found {}", item.type_name());
        return Err((
            None,
            vec![FieldError::new("item", FieldFault::WrongType, message)],
        ));
    };
    let kind = kind_of(take(&mut members, "kind").as_ref()).map_err(|fault| (None, vec![fault]))?;
    match validate::validate(kind, Value::Object(members), arrival, rules) {
        Ok(beacon) => Ok((kind, beacon)),
        Err(faults) => Err((Some(kind), faults)),
    }
}

fn kind_of(value: Option<&Value<'_>>) -> Result<Kind, FieldError> {
    let names = || Kind::ALL.map(Kind::as_str).join(", ");
    match value {
        None | Some(Value::Null) => Err(FieldError::new("kind", FieldFault::Missing, "is required")),
        Some(Value::Text(text)) => Kind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| {
                FieldError::new(
                    "kind",
                    FieldFault::UnknownValue,
                    format!("must be one of {}", names()),
                )
            }),
        Some(other) => {
            let message = format!("must be a string, found {}", other.type_name());
            Err(FieldError::new("kind", FieldFault::WrongType, message))
        }
    }
}

fn take<'a>(members: &mut Members<'a>, name: &str) -> Option<Value<'a>> {
    let place = members.iter().position(|(key, _)| key == name)?;
    Some(members.swap_remove(place).1)
}

impl RefusedItem {
    /// Why it was not taken.
    #[must_use]
    pub fn reason(&self) -> DropReason {
        match self.faults.first().map(|fault| fault.code) {
            Some(FieldFault::OverQuota) => DropReason::OverQuota,
            Some(FieldFault::UnderWay) => DropReason::UnderWay,
            _ => DropReason::Invalid,
        }
    }
}

/// The faults of all refused items with their places in front, for a batch of which nothing is valid.
#[must_use]
pub fn faults_of_all(refused: &[RefusedItem]) -> Vec<FieldError> {
    let named = refused.iter().flat_map(|item| {
        item.faults.iter().map(|fault| FieldError {
            field: format!("items.{}.{}", item.index, fault.field).into(),
            ..fault.clone()
        })
    });
    named.take(FAULTS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::super::decode::{ShapeLimits, decode};
    use super::*;

    const LIMITS: ShapeLimits = ShapeLimits {
        depth_max: 32,
        keys_max: 100,
    };

    fn rules() -> Rules {
        Rules {
            funnel_steps: Vec::new(),
            event_types: Vec::new(),
            text_chars_max: 1_024,
        }
    }

    /// Place, field and fault of a refused item.
    type Refusal = (usize, String, FieldFault);

    fn look(body: &str) -> Result<(usize, Vec<Refusal>), Vec<FieldError>> {
        let value = decode(body.as_bytes(), &LIMITS).unwrap();
        let batch = look_at(value, 1_800_000_000_000, &rules())?;
        let refused = batch.refused.iter().map(|item| {
            let fault = &item.faults[0];
            (item.index, fault.field.to_string(), fault.code)
        });
        Ok((batch.beacons.len(), refused.collect()))
    }

    #[test]
    fn valid_items_are_kept_and_the_others_are_named_by_place_and_field() {
        let body = r#"{"items": [
            {"kind": "funnel", "step": "effect_viewed", "session_id": "s"},
            {"kind": "funnel", "step": "nowhere", "session_id": "s"},
            {"kind": "metric", "value": -1, "type": "page_load_time", "timestamp": "2026-11-22T00:00:00Z", "session_id": "s"},
            {"kind": "trace"}, {}, 7,
            {"kind": "alert", "severity": "error", "metric": "m", "threshold": 1, "actual_value": 2,
             "user_context": {"browser": "b", "device_type": "d"}}
        ]}"#;
        let (kept, refused) = look(body).unwrap();
        assert_eq!(kept, 2);
        let expected = [
            (1, "step", FieldFault::UnknownValue),
            (2, "value", FieldFault::OutOfRange),
            (3, "kind", FieldFault::UnknownValue),
            (4, "kind", FieldFault::Missing),
            (5, "item", FieldFault::WrongType),
        ];
        assert_eq!(
            refused,
            expected.map(|(index, field, code)| (index, field.to_owned(), code))
        );
    }

    #[test]
    fn what_is_no_batch_is_refused_as_a_whole() {
        let too_many = format!(r#"{{"items": [{}]}}"#, vec!["{}"; ITEMS_MAX + 1].join(","));
        for (body, field, code) in [
            ("[]", "body", FieldFault::WrongType),
            ("{}", "items", FieldFault::Missing),
            (r#"{"items": {}}"#, "items", FieldFault::WrongType),
            (r#"{"items": []}"#, "items", FieldFault::Empty),
            (too_many.as_str(), "items", FieldFault::TooLong),
            (
                r#"{"items": [{}], "sent_at": "now"}"#,
                "sent_at",
                FieldFault::BadFormat,
            ),
        ] {
            let faults = look(body).unwrap_err();
            assert_eq!(
                (faults[0].field.as_ref(), faults[0].code),
                (field, code),
                "{body}"
            );
        }
    }

    #[test]
    fn the_batchs_sent_at_is_that_of_items_without_one_of_their_own() {
        let body = r#"{"sent_at": "2027-01-15T07:00:00Z", "items": [
            {"kind": "funnel", "step": "effect_viewed", "session_id": "s", "timestamp": "2027-01-15T06:59:59Z"},
            {"kind": "funnel", "step": "effect_viewed", "session_id": "s", "timestamp": "2027-01-15T06:59:59Z",
             "sent_at": "2027-01-15T06:59:59.5Z"}
        ]}"#;
        let value = decode(body.as_bytes(), &LIMITS).unwrap();
        // The server's clock says 08:00:00.
        let batch = look_at(value, 1_800_000_000_000, &rules()).unwrap();
        let ages: Vec<i64> = batch
            .beacons
            .iter()
            .map(|item| 1_800_000_000_000 - item.beacon.common.time.ts_ms)
            .collect();
        assert_eq!(ages, [1_000, 500]);
    }
}
