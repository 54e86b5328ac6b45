/* The answer to a hop as libcurl hands it over: the lines of its head, the bytes of its body, and why it ended. */
#include "http_curl.h"

#include "retry_after.h"

#include <stdlib.h>
#include <string.h>

enum {
    HEAD_MAX = 64 * 1024,       /* with the informational ones before it, and trailers */
    SHORT_BODY_MAX = 16 * 1024, /* of a redirect: to read it is cheaper than a new connection */
    GIVEN_MAX = 2 * 1024 * 1024 /* at a time; more than libcurl reads at a time of what is not packed */
};

static size_t fail(struct tg_http_exchange *exchange, enum tg_upstream_reason reason, const char *detail)
{
    exchange->phase = HTTP_FAILED;
    exchange->failure = (struct tg_http_end){ .reason = reason, .detail = detail };
    return CURL_WRITEFUNC_ERROR;
}

/* ---- the head ---------------------------------------------------------------------------------- */

/* NULL: there is none. Where there are several, the first. */
static const char *header(CURL *easy, const char *name, size_t *ret_count)
{
    struct curl_header *found;

    if (curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &found) != CURLHE_OK)
        return NULL;
    if (ret_count)
        *ret_count = found->amount;
    return found->value;
}

static bool is_body_short(CURL *easy, unsigned long long limit)
{
    const char *length = header(easy, "Content-Length", NULL);

    return length && *length >= '0' && *length <= '9' && strtoull(length, NULL, 10) <= limit;
}

/* NULL: exchange->location is where to go next. */
static const char *find_location(struct tg_http_exchange *exchange)
{
    size_t count = 0;
    const char *location = header(exchange->easy, "Location", &count);

    if (exchange->hops >= exchange->config->max_redirects)
        return "too many";
    if (!location || count != 1)
        return "no Location that can be used";
    switch (tg_target_follow(&exchange->target, location, &exchange->location)) {
    case TG_OK:
        return NULL;
    case TG_ERR_TLS:
        return "it would leave TLS";
    default:
        return "no Location that can be used";
    }
}

static size_t on_redirect(struct tg_http_exchange *exchange, long status, size_t length)
{
    const char *error = find_location(exchange);

    if (error)
        return fail(exchange, TG_REASON_REDIRECT, error);
    exchange->phase = HTTP_REDIRECT;
    exchange->hops++;
    if (status != 307 && status != 308) {
        exchange->is_taken = exchange->is_taken || exchange->is_post;
        exchange->is_post = false;
    }
    return is_body_short(exchange->easy, SHORT_BODY_MAX) ? length : CURL_WRITEFUNC_ERROR;
}

/* RFC 9110 section 8.4.1, by their names there, and those that libcurl may know beside. */
static bool is_coding_known(struct tg_str name)
{
    static const struct {
        const char *name;
        int feature; /* 0: always there */
    } codings[] = { { "gzip", 0 },
                    { "x-gzip", 0 },
                    { "deflate", 0 },
                    { "identity", 0 },
                    { "br", CURL_VERSION_BROTLI },
                    { "zstd", CURL_VERSION_ZSTD } };
    int features = curl_version_info(CURLVERSION_NOW)->features;

    for (size_t i = 0; i < TG_COUNT_OF(codings); i++)
        if (tg_str_equals_nocase(name, tg_str_from(codings[i].name)))
            return codings[i].feature == 0 || (features & codings[i].feature) != 0;
    return false;
}

/* libcurl finds out only when it has some of the body. */
static bool is_readable(CURL *easy)
{
    static const char separators[] = ", \t";
    const char *at = header(easy, "Content-Encoding", NULL);

    at = at ? at + strspn(at, separators) : "";
    while (*at) {
        size_t length = strcspn(at, separators);
        if (!is_coding_known((struct tg_str){ at, length }))
            return false;
        at += length;
        at += strspn(at, separators);
    }
    return true;
}

/* All lines of this name as one list. Borrowed from libcurl, or from `joined`. */
static struct tg_str header_list(CURL *easy, const char *name, struct tg_buffer *joined)
{
    struct curl_header *line;
    size_t count = 0;
    const char *first = header(easy, name, &count);

    if (count < 2)
        return tg_str_from(first);
    for (size_t i = 0; i < count; i++)
        if (curl_easy_header(easy, name, i, CURLH_HEADER, -1, &line) == CURLHE_OK)
            tg_buffer_appendf(joined, "%s%s", i > 0 ? ", " : "", line->value);
    return joined->length > 0 ? tg_buffer_view(joined) : tg_str_from(first);
}

/* What it views may be in `types`. */
static void read_head(CURL *easy, long status, struct tg_buffer *types, struct tg_http_answer *ret_answer)
{
    const char *retry_after = header(easy, "Retry-After", NULL);

    *ret_answer =
        (struct tg_http_answer){ .status = (unsigned)status,
                                 .content_type = header_list(easy, "Content-Type", types),
                                 .etag = tg_str_from(header(easy, "ETag", NULL)),
                                 .last_modified = tg_str_from(header(easy, "Last-Modified", NULL)) };
    if (retry_after)
        tg_retry_after_parse(retry_after, tg_clock_wall_ms(), &ret_answer->retry_after_ms);
}

/* False: it wants no more. */
static bool give_head(struct tg_http_exchange *exchange, long status)
{
    struct tg_http_answer answer;
    struct tg_buffer types = { 0 };

    read_head(exchange->easy, status, &types, &answer);
    http_exchange_begin_body(exchange);
    bool goes_on = exchange->handler.on_head(exchange->arg, &answer);
    tg_buffer_deinit(&types);
    return goes_on;
}

