//! wasi:io. Streams move bytes in the call itself; pollables say what to wait
//! for, and one wait serves files, sockets, clocks and HTTP alike.

use wasmtime::component::Resource;
use wasmtime::{Error, Result};
use wasmtime_wasi::p2::bindings::sync::io::{error, poll, streams};
use wasmtime_wasi::p2::{StreamError, StreamResult};

use crate::host::{Entry, Fail, Host, POLLIN, POLLOUT, bx_raw, pollfd};

type InputStream = Resource<streams::InputStream>;
type OutputStream = Resource<streams::OutputStream>;

/// The most one call moves; a Vec of the host's meanwhile.
const CHUNK_BYTES: usize = 1 << 20;
/// What check-write permits.
const WRITE_BYTES: u64 = 1 << 20;
/// Pollables in one poll: what poll_oneoff takes too.
const POLL_MAX: usize = 4096;
/// Between looks at requests that wait for one another.
const HTTP_TURN_NS: i64 = 5_000_000;

#[derive(Clone, Copy)]
pub enum Input {
    File {
        fd: u32,
        at: u64,
    },
    Stdin {
        fd: u32,
    },
    Tcp(i32),
    /// The response body of an exchange.
    Http(u32),
}

#[derive(Clone, Copy)]
pub enum Output {
    File {
        fd: u32,
        at: u64,
    },
    Append {
        fd: u32,
    },
    Stdout {
        fd: u32,
    },
    Tcp(i32),
    /// The request body of an exchange.
    Http(u32),
}

#[derive(Clone, Copy)]
pub enum Pollable {
    Ready,
    /// Guest's monotonic clock, ns.
    Clock(u64),
    Stream {
        fd: u32,
        is_read: bool,
    },
    Socket {
        handle: i32,
        events: i16,
    },
    Head(u32),
    Body(u32),
}

/// Behind last-operation-failed.
pub enum IoError {
    Errno(i32),
    Socket(i32),
    Http(wasmtime_wasi_http::p2::bindings::http::types::ErrorCode),
}

/// A stream's failure before it is a resource.
#[derive(Debug)]
pub struct Failure(pub FailureKind);
#[derive(Debug)]
pub enum FailureKind {
    Errno(i32),
    Socket(i32),
    Http(wasmtime_wasi_http::p2::bindings::http::types::ErrorCode),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl std::error::Error for Failure {}

pub fn failed(kind: FailureKind) -> StreamError {
    StreamError::LastOperationFailed(Error::new(Failure(kind)))
}

impl From<Fail> for StreamError {
    fn from(fail: Fail) -> Self {
        match fail {
            Fail::Trap(error) => StreamError::Trap(error),
            Fail::Errno(errno) => failed(FailureKind::Errno(errno)),
        }
    }
}

fn trap(error: Error) -> StreamError {
    StreamError::Trap(error)
}

impl Host {
    /// fd_read or fd_pread of at most len bytes.
    pub fn read_fd(&mut self, fd: u32, len: u64, at: Option<u64>) -> Result<Vec<u8>, Fail> {
        let len = len.min(CHUNK_BYTES as u64) as usize;
        // The bytes first, then one iovec, then the count.
        let mut memory = vec![0; len + 12];
        memory[len + 4..len + 8].copy_from_slice(&(len as u32).to_le_bytes());
        let iovec = len as u32;
        match at {
            Some(at) => {
                let args: [bx_raw; 5] = [
                    fd.into(),
                    iovec.into(),
                    1u32.into(),
                    at.into(),
                    (iovec + 8).into(),
                ];
                self.call(self.api.calls.fd_pread, &mut memory, &args)?;
            }
            None => {
                let args: [bx_raw; 4] = [fd.into(), iovec.into(), 1u32.into(), (iovec + 8).into()];
                self.call(self.api.calls.fd_read, &mut memory, &args)?;
            }
        }
        let done = u32::from_le_bytes(memory[len + 8..].try_into().unwrap());
        memory.truncate((done as usize).min(len));
        Ok(memory)
    }

