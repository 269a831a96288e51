"""http.client over wasi:http.

A connection's socket takes the bytes of a request, hands the request to the
host and gives back the bytes of a response. So everything built on http.client
works unchanged, https included: the host does TLS, and its policy decides on
every request. Plain sockets stay what they are.
"""

import email.parser
import http.client
import io
import socket
import urllib.request

from componentize_py_types import Err, Ok
from wit_world.imports import outgoing_handler, types

_CHUNK = 4096  # most bytes of one blocking-write-and-flush
# The host's own: given by the transport, not by a message.
_OF_TRANSPORT = {"host", "connection", "keep-alive", "proxy-connection", "te",
                 "transfer-encoding", "upgrade", "http2-settings", "expect",
                 "content-length", "trailer"}
_REASONS = http.client.responses
_METHODS = {"GET": types.Method_Get, "HEAD": types.Method_Head,
            "POST": types.Method_Post, "PUT": types.Method_Put,
            "DELETE": types.Method_Delete, "OPTIONS": types.Method_Options,
            "PATCH": types.Method_Patch}
_REFUSED = (types.ErrorCode_HttpRequestDenied,
            types.ErrorCode_DestinationIpProhibited)
_TIMEOUTS = (types.ErrorCode_DnsTimeout, types.ErrorCode_ConnectionTimeout,
             types.ErrorCode_ConnectionReadTimeout,
             types.ErrorCode_ConnectionWriteTimeout,
             types.ErrorCode_HttpResponseTimeout)


def _words(code):
    """An error-code as text: its case and what comes with it."""
    name = type(code).__name__.removeprefix("ErrorCode_")
    words = "".join(" " + c.lower() if c.isupper() else c for c in name).strip()
    value = getattr(code, "value", None)
    if isinstance(value, str) and value:
        return f"{words}: {value}"
    return words


def _to_error(code, host):
    """The OSError that a socket would have raised."""
    text = f"{host}: {_words(code)}"
    if isinstance(code, _REFUSED):
        return PermissionError(2, f"{text} (the sandbox's network policy does"
                               " not allow it)")
    if isinstance(code, _TIMEOUTS):
        return TimeoutError(text)
    if isinstance(code, types.ErrorCode_ConnectionRefused):
        return ConnectionRefusedError(14, text)
    if isinstance(code, types.ErrorCode_ConnectionTerminated):
        return ConnectionResetError(15, text)
    if isinstance(code, (types.ErrorCode_DnsError,
                         types.ErrorCode_DestinationNotFound)):
        return socket.gaierror(socket.EAI_NONAME, text)
    return OSError(text)


def _parse(data):
    """Method, target, headers and body of a request as http.client wrote
    it."""
    head, _, body = data.partition(b"\r\n\r\n")
    line, _, fields = head.partition(b"\r\n")
    method, target, _ = line.decode("latin-1").split(" ", 2)
    parser = email.parser.HeaderParser(_class=http.client.HTTPMessage)
    headers = parser.parsestr(fields.decode("latin-1"))
    if "chunked" in headers.get("Transfer-Encoding", "").lower():
        body = _join_chunks(body)
    return method, target, headers.items(), body


def _join_chunks(data):
    whole = io.BytesIO(data)
    body = b""
    while size := int(whole.readline().split(b";")[0] or b"0", 16):
        body += whole.read(size)
        whole.readline()
    return body


def _make_request(scheme, authority, data):
    """The outgoing request and its body."""
    method, target, headers, body = _parse(data)
    fields = types.Fields()
    for name, value in headers:
        if name.lower() in _OF_TRANSPORT:
            continue
        try:
            fields.append(name, value.encode("latin-1"))
        except Err as error:
            raise ValueError(f"header {name}: "
                             f"{type(error.value).__name__[12:]}") from None
    request = types.OutgoingRequest(fields)
    kind = _METHODS.get(method)
    try:
        request.set_method(kind() if kind else types.Method_Other(method))
        request.set_scheme(types.Scheme_Https() if scheme == "https"
                           else types.Scheme_Http())
        request.set_authority(authority)
        request.set_path_with_query(target)
    except Err:
        raise ValueError(f"request {method} {scheme}://{authority}{target}:"
                         " malformed") from None
    return request, body


def _make_options(seconds):
    if seconds is None:
        return None
    options = types.RequestOptions()
    nanoseconds = max(1, int(seconds * 1e9))
    for setter in (options.set_connect_timeout,
                   options.set_first_byte_timeout,
                   options.set_between_bytes_timeout):
        try:
            setter(nanoseconds)
        except Err:
            pass  # a timeout the host does not offer
    return options


def _send_body(outgoing, body):
    with outgoing.write() as stream:
        for start in range(0, len(body), _CHUNK):
            stream.blocking_write_and_flush(body[start:start + _CHUNK])
    types.OutgoingBody.finish(outgoing, None)


def _exchange(scheme, authority, data, timeout):
    """The response to a request: status, headers, incoming body."""
    try:
        request, body = _make_request(scheme, authority, data)
        outgoing = request.body()
        future = outgoing_handler.handle(request, _make_options(timeout))
        _send_body(outgoing, body)
        with future.subscribe() as ready:
            ready.block()
        result = future.get()
    except Err as error:
        if isinstance(error.value, types.ErrorCode):
            raise _to_error(error.value, authority) from None
        raise OSError(f"{authority}: the request could not be sent") from None
    while isinstance(result, Ok):
        result = result.value
    if isinstance(result, Err):
        raise _to_error(result.value, authority)
    return result


