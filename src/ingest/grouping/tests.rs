use proptest::prelude::*;

use super::*;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
const NOW_MS: i64 = 1_795_339_800_000;

fn grouping(rules: &[(&str, &str)]) -> Grouping {
    let rules = GroupingRules::parse(rules.iter().copied()).unwrap();
    Grouping::new(
        &GroupingConfig::default(),
        rules,
        ["shop.example", "localhost:3000"],
    )
}

fn page(text: &str) -> String {
    grouping(&[]).page(text.into()).into_owned()
}

#[test]
fn ids_are_grouped_and_words_are_not() {
    for (path, wanted) in [
        ("", ""),
        ("/", "/"),
        ("/user/123", "/user/:id"),
        ("/user/123/", "/user/:id"),
        ("/user///123//edit", "/user/:id/edit"),
        ("/u/5f0c7a34-5b0e-4a53-9c37-0d9c4a4f7a11", "/u/:id"),
        ("/u/5F0C7A345B0E4A539C370D9C4A4F7A11/x", "/u/:id/x"),
        ("/o/507f1f77bcf86cd799439011", "/o/:id"),
        ("/day/2026-11-22", "/day/:id"),
        ("/at/2026-11-22T09:30:00Z/x", "/at/:id/x"),
        ("/u/jane@example.org", "/u/:id"),
        ("/u/jane%40example.org", "/u/:id"),
        ("/u/[email]", "/u/:id"),
        ("/n/V1StGXR8_Z5jdHi6B-myT", "/n/:id"),
        ("/n/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/n/:id"),
        ("/files/12345.json", "/files/:id.json"),
        ("/static/main.8f3b2c1d.js", "/static/main.:id.js"),
        ("/map/48.85,2.29", "/map/:id"),
        ("/effects/oil-painting?id=3#top", "/effects/oil-painting"),
        ("/api/v2/oauth2/s3", "/api/v2/oauth2/s3"),
        ("/p/iphone15promax256gb", "/p/iphone15promax256gb"),
        (
            "/blog/how-to-build-a-house-in-2024-days",
            "/blog/how-to-build-a-house-in-2024-days",
        ),
        ("/facade/decade/accede", "/facade/decade/accede"),
        ("/@scope/package", "/@scope/package"),
        ("checkout", "checkout"),
        ("GET /user/7", "GET /user/:id"),
        ("https://any.example/user/7?x#y", "/user/:id"),
        ("https://any.example", "/"),
        ("https://any.example?x", "/"),
        ("//any.example/a/", "/a"),
    ] {
        assert_eq!(page(path), wanted, "{path}");
    }
}

#[test]
fn a_usual_path_is_not_copied() {
    for path in ["/", "/effects/oil-painting", "/api/effects/render?x=1"] {
        assert!(
            matches!(grouping(&[]).page(path.into()), Cow::Borrowed(_)),
            "{path}"
        );
    }
}

#[test]
fn an_endpoint_keeps_the_host_of_others() {
    let grouping = grouping(&[]);
    for (url, wanted) in [
        (
            "https://api.Stripe.com/v1/charges/ch_1a2b3c4d5e",
            "api.stripe.com/v1/charges/:id",
        ),
        ("https://user:pw@api.stripe.com:443/v1", "api.stripe.com/v1"),
        ("https://SHOP.example/api/items/7", "/api/items/:id"),
        ("http://localhost:3000/api", "/api"),
        ("http://localhost:4000/api", "localhost:4000/api"),
        ("/api/items/7", "/api/items/:id"),
    ] {
        assert_eq!(grouping.endpoint(url.into()), wanted, "{url}");
    }
    let config = GroupingConfig {
        keep_hosts: false,
        ..GroupingConfig::default()
    };
    let grouping = Grouping::new(&config, GroupingRules::default(), []);
    assert_eq!(grouping.endpoint("https://api.stripe.com/v1/x".into()), "/v1/x");
}

