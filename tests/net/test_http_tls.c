/* TLS with a server whose certificate comes from an authority of the test's
 * own: trusted through ca_file or not at all. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "net/support_web.h"

static SSL_CTX *server_tls;
static char ca_path[64];

/* ---- certificates --------------------------------------------------- */

static void add_extension(X509 *certificate, X509 *issuer, int nid,
                          const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;

    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static X509 *make_certificate(const char *name, long serial, EVP_PKEY *key,
                              X509 *issuer, EVP_PKEY *issuer_key)
{
    X509 *certificate = X509_new();
    X509_NAME *subject = X509_NAME_new();

    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                               (const unsigned char *)name, -1, -1, 0);
    X509_set_subject_name(certificate, subject);
    X509_set_issuer_name(
        certificate, issuer == NULL ? subject : X509_get_subject_name(issuer));
    X509_NAME_free(subject);
    X509_set_pubkey(certificate, key);
    if (issuer == NULL)
        add_extension(certificate, certificate, NID_basic_constraints,
                      "critical,CA:TRUE");
    else
        add_extension(certificate, issuer, NID_subject_alt_name,
                      "IP:127.0.0.1,DNS:good.test");
    assert_true(X509_sign(certificate, issuer_key, EVP_sha256()) > 0);
    return certificate;
}

