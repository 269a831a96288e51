//! wasi:http requests on src/net/http_client.c: each one is checked, dialled
//! and read there. Nothing is served: incoming-handler has no caller.

use std::ffi::c_void;

use wasmtime::component::Resource;
use wasmtime::{Error, Result};
use wasmtime_wasi::p2::bindings::sync::io::{error, poll, streams};
use wasmtime_wasi::p2::{StreamError, StreamResult};
use wasmtime_wasi_http::p2::bindings::http::outgoing_handler;
use wasmtime_wasi_http::p2::bindings::http::types::{self, ErrorCode, Method, Scheme};
use wasmtime_wasi_http::p2::{HeaderError, HeaderResult, HttpError, HttpResult};

use crate::host::{Entry, HOST_STOP, Host, bx_component_failure, bx_text};
use crate::wasi::io::{FailureKind, Input, IoError, Output, Pollable, failed};

type Fields = Resource<types::Fields>;
type Request = Resource<types::OutgoingRequest>;
type Future = Resource<types::FutureIncomingResponse>;

/// One header list, names and values.
const FIELDS_BYTES_MAX: usize = 256 << 10;
const FIELDS_MAX: usize = 512;
/// A request body before the request itself is handed over.
const EARLY_BYTES_MAX: usize = 1 << 20;
/// Each of FIELDS_BYTES_MAX and some texts: the host's memory, not the guest's.
const GUEST_MADE_MAX: usize = 256;
/// Each of EARLY_BYTES_MAX.
const UNSENT_MAX: usize = 16;
const TEXT_BYTES_MAX: usize = 64 << 10;

/// bx_code and errno as C tells them.
const ERR_INVALID: i32 = 1;
const ERR_DENIED: i32 = 2;
const ERR_LIMIT: i32 = 5;
const ERR_TIMEOUT: i32 = 7;
const ECONNRESET: i32 = 104;
const ECONNREFUSED: i32 = 111;
const EHOSTUNREACH: i32 = 113;
const EPROTO: i32 = 71;

#[derive(Clone, Default)]
pub struct FieldList {
    list: Vec<(String, Vec<u8>)>,
    bytes: usize,
    is_immutable: bool,
}

impl FieldList {
    fn append(&mut self, name: String, value: Vec<u8>) -> HeaderResult<()> {
        self.bytes += name.len() + value.len() + 64;
        if self.bytes > FIELDS_BYTES_MAX || self.list.len() >= FIELDS_MAX {
            return Err(HeaderError::trap(Error::msg(format!(
                "a header list of more than {FIELDS_MAX} fields or {FIELDS_BYTES_MAX} bytes"
            ))));
        }
        self.list.push((name, value));
        Ok(())
    }

    fn remove(&mut self, name: &str) {
        self.list.retain(|(other, _)| other != name);
        self.bytes = self.list.iter().map(|(n, v)| n.len() + v.len() + 64).sum();
    }
}

pub struct RequestParts {
    method: Method,
    scheme: Option<Scheme>,
    authority: Option<String>,
    path: Option<String>,
    fields: FieldList,
    /// Once its body was asked for.
    exchange: Option<u32>,
}

#[derive(Clone, Copy, Default)]
pub struct Options {
    connect_ns: Option<u64>,
    first_byte_ns: Option<u64>,
    between_bytes_ns: Option<u64>,
}

pub enum Item {
    Fields(FieldList),
    Request(RequestParts),
    Options(Options),
    /// A request body; has its stream been taken?
    OutgoingBody {
        id: u32,
        is_taken: bool,
    },
    Future {
        id: u32,
        is_taken: bool,
    },
    Response {
        id: u32,
        status: u16,
        fields: FieldList,
        is_taken: bool,
    },
    IncomingBody {
        id: u32,
        is_taken: bool,
    },
    Trailers {
        is_taken: bool,
    },
    OutgoingResponse {
        status: u16,
        fields: FieldList,
    },
}

/// One request and its response, shared by the resources that stand for parts
/// of it.
pub struct Exchange {
    /// C's, NULL before it was handed over.
    handle: *mut c_void,
    holders: u32,
    is_body_open: bool,
    early: Vec<u8>,
    body_bytes: u64,
    /// The Content-Length the guest promised.
    promised: Option<u64>,
    failure: Option<ErrorCode>,
    /// Guest's monotonic clock.
    head_until: Option<u64>,
}

fn error_of(failure: &bx_component_failure) -> ErrorCode {
    match (failure.code, failure.errnum) {
        (ERR_DENIED, _) => ErrorCode::HttpRequestDenied,
        (ERR_INVALID, _) => ErrorCode::HttpRequestUriInvalid,
        (ERR_LIMIT, _) => ErrorCode::HttpResponseBodySize(None),
        (ERR_TIMEOUT, _) => ErrorCode::ConnectionTimeout,
        (_, ECONNREFUSED) => ErrorCode::ConnectionRefused,
        (_, ECONNRESET) => ErrorCode::ConnectionTerminated,
        (_, EHOSTUNREACH) => ErrorCode::DestinationUnavailable,
        (_, EPROTO) => ErrorCode::HttpProtocolError,
        _ => ErrorCode::InternalError(Some(failure.text())),
    }
}

