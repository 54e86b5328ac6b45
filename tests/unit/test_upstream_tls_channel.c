/* The TLS channel against OpenSSL's own other side, over nothing but memory. */
#include "upstream/tls_channel.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static EVP_PKEY *key;
static X509 *certificate; /* of legacy.internal, signed by itself */

static int make_certificate(void **state)
{
    X509_EXTENSION *names;

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
    names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:legacy.internal,IP:127.0.0.1");
    X509_add_ext(certificate, names, -1);
    X509_EXTENSION_free(names);
    return X509_sign(certificate, key, EVP_sha256()) > 0 ? 0 : -1;
}

static int free_certificate(void **state)
{
    (void)state;
    X509_free(certificate);
    EVP_PKEY_free(key);
    return 0;
}

struct pair {
    struct tg_tls_client *client;
    struct tg_tls_channel *channel;
    struct tg_buffer out; /* from the channel to the server */
    SSL_CTX *context;
    SSL *server;
    size_t step; /* bytes that are handed in at once */
};

static void open_channel(struct pair *pair, const char *host, bool is_verified, int version, size_t step)
{
    static struct tg_config_tls_client config;
    struct tg_buffer error = { 0 };

    *pair = (struct pair){ .step = step, .context = SSL_CTX_new(TLS_server_method()) };
    config = (struct tg_config_tls_client){ .verify = is_verified };
    assert_int_equal(tg_tls_client_new(&config, &pair->client, &error), TG_OK);
    struct ssl_st *session = tg_tls_client_new_session(pair->client, host);
    assert_non_null(session);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(SSL_get_SSL_CTX(session)), certificate);
    pair->channel = tg_tls_channel_new(session, &pair->out);
    assert_non_null(pair->channel);
    SSL_CTX_use_certificate(pair->context, certificate);
    SSL_CTX_use_PrivateKey(pair->context, key);
    SSL_CTX_set_max_proto_version(pair->context, version);
    pair->server = SSL_new(pair->context);
    SSL_set_accept_state(pair->server);
    SSL_set_bio(pair->server, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
}

static void close_pair(struct pair *pair)
{
    tg_tls_channel_free(pair->channel);
    tg_tls_client_free(pair->client);
    tg_buffer_deinit(&pair->out);
    SSL_free(pair->server);
    SSL_CTX_free(pair->context);
    ERR_clear_error();
}

static void to_server(struct pair *pair)
{
    if (pair->out.length > 0)
        BIO_write(SSL_get_rbio(pair->server), pair->out.data, (int)pair->out.length);
    tg_buffer_clear(&pair->out);
}

/* Up to `step` bytes from the server; each block is a copy of its own. NULL: there is nothing. */
static char *from_server(struct pair *pair, size_t *ret_length)
{
    char *block = malloc(pair->step);
    int got = BIO_read(SSL_get_wbio(pair->server), block, (int)pair->step);

    if (got <= 0) {
        free(block);
        return NULL;
    }
    *ret_length = (size_t)got;
    return block;
}

static enum tg_err shake_hands(struct pair *pair)
{
    enum tg_err err = tg_tls_channel_shake_hands(pair->channel);
    size_t length;
    char *block;

    for (int turn = 0; turn < 20 && err == TG_ERR_AGAIN; turn++) {
        to_server(pair);
        SSL_do_handshake(pair->server);
        while (err == TG_ERR_AGAIN && (block = from_server(pair, &length))) {
            tg_tls_channel_feed(pair->channel, block, length);
            err = tg_tls_channel_shake_hands(pair->channel);
            tg_tls_channel_feed(pair->channel, "", 0); /* no test sends data along with the handshake */
            free(block);
        }
    }
    to_server(pair);
    SSL_do_handshake(pair->server);
    return err;
}

/* All that the server has sent, as text. */
static enum tg_err read_all(struct pair *pair, struct tg_buffer *out)
{
    char plain[1000];
    enum tg_err err = TG_ERR_AGAIN;
    size_t length, count;
    char *block;

    while (err == TG_ERR_AGAIN && (block = from_server(pair, &length))) {
        tg_tls_channel_feed(pair->channel, block, length);
        while ((err = tg_tls_channel_read(pair->channel, plain, sizeof(plain), &count)) == TG_OK)
            tg_buffer_append(out, plain, count);
        free(block);
    }
    return err;
}