static void write_ca(X509 *authority)
{
    int fd;
    FILE *file;

    strcpy(ca_path, "/tmp/bx-test-ca-XXXXXX");
    fd = mkstemp(ca_path);
    assert_true(fd >= 0);
    file = fdopen(fd, "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, authority), 1);
    fclose(file);
}

static int make_authority(void **state)
{
    EVP_PKEY *ca_key = EVP_EC_gen("P-256");
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *authority =
        make_certificate("test authority", 1, ca_key, NULL, ca_key);
    X509 *certificate = make_certificate("server", 2, key, authority, ca_key);

    (void)state;
    write_ca(authority);
    server_tls = SSL_CTX_new(TLS_server_method());
    assert_int_equal(SSL_CTX_use_certificate(server_tls, certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(server_tls, key), 1);
    X509_free(certificate);
    X509_free(authority);
    EVP_PKEY_free(key);
    EVP_PKEY_free(ca_key);
    return 0;
}

static int remove_authority(void **state)
{
    (void)state;
    unlink(ca_path);
    SSL_CTX_free(server_tls);
    return 0;
}

/* ---- server --------------------------------------------------------- */

static void *tls_open(int fd)
{
    SSL *tls = SSL_new(server_tls);

    SSL_set_fd(tls, fd);
    if (SSL_accept(tls) == 1)
        return tls;
    SSL_free(tls);
    return NULL;
}

static ssize_t tls_read(void *stream, void *buf, size_t bytes)
{
    return SSL_read(stream, buf, (int)(bytes > 65536 ? 65536 : bytes));
}

static ssize_t tls_write(void *stream, const void *buf, size_t bytes)
{
    return SSL_write(stream, buf, (int)bytes);
}

static void tls_close(void *stream)
{
    SSL_shutdown(stream);
    SSL_free(stream);
}

/* Shake hands, then reset the connection. */
static void *tls_open_and_reset(int fd)
{
    struct linger now = { 1, 0 };
    SSL *tls = tls_open(fd);

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    SSL_free(tls);
    return NULL;
}

static const support_layer resetting = { tls_open_and_reset, tls_read,
                                         tls_write, tls_close };
static const support_layer layer = { tls_open, tls_read, tls_write, tls_close };

/* /hello, or to /down: a redirect out of TLS to the port in context. */
static bool handle(support_conn *conn, const support_request *request,
                   void *context)
{
    const support_web *plain = context;

    if (strcmp(request->target, "/down") == 0)
        return support_sendf(conn,
                             "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n"
                             "Location: http://127.0.0.1:%u/echo\r\n\r\n",
                             plain->port);
    return support_sendf(conn,
                         "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
}

/* A client of the web's policy that trusts ca_file. */
static void use_ca(support_web *web, const char *ca_file)
{
    web->ca_file = ca_file;
    web_renew_client(web);
}

static const char *tls_url(support_server *server, const char *host,
                           const char *path)
{
    static char text[128];

    snprintf(text, sizeof(text), "https://%s:%u%s", host,
             support_server_port(server), path);
    return text;
}

/* ---- tests ---------------------------------------------------------- */

static void trusts_the_given_authority_alone(void **state)
{
    support_web *web = *state;
    support_server *server = support_server_start(handle, web, &layer);
    web_ask ask = { .url = tls_url(server, "127.0.0.1", "/hello") };

    web_set(web, "allowed-outbound-host", "https://127.0.0.1:*");
    use_ca(web, ca_path);
    web_expect_body(web, ask, "hello");
    use_ca(web, NULL);
    web_expect_error(web, ask, BX_ERR_SYSTEM, EPROTO, "certificate");
    use_ca(web, "/nonexistent/ca.pem");
    web_expect_error(web, ask, BX_ERR_SYSTEM, EIO, "/nonexistent/ca.pem");
    support_server_stop(server);
}

static void takes_no_authority_from_the_environment(void **state)
{
    support_web *web = *state;
    support_server *server = support_server_start(handle, web, &layer);
    web_ask ask = { .url = tls_url(server, "127.0.0.1", "/hello") };

    web_set(web, "allowed-outbound-host", "https://127.0.0.1:*");
    setenv("SSL_CERT_FILE", ca_path, 1);
    setenv("CURL_CA_BUNDLE", ca_path, 1);
    use_ca(web, NULL);
    web_expect_error(web, ask, BX_ERR_SYSTEM, EPROTO, "certificate");
    unsetenv("SSL_CERT_FILE");
    unsetenv("CURL_CA_BUNDLE");
    support_server_stop(server);
}

static void refuses_a_certificate_of_another_name(void **state)
{
    support_web *web = *state;
    support_server *server = support_server_start(handle, web, &layer);

    web_set(web, "allowed-outbound-host", "https://*.test:*");
    web_set(web, "allowed-outbound-host", "https://127.0.0.0/8:*");
    support_names_set("good.test", "127.0.0.1");
    support_names_set("bad.test", "127.0.0.1");
    use_ca(web, ca_path);
    web_expect_body(web, (web_ask){ .url = tls_url(server, "good.test", "/") },
                    "hello");
    web_expect_error(web, (web_ask){ .url = tls_url(server, "bad.test", "/") },
                     BX_ERR_SYSTEM, EPROTO, "bad.test");
    support_server_stop(server);
}

static void drops_credentials_on_the_way_out_of_tls(void **state)
{
    support_web *web = *state;
    support_server *server = support_server_start(handle, web, &layer);
    const char *const fields[] = { "Authorization", "s3cret", NULL };
    web_reply reply;

    web_set(web, "allowed-outbound-host", "https://127.0.0.1:*");
    use_ca(web, ca_path);
    reply =
        web_fetch(web, (web_ask){ .url = tls_url(server, "127.0.0.1", "/down"),
                                  .fields = fields });
    assert_null(reply.err);
    assert_non_null(strstr(reply.body.data, "GET /echo"));
    assert_null(strstr(reply.body.data, "s3cret"));
    web_reply_clear(&reply);
    support_server_stop(server);
}

static void refuses_a_server_that_speaks_no_tls(void **state)
{
    support_web *web = *state;
    char url[64];

    web_set(web, "allowed-outbound-host", "https://127.0.0.1:*");
    snprintf(url, sizeof(url), "https://127.0.0.1:%u/", support_closed_port());
    web_expect_error(web, (web_ask){ .url = url }, BX_ERR_SYSTEM, ECONNREFUSED,
                     "");
    snprintf(url, sizeof(url), "https://127.0.0.1:%u/hello", web->port);
    web_expect_error(web, (web_ask){ .url = url, .timeout_ms = 500 },
                     BX_ERR_TIMEOUT, 0, "");
}

/* Without a SIGPIPE, which would end the host. */
static void survives_a_reset_while_it_sends(void **state)
{
    support_web *web = *state;
    support_server *server = support_server_start(handle, web, &resetting);
    bx_http_request request = { .url = tls_url(server, "127.0.0.1", "/"),
                                .method = "POST" };
    static const char body[WEB_BODY_BYTES];

    web_set(web, "allowed-outbound-host", "https://127.0.0.1:*");
    use_ca(web, ca_path);
    for (int i = 0; i < 10; i++) {
        bx_http_exchange *exchange =
            bx_http_client_open(web->client, &request, NULL);
        bx_error *err = NULL;
        bx_http_head head;

        assert_non_null(exchange);
        assert_int_equal(
            bx_http_exchange_write(exchange, body, sizeof(body), NULL), 0);
        assert_int_equal(bx_http_exchange_head(exchange, &head, &err), -1);
        assert_int_equal(bx_error_code(err), BX_ERR_SYSTEM);
        bx_error_free(err);
        bx_http_exchange_free(exchange);
    }
    support_server_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, web_open, web_close)
        TEST(trusts_the_given_authority_alone),
        TEST(takes_no_authority_from_the_environment),
        TEST(refuses_a_certificate_of_another_name),
        TEST(drops_credentials_on_the_way_out_of_tls),
        TEST(refuses_a_server_that_speaks_no_tls),
        TEST(survives_a_reset_while_it_sends),
    };

    return support_run_every_way(tests, make_authority, remove_authority);
}
