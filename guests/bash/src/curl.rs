//! `curl` over the host's HTTP client, with the options people use, and curl's
//! exit codes. Certificates are always checked and redirects followed by the
//! host only, which checks each of them.

use std::path::Path;

use bashkit::{Builtin, BuiltinContext, ExecResult, Result, async_trait};
use boxagnts_guest::error;
use boxagnts_guest::http::{Redirect, Request};

use crate::fetch::{self, Fetched};
use crate::words::{Word, Words};

pub struct Curl;

const EXIT_PROTOCOL: i32 = 1;
const EXIT_USAGE: i32 = 2;
const EXIT_URL: i32 = 3;
const EXIT_RESOLVE: i32 = 6;
const EXIT_CONNECT: i32 = 7;
const EXIT_HTTP: i32 = 22;
const EXIT_WRITE: i32 = 23;
const EXIT_READ: i32 = 26;
const EXIT_TIMEOUT: i32 = 28;
const EXIT_TLS: i32 = 35;
const EXIT_REDIRECTS: i32 = 47;
const EXIT_RECEIVE: i32 = 56;
const EXIT_CERTIFICATE: i32 = 60;
const EXIT_TOO_LARGE: i32 = 63;

#[derive(Default)]
struct Options {
    urls: Vec<String>,
    outputs: Vec<Output>,
    method: Option<String>,
    headers: Vec<String>,
    data: Option<Vec<u8>>,
    form: Vec<Part>,
    upload: Option<Vec<u8>>,
    upload_name: String,
    is_json: bool,
    is_get: bool,
    is_head: bool,
    is_included: bool,
    is_silent: bool,
    shows_error: bool,
    is_verbose: bool,
    fails: bool,
    fails_with_body: bool,
    follows: bool,
    makes_folders: bool,
    keeps_going: bool,
    output_folder: Option<String>,
    head_file: Option<String>,
    write_out: Option<String>,
    user_agent: Option<String>,
    referer: Option<String>,
    cookies: Vec<String>,
    user: Option<String>,
    bearer: Option<String>,
    range: Option<String>,
    timeout_ms: Option<u64>,
    retries: u32,
}

enum Output {
    File(String),
    Remote,
}

struct Part {
    name: String,
    content: Vec<u8>,
    file: Option<String>,
    kind: Option<String>,
}

/// Accepted and without effect here: the host decides, or nothing to show.
const IGNORED_SHORT: &str = "#46NgqjZ0n";
const IGNORED_LONG: &[&str] = &[
    "compressed",
    "no-progress-meter",
    "progress-bar",
    "http1.0",
    "http1.1",
    "http2",
    "http3",
    "http2-prior-knowledge",
    "ipv4",
    "ipv6",
    "no-buffer",
    "globoff",
    "disable",
    "tlsv1",
    "tlsv1.2",
    "tlsv1.3",
    "tcp-nodelay",
    "no-keepalive",
    "no-sessionid",
    "ssl-reqd",
    "location-trusted",
    "post301",
    "post302",
    "post303",
    "path-as-is",
    "parallel",
    "anyauth",
    "basic",
    "retry-all-errors",
    "retry-connrefused",
    "styled-output",
    "no-styled-output",
];
/// The same, with a value.
const IGNORED_VALUES: &[&str] = &[
    "max-redirs",
    "retry-delay",
    "retry-max-time",
    "keepalive-time",
    "limit-rate",
    "speed-limit",
    "speed-time",
    "cookie-jar",
    "stderr",
    "parallel-max",
    "max-filesize",
    "expect100-timeout",
];
const REFUSED: &[(&str, &str)] = &[
    ("insecure", "certificates are always checked here"),
    ("proxy-insecure", "certificates are always checked here"),
    ("proxy", "the host's own connections only"),
    ("socks5", "the host's own connections only"),
    ("resolve", "the host resolves names"),
    ("connect-to", "the host decides what is dialled"),
    ("interface", "the host decides what is dialled"),
    ("unix-socket", "http and https only"),
    ("cert", "no client certificates"),
    ("key", "no client certificates"),
    ("cacert", "the host's own certificates only"),
    ("capath", "the host's own certificates only"),
    ("config", "give the options themselves"),
    ("netrc", "give --user"),
];

