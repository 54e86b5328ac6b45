/* The HTTP client towards backends: TLS, whom it trusts, and as whom it appears. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdio.h>

#include "http_backend.h"
#include "http_calls.h"
#include "http_names.h"

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

static EVP_PKEY *key;
static X509 *certificate; /* of legacy.test and 127.0.0.1, signed by itself; the client's, too */
static char folder[] = "test_upstream_http_tls-XXXXXX"; /* where the test runs */
static char certificate_file[64], key_file[64], locked_key_file[64];

static bool write_files(void)
{
    snprintf(certificate_file, sizeof(certificate_file), "%s/certificate.pem", folder);
    snprintf(key_file, sizeof(key_file), "%s/key.pem", folder);
    snprintf(locked_key_file, sizeof(locked_key_file), "%s/locked.pem", folder);
    FILE *files[] = { fopen(certificate_file, "w"), fopen(key_file, "w"), fopen(locked_key_file, "w") };
    bool is_done = files[0] && files[1] && files[2] && PEM_write_X509(files[0], certificate) &&
                   PEM_write_PrivateKey(files[1], key, NULL, NULL, 0, NULL, NULL) &&
                   PEM_write_PrivateKey(files[2], key, EVP_aes_128_cbc(), (const unsigned char *)"password",
                                        8, NULL, NULL);
    for (size_t i = 0; i < TG_COUNT_OF(files); i++)
        if (files[i])
            fclose(files[i]);
    return is_done;
}

static int make_certificate(void **state)
{
    (void)state;
    key = EVP_EC_gen("P-256");
    certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                               (const unsigned char *)"test", -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
    X509_set_pubkey(certificate, key);
    X509_EXTENSION *names =
        X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:legacy.test,IP:127.0.0.1");
    X509_add_ext(certificate, names, -1);
    X509_EXTENSION_free(names);
    return X509_sign(certificate, key, EVP_sha256()) > 0 && mkdtemp(folder) && write_files() ? 0 : -1;
}

static int free_certificate(void **state)
{
    (void)state;
    unlink(certificate_file);
    unlink(key_file);
    unlink(locked_key_file);
    rmdir(folder);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return 0;
}

struct fixture {
    struct caller caller;
    struct backend plain, secure, other;
    struct backend_route routes[8];
    char to_plain[128], to_other[128];
    size_t descriptors;
};

static SSL_CTX *new_context(void)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());

    SSL_CTX_use_certificate(context, certificate);
    SSL_CTX_use_PrivateKey(context, key);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate);
    SSL_CTX_set_session_id_context(context, (const unsigned char *)"test", 4);
    return context;
}

static int set_up(void **state)
{
    struct fixture *f = tg_alloc(sizeof(*f));

    settle_descriptors();
    f->descriptors = count_descriptors();
    f->plain.routes = f->secure.routes = f->other.routes = f->routes;
    f->secure.tls = new_context();
    f->other.tls = new_context();
    assert_true(backend_start(&f->plain) && backend_start(&f->secure) && backend_start(&f->other));
    snprintf(f->to_plain, sizeof(f->to_plain),
             "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%u/\r\nContent-Length: 0\r\n\r\n",
             f->plain.port);
    snprintf(f->to_other, sizeof(f->to_other),
             "HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1:%u/\r\nContent-Length: 0\r\n\r\n",
             f->other.port);
    f->routes[0] = (struct backend_route){ .target = "/", .answer = OK };
    f->routes[1] = (struct backend_route){ .target = "/to-plain", .answer = f->to_plain };
    f->routes[2] = (struct backend_route){ .target = "/to-other", .answer = f->to_other };
    f->routes[3] = (struct backend_route){ .target = "/cut",
                                           .answer = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel",
                                           .then = BACKEND_CLOSES };
    f->routes[4] = (struct backend_route){ .target = "/close",
                                           .answer = "HTTP/1.1 200 OK\r\n\r\nhello",
                                           .then = BACKEND_CLOSES };
    f->routes[5] = (struct backend_route){ .target = "/truncated",
                                           .answer = "HTTP/1.1 200 OK\r\n\r\nhel",
                                           .then = BACKEND_RESETS };
    caller_start(&f->caller);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    caller_stop(&f->caller);
    backend_stop(&f->plain);
    backend_stop(&f->secure);
    backend_stop(&f->other);
    SSL_CTX_free(f->secure.tls);
    SSL_CTX_free(f->other.tls);
    assert_int_equal(count_descriptors(), f->descriptors);
    free(f);
    return 0;
}