fn method_text(method: &Method) -> &str {
    match method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
        Method::Connect => "CONNECT",
        Method::Options => "OPTIONS",
        Method::Trace => "TRACE",
        Method::Patch => "PATCH",
        Method::Other(text) => text,
    }
}

/// What a guest fills with as many bytes as it likes, without any network.
fn is_guest_made(item: &Item) -> bool {
    matches!(
        item,
        Item::Fields(_) | Item::Request(_) | Item::OutgoingResponse { .. }
    )
}

fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 256
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

// SAFETY, for every call of api.c here: the context is this instance's,
// exchanges are those C gave, and buffers are slices of ours.
impl Host {
    fn http<T: 'static>(&mut self, resource: &Resource<T>) -> Result<&mut Item> {
        match self.get(resource)? {
            Entry::Http(item) => Ok(item),
            _ => Err(Error::msg("not of wasi:http")),
        }
    }

    fn push_http<T: 'static>(&mut self, item: Item) -> Result<Resource<T>> {
        if is_guest_made(&item) {
            let is_held =
                |entry: &&Option<Entry>| matches!(entry, Some(Entry::Http(i)) if is_guest_made(i));
            if self.entries.iter().filter(is_held).count() >= GUEST_MADE_MAX {
                self.close_http(item);
                return Err(Error::msg(format!(
                    "the component holds {GUEST_MADE_MAX} header lists and requests, which is \
                     the most; it does not drop them"
                )));
            }
        }
        self.push(Entry::Http(item))
    }

    /// Requests whose bodies are kept until they are handed over.
    fn unsent(&self) -> usize {
        let is_kept = |exchange: &&Exchange| exchange.handle.is_null() && exchange.is_body_open;
        self.exchanges.iter().flatten().filter(is_kept).count()
    }

    fn take_http<T: 'static>(&mut self, resource: Resource<T>) -> Result<Item> {
        match self.take(resource)? {
            Entry::Http(item) => Ok(item),
            _ => Err(Error::msg("not of wasi:http")),
        }
    }

    pub fn close_http(&mut self, item: Item) {
        match item {
            Item::Request(parts) => {
                if let Some(id) = parts.exchange {
                    self.unhold_exchange(id);
                }
            }
            Item::OutgoingBody { id, .. } => {
                // Dropped, not finished: the request is not to be sent.
                let exchange = self.exchange(id);
                if exchange.is_body_open {
                    exchange.failure = Some(ErrorCode::HttpRequestBodySize(None));
                }
                self.unhold_exchange(id);
            }
            Item::Future { id, .. } | Item::Response { id, .. } | Item::IncomingBody { id, .. } => {
                self.unhold_exchange(id)
            }
            _ => {}
        }
    }

    // ---- exchanges ----

    fn exchange(&mut self, id: u32) -> &mut Exchange {
        self.exchanges[id as usize]
            .as_mut()
            .expect("held by who asks")
    }

    fn new_exchange(&mut self) -> u32 {
        let exchange = Exchange {
            handle: std::ptr::null_mut(),
            holders: 0,
            is_body_open: false,
            early: Vec::new(),
            body_bytes: 0,
            promised: None,
            failure: None,
            head_until: None,
        };
        match self.exchanges.iter().position(Option::is_none) {
            Some(free) => {
                self.exchanges[free] = Some(exchange);
                free as u32
            }
            None => {
                self.exchanges.push(Some(exchange));
                (self.exchanges.len() - 1) as u32
            }
        }
    }

    pub fn hold_exchange(&mut self, id: u32) -> u32 {
        self.exchange(id).holders += 1;
        id
    }

    pub fn unhold_exchange(&mut self, id: u32) {
        let exchange = self.exchange(id);
        exchange.holders -= 1;
        if exchange.holders > 0 {
            return;
        }
        let handle = exchange.handle;
        self.exchanges[id as usize] = None;
        if !handle.is_null() {
            unsafe { (self.api.c.http_free)(self.context, handle) };
        }
    }

    /// A failure of C's as an error code; the run being over ends it.
    fn http_failure(&mut self, failure: &bx_component_failure) -> Result<ErrorCode> {
        if unsafe { (self.api.c.is_over)(self.context) } {
            return Err(self.end(HOST_STOP));
        }
        Ok(error_of(failure))
    }

    pub fn http_is_ready(&mut self, id: u32, wants_body: bool) -> Result<bool> {
        let exchange = self.exchange(id);
        let (handle, until) = (exchange.handle, exchange.head_until);
        if exchange.failure.is_some() {
            return Ok(true);
        }
        if exchange.is_body_open || handle.is_null() {
            return Ok(false);
        }
        if unsafe { (self.api.c.http_is_ready)(self.context, handle, wants_body) } {
            return Ok(true);
        }
        if let Some(until) = until.filter(|_| !wants_body)
            && self.monotonic_now()? >= until
        {
            self.exchange(id).failure = Some(ErrorCode::ConnectionReadTimeout);
            return Ok(true);
        }
        Ok(false)
    }

    /// When a request has waited long enough for its head, ns from now.
    pub fn http_patience(&mut self, id: u32) -> Result<Option<i64>> {
        let Some(until) = self.exchange(id).head_until else {
            return Ok(None);
        };
        let now = self.monotonic_now()?;
        Ok(Some(until.saturating_sub(now).min(i64::MAX as u64) as i64))
    }

    pub fn read_http(&mut self, id: u32, len: usize, blocking: bool) -> StreamResult<Vec<u8>> {
        self.enter().map_err(StreamError::Trap)?;
        if len == 0 {
            return Ok(Vec::new());
        }
        let ready = self.http_is_ready(id, true).map_err(StreamError::Trap)?;
        if !blocking && !ready {
            return Ok(Vec::new());
        }
        let mut bytes = vec![0; len.min(65536)];
        let mut failure = bx_component_failure::default();
        let handle = self.exchange(id).handle;
        let answer = unsafe {
            (self.api.c.http_read)(
                self.context,
                handle,
                bytes.as_mut_ptr(),
                bytes.len(),
                &mut failure,
            )
        };
        match answer {
            0 => Err(StreamError::Closed),
            answer if answer < 0 => {
                let code = self.http_failure(&failure).map_err(StreamError::Trap)?;
                Err(failed(FailureKind::Http(code)))
            }
            answer => {
                bytes.truncate(answer as usize);
                Ok(bytes)
            }
        }
    }

    pub fn write_http(&mut self, id: u32, bytes: &[u8]) -> StreamResult<()> {
        self.enter().map_err(StreamError::Trap)?;
        let exchange = self.exchange(id);
        if !exchange.is_body_open {
            return Err(StreamError::Closed);
        }
        exchange.body_bytes += bytes.len() as u64;
        let handle = exchange.handle;
        if handle.is_null() {
            if exchange.early.len() + bytes.len() > EARLY_BYTES_MAX {
                let size = Some(exchange.body_bytes);
                return Err(failed(FailureKind::Http(ErrorCode::HttpRequestBodySize(
                    size,
                ))));
            }
            exchange.early.extend_from_slice(bytes);
            return Ok(());
        }
        let code = self.send_body(handle, bytes).map_err(StreamError::Trap)?;
        match code {
            None => Ok(()),
            Some(code) => {
                self.exchange(id).failure = Some(code.clone());
                Err(failed(FailureKind::Http(code)))
            }
        }
    }

    fn send_body(&mut self, handle: *mut c_void, bytes: &[u8]) -> Result<Option<ErrorCode>> {
        let mut failure = bx_component_failure::default();
        let answer = unsafe {
            (self.api.c.http_write)(
                self.context,
                handle,
                bytes.as_ptr(),
                bytes.len(),
                &mut failure,
            )
        };
        if answer == 0 {
            return Ok(None);
        }
        Ok(Some(match self.http_failure(&failure)? {
            ErrorCode::HttpResponseBodySize(_) => ErrorCode::HttpRequestBodySize(None),
            code => code,
        }))
    }

    fn url_of(parts: &RequestParts) -> Result<String, ErrorCode> {
        let scheme = match &parts.scheme {
            None | Some(Scheme::Https) => "https",
            Some(Scheme::Http) => "http",
            Some(Scheme::Other(_)) => return Err(ErrorCode::HttpRequestUriInvalid),
        };
        let authority = parts
            .authority
            .as_deref()
            .ok_or(ErrorCode::HttpRequestUriInvalid)?;
        let path = parts.path.as_deref().unwrap_or("/");
        let slash = if path.starts_with('/') { "" } else { "/" };
        Ok(format!("{scheme}://{authority}{slash}{path}"))
    }

    fn hand_over(
        &mut self,
        parts: &RequestParts,
        options: Options,
        id: u32,
    ) -> Result<Result<(), ErrorCode>> {
        let url = match Self::url_of(parts) {
            Ok(url) => url,
            Err(code) => return Ok(Err(code)),
        };
        let mut failure = bx_component_failure::default();
        let fields: Vec<[bx_text; 2]> = parts
            .fields
            .list
            .iter()
            // The host frames the body; what was promised is compared.
            .filter(|(name, _)| name != "content-length")
            .map(|(name, value)| [bx_text::new(name.as_bytes()), bx_text::new(value)])
            .collect();
        let handle = unsafe {
            (self.api.c.http_open)(
                self.context,
                bx_text::new(method_text(&parts.method).as_bytes()),
                bx_text::new(url.as_bytes()),
                fields.as_ptr(),
                fields.len(),
                0,
                &mut failure,
            )
        };
        if handle.is_null() {
            return Ok(Err(match self.http_failure(&failure)? {
                ErrorCode::HttpResponseBodySize(_) => ErrorCode::ConnectionLimitReached,
                code => code,
            }));
        }
        self.exchange(id).handle = handle;
        let early = std::mem::take(&mut self.exchange(id).early);
        if !early.is_empty()
            && let Some(code) = self.send_body(handle, &early)?
        {
            return Ok(Err(code));
        }
        if let Some(ns) = options.first_byte_ns {
            let ns = ns.saturating_add(options.connect_ns.unwrap_or(0));
            let until = self.monotonic_now()?.saturating_add(ns);
            self.exchange(id).head_until = Some(until);
        }
        Ok(Ok(()))
    }

    /// The head, without waiting when it is ready.
    fn take_head(&mut self, id: u32) -> Result<Result<Item, ErrorCode>> {
        let exchange = self.exchange(id);
        let handle = exchange.handle;
        if let Some(code) = exchange.failure.clone() {
            return Ok(Err(code));
        }
        let mut status = 0;
        let mut count = 0;
        let mut failure = bx_component_failure::default();
        let answer = unsafe {
            (self.api.c.http_head)(self.context, handle, &mut status, &mut count, &mut failure)
        };
        if answer < 0 {
            return Ok(Err(self.http_failure(&failure)?));
        }
        let mut fields = FieldList::default();
        for i in 0..count {
            let mut name = bx_text::new(b"");
            let mut value = bx_text::new(b"");
            unsafe { (self.api.c.http_field)(self.context, handle, i, &mut name, &mut value) };
            // SAFETY: C lends both until the exchange is freed.
            let (name, value) = unsafe {
                (
                    std::slice::from_raw_parts(name.data, name.bytes),
                    std::slice::from_raw_parts(value.data, value.bytes),
                )
            };
            fields
                .list
                .push((String::from_utf8_lossy(name).into_owned(), value.to_vec()));
        }
        // The body comes decoded, so what described it no longer does.
        if fields
            .list
            .iter()
            .any(|(name, _)| name == "content-encoding")
        {
            fields.remove("content-encoding");
            fields.remove("content-length");
        }
        fields.is_immutable = true;
        Ok(Ok(Item::Response {
            id: self.hold_exchange(id),
            status,
            fields,
            is_taken: false,
        }))
    }

    fn check_field(&self, name: &str, value: &[u8]) -> HeaderResult<String> {
        let name = name.to_ascii_lowercase();
        if !is_token(&name) || value.iter().any(|b| matches!(b, 0..=8 | 10..=31 | 127)) {
            return Err(types::HeaderError::InvalidSyntax.into());
        }
        let allowed = name == "content-length"
            || unsafe {
                (self.api.c.http_check_field)(bx_text::new(name.as_bytes()), bx_text::new(value))
            };
        if allowed {
            Ok(name)
        } else {
            Err(types::HeaderError::Forbidden.into())
        }
    }

    fn mutable(&mut self, fields: &Fields) -> HeaderResult<&mut FieldList> {
        self.enter().map_err(HeaderError::trap)?;
        match self.http(fields).map_err(HeaderError::trap)? {
            Item::Fields(list) if list.is_immutable => Err(types::HeaderError::Immutable.into()),
            Item::Fields(list) => Ok(list),
            _ => Err(HeaderError::trap(Error::msg("not a header list"))),
        }
    }

    fn list(&mut self, fields: &Fields) -> Result<&FieldList> {
        self.enter()?;
        match self.http(fields)? {
            Item::Fields(list) => Ok(list),
            _ => Err(Error::msg("not a header list")),
        }
    }

    fn take_list(&mut self, fields: Fields) -> Result<FieldList> {
        match self.take_http(fields)? {
            Item::Fields(mut list) => {
                list.is_immutable = true;
                Ok(list)
            }
            _ => Err(Error::msg("not a header list")),
        }
    }

    fn parts(&mut self, request: &Request) -> Result<&mut RequestParts> {
        self.enter()?;
        match self.http(request)? {
            Item::Request(parts) => Ok(parts),
            _ => Err(Error::msg("not a request")),
        }
    }

    fn options(&mut self, options: &Resource<types::RequestOptions>) -> Result<&mut Options> {
        match self.http(options)? {
            Item::Options(options) => Ok(options),
            _ => Err(Error::msg("not request options")),
        }
    }
}

