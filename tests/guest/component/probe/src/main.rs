use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::time::{Duration, Instant};
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let arg = |i: usize| args.get(i).map(String::as_str).unwrap_or("");
    match arg(1) {
        "args" => println!("{:?}", &args[1..]),
        "env" => {
            for (k, v) in std::env::vars() {
                println!("{k}={v}");
            }
        }
        "cat" => match std::fs::read_to_string(arg(2)) {
            Ok(s) => print!("{s}"),
            Err(e) => println!("error: {e} {:?}", e.kind()),
        },
        "write" => match std::fs::write(arg(2), arg(3)) {
            Ok(()) => println!("ok"),
            Err(e) => println!("error: {e}"),
        },
        "append" => {
            let r = std::fs::OpenOptions::new()
                .append(true)
                .create(true)
                .open(arg(2))
                .and_then(|mut f| f.write_all(arg(3).as_bytes()));
            println!("{r:?}");
        }
        "ls" => match std::fs::read_dir(arg(2)) {
            Ok(d) => {
                let mut n: Vec<_> = d
                    .map(|e| e.unwrap().file_name().into_string().unwrap())
                    .collect();
                n.sort();
                println!("{n:?}");
            }
            Err(e) => println!("error: {e}"),
        },
        "stat" => match std::fs::metadata(arg(2)) {
            Ok(m) => println!("{} {} {}", m.len(), m.is_dir(), m.modified().is_ok()),
            Err(e) => println!("error: {e}"),
        },
        "ops" => {
            let d = arg(2);
            let p = |n: &str| format!("{d}/{n}");
            println!("{:?}", std::fs::create_dir(p("sub")));
            println!("{:?}", std::fs::write(p("sub/a"), "hello"));
            println!("{:?}", std::fs::rename(p("sub/a"), p("sub/b")));
            println!("{:?}", std::fs::hard_link(p("sub/b"), p("sub/c")));
            println!("{:?}", std::fs::read_to_string(p("sub/c")));
            println!("{:?}", std::fs::remove_file(p("sub/c")));
            println!(
                "{:?}",
                std::fs::remove_dir(p("sub")).map_err(|e| e.raw_os_error())
            );
            println!("{:?}", std::fs::remove_file(p("sub/b")));
            println!("{:?}", std::fs::remove_dir(p("sub")));
            println!("{:?}", std::fs::create_dir_all(p("tree/below")));
            println!("{:?}", std::fs::write(p("tree/below/a"), "hello"));
            println!("{:?}", std::fs::remove_dir_all(p("tree")));
        }
        "stdin" => {
            let mut s = String::new();
            std::io::stdin().read_to_string(&mut s).unwrap();
            print!("{}", s.to_uppercase());
        }
        "exit" => std::process::exit(arg(2).parse().unwrap()),
        "sleep" => {
            let t = Instant::now();
            std::thread::sleep(Duration::from_millis(arg(2).parse().unwrap()));
            println!("{}", t.elapsed().as_millis() >= arg(2).parse().unwrap());
        }
        "spin" => loop {
            std::hint::black_box(0);
        },
        "panic" => panic!("on purpose"),
        "recurse" => {
            fn f(n: u64) -> u64 {
                let a = [n; 64];
                std::hint::black_box(&a);
                if n == u64::MAX { 0 } else { f(n + 1) + a[3] }
            }
            println!("{}", f(0));
        }
        "alloc" => {
            let mut v = Vec::new();
            loop {
                v.push(vec![1u8; 1 << 20]);
                if v.len() > 4000 {
                    println!("got 4 GB");
                    return;
                }
            }
        }
        "flood" => {
            let b = vec![b'x'; 1 << 16];
            for _ in 0..1000 {
                if std::io::stdout().write_all(&b).is_err() {
                    return;
                }
            }
        }
        "hoard" => {
            let mut v = Vec::new();
            loop {
                match std::fs::File::open(arg(2)) {
                    Ok(f) => v.push(f),
                    Err(e) => {
                        println!("{} {e}", v.len());
                        return;
                    }
                }
            }
        }
        "tcp" => match TcpStream::connect(arg(2)) {
            Ok(mut s) => {
                s.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
                let mut t = String::new();
                let _ = std::io::BufRead::read_line(&mut std::io::BufReader::new(s), &mut t);
                println!("{}", t.lines().next().unwrap_or(""));
            }
            Err(e) => println!("error: {e} {:?}", e.kind()),
        },
        "resolve" => match arg(2).to_socket_addrs() {
            Ok(a) => println!("{:?}", a.collect::<Vec<_>>()),
            Err(e) => println!("error: {e}"),
        },
        "listen" => match TcpListener::bind(arg(2)) {
            Ok(_) => println!("listening"),
            Err(e) => println!("error: {e} {:?}", e.kind()),
        },
        "udp" => {
            let s = UdpSocket::bind("0.0.0.0:0").unwrap();
            println!(
                "{:?}",
                s.send_to(arg(3).as_bytes(), arg(2)).map_err(|e| e.kind())
            );
            let mut b = [0; 100];
            s.set_read_timeout(Some(Duration::from_millis(500)))
                .unwrap();
            match s.recv_from(&mut b) {
                Ok((n, a)) => println!("{} {a}", String::from_utf8_lossy(&b[..n])),
                Err(e) => println!("{:?}", e.kind()),
            }
        }
        "random" => {
            use std::hash::{BuildHasher, Hasher};
            println!(
                "{:x}",
                std::collections::hash_map::RandomState::new()
                    .build_hasher()
                    .finish()
            );
        }
        "time" => println!(
            "{:?}",
            std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .unwrap()
                .as_secs()
        ),
        other => println!("unknown {other}"),
    }
}
