//! file-edit: exact replacements in a file, all of them or none.

use std::fs::File;
use std::io::Read;

use boxagnts_files::call::{self, Answer, Failure, Input};
use boxagnts_files::edit::{apply, diff, near};
use boxagnts_files::replace;
use boxagnts_files::text::{self, Encoding};
use boxagnts_files::{fail, place};
use serde_json::{Value, json};

/// The text, its plain form, the result and the diff fit the default memory.
const FILE_MAX_BYTES: u64 = 16 << 20;
const RESULT_MAX_BYTES: usize = 32 << 20;
const EDITS_MAX: usize = 1000;
const MATCHES_MAX: usize = 1_000_000;
const LINES_SHOWN: usize = 20;

/// Where an edit was made.
struct Made {
    count: usize,
    /// Of the first matches, in the text before the edit.
    lines: Vec<usize>,
}

struct Edit<'a> {
    /// "" for the only one, "edit 2: " of several.
    name: String,
    old: &'a str,
    new: &'a str,
    is_all: bool,
}

fn edit_of<'a>(input: &'a Input, name: String, is_all: bool) -> Result<Edit<'a>, Failure> {
    let wrap = |Failure(text)| Failure(format!("{name}{text}"));
    let edit = Edit {
        old: input.text("old_string").map_err(wrap)?,
        new: input.text("new_string").map_err(wrap)?,
        is_all: input.flag("replace_all").map_err(wrap)?.unwrap_or(is_all),
        name: name.clone(),
    };
    if edit.old.is_empty() {
        fail!(
            "{name}old_string is empty; to make a file or replace all of it use file-write, to add \
             lines give the line before them as old_string"
        );
    }
    if edit.old == edit.new {
        fail!("{name}old_string and new_string are the same: there is nothing to change");
    }
    Ok(edit)
}

/// The edits as inputs of their own; None: the input itself is the only one.
fn several(input: &Input) -> Result<Option<Vec<Input>>, Failure> {
    let list = match input.find("edits") {
        None => return Ok(None),
        Some(Value::Array(list)) => list,
        Some(other) => fail!(
            "'edits' is {}; expected an array of {{\"old_string\", \"new_string\"}}",
            call::kind(other)
        ),
    };
    if input.find("old_string").is_some() || input.find("new_string").is_some() {
        fail!("give either 'edits' or 'old_string' and 'new_string', not both");
    }
    if list.is_empty() || list.len() > EDITS_MAX {
        fail!(
            "'edits' has {} elements; expected 1 to {EDITS_MAX}",
            list.len()
        );
    }
    let inputs = list
        .iter()
        .enumerate()
        .map(|(i, value)| Input::from_value(value, &format!("edit {}", i + 1)))
        .collect::<Result<_, _>>()?;
    Ok(Some(inputs))
}

fn list_lines(made: &Made) -> String {
    let shown: Vec<_> = made.lines.iter().map(usize::to_string).collect();
    let more = if made.count > shown.len() {
        ", ..."
    } else {
        ""
    };
    format!("{}{more}", shown.join(", "))
}

fn apply_edit(path: &str, raw: &[u8], edit: &Edit) -> Result<(Vec<u8>, Made), Failure> {
    let name = &edit.name;
    let plain = apply::Plain::new(raw);
    let old = apply::without_crs(edit.old);
    let new = if plain.text.contains(&b'\n') {
        apply::without_crs(edit.new)
    } else {
        edit.new.into()
    };
    let matches = apply::find_all(&plain.text, old.as_bytes(), MATCHES_MAX + 1);
    if matches.is_empty() {
        fail!(
            "{name}old_string is not in '{path}'; nothing was changed. {}",
            near::explain(&String::from_utf8_lossy(&plain.text), &old)
        );
    }
    let made = Made {
        count: matches.len(),
        lines: apply::lines_of(&plain.text, &matches[..matches.len().min(LINES_SHOWN)]),
    };
    if !edit.is_all && apply::is_ambiguous(&plain.text, old.as_bytes(), matches[0]) {
        fail!(
            "{name}old_string is in '{path}' {} times (line{} {}); nothing was changed. Add lines \
             around the one you mean until it is unique, or set replace_all.",
            made.count.max(2),
            if made.count == 1 { "" } else { "s" },
            list_lines(&made)
        );
    }
    let grown = raw
        .len()
        .saturating_add(made.count.saturating_mul(2 * new.len()));
    if made.count > MATCHES_MAX || grown > RESULT_MAX_BYTES {
        fail!(
            "{name}old_string is in '{path}' {}{} times: the result is too large for one edit",
            if made.count > MATCHES_MAX {
                "more than "
            } else {
                ""
            },
            made.count.min(MATCHES_MAX)
        );
    }
    Ok((apply::replace(raw, &plain, &matches, old.len(), &new), made))
}

