/* TLS towards a backend: what is trusted, and whom a session must reach. */
#include "tls.h"

#include "target.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

struct tg_tls_client {
    const struct tg_config_tls_client *config;
    SSL_CTX *context;
    bool is_shared;
};

/* Upstreams without files of their own share a context: to read the system's certificates takes 30 ms. */
static struct {
    SSL_CTX *context;
    size_t users;
} shared;

/* OpenSSL's own lists have finite fields in them: a backend that names one of 8,192 bits costs us 100 ms for each
 * connection, and it is the backend that chooses. A star offers a key share at once, where OpenSSL knows stars. */
static const char *const groups[] = { "*X25519MLKEM768:*X25519:P-256:P-384:P-521",
                                      "X25519:P-256:P-384:P-521" };
static const char ciphers[] = "DEFAULT:!kDHE";

bool tg_tls_client_restrict(SSL_CTX *context)
{
    for (size_t i = 0; i < TG_COUNT_OF(groups); i++)
        if (SSL_CTX_set1_groups_list(context, groups[i]) == 1) {
            ERR_clear_error();
            return SSL_CTX_set_cipher_list(context, ciphers) == 1;
        }
    ERR_clear_error();
    return false;
}

/* A key with a passphrase must not make the process ask on the terminal. */
static int on_passphrase(char *bytes, int size, int is_writing, void *arg)
{
    (void)bytes, (void)size, (void)is_writing, (void)arg;
    return 0;
}

static enum tg_err fail_file(struct tg_buffer *ret_error, const char *what, const char *file)
{
    unsigned long code = ERR_peek_last_error();
    const char *why = code ? ERR_reason_error_string(code) : NULL;

    tg_buffer_appendf(ret_error, "%s %s: %s\n", what, file, why ? why : "cannot be used");
    ERR_clear_error();
    return TG_ERR_TLS;
}

static enum tg_err load_files(SSL_CTX *context, const struct tg_config_tls_client *config,
                              struct tg_buffer *ret_error)
{
    ERR_clear_error();
    if (config->ca && SSL_CTX_load_verify_file(context, config->ca) != 1)
        return fail_file(ret_error, "tls.ca", config->ca);
    if (!config->ca && SSL_CTX_set_default_verify_paths(context) != 1)
        return fail_file(ret_error, "tls", "the system's certificates");
    if (config->certificate && SSL_CTX_use_certificate_chain_file(context, config->certificate) != 1)
        return fail_file(ret_error, "tls.certificate", config->certificate);
    if (config->key && SSL_CTX_use_PrivateKey_file(context, config->key, SSL_FILETYPE_PEM) != 1)
        return fail_file(ret_error, "tls.key", config->key);
    if (config->key && SSL_CTX_check_private_key(context) != 1)
        return fail_file(ret_error, "tls.key", config->key);
    ERR_clear_error();
    return TG_OK;
}

static enum tg_err new_context(const struct tg_config_tls_client *config, SSL_CTX **ret_context,
                               struct tg_buffer *ret_error)
{
    static const unsigned char alpn[] = "\x08http/1.1";
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());

    if (!context)
        return TG_ERR_MEMORY;
    SSL_CTX_set_default_passwd_cb(context, on_passphrase);
    if (load_files(context, config, ret_error) < 0) {
        SSL_CTX_free(context);
        return TG_ERR_TLS;
    }
    if (!tg_tls_client_restrict(context)) {
        SSL_CTX_free(context);
        return TG_ERR_MEMORY;
    }
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_mode(context, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    /* Some backends choose what to speak by it; this offers nothing but what follows anyway. */
    SSL_CTX_set_alpn_protos(context, alpn, sizeof(alpn) - 1);
    *ret_context = context;
    return TG_OK;
}

static bool has_files(const struct tg_config_tls_client *config)
{
    return config->ca || config->certificate || config->key;
}

enum tg_err tg_tls_client_check(const struct tg_config_tls_client *config, struct tg_buffer *ret_error)
{
    SSL_CTX *context = NULL;
    enum tg_err err = has_files(config) ? new_context(config, &context, ret_error) : TG_OK;

    SSL_CTX_free(context);
    return err;
}

enum tg_err tg_tls_client_new(const struct tg_config_tls_client *config, struct tg_tls_client **ret_tls,
                              struct tg_buffer *ret_error)
{
    bool is_shared = !has_files(config);
    SSL_CTX *context = is_shared ? shared.context : NULL;
    enum tg_err err = context ? TG_OK : new_context(config, &context, ret_error);

    if (err < 0)
        return err;
    if (is_shared) {
        shared.context = context;
        shared.users++;
    }
    struct tg_tls_client *tls = tg_alloc(sizeof(*tls));
    *tls = (struct tg_tls_client){ .config = config, .context = context, .is_shared = is_shared };
    *ret_tls = tls;
    return TG_OK;
}

void tg_tls_client_free(struct tg_tls_client *tls)
{
    if (!tls)
        return;
    if (!tls->is_shared || --shared.users == 0)
        SSL_CTX_free(tls->context);
    if (tls->is_shared && shared.users == 0)
        shared.context = NULL;
    free(tls);
}

static bool expect(SSL *ssl, const char *name)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (tg_host_is_address(name)) /* SNI carries names only */
        return X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1;
    return X509_VERIFY_PARAM_set1_host(param, name, 0) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

struct ssl_st *tg_tls_client_new_session(const struct tg_tls_client *tls, const char *host)
{
    const char *name = tls->config->server_name ? tls->config->server_name : host;
    SSL *ssl = SSL_new(tls->context);

    if (!ssl)
        return NULL;
    SSL_set_connect_state(ssl);
    SSL_set_verify(ssl, tls->config->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    if (!expect(ssl, name)) {
        SSL_free(ssl);
        ERR_clear_error();
        return NULL;
    }
    return ssl;
}
