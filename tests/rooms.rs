//! The import rule of `src/lib.rs`, enforced.
//!
//! A room is a module at the top of the crate, with the files below it. The diagram in `src/lib.rs` puts each
//! room in a layer. A file may import
//! - rooms of lower layers, never one of its own layer or above;
//! - inside its room: its own children, what its parents define, and files beside it, unless these import it
//!   in turn, directly or through others.
//!
//! The check reads the sources as text, so it also sees code behind `cfg`.

#[path = "rooms/rule.rs"]
mod rule;
#[path = "rooms/source.rs"]
mod source;

use std::path::Path;

use rule::{Crate, Layers};

fn crate_folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))
}

fn layers() -> Layers {
    let front_page = std::fs::read_to_string(crate_folder().join("lib.rs")).expect("src/lib.rs can be read");
    Layers::from_front_page(&front_page)
}

#[test]
fn imports_point_only_downwards() {
    let faults = Crate::read(crate_folder()).faults(&layers());
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn the_front_page_has_a_layer_for_every_room() {
    let layers = layers();
    for room in Crate::read(crate_folder()).rooms() {
        assert!(
            layers.of(&room).is_some(),
            "src/lib.rs's diagram does not show `{room}`"
        );
    }
}

#[test]
fn the_domain_knows_no_input_output_and_no_async() {
    let faults = Crate::read(crate_folder()).mentions(
        "domain",
        &[
            "async",
            "await",
            "tokio",
            "actix_web",
            "reqwest",
            "clickhouse",
            "std::fs",
            "std::net",
            "std::process",
        ],
    );
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

/// The checker itself, on a small crate with a room in each of three layers.
mod checker {
    use super::{Crate, Layers};

    fn faults(files: &[(&str, &str)]) -> Vec<String> {
        let layers = Layers::from_front_page(
            "//! ```text\n\
             //! L2  app (the root, of all)  tool\n\
             //! L1  wal  wal/{frame,…}    engine  engine/{…}\n\
             //! L0  domain  clock      no I/O, no async\n\
             //! ```\n",
        );
        Crate::from_files(files.iter().map(|(module, text)| (*module, (*text).to_owned()))).faults(&layers)
    }

    #[test]
    fn lower_layers_and_own_children_may_be_imported() {
        let found = faults(&[
            (
                "app",
                "use crate::{wal::Wal, engine, domain::{table::Table, x as y}};",
            ),
            ("wal", "mod frame; use self::frame::Frame; use crate::clock;"),
            (
                "wal::frame",
                "use super::Wal; fn f() { crate::domain::table::g() }",
            ),
            ("domain", "pub mod table;"),
            ("domain::table", ""),
            ("engine", ""),
            ("clock", ""),
        ]);
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn a_higher_layer_is_refused() {
        let found = faults(&[("wal", ""), ("domain::table", "use crate::wal::Wal;")]);
        assert_eq!(found, ["domain::table (L0) imports wal (L1)"]);
    }

    #[test]
    fn a_room_of_the_same_layer_is_refused() {
        let found = faults(&[("wal::frame", "use crate::engine::Engine;"), ("engine", "")]);
        assert_eq!(found, ["wal::frame (L1) imports engine (L1)"]);
    }

    #[test]
    fn an_import_is_seen_in_groups_expressions_and_through_super() {
        let engine = ("engine", "");
        for text in [
            "use crate::{domain::A, engine::B};",
            "use crate::{domain::{A, B}, engine::{self, C as D}};",
            "fn f(_: crate::engine::Engine) {}",
            "fn f() { let x = ::std::convert::identity(crate::engine::run()); }",
            "use super::super::engine::Engine;",
            "mod inner { use super::super::super::engine::Engine; }",
            "pub(crate) use crate::engine as motor;",
        ] {
            let found = faults(&[engine, ("wal::frame", text), ("domain", "")]);
            assert_eq!(found, ["wal::frame (L1) imports engine (L1)"], "{text}");
        }
    }

    #[test]
    fn comments_texts_and_lifetimes_are_no_imports() {
        let text = r##"
            //! [`crate::app`]
            /* crate::app /* nested crate::app */ crate::app */
            fn f<'a>(x: &'a str) -> char { let _ = "crate::app \" crate::app"; let _ = r#"crate::app"#; '"' }
            pub(crate) fn g() -> &'static [u8] { b"crate::app" }
        "##;
        assert_eq!(faults(&[("domain", text), ("app", "")]), [""; 0]);
    }

    #[test]
    fn files_of_one_room_must_not_import_each_other_in_a_ring() {
        let found = faults(&[
            ("wal", ""),
            ("wal::frame", "use super::layout::Block;"),
            ("wal::layout", "use super::seal::Seal;"),
            ("wal::seal", "use crate::wal::frame::Frame;"),
        ]);
        assert_eq!(
            found,
            ["wal::frame, wal::layout, wal::seal import each other in a ring"]
        );
    }

    #[test]
    fn a_room_without_a_layer_is_named() {
        let found = faults(&[("attic", "use crate::domain::table::Table;"), ("domain", "")]);
        assert_eq!(found, ["attic stands in no layer"]);
    }
}
