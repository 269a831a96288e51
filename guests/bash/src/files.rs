//! bashkit's file system on the box's real files, through WASI. Nothing is
//! copied into memory but what a command reads; the host decides every access.
//!
//! Three things are not the box's: `/dev`, the commands' own `/usr/bin` (as
//! stubs that bashkit knows), and `/tmp` when the policy maps none (memory.rs).
//! Preview1 has no permission bits, so `chmod` is remembered for this run and
//! scripts count as executable by their first line.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::CString;
use std::fs;
use std::io::{Error, ErrorKind, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use bashkit::{
    DirEntry, FileSystem, FileSystemExt, FileType, FsLimits, InMemoryFs, Metadata, Result,
    async_trait,
};

use crate::preopen;

const DIRECTORY_MODE: u32 = 0o755;
const FILE_MODE: u32 = 0o644;
const SCRIPT_MODE: u32 = 0o755;
/// What one read of an endless device gives.
const DEVICE_READ_BYTES: usize = 64 * 1024;

pub struct BoxFiles {
    /// What chmod said in this run, by path.
    modes: Mutex<HashMap<PathBuf, u32>>,
    memory: OnceLock<Option<InMemoryFs>>,
    is_command: fn(&str) -> bool,
}

/// Who answers for a path.
enum Place<'a> {
    Files,
    Memory(&'a InMemoryFs),
    Device(&'a str),
    Stub(&'a str),
}

impl BoxFiles {
    pub fn new(is_command: fn(&str) -> bool) -> Arc<Self> {
        Arc::new(Self {
            modes: Mutex::new(HashMap::new()),
            memory: OnceLock::new(),
            is_command,
        })
    }

    fn place<'a>(&'a self, path: &'a Path) -> Place<'a> {
        let Some(text) = path.to_str() else {
            return Place::Files;
        };
        if let Some(name) = text.strip_prefix("/dev")
            && (name.is_empty() || name.starts_with('/'))
        {
            return Place::Device(name.trim_start_matches('/'));
        }
        if let Some(rest) = text.strip_prefix("/tmp")
            && (rest.is_empty() || rest.starts_with('/'))
            && let Some(memory) = self.memory()
        {
            return Place::Memory(memory);
        }
        let stub = text
            .strip_prefix("/usr/bin/")
            .or_else(|| text.strip_prefix("/bin/"));
        match stub {
            Some(name) if (self.is_command)(name) && fs::symlink_metadata(path).is_err() => {
                Place::Stub(name)
            }
            _ => Place::Files,
        }
    }

    /// `/tmp` of this run alone, when the box has none.
    fn memory(&self) -> Option<&InMemoryFs> {
        let memory = self.memory.get_or_init(|| match fs::metadata("/tmp") {
            Ok(_) => None,
            Err(_) => Some(InMemoryFs::with_limits(FsLimits::unlimited())),
        });
        memory.as_ref()
    }

    fn mode(&self, path: &Path, is_dir: bool, size: u64) -> u32 {
        if let Some(mode) = self.modes.lock().expect("one thread").get(path) {
            return *mode;
        }
        match is_dir {
            true => DIRECTORY_MODE,
            false if size > 2 && may_be_script(path) && is_script(path) => SCRIPT_MODE,
            false => FILE_MODE,
        }
    }

    fn describe(&self, path: &Path, metadata: &fs::Metadata) -> Metadata {
        let kind = metadata.file_type();
        let modified = metadata.modified().unwrap_or(UNIX_EPOCH);
        Metadata {
            file_type: match () {
                () if kind.is_dir() => FileType::Directory,
                () if kind.is_symlink() => FileType::Symlink,
                () => FileType::File,
            },
            size: metadata.len(),
            mode: match kind.is_symlink() {
                true => 0o777,
                false => self.mode(path, kind.is_dir(), metadata.len()),
            },
            modified,
            created: metadata.created().unwrap_or(modified),
        }
    }

    fn forget_modes(&self, path: &Path) {
        self.modes
            .lock()
            .expect("one thread")
            .retain(|known, _| !known.starts_with(path));
    }

    fn move_modes(&self, from: &Path, to: &Path) {
        let mut modes = self.modes.lock().expect("one thread");
        let moved: Vec<(PathBuf, u32)> = modes
            .iter()
            .filter_map(|(known, mode)| Some((to.join(known.strip_prefix(from).ok()?), *mode)))
            .collect();
        modes.retain(|known, _| !known.starts_with(from) && !known.starts_with(to));
        modes.extend(moved);
    }
}

/// Only names that scripts have are worth opening for a look.
fn may_be_script(path: &Path) -> bool {
    match path.extension().and_then(|extension| extension.to_str()) {
        None => true,
        Some(extension) => matches!(
            extension,
            "sh" | "bash" | "py" | "js" | "mjs" | "pl" | "rb" | "awk" | "sed" | "run" | "cgi"
        ),
    }
}

fn is_script(path: &Path) -> bool {
    let mut magic = [0u8; 2];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut magic));
    read.is_ok() && &magic == b"#!"
}

fn stub(name: &str) -> Vec<u8> {
    format!("#!/bin/sh\n# bashkit builtin: {name}\nexec {name} \"$@\"\n").into_bytes()
}

fn special(file_type: FileType, size: u64, mode: u32) -> Metadata {
    Metadata {
        file_type,
        size,
        mode,
        modified: UNIX_EPOCH,
        created: UNIX_EPOCH,
    }
}

const DEVICES: [&str; 6] = ["full", "null", "random", "tty", "urandom", "zero"];

fn device_read(name: &str) -> Result<Vec<u8>> {
    match name {
        "null" => Ok(Vec::new()),
        "zero" | "full" => Ok(vec![0; DEVICE_READ_BYTES]),
        "random" | "urandom" => {
            let mut bytes = vec![0; DEVICE_READ_BYTES];
            getrandom::fill(&mut bytes).map_err(|error| Error::other(error.to_string()))?;
            Ok(bytes)
        }
        "tty" => Err(Error::other("No such device or address").into()),
        "" => Err(Error::other("is a directory").into()),
        _ => Err(Error::from(ErrorKind::NotFound).into()),
    }
}

fn device_write(name: &str) -> Result<()> {
    match name {
        "null" | "zero" | "random" | "urandom" => Ok(()),
        "full" => Err(Error::other("No space left on device").into()),
        "tty" => Err(Error::other("No such device or address").into()),
        "" => Err(Error::other("is a directory").into()),
        _ => Err(Error::from(ErrorKind::PermissionDenied).into()),
    }
}

fn device_stat(name: &str) -> Result<Metadata> {
    match name {
        "" => Ok(special(FileType::Directory, 0, DIRECTORY_MODE)),
        name if DEVICES.contains(&name) => Ok(special(FileType::Fifo, 0, 0o666)),
        _ => Err(Error::from(ErrorKind::NotFound).into()),
    }
}

fn refused<T>() -> Result<T> {
    Err(Error::from(ErrorKind::PermissionDenied).into())
}

/// The system's words without std's "(os error N)".
fn told(error: Error) -> bashkit::Error {
    let text = error.to_string();
    let text = text.split(" (os error ").next().unwrap_or_default();
    Error::new(error.kind(), text).into()
}

fn unlike_a_directory(path: &Path, error: Error) -> bashkit::Error {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Error::other("is a directory").into(),
        _ => told(error),
    }
}

