/* The few answers that a reverse proxy for event streams gives by itself. */
#include "response.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

const char *tg_response_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        { 200, "OK" },
        { 202, "Accepted" },
        { 204, "No Content" },
        { 400, "Bad Request" },
        { 401, "Unauthorized" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 405, "Method Not Allowed" },
        { 408, "Request Timeout" },
        { 409, "Conflict" },
        { 413, "Content Too Large" },
        { 414, "URI Too Long" },
        { 415, "Unsupported Media Type" },
        { 417, "Expectation Failed" },
        { 429, "Too Many Requests" },
        { 431, "Request Header Fields Too Large" },
        { 500, "Internal Server Error" },
        { 501, "Not Implemented" },
        { 502, "Bad Gateway" },
        { 503, "Service Unavailable" },
        { 504, "Gateway Timeout" },
        { 505, "HTTP Version Not Supported" },
    };
    for (size_t i = 0; i < TG_COUNT_OF(reasons); i++) {
        if (reasons[i].status == status)
            return reasons[i].reason;
    }
    return "Unknown";
}

/* Not strftime: its names follow the locale. */
void tg_response_format_date(uint64_t wall_ms, char ret_date[TG_DATE_SIZE])
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    snprintf(ret_date, TG_DATE_SIZE, "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT", days + 3 * utc.tm_wday,
             (unsigned)utc.tm_mday % 100, months + 3 * utc.tm_mon, (unsigned)(utc.tm_year + 1900) % 10000,
             (unsigned)utc.tm_hour % 100, (unsigned)utc.tm_min % 100, (unsigned)utc.tm_sec % 100);
}

/* RFC 9110 section 8.6: 204 has no Content-Length. */
static enum tg_err append_body_fields(struct tg_buffer *out, const struct tg_response *response)
{
    if (response->status == 204)
        return TG_OK;
    enum tg_err err = TG_OK;
    if (response->content_type)
        err = tg_buffer_appendf(out, "Content-Type: %s\r\n", response->content_type);
    if (!err)
        err = tg_buffer_appendf(out, "Content-Length: %zu\r\n", response->body.length);
    return err;
}

enum tg_err tg_response_append(struct tg_buffer *out, const struct tg_response *response, const char *date)
{
    enum tg_err err = tg_buffer_appendf(out, "HTTP/1.1 %d %s\r\nDate: %s\r\n", response->status,
                                        tg_response_reason(response->status), date);
    if (!err)
        err = append_body_fields(out, response);
    if (!err && response->allow)
        err = tg_buffer_appendf(out, "Allow: %s\r\n", response->allow);
    if (!err && response->retry_after_s > 0)
        err = tg_buffer_appendf(out, "Retry-After: %" PRIu64 "\r\n", response->retry_after_s);
    if (!err)
        err = tg_buffer_append_str(out, response->is_stored ? "Cache-Control: no-cache\r\n"
                                                            : "Cache-Control: no-store\r\n");
    if (!err && response->content_type)
        err = tg_buffer_append_str(out, "X-Content-Type-Options: nosniff\r\n");
    if (!err && response->closes)
        err = tg_buffer_append_str(out, "Connection: close\r\n");
    else if (!err && response->says_keep_alive)
        err = tg_buffer_append_str(out, "Connection: keep-alive\r\n");
    if (!err)
        err = tg_buffer_append(out, response->extra.data, response->extra.length);
    if (!err)
        err = tg_buffer_append_str(out, "\r\n");
    if (!err && !response->is_head && !response->has_long_body && response->status != 204)
        err = tg_buffer_append(out, response->body.data, response->body.length);
    return err;
}

enum tg_err tg_response_append_stream_head(struct tg_buffer *out, const char *date, bool is_chunked,
                                           bool closes, struct tg_str extra)
{
    /* First what an EventSource cannot do without: should the head be cut short, it may still see that it is
     * to come back, where otherwise it would stop for good. */
    enum tg_err err = tg_buffer_append_str(out, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n");
    if (!err)
        err = tg_buffer_append(out, extra.data, extra.length);
    if (!err)
        err = tg_buffer_appendf(out,
                                "Cache-Control: no-cache, no-transform\r\n"
                                "X-Accel-Buffering: no\r\nDate: %s\r\n%s%s\r\n",
                                date, is_chunked ? "Transfer-Encoding: chunked\r\n" : "",
                                closes ? "Connection: close\r\n" : "");
    return err;
}
