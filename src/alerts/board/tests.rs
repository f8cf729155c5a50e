//! The board against what people would expect.

use serde_json::json;

use super::*;
use crate::control::StoredChannel;
use crate::domain::account::Actor;
use crate::domain::alert::{ChannelKind, Inhibition, Notice, NoticeEvent, Silence};

const MINUTE_MS: i64 = 60_000;
const START_MS: i64 = 1_800_000_000_000;

/// A board with what it goes by, and a clock.
struct Scene {
    board: Board,
    book: AlertBook,
    now_ms: i64,
    /// What was written down, as the store would have it.
    written: Vec<AlertWrite>,
}

fn project() -> ProjectId {
    ProjectId::parse("id", "shop").unwrap()
}

fn rules_of_clients() -> ClientAlertRules {
    ClientAlertRules {
        sessions_min: 3,
        resolve_after_ms: 15 * MINUTE_MS,
    }
}

impl Scene {
    fn new() -> Self {
        Self {
            board: Board::new(
                Vec::new(),
                Vec::new(),
                rules_of_clients(),
                "https://f.example/",
                START_MS,
            ),
            book: AlertBook::default(),
            now_ms: START_MS,
            written: Vec::new(),
        }
    }

    fn rule(&mut self, name: &str, more: serde_json::Value) -> Arc<Rule> {
        let mut definition = json!({
            "name": name,
            "watch": { "kind": "metric", "type": "api_response_time", "group_by": ["page"] },
            "thresholds": { "warning": 100.0, "critical": 200.0 },
        });
        for (field, value) in more.as_object().into_iter().flatten() {
            definition[field] = value.clone();
        }
        let rule = Arc::new(Rule {
            id: Uuid::now_v7(),
            project_id: project(),
            definition: serde_json::from_value(definition).unwrap(),
            created_at_ms: 0,
            updated_at_ms: 0,
            revision: 1,
        });
        assert_eq!(rule.definition.faults(), []);
        self.book.rules.insert(rule.id, Arc::clone(&rule));
        self.take_book();
        rule
    }

    fn channel(&mut self, more: serde_json::Value) -> Uuid {
        let mut definition = json!({ "name": "ops" });
        for (field, value) in more.as_object().into_iter().flatten() {
            definition[field] = value.clone();
        }
        let channel = StoredChannel {
            id: Uuid::now_v7(),
            project_id: project(),
            kind: ChannelKind::Webhook,
            definition: serde_json::from_value(definition).unwrap(),
            sealed_target: Vec::new(),
            disabled_reason: None,
            created_at_ms: 0,
            updated_at_ms: 0,
            revision: 1,
        };
        let id = channel.id;
        self.book
            .channels
            .entry(project())
            .or_default()
            .push(Arc::new(channel));
        id
    }

    fn take_book(&mut self) {
        let mut writes = Writes::new();
        self.board.take_rules(&self.book, self.now_ms, &mut writes);
        self.tell(writes);
    }

    /// Finds values of pages.
    fn find(&mut self, rule: &Rule, values: &[(&str, f64)]) -> Vec<(Uuid, Notice)> {
        let readings = values.iter().map(|(page, value)| Reading {
            group: vec![(*page).to_owned()],
            value: Some(*value),
        });
        let found = Found::Groups(readings.collect());
        let mut writes = Writes::new();
        self.board
            .evaluated(rule, found, &self.book, self.now_ms, &mut writes);
        self.tell(writes)
    }

    fn fail(&mut self, rule: &Rule) -> Vec<(Uuid, Notice)> {
        let mut writes = Writes::new();
        self.board
            .evaluated(rule, Found::Failed, &self.book, self.now_ms, &mut writes);
        self.board.tell_failures(&self.book, self.now_ms, &mut writes);
        self.tell(writes)
    }

