//! The `bash` tool and the programs `bash` and `sh`: bashkit over the box's
//! real files and the host's programs, network and tools. Which of the two
//! this run is shows in argv[0] (docs/tools/bash.md).

// A parser fails with the command's whole result, once a command.
#![allow(clippy::result_large_err)]

mod commands;
mod curl;
mod fetch;
mod files;
mod options;
mod preopen;
mod program;
mod programs;
mod shell;
mod stdin;
mod tool;
mod tools;
mod wget;
mod words;

fn main() {
    let mut argv = std::env::args_os().map(|arg| arg.to_string_lossy().into_owned());
    let arg0 = argv.next().unwrap_or_default();
    let args: Vec<String> = argv.collect();
    let name = arg0.rsplit('/').next().unwrap_or_default();
    // The registry starts a tool by its name alone and a program by its words;
    // `bash` with neither words nor a tool's input reads a script.
    let code = match name {
        "sh" => program::run(&arg0, args, None),
        _ if !args.is_empty() => program::run(&arg0, args, None),
        _ => match tool::read() {
            Ok(input) if tool::is_input(&input) => tool::run(&input),
            Ok(script) => program::run(&arg0, args, Some(script)),
            Err(error) => {
                eprintln!("{arg0}: standard input: {error}");
                1
            }
        },
    };
    std::process::exit(code);
}