static size_t on_head(struct tg_http_exchange *exchange, size_t length)
{
    long status = 0;

    curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status == 101)
        return fail(exchange, TG_REASON_PROTOCOL, "it switches protocols");
    if (status < 200)
        return length;
    if (tg_status_is_redirect((unsigned)status))
        return on_redirect(exchange, status, length);
    if (status == 200 && !is_readable(exchange->easy))
        return fail(exchange, TG_REASON_PROTOCOL, "its content coding is not one that was asked for");
    if (!give_head(exchange, status)) {
        exchange->phase = HTTP_UNWANTED;
        /* Without a body that would have to be read, the connection may be used again. */
        bool has_none = status == 204 || status == 304 || is_body_short(exchange->easy, 0);
        return has_none ? length : CURL_WRITEFUNC_ERROR;
    }
    return exchange->is_over ? CURL_WRITEFUNC_ERROR : length;
}

size_t http_answer_on_line(char *line, size_t size, size_t count, void *arg)
{
    struct tg_http_exchange *exchange = arg;
    size_t length = size * count;

    if (exchange->is_over)
        return CURL_WRITEFUNC_ERROR;
    exchange->head_bytes += length;
    if (exchange->head_bytes > HEAD_MAX)
        return fail(exchange, TG_REASON_PROTOCOL, "its head is too large");
    if (exchange->phase != HTTP_HEAD || (*line != '\r' && *line != '\n')) /* a trailer, or more follows */
        return length;
    return on_head(exchange, length);
}

/* ---- the body ---------------------------------------------------------------------------------- */

size_t http_answer_on_bytes(char *bytes, size_t size, size_t count, void *arg)
{
    struct tg_http_exchange *exchange = arg;
    size_t length = size * count;

    if (exchange->is_over)
        return CURL_WRITEFUNC_ERROR;
    if (exchange->phase == HTTP_REDIRECT || length == 0)
        return length;
    if (exchange->phase != HTTP_BODY)
        return CURL_WRITEFUNC_ERROR;
    if (exchange->is_held || exchange->client->given_bytes >= GIVEN_MAX) {
        exchange->is_paused = true;
        if (!exchange->is_held)
            http_client_defer(exchange);
        return CURL_WRITEFUNC_PAUSE;
    }
    exchange->client->given_bytes += length;
    if (!exchange->handler.on_body(exchange->arg, bytes, length))
        exchange->phase = HTTP_UNWANTED;
    return exchange->phase == HTTP_BODY && !exchange->is_over ? length : CURL_WRITEFUNC_ERROR;
}

/* ---- the end ----------------------------------------------------------------------------------- */

/* In TLS 1.3 the backend rejects a client certificate after our side of the handshake is done: by an alert that libcurl
 * reads, or it has closed before libcurl could send the request, and the alert stays unread. NULL: neither. */
static const char *rejection(const struct tg_http_exchange *exchange, CURLcode result)
{
    long sent = 0;

    if (!exchange->target.is_secure || exchange->head_bytes > 0)
        return NULL;
    curl_easy_getinfo(exchange->easy, CURLINFO_REQUEST_SIZE, &sent);
    if (result == CURLE_SEND_ERROR && sent == 0)
        return "closed right after the handshake";
    return exchange->tls_alert;
}

/* One code for many causes. */
static enum tg_upstream_reason lost_reason(const struct tg_http_exchange *exchange, CURLcode result)
{
    if (strstr(exchange->error, "chunk")) /* all that libcurl has to say of broken chunks holds the word */
        return TG_REASON_PROTOCOL;
    return rejection(exchange, result) ? TG_REASON_TLS : TG_REASON_CLOSED;
}

static enum tg_upstream_reason reason_of(const struct tg_http_exchange *exchange, CURLcode result)
{
    switch (result) {
    case CURLE_OK:
        return exchange->phase == HTTP_BODY ? TG_REASON_NONE : TG_REASON_CLOSED;
    case CURLE_COULDNT_RESOLVE_HOST:
        return TG_REASON_DNS;
    case CURLE_COULDNT_CONNECT:
    case CURLE_INTERFACE_FAILED:
        return TG_REASON_CONNECT;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_CLIENTCERT:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_ENGINE_INITFAILED:
        return TG_REASON_TLS;
    case CURLE_OPERATION_TIMEDOUT:
        return TG_REASON_TIMEOUT;
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
        return TG_REASON_CLOSED;
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
        return lost_reason(exchange, result);
    default: /* no HTTP, HTTP/0.9, a broken content coding, a line of the head that is too long */
        return TG_REASON_PROTOCOL;
    }
}

/* Before 8.6 libcurl says of it that it is out of memory. */
static bool is_too_large(CURLcode result)
{
#if LIBCURL_VERSION_NUM >= 0x080600
    if (result == CURLE_TOO_LARGE)
        return true;
#endif
    return result == CURLE_OUT_OF_MEMORY;
}

struct tg_http_end http_answer_failure(const struct tg_http_exchange *exchange, CURLcode result)
{
    enum tg_upstream_reason reason = reason_of(exchange, result);
    const char *detail = exchange->error[0] ? exchange->error : curl_easy_strerror(result);

    if (result == CURLE_OK && reason == TG_REASON_CLOSED)
        detail = "closed before the head was complete";
    if (exchange->phase == HTTP_HEAD && is_too_large(result))
        detail = "a line of its head is too long";
    if (exchange->phase == HTTP_BODY && result == CURLE_WRITE_ERROR) /* our own have another phase */
        detail = "more follows the packed data";
    if (reason == TG_REASON_TLS && rejection(exchange, result))
        detail = rejection(exchange, result);
    return (struct tg_http_end){ .reason = reason, .detail = reason == TG_REASON_NONE ? "" : detail };
}
