/* Fuzz target: the answer of the opening handshake. The outcome must not depend on the pieces in which the
 * bytes arrive. "@" stands for the accept value that is right, which no fuzzer would find. */
#include "upstream/handshake.h"

#include <stdlib.h>
#include <string.h>

static const unsigned char nonce[] = "the sample nonce";
static const char accept[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
static char *offered[] = { (char *)"a", (char *)"quotes.v1", NULL };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool is_true)
{
    if (!is_true)
        abort();
}

/* Each block is a copy of its own, so that reading past its end is seen. */
static enum tg_handshake_state read_in_steps(struct tg_handshake *handshake, struct tg_str text, size_t step,
                                             size_t *ret_used)
{
    enum tg_handshake_state state = TG_HANDSHAKE_MORE;
    size_t at = 0;

    tg_handshake_init(handshake, nonce, offered);
    while (at < text.length && state == TG_HANDSHAKE_MORE) {
        size_t length = text.length - at < step ? text.length - at : step;
        char *copy = malloc(length);
        struct tg_str block = { copy, length };
        memcpy(copy, text.data + at, length);
        state = tg_handshake_read(handshake, &block);
        at += length - block.length;
        free(copy);
    }
    *ret_used = at;
    return state;
}

static bool is_same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void check_text(struct tg_str text)
{
    struct tg_handshake whole, cut;
    size_t used, used_cut;
    enum tg_handshake_state state = read_in_steps(&whole, text, text.length, &used);

    for (size_t step = 1; step < 4; step++) {
        check(read_in_steps(&cut, text, step, &used_cut) == state && used_cut == used);
        check(cut.status == whole.status && is_same(cut.error, whole.error));
        check(is_same(cut.location, whole.location) && is_same(cut.retry_after, whole.retry_after));
        tg_handshake_deinit(&cut);
    }
    check((state == TG_HANDSHAKE_BROKEN) == (whole.error != NULL));
    check(state != TG_HANDSHAKE_OPEN || (whole.status == 101 && whole.has_accept));
    check(state != TG_HANDSHAKE_OTHER || whole.status >= 200);
    check(used <= TG_HANDSHAKE_HEAD_MAX);
    tg_handshake_deinit(&whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tg_buffer text = { 0 };

    if (size < 1 || size > 20000)
        return 0;
    for (size_t i = 0; i < size; i++)
        if (data[i] == '@')
            tg_buffer_append_str(&text, accept);
        else
            tg_buffer_append(&text, &data[i], 1);
    check_text((struct tg_str){ text.data, text.length });
    tg_buffer_deinit(&text);
    return 0;
}