#[async_trait]
impl Builtin for Curl {
    async fn execute(&self, ctx: BuiltinContext<'_>) -> Result<ExecResult> {
        let options = match parse(&ctx).await {
            Ok(options) => options,
            Err((code, message)) => {
                return Ok(ExecResult::err(format!("curl: {message}\n"), code));
            }
        };
        let mut run = Run::default();
        for (place, url) in options.urls.iter().enumerate() {
            run.transfer(&ctx, &options, url, options.outputs.get(place))
                .await;
        }
        let mut result = ExecResult::ok_bytes(run.stdout);
        result.stderr = run.stderr.into();
        result.exit_code = run.code;
        Ok(result)
    }
}

type Usage = (i32, String);

fn usage(message: String) -> Usage {
    (EXIT_USAGE, message)
}

async fn parse(ctx: &BuiltinContext<'_>) -> std::result::Result<Options, Usage> {
    let mut options = Options::default();
    let mut words = Words::new(ctx.args);
    while let Some(word) = words.next() {
        match word {
            Word::Operand(url) => options.urls.push(url.to_owned()),
            Word::Short(letter) if IGNORED_SHORT.contains(letter) => {}
            Word::Short(letter) => {
                let name = long_name(letter)
                    .ok_or_else(|| usage(format!("option -{letter}: is unknown")))?;
                set(ctx, &mut options, &mut words, name, None).await?;
            }
            Word::Long(name, value) => {
                set(ctx, &mut options, &mut words, name, value).await?;
            }
        }
    }
    if options.urls.is_empty() {
        return Err(usage("no URL specified".to_owned()));
    }
    Ok(options)
}

fn long_name(letter: char) -> Option<&'static str> {
    Some(match letter {
        'A' => "user-agent",
        'D' => "dump-header",
        'E' => "cert",
        'F' => "form",
        'G' => "get",
        'H' => "header",
        'I' => "head",
        'J' => "remote-header-name",
        'K' => "config",
        'L' => "location",
        'O' => "remote-name",
        'S' => "show-error",
        'T' => "upload-file",
        'V' => "version",
        'X' => "request",
        'b' => "cookie",
        'c' => "cookie-jar",
        'd' => "data",
        'e' => "referer",
        'f' => "fail",
        'h' => "help",
        'i' => "include",
        'k' => "insecure",
        'm' => "max-time",
        'o' => "output",
        'r' => "range",
        's' => "silent",
        'u' => "user",
        'v' => "verbose",
        'w' => "write-out",
        'x' => "proxy",
        _ => return None,
    })
}