    /// fd_write or fd_pwrite, once; how much was written.
    pub fn write_fd(
        &mut self,
        fd: u32,
        bytes: &mut Vec<u8>,
        from: usize,
        at: Option<u64>,
    ) -> Result<usize, Fail> {
        let len = bytes.len();
        let left = len - from;
        bytes.extend_from_slice(&(from as u32).to_le_bytes());
        bytes.extend_from_slice(&(left as u32).to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        let iovec = len as u32;
        let result = match at {
            Some(at) => {
                let args: [bx_raw; 5] = [
                    fd.into(),
                    iovec.into(),
                    1u32.into(),
                    at.into(),
                    (iovec + 8).into(),
                ];
                self.call(self.api.calls.fd_pwrite, bytes, &args)
            }
            None => {
                let args: [bx_raw; 4] = [fd.into(), iovec.into(), 1u32.into(), (iovec + 8).into()];
                self.call(self.api.calls.fd_write, bytes, &args)
            }
        };
        let done = u32::from_le_bytes(bytes[len + 8..].try_into().unwrap());
        bytes.truncate(len);
        result.map(|()| (done as usize).min(left))
    }

    fn write_all(&mut self, fd: u32, mut bytes: Vec<u8>, mut at: Option<u64>) -> Result<(), Fail> {
        let mut from = 0;
        while from < bytes.len() {
            let done = self.write_fd(fd, &mut bytes, from, at)?;
            if done == 0 {
                return Err(Fail::Errno(29)); // EIO: no progress
            }
            from += done;
            at = at.map(|at| at + done as u64);
        }
        Ok(())
    }

    /// Appending is a flag of the descriptor; others may write at places.
    fn append(&mut self, fd: u32, bytes: Vec<u8>) -> Result<(), Fail> {
        let flags = self.fd_flags(fd)?;
        let set = self.api.calls.fd_fdstat_set_flags;
        self.call(set, &mut [], &[fd.into(), (flags | 1).into()])?;
        let written = self.write_all(fd, bytes, None);
        self.call(set, &mut [], &[fd.into(), flags.into()])?;
        written
    }

    fn read(&mut self, stream: &InputStream, len: u64, blocking: bool) -> StreamResult<Vec<u8>> {
        let Entry::Input(input) = *self.get(stream).map_err(trap)? else {
            return Err(StreamError::trap("not an input stream"));
        };
        let len = len.min(CHUNK_BYTES as u64);
        match input {
            Input::File { fd, at } => {
                let bytes = self.read_fd(fd, len, Some(at))?;
                if let Entry::Input(Input::File { at, .. }) = self.get(stream).map_err(trap)? {
                    *at += bytes.len() as u64;
                }
                if bytes.is_empty() && len > 0 {
                    return Err(StreamError::Closed);
                }
                Ok(bytes)
            }
            Input::Stdin { fd } => {
                self.enter().map_err(trap)?;
                if !blocking
                    && !self
                        .is_ready(Pollable::Stream { fd, is_read: true })
                        .map_err(trap)?
                {
                    return Ok(Vec::new());
                }
                let bytes = self.read_fd(fd, len, None)?;
                if bytes.is_empty() && len > 0 {
                    return Err(StreamError::Closed);
                }
                Ok(bytes)
            }
            Input::Tcp(handle) => self.receive(handle, len as usize, blocking),
            Input::Http(id) => self.read_http(id, len as usize, blocking),
        }
    }

    fn write(&mut self, stream: &OutputStream, bytes: Vec<u8>) -> StreamResult<()> {
        let Entry::Output(output) = *self.get(stream).map_err(trap)? else {
            return Err(StreamError::trap("not an output stream"));
        };
        match output {
            Output::File { fd, at } => {
                let len = bytes.len() as u64;
                self.write_all(fd, bytes, Some(at))?;
                if let Entry::Output(Output::File { at, .. }) = self.get(stream).map_err(trap)? {
                    *at += len;
                }
                Ok(())
            }
            Output::Append { fd } => Ok(self.append(fd, bytes)?),
            Output::Stdout { fd } => match self.write_all(fd, bytes, None) {
                Err(Fail::Errno(64)) => Err(StreamError::Closed), // EPIPE
                other => Ok(other?),
            },
            Output::Tcp(handle) => self.send(handle, &bytes),
            Output::Http(id) => self.write_http(id, &bytes),
        }
    }

    fn check(&mut self, stream: &OutputStream) -> StreamResult<u64> {
        self.enter().map_err(trap)?;
        let Entry::Output(output) = *self.get(stream).map_err(trap)? else {
            return Err(StreamError::trap("not an output stream"));
        };
        match output {
            Output::Tcp(handle) => {
                let socket = Pollable::Socket {
                    handle,
                    events: POLLOUT,
                };
                let ready = self.is_ready(socket).map_err(trap)?;
                Ok(if ready { WRITE_BYTES } else { 0 })
            }
            _ => Ok(WRITE_BYTES),
        }
    }

    fn splice(
        &mut self,
        to: &OutputStream,
        from: &InputStream,
        len: u64,
        blocking: bool,
    ) -> StreamResult<u64> {
        let room = self.check(to)?;
        let bytes = self.read(from, len.min(room).min(65536), blocking)?;
        let moved = bytes.len() as u64;
        if moved > 0 {
            self.write(to, bytes)?;
        }
        Ok(moved)
    }

    // ---- waiting ----

    fn is_ready(&mut self, pollable: Pollable) -> Result<bool> {
        let mut ready = Vec::new();
        self.look(&[pollable], 0, &mut ready)?;
        Ok(!ready.is_empty())
    }

    pub fn block_on(&mut self, pollable: Pollable) -> Result<()> {
        let mut ready = Vec::new();
        while ready.is_empty() {
            self.look(&[pollable], -1, &mut ready)?;
        }
        Ok(())
    }

    /// One wait of at most timeout_ns (-1: for ever) for any of pollables;
    /// appends the numbers of those that are ready. It may find none.
    fn look(
        &mut self,
        pollables: &[Pollable],
        timeout_ns: i64,
        ready: &mut Vec<u32>,
    ) -> Result<()> {
        let mut fds: Vec<(u32, pollfd)> = Vec::new();
        let mut clocks: Vec<(u32, u64)> = Vec::new();
        let mut requests: Vec<(u32, u32, bool)> = Vec::new();

        for (i, pollable) in pollables.iter().enumerate() {
            let i = i as u32;
            let (fd, events) = match *pollable {
                Pollable::Ready => (-1, 0),
                Pollable::Clock(when) => {
                    clocks.push((i, when));
                    continue;
                }
                Pollable::Head(id) => {
                    requests.push((i, id, false));
                    continue;
                }
                Pollable::Body(id) => {
                    requests.push((i, id, true));
                    continue;
                }
                // SAFETY: the context is this instance's.
                Pollable::Stream { fd, is_read } => (
                    unsafe { (self.api.c.stream_fd)(self.context, fd, is_read) },
                    if is_read { POLLIN } else { POLLOUT },
                ),
                // SAFETY: the same; the handle is held by the pollable's owner
                // or answers EBADF.
                Pollable::Socket { handle, events } => (
                    unsafe { (self.api.c.socket_fd)(self.context, handle) },
                    events,
                ),
            };
            if fd < 0 {
                ready.push(i);
            } else {
                fds.push((
                    i,
                    pollfd {
                        fd,
                        events,
                        revents: 0,
                    },
                ));
            }
        }
        for (i, id, wants_body) in &requests {
            if self.http_is_ready(*id, *wants_body)? {
                ready.push(*i);
            }
        }
        let mut timeout_ns = if ready.is_empty() { timeout_ns } else { 0 };
        for (_, id, _) in requests.iter().filter(|(_, _, wants_body)| !wants_body) {
            match self.http_patience(*id)? {
                Some(left) if timeout_ns < 0 || left < timeout_ns => timeout_ns = left,
                _ => {}
            }
        }
        let mut slept_to = None;
        if !clocks.is_empty() {
            let now = self.monotonic_now()?;
            let first = clocks.iter().map(|(_, when)| *when).min().unwrap();
            let left = first.saturating_sub(now).min(i64::MAX as u64) as i64;
            // SAFETY: the context is this instance's.
            let is_virtual = unsafe { (self.api.c.is_deterministic)(self.context) };
            if is_virtual && timeout_ns != 0 && requests.is_empty() {
                // Time is virtual: what is ready now counts, else it is over.
                timeout_ns = 0;
                slept_to = Some(left as u64);
            } else if timeout_ns < 0 || left < timeout_ns {
                timeout_ns = left;
            }
        }
        if timeout_ns != 0 || !fds.is_empty() {
            let mut polled: Vec<pollfd> = fds.iter().map(|(_, fd)| *fd).collect();
            if requests.len() > 1 && !(0..=HTTP_TURN_NS).contains(&timeout_ns) {
                timeout_ns = HTTP_TURN_NS;
            }
            self.wait(
                &mut polled,
                timeout_ns,
                !requests.is_empty() && timeout_ns != 0,
            )?;
            for (polled, (i, _)) in polled.iter().zip(&fds) {
                if polled.revents != 0 {
                    ready.push(*i);
                }
            }
        }
        if let Some(left) = slept_to.filter(|_| ready.is_empty()) {
            self.sleep_virtually(left)?;
        }
        if !clocks.is_empty() {
            let now = self.monotonic_now()?;
            ready.extend(
                clocks
                    .iter()
                    .filter(|(_, when)| *when <= now)
                    .map(|(i, _)| *i),
            );
        }
        ready.sort_unstable();
        Ok(())
    }

    fn pollable(&mut self, pollable: Pollable) -> Result<Resource<poll::Pollable>> {
        self.enter()?;
        // The guest may drop what it was made from and wait all the same.
        if let Pollable::Head(id) | Pollable::Body(id) = pollable {
            self.hold_exchange(id);
        }
        self.push(Entry::Pollable(pollable))
    }

    pub fn close_pollable(&mut self, pollable: Pollable) {
        if let Pollable::Head(id) | Pollable::Body(id) = pollable {
            self.unhold_exchange(id);
        }
    }

    fn pollable_of(&mut self, resource: &Resource<poll::Pollable>) -> Result<Pollable> {
        match self.get(resource)? {
            Entry::Pollable(pollable) => Ok(*pollable),
            _ => Err(Error::msg("not a pollable")),
        }
    }

    pub fn subscribe_to(&mut self, pollable: Pollable) -> Result<Resource<poll::Pollable>> {
        self.pollable(pollable)
    }

    pub fn close_input(&mut self, input: Input) {
        match input {
            Input::File { fd, .. } => self.unhold(fd),
            Input::Stdin { .. } => {}
            Input::Tcp(handle) => self.unhold_socket(handle),
            Input::Http(id) => self.unhold_exchange(id),
        }
    }

    pub fn close_output(&mut self, output: Output) {
        match output {
            Output::File { fd, .. } | Output::Append { fd } => self.unhold(fd),
            Output::Stdout { .. } => {}
            Output::Tcp(handle) => self.unhold_socket(handle),
            Output::Http(id) => self.unhold_exchange(id),
        }
    }
}

impl poll::Host for Host {
    fn poll(&mut self, list: Vec<Resource<poll::Pollable>>) -> Result<Vec<u32>> {
        self.enter()?;
        if list.is_empty() || list.len() > POLL_MAX {
            return Err(Error::msg(format!(
                "poll of {} pollables; expected 1 to {POLL_MAX}",
                list.len()
            )));
        }
        let pollables = list
            .iter()
            .map(|resource| self.pollable_of(resource))
            .collect::<Result<Vec<_>>>()?;
        let mut ready = Vec::new();
        while ready.is_empty() {
            self.look(&pollables, -1, &mut ready)?;
        }
        Ok(ready)
    }
}

impl poll::HostPollable for Host {
    fn ready(&mut self, pollable: Resource<poll::Pollable>) -> Result<bool> {
        self.enter()?;
        let pollable = self.pollable_of(&pollable)?;
        self.is_ready(pollable)
    }

