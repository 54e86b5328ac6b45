/* What the process of a jq filter says, in blocks of any size: whole answers come out, each within its limits and the
 * same whatever the blocks, or it is refused. The first byte seeds the sizes of the blocks. */
#include "translate/jq_answers.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_BYTES = 64 };

static void check(bool is_so)
{
    if (!is_so)
        abort();
}

/* Appends all answers; returns how it ended. */
static enum tg_err read_all(const char *bytes, size_t length, size_t block_max, struct tg_buffer *out)
{
    struct tg_jq_answers answers = { .max_bytes = MAX_BYTES };
    enum tg_err err = TG_ERR_AGAIN;

    for (size_t at = 0; at < length && err == TG_ERR_AGAIN;) {
        size_t step = length - at < block_max ? length - at : block_max;
        char *copy = malloc(step); /* nothing before or behind it may be read */
        check(copy != NULL);
        memcpy(copy, bytes + at, step);
        struct tg_str block = { copy, step };
        struct tg_jq_answer answer;
        while ((err = tg_jq_answers_read(&answers, &block, &answer)) == TG_OK) {
            check(answer.bytes.length <= MAX_BYTES);
            check(answer.kind == TG_JQ_DONE || answer.kind == TG_JQ_INVALID || answer.bytes.length == 0);
            tg_buffer_appendf(out, "%d:%zu:", (int)answer.kind, answer.bytes.length);
            tg_buffer_append(out, answer.bytes.data, answer.bytes.length);
        }
        check(err == TG_ERR_AGAIN ? block.length == 0 : err == TG_ERR_PROTOCOL);
        free(copy);
        at += step;
    }
    tg_jq_answers_deinit(&answers);
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tg_buffer whole = { 0 }, pieces = { 0 };

    if (size < 1)
        return 0;
    enum tg_err err = read_all((const char *)data + 1, size - 1, size, &whole);
    check(read_all((const char *)data + 1, size - 1, 1 + data[0] % 16, &pieces) == err);
    check(tg_str_equals(tg_buffer_view(&whole), tg_buffer_view(&pieces)));
    tg_buffer_deinit(&whole);
    tg_buffer_deinit(&pieces);
    return 0;
}
