//! Every path that a source names, with where it leads.

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, ItemExternCrate, ItemMod, ItemUse, Macro, Meta, UseTree, VisRestricted};

/// A path in a source.
#[derive(Debug)]
pub(crate) struct Reference {
    pub(crate) line: usize,
    pub(crate) to: Target,
}

/// Where a path leads.
#[derive(Debug)]
pub(crate) enum Target {
    /// To a module or item of this package, from its root on.
    Own(Vec<String>),
    /// To another crate, or to a name that is in scope through something that is reported itself.
    Foreign(Vec<String>),
    /// To somewhere by a way that no path shows.
    Hidden(&'static str),
}

/// All paths of a file that is the module `module`.
pub(crate) fn references(file: &syn::File, module: &[String]) -> Vec<Reference> {
    let mut finder = Finder { module: module.to_vec(), found: Vec::new() };
    finder.visit_file(file);
    finder.found
}

struct Finder {
    /// The module that is being read, with the modules inside the file.
    module: Vec<String>,
    found: Vec<Reference>,
}

impl Finder {
    fn add(&mut self, names: &[String], is_foreign: bool, span: Span) {
        let to = if is_foreign { Target::Foreign(names.to_vec()) } else { self.resolve(names) };
        self.found.push(Reference { line: span.start().line, to });
    }

    fn resolve(&self, names: &[String]) -> Target {
        let (mut place, rest) = match names[0].as_str() {
            "crate" | "pullkey" => (Vec::new(), &names[1..]),
            "self" | "super" => (self.module.clone(), names),
            _ => return Target::Foreign(names.to_vec()),
        };
        for name in rest {
            match name.as_str() {
                "self" => {}
                "super" => drop(place.pop()),
                name => place.push(name.to_owned()),
            }
        }
        Target::Own(place)
    }

    /// A name alone is a variable or comes from a `use`, which is reported itself.
    fn add_path(&mut self, names: &[String], is_foreign: bool, span: Span) {
        if names.len() > 1 {
            self.add(names, is_foreign, span);
        }
    }

    fn add_use(&mut self, prefix: &[String], tree: &UseTree, is_foreign: bool, span: Span) {
        let with = |name: &syn::Ident| {
            let name = name.to_string();
            let is_the_prefix = name == "self" && !prefix.is_empty();
            let end = (!is_the_prefix).then_some(name);
            prefix.iter().cloned().chain(end).collect::<Vec<_>>()
        };
        match tree {
            UseTree::Path(path) => self.add_use(&with(&path.ident), &path.tree, is_foreign, span),
            UseTree::Name(name) => self.add(&with(&name.ident), is_foreign, name.ident.span()),
            UseTree::Rename(name) => self.add(&with(&name.ident), is_foreign, name.ident.span()),
            // Whoever imports all that a module has uses the module.
            UseTree::Glob(_) if prefix.is_empty() => {}
            UseTree::Glob(_) => self.add(prefix, is_foreign, span),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.add_use(prefix, tree, is_foreign, span);
                }
            }
        }
    }

    /// Finds paths in what a macro or an attribute is given.
    fn add_tokens(&mut self, tokens: TokenStream, strings_are_paths: bool) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut rest = tokens.as_slice();
        while let Some((first, after)) = rest.split_first() {
            match first {
                TokenTree::Ident(first) => {
                    let length = path_length(rest);
                    let is_foreign = ends_with_colons(&tokens[..tokens.len() - rest.len()]);
                    let path: TokenStream = rest[..length].iter().cloned().collect();
                    // `a::{b, c}` and `a::*` too, for macros that are given items.
                    match syn::parse2::<UseTree>(path) {
                        Ok(UseTree::Name(_)) | Err(_) => {}
                        Ok(tree) => self.add_use(&[], &tree, is_foreign, first.span()),
                    }
                    if length == 1
                        && let Some([TokenTree::Punct(mark), TokenTree::Group(_)]) = after.get(..2)
                        && mark.as_char() == '!'
                    {
                        self.add_macro_name(&first.to_string(), first.span());
                    }
                    rest = &rest[length..];
                }
                TokenTree::Group(group) => {
                    self.add_tokens(group.stream(), strings_are_paths);
                    rest = after;
                }
                TokenTree::Literal(literal) => {
                    let text = syn::parse_str::<syn::LitStr>(&literal.to_string());
                    let path = text.ok().filter(|_| strings_are_paths).and_then(|text| text.parse().ok());
                    if let Some(path) = path {
                        self.visit_path_at(&path, literal.span());
                    }
                    rest = after;
                }
                TokenTree::Punct(_) => rest = after,
            }
        }
    }

    fn add_macro_name(&mut self, name: &str, span: Span) {
        let hidden = match name {
            "include" => "include!",
            "print" => "print!",
            "println" => "println!",
            "eprint" => "eprint!",
            "eprintln" => "eprintln!",
            "dbg" => "dbg!",
            _ => return,
        };
        self.found.push(Reference { line: span.start().line, to: Target::Hidden(hidden) });
    }

    fn visit_path_at(&mut self, path: &syn::Path, span: Span) {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.add_path(&names, path.leading_colon.is_some(), span);
    }
}

impl<'ast> Visit<'ast> for Finder {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.add_use(&[], &item.tree, item.leading_colon.is_some(), item.use_token.span);
    }

    fn visit_item_extern_crate(&mut self, item: &'ast ItemExternCrate) {
        self.add(&[item.ident.to_string()], true, item.ident.span());
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        self.module.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let span = path.segments.first().map_or_else(Span::call_site, |first| first.ident.span());
        self.visit_path_at(path, span);
        // The arguments between angle brackets have paths of their own.
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast Macro) {
        visit::visit_macro(self, called);
        if let Some(name) = called.path.segments.last() {
            self.add_macro_name(&name.ident.to_string(), name.ident.span());
        }
        self.add_tokens(called.tokens.clone(), false);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        visit::visit_attribute(self, attribute);
        match &attribute.meta {
            Meta::List(list) => self.add_tokens(list.tokens.clone(), true),
            Meta::NameValue(pair) if pair.path.is_ident("path") => {
                let line = attribute.pound_token.span.start().line;
                self.found.push(Reference { line, to: Target::Hidden("#[path]") });
            }
            Meta::NameValue(_) | Meta::Path(_) => {}
        }
    }

    /// Who may see an item is no use of the place that is named.
    fn visit_vis_restricted(&mut self, _: &'ast VisRestricted) {}
}

/// How many of the first tokens make up a path such as `a::b`, `a::*` or `a::{b, c}`.
fn path_length(tokens: &[TokenTree]) -> usize {
    let mut length = 1;
    while let [first, second, next, ..] = &tokens[length..] {
        let continues = is_colon(first) && is_colon(second);
        match next {
            TokenTree::Ident(_) if continues => length += 3,
            TokenTree::Group(group) if continues && group.delimiter() == proc_macro2::Delimiter::Brace => {
                return length + 3;
            }
            TokenTree::Punct(star) if continues && star.as_char() == '*' => return length + 3,
            _ => break,
        }
    }
    length
}

/// Tells whether `::` stands before a path as in `::tokio::spawn`; after `>` it goes on with a type.
fn ends_with_colons(before: &[TokenTree]) -> bool {
    let [.., second, first] = before else { return false };
    is_colon(first) && is_colon(second)
}

fn is_colon(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == ':')
}
