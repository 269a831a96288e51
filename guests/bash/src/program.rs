//! `bash` and `sh` as programs: `-c TEXT`, `FILE`, or a script on stdin.

use std::fs;
use std::io::{Read, Write};

use crate::options::{self, Options, Source};
use crate::shell::{self, Script, Setting};

const EXIT_USAGE: i32 = 2;
const EXIT_NOT_FOUND: i32 = 127;
const EXIT_NOT_RUN: i32 = 126;

/// `script` is what stdin held, when it has been read.
pub fn run(arg0: &str, args: Vec<String>, script: Option<Vec<u8>>) -> i32 {
    let options = match options::parse(args) {
        Ok(options) => options,
        Err(message) => {
            eprint!("{arg0}: {message}\n{}", options::USAGE);
            return EXIT_USAGE;
        }
    };
    let prologue = prologue(&options);
    let Options {
        source, positional, ..
    } = options;
    let setting = Setting::of_run();
    let (text, arg0, stdin) = match source {
        Source::Version => {
            println!("GNU bash, version 5.2.15(1)-release (bashkit 0.20.2 in BoxAgnts)");
            return 0;
        }
        Source::Help => {
            print!("{}", options::USAGE);
            return 0;
        }
        Source::Text(text, name) => (text, name.unwrap_or_else(|| arg0.to_owned()), None),
        Source::File(path) => match read_script(&setting.cwd, &path) {
            Ok(text) => (text, path, None),
            Err((message, code)) => {
                eprintln!("{arg0}: {path}: {message}");
                return code;
            }
        },
        Source::Stdin => {
            let mut text = script.unwrap_or_default();
            if let Err(error) = std::io::stdin().read_to_end(&mut text) {
                eprintln!("{arg0}: standard input: {error}");
                return 1;
            }
            // The script was all there was.
            (
                String::from_utf8_lossy(&text).into_owned(),
                arg0.to_owned(),
                Some(Vec::new()),
            )
        }
    };
    let text = format!("{prologue}{text}");
    let script = Script {
        text: &text,
        arg0,
        positional,
        stdin,
    };
    let ended = shell::run(
        &setting,
        script,
        sink(std::io::stdout()),
        sink(std::io::stderr()),
    );
    ended.exit_code
}

fn sink(mut stream: impl Write + Send + 'static) -> shell::Sink<'static> {
    Box::new(move |bytes| {
        stream.write_all(bytes)?;
        stream.flush()
    })
}

/// Options of the command line, on the script's own first line so that the
/// numbers of its lines stay.
fn prologue(options: &Options) -> String {
    let set = options.set.iter().map(|words| format!("set {words};"));
    let shopt = options.shopt.iter().map(|words| format!("shopt {words};"));
    shopt.chain(set).collect()
}

fn read_script(cwd: &str, path: &str) -> Result<String, (String, i32)> {
    let path = std::path::Path::new(cwd).join(path);
    match fs::metadata(&path) {
        Err(_) => return Err(("No such file or directory".to_owned(), EXIT_NOT_FOUND)),
        Ok(metadata) if metadata.is_dir() => {
            return Err(("Is a directory".to_owned(), EXIT_NOT_RUN));
        }
        Ok(_) => {}
    }
    let text = fs::read(&path).map_err(|error| (error.to_string(), EXIT_NOT_RUN))?;
    if text.iter().take(128).any(|&byte| byte == 0) {
        return Err(("cannot execute binary file".to_owned(), EXIT_NOT_RUN));
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}
