//! A unified diff of the whole edit, for people and programs.

use std::fmt::Write as _;
use std::time::Duration;

use similar::{ChangeTag, TextDiff};

const CONTEXT: usize = 3;
const MAX_BYTES: usize = 64 << 10;
/// More changed lines than this are not compared one by one.
const MAX_LINES: usize = 100_000;

pub struct Diff {
    pub text: String,
    pub added: usize,
    pub removed: usize,
    pub is_cut: bool,
}

/// Where the line begins that has the byte before at, or at itself when that is
/// where one begins.
fn line_start(text: &str, at: usize) -> usize {
    memchr::memrchr(b'\n', &text.as_bytes()[..at]).map_or(0, |newline| newline + 1)
}

/// CONTEXT lines further up or down, at most to the text's end.
fn lines_up(text: &str, mut at: usize) -> usize {
    for _ in 0..CONTEXT {
        at = line_start(text, at.saturating_sub(1));
    }
    at
}

fn lines_down(text: &str, mut at: usize) -> usize {
    for _ in 0..CONTEXT {
        at = memchr::memchr(b'\n', &text.as_bytes()[at..]).map_or(text.len(), |n| at + n + 1);
    }
    at
}

/// The parts of old and new between what they begin and end with in common, as
/// whole lines with context, and how many lines come before.
fn differing<'a>(old: &'a str, new: &'a str) -> (&'a str, &'a str, usize) {
    let same = |(a, b): &(&u8, &u8)| a == b;
    let head = old
        .bytes()
        .zip(new.bytes())
        .take_while(|(a, b)| a == b)
        .count();
    let head = line_start(old, head);
    let (old_rest, new_rest) = (&old.as_bytes()[head..], &new.as_bytes()[head..]);
    let tail = old_rest
        .iter()
        .rev()
        .zip(new_rest.iter().rev())
        .take_while(same)
        .count();
    // What is left of the first line that both end with.
    let tail = match memchr::memchr(b'\n', &old.as_bytes()[old.len() - tail..]) {
        Some(newline) => tail - newline - 1,
        None => 0,
    };
    let first = lines_up(old, head);
    let line = memchr::memchr_iter(b'\n', &old.as_bytes()[..first]).count();
    (
        &old[first..lines_down(old, old.len() - tail)],
        &new[first..lines_down(new, new.len() - tail)],
        line,
    )
}

fn count_lines(text: &str) -> usize {
    memchr::memchr_iter(b'\n', text.as_bytes()).count()
        + usize::from(!text.is_empty() && !text.ends_with('\n'))
}

/// old and new differ. What they begin and end with in common is left out
/// before they are compared, so a small edit of a large file is cheap.
pub fn unified(path: &str, old: &str, new: &str) -> Diff {
    let (old, new, first) = differing(old, new);
    let name = path.trim_start_matches('/');
    let mut diff = Diff {
        text: format!("--- a/{name}\n+++ b/{name}\n"),
        added: 0,
        removed: 0,
        is_cut: false,
    };
    let counts = (count_lines(old), count_lines(new));
    if counts.0 + counts.1 > MAX_LINES {
        diff.removed = counts.0;
        diff.added = counts.1;
        diff.is_cut = true;
        return diff;
    }
    let old: Vec<&str> = old.split_inclusive('\n').collect();
    let new: Vec<&str> = new.split_inclusive('\n').collect();
    let compared = TextDiff::configure()
        .timeout(Duration::from_secs(2))
        .diff_slices(&old, &new);
    for group in compared.grouped_ops(CONTEXT) {
        let (Some(begin), Some(end)) = (group.first(), group.last()) else {
            continue;
        };
        let mut hunk = format!(
            "@@ -{} +{} @@\n",
            range(first, begin.old_range().start, end.old_range().end),
            range(first, begin.new_range().start, end.new_range().end)
        );
        for op in &group {
            for change in compared.iter_changes(op) {
                let sign = match change.tag() {
                    ChangeTag::Equal => ' ',
                    ChangeTag::Delete => '-',
                    ChangeTag::Insert => '+',
                };
                diff.added += usize::from(sign == '+');
                diff.removed += usize::from(sign == '-');
                let line = change.value();
                let end = if line.ends_with('\n') {
                    ""
                } else {
                    "\n\\ No newline at end of file\n"
                };
                let _ = write!(hunk, "{sign}{line}{end}");
            }
        }
        if diff.text.len() + hunk.len() > MAX_BYTES {
            diff.is_cut = true;
        } else {
            diff.text.push_str(&hunk);
        }
    }
    diff
}

/// Lines of a hunk: the first and how many; of none, the one before.
fn range(offset: usize, start: usize, end: usize) -> String {
    let count = end - start;
    match count {
        1 => format!("{}", offset + start + 1),
        0 => format!("{},0", offset + start),
        _ => format!("{},{count}", offset + start + 1),
    }
}
