/* How to ask for one hop, as options of libcurl.
 *
 * The path with its query goes in as CURLOPT_REQUEST_TARGET, so that libcurl has no part in it and its messages cannot
 * name it; the URL is the site alone. */
#include "http_curl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    BUFFER_BYTES = 64 * 1024, /* what is read at once */
    URL_BYTES = TG_TARGET_HOST_MAX + 32,
    KEEPALIVE_IDLE_S = 30,
    KEEPALIVE_EVERY_S = 10,
    GRACE_MS = 1000, /* our own timeout is to come before libcurl's */
};

/* libcurl only says with these that it cannot do what is asked; one that fails is enough. */
#define SET(option, value) (is_set = is_set && curl_easy_setopt(easy, option, value) == CURLE_OK)

/* Its own name, where the backend has one, is for the configured site alone. */
static const char *server_name(const struct tg_http_exchange *exchange)
{
    bool has_name = exchange->target.is_secure && !exchange->is_foreign;

    return has_name ? exchange->config->tls.server_name : NULL;
}

static void write_authority(const char *host, uint16_t port, char *ret_text, size_t size)
{
    bool has_brackets = strchr(host, ':') != NULL;

    snprintf(ret_text, size, "%s%s%s:%u", has_brackets ? "[" : "", host, has_brackets ? "]" : "", port);
}

static bool set_place(struct tg_http_exchange *exchange)
{
    const struct tg_target *target = &exchange->target;
    const char *name = server_name(exchange);
    char authority[URL_BYTES], text[URL_BYTES + 16];
    CURL *easy = exchange->easy;
    bool is_set = true;

    write_authority(name ? name : target->host, target->port, authority, sizeof(authority));
    snprintf(text, sizeof(text), "%s://%s/", target->is_secure ? "https" : "http", authority);
    SET(CURLOPT_URL, text);
    SET(CURLOPT_REQUEST_TARGET, target->path);
    if (name) { /* "::": whatever the URL says */
        write_authority(target->host, target->port, authority, sizeof(authority));
        snprintf(text, sizeof(text), "::%s", authority);
        exchange->connect_to = curl_slist_append(NULL, text);
        is_set = is_set && exchange->connect_to;
        SET(CURLOPT_CONNECT_TO, exchange->connect_to);
    }
    return is_set;
}

/* ---- the connection ---------------------------------------------------------------------------- */

static int on_lookup(void *resolver, void *reserved, void *arg)
{
    struct tg_http_exchange *exchange = arg;

    (void)resolver, (void)reserved;
    exchange->is_looking_up = true;
    return 0;
}

static curl_socket_t on_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct tg_http_exchange *exchange = arg;

    (void)purpose;
    exchange->is_looking_up = false;
    if (exchange->is_over)
        return CURL_SOCKET_BAD;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static bool set_connection(struct tg_http_exchange *exchange)
{
    CURL *easy = exchange->easy;
    bool is_set = true;

    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_PROXY, ""); /* the environment's does not count */
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT, 1L);
    SET(CURLOPT_DNS_CACHE_TIMEOUT, 0L);
    SET(CURLOPT_TCP_NODELAY, 1L);
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_IDLE_S);
    SET(CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_EVERY_S);
    SET(CURLOPT_BUFFERSIZE, (long)BUFFER_BYTES);
    SET(CURLOPT_RESOLVER_START_FUNCTION, on_lookup);
    SET(CURLOPT_RESOLVER_START_DATA, exchange);
    SET(CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    SET(CURLOPT_OPENSOCKETDATA, exchange);
    SET(CURLOPT_CLOSESOCKETFUNCTION, http_client_close_socket);
    SET(CURLOPT_CLOSESOCKETDATA, exchange->client);
    if (exchange->head_deadline_ms >
        0) { /* it is by this that several addresses get their shares of the time */
        uint64_t now_ms = tg_worker_now_ms(exchange->client->worker);
        uint64_t left_ms = exchange->head_deadline_ms > now_ms ? exchange->head_deadline_ms - now_ms : 0;
        SET(CURLOPT_CONNECTTIMEOUT_MS, (long)(left_ms + GRACE_MS));
    }
    return is_set;
}

/* ---- TLS --------------------------------------------------------------------------------------- */

/* What OpenSSL's own default is changed by, for the other kinds of backends. */
static const char *environment(const char *name)
{
    const char *value = secure_getenv(name);

    return value && *value ? value : NULL;
}

static bool set_trust(CURL *easy, const struct tg_config_tls_client *tls)
{
    const char *file = environment("SSL_CERT_FILE"), *folder = environment("SSL_CERT_DIR");
    bool is_set = true;

    SET(CURLOPT_SSL_VERIFYPEER, tls->verify ? 1L : 0L);
    SET(CURLOPT_SSL_VERIFYHOST, tls->verify ? 2L : 0L);
    if (tls->ca) {
        SET(CURLOPT_CAINFO, tls->ca);
        SET(CURLOPT_CAPATH, (char *)NULL); /* else the system's folder would count, too */
    } else {
        if (file)
            SET(CURLOPT_CAINFO, file);
        if (folder)
            SET(CURLOPT_CAPATH, folder);
    }
    return is_set;
}

static bool set_tls(struct tg_http_exchange *exchange)
{
    const struct tg_config_tls_client *tls = &exchange->config->tls;
    CURL *easy = exchange->easy;
    bool is_set = set_trust(easy, tls);

    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_SESSIONID_CACHE, 0L);
    if (tls->certificate && !exchange->is_foreign) {
        SET(CURLOPT_SSLCERT, tls->certificate);
        SET(CURLOPT_SSLKEY, tls->key);
        SET(CURLOPT_KEYPASSWD, ""); /* without it, a key that has one is asked for on the terminal */
    }
    return is_set;
}

/* ---- the request and its answer ---------------------------------------------------------------- */

static bool set_request(struct tg_http_exchange *exchange)
{
    CURL *easy = exchange->easy;
    bool is_set = true;

    SET(CURLOPT_HTTPHEADER, exchange->lines);
    SET(CURLOPT_USERAGENT, "tidegate/" TIDEGATE_VERSION);
    SET(CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    if (exchange->is_post) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)exchange->body.length);
        SET(CURLOPT_POSTFIELDS, tg_text_or_empty(exchange->body.data));
    }
    return is_set;
}

static bool set_answer(struct tg_http_exchange *exchange)
{
    CURL *easy = exchange->easy;
    bool is_set = true;

    SET(CURLOPT_PRIVATE, exchange);
    SET(CURLOPT_ERRORBUFFER, exchange->error);
    SET(CURLOPT_HEADERFUNCTION, http_answer_on_line);
    SET(CURLOPT_HEADERDATA, exchange);
    SET(CURLOPT_WRITEFUNCTION, http_answer_on_bytes);
    SET(CURLOPT_WRITEDATA, exchange);
    return is_set;
}

bool http_hop_init(struct tg_http_exchange *exchange)
{
    exchange->easy = curl_easy_init();
    if (exchange->easy && http_request_lines(exchange, &exchange->lines) && set_place(exchange) &&
        set_connection(exchange) && set_tls(exchange) && set_request(exchange) && set_answer(exchange))
        return true;
    http_hop_deinit(exchange);
    return false;
}

void http_hop_deinit(struct tg_http_exchange *exchange)
{
    curl_easy_cleanup(exchange->easy);
    curl_slist_free_all(exchange->lines);
    curl_slist_free_all(exchange->connect_to);
    exchange->easy = NULL;
    exchange->lines = exchange->connect_to = NULL;
}