    fn post(&mut self, session: u64, is_from_server: bool) -> Vec<(Uuid, Notice)> {
        let posts = Posts {
            project_id: project(),
            metric: "checkout".to_owned(),
            severity: "critical".to_owned(),
            threshold: 1.0,
            value: 2.0,
            count: 1,
            sessions: vec![session],
            sessions_min: 0,
            is_from_server,
            at_ms: self.now_ms,
        };
        let mut writes = Writes::new();
        self.board.posted(&posts, self.now_ms, &mut writes);
        self.tell(writes)
    }

    fn wait(&mut self, ms: i64) -> Vec<(Uuid, Notice)> {
        self.now_ms += ms;
        let mut writes = Writes::new();
        self.board.let_recover(&self.book, self.now_ms, &mut writes);
        self.board.end_of_posts(&self.book, self.now_ms, &mut writes);
        self.tell(writes)
    }

    fn tell(&mut self, mut writes: Writes) -> Vec<(Uuid, Notice)> {
        self.board.tell(&self.book, self.now_ms, &mut writes);
        let told = writes.iter().filter_map(|write| match write {
            AlertWrite::Deliver {
                channel_id, notice, ..
            } => Some((*channel_id, (**notice).clone())),
            _ => None,
        });
        let told = told.collect();
        self.written.extend(writes);
        told
    }

    /// The process dies, and another one reads what was written down.
    fn restart(&mut self) {
        let (mut states, mut open) = (HashMap::new(), BTreeMap::new());
        for write in &self.written {
            match write.clone() {
                AlertWrite::State(state) => {
                    states.insert((state.rule_id, state.group_hash.clone()), state);
                }
                AlertWrite::Forget { rule_id, group_hash } => {
                    states.remove(&(rule_id, group_hash));
                }
                AlertWrite::Open { alert, subject } => {
                    let id = alert.id;
                    let tellings = Vec::new();
                    open.insert(
                        id,
                        OpenAlert {
                            alert: *alert,
                            subject,
                            tellings,
                        },
                    );
                }
                AlertWrite::Update(alert) => {
                    let id = alert.id;
                    open.get_mut(&id).unwrap().alert = *alert;
                }
                AlertWrite::Resolve { id, .. } => {
                    open.remove(&id);
                }
                AlertWrite::Told(telling) => {
                    let tellings = &mut open.get_mut(&telling.alert_id).unwrap().tellings;
                    tellings.retain(|known| known.channel_id != telling.channel_id);
                    tellings.push(telling);
                }
                _ => {}
            }
        }
        let (states, open) = (states.into_values().collect(), open.into_values().collect());
        self.board = Board::new(states, open, rules_of_clients(), "", self.now_ms);
        self.take_book();
    }
}

fn events(told: &[(Uuid, Notice)]) -> Vec<NoticeEvent> {
    told.iter().map(|(_, notice)| notice.event).collect()
}

#[test]
fn each_transition_of_each_group_is_told_once_and_a_restart_neither_forgets_nor_repeats() {
    let mut scene = Scene::new();
    let rule = scene.rule("slow", json!({}));
    scene.channel(json!({}));
    let told = scene.find(&rule, &[("/a", 150.0), ("/b", 50.0)]);
    assert_eq!(events(&told), [NoticeEvent::Firing]);
    let notice = &told[0].1;
    assert_eq!(notice.labels["page"], "/a");
    assert_eq!((notice.value, notice.threshold), (Some(150.0), Some(100.0)));
    assert!(
        notice
            .url
            .as_ref()
            .unwrap()
            .starts_with("https://f.example/alerts/")
    );
    scene.restart();
    assert_eq!(events(&scene.find(&rule, &[("/a", 160.0), ("/b", 50.0)])), []);
    scene.restart();
    let told = scene.find(&rule, &[("/a", 250.0), ("/b", 50.0)]);
    assert_eq!(events(&told), [NoticeEvent::Changed]);
    assert_eq!(told[0].1.previous_level, Some(Level::Warning));
    assert_eq!((told[0].1.value, told[0].1.threshold), (Some(250.0), Some(200.0)));
    scene.restart();
    let told = scene.find(&rule, &[("/a", 50.0), ("/b", 50.0)]);
    assert_eq!(events(&told), [NoticeEvent::Resolved]);
    assert_eq!(told[0].1.alert_id, notice.alert_id);
    scene.restart();
    assert_eq!(scene.board.open_count(), 0);
    let told = scene.find(&rule, &[("/a", 150.0)]);
    assert_ne!(told[0].1.alert_id, notice.alert_id);
}

