//! The files beneath a folder that a search looks at: ignore files are
//! honoured, links are not followed, so no tree is endless.

use ignore::{DirEntry, Walk, WalkBuilder};

use crate::call::{Failure, Input, count};
use crate::fail;
use crate::place;

#[derive(Clone, Copy)]
pub struct Choice {
    pub hidden: bool,
    pub ignored: bool,
}

impl Choice {
    pub fn from_input(input: &Input) -> Result<Choice, Failure> {
        Ok(Choice {
            hidden: input.flag("include_hidden")?.unwrap_or(false),
            ignored: input.flag("include_ignored")?.unwrap_or(false),
        })
    }
}

/// A builder for root; what a repository keeps for itself is left out.
pub fn builder(root: &str, choice: Choice) -> WalkBuilder {
    let mut builder = WalkBuilder::new(root);
    builder
        .hidden(!choice.hidden)
        .ignore(!choice.ignored)
        .git_ignore(!choice.ignored)
        .parents(!choice.ignored)
        // .gitignore counts in a workspace that is no repository too, and what
        // only its owner's machine says does not count.
        .require_git(false)
        .git_global(false)
        .git_exclude(false)
        .follow_links(false);
    let exclude = "/.git/info/exclude";
    if !choice.ignored && std::fs::metadata(exclude).is_ok() {
        builder.add_ignore(exclude);
    }
    builder
}

/// Leave out .git, .hg and .svn; a root of that name is meant.
pub fn is_wanted(entry: &DirEntry) -> bool {
    entry.depth() == 0
        || !entry
            .file_name()
            .to_str()
            .is_some_and(|n| matches!(n, ".git" | ".hg" | ".svn"))
}

/// Entries one after the other, and how many could not be read.
pub struct Entries {
    walk: Walk,
    pub unreadable: usize,
}

impl Entries {
    pub fn new(root: &str, builder: &mut WalkBuilder) -> Result<Entries, Failure> {
        if let Err(e) = std::fs::metadata(root) {
            return Err(place::failure(root, "searched", &e));
        }
        Ok(Entries {
            walk: builder.build(),
            unreadable: 0,
        })
    }

    /// A line for the answer; empty when everything could be read.
    pub fn note(&self) -> String {
        match self.unreadable {
            0 => String::new(),
            n => format!("\n[{} could not be read]", count(n, "file or folder")),
        }
    }
}

impl Iterator for Entries {
    type Item = DirEntry;

    fn next(&mut self) -> Option<DirEntry> {
        loop {
            match self.walk.next()? {
                Ok(entry) => return Some(entry),
                Err(_) => self.unreadable += 1,
            }
        }
    }
}

/// A glob relative to the searched folder, as people write it.
pub fn relative_pattern<'a>(pattern: &'a str, root: &str) -> Result<&'a str, Failure> {
    let mut rest = pattern;
    if rest.starts_with('/') {
        let inside = rest.strip_prefix(root.trim_end_matches('/'));
        rest = match inside {
            Some(inside) if inside.starts_with('/') => inside.trim_start_matches('/'),
            _ => {
                fail!("the pattern '{pattern}' is not beneath '{root}'; write it relative to that")
            }
        };
    }
    while let Some(less) = rest.strip_prefix("./") {
        rest = less;
    }
    if rest.is_empty() {
        fail!("the pattern is empty; expected one such as '**/*.c'");
    }
    if rest.split('/').any(|part| part == "..") {
        fail!("the pattern '{pattern}' has '..'; name the folder to search in 'path'");
    }
    Ok(rest)
}
