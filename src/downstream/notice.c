/* The text of each notice, and its chunk. */
#include "notice.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* RFC 9112 section 7.1: the size in hexadecimal, CRLF, the bytes, CRLF. */
static enum tg_err append_framed(struct tg_buffer *out, bool is_bare, const char *text, size_t length)
{
    enum tg_err err = tg_buffer_reserve(out, length + 24);
    if (err)
        return err;
    if (!is_bare)
        (void)tg_buffer_appendf(out, "%zx\r\n", length);
    (void)tg_buffer_append(out, text, length);
    return is_bare ? TG_OK : tg_buffer_append_str(out, "\r\n");
}

enum tg_err tg_notice_append_hello(struct tg_buffer *out, bool is_bare, const struct tg_config_sse *sse)
{
    char text[96];
    int length = snprintf(text, sizeof(text), "retry: %" PRId64 "\n:\n" TG_NOTICE_HELLO, sse->retry_ms);
    return append_framed(out, is_bare, text, (size_t)length);
}

enum tg_err tg_notice_append_state(struct tg_buffer *out, bool is_bare, const struct tg_config_sse *sse,
                                   struct tg_stream_condition condition, const char *id)
{
    struct tg_buffer text = { 0 };
    enum tg_err err = tg_buffer_appendf(&text, "event: %s\ndata: ", sse->upstream_event);
    if (!err)
        err = tg_stream_condition_write(&text, condition, 0);
    if (!err)
        err = tg_buffer_append_str(&text, "\n");
    if (!err && id)
        err = tg_buffer_appendf(&text, "id: %s\n", id);
    if (!err)
        err = tg_buffer_append_str(&text, "\n");
    if (!err)
        err = append_framed(out, is_bare, text.data, text.length);
    tg_buffer_deinit(&text);
    return err;
}

static enum tg_err append_id(struct tg_buffer *text, const char *key, const char *id)
{
    if (id[0] == '\0')
        return tg_buffer_appendf(text, ",\"%s\":null", key);
    enum tg_err err = tg_buffer_appendf(text, ",\"%s\":\"", key);
    if (!err)
        err = tg_buffer_append_json(text, id, strlen(id));
    return err ? err : tg_buffer_append_str(text, "\"");
}

enum tg_err tg_notice_append_gap(struct tg_buffer *out, bool is_bare, const struct tg_config_sse *sse,
                                 const struct tg_gap *gap, const char *id)
{
    struct tg_buffer text = { 0 };
    enum tg_err err =
        tg_buffer_appendf(&text, "event: %s\ndata: {\"reason\":\"%s\",\"missed\":", sse->gap_event,
                          tg_gap_reason_text(gap->reason));
    if (!err && gap->is_counted)
        err = tg_buffer_appendf(&text, "%" PRIu64, gap->missed);
    else if (!err)
        err = tg_buffer_append_str(&text, "null");
    if (!err)
        err = append_id(&text, "after", gap->after);
    if (!err)
        err = append_id(&text, "before", gap->before);
    if (!err)
        err = tg_buffer_append_str(&text, "}\n");
    if (!err && id)
        err = tg_buffer_appendf(&text, "id: %s\n", id);
    if (!err)
        err = tg_buffer_append_str(&text, "\n");
    if (!err)
        err = append_framed(out, is_bare, text.data, text.length);
    tg_buffer_deinit(&text);
    return err;
}

enum tg_err tg_notice_append_farewell(struct tg_buffer *out, bool is_bare, uint64_t retry_ms)
{
    char text[64];
    int length = snprintf(text, sizeof(text), "retry: %" PRIu64 "\n\n", retry_ms);
    enum tg_err err = append_framed(out, is_bare, text, (size_t)length);
    struct tg_str end = tg_notice_body_end(is_bare);
    return err ? err : tg_buffer_append(out, end.data, end.length);
}

struct tg_str tg_notice_body_end(bool is_bare)
{
    return is_bare ? TG_STR("") : TG_STR("0\r\n\r\n");
}

struct tg_str tg_notice_heartbeat(bool is_bare)
{
    return is_bare ? TG_STR(":\n\n") : TG_STR("3\r\n:\n\n\r\n");
}

uint64_t tg_notice_jittered_retry_ms(const struct tg_config_sse *sse)
{
    uint64_t retry_ms = (uint64_t)sse->retry_ms;
    return retry_ms + tg_random_below(retry_ms / 2 + 1);
}