#[test]
fn a_group_that_is_not_found_any_more_has_no_data() {
    let mut scene = Scene::new();
    let keeps = scene.rule("keeps", json!({}));
    let ends = scene.rule("ends", json!({ "no_data": "ok" }));
    scene.channel(json!({}));
    scene.find(&keeps, &[("/a", 150.0)]);
    scene.find(&ends, &[("/a", 150.0)]);
    assert_eq!(events(&scene.find(&keeps, &[])), []);
    assert_eq!(events(&scene.find(&ends, &[])), [NoticeEvent::Resolved]);
}

#[test]
fn what_was_told_as_firing_is_told_as_resolved_whatever_happened_between() {
    for between in ["silence", "deleted rule", "acknowledged", "inhibition"] {
        let mut scene = Scene::new();
        let rule = scene.rule("slow", json!({}));
        scene.channel(json!({}));
        let told = scene.find(&rule, &[("/a", 150.0)]);
        let alert_id = told[0].1.alert_id;
        let resolved = match between {
            "silence" => {
                scene.silence(10 * MINUTE_MS);
                scene.find(&rule, &[("/a", 50.0)])
            }
            "acknowledged" => {
                scene.book.acknowledged.insert(alert_id, scene.now_ms);
                scene.find(&rule, &[("/a", 50.0)])
            }
            "inhibition" => {
                let other = scene.rule("down", json!({}));
                scene.inhibit("down", "slow");
                scene.find(&other, &[("/a", 250.0)]);
                scene.find(&rule, &[("/a", 50.0)])
            }
            _ => {
                scene.book.rules.clear();
                let mut writes = Writes::new();
                scene.board.take_rules(&scene.book, scene.now_ms, &mut writes);
                scene.tell(writes)
            }
        };
        let of_alert: Vec<_> = resolved
            .into_iter()
            .filter(|(_, notice)| notice.alert_id == alert_id)
            .collect();
        assert_eq!(events(&of_alert), [NoticeEvent::Resolved], "{between}");
    }
}

impl Scene {
    fn silence(&mut self, for_ms: i64) {
        let definition = json!({
            "matcher": [{ "label": "page", "values": ["/a"] }],
            "starts_at_ms": self.now_ms, "ends_at_ms": self.now_ms + for_ms,
        });
        let silence = Silence {
            id: Uuid::now_v7(),
            project_id: project(),
            definition: serde_json::from_value(definition).unwrap(),
            created_by: Actor::system(),
            created_at_ms: 0,
        };
        self.book.silences.entry(project()).or_default().push(silence);
    }

    fn inhibit(&mut self, source: &str, target: &str) {
        let definition = json!({
            "source": [{ "label": "alertname", "values": [source] }],
            "target": [{ "label": "alertname", "values": [target] }],
            "equal": ["page"],
        });
        let inhibition = Inhibition {
            id: Uuid::now_v7(),
            project_id: project(),
            definition: serde_json::from_value(definition).unwrap(),
            created_at_ms: 0,
        };
        self.book
            .inhibitions
            .entry(project())
            .or_default()
            .push(inhibition);
    }
}

#[test]
fn a_silence_keeps_quiet_what_it_matches_and_what_still_fires_at_its_end_is_told_then() {
    let mut scene = Scene::new();
    let rule = scene.rule("slow", json!({}));
    scene.channel(json!({}));
    scene.silence(10 * MINUTE_MS);
    let told = scene.find(&rule, &[("/a", 150.0), ("/b", 150.0)]);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].1.labels["page"], "/b");
    assert_eq!(events(&scene.wait(9 * MINUTE_MS)), []);
    let told = scene.wait(MINUTE_MS);
    assert_eq!(events(&told), [NoticeEvent::Firing]);
    assert_eq!(told[0].1.labels["page"], "/a");
}

