use proptest::prelude::*;

use super::*;

fn scrubber() -> Scrubber {
    Scrubber::new(&ScrubConfig::default()).unwrap()
}

fn scrubbed(text: &str) -> String {
    let mut text = Cow::Borrowed(text);
    scrubber().scrub(&mut text, &ScrubPatterns::default());
    text.into_owned()
}

const JWT: &str =
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U";

#[test]
fn secrets_and_addresses_go_and_the_rest_stays() {
    for (text, wanted) in [
        (
            "/reset?token=abc&lang=de#top",
            "/reset?token=[secret]&lang=de#top",
        ),
        (
            "https://a.example/cb?code=4%2F0Ab&state=x",
            "https://a.example/cb?code=[secret]&state=x",
        ),
        (
            "/cb#access_token=ya29.a0&expires_in=3600",
            "/cb#access_token=[secret]&expires_in=3600",
        ),
        (
            "/a?user[password]=x&user%5Btoken%5D=y",
            "/a?user[password]=[secret]&user%5Btoken%5D=[secret]",
        ),
        ("/a?next=%2Fb%3Ftoken%3Dabc", "/a?next=%2Fb%3Ftoken%3D[secret]"),
        ("mail to jane.doe+x@mail.example.org now", "mail to [email] now"),
        ("/u/jane%40example.org/edit", "/u/[email]/edit"),
        ("/u/jürgen@exämple.de.", "/u/[email]."),
        (
            "https://bob:hunter2@db.example:5432/x",
            "https://[secret]@db.example:5432/x",
        ),
        ("https://bob:hunter2@localhost/x", "https://[secret]@localhost/x"),
        (
            "Authorization: Bearer abcDEF123.456-7",
            "Authorization: Bearer [secret]",
        ),
        (
            "authorization: basic dXNlcjpwYXNz",
            "authorization: basic [secret]",
        ),
        (r#"{"apiKey":"0123456789abcdef0123"}"#, r#"{"apiKey":"[secret]"}"#),
        ("password='hunter2'", "password='[secret]'"),
        ("client_secret = s3cr3t", "client_secret = s3cr3t"),
    ] {
        assert_eq!(scrubbed(text), wanted, "{text}");
    }
    assert_eq!(scrubbed(&format!("/verify/{JWT}/done")), "/verify/[secret]/done");
}

#[test]
fn everyday_texts_are_not_touched_or_copied() {
    for text in [
        "",
        "/effects/oil-painting",
        "https://www.example.com/search?q=effects&page=2",
        "Cannot read properties of undefined (reading 'width')",
        "Unexpected token: < in JSON at position 0",
        "Error code: 42, key: value",
        "see node_modules/@scope/pkg@1.2.3/index.js:10:5",
        "basic functionality and bearer authentication",
        "TypeError: keyJson.parse is not a function at 12:30:59",
        "a@b, @c, d@ and e@localhost",
        "x = y == z",
    ] {
        let mut cow = Cow::Borrowed(text);
        assert!(
            !scrubber().scrub(&mut cow, &ScrubPatterns::default()),
            "{text}: {cow}"
        );
        assert!(matches!(cow, Cow::Borrowed(_)), "{text}");
    }
}

#[test]
fn metadata_is_scrubbed_by_key_and_by_text() {
    let mut members: Members<'_> = vec![
        ("userPassword".into(), Value::Text("hunter2".into())),
        ("code".into(), Value::Text("KeyA".into())),
        ("tokens".into(), Value::Unsigned(12)),
        ("jane@example.org".into(), Value::Bool(true)),
        (
            "list".into(),
            Value::List(vec![Value::Object(vec![(
                "url".into(),
                Value::Text("/a?sig=1".into()),
            )])]),
        ),
    ];
    assert!(scrubber().scrub_members(&mut members, &ScrubPatterns::default()));
    let mut text = Vec::new();
    crate::domain::json::write_object(&members, &mut text);
    assert_eq!(
        String::from_utf8(text).unwrap(),
        r#"{"userPassword":"[secret]","code":"KeyA","tokens":12,"[email]":true,"list":[{"url":"/a?sig=[secret]"}]}"#
    );
    assert!(!scrubber().scrub_members(&mut members, &ScrubPatterns::default()));
}

