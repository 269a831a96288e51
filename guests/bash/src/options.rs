//! The command line of bash, as far as a shell without a terminal has one.

pub struct Options {
    pub source: Source,
    /// `set` words to run first: `-e`, `-o pipefail`, ...
    pub set: Vec<String>,
    /// `shopt` words to run first: `-s extglob`, ...
    pub shopt: Vec<String>,
    pub positional: Vec<String>,
}

pub enum Source {
    /// `-c`: the text, and `$0`.
    Text(String, Option<String>),
    File(String),
    Stdin,
    Version,
    Help,
}

const SET_LETTERS: &str = "abefhkmnptuvxBCEHPT";
const LONG_IGNORED: [&str; 7] = [
    "--login",
    "--norc",
    "--noprofile",
    "--noediting",
    "--posix",
    "--restricted",
    "--verbose",
];

pub const USAGE: &str = "\
usage: bash [-abefhkmnptuvxBCEHPT] [-o OPTION] [-O SHOPT] [-c TEXT | FILE | -s] [argument ...]
";

/// What bash itself says about a bad option follows `bash: `.
pub fn parse(args: Vec<String>) -> Result<Options, String> {
    let mut set = Vec::new();
    let mut shopt = Vec::new();
    let (mut is_text, mut is_stdin) = (false, false);
    let mut rest = args.into_iter().peekable();
    while let Some(arg) = rest.peek() {
        let sign = match arg.as_bytes() {
            [b'-'] | [b'-', b'-'] => {
                rest.next();
                break;
            }
            [sign @ (b'-' | b'+'), _, ..] => char::from(*sign),
            _ => break,
        };
        let arg = rest.next().unwrap_or_default();
        match arg.as_str() {
            "--version" => return Ok(only(Source::Version)),
            "--help" => return Ok(only(Source::Help)),
            "--rcfile" | "--init-file" => {
                rest.next();
                continue;
            }
            long if LONG_IGNORED.contains(&long) => continue,
            long if long.starts_with("--") => return Err(format!("{long}: invalid option")),
            _ => {}
        }
        for letter in arg.chars().skip(1) {
            match letter {
                'c' if sign == '-' => is_text = true,
                's' if sign == '-' => is_stdin = true,
                'i' | 'l' | 'r' | 'D' => {}
                'o' => {
                    let name = rest
                        .next()
                        .ok_or(format!("{sign}o: option requires an argument"))?;
                    set.push(format!("{sign}o {}", quoted(&name)));
                }
                'O' => {
                    let name = rest
                        .next()
                        .ok_or(format!("{sign}O: option requires an argument"))?;
                    let flag = if sign == '-' { "-s" } else { "-u" };
                    shopt.push(format!("{flag} {}", quoted(&name)));
                }
                letter if SET_LETTERS.contains(letter) => set.push(format!("{sign}{letter}")),
                letter => return Err(format!("{sign}{letter}: invalid option")),
            }
        }
    }
    let source = if is_text {
        let text = rest
            .next()
            .ok_or("-c: option requires an argument".to_owned())?;
        Source::Text(text, rest.next())
    } else if is_stdin || rest.peek().is_none() {
        Source::Stdin
    } else {
        Source::File(rest.next().unwrap_or_default())
    };
    Ok(Options {
        source,
        set,
        shopt,
        positional: rest.collect(),
    })
}

fn only(source: Source) -> Options {
    Options {
        source,
        set: Vec::new(),
        shopt: Vec::new(),
        positional: Vec::new(),
    }
}

/// As one word of a script.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}
