/* Fuzz target: taking the content out of request bodies. What is kept must not depend on the pieces in which the bytes
 * arrive, is never more than is wanted, and what was cut into chunks comes out as it was. */
#include "downstream/body.h"

#include <stdlib.h>
#include <string.h>

enum { SETTINGS = 4, INPUT_MAX = 4096 };

struct result {
    enum tg_err err;
    size_t used; /* of all bytes; only where they end the body */
    struct tg_buffer content;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool is_true)
{
    if (!is_true)
        abort();
}

/* Each piece is a copy of its own, so that what is written beside it is seen. */
static struct result take(struct tg_body body, const uint8_t *bytes, size_t size, size_t step)
{
    struct result result = { .err = TG_ERR_AGAIN };
    size_t at = 0;

    do {
        size_t length = size - at < step ? size - at : step, used = 0, kept = 0;
        char *copy = malloc(length ? length : 1);
        memcpy(copy, bytes + at, length);
        result.err = tg_body_take(&body, copy, length, &used, &kept);
        check(used <= length && kept <= used);
        if (!result.err || result.err == TG_ERR_AGAIN)
            tg_buffer_append(&result.content, copy, kept);
        if (!result.err)
            result.used = at + used;
        free(copy);
        at += length;
    } while (result.err == TG_ERR_AGAIN && at < size);
    return result;
}

static void check_pieces(const struct tg_body *body, const uint8_t *bytes, size_t size, size_t step)
{
    struct result whole = take(*body, bytes, size, size ? size : 1), pieces = take(*body, bytes, size, step);

    check(whole.err == pieces.err && whole.used == pieces.used);
    check(whole.content.length <= body->max_content);
    if (!whole.err || whole.err == TG_ERR_AGAIN) {
        check(whole.content.length == pieces.content.length);
        check(whole.content.length == 0 ||
              memcmp(whole.content.data, pieces.content.data, whole.content.length) == 0);
    }
    tg_buffer_deinit(&whole.content);
    tg_buffer_deinit(&pieces.content);
}

static void check_bytes(const uint8_t *data, size_t size)
{
    struct tg_request_head head = { .is_chunked = data[0] & 1,
                                    .content_length = (data[0] & 2) ? data[1] : data[1] * 16u };
    struct tg_body body;

    if (tg_body_init(&body, &head) && !tg_body_keep(&body, (data[0] & 4) ? data[2] & 15 : INPUT_MAX))
        check_pieces(&body, data + SETTINGS, size - SETTINGS, 1u + data[3]);
}

/* The same bytes as the content, cut into chunks. */
static void check_chunked(const uint8_t *data, size_t size)
{
    struct tg_request_head head = { .is_chunked = true };
    struct tg_buffer coded = { 0 };
    struct tg_body body;

    for (size_t at = 0, length; at < size; at += length) {
        length = data[at] && data[at] < size - at ? data[at] : size - at;
        tg_buffer_appendf(&coded, data[at] & 1 ? "%zx\r\n" : "%04zX;a=\"b\"\r\n", length);
        tg_buffer_append(&coded, data + at, length);
        tg_buffer_append_str(&coded, "\r\n");
    }
    tg_buffer_append_str(&coded, "0\r\nX: y\r\n\r\nGET");
    check(tg_body_init(&body, &head) && !tg_body_keep(&body, size - 1));
    struct result result = take(body, (const uint8_t *)coded.data, coded.length, 1u + data[0]);
    check(result.err == TG_ERR_TOO_LARGE);
    tg_buffer_deinit(&result.content);
    check(!tg_body_keep(&body, size));
    result = take(body, (const uint8_t *)coded.data, coded.length, 1u + data[0]);
    check(!result.err && result.used == coded.length - strlen("GET"));
    check(result.content.length == size && memcmp(result.content.data, data, size) == 0);
    tg_buffer_deinit(&result.content);
    tg_buffer_deinit(&coded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size <= SETTINGS || size > INPUT_MAX)
        return 0;
    check_bytes(data, size);
    check_chunked(data, size);
    return 0;
}