static void init(struct fixture *f, struct call *call, const char *host, const char *path)
{
    call_init(call, &f->caller, host, f->secure.port, path);
    call->target.is_secure = true;
    call->config.tls.ca = certificate_file;
}

static void expect(struct call *call, enum tg_upstream_reason reason)
{
    call_run(call);
    if (call->reason != reason || reason == TG_REASON_TLS)
        print_message("    %s\n", call->detail);
    assert_int_equal(call->reason, reason);
    assert_int_equal(call->ends, 1);
    if (reason == TG_REASON_NONE)
        assert_string_equal(call_body(call), "hello");
    call_deinit(call);
}

/* ---- the backend ------------------------------------------------------------------------------- */

static void the_expected_host_is_accepted(void **state)
{
    struct fixture *f = *state;
    struct call call;

    init(f, &call, "legacy.test", "/");
    expect(&call, TG_REASON_NONE);
    assert_string_equal(f->secure.server_name, "legacy.test");
    init(f, &call, "127.0.0.1", "/close");
    expect(&call, TG_REASON_NONE);
    assert_string_equal(f->secure.server_name, "");
    init(f, &call, "127.0.0.1", "/cut");
    expect(&call, TG_REASON_CLOSED);
    init(f, &call, "127.0.0.1", "/truncated");
    expect(&call, TG_REASON_CLOSED);
}

static void a_connection_is_used_again(void **state)
{
    struct fixture *f = *state;
    struct call call;

    for (int i = 0; i < 5; i++) {
        init(f, &call, "legacy.test", "/");
        expect(&call, TG_REASON_NONE);
    }
    assert_int_equal(backend_count(&f->secure, &f->secure.accepted), 1);
    init(f, &call, "legacy.test", "/");
    call.config.tls.ca = NULL; /* trusts others: not the same connection */
    expect(&call, TG_REASON_TLS);
}

static void another_host_is_not(void **state)
{
    struct fixture *f = *state;
    struct call call;

    init(f, &call, "other.test", "/");
    expect(&call, TG_REASON_TLS);
    init(f, &call, "localhost", "/");
    expect(&call, TG_REASON_TLS);
    assert_int_equal(backend_count(&f->secure, &f->secure.requests), 0);
    init(f, &call, "other.test", "/");
    call.config.tls.verify = false;
    expect(&call, TG_REASON_NONE);
}

static void a_certificate_that_nothing_vouches_for_is_not(void **state)
{
    struct fixture *f = *state;
    struct call call;

    init(f, &call, "legacy.test", "/");
    call.config.tls.ca = NULL;
    expect(&call, TG_REASON_TLS);
    init(f, &call, "legacy.test", "/");
    call.config.tls.ca = (char *)"/does/not/exist.pem";
    expect(&call, TG_REASON_TLS);
    assert_int_equal(backend_count(&f->secure, &f->secure.requests), 0);
    init(f, &call, "legacy.test", "/");
    call.config.tls.ca = NULL;
    call.config.tls.verify = false;
    expect(&call, TG_REASON_NONE);
}

static void the_environment_names_certificates_as_for_other_kinds(void **state)
{
    struct fixture *f = *state;
    struct call call;

    setenv("SSL_CERT_FILE", certificate_file, 1);
    init(f, &call, "legacy.test", "/");
    call.config.tls.ca = NULL;
    expect(&call, TG_REASON_NONE);
    unsetenv("SSL_CERT_FILE");
}

static void server_name_stands_in_for_the_host(void **state)
{
    struct fixture *f = *state;
    struct call call;
    char host[64];

    init(f, &call, "site.test", "/");
    call.config.tls.server_name = (char *)"legacy.test";
    expect(&call, TG_REASON_NONE);
    assert_string_equal(f->secure.server_name, "legacy.test");
    snprintf(host, sizeof(host), "\r\nHost: site.test:%u\r\n", f->secure.port);
    assert_int_equal(backend_heard(&f->secure, host), 1);

    init(f, &call, "legacy.test", "/");
    call.config.tls.server_name = (char *)"other.test";
    expect(&call, TG_REASON_TLS);
}

static void tls_is_never_left(void **state)
{
    struct fixture *f = *state;
    struct call call;

    init(f, &call, "legacy.test", "/to-plain");
    call_run(&call);
    assert_int_equal(call.reason, TG_REASON_REDIRECT);
    assert_string_equal(call.detail, "it would leave TLS");
    assert_int_equal(backend_count(&f->plain, &f->plain.accepted), 0);
    call_deinit(&call);
}