impl outgoing_handler::Host for Host {
    fn handle(
        &mut self,
        request: Request,
        options: Option<Resource<types::RequestOptions>>,
    ) -> HttpResult<Future> {
        self.enter().map_err(HttpError::trap)?;
        let options = match options {
            None => Options::default(),
            Some(resource) => match self.take_http(resource).map_err(HttpError::trap)? {
                Item::Options(options) => options,
                _ => return Err(HttpError::trap(Error::msg("not request options"))),
            },
        };
        let Item::Request(mut parts) = self.take_http(request).map_err(HttpError::trap)? else {
            return Err(HttpError::trap(Error::msg("not a request")));
        };
        let id = match parts.exchange.take() {
            Some(id) => id, // the request's own hold becomes the future's
            None => {
                let id = self.new_exchange();
                self.hold_exchange(id)
            }
        };
        match self.hand_over(&parts, options, id) {
            Ok(Ok(())) => {}
            Ok(Err(code)) => {
                self.unhold_exchange(id);
                return Err(code.into());
            }
            Err(error) => {
                self.unhold_exchange(id);
                return Err(HttpError::trap(error));
            }
        }
        self.push_http(Item::Future {
            id,
            is_taken: false,
        })
        .map_err(HttpError::trap)
    }
}

impl types::Host for Host {
    fn convert_error_code(&mut self, error: HttpError) -> Result<ErrorCode> {
        error.downcast()
    }