async fn set<'a>(
    ctx: &BuiltinContext<'_>,
    options: &mut Options,
    words: &mut Words<'a>,
    name: &str,
    given: Option<&'a str>,
) -> std::result::Result<(), Usage> {
    let mut value = || match given {
        Some(value) => Ok(value.to_owned()),
        None => words
            .value(&format!("--{name}"))
            .map(str::to_owned)
            .map_err(usage),
    };
    match name {
        "silent" => options.is_silent = true,
        "show-error" => options.shows_error = true,
        "fail" => options.fails = true,
        "fail-with-body" => options.fails_with_body = true,
        "fail-early" => options.keeps_going = false,
        "location" => options.follows = true,
        "no-location" => options.follows = false,
        "include" | "show-headers" => options.is_included = true,
        "head" => options.is_head = true,
        "get" => options.is_get = true,
        "verbose" => options.is_verbose = true,
        "create-dirs" => options.makes_folders = true,
        "remote-name" | "remote-name-all" => options.outputs.push(Output::Remote),
        "remote-header-name" => {}
        "output" => options.outputs.push(Output::File(value()?)),
        "output-dir" => options.output_folder = Some(value()?),
        "request" => options.method = Some(value()?),
        "header" => {
            let header = value()?;
            match header.strip_prefix('@') {
                Some(path) => {
                    let text = read(ctx, path).await?;
                    let text = String::from_utf8_lossy(&text).into_owned();
                    options.headers.extend(text.lines().map(str::to_owned));
                }
                None => options.headers.push(header),
            }
        }
        "user-agent" => options.user_agent = Some(value()?),
        "referer" => options.referer = Some(value()?),
        "user" => options.user = Some(value()?),
        "oauth2-bearer" => options.bearer = Some(value()?),
        "range" => options.range = Some(value()?),
        "cookie" => options.cookies.push(value()?),
        "url" => options.urls.push(value()?),
        "write-out" => options.write_out = Some(value()?),
        "dump-header" => options.head_file = Some(value()?),
        "max-time" | "connect-timeout" => {
            let text = value()?;
            let seconds: f64 = text
                .parse()
                .ok()
                .filter(|seconds| *seconds >= 0.0)
                .ok_or_else(|| {
                    usage(format!(
                        "option --{name}: expected a proper numerical parameter"
                    ))
                })?;
            if seconds > 0.0 {
                let timeout_ms = ((seconds * 1000.0).min(86_400_000.0) as u64).max(1);
                options.timeout_ms = Some(options.timeout_ms.unwrap_or(u64::MAX).min(timeout_ms));
            }
        }
        "retry" => {
            let text = value()?;
            options.retries = text.parse().map_err(|_| {
                usage(format!(
                    "option --{name}: expected a proper numerical parameter"
                ))
            })?;
        }
        "data" | "data-ascii" | "data-raw" | "data-binary" | "data-urlencode" | "json" => {
            let text = value()?;
            let bytes = data(ctx, name, &text).await?;
            options.is_json |= name == "json";
            match &mut options.data {
                Some(data) => {
                    if name != "json" {
                        data.push(b'&');
                    }
                    data.extend_from_slice(&bytes);
                }
                None => options.data = Some(bytes),
            }
        }
        "form" | "form-string" => {
            let text = value()?;
            options
                .form
                .push(part(ctx, &text, name == "form-string").await?);
        }
        "upload-file" => {
            let path = value()?;
            options.upload = Some(read(ctx, &path).await?);
            options.upload_name = path.rsplit('/').next().unwrap_or_default().to_owned();
        }
        "version" => return Err((0, "of BoxAgnts, through the host's libcurl".to_owned())),
        "help" => {
            return Err((
                0,
                "[-sSfLIiGOv] [-o FILE] [-X METHOD] [-H HEADER] [-d DATA] [--json DATA] \
                            [-F PART] [-T FILE] [-u USER:PASSWORD] [-w FORMAT] [-m SECONDS] URL..."
                    .to_owned(),
            ));
        }
        _ if IGNORED_LONG.contains(&name) => {}
        _ if IGNORED_VALUES.contains(&name) => {
            value()?;
        }
        _ => {
            let refused = REFUSED.iter().find(|(refused, _)| *refused == name);
            return Err(usage(match refused {
                Some((_, why)) => format!("option --{name}: refused: {why}"),
                None => format!("option --{name}: is unknown"),
            }));
        }
    }
    Ok(())
}

async fn read(ctx: &BuiltinContext<'_>, path: &str) -> std::result::Result<Vec<u8>, Usage> {
    fetch::read_input(ctx, path)
        .await
        .map_err(|message| (EXIT_READ, format!("(26) Failed to open {message}")))
}

async fn data(
    ctx: &BuiltinContext<'_>,
    name: &str,
    text: &str,
) -> std::result::Result<Vec<u8>, Usage> {
    if name == "data-urlencode" {
        let (key, content) = match text.find(['=', '@']) {
            Some(place) if text.as_bytes()[place] == b'=' => {
                (&text[..place], text.as_bytes()[place + 1..].to_vec())
            }
            Some(place) => (&text[..place], read(ctx, &text[place + 1..]).await?),
            None => ("", text.as_bytes().to_vec()),
        };
        let content = fetch::percent_encoded(&content);
        return Ok(match key {
            "" => content,
            key => format!("{key}={content}"),
        }
        .into_bytes());
    }
    match text.strip_prefix('@') {
        Some(path) if name != "data-raw" => {
            let mut bytes = read(ctx, path).await?;
            if matches!(name, "data" | "data-ascii") {
                bytes.retain(|byte| !matches!(byte, b'\r' | b'\n' | 0));
            }
            Ok(bytes)
        }
        _ => Ok(text.as_bytes().to_vec()),
    }
}

async fn part(
    ctx: &BuiltinContext<'_>,
    text: &str,
    is_plain: bool,
) -> std::result::Result<Part, Usage> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| usage("Illegally formatted input field".to_owned()))?;
    let mut part = Part {
        name: name.to_owned(),
        content: Vec::new(),
        file: None,
        kind: None,
    };
    let first = value.chars().next().filter(|_| !is_plain);
    if !matches!(first, Some('@' | '<')) {
        part.content = value.as_bytes().to_vec();
        return Ok(part);
    }
    let mut fields = value[1..].split(';');
    let path = fields.next().unwrap_or_default();
    part.content = read(ctx, path).await?;
    if first == Some('@') {
        part.file = Some(path.rsplit('/').next().unwrap_or_default().to_owned());
        part.kind = Some("application/octet-stream".to_owned());
    }
    for field in fields {
        match field.split_once('=') {
            Some(("type", kind)) => part.kind = Some(kind.to_owned()),
            Some(("filename", file)) => part.file = Some(file.to_owned()),
            _ => {}
        }
    }
    Ok(part)
}