static void what_is_no_tls_is_told(void **state)
{
    struct fixture *f = *state;
    struct call call;

    f->plain.greeting = "220 this is no TLS\r\n";
    init(f, &call, "127.0.0.1", "/");
    call.target.port = f->plain.port;
    expect(&call, TG_REASON_TLS);
}

static void old_versions_are_not_spoken(void **state)
{
    struct fixture *f = *state;
    struct call call;

    init(f, &call, "127.0.0.1", "/");
    SSL_CTX_set_security_level(f->secure.tls, 0);
    SSL_CTX_set_min_proto_version(f->secure.tls, TLS1_1_VERSION);
    SSL_CTX_set_max_proto_version(f->secure.tls, TLS1_1_VERSION);
    expect(&call, TG_REASON_TLS);
}

/* ---- the client -------------------------------------------------------------------------------- */

static void demand_certificates(struct backend *backend, int version)
{
    SSL_CTX_set_verify(backend->tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_max_proto_version(backend->tls, version);
}

static void a_client_certificate_is_shown(void **state)
{
    static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
    struct fixture *f = *state;

    for (size_t i = 0; i < 2 * TG_COUNT_OF(versions); i++) {
        struct call call;
        demand_certificates(&f->secure, versions[i / 2]);
        f->secure.is_patient = i % 2 == 0;
        init(f, &call, "legacy.test", "/close");
        call.config.tls.certificate = certificate_file;
        call.config.tls.key = key_file;
        expect(&call, TG_REASON_NONE);
        init(f, &call, "legacy.test", "/");
        expect(&call, TG_REASON_TLS);
        assert_true(backend_wait(&f->secure, &f->secure.open, 0));
    }
    assert_int_equal(f->secure.certificates, 4);
}

/* Who fails for another reason, in the same turn, is not told of it. */
static void an_alert_is_told_to_whom_it_is_for(void **state)
{
    static struct call rejected[16], misnamed[TG_COUNT_OF(rejected)];
    struct fixture *f = *state;

    demand_certificates(&f->other, TLS1_2_VERSION);
    f->other.is_patient = true;
    for (int round = 0; round < 10; round++) {
        for (size_t i = 0; i < TG_COUNT_OF(rejected); i++) {
            init(f, &rejected[i], "legacy.test", "/");
            rejected[i].target.port = f->other.port;
            init(f, &misnamed[i], "other.test", "/");
            call_start(&rejected[i]);
            call_start(&misnamed[i]);
        }
        for (size_t i = 0; i < TG_COUNT_OF(rejected); i++) {
            await(&rejected[i].done);
            await(&misnamed[i].done);
            assert_non_null(strstr(rejected[i].detail, "alert"));
            assert_null(strstr(misnamed[i].detail, "alert"));
            call_deinit(&rejected[i]);
            call_deinit(&misnamed[i]);
        }
    }
}

static void a_key_that_cannot_be_read_is_told(void **state)
{
    struct fixture *f = *state;
    struct call call;

    init(f, &call, "legacy.test", "/");
    call.config.tls.certificate = certificate_file;
    call.config.tls.key = locked_key_file;
    expect(&call, TG_REASON_TLS);
}

static void name_and_certificate_are_for_the_configured_site_alone(void **state)
{
    struct fixture *f = *state;
    struct call call;

    SSL_CTX_set_verify(f->secure.tls, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_verify(f->other.tls, SSL_VERIFY_PEER, NULL);
    init(f, &call, "site.test", "/to-other");
    call.config.tls.server_name = (char *)"legacy.test";
    call.config.tls.certificate = certificate_file;
    call.config.tls.key = key_file;
    expect(&call, TG_REASON_NONE);
    assert_int_equal(f->secure.certificates, 1);
    assert_int_equal(backend_count(&f->other, &f->other.requests), 1);
    assert_int_equal(f->other.certificates, 0);
    assert_string_equal(f->other.server_name, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_expected_host_is_accepted),
        TEST(a_connection_is_used_again),
        TEST(another_host_is_not),
        TEST(a_certificate_that_nothing_vouches_for_is_not),
        TEST(the_environment_names_certificates_as_for_other_kinds),
        TEST(server_name_stands_in_for_the_host),
        TEST(tls_is_never_left),
        TEST(what_is_no_tls_is_told),
        TEST(old_versions_are_not_spoken),
        TEST(a_client_certificate_is_shown),
        TEST(an_alert_is_told_to_whom_it_is_for),
        TEST(a_key_that_cannot_be_read_is_told),
        TEST(name_and_certificate_are_for_the_configured_site_alone),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, make_certificate, free_certificate);
}