    fn convert_header_error(&mut self, error: HeaderError) -> Result<types::HeaderError> {
        error.downcast()
    }

    fn http_error_code(&mut self, error: Resource<error::Error>) -> Result<Option<ErrorCode>> {
        self.enter()?;
        Ok(match self.get(&error)? {
            Entry::IoError(IoError::Http(code)) => Some(code.clone()),
            _ => None,
        })
    }
}

impl types::HostFields for Host {
    fn new(&mut self) -> Result<Fields> {
        self.enter()?;
        self.push_http(Item::Fields(FieldList::default()))
    }

    fn from_list(&mut self, entries: Vec<(String, Vec<u8>)>) -> HeaderResult<Fields> {
        self.enter().map_err(HeaderError::trap)?;
        let mut list = FieldList::default();
        for (name, value) in entries {
            let name = self.check_field(&name, &value)?;
            list.append(name, value)?;
        }
        self.push_http(Item::Fields(list))
            .map_err(HeaderError::trap)
    }

    fn get(&mut self, fields: Fields, name: String) -> Result<Vec<Vec<u8>>> {
        let name = name.to_ascii_lowercase();
        let list = self.list(&fields)?;
        Ok(list
            .list
            .iter()
            .filter(|(other, _)| *other == name)
            .map(|(_, value)| value.clone())
            .collect())
    }