/// All transfers of one command.
#[derive(Default)]
struct Run {
    stdout: Vec<u8>,
    stderr: String,
    code: i32,
}

impl Run {
    async fn transfer(
        &mut self,
        ctx: &BuiltinContext<'_>,
        options: &Options,
        url: &str,
        output: Option<&Output>,
    ) {
        let (request, body) = match request(options, url) {
            Ok(request) => request,
            Err((code, message)) => return self.fail(options, code, &message),
        };
        if options.is_verbose {
            self.stderr
                .push_str(&format!("> {} {}\n", request.method, request.url));
            for (name, value) in &request.headers {
                self.stderr.push_str(&format!("> {name}: {value}\n"));
            }
            self.stderr.push_str(">\n");
        }
        let fetched = match attempt(options, &request, &body).await {
            Ok(fetched) => fetched,
            Err(error) => {
                let code = exit_code(&error);
                self.fail(options, code, error.reason());
                self.write_out(options, url, &request, None);
                return;
            }
        };
        let head = fetch::head_text(&fetched.head);
        if options.is_verbose {
            for line in head.lines() {
                self.stderr.push_str(&format!("< {line}\n"));
            }
        }
        if let Some(path) = &options.head_file {
            self.save(ctx, options, path, head.as_bytes()).await;
        }
        let is_error = fetched.head.status >= 400;
        let mut content = Vec::new();
        if options.is_included || options.is_head {
            content.extend_from_slice(head.as_bytes());
        }
        if !(is_error && options.fails) {
            content.extend_from_slice(&fetched.body);
            self.deliver(ctx, options, url, output, &content).await;
        }
        if is_error && (options.fails || options.fails_with_body) {
            let message = format!("The requested URL returned error: {}", fetched.head.status);
            self.fail(options, EXIT_HTTP, &message);
        }
        if let Some(error) = &fetched.failure {
            self.fail(options, exit_code(error), error.reason());
        }
        self.write_out(options, url, &request, Some(&fetched));
    }

    async fn deliver(
        &mut self,
        ctx: &BuiltinContext<'_>,
        options: &Options,
        url: &str,
        output: Option<&Output>,
        content: &[u8],
    ) {
        let path = match output {
            None => return self.stdout.extend_from_slice(content),
            Some(Output::File(path)) if path == "-" => {
                return self.stdout.extend_from_slice(content);
            }
            Some(Output::File(path)) => path.as_str(),
            Some(Output::Remote) => fetch::file_name(url),
        };
        if path.is_empty() {
            return self.fail(options, EXIT_WRITE, "Remote file name has no length");
        }
        self.save(ctx, options, path, content).await;
    }

    async fn save(
        &mut self,
        ctx: &BuiltinContext<'_>,
        options: &Options,
        path: &str,
        content: &[u8],
    ) {
        if path == "-" {
            return self.stdout.extend_from_slice(content);
        }
        let path = match &options.output_folder {
            Some(folder) => Path::new(folder).join(path).to_string_lossy().into_owned(),
            None => path.to_owned(),
        };
        let target = fetch::resolve(ctx, &path);
        if options.makes_folders
            && let Some(folder) = target.parent()
        {
            let _ = ctx.fs.mkdir(folder, true).await;
        }
        if let Err(error) = ctx.fs.write_file(&target, content).await {
            let message = format!("Failed to open the file {path}: {error}");
            self.fail(options, EXIT_WRITE, &message);
        }
    }

    fn fail(&mut self, options: &Options, code: i32, message: &str) {
        self.code = code;
        if !options.is_silent || options.shows_error {
            self.stderr.push_str(&format!("curl: ({code}) {message}\n"));
        }
    }

