#include "request.h"

#include "common/payload.h"
#include "memory.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TEXT_MAX = 2048,
    BODY_SOFT_MAX_BYTES = 256 << 10, /* below pushpin's limit of a million, with what escaping adds */
};

bool feed_url_parse(const char *text, struct feed_url *ret_url)
{
    static const char scheme[] = "http://";
    if (strncmp(text, scheme, sizeof(scheme) - 1) != 0)
        return false;
    text += sizeof(scheme) - 1;
    size_t host_length = strcspn(text, ":/");
    const char *path = strchr(text, '/');
    if (host_length == 0 || host_length >= sizeof(ret_url->host) || !path ||
        strlen(path) >= sizeof(ret_url->path))
        return false;
    const char *port = text[host_length] == ':' ? text + host_length + 1 : "80";
    size_t port_length = strspn(port, "0123456789");
    bool is_port_whole = text[host_length] != ':' || port + port_length == path;
    if (port_length == 0 || port_length >= sizeof(ret_url->port) || !is_port_whole)
        return false;
    snprintf(ret_url->host, sizeof(ret_url->host), "%.*s", (int)host_length, text);
    snprintf(ret_url->port, sizeof(ret_url->port), "%.*s", (int)port_length, port);
    snprintf(ret_url->path, sizeof(ret_url->path), "%s", path);
    return true;
}

__attribute__((format(printf, 2, 3))) static void append_text(struct feed_queue *out, const char *format, ...)
{
    char text[TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    feed_queue_append(out, text, (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1);
}

/* A JSON string's inside; the message has no characters but these two that need it. */
static void append_escaped(struct feed_queue *out, const char *data, size_t length)
{
    size_t plain = 0; /* where what is not appended yet begins */
    for (size_t i = 0; i < length; i++) {
        if (data[i] != '"' && data[i] != '\\')
            continue;
        feed_queue_append(out, data + plain, i - plain);
        feed_queue_append(out, "\\", 1);
        plain = i;
    }
    feed_queue_append(out, data + plain, length - plain);
}

/* Without "prev-id": with it one message that was refused keeps all that follow it from the clients. */
static void append_item(struct feed_queue *out, const struct feed_message *message, const char *text,
                        size_t size_bytes)
{
    append_text(out,
                "{\"channel\":\"%zu\",\"id\":\"%" PRIu64
                "\",\"formats\":{\"http-stream\":{\"content\":\"id: %" PRIu64 "\\ndata: ",
                message->stream, message->seq, message->seq);
    append_escaped(out, text, size_bytes);
    append_text(out, "\\n\\n\"}}}");
}

static void append_body(struct feed_queue *out, enum feed_post post, const struct feed_message *messages,
                        size_t count, size_t size_bytes)
{
    char *text = feed_alloc(size_bytes);
    append_text(out, "%s", post == FEED_POST_PUSHPIN ? "{\"items\":[" : "");
    for (size_t i = 0; i < count; i++) {
        bench_payload_write(text, size_bytes, messages[i].seq, messages[i].t_ns);
        append_text(out, "%s", i > 0 ? "," : "");
        if (post == FEED_POST_PUSHPIN)
            append_item(out, &messages[i], text, size_bytes);
        else
            feed_queue_append(out, text, size_bytes);
    }
    append_text(out, "%s", post == FEED_POST_PUSHPIN ? "]}" : "");
    free(text);
}

static void append_path(struct feed_queue *out, const char *path, size_t stream)
{
    static const char mark[] = "{stream}";
    for (const char *at; (at = strstr(path, mark)); path = at + sizeof(mark) - 1) {
        feed_queue_append(out, path, (size_t)(at - path));
        append_text(out, "%zu", stream);
    }
    feed_queue_append(out, path, strlen(path));
}

size_t feed_request_pipeline(enum feed_post post)
{
    return post == FEED_POST_PUSHPIN ? 1 : FEED_PIPELINE_MAX;
}

size_t feed_request_messages(enum feed_post post, size_t size_bytes)
{
    if (post != FEED_POST_PUSHPIN || size_bytes > BODY_SOFT_MAX_BYTES)
        return 1;
    size_t count = BODY_SOFT_MAX_BYTES / size_bytes;
    return count < FEED_MESSAGES_MAX ? count : FEED_MESSAGES_MAX;
}

void feed_request_append(struct feed_queue *out, enum feed_post post, const struct feed_url *url,
                         const struct feed_message *messages, size_t count, size_t size_bytes)
{
    struct feed_queue body = { 0 };
    append_body(&body, post, messages, count, size_bytes);
    append_text(out, "POST ");
    append_path(out, url->path, messages[0].stream);
    append_text(out,
                " HTTP/1.1\r\nHost: %s:%s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                url->host, url->port, feed_queue_length(&body));
    feed_queue_append(out, body.data, feed_queue_length(&body));
    feed_queue_deinit(&body);
}
