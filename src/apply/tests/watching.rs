//! Rules and channels.

use super::*;

const PROJECT: &str = "[[projects]]\nid = \"shop\"\nname = \"Shop\"\n";

#[test]
fn what_is_wrong_with_rules_and_channels_is_told_as_the_api_tells_it_with_its_line() {
    let faults = toml(&format!(
        "{PROJECT}[[projects.rules]]\nname = \"a\"\nthresholds = {{ warning = 2, error = 1 }}\nfor_ms = -1\n\
         [projects.rules.watch]\nkind = \"metric\"\nwindow_ms = 1\n\
         [[projects.rules]]\nname = \"b\"\nnmae = \"b\"\n\
         [[projects.channels]]\nname = \"c\"\nlevel_min = \"loud\"\ntarget = {{ kind = \"slack\" }}\n\
         [[projects.channels]]\nname = \"d\"\ntarget = {{ kind = \"webhook\", url_file = \"nowhere\" }}\n"
    ))
    .unwrap_err();
    for wanted in [
        "a.toml:6: projects.0.rules.0.thresholds.error: must not be reached before that of warning",
        "a.toml:7: projects.0.rules.0.for_ms: ",
        "a.toml:10: projects.0.rules.0.watch.window_ms: ",
        "a.toml:13: projects.0.rules.1.nmae: ",
        "a.toml:11: projects.0.rules.1.watch: is required",
        "a.toml:16: projects.0.channels.0.level_min: must be one of info, warning, error, critical",
        "a.toml:17: projects.0.channels.0.target.url: is required",
        "a.toml:20: projects.0.channels.1.target.url_file: the file cannot be read",
    ] {
        assert!(
            faults.lines().any(|fault| fault.starts_with(wanted)),
            "{wanted}\n---\n{faults}"
        );
    }
}

#[test]
fn names_stand_once_and_new_channels_say_where_they_lead_and_what_signs() {
    let rule =
        "[[projects.rules]]\nname = \"a\"\nwatch = { kind = \"memory\" }\nthresholds = { error = 0.9 }\n";
    let faults = toml(&format!("{PROJECT}{rule}{rule}")).unwrap_err();
    assert!(
        faults.contains("a.toml:8: projects.0.rules.1.name: stands already in a.toml:4"),
        "{faults}"
    );
    for (target, fault) in [
        (
            "",
            "projects.0.channels.0.target: is required for what is not there yet",
        ),
        (
            "target = { kind = \"webhook\", url = \"https://ops.example/\" }",
            "projects.0.channels.0.target.secret: is required: there is no secret yet",
        ),
    ] {
        let text = format!("{PROJECT}[[projects.channels]]\nname = \"c\"\n{target}\n");
        let faults = planned(&text, &Inventory::default(), false).unwrap_err();
        assert!(faults.contains(fault), "{faults}");
    }
}

#[test]
fn an_address_of_a_channel_may_stand_in_a_file_and_must_be_one_that_is_called() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("slack"), "https://10.0.0.1/services/x\n").unwrap();
    let text = format!(
        "{PROJECT}[[projects.channels]]\nname = \"c\"\ntarget = {{ kind = \"slack\", url_file = \"slack\" }}\n"
    );
    let wanted = read_text("a.toml", folder.path(), Format::Toml, &text).unwrap();
    let made = plan(&wanted, &Inventory::default(), terms(false))
        .unwrap()
        .to_string();
    assert!(
        made.contains("+ channel shop c") && !made.contains("10.0.0.1"),
        "{made}"
    );
    let strict = Terms {
        refusal_of: &|url| url.contains("//10.").then(|| "is private".to_owned()),
        ..terms(false)
    };
    let faults = plan(&wanted, &Inventory::default(), strict)
        .unwrap_err()
        .to_string();
    assert_eq!(faults, "a.toml:4: projects.0.channels.0.target.url: is private");
}
