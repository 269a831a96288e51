//! Commands of our own where bashkit's know too few options or keep other files
//! than the box's, and the names that stand in `/usr/bin`.

mod chmod;
mod copy;
mod diff;
mod link;
mod list;
mod make;
mod report;
mod remove;
mod resolve;
mod split;
mod stat;
mod time;
mod zcat;

use bashkit::Builtin;

pub fn all() -> Vec<(&'static str, Box<dyn Builtin>)> {
    vec![
        ("chmod", Box::new(chmod::Chmod)),
        ("cp", Box::new(copy::Copy { moves: false })),
        ("diff", Box::new(diff::Diff)),
        ("ln", Box::new(link::Link)),
        ("ls", Box::new(list::List)),
        ("mkdir", Box::new(make::Mkdir)),
        ("mv", Box::new(copy::Copy { moves: true })),
        ("readlink", Box::new(resolve::Resolve { name: "readlink" })),
        ("realpath", Box::new(resolve::Resolve { name: "realpath" })),
        ("rm", Box::new(remove::Remove)),
        ("rmdir", Box::new(remove::Rmdir)),
        ("split", Box::new(split::Split)),
        ("stat", Box::new(stat::Stat)),
        ("zcat", Box::new(zcat::Zcat)),
    ]
}

pub fn is_program(name: &str) -> bool {
    PROGRAMS.binary_search(&name).is_ok()
}

const PROGRAMS: &[&str] = &[
    "arch", "awk", "b2sum", "base32", "base64", "basename", "basenc", "bash", "bc", "bunzip2",
    "bzcat", "bzip2", "cat", "chgrp", "chmod", "chown", "cksum", "clear", "cmp", "column", "comm",
    "cp", "curl", "cut", "date", "dd", "df", "diff", "dirname", "du", "echo", "egrep", "env",
    "envsubst", "expand", "expr", "factor", "false", "fgrep", "file", "find", "flock", "fmt",
    "fold", "free", "gawk", "getconf", "grep", "groups", "gunzip", "gzip", "head", "hexdump",
    "hostid", "hostname", "iconv", "id", "install", "join", "jq", "js", "kill", "less", "link",
    "ln", "locale", "logname", "ls", "make", "man", "mawk", "md5sum", "mkdir", "mkfifo", "mktemp",
    "mv", "nawk", "nice", "nl", "node", "nohup", "nproc", "numfmt", "od", "openssl", "parallel",
    "paste", "patch", "pgrep", "pkill", "pr", "printenv", "printf", "ps", "pwd", "python",
    "python3", "qjs", "readlink", "realpath", "rev", "rg", "rm", "rmdir", "sed", "seq", "sh",
    "sha1sum", "sha224sum", "sha256sum", "sha384sum", "sha512sum", "shasum", "shuf", "sleep",
    "sort", "split", "stat", "strings", "sudo", "sum", "sync", "tac", "tail", "tar", "tee", "test",
    "timeout", "tool", "touch", "tr", "tree", "true", "truncate", "tsort", "tty", "uname",
    "unexpand", "uniq", "unlink", "unzip", "uptime", "users", "uuidgen", "watch", "wc", "wget",
    "which", "who", "whoami", "xargs", "xxd", "yes", "yq", "zcat", "zip",
];
