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

fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// old and new differ. What they begin and end with in common is left out
/// before they are compared, so a small edit of a large file is cheap.
pub fn unified(path: &str, old: &str, new: &str) -> Diff {
    let (old, new) = (lines(old), lines(new));
    let shorter = old.len().min(new.len());
    let head = (0..shorter).take_while(|&i| old[i] == new[i]).count();
    let tail = (0..shorter - head)
        .take_while(|&i| old[old.len() - 1 - i] == new[new.len() - 1 - i])
        .count();
    let first = head.saturating_sub(CONTEXT);
    let tail = tail.saturating_sub(CONTEXT);
    let (old, new) = (&old[first..old.len() - tail], &new[first..new.len() - tail]);

    let name = path.trim_start_matches('/');
    let mut diff = Diff {
        text: format!("--- a/{name}\n+++ b/{name}\n"),
        added: 0,
        removed: 0,
        is_cut: false,
    };
    if old.len() + new.len() > MAX_LINES {
        diff.added = new.len();
        diff.removed = old.len();
        diff.is_cut = true;
        return diff;
    }
    let compared = TextDiff::configure()
        .timeout(Duration::from_secs(2))
        .diff_slices(old, new);
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