#[test]
fn the_first_rule_that_fits_names_the_group() {
    let grouping = grouping(&[
        ("/shop/:shop/item/**", "/shop/{shop}/items"),
        ("/year/:year", "/year/{year}"),
        ("/blog/*", "/blog/:slug"),
        ("/**", "/else"),
    ]);
    for (path, wanted) in [
        ("/shop/12/item", "/shop/12/items"),
        ("/shop/12/item/7/8?x", "/shop/12/items"),
        ("https://a.example/year/2026/", "/year/2026"),
        ("/blog/how-to", "/blog/:slug"),
        ("/blog/how-to/7", "/else"),
        ("/", "/else"),
    ] {
        assert_eq!(grouping.page(path.into()), wanted, "{path}");
    }
}

#[test]
fn rules_are_checked_when_they_are_saved() {
    for (pattern, name, field) in [
        ("user/*", "/user", "grouping_rules[1].pattern"),
        ("", "/user", "grouping_rules[1].pattern"),
        ("/a b", "/user", "grouping_rules[1].pattern"),
        ("/a?x=*", "/user", "grouping_rules[1].pattern"),
        ("/**/b", "/user", "grouping_rules[1].pattern"),
        ("/a*", "/user", "grouping_rules[1].pattern"),
        ("/:a-b", "/user", "grouping_rules[1].pattern"),
        ("/a", "", "grouping_rules[1].name"),
        ("/:a", "/{b}", "grouping_rules[1].name"),
        ("/:a", "/{a", "grouping_rules[1].name"),
    ] {
        let errors = GroupingRules::parse([("/fine", "/fine"), (pattern, name)]).unwrap_err();
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0].field, field, "{pattern}");
    }
    let many = GroupingRules::parse(std::iter::repeat_n(("/a", "/a"), 101)).unwrap_err();
    assert_eq!(many[0].field, "grouping_rules");
}

fn limiter(names_max: usize, names_total_max: usize) -> NameLimiter {
    NameLimiter::new(&GroupingConfig {
        names_max,
        names_total_max,
        ..GroupingConfig::default()
    })
}

#[test]
fn known_names_stay_and_the_rest_is_folded_until_a_day_has_passed() {
    let limiter = limiter(3, 100);
    let (mut one, mut two) = (limiter.local(), limiter.local());
    let mut admit = |name: &str, now_ms| {
        let answers = [
            one.admit("p", Field::Page, name, now_ms),
            two.admit("p", Field::Page, name, now_ms),
        ];
        assert_eq!(answers[0], answers[1], "workers agree on {name}");
        answers[0]
    };
    for name in ["/a", "/b", "/c"] {
        assert!(admit(name, NOW_MS));
    }
    assert!(!admit("/d", NOW_MS));
    assert!(admit("", NOW_MS) && admit(OTHER_NAME, NOW_MS));
    let later_ms = NOW_MS + DAY_MS - 3_600_000;
    assert!(admit("/a", later_ms) && !admit("/d", later_ms));
    let next_day_ms = NOW_MS + DAY_MS + 3_600_000;
    assert!(
        admit("/d", next_day_ms) && admit("/e", next_day_ms),
        "b and c are forgotten"
    );
    assert!(admit("/a", next_day_ms) && !admit("/b", next_day_ms));
    assert_eq!(limiter.total(), 3);
}

#[test]
fn fields_and_projects_have_limits_of_their_own_and_share_the_total() {
    let limiter = limiter(2, 5);
    let mut names = limiter.local();
    for project in ["p", "q"] {
        for field in [Field::Page, Field::Release] {
            for name in ["1", "2", "3"] {
                names.admit(project, field, name, NOW_MS);
            }
        }
    }
    assert_eq!(limiter.total(), 5);
    assert!(names.admit("p", Field::Page, "1", NOW_MS), "known names stay");
    let next_day_ms = NOW_MS + 2 * DAY_MS;
    for name in 0..1_000 {
        names.admit("r", Field::ApiEndpoint, &name.to_string(), next_day_ms);
    }
    assert!(limiter.total() <= 5);
}

