//! What a question is to the breaker and to other questions, told by a server that fails, answers or says nothing.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::Question;
use crate::breaker::State;
use crate::config::{BreakerConfig, Secret};
use crate::domain::connection::Connection;
use crate::warehouse::{SelectError, Statement, Warehouse};

/// How the server treats those who ask.
#[derive(Clone, Copy, PartialEq)]
enum Mood {
    /// It has too much to do.
    Refuses,
    /// It answers when so many ask at once.
    Answers(usize),
}

struct Server {
    state: Mutex<(Mood, Asking)>,
    changed: Condvar,
}

#[derive(Clone, Copy, Default)]
struct Asking {
    now: usize,
    most: usize,
    /// Those who came and were not let go yet: fewer than `now` while one that was let go has not left.
    waiting: usize,
    /// All that had come when they were last enough.
    let_go: usize,
    came: usize,
}

impl Server {
    /// A warehouse before a server, which lives as long as the test.
    fn start(mood: Mood, places: usize) -> (Arc<Self>, Warehouse) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let server = Arc::new(Self {
            state: Mutex::new((mood, Asking::default())),
            changed: Condvar::new(),
        });
        let of_thread = Arc::clone(&server);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (server, stream) = (Arc::clone(&of_thread), stream.expect("a connection"));
                std::thread::spawn(move || server.answer(stream));
            }
        });
        let connection = Connection::new(url, "u".to_owned(), Secret::default(), "db".to_owned());
        let breaker = BreakerConfig {
            failures_max: 1,
            open_ms: 1,
            successes_min: 3,
            ..BreakerConfig::default()
        };
        let warehouse =
            Warehouse::new(Some(connection), Duration::from_secs(20)).with_limits(places, &breaker);
        (server, warehouse)
    }

    fn set(&self, mood: Mood) {
        self.state.lock().expect("no panic").0 = mood;
        self.changed.notify_all();
    }

    fn asking(&self) -> Asking {
        self.state.lock().expect("no panic").1
    }

    fn answer(&self, mut stream: TcpStream) {
        let mut request = Vec::new();
        let mut piece = [0; 4096];
        // The text stands in the body, whose last word this is.
        while !request.windows(10).any(|some| some == b"toUInt8(1)") {
            match stream.read(&mut piece) {
                Ok(0) | Err(_) => return,
                Ok(bytes) => request.extend_from_slice(&piece[..bytes]),
            }
        }
        let mut state = self.state.lock().expect("no panic");
        state.1.came += 1;
        state.1.now += 1;
        state.1.waiting += 1;
        state.1.most = state.1.most.max(state.1.now);
        let place = state.1.came;
        let mood = loop {
            match state.0 {
                mood if place <= state.1.let_go => break mood,
                Mood::Answers(least) if state.1.waiting < least => {
                    state = self.changed.wait(state).expect("no panic");
                }
                mood => {
                    state.1.let_go = state.1.came;
                    state.1.waiting = 0;
                    break mood;
                }
            }
        };
        state.1.now -= 1;
        drop(state);
        self.changed.notify_all();
        let (head, body): (&str, &[u8]) = match mood {
            Mood::Refuses => (
                "503 Service Unavailable\r\nX-ClickHouse-Exception-Code: 202",
                b"Code: 202. DB::Exception: Too many simultaneous queries.",
            ),
            // One column, its name, its type, one row.
            Mood::Answers(_) => ("200 OK", b"\x01\x01n\x05UInt8\x01"),
        };
        let length = body.len();
        let head = format!("HTTP/1.1 {head}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
        // Who has hung up reads no answer.
        let _ = stream.write_all(&[head.as_bytes(), body].concat());
    }
}

async fn part(question: &Question<'_>) -> Result<u8, SelectError> {
    let rows = question
        .select::<u8>(&Statement::new("SELECT toUInt8(1)"))
        .await?;
    Ok(rows[0])
}

/// Fails once, which opens the breaker, and waits until it is half-open.
async fn half_open(server: &Server, warehouse: &Warehouse) {
    server.set(Mood::Refuses);
    let refused = warehouse.ping().await;
    assert!(
        matches!(refused, Err(SelectError::Overloaded { code: 202, .. })),
        "{refused:?}"
    );
    while warehouse.circuit().state == State::Open {
        tokio::task::yield_now().await;
    }
    assert_eq!(warehouse.circuit().state, State::HalfOpen);
}

