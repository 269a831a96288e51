//! The run's own stdin, for the commands that read it. bashkit hands a command
//! its whole input before it starts, so one that reads nothing must not ask:
//! a terminal or an open pipe would never answer.

use std::io::Read;
use std::path::Path;

use bashkit::host_stdin::{HOST, HostStdin};

/// Read stdin when none of their words names a file.
const FILTERS: &[&str] = &[
    "awk",
    "b2sum",
    "base32",
    "base64",
    "basenc",
    "bash",
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
    "curl",
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
    "node",
    "nodejs",
    "numfmt",
    "od",
    "parallel",
    "paste",
    "patch",
    "pr",
    "python",
    "python3",
    "qjs",
    "js",
    "rev",
    "rg",
    "sed",
    "sh",
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
    "tool",
    "tsort",
    "unexpand",
    "uniq",
    "wc",
    "xxd",
    "yq",
    "zcat",
];
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
    if READERS.contains(&name) {
        return true;
    }
    if !FILTERS.contains(&name) {
        return false;
    }
    let names_file = |word: &String| !word.is_empty() && cwd.join(word).exists();
    // A script of its own: `python3 -c`, `bash FILE` and the like still may
    // read, but those that only run something are the more usual.
    args.iter().any(|word| word == "-" || word == "/dev/stdin") || !args.iter().any(names_file)
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
