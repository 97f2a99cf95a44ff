//! The source files, as text and as syntax.

use std::fs;
use std::path::Path;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// One file of the package.
#[derive(Debug)]
pub(crate) struct Source {
    /// From the root of the package.
    pub(crate) path: String,
    /// The module that the file is; `main` is the binary, and the root of the library is empty.
    pub(crate) module: Vec<String>,
    pub(crate) text: String,
}

impl Source {
    /// Every file below `src/`.
    pub(crate) fn all() -> Vec<Self> {
        let mut sources = Vec::new();
        collect(Path::new(env!("CARGO_MANIFEST_DIR")), "src", &mut sources);
        assert!(
            sources.len() > 20,
            "only {} files below src/: the test looks at the wrong place",
            sources.len()
        );
        sources
    }

    /// A file that exists only in a test.
    pub(crate) fn planted(module: &[&str], text: &str) -> Self {
        let module = module.iter().map(|&name| name.to_owned()).collect();
        Self { path: "planted.rs".to_owned(), module, text: text.to_owned() }
    }

    pub(crate) fn syntax(&self) -> syn::File {
        syn::parse_file(&self.text).unwrap_or_else(|error| {
            let line = error.span().start().line;
            panic!("{}:{line}: {error}", self.path)
        })
    }
}

fn collect(root: &Path, folder: &str, sources: &mut Vec<Source>) {
    let entries = fs::read_dir(root.join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let mut names: Vec<_> = entries.map(|entry| entry.expect("a folder can be listed").file_name()).collect();
    names.sort();
    for name in names {
        let path = format!("{folder}/{}", name.to_str().expect("file names of sources are UTF-8"));
        if root.join(&path).is_dir() {
            collect(root, &path, sources);
        } else if Path::new(&path).extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(root.join(&path)).unwrap_or_else(|error| panic!("{path}: {error}"));
            sources.push(Source { module: module(&path), path, text });
        }
    }
}

/// `src/engine/config.rs` is `engine::config`.
fn module(path: &str) -> Vec<String> {
    let path = path.trim_start_matches("src/").trim_end_matches(".rs");
    match path {
        "lib" => Vec::new(),
        path => path.split('/').filter(|name| *name != "mod").map(str::to_owned).collect(),
    }
}

/// The text of `Cargo.toml`.
pub(crate) fn manifest() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The tokens of a text with one blank between them and no comments; strings are left out.
pub(crate) fn words(text: &str) -> String {
    let tokens: TokenStream = text.parse().unwrap_or_else(|error| panic!("{error} in {text:?}"));
    let mut words = " ".to_owned();
    write_words(tokens, &mut words);
    words
}

fn write_words(tokens: TokenStream, words: &mut String) {
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => *words += &ident.to_string(),
            TokenTree::Punct(punct) => words.push(punct.as_char()),
            TokenTree::Literal(_) => words.push_str("\"\""),
            TokenTree::Group(group) => {
                // The opening bracket of an attribute stays at its name: `# [allow (`.
                words.push_str(match group.delimiter() {
                    Delimiter::Bracket => "[",
                    Delimiter::Parenthesis => "(",
                    Delimiter::Brace => "{ ",
                    Delimiter::None => "",
                });
                if group.delimiter() == Delimiter::Parenthesis {
                    words.push(' ');
                }
                write_words(group.stream(), words);
            }
        }
        words.push(' ');
    }
}