fn write(path: &Path, content: &[u8], options: &mut fs::OpenOptions) -> Result<()> {
    let mut file = options
        .open(path)
        .map_err(|error| unlike_a_directory(path, error))?;
    file.write_all(content).map_err(told)
}

/// Every entry goes, also when another cannot; the first failure is told.
fn remove_tree(path: &Path) -> std::io::Result<()> {
    let mut failure = None;
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let removed = match entry.file_type()?.is_dir() {
            true => remove_tree(&entry.path()),
            false => fs::remove_file(entry.path()),
        };
        failure = failure.or(removed.err());
    }
    match failure {
        Some(error) => Err(error),
        None => fs::remove_dir(path),
    }
}

#[async_trait]
impl FileSystem for BoxFiles {
    async fn read_file(&self, path: &Path) -> Result<Vec<u8>> {
        let path = &*plain(path);
        match self.place(path) {
            Place::Files => fs::read(path).map_err(|error| unlike_a_directory(path, error)),
            Place::Memory(memory) => memory.read_file(path).await,
            Place::Device(name) => device_read(name),
            Place::Stub(name) => Ok(stub(name)),
        }
    }

    async fn write_file(&self, path: &Path, content: &[u8]) -> Result<()> {
        let path = &*plain(path);
        match self.place(path) {
            Place::Files => {
                let mut options = fs::OpenOptions::new();
                write(
                    path,
                    content,
                    options.write(true).create(true).truncate(true),
                )
            }
            Place::Memory(memory) => memory.write_file(path, content).await,
            Place::Device(name) => device_write(name),
            Place::Stub(_) => refused(),
        }
    }

