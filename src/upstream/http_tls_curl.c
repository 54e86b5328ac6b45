/* TLS of a hop: whom it trusts, as whom it appears, and what the backend says against it. */
#include "http_curl.h"

#include "tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <utlist.h>

/* What OpenSSL's own default is changed by, for the other kinds of backends. */
static const char *environment(const char *name)
{
    const char *value = secure_getenv(name);

    return value && *value ? value : NULL;
}

/* libcurl reads the certificates once a day where they are one file, for each connection (30 ms) where there is a
 * folder, too. The system's file has all that the folder has. */
static bool set_system_trust(CURL *easy)
{
    const char *file = environment("SSL_CERT_FILE"), *folder = environment("SSL_CERT_DIR");
    bool has_file = file || curl_version_info(CURLVERSION_NOW)->cainfo;
    bool is_set = true;

    if (file)
        HTTP_SET(CURLOPT_CAINFO, file);
    if (folder || has_file)
        HTTP_SET(CURLOPT_CAPATH, folder);
    return is_set;
}

static bool set_trust(CURL *easy, const struct tg_config_tls_client *tls)
{
    bool is_set = true;

    HTTP_SET(CURLOPT_SSL_VERIFYPEER, tls->verify ? 1L : 0L);
    HTTP_SET(CURLOPT_SSL_VERIFYHOST, tls->verify ? 2L : 0L);
    if (!tls->ca)
        return is_set && set_system_trust(easy);
    HTTP_SET(CURLOPT_CAINFO, tls->ca);
    HTTP_SET(CURLOPT_CAPATH, (char *)NULL); /* else the system's folder would count, too */
    return is_set;
}

/* ---- alerts ------------------------------------------------------------------------------------
 *
 * libcurl's error text is that of what happened first, and not always of this. A connection may outlive the exchange
 * that it was made for, and is then used by others: so it knows the number of the hop alone. */

static int hop_index = -1;

void http_tls_init(void)
{
    hop_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
}

static void on_tls_event(const SSL *ssl, int where, int value)
{
    const SSL_CTX *context = SSL_get_SSL_CTX(ssl);
    struct tg_http_client *client = SSL_CTX_get_app_data(context);
    uint64_t hop = (uintptr_t)SSL_CTX_get_ex_data(context, hop_index);
    struct tg_http_exchange *exchange;

    if (where != SSL_CB_READ_ALERT || value >> 8 != SSL3_AL_FATAL)
        return;
    const char *text =
        ERR_reason_error_string(ERR_PACK(ERR_LIB_SSL, 0, SSL_AD_REASON_OFFSET + (value & 0xff)));
    DL_SEARCH_SCALAR(client->running, exchange, hop, hop);
    if (exchange)
        exchange->tls_alert = text ? text : "an alert";
}

static CURLcode on_tls_context(CURL *easy, void *context, void *arg)
{
    struct tg_http_exchange *exchange = arg;

    (void)easy;
    if (!tg_tls_client_restrict(context))
        return CURLE_OUT_OF_MEMORY;
    SSL_CTX_set_app_data((SSL_CTX *)context, exchange->client);
    SSL_CTX_set_ex_data(context, hop_index, (void *)(uintptr_t)exchange->hop);
    SSL_CTX_set_info_callback(context, on_tls_event);
    return CURLE_OK;
}

bool http_tls_set(struct tg_http_exchange *exchange)
{
    const struct tg_config_tls_client *tls = &exchange->config->tls;
    CURL *easy = exchange->easy;
    bool is_set = set_trust(easy, tls);

    HTTP_SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    HTTP_SET(CURLOPT_SSL_SESSIONID_CACHE, 0L);
    HTTP_SET(CURLOPT_SSL_CTX_FUNCTION, on_tls_context);
    HTTP_SET(CURLOPT_SSL_CTX_DATA, exchange);
    if (tls->certificate && !exchange->is_foreign) {
        HTTP_SET(CURLOPT_SSLCERT, tls->certificate);
        HTTP_SET(CURLOPT_SSLKEY, tls->key);
        HTTP_SET(CURLOPT_KEYPASSWD, ""); /* without it, a key that has one is asked for on the terminal */
    }
    return is_set;
}
