wit_bindgen::generate!({ path: "wit", world: "typed" });
use exports::test::typed::shapes::*;
use std::io::Read;
use std::sync::atomic::{AtomicU32, Ordering};
static CALLS: AtomicU32 = AtomicU32::new(0);
static mut KEPT: Vec<std::fs::File> = Vec::new();
struct Typed;
impl exports::test::typed::shapes::Guest for Typed {
    fn echo_point(p: Point) -> Point {
        p
    }
    fn echo_shape(s: Shape) -> Shape {
        s
    }
    fn echo_colour(c: Colour) -> Colour {
        c
    }
    fn echo_access(a: Access) -> Access {
        a
    }
    fn echo_bytes(b: Vec<u8>) -> Vec<u8> {
        b
    }
    fn echo_list(l: Vec<String>) -> Vec<String> {
        l
    }
    #[allow(clippy::type_complexity)]
    fn echo_all(
        a: bool,
        b: u8,
        c: i64,
        d: u64,
        e: f32,
        f: f64,
        g: char,
    ) -> (bool, u8, i64, u64, f32, f64, char) {
        (a, b, c, d, e, f, g)
    }
    fn echo_result(r: Result<u32, String>) -> Result<u32, String> {
        r
    }
    fn echo_option(o: Option<u32>) -> Option<u32> {
        o
    }
}
impl Guest for Typed {
    fn add(a: u32, b: u32) -> u32 {
        a.wrapping_add(b)
    }
    fn divide(a: u32, b: u32) -> Result<u32, String> {
        a.checked_div(b).ok_or_else(|| "division by zero".into())
    }
    fn count() -> u32 {
        CALLS.fetch_add(1, Ordering::Relaxed) + 1
    }
    fn crash() {
        panic!("on purpose")
    }
    fn spin() {
        loop {
            std::hint::black_box(0);
        }
    }
    fn leave(code: u8) {
        std::process::exit(code.into())
    }
    fn take(bytes: u64) -> u64 {
        std::hint::black_box(vec![1u8; bytes as usize]).len() as u64
    }
    fn say(text: String) {
        print!("{text}");
        use std::io::Write;
        std::io::stdout().flush().unwrap();
    }
    fn read_all() -> String {
        let mut s = String::new();
        std::io::stdin().read_to_string(&mut s).unwrap();
        s
    }
    #[allow(static_mut_refs)]
    fn hold_file(path: String) -> u32 {
        match std::fs::File::open(path) {
            Ok(f) => unsafe {
                KEPT.push(f);
                KEPT.len() as u32
            },
            Err(_) => 0,
        }
    }
}
export!(Typed);
