//! Which modules of a crate know which, as its paths say: those of `use`, and those that stand in the code.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use syn::{
    Attribute, Item, ItemMod, ItemUse, UseTree,
    visit::{self, Visit},
};

/// The top-level modules of a crate, each with those that it knows. The crate's root, which wires them, is no module; what
/// only tests need does not count.
pub fn graph(src: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let mut files = Vec::new();
    walk(src, src, &mut files);
    let names: BTreeSet<String> = files.iter().filter_map(|(module, _)| module.first().cloned()).collect();
    let mut graph: BTreeMap<String, BTreeSet<String>> =
        names.iter().map(|name| (name.clone(), BTreeSet::new())).collect();
    for (module, text) in &files {
        let Some(top) = module.first() else { continue };
        let file = syn::parse_file(text).unwrap_or_else(|error| panic!("{module:?}: {error}"));
        let mut paths = Paths { module: module.clone(), found: Vec::new() };
        paths.visit_file(&file);
        let known = paths.found.into_iter().filter(|name| name != top && names.contains(name));
        graph.entry(top.clone()).or_default().extend(known);
    }
    graph
}

/// A circle of modules, if there is one.
pub fn cycle(graph: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    fn search(
        graph: &BTreeMap<String, BTreeSet<String>>,
        at: &str,
        way: &mut Vec<String>,
        done: &mut BTreeSet<String>,
    ) -> Option<Vec<String>> {
        if let Some(begin) = way.iter().position(|name| name == at) {
            return Some(way[begin..].to_vec());
        }
        if done.contains(at) {
            return None;
        }
        way.push(at.to_owned());
        let found = graph[at].iter().find_map(|next| search(graph, next, way, done));
        way.pop();
        done.insert(at.to_owned());
        found
    }
    let mut done = BTreeSet::new();
    graph.keys().find_map(|name| search(graph, name, &mut Vec::new(), &mut done))
}

fn walk(src: &Path, folder: &Path, files: &mut Vec<(Vec<String>, String)>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(src, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let relative = path.strip_prefix(src).unwrap().with_extension("");
            let mut module: Vec<String> = relative.iter().map(|part| part.to_string_lossy().into_owned()).collect();
            if module.iter().any(|part| part == "tests" || part == "bin") {
                continue;
            }
            if module.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
                module.pop();
            }
            files.push((module, fs::read_to_string(&path).unwrap()));
        }
    }
}

struct Paths {
    module: Vec<String>,
    /// The top-level modules that are named.
    found: Vec<String>,
}

impl Paths {
    /// Notes the top-level module of a path, from the crate's root.
    fn note(&mut self, path: &[String]) {
        let mut base = self.module.clone();
        let mut parts = path.iter().map(String::as_str).peekable();
        match parts.peek() {
            Some(&"crate") => {
                parts.next();
                base.clear();
            }
            Some(&"self") => {
                parts.next();
            }
            Some(&"super") => {
                while parts.next_if_eq(&"super").is_some() {
                    base.pop();
                }
            }
            _ => return,
        }
        base.extend(parts.map(str::to_owned));
        self.found.extend(base.into_iter().next());
    }

    fn note_tree(&mut self, tree: &UseTree, prefix: &mut Vec<String>) {
        match tree {
            UseTree::Path(path) => {
                prefix.push(path.ident.to_string());
                self.note_tree(&path.tree, prefix);
                prefix.pop();
            }
            UseTree::Name(name) => {
                let path: Vec<_> = prefix.iter().cloned().chain([name.ident.to_string()]).collect();
                self.note(&path);
            }
            UseTree::Rename(name) => {
                let path: Vec<_> = prefix.iter().cloned().chain([name.ident.to_string()]).collect();
                self.note(&path);
            }
            UseTree::Glob(_) => self.note(&prefix.clone()),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.note_tree(tree, prefix)),
        }
    }
}

fn is_of_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Ident>().is_ok_and(|condition| condition == "test")
    })
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes = match item {
            Item::Mod(ItemMod { attrs, .. }) | Item::Use(ItemUse { attrs, .. }) => attrs.as_slice(),
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            _ => &[],
        };
        if !is_of_tests(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.note_tree(&item.tree, &mut Vec::new());
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let parts: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.note(&parts);
        visit::visit_path(self, path);
    }
}

#[test]
fn a_circle_is_found_and_a_ladder_is_none() {
    let graph = |arrows: &[(&str, &[&str])]| {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        arrows.iter().map(|(from, known)| ((*from).to_owned(), set(known))).collect()
    };
    assert_eq!(cycle(&graph(&[("a", &["b", "c"]), ("b", &["c"]), ("c", &[])])), None);
    let circle = cycle(&graph(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"])]));
    assert_eq!(circle, Some(vec!["b".to_owned(), "c".to_owned()]));
}

#[test]
fn a_path_counts_wherever_it_stands_and_what_tests_use_does_not() {
    let text = "use crate::{a::X, b}; use super::super::c::Y; fn f() -> crate::d::Z { g() } #[cfg(test)] mod tests { use crate::e; }";
    let mut paths = Paths { module: vec!["room".to_owned(), "inner".to_owned()], found: Vec::new() };
    paths.visit_file(&syn::parse_file(text).unwrap());
    assert_eq!(paths.found, ["a", "b", "c", "d"]);
}
