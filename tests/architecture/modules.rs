//! Which file of a crate uses which other: read from the sources, by every path that is written in them.
//!
//! A path counts at the file that defines what it names, whatever re-exports lie between. `mod x;` and `pub use` are no
//! use, nor is what only tests compile. What a method call leads to is not seen.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Attribute, Item, UseTree, Visibility};

/// A module by its path in the crate; the root is empty.
type Module = Vec<String>;

/// The modules of one crate.
#[derive(Default)]
pub struct Crate {
    /// File by module, that of inline modules included.
    files: BTreeMap<Module, PathBuf>,
    /// Names that a module defines.
    definitions: BTreeMap<Module, BTreeSet<String>>,
    /// Names that a module has from elsewhere, and where from.
    imports: BTreeMap<Module, BTreeMap<String, Module>>,
    /// Modules all of whose names a module has as well.
    globs: BTreeMap<Module, BTreeSet<Module>>,
    /// Paths written in a module.
    paths: BTreeMap<Module, BTreeSet<Module>>,
}

/// What a file uses, by file.
pub type Uses = BTreeMap<PathBuf, BTreeSet<PathBuf>>;

impl Crate {
    /// The crate whose sources lie in `folder`, with `lib.rs` as its root.
    pub fn read(folder: &Path) -> Self {
        let mut found = Self::default();
        found.read_file(&folder.join("lib.rs"), folder, Vec::new());
        found
    }

    fn read_file(&mut self, file: &Path, children: &Path, module: Module) {
        let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        self.read_items(&parsed.items, file, children, module);
    }

    fn read_items(&mut self, items: &[Item], file: &Path, children: &Path, module: Module) {
        self.files.insert(module.clone(), file.into());
        for item in items {
            match item {
                Item::Mod(inner) if is_test(&inner.attrs) => {}
                Item::Mod(inner) => {
                    let name = inner.ident.to_string();
                    let path = joined(&module, &name);
                    let folder = children.join(&name);
                    match &inner.content {
                        Some((_, items)) => self.read_items(items, file, &folder, path),
                        None => {
                            let beside = children.join(format!("{name}.rs"));
                            let file = if beside.exists() { beside } else { folder.join("mod.rs") };
                            self.read_file(&file, &folder, path);
                        }
                    }
                }
                Item::Use(used) if is_test(&used.attrs) => {}
                Item::Use(used) => {
                    let is_reexport = !matches!(used.vis, Visibility::Inherited);
                    self.read_use(&used.tree, Vec::new(), &module, is_reexport);
                }
                other if is_test(attributes(other)) => {}
                other => {
                    let names = self.definitions.entry(module.clone()).or_default();
                    names.extend(defined(other));
                    let paths = self.paths.entry(module.clone()).or_default();
                    read_tokens(other.to_token_stream(), paths);
                }
            }
        }
    }