#[tokio::test]
async fn questions_of_two_statements_side_by_side_close_a_half_open_breaker() {
    let (server, warehouse) = Server::start(Mood::Refuses, 4);
    half_open(&server, &warehouse).await;
    server.set(Mood::Answers(2));
    for _ in 0..3 {
        assert_eq!(warehouse.circuit().state, State::HalfOpen);
        let question = warehouse.question();
        assert_eq!(tokio::try_join!(part(&question), part(&question)), Ok((1, 1)));
    }
    assert_eq!(warehouse.circuit().state, State::Closed);
}

#[tokio::test]
async fn while_a_question_is_tried_no_other_one_is_and_its_own_next_statement_is() {
    let (server, warehouse) = Server::start(Mood::Refuses, 4);
    half_open(&server, &warehouse).await;
    server.set(Mood::Answers(1));
    let question = warehouse.question();
    assert_eq!(part(&question).await, Ok(1));
    assert_eq!(
        warehouse.ping().await,
        Err(SelectError::LeftAlone { retry_in_ms: 0 }),
        "between its statements too"
    );
    assert_eq!(part(&question).await, Ok(1));
    drop(question);
    assert_eq!(warehouse.ping().await, Ok(()));
}

#[tokio::test]
async fn what_the_flush_must_know_is_asked_whatever_becomes_of_questions_and_speaks_against_nobody() {
    let (server, warehouse) = Server::start(Mood::Refuses, 1);
    half_open(&server, &warehouse).await;
    server.set(Mood::Answers(1));
    let question = warehouse.question();
    assert_eq!(part(&question).await, Ok(1));
    let statement = Statement::new("SELECT toUInt8(1)");
    assert!(matches!(
        warehouse.ping().await,
        Err(SelectError::LeftAlone { .. })
    ));
    assert_eq!(warehouse.look_up::<u8>(&statement).await, Ok(vec![1]));
    let before = warehouse.circuit();
    server.set(Mood::Refuses);
    for _ in 0..3 {
        assert!(warehouse.look_up::<u8>(&statement).await.is_err());
    }
    assert_eq!(warehouse.circuit(), before);
}

#[tokio::test]
async fn a_question_that_is_given_up_while_it_is_tried_makes_room_for_the_next_at_once() {
    let (server, warehouse) = Server::start(Mood::Refuses, 4);
    half_open(&server, &warehouse).await;
    // Nobody else ever asks at the same time: it waits.
    server.set(Mood::Answers(usize::MAX));
    let came = server.asking().came;
    let question = warehouse.question();
    tokio::select! {
        answer = part(&question) => unreachable!("{answer:?}"),
        () = async { while server.asking().came == came { tokio::time::sleep(Duration::from_millis(1)).await; } } => {}
    }
    drop(question);
    let status = warehouse.circuit();
    assert_eq!((status.state, status.opened), (State::HalfOpen, 1), "{status:?}");
    server.set(Mood::Answers(1));
    for _ in 0..3 {
        assert_eq!(warehouse.ping().await, Ok(()));
    }
    assert_eq!(warehouse.circuit().state, State::Closed);
}

#[tokio::test]
async fn a_statement_that_fails_opens_it_whatever_becomes_of_the_others_of_its_question() {
    let (server, warehouse) = Server::start(Mood::Answers(1), 4);
    let question = warehouse.question();
    assert_eq!(part(&question).await, Ok(1));
    server.set(Mood::Refuses);
    assert!(part(&question).await.is_err());
    server.set(Mood::Answers(1));
    assert_eq!(part(&question).await, Ok(1));
    assert_eq!(warehouse.circuit().opened, 0, "it is not over yet");
    drop(question);
    assert_eq!(warehouse.circuit().opened, 1);
}

#[tokio::test]
async fn of_one_question_two_statements_are_asked_at_once_and_not_more() {
    let (server, warehouse) = Server::start(Mood::Answers(2), 4);
    let question = warehouse.question();
    let all = tokio::try_join!(part(&question), part(&question), part(&question), part(&question));
    assert_eq!((all, server.asking().most), (Ok((1, 1, 1, 1)), 2));
}

#[tokio::test]
async fn a_question_of_many_statements_is_answered_where_there_is_one_place() {
    let (server, warehouse) = Server::start(Mood::Answers(1), 1);
    let question = warehouse.question();
    let all = tokio::try_join!(part(&question), part(&question), part(&question));
    assert_eq!((all, server.asking().most), (Ok((1, 1, 1)), 1));
}
