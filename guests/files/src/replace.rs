//! Put new content in a file's place in one step.

use std::fs::{self, File, OpenOptions};
use std::io::{Error, Write};
use std::time::SystemTime;

use crate::call::Failure;
use crate::fail;
use crate::place::{self, EACCES, EROFS};

const LINKS_MAX: usize = 40; // as the kernel

/// The path behind the symbolic links at path's end: what is replaced is what
/// they lead to, and the links stay.
pub fn follow_links(path: &str) -> Result<String, Failure> {
    let mut at = path.to_string();
    for _ in 0..LINKS_MAX {
        let Ok(target) = fs::read_link(&at) else {
            return Ok(at);
        };
        let Some(target) = target.to_str() else {
            fail!("'{path}' is a symbolic link to a name that is not UTF-8");
        };
        if target.starts_with('/') {
            fail!(
                "'{path}' is a symbolic link to '{target}', an absolute path, which is not \
                 followed; name the file itself"
            );
        }
        at = format!("{}{target}", place::folder_of(&at));
    }
    fail!("'{path}' cannot be edited: its symbolic links lead in circles")
}

/// What a file was when it was read, to see whether it still is.
#[derive(PartialEq)]
pub struct Stamp {
    bytes: u64,
    modified: Option<SystemTime>,
}

pub fn stamp(file: &File) -> Result<Stamp, Error> {
    let metadata = file.metadata()?;
    Ok(Stamp {
        bytes: metadata.len(),
        modified: metadata.modified().ok(),
    })
}

/// Whatever ends the program midway, the file is as it was or as it shall be:
/// the content goes into a file of its own in the same folder, which is then
/// renamed. path: as of follow_links().
pub fn replace(path: &str, data: &[u8], stamp_read: &Stamp) -> Result<(), Failure> {
    // A read-only place says so here rather than of a name nobody gave.
    if let Err(e) = OpenOptions::new().write(true).open(path)
        && matches!(e.raw_os_error(), Some(EACCES | EROFS))
    {
        return Err(place::failure(path, "edited", &e));
    }
    let mut number = [0u8; 8];
    random(&mut number);
    let folder = place::folder_of(path);
    let temporary = format!("{folder}.boxagnts-{:016x}.tmp", u64::from_le_bytes(number));
    let mut file = match OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&temporary)
    {
        Ok(file) => file,
        Err(e) if matches!(e.raw_os_error(), Some(EACCES | EROFS)) => fail!(
            "'{path}' cannot be edited: that takes the right to make files in '{folder}', where \
             the new content is put together"
        ),
        Err(e) => return Err(place::failure(path, "edited", &e)),
    };
    // Without the sync a power cut could leave the new name with old blocks.
    let result = file
        .write_all(data)
        .and_then(|()| file.sync_all())
        .map_err(|e| place::failure(path, "edited", &e))
        .and_then(|()| check_unchanged(path, stamp_read))
        .and_then(|()| {
            fs::rename(&temporary, path).map_err(|e| place::failure(path, "edited", &e))
        });
    if result.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    result
}

fn check_unchanged(path: &str, stamp_read: &Stamp) -> Result<(), Failure> {
    let now = File::open(path).and_then(|file| stamp(&file));
    match now {
        Ok(now) if now == *stamp_read => Ok(()),
        _ => fail!(
            "'{path}' was changed by someone else during the edit and was left as they made it; \
             read it again and repeat the edit"
        ),
    }
}

#[link(wasm_import_module = "wasi_snapshot_preview1")]
unsafe extern "C" {
    fn random_get(buf: *mut u8, len: usize) -> u16;
}

fn random(buf: &mut [u8]) {
    // SAFETY: the host writes len bytes at buf and nothing else. A failure
    // leaves zeros; create_new() then fails when the name is taken.
    unsafe { random_get(buf.as_mut_ptr(), buf.len()) };
}
