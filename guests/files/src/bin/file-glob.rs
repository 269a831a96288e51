//! file-glob: the files whose paths match a pattern, the last changed first.

use std::fmt::Write as _;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use boxagnts_files::call::{self, Answer, Failure, Input, count};
use boxagnts_files::walk::{self, Choice, Entries};
use boxagnts_files::{fail, place};
use globset::{GlobBuilder, GlobMatcher};
use serde_json::json;

const LIMIT_DEFAULT: u64 = 200;
const LIMIT_MAX: u64 = 100_000;
/// What is kept of a search at most; a tree of more asks for a narrower one.
const FOUND_MAX: usize = 500_000;

struct Pattern {
    matcher: GlobMatcher,
    /// Leading parts without wildcards: where the search begins.
    folder: String,
    depth: Option<usize>,
    is_for_folders: bool,
    names_hidden: bool,
}

fn parse(pattern: &str, root: &str) -> Result<Pattern, Failure> {
    let relative = walk::relative_pattern(pattern, root)?;
    let bare = relative.trim_end_matches('/');
    let matcher = match GlobBuilder::new(bare)
        .literal_separator(true)
        .empty_alternates(true)
        .build()
    {
        Ok(glob) => glob.compile_matcher(),
        Err(e) => fail!("the pattern '{pattern}' is malformed: {}", e.kind()),
    };
    let parts: Vec<&str> = bare.split('/').collect();
    let is_wild = |part: &&str| part.contains(['*', '?', '[', '{', '\\']);
    let literal = parts[..parts.len() - 1]
        .iter()
        .take_while(|part| !is_wild(part))
        .count();
    // A brace may hold slashes, so then the depth is not known.
    let is_deep = bare.contains("**") || bare.contains('{');
    Ok(Pattern {
        matcher,
        folder: parts[..literal].join("/"),
        depth: (!is_deep).then_some(parts.len() - literal),
        is_for_folders: relative.ends_with('/'),
        names_hidden: parts.iter().any(|part| part.starts_with('.')),
    })
}

fn relative_to<'a>(path: &'a str, root: &str) -> &'a str {
    path.strip_prefix(root.trim_end_matches('/'))
        .unwrap_or(path)
        .trim_start_matches('/')
}

fn glob(input: &Input) -> Result<Answer, Failure> {
    let root = place::find(input, "path")?.unwrap_or_else(place::current_folder);
    let pattern = parse(input.text("pattern")?, &root)?;
    let limit = input
        .number("head_limit", 1, LIMIT_MAX)?
        .unwrap_or(LIMIT_DEFAULT) as usize;
    let mut choice = Choice::from_input(input)?;
    choice.hidden |= pattern.names_hidden;

    match fs::metadata(&root) {
        Ok(metadata) if metadata.is_dir() => {}
        Ok(_) => fail!("'{root}' is a file; 'path' is the folder to search in"),
        Err(e) => return Err(place::failure(&root, "searched", &e)),
    }
    let start = place::join(&root, &pattern.folder);
    let mut found: Vec<(SystemTime, String)> = Vec::new();
    let mut note = String::new();
    if fs::metadata(&start).is_ok() {
        let mut builder = walk::builder(&start, choice);
        builder.max_depth(pattern.depth);
        if !pattern.names_hidden {
            builder.filter_entry(walk::is_wanted);
        }
        let mut entries = Entries::new(&start, &mut builder)?;
        for entry in entries.by_ref() {
            let is_folder = entry.file_type().is_some_and(|t| t.is_dir());
            let Some(path) = entry.path().to_str() else {
                continue;
            };
            let relative = relative_to(path, &root);
            if is_folder != pattern.is_for_folders
                || relative.is_empty()
                || !pattern.matcher.is_match(relative)
            {
                continue;
            }
            if found.len() == FOUND_MAX {
                fail!("more than {FOUND_MAX} files match; give a narrower pattern or path");
            }
            // The link's own time, not that of what it leads to.
            let modified = fs::symlink_metadata(path).and_then(|m| m.modified());
            found.push((modified.unwrap_or(UNIX_EPOCH), path.to_string()));
        }
        note = entries.note();
    }
    found.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));

    let mut text = String::new();
    for (_, path) in found.iter().take(limit) {
        let _ = writeln!(
            text,
            "{path}{}",
            if pattern.is_for_folders { "/" } else { "" }
        );
    }
    if found.is_empty() {
        let _ = write!(
            text,
            "Nothing in '{root}' matches.{}",
            if choice.hidden && choice.ignored {
                ""
            } else {
                " Hidden files and those of ignore files are left out: include_hidden and \
                 include_ignored bring them."
            }
        );
    } else if found.len() > limit {
        let _ = write!(
            text,
            "\n[{limit} of {}, last changed first; narrow the pattern or raise head_limit]",
            count(found.len(), "match").replace("matchs", "matches")
        );
    }
    text.push_str(&note);
    Ok(Answer {
        text,
        metadata: json!({"path": root, "total": found.len(), "shown": found.len().min(limit)}),
    })
}

fn main() {
    call::answer(glob);
}