#[test]
fn an_inhibited_alert_is_told_when_the_one_that_keeps_it_quiet_is_over() {
    let mut scene = Scene::new();
    let down = scene.rule("down", json!({}));
    let slow = scene.rule("slow", json!({}));
    scene.channel(json!({}));
    scene.inhibit("down", "slow");
    scene.find(&down, &[("/a", 250.0)]);
    let told = scene.find(&slow, &[("/a", 150.0), ("/b", 150.0)]);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].1.labels["page"], "/b");
    let told = scene.find(&down, &[("/a", 50.0)]);
    let told: Vec<_> = told
        .iter()
        .map(|(_, notice)| (notice.event, notice.title.as_str()))
        .collect();
    assert_eq!(
        told,
        [(NoticeEvent::Resolved, "down"), (NoticeEvent::Firing, "slow")]
    );
}

#[test]
fn the_next_one_is_woken_when_nobody_acknowledges_and_reminders_end_when_somebody_does() {
    let mut scene = Scene::new();
    let rule = scene.rule("slow", json!({}));
    let first = scene.channel(json!({ "remind_after_ms": 10 * MINUTE_MS }));
    let second = scene.channel(json!({ "escalate_after_ms": 15 * MINUTE_MS }));
    let told = scene.find(&rule, &[("/a", 150.0)]);
    assert_eq!(told.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [first]);
    let alert_id = told[0].1.alert_id;
    assert_eq!(events(&scene.wait(9 * MINUTE_MS)), []);
    assert_eq!(events(&scene.wait(MINUTE_MS)), [NoticeEvent::Reminder]);
    let told = scene.wait(5 * MINUTE_MS);
    assert_eq!(
        told.iter()
            .map(|(id, notice)| (*id, notice.event))
            .collect::<Vec<_>>(),
        [(second, NoticeEvent::Firing)]
    );
    scene.book.acknowledged.insert(alert_id, scene.now_ms);
    assert_eq!(events(&scene.wait(60 * MINUTE_MS)), []);
    let told = scene.find(&rule, &[("/a", 50.0)]);
    assert_eq!(events(&told), [NoticeEvent::Resolved, NoticeEvent::Resolved]);
}

#[test]
fn an_acknowledged_alert_wakes_nobody_else() {
    let mut scene = Scene::new();
    let rule = scene.rule("slow", json!({}));
    scene.channel(json!({}));
    scene.channel(json!({ "escalate_after_ms": 15 * MINUTE_MS }));
    let told = scene.find(&rule, &[("/a", 150.0)]);
    scene.book.acknowledged.insert(told[0].1.alert_id, scene.now_ms);
    assert_eq!(events(&scene.wait(60 * MINUTE_MS)), []);
}

#[test]
fn a_channel_hears_of_its_levels_and_of_what_it_matches() {
    let mut scene = Scene::new();
    let rule = scene.rule("slow", json!({}));
    let critical = scene.channel(json!({ "level_min": "critical" }));
    let of_b = scene.channel(json!({ "matcher": [{ "label": "page", "values": ["/b"] }] }));
    let channels = |told: &[(Uuid, Notice)]| told.iter().map(|(id, _)| *id).collect::<Vec<_>>();
    assert!(channels(&scene.find(&rule, &[("/a", 150.0)])).is_empty());
    assert_eq!(channels(&scene.find(&rule, &[("/a", 250.0)])), [critical]);
    // It hears on of what it knows.
    let told = scene.find(&rule, &[("/a", 150.0)]);
    assert_eq!(
        (channels(&told), events(&told)),
        (vec![critical], vec![NoticeEvent::Changed])
    );
    assert_eq!(
        channels(&scene.find(&rule, &[("/a", 150.0), ("/b", 150.0)])),
        [of_b]
    );
}

