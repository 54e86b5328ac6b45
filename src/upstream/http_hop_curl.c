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
    BUFFER_BYTES = 16 * 1024, /* libcurl reads up to a hundred of them before anyone else has a turn */
    URL_BYTES = TG_TARGET_HOST_MAX + 32,
    KEEPALIVE_IDLE_S = 30,
    KEEPALIVE_EVERY_S = 10,
    GRACE_MS = 1000, /* our own timeout is to come before libcurl's */
};

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
    HTTP_SET(CURLOPT_URL, text);
    HTTP_SET(CURLOPT_REQUEST_TARGET, target->path);
    if (name) { /* "::": whatever the URL says */
        write_authority(target->host, target->port, authority, sizeof(authority));
        snprintf(text, sizeof(text), "::%s", authority);
        exchange->connect_to = curl_slist_append(NULL, text);
        is_set = is_set && exchange->connect_to;
        HTTP_SET(CURLOPT_CONNECT_TO, exchange->connect_to);
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

    HTTP_SET(CURLOPT_PROTOCOLS_STR, "http,https");
    HTTP_SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    HTTP_SET(CURLOPT_PROXY, ""); /* the environment's does not count */
    HTTP_SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    HTTP_SET(CURLOPT_NOSIGNAL, 1L);
    HTTP_SET(CURLOPT_QUICK_EXIT, 1L);
    HTTP_SET(CURLOPT_DNS_CACHE_TIMEOUT, 0L);
    HTTP_SET(CURLOPT_TCP_NODELAY, 1L);
    HTTP_SET(CURLOPT_TCP_KEEPALIVE, 1L);
    HTTP_SET(CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_IDLE_S);
    HTTP_SET(CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_EVERY_S);
    HTTP_SET(CURLOPT_BUFFERSIZE, (long)BUFFER_BYTES);
    HTTP_SET(CURLOPT_RESOLVER_START_FUNCTION, on_lookup);
    HTTP_SET(CURLOPT_RESOLVER_START_DATA, exchange);
    HTTP_SET(CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    HTTP_SET(CURLOPT_OPENSOCKETDATA, exchange);
    HTTP_SET(CURLOPT_CLOSESOCKETFUNCTION, http_client_close_socket);
    HTTP_SET(CURLOPT_CLOSESOCKETDATA, exchange->client);
    if (exchange->head_deadline_ms >
        0) { /* it is by this that several addresses get their shares of the time */
        uint64_t now_ms = tg_worker_now_ms(exchange->client->worker);
        uint64_t left_ms = exchange->head_deadline_ms > now_ms ? exchange->head_deadline_ms - now_ms : 0;
        HTTP_SET(CURLOPT_CONNECTTIMEOUT_MS, (long)(left_ms + GRACE_MS));
    }
    return is_set;
}

/* ---- the request and its answer ---------------------------------------------------------------- */

static bool set_request(struct tg_http_exchange *exchange)
{
    CURL *easy = exchange->easy;
    bool is_set = true;

    HTTP_SET(CURLOPT_HTTPHEADER, exchange->lines);
    HTTP_SET(CURLOPT_USERAGENT, "tidegate/" TIDEGATE_VERSION);
    HTTP_SET(CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
    HTTP_SET(CURLOPT_FOLLOWLOCATION, 0L);
    /* When a connection that was used before dies without a byte of the answer, libcurl sends the request again. Those
     * that are made for one request alone would be kept for nobody. */
    HTTP_SET(CURLOPT_FRESH_CONNECT, exchange->is_once ? 1L : 0L);
    HTTP_SET(CURLOPT_FORBID_REUSE, exchange->is_once ? 1L : 0L);
    if (exchange->is_post) {
        HTTP_SET(CURLOPT_POST, 1L);
        HTTP_SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)exchange->body.length);
        HTTP_SET(CURLOPT_POSTFIELDS, tg_text_or_empty(exchange->body.data));
    }
    return is_set;
}

static bool set_answer(struct tg_http_exchange *exchange)
{
    CURL *easy = exchange->easy;
    bool is_set = true;

    HTTP_SET(CURLOPT_PRIVATE, exchange);
    HTTP_SET(CURLOPT_ERRORBUFFER, exchange->error);
    HTTP_SET(CURLOPT_HEADERFUNCTION, http_answer_on_line);
    HTTP_SET(CURLOPT_HEADERDATA, exchange);
    HTTP_SET(CURLOPT_WRITEFUNCTION, http_answer_on_bytes);
    HTTP_SET(CURLOPT_WRITEDATA, exchange);
    return is_set;
}

bool http_hop_init(struct tg_http_exchange *exchange)
{
    exchange->easy = curl_easy_init();
    if (exchange->easy && http_request_lines(exchange, &exchange->lines) && set_place(exchange) &&
        set_connection(exchange) && http_tls_set(exchange) && set_request(exchange) && set_answer(exchange))
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