    fn write_out(
        &mut self,
        options: &Options,
        url: &str,
        request: &Request,
        fetched: Option<&Fetched>,
    ) {
        let Some(format) = &options.write_out else {
            return;
        };
        let text = expand(format, |name| {
            let head = fetched.map(|fetched| &fetched.head);
            Some(match name {
                "http_code" | "response_code" => {
                    format!("{:03}", head.map_or(0, |head| head.status))
                }
                "url_effective" => head.map_or(url.to_owned(), |head| head.url.clone()),
                "url" => url.to_owned(),
                "content_type" => head
                    .and_then(|head| head.header("content-type"))
                    .unwrap_or("")
                    .to_owned(),
                "redirect_url" => head
                    .and_then(|head| head.header("location"))
                    .unwrap_or("")
                    .to_owned(),
                "size_download" => fetched.map_or(0, |fetched| fetched.body.len()).to_string(),
                "num_redirects" => u8::from(head.is_some_and(|head| head.redirected)).to_string(),
                "num_headers" => head.map_or(0, |head| head.headers.len()).to_string(),
                "http_version" => "1.1".to_owned(),
                "method" => request.method.clone(),
                "scheme" => request.url.split("://").next().unwrap_or("").to_uppercase(),
                "exitcode" => self.code.to_string(),
                "errormsg" => String::new(),
                time if time.starts_with("time_") => {
                    format!("{:.6}", fetched.map_or(0.0, |fetched| fetched.seconds))
                }
                header => {
                    let name = header.strip_prefix("header:")?;
                    head.and_then(|head| head.header(name))
                        .unwrap_or("")
                        .to_owned()
                }
            })
        });
        self.stdout.extend_from_slice(text.as_bytes());
    }
}

/// `%{name}`, `%header{name}`, `%%`, and backslash escapes.
fn expand(format: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut text = String::new();
    let mut rest = format;
    while let Some(place) = rest.find(['%', '\\']) {
        text.push_str(&rest[..place]);
        let here = &rest[place..];
        rest = if let Some(after) = here.strip_prefix("%%") {
            text.push('%');
            after
        } else if let Some((name, after)) = braced(here, "%{") {
            text.push_str(&value(name).unwrap_or_default());
            after
        } else if let Some((name, after)) = braced(here, "%header{") {
            text.push_str(&value(&format!("header:{name}")).unwrap_or_default());
            after
        } else if let Some(letter) = here.strip_prefix('\\').and_then(|at| at.chars().next()) {
            match letter {
                'n' => text.push('\n'),
                'r' => text.push('\r'),
                't' => text.push('\t'),
                other => text.extend(['\\', other]),
            }
            &here[1 + letter.len_utf8()..]
        } else {
            text.push_str(&here[..1]);
            &here[1..]
        };
    }
    text.push_str(rest);
    text
}

fn braced<'a>(text: &'a str, open: &str) -> Option<(&'a str, &'a str)> {
    text.strip_prefix(open)?.split_once('}')
}

/// Transient failures are tried again, as --retry does, without its pauses.
async fn attempt(
    options: &Options,
    request: &Request,
    body: &[u8],
) -> std::result::Result<Fetched, boxagnts_guest::Error> {
    let mut left = options.retries;
    loop {
        let result = fetch::fetch(request, body);
        let is_transient = match &result {
            Ok(fetched) => matches!(fetched.head.status, 408 | 429 | 500 | 502 | 503 | 504),
            Err(failure) => failure.errno == error::ETIMEDOUT,
        };
        if !is_transient || left == 0 {
            return result;
        }
        left -= 1;
        bashkit::time::sleep(std::time::Duration::from_secs(1)).await;
    }
}

