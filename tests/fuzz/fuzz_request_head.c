/* Fuzz target: the parser of request heads, and the skipper of bodies.
 *
 * For any bytes the verdict must not depend on the pieces in which they arrive: the first prefix that gets a
 * verdict gets the one of the whole. */
#include "downstream/body.h"
#include "downstream/request_head.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_body(const struct tg_request_head *head, const char *bytes, size_t length)
{
    struct tg_body whole, pieces;
    size_t used = 0, used_in_pieces = 0, at = 0;
    if (!tg_body_init(&whole, head))
        return;
    (void)tg_body_init(&pieces, head);
    enum tg_err err = tg_body_skip(&whole, bytes, length, &used);
    enum tg_err err_in_pieces = TG_ERR_AGAIN;
    do {
        size_t step = length - at < 3 ? length - at : 3, step_used = 0;
        err_in_pieces = tg_body_skip(&pieces, bytes + at, step, &step_used);
        used_in_pieces = at + step_used;
        at += step;
    } while (err_in_pieces == TG_ERR_AGAIN && at < length);
    if (err != err_in_pieces || (!err && used != used_in_pieces))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct tg_head_limits limits = { .url_bytes = 128, .header_bytes = 512 };
    const char *bytes = (const char *)data;
    struct tg_request_head head, other;
    if (size > 4096)
        return 0;
    int status = tg_request_head_parse(bytes, size, &limits, &head);
    for (size_t length = 0; length < size; length++) {
        /* A copy of its own, so that reading past the end is seen. */
        char *copy = malloc(length ? length : 1);
        memcpy(copy, bytes, length);
        int got = tg_request_head_parse(copy, length, &limits, &other);
        free(copy);
        if (got == TG_HEAD_MORE)
            continue;
        if (got != status)
            abort();
        break;
    }
    if (status == TG_HEAD_DONE) {
        if (head.length > size)
            abort();
        char *path = malloc(head.target.path.length + 1);
        size_t path_length;
        if (tg_path_decode(head.target.path, path, &path_length) || path_length > head.target.path.length)
            abort();
        free(path);
        check_body(&head, bytes + head.length, size - head.length);
    }
    return 0;
}
