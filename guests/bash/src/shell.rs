//! One bashkit shell for one script: limits that yield to the box's, the
//! environment of the run, and bytes to where they go as they are made.

use std::collections::BTreeMap;
use std::future::{Future, IntoFuture};
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use bashkit::{
    Bash, Error, ExecOptions, ExecutionLimits, MemoryLimits, SessionLimits, StreamData,
    host_deadline, host_files,
};

use crate::{commands, curl, files, preopen, programs, stdin, tools, wget};

/// What a script gets on top of the box itself.
pub struct Setting {
    pub env: BTreeMap<String, String>,
    pub cwd: String,
    pub timeout: Option<Duration>,
}

pub struct Script<'a> {
    pub text: &'a str,
    pub arg0: String,
    pub positional: Vec<String>,
    /// None reads the run's own stdin, when a command asks for it.
    pub stdin: Option<Vec<u8>>,
}

pub struct Ended {
    pub exit_code: i32,
    pub cwd: String,
    pub timed_out: bool,
}

/// Where output goes, a piece at a time.
pub type Sink<'a> = Box<dyn FnMut(&[u8]) -> std::io::Result<()> + Send + 'a>;

/// "No limit of its own": the box's time, fuel and memory end what runs away.
const UNBOUNDED: Duration = Duration::from_secs(365 * 24 * 3600);
/// Nesting that the stacks bear (tests/guest/bash/test_limits.py).
const MAX_FUNCTION_DEPTH: usize = 1000;
const MAX_SUBSTITUTION_DEPTH: usize = 100;

impl Setting {
    /// The run's own environment, and the folder `PWD` names.
    pub fn of_run() -> Self {
        let env: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| is_name(name))
            .collect();
        let cwd = env.get("PWD").filter(|pwd| is_folder(pwd)).cloned();
        Self {
            cwd: cwd.unwrap_or_else(|| preopen::first().to_owned()),
            env,
            timeout: None,
        }
    }
}

pub fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

pub fn is_folder(path: &str) -> bool {
    let path = Path::new(path);
    path.is_absolute()
        && (std::fs::metadata(path).is_ok_and(|metadata| metadata.is_dir())
            || preopen::leads_to(path))
}

fn limits(timeout: Option<Duration>) -> ExecutionLimits {
    let mut limits = ExecutionLimits::new()
        .max_work_units(u64::MAX)
        .max_aggregate_input_bytes(u64::MAX)
        .max_live_intermediate_bytes(u64::MAX)
        .max_commands(usize::MAX)
        .max_loop_iterations(usize::MAX)
        .max_total_loop_iterations(usize::MAX)
        .max_function_depth(MAX_FUNCTION_DEPTH)
        .timeout(timeout.unwrap_or(UNBOUNDED))
        .parser_timeout(UNBOUNDED)
        .max_input_bytes(usize::MAX)
        .max_parser_operations(usize::MAX)
        .max_stdout_bytes(usize::MAX)
        .max_stderr_bytes(usize::MAX)
        .max_subst_depth(MAX_SUBSTITUTION_DEPTH)
        .max_subshell_depth(MAX_SUBSTITUTION_DEPTH);
    limits.max_word_split_fields = usize::MAX;
    limits.max_word_split_bytes = usize::MAX;
    limits
}

fn build(setting: &Setting) -> Bash {
    host_files::REPLACE.get_or_init(|| files::replace);
    let mut memory = MemoryLimits::new();
    memory.max_variable_count = usize::MAX;
    memory.max_total_variable_bytes = usize::MAX;
    memory.max_array_entries = usize::MAX;
    memory.max_function_count = usize::MAX;
    memory.max_function_body_bytes = usize::MAX;

    let mut builder = Bash::builder()
        .fs(files::BoxFiles::new(commands::is_program))
        .rootfs(false)
        .follow_symlinks(false)
        .limits(limits(setting.timeout))
        .session_limits(SessionLimits::unlimited())
        .memory_limits(memory)
        .hostname("box")
        .username(setting.env.get("USER").map_or("user", String::as_str))
        .cwd(&setting.cwd)
        .command_resolver(programs::resolver())
        .builtin("curl", Box::new(curl::Curl))
        .builtin("wget", Box::new(wget::Wget))
        .builtin("tool", Box::new(tools::Tool));
    for (name, command) in commands::all() {
        builder = builder.builtin(name, command);
    }
    for name in programs::NAMES {
        builder = builder.builtin(*name, programs::program(name));
    }
    if !setting.env.contains_key("HOME") {
        builder = builder.env("HOME", preopen::first());
    }
    for (name, value) in &setting.env {
        if !matches!(name.as_str(), "PWD" | "OLDPWD" | "SHLVL" | "_") {
            builder = builder.env(name, value);
        }
    }
    builder.env("PWD", &setting.cwd).build()
}

/// Run a script to its end, whatever that is.
pub fn run(setting: &Setting, script: Script<'_>, stdout: Sink<'_>, stderr: Sink<'_>) -> Ended {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime without threads or polling needs nothing");
    let mut bash = build(setting);
    let mut options = ExecOptions::new()
        .arg0(script.arg0.clone())
        .positional(script.positional);
    match script.stdin {
        Some(stdin) => options = options.stdin(StreamData::from(stdin)),
        None => stdin::offer(),
    }
    let (mut stdout, mut stderr) = (stdout, stderr);
    let mut report: Option<String> = None;
    let (exit_code, timed_out) = {
        let execution = bash
            .execute(script.text)
            .options(options)
            .stdout_fn(|bytes| written(stdout(&bytes)))
            .stderr_fn(|bytes| written(stderr(&bytes)));
        let ended = runtime.block_on(async {
            match setting.timeout {
                // For the programs it starts, which know nothing of this shell's time.
                Some(timeout) => {
                    host_deadline::within(timeout, execution.into_future())
                        .await
                        .0
                }
                None => execution.await,
            }
        });
        match ended {
            Ok(result) => (result.exit_code, false),
            Err(error) => {
                let (code, timed_out, text) = failure(&error, &script.arg0, script.text);
                report = text;
                (code, timed_out)
            }
        }
    };
    if let Some(report) = report {
        let _ = stderr(report.as_bytes());
    }
    Ended {
        exit_code,
        cwd: bash.shell_state_view().cwd.to_string_lossy().into_owned(),
        timed_out,
    }
}

type Written = Pin<Box<dyn Future<Output = bashkit::Result<()>> + Send>>;

fn written(result: std::io::Result<()>) -> Written {
    Box::pin(std::future::ready(result.map_err(Error::from)))
}

const EXIT_TIMEOUT: i32 = 124; /* as timeout(1) */
const EXIT_PIPE: i32 = 128 + 13;
const EXIT_SYNTAX: i32 = 2;

/// The status, whether time was up, and what to say.
fn failure(error: &Error, arg0: &str, text: &str) -> (i32, bool, Option<String>) {
    if let Some(report) = error.syntax_report(arg0, text) {
        return (EXIT_SYNTAX, false, Some(report));
    }
    match error {
        Error::ResourceLimit(bashkit::LimitExceeded::Timeout(_)) => (
            EXIT_TIMEOUT,
            true,
            Some(format!("{arg0}: the time given is up\n")),
        ),
        Error::Io(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            (EXIT_PIPE, false, None)
        }
        error => (1, false, Some(format!("{arg0}: {error}\n"))),
    }
}