class _Body(io.RawIOBase):
    """The bytes of a response as HTTP/1.1: a head made here, then the body as
    it arrives."""

    def __init__(self, response, authority):
        super().__init__()
        self._authority = authority
        self._response = response
        self._buffer = self._make_head(response)
        self._incoming = response.consume()
        self._stream = self._incoming.stream()

    @staticmethod
    def _make_head(response):
        status = response.status()
        lines = [f"HTTP/1.1 {status} {_REASONS.get(status, '')}".encode()]
        with response.headers() as fields:
            entries = fields.entries()
        is_encoded = any(name.lower() == "content-encoding"
                         for name, _ in entries)
        for name, value in entries:
            name = name.lower()
            if name in ("connection", "transfer-encoding", "keep-alive"):
                continue
            # The host decodes bodies, and then these describe what was sent.
            if is_encoded and name in ("content-length", "content-encoding"):
                continue
            lines.append(name.encode("latin-1") + b": " + bytes(value))
        return b"\r\n".join([*lines, b"connection: close", b"", b""])

    def readable(self):
        return True

    def readinto(self, target):
        if not self._buffer and self._stream is not None:
            self._buffer = self._receive(max(len(target), 16384))
        count = min(len(target), len(self._buffer))
        target[:count] = self._buffer[:count]
        self._buffer = self._buffer[count:]
        return count

    def _receive(self, size):
        try:
            return bytes(self._stream.blocking_read(size))
        except Err as error:
            self._release()
            failure = getattr(error.value, "value", None)
            if failure is None:
                return b""  # closed: the end
            code = types.http_error_code(failure)
            if code is not None:
                raise _to_error(code, self._authority) from None
            raise OSError(f"{self._authority}: "
                          f"{failure.to_debug_string()}") from None

    def _release(self):
        for resource in (self._stream, self._incoming, self._response):
            if resource is not None:
                resource.__exit__(None, None, None)
        self._stream = self._incoming = self._response = None

    def close(self):
        self._release()
        super().close()


class _Socket:
    """What http.client does with a socket, and no more. The request goes out
    with its last byte, so that a failure is one of sending, as callers
    expect."""

    def __init__(self, scheme, authority, timeout):
        self._scheme = scheme
        self._authority = authority
        self._timeout = timeout
        self._sent = bytearray()
        self._missing = None  # bytes of body to come; None: head is not whole
        self._is_chunked = False
        self._response = None

    def sendall(self, data):
        self._sent += data
        if self._missing is None:
            self._look_at_head()
        else:
            self._missing -= len(data)
        if self._missing is not None and self._is_whole():
            self._finish()

    def _look_at_head(self):
        head, end, body = bytes(self._sent).partition(b"\r\n\r\n")
        if not end:
            return
        head = head.lower()
        self._is_chunked = b"\r\ntransfer-encoding: chunked" in head
        _, _, length = head.partition(b"\r\ncontent-length:")
        length = length.partition(b"\r\n")[0].strip()
        self._missing = int(length or b"0") - len(body)

    def _is_whole(self):
        if self._is_chunked:
            return self._sent.endswith(b"\r\n0\r\n\r\n")
        return self._missing <= 0

    def _finish(self):
        data, self._sent = bytes(self._sent), bytearray()
        self._missing = None
        self._response = _exchange(self._scheme, self._authority, data,
                                   self._timeout)

    def makefile(self, mode="rb", *unused, **also_unused):
        if self._response is None:
            self._finish()  # a body shorter than it said
        response, self._response = self._response, None
        return io.BufferedReader(_Body(response, self._authority))

    def settimeout(self, timeout):
        self._timeout = timeout

    def gettimeout(self):
        return self._timeout

    def setsockopt(self, *unused):
        pass

    def close(self):
        pass

    shutdown = setsockopt


def _connect(self):
    if self._tunnel_host:
        raise OSError("the sandbox's host decides how requests travel; proxies"
                      " cannot be set")
    timeout = self.timeout
    if timeout is socket._GLOBAL_DEFAULT_TIMEOUT:
        timeout = socket.getdefaulttimeout()
    host = f"[{self.host}]" if ":" in self.host else self.host
    authority = host if self.port == self.default_port \
        else f"{host}:{self.port}"
    self.sock = _Socket(self._scheme, authority, timeout)


class HTTPSConnection(http.client.HTTPConnection):
    """http.client.HTTPSConnection; the host checks certificates, whatever the
    context says."""

    default_port = http.client.HTTPS_PORT
    _scheme = "https"

    def __init__(self, host, port=None, *, timeout=socket.
                 _GLOBAL_DEFAULT_TIMEOUT, source_address=None, context=None,
                 blocksize=8192, **unused):
        super().__init__(host, port, timeout, source_address, blocksize)


class HTTPSHandler(urllib.request.AbstractHTTPHandler):
    """urllib.request.HTTPSHandler."""

    def __init__(self, debuglevel=None, context=None, check_hostname=None):
        super().__init__(debuglevel)

    def https_open(self, request):
        return self.do_open(HTTPSConnection, request)

    https_request = urllib.request.AbstractHTTPHandler.do_request_


def install():
    """Called once, while the component is built."""
    http.client.HTTPConnection._scheme = "http"
    http.client.HTTPConnection.connect = _connect
    http.client.HTTPSConnection = HTTPSConnection
    HTTPSConnection.__module__ = "http.client"
    urllib.request.HTTPSHandler = HTTPSHandler
    HTTPSHandler.__module__ = "urllib.request"