    fn has(&mut self, fields: Fields, name: String) -> Result<bool> {
        let name = name.to_ascii_lowercase();
        let list = self.list(&fields)?;
        Ok(list.list.iter().any(|(other, _)| *other == name))
    }

    fn set(&mut self, fields: Fields, name: String, values: Vec<Vec<u8>>) -> HeaderResult<()> {
        let mut lower = name.to_ascii_lowercase();
        for value in &values {
            lower = self.check_field(&name, value)?;
        }
        let list = self.mutable(&fields)?;
        list.remove(&lower);
        for value in values {
            list.append(lower.clone(), value)?;
        }
        Ok(())
    }

    fn delete(&mut self, fields: Fields, name: String) -> HeaderResult<()> {
        let name = self.check_field(&name, b"")?;
        self.mutable(&fields)?.remove(&name);
        Ok(())
    }

    fn append(&mut self, fields: Fields, name: String, value: Vec<u8>) -> HeaderResult<()> {
        let name = self.check_field(&name, &value)?;
        self.mutable(&fields)?.append(name, value)
    }

    fn entries(&mut self, fields: Fields) -> Result<Vec<(String, Vec<u8>)>> {
        Ok(self.list(&fields)?.list.clone())
    }

    fn clone(&mut self, fields: Fields) -> Result<Fields> {
        let mut list = self.list(&fields)?.clone();
        list.is_immutable = false;
        self.push_http(Item::Fields(list))
    }

    fn drop(&mut self, fields: Fields) -> Result<()> {
        self.remove(fields)
    }
}

impl types::HostOutgoingRequest for Host {
    fn new(&mut self, headers: Fields) -> Result<Request> {
        self.enter()?;
        let fields = self.take_list(headers)?;
        self.push_http(Item::Request(RequestParts {
            method: Method::Get,
            scheme: None,
            authority: None,
            path: None,
            fields,
            exchange: None,
        }))
    }