    fn block(&mut self, pollable: Resource<poll::Pollable>) -> Result<()> {
        self.enter()?;
        let pollable = self.pollable_of(&pollable)?;
        self.block_on(pollable)
    }

    fn drop(&mut self, pollable: Resource<poll::Pollable>) -> Result<()> {
        self.remove(pollable)
    }
}

impl error::Host for Host {}

impl error::HostError for Host {
    fn to_debug_string(&mut self, error: Resource<error::Error>) -> Result<String> {
        self.enter()?;
        Ok(match self.get(&error)? {
            Entry::IoError(IoError::Errno(errno)) => {
                format!("{:?}", crate::wasi::fs::error_code(*errno))
            }
            Entry::IoError(IoError::Socket(errnum)) => {
                format!("{:?}", crate::wasi::sockets::error_code(*errnum))
            }
            Entry::IoError(IoError::Http(code)) => format!("{code:?}"),
            _ => return Err(Error::msg("not an error")),
        })
    }

    fn drop(&mut self, error: Resource<error::Error>) -> Result<()> {
        self.remove(error)
    }
}

impl streams::Host for Host {
    fn convert_stream_error(&mut self, error: StreamError) -> Result<streams::StreamError> {
        match error {
            StreamError::Closed => Ok(streams::StreamError::Closed),
            StreamError::Trap(error) => Err(error),
            StreamError::LastOperationFailed(error) => {
                let Failure(kind) = error.downcast()?;
                let error = match kind {
                    FailureKind::Errno(errno) => IoError::Errno(errno),
                    FailureKind::Socket(errnum) => IoError::Socket(errnum),
                    FailureKind::Http(code) => IoError::Http(code),
                };
                Ok(streams::StreamError::LastOperationFailed(
                    self.push(Entry::IoError(error))?,
                ))
            }
        }
    }
}

impl streams::HostInputStream for Host {
    fn read(&mut self, stream: InputStream, len: u64) -> StreamResult<Vec<u8>> {
        Host::read(self, &stream, len, false)
    }

