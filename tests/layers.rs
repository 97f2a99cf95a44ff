//! The parts and the arrows between them, read from the sources (design section 2).
//!
//! The compiler lets every module use every other. What keeps the engine pure, and the server free of
//! where certificates come from, is that this test fails.

#[path = "layers/arrows.rs"]
mod arrows;
#[path = "layers/references.rs"]
mod references;
#[path = "layers/sources.rs"]
mod sources;

use arrows::Arrows;
use sources::{Source, words};

/// At about 350 lines a file asks to be split; from here on it must be.
const LINES_MAX: usize = 400;

#[test]
fn every_arrow_points_the_right_way() {
    let arrows = Arrows::of_this_package();
    let wrong: Vec<String> = Source::all().iter().flat_map(|source| arrows.wrong(source)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_part_has_its_arrows_written_down() {
    for source in Source::all() {
        assert!(
            Arrows::part_of(&source.module).is_some(),
            "{} belongs to no part that tests/layers/arrows.rs knows",
            source.path
        );
    }
}

#[test]
fn the_library_root_only_names_the_parts() {
    let sources = Source::all();
    let root = sources.iter().find(|source| source.path == "src/lib.rs").expect("the library has a root");
    for item in &root.syntax().items {
        let is_name = matches!(item, syn::Item::Mod(part) if part.content.is_none());
        assert!(
            is_name,
            "src/lib.rs has an item that is no `mod part;`: what stands there can be used by all"
        );
    }
}

/// A planted arrow for each form in which Rust can write one: the file's module, its text, and what must be said.
const PLANTED: &[(&[&str], &str, &str)] = &[
    // `use`, with all its forms.
    (&["engine", "rules"], "use crate::server::routes;", "crate::server::routes"),
    (
        &["engine", "rules"],
        "use crate::{engine::pod, process::{logs, metrics as m}};",
        "crate::process::metrics",
    ),
    (&["engine", "rules"], "pub(crate) use crate::certs::*;", "crate::certs"),
    (&["engine", "rules"], "use crate as root;", "crate"),
    (&["engine", "rules"], "use crate::*;", "crate"),
    (&["engine", "rules"], "use crate::{self as root};", "crate"),
    (&["engine", "rules"], "use pullkey::server::routes;", "crate::server::routes"),
    (&["engine", "rules"], "use tokio;", "tokio"),
    (&["engine", "rules"], "use ::tokio::sync;", "tokio::sync"),
    (&["engine", "rules"], "use tokio as runtime;", "tokio"),
    (&["engine", "rules"], "use {std::fmt, std::{fs, io}};", "std::fs"),
    (&["engine", "rules"], "use std::{env as surroundings};", "std::env"),
    (&["engine", "rules"], "use std::time::{self, Duration};", "std::time"),
    (&["engine", "rules"], "use std::*;", "std"),
    (&["engine", "rules"], "use std as s;", "std"),
    (&["engine", "rules"], "extern crate hyper;", "hyper"),
    (&["engine", "rules"], "extern crate std as s;", "std"),
    (&["engine", "rules"], "fn f() { use std::process::exit; exit(1) }", "std::process::exit"),
    // Climbing out.
    (&["engine", "rules"], "use super::super::server::tls;", "crate::server::tls"),
    (&["engine", "config", "names"], "use super::super::super::cli;", "crate::cli"),
    (&["engine", "config", "names"], "use super::{super::super::cli::Cli, Finding};", "crate::cli::Cli"),
    (&["engine", "rules"], "mod tests { use super::super::super::commands; }", "crate::commands"),
    (&["engine", "rules"], "fn f() { self::super::super::certs::cell::f() }", "crate::certs::cell::f"),
    (&["engine", "rules"], "use super::super as root;", "crate"),
    // Full paths, wherever a path may stand.
    (&["engine", "rules"], "fn f() { crate::process::logs::f() }", "crate::process::logs::f"),
    (&["engine", "rules"], "fn f(_: std::net::IpAddr) {}", "std::net::IpAddr"),
    (&["engine", "rules"], "fn f() { let _ = std::thread::spawn(|| {}); }", "std::thread::spawn"),
    (&["engine", "rules"], "fn f() -> core::time::Duration { todo() }", "core::time::Duration"),
    (
        &["engine", "rules"],
        "struct S { f: Option<Vec<tokio::task::JoinHandle<()>>> }",
        "tokio::task::JoinHandle",
    ),
    (&["engine", "rules"], "impl axum::response::IntoResponse for S {}", "axum::response::IntoResponse"),
    (&["engine", "rules"], "fn f<T: kube::Resource>() {}", "kube::Resource"),
    (&["engine", "rules"], "fn f() { <rustls::ServerConfig as Clone>::clone(x) }", "rustls::ServerConfig"),
    (&["engine", "rules"], "fn f(x: X) { match x { tokio::A::B { .. } => {} } }", "tokio::A::B"),
    (&["engine", "rules"], "type T = dyn Fn() -> ::hyper::Error;", "hyper::Error"),
    // Attributes and macros, whose content is no syntax yet.
    (&["engine", "rules"], "#[tokio::main] async fn f() {}", "tokio::main"),
    (&["engine", "rules"], "#[derive(Debug, clap::Args)] struct S;", "clap::Args"),
    (&["engine", "rules"], "struct S { #[serde(with = \"crate::certs::x\")] f: u8 }", "crate::certs::x"),
    (&["engine", "rules"], "fn f() { assert!(g([1, crate::cli::x()])) }", "crate::cli::x"),
    (&["engine", "rules"], "fn f() { tokio::select! {} }", "tokio::select"),
    (&["engine", "rules"], "macro_rules! m { () => { $crate::server::f() } }", "crate::server::f"),
    (&["engine", "rules"], "m! { use super::super::{cli, server as s}; }", "crate::server"),
    (&["engine", "rules"], "m! { use std::{fmt, env}; }", "std::env"),
    (&["engine", "rules"], "fn f() { println!() }", "println!"),
    (&["engine", "rules"], "fn f() { dbg!(1) }", "dbg!"),
    // Other files by other ways.
    (&["engine", "rules"], "#[path = \"../server/tls.rs\"] mod tls;", "#[path]"),
    (&["engine", "rules"], "include!(\"../server/tls.rs\");", "include!"),
    // A crate that nobody spoke of yet.
    (&["engine", "rules"], "use ring::digest;", "ring::digest"),
    (&["engine", "rules"], "fn f() { tracing::info!(\"x\") }", "tracing::info"),
    // The other parts.
    (&["server", "tls"], "use crate::certs::files::FilePair;", "crate::certs::files::FilePair"),
    (&["server", "tls"], "use crate::certs;", "crate::certs"),
    (&["server", "tls"], "use crate::certs::{cell, issue};", "crate::certs::issue"),
    (&["server", "tls"], "use crate::commands::run;", "crate::commands::run"),
    (&["server"], "use super::cli::Cli;", "crate::cli::Cli"),
    (&["certs", "files"], "use crate::server::tls;", "crate::server::tls"),
    (&["certs", "files"], "use crate::engine::review;", "crate::engine::review"),
    (&["certs", "cell"], "pub use super::files::FilePair;", "crate::certs::files::FilePair"),
    (&["process", "admin"], "use crate::engine::review;", "crate::engine::review"),
    (&["process"], "use crate::server;", "crate::server"),
    (&["cluster", "client"], "use crate::process::metrics;", "crate::process::metrics"),
    (&["cli"], "use crate::commands;", "crate::commands"),
    (&["main"], "use pullkey::server::routes;", "crate::server::routes"),
    (&["server", "tls"], "fn f() -> anyhow::Result<()> { g() }", "anyhow::Result"),
    (&["commands", "serve"], "use clap::Parser;", "clap::Parser"),
    (&["commands", "serve"], "use crate::absent::x;", "crate::absent::x"),
];

#[test]
fn a_planted_arrow_is_found_in_every_form() {
    let arrows = Arrows::of_this_package();
    for (module, text, expected) in PLANTED {
        let wrong = arrows.wrong(&Source::planted(module, text));
        let said = format!(" {expected}: ");
        assert!(
            wrong.iter().any(|wrong| wrong.contains(&said)),
            "{text:?} in {module:?}: found only {wrong:?}"
        );
    }
}

#[test]
fn a_finding_names_the_file_and_the_line() {
    let source = Source::planted(&["engine", "rules"], "fn f() {}\n\nuse crate::cli;\n");
    let wrong = Arrows::of_this_package().wrong(&source);
    assert_eq!(wrong, ["planted.rs:3: crate::cli: engine may use nothing of this package but itself"]);
}

/// What looks like an arrow and is none, or points the right way.
const INNOCENT: &[(&[&str], &str)] = &[
    (
        &["engine", "rules"],
        "use super::config::{self, Config as C}; use crate::engine::pod::*; use super::*;",
    ),
    (&["engine", "rules"], "mod tests { use super::*; use super::super::config; }"),
    (&["engine", "rules"], "use std::{fmt, collections::HashMap}; use serde::de::{self, Visitor};"),
    (&["engine", "rules"], "pub(crate) struct S; pub(in crate::engine) struct T; pub(super) struct U;"),
    (
        &["engine", "rules"],
        "/// As [`crate::server`] and `tokio::main` do.\nfn f() { g(\"crate::server::x\") }",
    ),
    (
        &["engine", "rules"],
        "fn f(bytes: &[u8], time: u8) { bytes.len(); time.max(1); Self::tokio(); E::Tokio; }",
    ),
    (
        &["engine", "rules"],
        "macro_rules! m { () => { $crate::engine::json::f() } } fn f() { write!(f, \"x\") }",
    ),
    (
        &["server", "tls"],
        "use crate::certs::cell::Cell; use crate::{engine::review, process}; use tokio::time;",
    ),
    (&["certs", "files"], "use super::cell; use crate::process::metrics; use crate::cluster; use std::fs;"),
    (&["commands", "serve"], "use crate::{certs, cli, engine, process, server}; use anyhow::Context;"),
    (&["main"], "use pullkey::{cli::Cli, commands}; use clap::Parser;"),
];

#[test]
fn what_is_no_wrong_arrow_is_not_reported() {
    let arrows = Arrows::of_this_package();
    for (module, text) in INNOCENT {
        let wrong = arrows.wrong(&Source::planted(module, text));
        assert!(wrong.is_empty(), "{text:?} in {module:?}: {wrong:?}");
    }
}

#[test]
fn no_source_file_is_too_long() {
    for source in Source::all() {
        let lines = source.text.lines().count();
        assert!(lines <= LINES_MAX, "{} has {lines} lines, more than {LINES_MAX}: split it", source.path);
    }
}

#[test]
fn a_module_stands_beside_its_folder() {
    for source in Source::all() {
        assert!(!source.path.ends_with("/mod.rs"), "{}: write foo.rs beside foo/", source.path);
    }
}

/// Words in code, macros included, that this package does without.
const UNWANTED: &[(&str, &str)] = &[
    ("unsafe", "nothing here needs it"),
    ("# [allow (", "write #[expect(…, reason = \"…\")], which tells when it is no longer needed"),
    ("# ! [allow (", "write #[expect(…, reason = \"…\")], which tells when it is no longer needed"),
    // Inside `cfg_attr`.
    (", allow (", "write expect(…, reason = \"…\")"),
    ("todo !", "do it"),
    ("unimplemented !", "do it"),
];

/// The unwanted words of a source, with what to do instead.
fn unwanted(source: &Source) -> Vec<(&'static str, &'static str)> {
    let words = words(&source.text);
    UNWANTED.iter().copied().filter(|(word, _)| words.contains(&format!(" {word} "))).collect()
}

#[test]
fn no_source_has_a_word_that_this_package_does_without() {
    for source in Source::all() {
        let found = unwanted(&source);
        assert!(found.is_empty(), "{} has what this package does without: {found:?}", source.path);
    }
}

#[test]
fn a_planted_word_is_found() {
    for (text, expected) in [
        ("fn f() { unsafe { g() } }", "unsafe"),
        ("fn f() { m!({ unsafe { g() } }) }", "unsafe"),
        ("#[allow(dead_code)] fn f() {}", "# [allow ("),
        ("#![allow(dead_code)]", "# ! [allow ("),
        ("#[cfg_attr(test, allow(clippy::unwrap_used))] fn f() {}", ", allow ("),
        ("fn f() { todo!() }", "todo !"),
        ("fn f() { std::unimplemented!(\"later\") }", "unimplemented !"),
    ] {
        let found = unwanted(&Source::planted(&["engine"], text));
        assert!(found.iter().any(|(word, _)| *word == expected), "{text:?}: {found:?}");
    }
    // Words in comments and strings are no code.
    assert!(unwanted(&Source::planted(&["engine"], "// todo!\nfn f() { g(\"unsafe todo!\") }")).is_empty());
}

#[test]
fn the_compiler_forbids_unsafe_code() {
    let manifest = sources::manifest();
    assert!(manifest.contains("\n[lints.rust]\nunsafe_code = \"forbid\"\n"), "Cargo.toml must forbid it");
}