    fn body(&mut self, request: Request) -> Result<Result<Resource<types::OutgoingBody>, ()>> {
        if self.unsent() >= UNSENT_MAX {
            return Err(Error::msg(format!(
                "the component holds the bodies of {UNSENT_MAX} requests that it does not send"
            )));
        }
        if self.parts(&request)?.exchange.is_some() {
            return Ok(Err(()));
        }
        let promised = self
            .parts(&request)?
            .fields
            .list
            .iter()
            .find(|(name, _)| name == "content-length")
            .and_then(|(_, value)| std::str::from_utf8(value).ok()?.parse().ok());
        let id = self.new_exchange();
        let exchange = self.exchange(id);
        exchange.is_body_open = true;
        exchange.promised = promised;
        self.hold_exchange(id);
        self.parts(&request)?.exchange = Some(id);
        self.hold_exchange(id);
        Ok(Ok(self.push_http(Item::OutgoingBody {
            id,
            is_taken: false,
        })?))
    }

    fn method(&mut self, request: Request) -> Result<Method> {
        Ok(self.parts(&request)?.method.clone())
    }

    fn set_method(&mut self, request: Request, method: Method) -> Result<Result<(), ()>> {
        if !is_token(method_text(&method)) {
            return Ok(Err(()));
        }
        self.parts(&request)?.method = method;
        Ok(Ok(()))
    }

    fn path_with_query(&mut self, request: Request) -> Result<Option<String>> {
        Ok(self.parts(&request)?.path.clone())
    }

    fn set_path_with_query(
        &mut self,
        request: Request,
        path: Option<String>,
    ) -> Result<Result<(), ()>> {
        let is_bad = |text: &str| {
            text.len() > TEXT_BYTES_MAX || text.bytes().any(|b| b <= b' ' || b == 127 || b == b'#')
        };
        if path.as_deref().is_some_and(is_bad) {
            return Ok(Err(()));
        }
        self.parts(&request)?.path = path;
        Ok(Ok(()))
    }

    fn scheme(&mut self, request: Request) -> Result<Option<Scheme>> {
        Ok(self.parts(&request)?.scheme.clone())
    }

    fn set_scheme(&mut self, request: Request, scheme: Option<Scheme>) -> Result<Result<(), ()>> {
        if matches!(scheme, Some(Scheme::Other(_))) {
            return Ok(Err(()));
        }
        self.parts(&request)?.scheme = scheme;
        Ok(Ok(()))
    }

    fn authority(&mut self, request: Request) -> Result<Option<String>> {
        Ok(self.parts(&request)?.authority.clone())
    }

    fn set_authority(
        &mut self,
        request: Request,
        authority: Option<String>,
    ) -> Result<Result<(), ()>> {
        let is_bad = |text: &str| {
            text.is_empty()
                || text.len() > 1024
                || text
                    .bytes()
                    .any(|b| b <= b' ' || b == 127 || b"/?#@\\".contains(&b))
        };
        if authority.as_deref().is_some_and(is_bad) {
            return Ok(Err(()));
        }
        self.parts(&request)?.authority = authority;
        Ok(Ok(()))
    }

    fn headers(&mut self, request: Request) -> Result<Fields> {
        let fields = self.parts(&request)?.fields.clone();
        self.push_http(Item::Fields(fields))
    }

    fn drop(&mut self, request: Request) -> Result<()> {
        self.remove(request)
    }
}

impl types::HostRequestOptions for Host {
    fn new(&mut self) -> Result<Resource<types::RequestOptions>> {
        self.enter()?;
        self.push_http(Item::Options(Options::default()))
    }

    fn connect_timeout(&mut self, options: Resource<types::RequestOptions>) -> Result<Option<u64>> {
        Ok(self.options(&options)?.connect_ns)
    }

    fn set_connect_timeout(
        &mut self,
        options: Resource<types::RequestOptions>,
        ns: Option<u64>,
    ) -> Result<Result<(), ()>> {
        self.options(&options)?.connect_ns = ns;
        Ok(Ok(()))
    }

    fn first_byte_timeout(
        &mut self,
        options: Resource<types::RequestOptions>,
    ) -> Result<Option<u64>> {
        Ok(self.options(&options)?.first_byte_ns)
    }

    fn set_first_byte_timeout(
        &mut self,
        options: Resource<types::RequestOptions>,
        ns: Option<u64>,
    ) -> Result<Result<(), ()>> {
        self.options(&options)?.first_byte_ns = ns;
        Ok(Ok(()))
    }

    fn between_bytes_timeout(
        &mut self,
        options: Resource<types::RequestOptions>,
    ) -> Result<Option<u64>> {
        Ok(self.options(&options)?.between_bytes_ns)
    }

    fn set_between_bytes_timeout(
        &mut self,
        options: Resource<types::RequestOptions>,
        ns: Option<u64>,
    ) -> Result<Result<(), ()>> {
        self.options(&options)?.between_bytes_ns = ns;
        Ok(Ok(()))
    }

    fn drop(&mut self, options: Resource<types::RequestOptions>) -> Result<()> {
        self.remove(options)
    }
}