    fn blocking_read(&mut self, stream: InputStream, len: u64) -> StreamResult<Vec<u8>> {
        Host::read(self, &stream, len, true)
    }

    fn skip(&mut self, stream: InputStream, len: u64) -> StreamResult<u64> {
        Ok(Host::read(self, &stream, len, false)?.len() as u64)
    }

    fn blocking_skip(&mut self, stream: InputStream, len: u64) -> StreamResult<u64> {
        Ok(Host::read(self, &stream, len, true)?.len() as u64)
    }

    fn subscribe(&mut self, stream: InputStream) -> Result<Resource<poll::Pollable>> {
        let Entry::Input(input) = *self.get(&stream)? else {
            return Err(Error::msg("not an input stream"));
        };
        self.pollable(match input {
            Input::File { .. } => Pollable::Ready,
            Input::Stdin { fd } => Pollable::Stream { fd, is_read: true },
            Input::Tcp(handle) => Pollable::Socket {
                handle,
                events: POLLIN,
            },
            Input::Http(id) => Pollable::Body(id),
        })
    }

    fn drop(&mut self, stream: InputStream) -> Result<()> {
        self.remove(stream)
    }
}

impl streams::HostOutputStream for Host {
    fn check_write(&mut self, stream: OutputStream) -> StreamResult<u64> {
        self.check(&stream)
    }