    async fn append_file(&self, path: &Path, content: &[u8]) -> Result<()> {
        let path = &*plain(path);
        match self.place(path) {
            Place::Files => write(
                path,
                content,
                fs::OpenOptions::new().append(true).create(true),
            ),
            Place::Memory(memory) => memory.append_file(path, content).await,
            Place::Device(name) => device_write(name),
            Place::Stub(_) => refused(),
        }
    }

    async fn mkdir(&self, path: &Path, recursive: bool) -> Result<()> {
        let path = &*plain(path);
        match self.place(path) {
            Place::Files if recursive => fs::create_dir_all(path).map_err(told),
            Place::Files => fs::create_dir(path).map_err(told),
            Place::Memory(memory) => memory.mkdir(path, recursive).await,
            Place::Device("") if recursive => Ok(()),
            Place::Device(_) | Place::Stub(_) => refused(),
        }
    }

    async fn remove(&self, path: &Path, recursive: bool) -> Result<()> {
        let path = &*plain(path);
        match self.place(path) {
            Place::Files => {
                let kind = fs::symlink_metadata(path).map_err(told)?.file_type();
                match () {
                    () if !kind.is_dir() => fs::remove_file(path),
                    () if recursive => remove_tree(path),
                    () => fs::remove_dir(path),
                }
                .map_err(told)?;
                self.forget_modes(path);
                Ok(())
            }
            Place::Memory(memory) => memory.remove(path, recursive).await,
            Place::Device(_) | Place::Stub(_) => refused(),
        }
    }

    async fn stat(&self, path: &Path) -> Result<Metadata> {
        let path = &*plain(path);
        match self.place(path) {
            Place::Files => match fs::metadata(path) {
                Ok(metadata) => Ok(self.describe(path, &metadata)),
                Err(_) if preopen::leads_to(path) => {
                    Ok(special(FileType::Directory, 0, DIRECTORY_MODE))
                }
                Err(error) => Err(told(error)),
            },
            Place::Memory(memory) => memory.stat(path).await,
            Place::Device(name) => device_stat(name),
            Place::Stub(name) => Ok(special(
                FileType::File,
                stub(name).len() as u64,
                SCRIPT_MODE,
            )),
        }
    }

    async fn lstat(&self, path: &Path) -> Result<Metadata> {
        let path = &*plain(path);
        match self.place(path) {
            Place::Files => match fs::symlink_metadata(path) {
                Ok(metadata) => Ok(self.describe(path, &metadata)),
                Err(_) => self.stat(path).await,
            },
            _ => self.stat(path).await,
        }
    }