impl types::HostOutgoingBody for Host {
    fn write(
        &mut self,
        body: Resource<types::OutgoingBody>,
    ) -> Result<Result<Resource<streams::OutputStream>, ()>> {
        self.enter()?;
        let id = match self.http(&body)? {
            Item::OutgoingBody { is_taken: true, .. } => return Ok(Err(())),
            Item::OutgoingBody { id, is_taken } => {
                *is_taken = true;
                *id
            }
            _ => return Err(Error::msg("not a request body")),
        };
        self.hold_exchange(id);
        Ok(Ok(self.push(Entry::Output(Output::Http(id)))?))
    }

    fn finish(
        &mut self,
        body: Resource<types::OutgoingBody>,
        trailers: Option<Fields>,
    ) -> HttpResult<()> {
        self.enter().map_err(HttpError::trap)?;
        let Item::OutgoingBody { id, .. } = self.take_http(body).map_err(HttpError::trap)? else {
            return Err(HttpError::trap(Error::msg("not a request body")));
        };
        let has_trailers = trailers.is_some();
        if let Some(trailers) = trailers {
            self.remove(trailers).map_err(HttpError::trap)?;
        }
        let exchange = self.exchange(id);
        exchange.is_body_open = false;
        let sent = exchange.body_bytes;
        let code = if exchange.promised.is_some_and(|promised| promised != sent) {
            Some(ErrorCode::HttpRequestBodySize(Some(sent)))
        } else if has_trailers {
            Some(ErrorCode::HttpRequestTrailerSectionSize(Some(0)))
        } else {
            None
        };
        exchange.failure = exchange.failure.take().or(code.clone());
        self.unhold_exchange(id);
        match code {
            Some(code) => Err(code.into()),
            None => Ok(()),
        }
    }

    fn drop(&mut self, body: Resource<types::OutgoingBody>) -> Result<()> {
        self.remove(body)
    }
}

impl types::HostFutureIncomingResponse for Host {
    fn subscribe(&mut self, future: Future) -> Result<Resource<poll::Pollable>> {
        match *self.http(&future)? {
            Item::Future { is_taken: true, .. } => self.subscribe_to(Pollable::Ready),
            Item::Future { id, .. } => self.subscribe_to(Pollable::Head(id)),
            _ => Err(Error::msg("not a response to come")),
        }
    }

    #[allow(clippy::type_complexity)]
    fn get(
        &mut self,
        future: Future,
    ) -> Result<Option<Result<Result<Resource<types::IncomingResponse>, ErrorCode>, ()>>> {
        self.enter()?;
        let id = match *self.http(&future)? {
            Item::Future { is_taken: true, .. } => return Ok(Some(Err(()))),
            Item::Future { id, .. } => id,
            _ => return Err(Error::msg("not a response to come")),
        };
        if !self.http_is_ready(id, false)? {
            return Ok(None);
        }
        let head = self.take_head(id)?;
        if let Item::Future { is_taken, .. } = self.http(&future)? {
            *is_taken = true;
        }
        Ok(Some(Ok(match head {
            Ok(item) => Ok(self.push_http(item)?),
            Err(code) => Err(code),
        })))
    }

    fn drop(&mut self, future: Future) -> Result<()> {
        self.remove(future)
    }
}

impl types::HostIncomingResponse for Host {
    fn status(&mut self, response: Resource<types::IncomingResponse>) -> Result<u16> {
        match self.http(&response)? {
            Item::Response { status, .. } => Ok(*status),
            _ => Err(Error::msg("not a response")),
        }
    }

    fn headers(&mut self, response: Resource<types::IncomingResponse>) -> Result<Fields> {
        self.enter()?;
        let fields = match self.http(&response)? {
            Item::Response { fields, .. } => fields.clone(),
            _ => return Err(Error::msg("not a response")),
        };
        self.push_http(Item::Fields(fields))
    }

    fn consume(
        &mut self,
        response: Resource<types::IncomingResponse>,
    ) -> Result<Result<Resource<types::IncomingBody>, ()>> {
        self.enter()?;
        let id = match self.http(&response)? {
            Item::Response { is_taken: true, .. } => return Ok(Err(())),
            Item::Response { id, is_taken, .. } => {
                *is_taken = true;
                *id
            }
            _ => return Err(Error::msg("not a response")),
        };
        self.hold_exchange(id);
        Ok(Ok(self.push_http(Item::IncomingBody {
            id,
            is_taken: false,
        })?))
    }

    fn drop(&mut self, response: Resource<types::IncomingResponse>) -> Result<()> {
        self.remove(response)
    }
}

impl types::HostIncomingBody for Host {
    fn stream(
        &mut self,
        body: Resource<types::IncomingBody>,
    ) -> Result<Result<Resource<streams::InputStream>, ()>> {
        self.enter()?;
        let id = match self.http(&body)? {
            Item::IncomingBody { is_taken: true, .. } => return Ok(Err(())),
            Item::IncomingBody { id, is_taken } => {
                *is_taken = true;
                *id
            }
            _ => return Err(Error::msg("not a response body")),
        };
        self.hold_exchange(id);
        Ok(Ok(self.push(Entry::Input(Input::Http(id)))?))
    }