    fn write(&mut self, stream: OutputStream, bytes: Vec<u8>) -> StreamResult<()> {
        Host::write(self, &stream, bytes)
    }

    fn blocking_write_and_flush(
        &mut self,
        stream: OutputStream,
        bytes: Vec<u8>,
    ) -> StreamResult<()> {
        Host::write(self, &stream, bytes)
    }

    fn write_zeroes(&mut self, stream: OutputStream, len: u64) -> StreamResult<()> {
        if len > WRITE_BYTES {
            return Err(StreamError::trap(
                "write-zeroes past what check-write permits",
            ));
        }
        Host::write(self, &stream, vec![0; len as usize])
    }

    fn blocking_write_zeroes_and_flush(
        &mut self,
        stream: OutputStream,
        len: u64,
    ) -> StreamResult<()> {
        streams::HostOutputStream::write_zeroes(self, stream, len)
    }

    // Bytes are with the kernel, or the capture, when write returns.
    fn flush(&mut self, stream: OutputStream) -> StreamResult<()> {
        self.check(&stream).map(|_| ())
    }

    fn blocking_flush(&mut self, stream: OutputStream) -> StreamResult<()> {
        self.check(&stream).map(|_| ())
    }

    fn splice(&mut self, to: OutputStream, from: InputStream, len: u64) -> StreamResult<u64> {
        Host::splice(self, &to, &from, len, false)
    }

    fn blocking_splice(
        &mut self,
        to: OutputStream,
        from: InputStream,
        len: u64,
    ) -> StreamResult<u64> {
        Host::splice(self, &to, &from, len, true)
    }

    fn subscribe(&mut self, stream: OutputStream) -> Result<Resource<poll::Pollable>> {
        let Entry::Output(output) = *self.get(&stream)? else {
            return Err(Error::msg("not an output stream"));
        };
        self.pollable(match output {
            Output::Stdout { fd } => Pollable::Stream { fd, is_read: false },
            Output::Tcp(handle) => Pollable::Socket {
                handle,
                events: POLLOUT,
            },
            _ => Pollable::Ready,
        })
    }

    fn drop(&mut self, stream: OutputStream) -> Result<()> {
        self.remove(stream)
    }
}
