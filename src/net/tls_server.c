/* The TLS settings of a listener: certificate, versions, ciphers, tickets, ALPN. */
#include "tls_server.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

/* TLS 1.2 (RFC 9325 section 4.2): forward secrecy and authenticated encryption only. */
static const char ciphers[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                              "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                              "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

/* Key exchange, the first that OpenSSL knows. Without a list it also takes finite fields of 8,192 bits, of which one
 * costs 100 ms, and the client chooses. */
static const char *const groups[] = { "X25519MLKEM768:X25519:P-256:P-384", "X25519:P-256:P-384" };

static bool set_groups(SSL_CTX *ctx)
{
    for (size_t i = 0; i < TG_COUNT_OF(groups); i++)
        if (SSL_CTX_set1_groups_list(ctx, groups[i]) == 1) {
            ERR_clear_error();
            return true;
        }
    return false;
}

/* RFC 7301. A client that offers nothing speaks HTTP/1.1 here; one that offers only other protocols is told
 * so. */
static int on_select_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_length,
                          const unsigned char *in, unsigned int in_length, void *arg)
{
    static const unsigned char offered[] = "\x08http/1.1";
    unsigned char *selected;
    (void)ssl;
    (void)arg;
    if (SSL_select_next_proto(&selected, out_length, offered, sizeof(offered) - 1, in, in_length) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = selected;
    return SSL_TLSEXT_ERR_OK;
}

/* The last error of OpenSSL, in words. */
static enum tg_err fail(const char *what, const char *file, struct tg_buffer *ret_error)
{
    char reason[256];
    unsigned long code = ERR_peek_last_error();
    ERR_error_string_n(code, reason, sizeof(reason));
    (void)tg_buffer_appendf(ret_error, "tls: %s %s: %s", what, file, code ? reason : "unknown reason");
    ERR_clear_error();
    return TG_ERR_TLS;
}

static int refuse_passphrase(char *text, int size, int is_writing, void *arg)
{
    (void)text;
    (void)size;
    (void)is_writing;
    (void)arg;
    return -1; /* and never ask on the terminal */
}

static enum tg_err load(SSL_CTX *ctx, const struct tg_config_tls_server *config, struct tg_buffer *ret_error)
{
    ERR_clear_error();
    SSL_CTX_set_default_passwd_cb(ctx, refuse_passphrase);
    if (SSL_CTX_use_certificate_chain_file(ctx, config->certificate) != 1)
        return fail("cannot load the certificate", config->certificate, ret_error);
    if (SSL_CTX_use_PrivateKey_file(ctx, config->key, SSL_FILETYPE_PEM) != 1)
        return fail("cannot load the key, or it does not belong to the certificate:", config->key, ret_error);
    if (SSL_CTX_check_private_key(ctx) != 1)
        return fail("the key does not belong to the certificate:", config->key, ret_error);
    return TG_OK;
}

enum tg_err tg_tls_server_new(const struct tg_config_tls_server *config, struct tg_tls_server **ret_server,
                              struct tg_buffer *ret_error)
{
    static const unsigned char session_context[] = "tidegate";
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    if (!ctx)
        return fail("cannot start", "OpenSSL", ret_error);
    enum tg_err err = load(ctx, config, ret_error);
    if (err) {
        SSL_CTX_free(ctx);
        return err;
    }
    if (!set_groups(ctx)) {
        SSL_CTX_free(ctx);
        return fail("cannot use", "X25519", ret_error);
    }
    SSL_CTX_set_min_proto_version(ctx, config->min_version == 13 ? TLS1_3_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(ctx, ciphers);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                 SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    /* Tickets hold the session (RFC 5077, RFC 8446 section 4.6.1), so that any worker can resume it. */
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_session_id_context(ctx, session_context, sizeof(session_context) - 1);
    SSL_CTX_set_num_tickets(ctx, 1);
    SSL_CTX_set_alpn_select_cb(ctx, on_select_alpn, NULL);

    struct tg_tls_server *server = tg_alloc(sizeof(*server));
    server->ctx = ctx;
    *ret_server = server;
    return TG_OK;
}

void tg_tls_server_free(struct tg_tls_server *server)
{
    if (!server)
        return;
    SSL_CTX_free(server->ctx); /* sessions hold references */
    free(server);
}
