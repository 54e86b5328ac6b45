/* TLS towards a backend.
 *
 * The library that speaks WebSocket sets its own verify callback on each connection, makes exceptions in it,
 * and knows names but not IP addresses. So all of that is taken out of its hands: the chain is verified by
 * on_verify_chain, which is set on the context and runs instead of OpenSSL's own start of the verification,
 * and SNI is set when the handshake begins, after whatever the library has put there. */
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
    char *sni; /* NULL for an address: SNI carries names only */
    const char *last_error;
};

struct ssl_ctx_st *tg_tls_client_peek_context(struct tg_tls_client *tls)
{
    return tls->context;
}

const char *tg_tls_client_last_error(const struct tg_tls_client *tls)
{
    return tls->last_error;
}

static int on_verify_certificate(int is_ok, X509_STORE_CTX *store)
{
    (void)store;
    return is_ok;
}

static int on_verify_chain(X509_STORE_CTX *store, void *arg)
{
    struct tg_tls_client *tls = arg;

    if (!tls->config->verify) {
        X509_STORE_CTX_set_error(store, X509_V_OK);
        return 1;
    }
    X509_STORE_CTX_set_verify_cb(store, on_verify_certificate);
    bool is_ok = X509_verify_cert(store) > 0;
    if (!is_ok)
        tls->last_error = X509_verify_cert_error_string(X509_STORE_CTX_get_error(store));
    return is_ok ? 1 : 0;
}

static void on_info(const SSL *ssl, int where, int value)
{
    struct tg_tls_client *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

    (void)value;
    if (where & SSL_CB_HANDSHAKE_START)
        SSL_set_tlsext_host_name((SSL *)(uintptr_t)ssl, tls->sni);
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

enum tg_err tg_tls_client_new(const struct tg_config_tls_client *config, struct tg_tls_client **ret_tls,
                              struct tg_buffer *ret_error)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());

    if (!context)
        return TG_ERR_MEMORY;
    SSL_CTX_set_default_passwd_cb(context, on_passphrase);
    if (load_files(context, config, ret_error) < 0) {
        SSL_CTX_free(context);
        return TG_ERR_TLS;
    }
    struct tg_tls_client *tls = tg_alloc(sizeof(*tls));
    *tls = (struct tg_tls_client){ .config = config, .context = context };
    SSL_CTX_set_app_data(context, tls);
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_mode(context, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(context, on_verify_chain, tls);
    SSL_CTX_set_info_callback(context, on_info);
    *ret_tls = tls;
    return TG_OK;
}

void tg_tls_client_free(struct tg_tls_client *tls)
{
    if (!tls)
        return;
    SSL_CTX_free(tls->context);
    free(tls->sni);
    free(tls);
}

enum tg_err tg_tls_client_expect(struct tg_tls_client *tls, const char *host)
{
    const char *name = tls->config->server_name ? tls->config->server_name : host;
    bool is_address = tg_host_is_address(name);
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(tls->context);

    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    tls->last_error = NULL;
    free(tls->sni);
    tls->sni = is_address ? NULL : tg_strdup(name);
    bool is_set;
    if (is_address)
        is_set = X509_VERIFY_PARAM_set1_host(param, NULL, 0) == 1 &&
                 X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1;
    else
        is_set = X509_VERIFY_PARAM_set1_ip(param, NULL, 0) == 1 &&
                 X509_VERIFY_PARAM_set1_host(param, name, 0) == 1;
    return is_set ? TG_OK : TG_ERR_TLS;
}