static void bytes_go_both_ways_wherever_they_are_cut(void **state)
{
    static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
    static const size_t steps[] = { 1, 7, 100000 };
    char *large = tg_alloc(50001);

    (void)state;
    memset(large, 'x', 50000);
    for (size_t i = 0; i < TG_COUNT_OF(versions) * TG_COUNT_OF(steps); i++) {
        struct pair pair;
        struct tg_buffer got = { 0 };
        char bytes[16];
        open_channel(&pair, "legacy.internal", true, versions[i % 2], steps[i / 2]);
        assert_int_equal(shake_hands(&pair), TG_OK);
        assert_string_equal(SSL_get_servername(pair.server, TLSEXT_NAMETYPE_host_name), "legacy.internal");

        assert_int_equal(tg_tls_channel_write(pair.channel, "hello", 5), TG_OK);
        to_server(&pair);
        assert_int_equal(SSL_read(pair.server, bytes, sizeof(bytes)), 5);
        assert_memory_equal(bytes, "hello", 5);
        assert_int_equal(SSL_write(pair.server, large, 50000), 50000);
        assert_int_equal(read_all(&pair, &got), TG_ERR_AGAIN);
        assert_string_equal(got.data, large);

        SSL_shutdown(pair.server);
        assert_int_equal(read_all(&pair, &got), TG_ERR_CLOSED);
        tg_tls_channel_close(pair.channel);
        to_server(&pair);
        assert_int_equal(SSL_shutdown(pair.server), 1);
        tg_buffer_deinit(&got);
        close_pair(&pair);
    }
    free(large);
}

static void assert_shake(const char *host, bool is_verified, enum tg_err expected, const char *error)
{
    struct pair pair;

    open_channel(&pair, host, is_verified, TLS1_3_VERSION, 100000);
    assert_int_equal(shake_hands(&pair), expected);
    assert_string_equal(tg_tls_channel_error(pair.channel), error);
    close_pair(&pair);
}

static void only_the_expected_host_is_accepted(void **state)
{
    (void)state;
    assert_shake("legacy.internal", true, TG_OK, "");
    assert_shake("127.0.0.1", true, TG_OK, "");
    assert_shake("internal", true, TG_ERR_TLS, "hostname mismatch");
    assert_shake("127.0.0.2", true, TG_ERR_TLS, "IP address mismatch");
    assert_shake("internal", false, TG_OK, "");
}

static void what_is_no_tls_is_an_error(void **state)
{
    const char text[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
    struct pair pair;

    (void)state;
    open_channel(&pair, "legacy.internal", true, TLS1_3_VERSION, 100);
    assert_int_equal(tg_tls_channel_shake_hands(pair.channel), TG_ERR_AGAIN);
    tg_tls_channel_feed(pair.channel, text, strlen(text));
    assert_int_equal(tg_tls_channel_shake_hands(pair.channel), TG_ERR_TLS);
    assert_string_equal(tg_tls_channel_error(pair.channel), "wrong version number");
    close_pair(&pair);
}

static void a_record_that_was_changed_is_an_error(void **state)
{
    struct pair pair;
    char plain[10], *block;
    size_t length = 0, count;

    (void)state;
    open_channel(&pair, "legacy.internal", true, TLS1_2_VERSION, 1000);
    assert_int_equal(shake_hands(&pair), TG_OK);
    SSL_write(pair.server, "hello", 5);
    block = from_server(&pair, &length);
    block[length - 1] ^= 1;
    tg_tls_channel_feed(pair.channel, block, length);
    assert_int_equal(tg_tls_channel_read(pair.channel, plain, sizeof(plain), &count), TG_ERR_TLS);
    free(block);
    close_pair(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_go_both_ways_wherever_they_are_cut),
        cmocka_unit_test(only_the_expected_host_is_accepted),
        cmocka_unit_test(what_is_no_tls_is_an_error),
        cmocka_unit_test(a_record_that_was_changed_is_an_error),
    };
    return cmocka_run_group_tests(tests, make_certificate, free_certificate);
}
