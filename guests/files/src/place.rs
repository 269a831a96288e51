//! Paths as the tools for files speak of them: absolute ones, and what went
//! wrong there.

use std::fs;
use std::io::{Error, ErrorKind};

use crate::call::{Failure, Input};
use crate::fail;

const PATH_MAX_BYTES: usize = 4095;
const NEAR_MAX: usize = 3;
/// A folder larger than this is not searched whole for near names.
const ENTRIES_READ: usize = 10_000;

/// WASI errno values (preview1).
const EACCES: i32 = 2;
const EDQUOT: i32 = 19;
const ELOOP: i32 = 32;
const ENOTDIR: i32 = 54;
const EPERM: i32 = 63;
const EROFS: i32 = 69;

/// The folder that relative paths count from.
pub fn current_folder() -> String {
    match std::env::var("PWD") {
        Ok(folder) if folder.starts_with('/') => folder,
        _ => "/".into(),
    }
}

pub fn join(folder: &str, name: &str) -> String {
    if name.starts_with('/') {
        name.into()
    } else if folder.ends_with('/') {
        format!("{folder}{name}")
    } else {
        format!("{folder}/{name}")
    }
}

/// A path of the input as an absolute one; None: it is missing.
pub fn find(input: &Input, name: &str) -> Result<Option<String>, Failure> {
    let Some(path) = input.find_text(name)? else {
        return Ok(None);
    };
    if path.is_empty() {
        fail!("'{name}' is empty; expected a path, such as /src/main.c");
    }
    if path.contains('\0') {
        fail!("'{name}' holds a NUL character; expected a path without");
    }
    if path.len() > PATH_MAX_BYTES {
        fail!(
            "'{name}' is {} bytes long; a path has at most {PATH_MAX_BYTES}",
            path.len()
        );
    }
    let mut rest = path;
    while let Some(less) = rest.strip_prefix("./") {
        rest = less.trim_start_matches('/');
    }
    if rest.is_empty() || rest == "." {
        return Ok(Some(current_folder()));
    }
    Ok(Some(join(&current_folder(), rest)))
}

pub fn get(input: &Input, name: &str) -> Result<String, Failure> {
    match find(input, name)? {
        Some(path) => Ok(path),
        None => fail!("'{name}' is missing; expected a string"),
    }
}

/// The folder a path lies in, with its final slash.
pub fn folder_of(path: &str) -> &str {
    &path[..=path.rfind('/').unwrap_or(0)]
}

/// Why `doing` ("read", "edited") something to path failed.
pub fn failure(path: &str, doing: &str, error: &Error) -> Failure {
    if error.kind() == ErrorKind::NotFound {
        return missing(path);
    }
    let why = match error.raw_os_error() {
        Some(EACCES) => {
            "the policy or the file's own mode does not allow it, or it is a device".into()
        }
        Some(EPERM) => "it leads out of the workspace, which is '/'".into(),
        Some(EROFS) => "it is read-only here".into(),
        Some(ELOOP) => "its symbolic links lead in circles".into(),
        Some(ENOTDIR) => "a part of the path is a file, not a folder".into(),
        Some(EDQUOT) => "the call's limit of bytes or of new files is used up".into(),
        _ => error.to_string(),
    };
    Failure(format!("'{path}' cannot be {doing}: {why}"))
}

fn missing(path: &str) -> Failure {
    let mut folder = path.trim_end_matches('/');
    let mut name = "";
    while let Some(slash) = folder.rfind('/') {
        name = &folder[slash + 1..];
        folder = &folder[..slash];
        if folder.is_empty() || fs::metadata(folder).is_ok() {
            break;
        }
    }
    let at = if folder.is_empty() { "/" } else { folder };
    let near = near_names(at, name);
    if near.is_empty() {
        return Failure(format!(
            "'{path}' does not exist: '{at}' holds no '{name}'. The workspace is '/'; find it \
             with file-glob, such as pattern '**/*{name}*'."
        ));
    }
    let list: Vec<_> = near.iter().map(|n| format!("'{}'", join(at, n))).collect();
    Failure(format!(
        "'{path}' does not exist. Did you mean {}?",
        list.join(", ")
    ))
}

/// The entries of folder most like name, best first.
fn near_names(folder: &str, name: &str) -> Vec<String> {
    let limit = if name.len() < 6 { 1 } else { name.len() / 3 };
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found: Vec<_> = entries
        .take(ENTRIES_READ)
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .map(|other| (distance(name, &other), other))
        .filter(|(d, _)| *d <= limit)
        .collect();
    found.sort();
    found.truncate(NEAR_MAX);
    found.into_iter().map(|(_, other)| other).collect()
}

/// Edits (insert, delete, replace, swap neighbours) from one name to another,
/// letters' case aside: optimal string alignment.
fn distance(from: &str, to: &str) -> usize {
    let (from, to) = (from.as_bytes(), to.as_bytes());
    let is_same = |i: usize, j: usize| from[i].eq_ignore_ascii_case(&to[j]);
    let mut two_above = vec![0; to.len() + 1];
    let mut above: Vec<usize> = (0..=to.len()).collect();
    for i in 0..from.len() {
        let mut row = vec![i + 1; to.len() + 1];
        for j in 0..to.len() {
            row[j + 1] = (above[j] + usize::from(!is_same(i, j)))
                .min(above[j + 1] + 1)
                .min(row[j] + 1);
            if i > 0 && j > 0 && is_same(i, j - 1) && is_same(i - 1, j) {
                row[j + 1] = row[j + 1].min(two_above[j - 1] + 1);
            }
        }
        two_above = above;
        above = row;
    }
    above[to.len()]
}

/// A path's last part.
pub fn name_of(path: &str) -> &str {
    &path[path.rfind('/').map_or(0, |slash| slash + 1)..]
}