fn request(options: &Options, url: &str) -> std::result::Result<(Request, Vec<u8>), Usage> {
    let mut url = fetch::with_scheme(url).map_err(|scheme| {
        (
            EXIT_PROTOCOL,
            format!("Protocol \"{scheme}\" not supported; http and https only"),
        )
    })?;
    if options.upload.is_some() && url.ends_with('/') {
        url.push_str(&options.upload_name);
    }
    let mut headers: Vec<(String, String)> = Vec::new();
    let mut body = Vec::new();
    let mut method = "GET";
    if let Some(upload) = &options.upload {
        method = "PUT";
        body = upload.clone();
    }
    if !options.form.is_empty() {
        method = "POST";
        let boundary = boundary(&options.form);
        body = multipart(&options.form, &boundary);
        headers.push((
            "Content-Type".into(),
            format!("multipart/form-data; boundary={boundary}"),
        ));
    }
    if let Some(data) = &options.data {
        if options.is_get || options.is_head {
            let data = String::from_utf8_lossy(data);
            let joint = if url.contains('?') { '&' } else { '?' };
            url = format!("{url}{joint}{data}");
        } else {
            method = "POST";
            body = data.clone();
            let kind = match options.is_json {
                true => "application/json",
                false => "application/x-www-form-urlencoded",
            };
            headers.push(("Content-Type".into(), kind.into()));
        }
    }
    if options.is_json {
        headers.push(("Accept".into(), "application/json".into()));
    }
    if options.is_head {
        method = "HEAD";
    }
    let mut push = |name: &str, value: &Option<String>| {
        if let Some(value) = value {
            headers.push((name.into(), value.clone()));
        }
    };
    push("User-Agent", &options.user_agent);
    push("Referer", &options.referer);
    push(
        "Range",
        &options.range.as_ref().map(|range| format!("bytes={range}")),
    );
    let user = options.user.as_ref().map(|user| match user.contains(':') {
        true => user.clone(),
        false => format!("{user}:"),
    });
    push(
        "Authorization",
        &user.map(|user| format!("Basic {}", fetch::base64(user.as_bytes()))),
    );
    push(
        "Authorization",
        &options
            .bearer
            .as_ref()
            .map(|bearer| format!("Bearer {bearer}")),
    );
    let cookies: Vec<&str> = options
        .cookies
        .iter()
        .map(String::as_str)
        .filter(|cookie| cookie.contains('='))
        .collect();
    if !cookies.is_empty() {
        headers.push(("Cookie".into(), cookies.join("; ")));
    }
    for header in &options.headers {
        add_header(&mut headers, header);
    }
    let mut request = Request::new(options.method.as_deref().unwrap_or(method), &url);
    request.headers = headers;
    request.redirect = if options.follows {
        Redirect::Follow
    } else {
        Redirect::Manual
    };
    request.timeout_ms = fetch::timeout_ms(options.timeout_ms);
    Ok((request, body))
}

/// `Name: value` replaces what curl would send, `Name:` takes it away, `Name;`
/// is an empty one. What only the host sets is left to it.
fn add_header(headers: &mut Vec<(String, String)>, header: &str) {
    let (name, value) = match header.split_once(':') {
        Some((name, value)) => (name.trim(), Some(value.trim())),
        None => match header.trim_end().strip_suffix(';') {
            Some(name) => (name, None),
            None => return,
        },
    };
    const HOST_SETS: [&str; 5] = [
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "expect",
    ];
    headers.retain(|(known, _)| {
        !known.eq_ignore_ascii_case(name)
            || ![
                "content-type",
                "accept",
                "user-agent",
                "authorization",
                "referer",
                "range",
            ]
            .contains(&known.to_ascii_lowercase().as_str())
    });
    if HOST_SETS.contains(&name.to_ascii_lowercase().as_str()) || value == Some("") {
        return;
    }
    headers.push((name.to_owned(), value.unwrap_or_default().to_owned()));
}

/// One that no part contains.
fn boundary(parts: &[Part]) -> String {
    let mut number = 0u64;
    loop {
        let boundary = format!("------------------------boxagnts{number:016x}");
        let is_in = |part: &Part| {
            part.content
                .windows(boundary.len())
                .any(|window| window == boundary.as_bytes())
        };
        if !parts.iter().any(is_in) {
            return boundary;
        }
        number += 1;
    }
}

fn multipart(parts: &[Part], boundary: &str) -> Vec<u8> {
    let quoted = |text: &str| text.replace('"', "%22").replace(['\r', '\n'], " ");
    let mut body = Vec::new();
    for part in parts {
        let mut head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"",
            quoted(&part.name)
        );
        if let Some(file) = &part.file {
            head.push_str(&format!("; filename=\"{}\"", quoted(file)));
        }
        if let Some(kind) = &part.kind {
            head.push_str(&format!("\r\nContent-Type: {}", quoted(kind)));
        }
        head.push_str("\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(&part.content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    body
}

fn exit_code(failure: &boxagnts_guest::Error) -> i32 {
    let message = failure.message.to_ascii_lowercase();
    match failure.errno {
        error::EACCES | error::ECONNREFUSED => EXIT_CONNECT,
        error::EHOSTUNREACH => EXIT_RESOLVE,
        error::ETIMEDOUT => EXIT_TIMEOUT,
        error::EINVAL => EXIT_URL,
        error::EFBIG => EXIT_TOO_LARGE,
        error::EPROTO if message.contains("redirect") => EXIT_REDIRECTS,
        error::EPROTO if message.contains("certificate") => EXIT_CERTIFICATE,
        error::EPROTO if message.contains("ssl") || message.contains("tls") => EXIT_TLS,
        _ => EXIT_RECEIVE,
    }
}