    async fn read_dir(&self, path: &Path) -> Result<Vec<DirEntry>> {
        let path = &*plain(path);
        match self.place(path) {
            Place::Files => {}
            Place::Memory(memory) => return memory.read_dir(path).await,
            Place::Device("") => {
                return Ok(DEVICES
                    .iter()
                    .map(|name| DirEntry {
                        name: (*name).to_owned(),
                        metadata: special(FileType::Fifo, 0, 0o666),
                    })
                    .collect());
            }
            Place::Device(_) | Place::Stub(_) => {
                return Err(Error::other("not a directory").into());
            }
        }
        let listing = match fs::read_dir(path) {
            Ok(listing) => listing,
            Err(_) if preopen::leads_to(path) => {
                let lead = special(FileType::Directory, 0, DIRECTORY_MODE);
                let entry = |name| DirEntry {
                    name,
                    metadata: lead.clone(),
                };
                return Ok(preopen::names_below(path).into_iter().map(entry).collect());
            }
            Err(error) => return Err(told(error)),
        };
        let mut entries = Vec::new();
        for entry in listing {
            let entry = entry.map_err(told)?;
            // An entry may be gone by now; a name is text (the host sees to it).
            let (Ok(metadata), Ok(name)) = (entry.metadata(), entry.file_name().into_string())
            else {
                continue;
            };
            entries.push(DirEntry {
                name,
                metadata: self.describe(&entry.path(), &metadata),
            });
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    async fn exists(&self, path: &Path) -> Result<bool> {
        let path = &*plain(path);
        match self.place(path) {
            Place::Files => Ok(fs::metadata(path).is_ok() || preopen::leads_to(path)),
            Place::Memory(memory) => memory.exists(path).await,
            Place::Device(name) => Ok(device_stat(name).is_ok()),
            Place::Stub(_) => Ok(true),
        }
    }

    async fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        let from = &*plain(from);
        let to = &*plain(to);
        match (self.place(from), self.place(to)) {
            (Place::Files, Place::Files) => {
                fs::rename(from, to).map_err(told)?;
                self.move_modes(from, to);
                Ok(())
            }
            (Place::Memory(memory), Place::Memory(_)) => memory.rename(from, to).await,
            (Place::Files | Place::Memory(_), Place::Files | Place::Memory(_)) => {
                self.copy(from, to).await?;
                self.remove(from, false).await
            }
            _ => refused(),
        }
    }

    async fn copy(&self, from: &Path, to: &Path) -> Result<()> {
        let from = &*plain(from);
        let to = &*plain(to);
        if let (Place::Files, Place::Files) = (self.place(from), self.place(to)) {
            let metadata = fs::metadata(from).map_err(told)?;
            if metadata.is_dir() {
                return Err(Error::other("is a directory").into());
            }
            let mode = self.mode(from, false, metadata.len());
            let mut source = fs::File::open(from).map_err(told)?;
            let mut target = fs::File::create(to).map_err(|error| unlike_a_directory(to, error))?;
            std::io::copy(&mut source, &mut target).map_err(told)?;
            if mode != FILE_MODE {
                self.modes
                    .lock()
                    .expect("one thread")
                    .insert(to.to_path_buf(), mode);
            }
            return Ok(());
        }
        let content = self.read_file(from).await?;
        self.write_file(to, &content).await
    }

    async fn symlink(&self, target: &Path, link: &Path) -> Result<()> {
        let link = &*plain(link);
        match self.place(link) {
            Place::Files => symlink(target, link).map_err(told),
            Place::Memory(memory) => memory.symlink(target, link).await,
            Place::Device(_) | Place::Stub(_) => refused(),
        }
    }

    async fn read_link(&self, path: &Path) -> Result<PathBuf> {
        let path = &*plain(path);
        match self.place(path) {
            Place::Memory(memory) => memory.read_link(path).await,
            _ => fs::read_link(path).map_err(told),
        }
    }

    async fn chmod(&self, path: &Path, mode: u32) -> Result<()> {
        let path = &*plain(path);
        match self.place(path) {
            Place::Files => {
                fs::metadata(path).map_err(told)?;
                self.modes
                    .lock()
                    .expect("one thread")
                    .insert(path.to_path_buf(), mode & 0o7777);
                Ok(())
            }
            Place::Memory(memory) => memory.chmod(path, mode).await,
            Place::Device(_) | Place::Stub(_) => refused(),
        }
    }

    async fn set_modified_time(&self, path: &Path, time: SystemTime) -> Result<()> {
        let path = &*plain(path);
        match self.place(path) {
            Place::Files => set_modified(path, time).map_err(told),
            Place::Memory(memory) => memory.set_modified_time(path, time).await,
            Place::Device(_) => Ok(()),
            Place::Stub(_) => refused(),
        }
    }
}

/// New content in one step, for commands that rewrite a file (`sed -i`). None: the
/// path is one of the shell's own.
pub fn replace(path: &Path, content: &[u8]) -> Option<Result<()>> {
    let path = &*plain(path);
    let is_own = path.starts_with("/dev")
        || (path.starts_with("/tmp") && fs::symlink_metadata("/tmp").is_err());
    match is_own {
        true => None,
        false => Some(
            boxagnts_guest::file::replace(path, content)
                .map_err(|error| unlike_a_directory(path, error)),
        ),
    }
}

#[async_trait]
impl FileSystemExt for BoxFiles {
    fn backend_kind(&self) -> &'static str {
        "box"
    }
}

