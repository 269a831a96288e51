//! The folders the policy maps, for a box whose `/` is not one of them: what
//! leads to a mapping is a folder that can be listed.

use std::path::Path;
use std::sync::OnceLock;

const FIRST_PREOPEN: u32 = 3;
/// A longer run of preopens is no policy's.
const MAX_PREOPENS: u32 = 4096;

#[repr(C)]
struct Prestat {
    tag: u8,
    name_len: u32,
}

#[link(wasm_import_module = "wasi_snapshot_preview1")]
unsafe extern "C" {
    fn fd_prestat_get(fd: u32, ret: *mut Prestat) -> u16;
    fn fd_prestat_dir_name(fd: u32, name: *mut u8, name_len: u32) -> u16;
}

fn names() -> &'static [String] {
    static NAMES: OnceLock<Vec<String>> = OnceLock::new();
    NAMES.get_or_init(|| {
        let mut names = Vec::new();
        for fd in FIRST_PREOPEN..FIRST_PREOPEN + MAX_PREOPENS {
            let mut prestat = Prestat {
                tag: 0,
                name_len: 0,
            };
            if unsafe { fd_prestat_get(fd, &mut prestat) } != 0 {
                break;
            }
            let mut name = vec![0u8; prestat.name_len as usize];
            if unsafe { fd_prestat_dir_name(fd, name.as_mut_ptr(), prestat.name_len) } == 0 {
                names.push(format!(
                    "/{}",
                    String::from_utf8_lossy(&name).trim_matches('/')
                ));
            }
        }
        names
    })
}

/// Whether a mapped folder lies below `path`.
pub fn leads_to(path: &Path) -> bool {
    names()
        .iter()
        .any(|name| Path::new(name).starts_with(path) && Path::new(name) != path)
}

/// The next names on the way to what is mapped below `path`.
pub fn names_below(path: &Path) -> Vec<String> {
    let next = |name: &String| {
        let rest = Path::new(name).strip_prefix(path).ok()?;
        Some(rest.components().next()?.as_os_str().to_str()?.to_owned())
    };
    let mut below: Vec<String> = names().iter().filter_map(next).collect();
    below.sort();
    below.dedup();
    below
}

/// Where a shell starts when nobody says: `/`, or what is mapped.
pub fn first() -> &'static str {
    match names().iter().any(|name| name == "/") {
        true => "/",
        false => names().first().map_or("/", String::as_str),
    }
}
