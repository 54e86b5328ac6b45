#include "response.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Collects a line without its CR LF; of a long one the beginning. True: it is complete. */
static bool take_line(struct feed_response *response, const char *data, size_t length, size_t *ret_used)
{
    const char *end = memchr(data, '\n', length);
    size_t count = end ? (size_t)(end - data) : length;
    size_t room = sizeof(response->line) - 1 - response->line_length;
    size_t kept = count < room ? count : room;
    memcpy(response->line + response->line_length, data, kept);
    response->line_length += kept;
    *ret_used = count + (end ? 1 : 0);
    if (!end)
        return false;
    if (response->line_length > 0 && response->line[response->line_length - 1] == '\r')
        response->line_length--;
    response->line[response->line_length] = '\0';
    response->line_length = 0;
    return true;
}

static void begin(struct feed_response *response)
{
    *response = (struct feed_response){ .status = response->status, .is_last = response->is_last };
}

static int on_status(struct feed_response *response)
{
    if (sscanf(response->line, "HTTP/1.%*1[01] %3d", &response->status) != 1 || response->status < 100)
        return -1;
    response->has_length = response->is_chunked = response->is_last = false;
    response->state = FEED_RESPONSE_HEADERS;
    return 0;
}

static int on_headers_end(struct feed_response *response)
{
    if (response->status < 200) { /* the real one follows */
        begin(response);
        return 0;
    }
    bool has_body = response->status != 204 && response->status != 304;
    if (!has_body || (response->has_length && !response->is_chunked && response->body_bytes == 0)) {
        begin(response);
        return 1;
    }
    response->state = response->is_chunked   ? FEED_RESPONSE_CHUNK_SIZE
                      : response->has_length ? FEED_RESPONSE_BODY
                                             : FEED_RESPONSE_BODY_TO_END;
    return 0;
}

static int on_header(struct feed_response *response)
{
    static const char content_length[] = "Content-Length:", transfer_encoding[] = "Transfer-Encoding:",
                      connection[] = "Connection:";
    const char *line = response->line;
    if (!*line)
        return on_headers_end(response);
    if (strncasecmp(line, content_length, sizeof(content_length) - 1) == 0) {
        char *end;
        response->body_bytes = strtoull(line + sizeof(content_length) - 1, &end, 10);
        response->has_length = true;
        return *end ? -1 : 0;
    }
    if (strncasecmp(line, transfer_encoding, sizeof(transfer_encoding) - 1) == 0)
        response->is_chunked = strcasestr(line, "chunked");
    if (strncasecmp(line, connection, sizeof(connection) - 1) == 0)
        response->is_last = strcasestr(line, "close");
    return 0;
}

static int on_chunk_size(struct feed_response *response)
{
    char *end;
    response->body_bytes = strtoull(response->line, &end, 16);
    if (end == response->line)
        return -1;
    response->state = response->body_bytes > 0 ? FEED_RESPONSE_CHUNK : FEED_RESPONSE_TRAILERS;
    return 0;
}

static int on_line(struct feed_response *response)
{
    switch (response->state) {
    case FEED_RESPONSE_STATUS:
        return on_status(response);
    case FEED_RESPONSE_HEADERS:
        return on_header(response);
    case FEED_RESPONSE_CHUNK_SIZE:
        return on_chunk_size(response);
    case FEED_RESPONSE_CHUNK_END:
        response->state = FEED_RESPONSE_CHUNK_SIZE;
        return *response->line ? -1 : 0;
    case FEED_RESPONSE_TRAILERS:
        if (*response->line)
            return 0;
        begin(response);
        return 1;
    default:
        return -1;
    }
}

static int take_body(struct feed_response *response, size_t length, size_t *ret_used)
{
    if (response->state == FEED_RESPONSE_BODY_TO_END) {
        *ret_used = length;
        return 0;
    }
    *ret_used = response->body_bytes < length ? (size_t)response->body_bytes : length;
    response->body_bytes -= *ret_used;
    if (response->body_bytes > 0)
        return 0;
    if (response->state == FEED_RESPONSE_CHUNK) {
        response->state = FEED_RESPONSE_CHUNK_END;
        return 0;
    }
    begin(response);
    return 1;
}

int feed_response_read(struct feed_response *response, const char *data, size_t length, size_t *ret_used)
{
    *ret_used = 0;
    while (*ret_used < length) {
        size_t used;
        int result = 0;
        bool is_body = response->state == FEED_RESPONSE_BODY || response->state == FEED_RESPONSE_CHUNK ||
                       response->state == FEED_RESPONSE_BODY_TO_END;
        if (is_body)
            result = take_body(response, length - *ret_used, &used);
        else if (take_line(response, data + *ret_used, length - *ret_used, &used))
            result = on_line(response);
        *ret_used += used;
        if (result != 0)
            return result;
    }
    return 0;
}

bool feed_response_end(struct feed_response *response)
{
    bool is_whole = response->state == FEED_RESPONSE_BODY_TO_END;
    begin(response);
    return is_whole;
}
