//! The run's own stdin, for the commands that read it. bashkit hands a command
//! its whole input before it starts, so one that reads nothing must not ask:
//! a terminal or an open pipe would never answer.

use std::io::{IsTerminal, Read};
use std::path::Path;

use bashkit::host_stdin::{HOST, HostStdin};

/// Read stdin when none of their words names a file.
const FILTERS: &[&str] = &[
    "awk",
    "b2sum",
    "base32",
    "base64",
    "basenc",
    "bc",
    "bunzip2",
    "bzcat",
    "bzip2",
    "cat",
    "cksum",
    "cmp",
    "column",
    "comm",
    "csv",
    "cut",
    "dd",
    "diff",
    "egrep",
    "envsubst",
    "expand",
    "factor",
    "fgrep",
    "fmt",
    "fold",
    "gawk",
    "grep",
    "gunzip",
    "gzip",
    "head",
    "hexdump",
    "iconv",
    "join",
    "jq",
    "json",
    "less",
    "mawk",
    "md5sum",
    "nawk",
    "nl",
    "numfmt",
    "od",
    "parallel",
    "paste",
    "patch",
    "pr",
    "rev",
    "rg",
    "sed",
    "sha1sum",
    "sha224sum",
    "sha256sum",
    "sha384sum",
    "sha512sum",
    "shasum",
    "shuf",
    "sort",
    "split",
    "strings",
    "sum",
    "tac",
    "tail",
    "tar",
    "tomlq",
    "tsort",
    "unexpand",
    "uniq",
    "wc",
    "xxd",
    "yq",
    "zcat",
];
/// Run a program of their own, which may read stdin.
const INTERPRETERS: &[&str] = &[
    "bash", "js", "node", "nodejs", "python", "python3", "qjs", "sh",
];
/// Read stdin only where a word says so: `-`, or `@-` at its end.
const ASKED: &[&str] = &["curl", "tool"];
/// Read stdin whatever their words are.
const READERS: &[&str] = &[
    "mapfile",
    "read",
    "readarray",
    "select",
    "tee",
    "tr",
    "xargs",
];

/// For the first script of the run; later calls change nothing.
pub fn offer() {
    let _ = HOST.set(HostStdin { is_wanted, read });
}

fn is_wanted(name: &str, args: &[String], cwd: &Path) -> bool {
    let names_stdin = args.iter().any(|word| word == "-" || word == "/dev/stdin");

    if READERS.contains(&name) {
        return true;
    }
    if ASKED.contains(&name) {
        return names_stdin || args.iter().any(|word| word.ends_with("@-"));
    }
    let is_interpreter = INTERPRETERS.contains(&name);
    if !is_interpreter && !FILTERS.contains(&name) {
        return false;
    }
    if names_stdin {
        return true;
    }
    if matches!(args, [word] if word == "--help" || word == "--version") {
        return false;
    }
    // `python3 -c TEXT` and the like: whoever types it at a terminal wants to
    // see what it prints, not to end its input first.
    if is_interpreter && args.iter().any(|word| is_text_option(word)) {
        return !std::io::stdin().is_terminal();
    }
    // The files are last as a rule, and the first that is there will do: each
    // look at a pattern or an option as if it were a path is one to be granted.
    !args
        .iter()
        .rev()
        .filter(|word| !word.is_empty() && !word.starts_with('-'))
        .any(|word| cwd.join(word).exists())
}

/// The program follows as a word.
fn is_text_option(word: &str) -> bool {
    matches!(word, "-c" | "-e" | "-p" | "--eval" | "--print")
}

fn read(buf: &mut [u8]) -> usize {
    loop {
        match std::io::stdin().read(buf) {
            Ok(len) => return len,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return 0,
        }
    }
}