#[test]
fn many_threads_admit_no_more_than_the_limit() {
    let limiter = limiter(50, 120);
    let admitted: usize = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..8)
            .map(|worker: usize| {
                let mut names = limiter.local();
                scope.spawn(move || {
                    let mut admitted = std::collections::HashSet::new();
                    for name in 0..2_000 {
                        let (project, name) = (name % 4, (name * 7 + worker * 13) % 500);
                        if names.admit(&project.to_string(), Field::Page, &name.to_string(), NOW_MS) {
                            admitted.insert((project, name));
                        }
                    }
                    admitted
                })
            })
            .collect();
        let all: std::collections::HashSet<_> = workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect();
        all.len()
    });
    assert_eq!(admitted, limiter.total());
    assert_eq!(admitted, 120);
}

fn paths() -> impl Strategy<Value = String> {
    let segment = prop_oneof![
        "[a-z]{0,8}",
        "[0-9]{1,12}",
        "[0-9a-f]{8,32}",
        "[A-Za-z0-9_-]{1,24}",
        "[a-z]{1,5}\\.[0-9a-f]{8}\\.js",
        "[a-z]{1,5}(@|%40)[a-z]{1,5}\\.org",
        "\\PC{0,6}",
        Just("*".to_owned()),
        Just(":id".to_owned()),
        Just(String::new()),
    ];
    let tail = prop_oneof![Just(""), Just("/"), Just("?a=1"), Just("#x"), Just("/?")];
    let head = prop_oneof![
        Just(""),
        Just("/"),
        Just("https://h.example/"),
        Just("//h.example/")
    ];
    (head, prop::collection::vec(segment, 0..6), tail)
        .prop_map(|(head, segments, tail)| format!("{head}{}{tail}", segments.join("/")))
}

#[test]
fn nothing_at_the_end_of_a_path_makes_it_another() {
    for path in ["/a", "/a/", "/a /", "/a/ /", "/a ?b", "/a// # b"] {
        assert_eq!(page(path), "/a", "{path}");
    }
    for path in ["/", "/ /", "// ", "/ ?a"] {
        assert_eq!(page(path), "/", "{path}");
    }
}

proptest! {
    #[test]
    fn grouping_twice_is_grouping_once(path in paths()) {
        let once = page(&path);
        // A path that begins with two slashes is read as a host; none comes out.
        prop_assert_eq!(page(&once), once.clone());
        prop_assert!(once.len() <= path.len().max(3 * path.len()) + 1);
    }

    #[test]
    fn what_differs_in_ids_only_is_one_group(
        word in "[a-z]{1,8}", one in 0..u64::MAX, two in 0..u64::MAX, uuid in any::<u128>(), other in any::<u128>(),
    ) {
        let path = |number: u64, id: u128| format!("/{word}/{number}/{}/edit", uuid::Uuid::from_u128(id));
        prop_assert_eq!(page(&path(one, uuid)), page(&path(two, other)));
    }

    #[test]
    fn any_text_is_grouped(text in any::<String>(), rules in prop::collection::vec(("/[a-z*:/]{0,6}", "[a-z{}/]{1,6}"), 0..4)) {
        let rules = GroupingRules::parse(rules.iter().map(|(pattern, name)| (pattern.as_str(), name.as_str())));
        let grouping = Grouping::new(&GroupingConfig::default(), rules.unwrap_or_default(), []);
        let named = grouping.endpoint(text.as_str().into());
        prop_assert!(named.len() <= 3 * text.len() + 16);
    }

    #[test]
    fn no_sequence_of_names_gets_beyond_the_limits(
        sightings in prop::collection::vec((0..3_u8, 0..40_u8, 0..4_i64), 1..300), names_max in 1..10_usize,
    ) {
        let limiter = limiter(names_max, 15);
        let mut names = limiter.local();
        let mut now_ms = NOW_MS;
        let mut admitted: Vec<(i64, u8, u8)> = Vec::new();
        for (project, name, hours) in sightings {
            now_ms += hours * 3_600_000;
            if names.admit(&project.to_string(), Field::Page, &name.to_string(), now_ms) {
                admitted.push((now_ms, project, name));
            }
            prop_assert!(limiter.total() <= 15);
            let recent: HashSet<_> = admitted
                .iter()
                .filter(|(at, of, _)| *of == project && *at > now_ms - 23 * 3_600_000)
                .map(|(_, _, name)| *name)
                .collect();
            prop_assert!(recent.len() <= names_max, "{} names", recent.len());
        }
    }
}
