//! What to tell a model whose old_string is not in the file: what is nearly so,
//! and why it did not match.

use std::collections::HashSet;
use std::fmt::Write as _;

const SHOWN_LINES: usize = 12;
const SHOWN_CHARS: usize = 200;
const PLACES: usize = 3;
/// Longer lines are compared by how they begin.
const COMPARED_CHARS: usize = 200;
const COMPARED_LINES: usize = 200_000;
const LIKENESS: f64 = 0.5;

/// Sentences that say where the text nearly is; text has no "\r\n".
pub fn explain(text: &str, old: &str) -> String {
    if let Some(found) = find_numbered(text, old) {
        return found;
    }
    if let Some(found) = find_escaped(text, old) {
        return found;
    }
    let lines: Vec<&str> = text.lines().take(COMPARED_LINES).collect();
    if let Some(found) = find_spaced(&lines, old) {
        return found;
    }
    find_similar(&lines, old)
}

/// Copied from file-read with its line numbers.
fn find_numbered(text: &str, old: &str) -> Option<String> {
    let bare: Vec<&str> = old
        .split('\n')
        .map(|line| match line.split_once('\t') {
            Some((number, rest)) if is_number(number) => Some(rest),
            _ if line.is_empty() => Some(line),
            _ => None,
        })
        .collect::<Option<_>>()?;
    text.contains(&bare.join("\n")).then(|| {
        "It holds the line numbers that file-read prints: leave out each number and the tab \
         after it."
            .into()
    })
}

fn is_number(text: &str) -> bool {
    let digits = text.trim_start();
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

/// Escaped once too often: "\n" as two characters.
fn find_escaped(text: &str, old: &str) -> Option<String> {
    let plain = old
        .replace("\\n", "\n")
        .replace("\\t", "\t")
        .replace("\\\"", "\"")
        .replace("\\\\", "\\");
    (plain != old && !plain.is_empty() && text.contains(&plain)).then(|| {
        "It is escaped once too often: write a line's end as one newline, not as a backslash and \
         an n; the same for tabs and quotes."
            .into()
    })
}

/// The same but for spaces at the lines' begin and end.
fn find_spaced(lines: &[&str], old: &str) -> Option<String> {
    let wanted: Vec<&str> = old.trim_matches('\n').split('\n').map(str::trim).collect();
    if wanted.iter().all(|line| line.is_empty()) {
        return None;
    }
    let at = lines.windows(wanted.len()).position(|window| {
        window
            .iter()
            .zip(&wanted)
            .all(|(line, w)| line.trim() == *w)
    })?;
    let mut out = format!(
        "{} the same but for spaces or tabs at the begin or end of lines (or empty lines around \
         them). There stands exactly:\n",
        if wanted.len() == 1 {
            format!("Line {} is", at + 1)
        } else {
            format!("Lines {} to {} are", at + 1, at + wanted.len())
        }
    );
    show(&mut out, lines, at, wanted.len());
    Some(out)
}

/// The lines most like the longest one of old.
fn find_similar(lines: &[&str], old: &str) -> String {
    let wanted: Vec<&str> = old.trim_matches('\n').split('\n').collect();
    let Some((offset, anchor)) = wanted
        .iter()
        .enumerate()
        .max_by_key(|(_, line)| line.trim().len())
    else {
        return String::new();
    };
    let pairs = pairs_of(anchor.trim());
    if pairs.is_empty() {
        return "Nothing in the file is like it.".into();
    }
    let mut best: Vec<(f64, usize)> = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let score = likeness(&pairs, line.trim());
        if score >= LIKENESS && (best.len() < PLACES || best.iter().any(|b| b.0 < score)) {
            best.push((score, at));
            best.sort_by(|a, b| b.0.total_cmp(&a.0));
            best.truncate(PLACES);
        }
    }
    if best.is_empty() {
        return "Nothing in the file is like it.".into();
    }
    let mut out = String::from("Most like it:\n");
    for (i, (_, at)) in best.iter().enumerate() {
        if i > 0 {
            out.push_str("  ...\n");
        }
        let count = if i == 0 { wanted.len() } else { 1 };
        let from = if i == 0 {
            at.saturating_sub(offset)
        } else {
            *at
        };
        show(&mut out, lines, from, count);
    }
    out
}

fn pairs_of(text: &str) -> HashSet<(char, char)> {
    let chars: Vec<char> = text
        .chars()
        .take(COMPARED_CHARS)
        .flat_map(char::to_lowercase)
        .collect();
    chars.windows(2).map(|w| (w[0], w[1])).collect()
}

/// Sørensen's coefficient of the pairs of letters, 0 to 1.
fn likeness(pairs: &HashSet<(char, char)>, line: &str) -> f64 {
    // Lines of very different lengths are not alike; that needs no counting.
    if line.len() * 4 < pairs.len() || line.is_empty() {
        return 0.0;
    }
    let other = pairs_of(line);
    let common = other.iter().filter(|pair| pairs.contains(pair)).count();
    2.0 * common as f64 / (pairs.len() + other.len()).max(1) as f64
}

fn show(out: &mut String, lines: &[&str], from: usize, count: usize) {
    for (i, line) in lines
        .iter()
        .enumerate()
        .skip(from)
        .take(count.min(SHOWN_LINES))
    {
        let cut: String = line.chars().take(SHOWN_CHARS).collect();
        let more = if cut.len() < line.len() { "..." } else { "" };
        let _ = writeln!(out, "{:6}\t{cut}{more}", i + 1);
    }
    if count > SHOWN_LINES {
        let _ = writeln!(out, "  ... and {} more lines", count - SHOWN_LINES);
    }
}