    /// Trailers are not read.
    fn finish(
        &mut self,
        body: Resource<types::IncomingBody>,
    ) -> Result<Resource<types::FutureTrailers>> {
        self.enter()?;
        self.remove(body)?;
        self.push_http(Item::Trailers { is_taken: false })
    }

    fn drop(&mut self, body: Resource<types::IncomingBody>) -> Result<()> {
        self.remove(body)
    }
}

impl types::HostFutureTrailers for Host {
    fn subscribe(
        &mut self,
        _: Resource<types::FutureTrailers>,
    ) -> Result<Resource<poll::Pollable>> {
        self.subscribe_to(Pollable::Ready)
    }

    #[allow(clippy::type_complexity)]
    fn get(
        &mut self,
        trailers: Resource<types::FutureTrailers>,
    ) -> Result<Option<Result<Result<Option<Fields>, ErrorCode>, ()>>> {
        self.enter()?;
        match self.http(&trailers)? {
            Item::Trailers { is_taken: true } => Ok(Some(Err(()))),
            Item::Trailers { is_taken } => {
                *is_taken = true;
                Ok(Some(Ok(Ok(None))))
            }
            _ => Err(Error::msg("not trailers")),
        }
    }

    fn drop(&mut self, trailers: Resource<types::FutureTrailers>) -> Result<()> {
        self.remove(trailers)
    }
}

// ---- the serving half: its types exist, but no request ever comes in ----

fn no_request<T>() -> Result<T> {
    Err(Error::msg("no request comes in: the sandbox serves none"))
}

impl types::HostIncomingRequest for Host {
    fn method(&mut self, _: Resource<types::IncomingRequest>) -> Result<Method> {
        no_request()
    }
    fn path_with_query(&mut self, _: Resource<types::IncomingRequest>) -> Result<Option<String>> {
        no_request()
    }
    fn scheme(&mut self, _: Resource<types::IncomingRequest>) -> Result<Option<Scheme>> {
        no_request()
    }
    fn authority(&mut self, _: Resource<types::IncomingRequest>) -> Result<Option<String>> {
        no_request()
    }
    fn headers(&mut self, _: Resource<types::IncomingRequest>) -> Result<Fields> {
        no_request()
    }
    fn consume(
        &mut self,
        _: Resource<types::IncomingRequest>,
    ) -> Result<Result<Resource<types::IncomingBody>, ()>> {
        no_request()
    }
    fn drop(&mut self, _: Resource<types::IncomingRequest>) -> Result<()> {
        no_request()
    }
}

impl types::HostResponseOutparam for Host {
    fn set(
        &mut self,
        _: Resource<types::ResponseOutparam>,
        _: Result<Resource<types::OutgoingResponse>, ErrorCode>,
    ) -> Result<()> {
        no_request()
    }
    fn send_informational(
        &mut self,
        _: Resource<types::ResponseOutparam>,
        _: u16,
        _: Fields,
    ) -> HttpResult<()> {
        no_request().map_err(HttpError::trap)
    }
    fn drop(&mut self, _: Resource<types::ResponseOutparam>) -> Result<()> {
        no_request()
    }
}

impl types::HostOutgoingResponse for Host {
    fn new(&mut self, headers: Fields) -> Result<Resource<types::OutgoingResponse>> {
        self.enter()?;
        let fields = self.take_list(headers)?;
        self.push_http(Item::OutgoingResponse {
            status: 200,
            fields,
        })
    }

    fn status_code(&mut self, response: Resource<types::OutgoingResponse>) -> Result<u16> {
        match self.http(&response)? {
            Item::OutgoingResponse { status, .. } => Ok(*status),
            _ => Err(Error::msg("not a response")),
        }
    }

    fn set_status_code(
        &mut self,
        response: Resource<types::OutgoingResponse>,
        code: u16,
    ) -> Result<Result<(), ()>> {
        match self.http(&response)? {
            Item::OutgoingResponse { status, .. } if (100..1000).contains(&code) => {
                *status = code;
                Ok(Ok(()))
            }
            _ => Ok(Err(())),
        }
    }

    fn headers(&mut self, response: Resource<types::OutgoingResponse>) -> Result<Fields> {
        let fields = match self.http(&response)? {
            Item::OutgoingResponse { fields, .. } => fields.clone(),
            _ => return Err(Error::msg("not a response")),
        };
        self.push_http(Item::Fields(fields))
    }

    fn body(
        &mut self,
        _: Resource<types::OutgoingResponse>,
    ) -> Result<Result<Resource<types::OutgoingBody>, ()>> {
        Ok(Err(()))
    }

    fn drop(&mut self, response: Resource<types::OutgoingResponse>) -> Result<()> {
        self.remove(response)
    }
}