/// Without `.` and `..`, as the shell itself reads a path: the host would have
/// `..` at the edge of a mapping lead out.
fn plain(path: &Path) -> Cow<'_, Path> {
    if path
        .components()
        .all(|part| matches!(part, Component::RootDir | Component::Normal(_)))
        && !path.as_os_str().as_encoded_bytes().ends_with(b"/.")
    {
        return Cow::Borrowed(path);
    }
    let mut plain = PathBuf::from("/");
    for part in path.components() {
        match part {
            Component::Normal(name) => plain.push(name),
            Component::ParentDir => {
                plain.pop();
            }
            _ => {}
        }
    }
    Cow::Owned(plain)
}

fn c_path(path: &Path) -> std::io::Result<CString> {
    Ok(CString::new(path.as_os_str().as_encoded_bytes())?)
}

/// Preview1's struct timespec, as wasi-libc has it.
#[repr(C)]
struct TimeSpec {
    seconds: i64,
    nanoseconds: std::ffi::c_long,
}

unsafe extern "C" {
    #[link_name = "symlink"]
    fn c_symlink(target: *const std::ffi::c_char, link: *const std::ffi::c_char) -> i32;
    fn utimensat(
        folder: i32,
        path: *const std::ffi::c_char,
        times: *const TimeSpec,
        flags: i32,
    ) -> i32;
}

/// std has both only behind an unstable feature on this target.
fn symlink(target: &Path, link: &Path) -> std::io::Result<()> {
    let (target, link) = (c_path(target)?, c_path(link)?);
    match unsafe { c_symlink(target.as_ptr(), link.as_ptr()) } {
        0 => Ok(()),
        _ => Err(Error::last_os_error()),
    }
}

fn set_modified(path: &Path, time: SystemTime) -> std::io::Result<()> {
    let path = c_path(path)?;
    let (seconds, nanoseconds) = match time.duration_since(UNIX_EPOCH) {
        Ok(since) => (since.as_secs() as i64, since.subsec_nanos()),
        Err(before) => {
            let before = before.duration();
            match before.subsec_nanos() {
                0 => (-(before.as_secs() as i64), 0),
                nanos => (-(before.as_secs() as i64) - 1, 1_000_000_000 - nanos),
            }
        }
    };
    let spec = || TimeSpec {
        seconds,
        nanoseconds: nanoseconds as std::ffi::c_long,
    };
    let times = [spec(), spec()];
    const AT_FDCWD: i32 = -2; /* wasi-libc, __header_fcntl.h */
    match unsafe { utimensat(AT_FDCWD, path.as_ptr(), times.as_ptr(), 0) } {
        0 => Ok(()),
        _ => Err(Error::last_os_error()),
    }
}