struct Loaded {
    encoding: Encoding,
    text: Vec<u8>,
    stamp: replace::Stamp,
}

fn load(path: &str) -> Result<Loaded, Failure> {
    let failed = |e| place::failure(path, "edited", &e);
    let mut file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if metadata.is_dir() {
        fail!("'{path}' is a folder, not a file; name a file in it");
    }
    if !metadata.is_file() {
        fail!("'{path}' is no regular file; only those are edited");
    }
    if metadata.len() > FILE_MAX_BYTES {
        fail!(
            "'{path}' has {} bytes; files up to {FILE_MAX_BYTES} are edited",
            metadata.len()
        );
    }
    let stamp = replace::stamp(&file).map_err(failed)?;
    let mut data = Vec::with_capacity(metadata.len() as usize + 1);
    (&mut file)
        .take(FILE_MAX_BYTES + 1)
        .read_to_end(&mut data)
        .map_err(failed)?;
    match text::decode(data) {
        Ok((encoding, text)) => Ok(Loaded {
            encoding,
            text,
            stamp,
        }),
        Err(what) => fail!("'{path}' is no text but {what}, and cannot be edited"),
    }
}

fn edit(input: &Input) -> Result<Answer, Failure> {
    let path = place::get(input, "path")?;
    let is_all = input.flag("replace_all")?.unwrap_or(false);
    let inputs = several(input)?;
    let edits = match &inputs {
        None => vec![edit_of(input, String::new(), is_all)?],
        Some(list) => list
            .iter()
            .enumerate()
            .map(|(i, one)| edit_of(one, format!("edit {}: ", i + 1), is_all))
            .collect::<Result<_, _>>()?,
    };
    let target = replace::follow_links(&path)?;
    let loaded = load(&target)?;

    let mut text = loaded.text.clone();
    let mut all_made = Vec::new();
    for edit in &edits {
        let (next, made) = apply_edit(&path, &text, edit)?;
        text = next;
        all_made.push(made);
    }
    if text == loaded.text {
        fail!("the edits leave '{path}' as it is: there is nothing to change");
    }
    let data = match text::encode(&text, loaded.encoding) {
        Ok(data) => data,
        Err(c) => fail!(
            "'{path}' is in {}, which has no '{c}'; write it without, or the whole file anew with \
             file-write, as UTF-8",
            loaded.encoding.name()
        ),
    };
    // Before the file changes: a call that is ended by its memory's limit here
    // has done nothing.
    let diff = diff::unified(
        &path,
        &String::from_utf8_lossy(&loaded.text),
        &String::from_utf8_lossy(&text),
    );
    let endings = apply::Plain::new(&text).endings();
    replace::replace(&target, &data, &loaded.stamp)?;

    let count: usize = all_made.iter().map(|made| made.count).sum();
    Ok(Answer {
        text: describe(&path, &target, &all_made, count),
        metadata: json!({
            "path": path,
            "written_path": target,
            "replacements": count,
            "lines_added": diff.added,
            "lines_removed": diff.removed,
            "bytes": data.len(),
            "encoding": loaded.encoding.name(),
            "line_endings": endings,
            "diff": diff.text,
            "diff_is_cut": diff.is_cut,
        }),
    })
}

fn describe(path: &str, target: &str, all_made: &[Made], count: usize) -> String {
    let mut text = format!("Edited '{path}': {}", call::count(count, "replacement"));
    match all_made {
        [made] => text.push_str(&format!(" (line {})", list_lines(made))),
        several => text.push_str(&format!(" by {} edits", several.len())),
    }
    if path != target {
        text.push_str(&format!("; it is a link, so '{target}' was written"));
    }
    text
}

fn main() {
    call::answer(edit);
}
