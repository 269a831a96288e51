//! `chmod`. The box keeps no permission bits: what is set holds for this run.

use bashkit::{Builtin, BuiltinContext, ExecResult, Result, async_trait};

use super::report::{self, Report};
use super::time;

pub struct Chmod;

/// A mode of the command line.
pub enum Change {
    Bits(u32),
    Clauses(Vec<Clause>),
}

pub struct Clause {
    /// The bits of the classes it names.
    who: u32,
    operation: char,
    bits: u32,
    /// `X`: to execute, for folders and what somebody may execute already.
    search: bool,
    copies: Option<char>,
}

impl Change {
    pub fn parse(text: &str) -> Option<Self> {
        if text.bytes().next()?.is_ascii_digit() {
            let bits = u32::from_str_radix(text, 8)
                .ok()
                .filter(|bits| *bits <= 0o7777)?;
            return Some(Self::Bits(bits));
        }
        let clauses: Option<Vec<Vec<Clause>>> = text.split(',').map(clauses).collect();
        Some(Self::Clauses(clauses?.into_iter().flatten().collect()))
    }

    pub fn apply(&self, mode: u32, is_dir: bool) -> u32 {
        let clauses = match self {
            Self::Bits(bits) => return *bits,
            Self::Clauses(clauses) => clauses,
        };
        let mut mode = mode;
        for clause in clauses {
            let mut bits = clause.bits;
            if clause.search && (is_dir || mode & 0o111 != 0) {
                bits |= 0o111;
            }
            if let Some(class) = clause.copies {
                let shift = match class {
                    'u' => 6,
                    'g' => 3,
                    _ => 0,
                };
                bits |= (mode >> shift & 7) * 0o111;
            }
            let bits = bits & clause.who;
            mode = match clause.operation {
                '+' => mode | bits,
                '-' => mode & !bits,
                _ => mode & !(clause.who & 0o777) | bits,
            };
        }
        mode
    }
}

/// `ug+rw-x` is two operations on one set of classes.
fn clauses(text: &str) -> Option<Vec<Clause>> {
    let operations = text.find(['+', '-', '='])?;
    let mut who = 0;
    for class in text[..operations].chars() {
        who |= match class {
            'u' => 0o4700,
            'g' => 0o2070,
            'o' => 0o1007,
            'a' => 0o7777,
            _ => return None,
        };
    }
    if operations == 0 {
        who = 0o7777;
    }
    let mut clauses = Vec::new();
    for letter in text[operations..].chars() {
        if matches!(letter, '+' | '-' | '=') {
            clauses.push(Clause {
                who,
                operation: letter,
                bits: 0,
                search: false,
                copies: None,
            });
            continue;
        }
        let clause = clauses.last_mut()?;
        match letter {
            'r' => clause.bits |= 0o444,
            'w' => clause.bits |= 0o222,
            'x' => clause.bits |= 0o111,
            's' => clause.bits |= 0o6000,
            't' => clause.bits |= 0o1000,
            'X' => clause.search = true,
            'u' | 'g' | 'o' => clause.copies = Some(letter),
            _ => return None,
        }
    }
    Some(clauses)
}

#[async_trait]
impl Builtin for Chmod {
    async fn execute(&self, ctx: BuiltinContext<'_>) -> Result<ExecResult> {
        let (mut is_recursive, mut is_verbose, mut is_quiet) = (false, false, false);
        let mut operands: Vec<&str> = Vec::new();
        let mut reference = None;
        // By hand: `-x` may be a mode.
        for arg in ctx.args {
            match arg.as_str() {
                "-R" | "--recursive" => is_recursive = true,
                "-v" | "-c" | "--verbose" | "--changes" => is_verbose = true,
                "-f" | "--silent" | "--quiet" => is_quiet = true,
                "-Rf" | "-fR" => (is_recursive, is_quiet) = (true, true),
                "-Rv" | "-vR" => (is_recursive, is_verbose) = (true, true),
                "--" | "--preserve-root" | "--no-preserve-root" => {}
                arg => match arg.strip_prefix("--reference=") {
                    Some(path) => reference = Some(path),
                    None => operands.push(arg),
                },
            }
        }
        let change = match reference {
            Some(path) => match ctx.fs.stat(&report::path(&ctx, path)).await {
                Ok(metadata) => Change::Bits(metadata.mode),
                Err(error) => {
                    let why = report::reason(&error);
                    let what = format!("failed to get attributes of '{path}': {why}");
                    return Ok(report::usage("chmod", what));
                }
            },
            None if operands.len() < 2 => {
                return Ok(report::usage(
                    "chmod",
                    match operands.first() {
                        Some(mode) => format!("missing operand after '{mode}'"),
                        None => "missing operand".to_owned(),
                    },
                ));
            }
            None => {
                let text = operands.remove(0);
                match Change::parse(text) {
                    Some(change) => change,
                    None => {
                        return Ok(report::usage("chmod", format!("invalid mode: '{text}'")));
                    }
                }
            }
        };
        let mut report = Report::new("chmod");
        let mut left: Vec<String> = operands.iter().rev().map(|word| word.to_string()).collect();
        while let Some(word) = left.pop() {
            let path = report::path(&ctx, &word);
            let metadata = match ctx.fs.stat(&path).await {
                Ok(metadata) => metadata,
                Err(_) if is_quiet => {
                    report.fail_silently();
                    continue;
                }
                Err(error) => {
                    report.fail(format!(
                        "cannot access '{word}': {}",
                        report::reason(&error)
                    ));
                    continue;
                }
            };
            let is_dir = metadata.file_type.is_dir();
            let mode = change.apply(metadata.mode, is_dir);
            if let Err(error) = ctx.fs.chmod(&path, mode).await {
                let why = report::reason(&error);
                report.fail(format!("changing permissions of '{word}': {why}"));
                continue;
            }
            if is_verbose && mode != metadata.mode {
                let shown = |mode| time::permissions(metadata.file_type, mode)[1..].to_owned();
                report.line(format!(
                    "mode of '{word}' changed from {:04o} ({}) to {mode:04o} ({})",
                    metadata.mode,
                    shown(metadata.mode),
                    shown(mode)
                ));
            }
            if is_recursive && is_dir {
                let entries = ctx.fs.read_dir(&path).await.unwrap_or_default();
                let inner = entries
                    .iter()
                    .filter(|entry| !entry.metadata.file_type.is_symlink());
                left.extend(inner.rev().map(|entry| report::join(&word, &entry.name)));
            }
        }
        Ok(report.end())
    }
}