#[test]
fn posts_of_browsers_are_told_from_so_many_sessions_on_and_those_of_programs_at_once() {
    let mut scene = Scene::new();
    scene.channel(json!({}));
    for session in [1, 1, 2] {
        assert_eq!(events(&scene.post(session, false)), []);
    }
    scene.wait(MINUTE_MS);
    let told = scene.post(3, false);
    assert_eq!(events(&told), [NoticeEvent::Firing]);
    assert_eq!(told[0].1.count, 4);
    scene.restart();
    assert_eq!(events(&scene.post(4, false)), []);
    assert_eq!(events(&scene.wait(15 * MINUTE_MS)), [NoticeEvent::Resolved]);
    assert_eq!(events(&scene.post(1, true)), [NoticeEvent::Firing]);
}

#[test]
fn the_third_failed_evaluation_in_a_row_is_an_alert_of_its_own_and_changes_no_state() {
    let mut scene = Scene::new();
    let rule = scene.rule("slow", json!({}));
    scene.channel(json!({}));
    scene.find(&rule, &[("/a", 150.0)]);
    assert_eq!(events(&scene.fail(&rule)), []);
    assert_eq!(events(&scene.fail(&rule)), []);
    let told = scene.fail(&rule);
    assert_eq!(events(&told), [NoticeEvent::Firing]);
    assert_eq!(told[0].1.title, "Rules cannot be evaluated");
    assert_eq!(events(&scene.fail(&rule)), []);
    assert_eq!(scene.board.open_count(), 2);
    let mut writes = Writes::new();
    let found = Found::Groups(vec![Reading {
        group: vec!["/a".to_owned()],
        value: Some(150.0),
    }]);
    scene
        .board
        .evaluated(&rule, found, &scene.book, scene.now_ms, &mut writes);
    scene.board.tell_failures(&scene.book, scene.now_ms, &mut writes);
    assert_eq!(events(&scene.tell(writes)), [NoticeEvent::Resolved]);
}

#[test]
fn a_single_value_fires_for_its_time_and_the_sweep_does_not_tell_it_again() {
    let mut scene = Scene::new();
    let rule = scene.rule(
        "slow call",
        json!({ "watch": { "kind": "single", "type": "api_response_time", "group_by": ["page"] }, "keep_firing_for_ms": MINUTE_MS }),
    );
    scene.channel(json!({}));
    let group = vec!["/a".to_owned()];
    let cross = |scene: &mut Scene| {
        let mut writes = Writes::new();
        scene.board.crossed(
            &rule,
            vec!["/a".to_owned()],
            150.0,
            &scene.book,
            scene.now_ms,
            &mut writes,
        );
        scene.tell(writes)
    };
    assert_eq!(events(&cross(&mut scene)), [NoticeEvent::Firing]);
    scene.wait(15_000);
    assert!(scene.board.may_know(&rule, &group, scene.now_ms - 45_000));
    assert!(!scene.board.may_know(&rule, &group, scene.now_ms));
    for _ in 0..11 {
        assert_eq!(events(&scene.wait(5_000)), []);
    }
    assert_eq!(events(&scene.wait(5_000)), [NoticeEvent::Resolved]);
    assert!(!scene.board.may_know(&rule, &group, 0));
}

#[test]
fn groups_beyond_the_most_of_a_rule_are_left_out_and_counted() {
    let mut scene = Scene::new();
    let rule = scene.rule(
        "slow call",
        json!({ "watch": { "kind": "single", "type": "api_response_time", "group_by": ["page"] } }),
    );
    let mut writes = Writes::new();
    for page in 0..1_003 {
        let group = vec![format!("/{page}")];
        scene
            .board
            .crossed(&rule, group, 150.0, &scene.book, scene.now_ms, &mut writes);
    }
    assert_eq!(scene.board.open_count(), 1_000);
    assert_eq!((scene.board.take_left_out(), scene.board.take_left_out()), (3, 0));
}
