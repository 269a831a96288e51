//! Asks for other programs and tools, and tells what came of it.
wit_bindgen::generate!({ path: "../../../../guests/wit", world: "guest" });

use boxagnts::host::calls;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let arg = |i: usize| args.get(i).cloned().unwrap_or_default();
    match arg(1).as_str() {
        "spawn" => {
            let env = [("A".to_owned(), "b".to_owned())];
            match calls::spawn(&args[2..], &env, Some("/work"), b"input") {
                Ok(outcome) => println!(
                    "{} {} {:?} {} {}",
                    outcome.exit_code,
                    outcome.status,
                    outcome.message,
                    String::from_utf8_lossy(&outcome.stdout),
                    String::from_utf8_lossy(&outcome.stderr)
                ),
                Err(why) => println!("error: {why}"),
            }
        }
        "call" => println!("{:?}", calls::tool_call(&arg(2), &arg(3))),
        "list" => println!("{:?}", calls::tool_list()),
        other => println!("unknown {other}"),
    }
}