#[test]
fn own_patterns_come_on_top_and_bad_ones_are_named() {
    let config = ScrubConfig {
        patterns: vec!["ORD-[0-9]+".to_owned()],
        ..ScrubConfig::default()
    };
    let scrubber = Scrubber::new(&config).unwrap();
    let project = ScrubPatterns::parse([("customer [A-Z]+", "customer $0")]).unwrap();
    let mut text = Cow::Borrowed("ORD-123 of customer ABC");
    assert!(scrubber.scrub(&mut text, &project));
    assert_eq!(text, "[secret] of customer $0");
    let error = ScrubPatterns::parse([("a", ""), ("(", "")]).unwrap_err();
    assert_eq!(error.number, 2);
    assert!(
        ScrubPatterns::parse([("(a{1000}){1000}", "")]).is_err(),
        "too large"
    );
}

#[test]
fn switched_off_it_leaves_everything() {
    let config = ScrubConfig {
        enabled: false,
        ..ScrubConfig::default()
    };
    let mut text = Cow::Borrowed("/reset?token=abc");
    assert!(
        !Scrubber::new(&config)
            .unwrap()
            .scrub(&mut text, &ScrubPatterns::default())
    );
}

/// Pieces that the scanner cares about, in any order.
fn confusing() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("token=".to_owned()),
        Just("\"apiKey\":\"".to_owned()),
        Just("password: ".to_owned()),
        Just("user[key]=".to_owned()),
        Just("Bearer ".to_owned()),
        Just("Basic ".to_owned()),
        Just("eyJhbGciOiJIUzI1NiJ9.e30.sig".to_owned()),
        Just("://".to_owned()),
        Just("%40".to_owned()),
        Just("%3D".to_owned()),
        Just("%5D".to_owned()),
        Just("[secret]".to_owned()),
        Just("[email]".to_owned()),
        Just("a@b.co".to_owned()),
        Just("0123456789abcdefABCDEF".to_owned()),
        "[@=:&#;?/ .%\\[\\]\"'+-]",
        "[a-z0-9]{1,4}",
        "\\PC",
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn scrubbing_twice_is_scrubbing_once(text in confusing()) {
        let once = scrubbed(&text);
        prop_assert_eq!(scrubbed(&once), once);
    }

    #[test]
    fn what_is_not_suspect_holds_no_secret(text in prop_oneof![confusing(), "[a-zA-Z .-]{0,40}"]) {
        if !scan::is_suspect(text.as_bytes()) {
            prop_assert_eq!(scan::scrubbed(&text, &scrubber().names), None);
        }
    }

    #[test]
    fn any_text_is_taken(text in any::<String>()) {
        let once = scrubbed(&text);
        prop_assert_eq!(scrubbed(&once), once);
    }

    #[test]
    fn a_planted_secret_never_stays(
        before in "[a-z /?&.,]{0,20}", secret in "[0-9][A-Za-z0-9]{18,30}[0-9]", after in "([ &\"<].{0,20})?",
        form in 0..8_usize, lower in any::<bool>(),
    ) {
        let planted = [
            format!("{before}?access_token={secret}{after}"),
            format!("{before}&key={secret}{after}"),
            format!("{before} Authorization: Bearer {secret}{after}"),
            format!("{before}\"clientSecret\": \"{secret}{after}"),
            format!("{before} eyJ{secret}.{secret}.{secret}{after}"),
            format!("{before} https://user:{secret}@host/{after}"),
            format!("{before}/{secret}@mail.example.org{after}"),
            format!("{before}?to={secret}%40mail.example{after}"),
        ];
        let mut text = planted[form].clone();
        if lower && form != 4 {
            text = text.to_lowercase();
        }
        let out = scrubbed(&text).to_lowercase();
        prop_assert!(!out.contains(&secret.to_lowercase()), "{} -> {}", text, out);
    }
}

#[test]
fn the_time_grows_no_faster_than_the_text() {
    // A scanner that looked back over everything would need hours for this.
    for piece in [
        "a@", "://", "token:", "=", "eyJ-", "Bearer ", "%40", "x ", "\"", "]", "a=b@c.d",
    ] {
        let text = piece.repeat(400_000 / piece.len());
        scrubbed(&text);
    }
}