    fn read_use(&mut self, tree: &UseTree, before: Module, module: &Module, is_reexport: bool) {
        let mut named = |name: String, target: Module| {
            if !is_reexport {
                self.paths.entry(module.clone()).or_default().insert(target.clone());
            }
            self.imports.entry(module.clone()).or_default().insert(name, target);
        };
        match tree {
            UseTree::Path(path) => {
                self.read_use(&path.tree, joined(&before, &path.ident.to_string()), module, is_reexport)
            }
            UseTree::Name(name) if name.ident == "self" => {
                named(before.last().cloned().unwrap_or_default(), before.clone())
            }
            UseTree::Name(name) => named(name.ident.to_string(), joined(&before, &name.ident.to_string())),
            UseTree::Rename(rename) => named(rename.rename.to_string(), joined(&before, &rename.ident.to_string())),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.read_use(tree, before.clone(), module, is_reexport);
                }
            }
            UseTree::Glob(_) => {
                if !is_reexport {
                    self.paths.entry(module.clone()).or_default().insert(before.clone());
                }
                self.globs.entry(module.clone()).or_default().insert(before);
            }
        }
    }

    /// What each file uses of the others.
    pub fn uses(&self) -> Uses {
        let mut uses = Uses::new();
        for (module, file) in &self.files {
            let used = uses.entry(file.clone()).or_default();
            for path in self.paths.get(module).into_iter().flatten() {
                used.extend(self.file_of(module, path, 0).filter(|other| other != file));
            }
        }
        uses
    }

    /// The file that defines what `path`, written in `module`, names; none for what is of another crate or a local name.
    fn file_of(&self, module: &Module, path: &[String], depth: usize) -> Option<PathBuf> {
        // Names that lead to each other lead nowhere.
        if depth > 16 {
            return None;
        }
        let (mut at, mut rest) = (module.clone(), path);
        match rest.first()?.as_str() {
            "crate" => (at, rest) = (Module::new(), &rest[1..]),
            "self" | "super" => {
                while let Some(first) = rest.first().filter(|first| *first == "self" || *first == "super") {
                    if first == "super" {
                        at.pop();
                    }
                    rest = &rest[1..];
                }
            }
            first if self.files.contains_key(&joined(&at, first)) => {}
            first => {
                let import = self.imports.get(&at).and_then(|imports| imports.get(first));
                if let Some(target) = import {
                    if target.first().is_some_and(|root| root == first) {
                        return None;
                    }
                    let whole: Module = target.iter().chain(&rest[1..]).cloned().collect();
                    return self.file_of(&at, &whole, depth + 1);
                }
                return self.through_globs(&at, rest, depth);
            }
        }
        loop {
            let Some(first) = rest.first() else { return self.files.get(&at).cloned() };
            let child = joined(&at, first);
            if self.files.contains_key(&child) {
                (at, rest) = (child, &rest[1..]);
                continue;
            }
            if self.definitions.get(&at).is_some_and(|names| names.contains(first)) {
                return self.files.get(&at).cloned();
            }
            if let Some(target) = self.imports.get(&at).and_then(|imports| imports.get(first)) {
                let whole: Module = target.iter().chain(&rest[1..]).cloned().collect();
                return self.file_of(&at, &whole, depth + 1);
            }
            return self.through_globs(&at, rest, depth);
        }
    }

    fn through_globs(&self, at: &Module, rest: &[String], depth: usize) -> Option<PathBuf> {
        let globs = self.globs.get(at).into_iter().flatten();
        globs.into_iter().find_map(|glob| {
            let whole: Module = glob.iter().chain(rest).cloned().collect();
            self.file_of(at, &whole, depth + 1)
        })
    }
}

/// Files that use each other, directly or round about, in groups.
pub fn circles(uses: &Uses) -> Vec<Vec<&Path>> {
    let reach = |from: &Path| {
        let mut seen = BTreeSet::new();
        let mut open = vec![from];
        while let Some(next) = open.pop() {
            for used in uses.get(next).into_iter().flatten() {
                if seen.insert(used.as_path()) {
                    open.push(used);
                }
            }
        }
        seen
    };
    let reached: BTreeMap<&Path, BTreeSet<&Path>> = uses.keys().map(|file| (file.as_path(), reach(file))).collect();
    let mut groups: BTreeSet<Vec<&Path>> = BTreeSet::new();
    for (file, to) in &reached {
        if to.contains(file) {
            groups.insert(to.iter().filter(|other| reached[**other].contains(file)).copied().collect());
        }
    }
    groups.into_iter().collect()
}

fn joined(module: &[String], name: &str) -> Module {
    module.iter().cloned().chain([name.to_owned()]).collect()
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes
        .iter()
        .any(|attribute| attribute.path().is_ident("cfg") && attribute.to_token_stream().to_string().contains("test"))
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        _ => &[],
    }
}

/// The names that `item` gives to its module. A macro may define any name it holds.
fn defined(item: &Item) -> Vec<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Macro(item) => {
            let mut names = item.ident.iter().map(ToString::to_string).collect();
            read_names(item.mac.tokens.clone(), &mut names);
            return names;
        }
        _ => return Vec::new(),
    };
    vec![name.to_string()]
}

fn read_names(tokens: TokenStream, names: &mut Vec<String>) {
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => names.push(ident.to_string()),
            TokenTree::Group(group) => read_names(group.stream(), names),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

/// Every `a::b::c` in `tokens`, in macros as well; names that stand alone are found by their imports.
fn read_tokens(tokens: TokenStream, paths: &mut BTreeSet<Module>) {
    let mut path = Module::new();
    let mut colons = 0;
    let mut end = |path: &mut Module| {
        if path.len() > 1 {
            paths.insert(std::mem::take(path));
        }
        path.clear();
    };
    let mut inner = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => {
                if colons != 2 {
                    end(&mut path);
                }
                path.push(ident.to_string());
                colons = 0;
            }
            TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
            other => {
                end(&mut path);
                colons = 0;
                if let TokenTree::Group(group) = other {
                    inner.push(group.stream());
                }
            }
        }
    }
    end(&mut path);
    for stream in inner {
        read_tokens(stream, paths);
    }
}
