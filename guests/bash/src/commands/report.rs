//! What a command has said so far, and its status.

use std::path::{Path, PathBuf};

use bashkit::{BuiltinContext, Error, ExecResult};

pub struct Report {
    name: &'static str,
    pub stdout: String,
    stderr: String,
    code: i32,
}

impl Report {
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            stdout: String::new(),
            stderr: String::new(),
            code: 0,
        }
    }

    /// `NAME: MESSAGE`, and status 1.
    pub fn fail(&mut self, message: impl std::fmt::Display) {
        self.fail_with(1, message);
    }

    pub fn fail_with(&mut self, code: i32, message: impl std::fmt::Display) {
        self.stderr.push_str(&format!("{}: {message}\n", self.name));
        self.code = self.code.max(code);
    }

    /// The status without a word.
    pub fn fail_silently(&mut self) {
        self.code = self.code.max(1);
    }

    pub fn has_failed(&self) -> bool {
        self.code != 0
    }

    pub fn line(&mut self, line: impl std::fmt::Display) {
        self.stdout.push_str(&format!("{line}\n"));
    }

    pub fn end(self) -> ExecResult {
        let mut result = ExecResult::ok(self.stdout);
        result.stderr = self.stderr.into();
        result.exit_code = self.code;
        result
    }
}

/// A usage error of a command line.
pub fn usage(name: &str, message: impl std::fmt::Display) -> ExecResult {
    let hint = format!("Try '{name} --help' for more information.");
    ExecResult::err(format!("{name}: {message}\n{hint}\n"), 1)
}

pub fn invalid_letter(name: &str, letter: char) -> ExecResult {
    usage(name, format!("invalid option -- '{letter}'"))
}

pub fn unknown_option(name: &str, option: &str) -> ExecResult {
    usage(name, format!("unrecognized option '--{option}'"))
}

/// The system's words for a failure.
pub fn reason(error: &Error) -> String {
    let text = match error {
        Error::Io(error) => error.to_string(),
        error => error.to_string(),
    };
    match text.as_str() {
        "is a directory" => "Is a directory".to_owned(),
        "not a directory" => "Not a directory".to_owned(),
        "directory not empty" => "Directory not empty".to_owned(),
        "file not found" | "not found" | "parent directory not found" | "entity not found" => {
            "No such file or directory".to_owned()
        }
        "permission denied" => "Permission denied".to_owned(),
        text => text
            .split(" (os error ")
            .next()
            .unwrap_or_default()
            .to_owned(),
    }
}

pub fn is_missing(error: &Error) -> bool {
    matches!(error, Error::Io(error) if error.kind() == std::io::ErrorKind::NotFound)
}

pub fn path(ctx: &BuiltinContext<'_>, word: &str) -> PathBuf {
    let word = Path::new(word);
    match word.is_absolute() {
        true => word.to_path_buf(),
        false => ctx.cwd.join(word),
    }
}

/// `WORD/NAME` as it would be typed.
pub fn join(word: &str, name: &str) -> String {
    match word.ends_with('/') {
        true => format!("{word}{name}"),
        false => format!("{word}/{name}"),
    }
}

/// The last name of a word: `b` of `a/b/`.
pub fn last_name(word: &str) -> &str {
    match word.trim_end_matches('/') {
        "" => "/",
        word => word.rsplit('/').next().unwrap_or(word),
    }
}
