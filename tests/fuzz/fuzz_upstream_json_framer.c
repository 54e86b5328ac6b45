/* Fuzz target: the texts of JSON without line ends. What comes out must not depend on the pieces in which the bytes arrive,
 * and memory stays below the cap. JSON texts, whatever is between them, come out as they went in; jansson is the judge of
 * what is one. */
#include "upstream/json_framer.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { CAP = 50 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool is_true)
{
    if (!is_true)
        abort();
}

static void on_text(void *arg, struct tg_str text, bool is_cut)
{
    uint32_t length = (uint32_t)text.length;

    check(text.length > 0);
    tg_buffer_append(arg, is_cut ? "c" : "w", 1);
    tg_buffer_append(arg, &length, sizeof(length));
    tg_buffer_append(arg, text.data, text.length);
}

static void on_dropped(void *arg, bool is_oversize)
{
    check(is_oversize);
    tg_buffer_append(arg, "d", 1);
}

/* ---- any bytes, any cuts ------------------------------------------------------------------------ */

/* Each block is a copy of its own, so that reading past its end is seen. */
static struct tg_buffer read_in_steps(enum tg_config_framing framing, struct tg_str text, size_t cut,
                                      size_t step, size_t max_bytes)
{
    struct tg_buffer out = { 0 };
    struct tg_json_framer framer = {
        .on_text = on_text, .on_dropped = on_dropped, .arg = &out, .max_bytes = max_bytes, .framing = framing
    };
    enum tg_err err = TG_OK;

    for (size_t at = 0; at < text.length && err == TG_OK;) {
        size_t length = at == 0 && cut > 0 ? cut : step;
        length = length < text.length - at ? length : text.length - at;
        char *copy = malloc(length);
        memcpy(copy, text.data + at, length);
        err = tg_json_framer_feed(&framer, copy, length);
        free(copy);
        at += length;
        check(framer.text.length <= max_bytes);
    }
    tg_buffer_append_str(&out, err < 0 ? "lost" : "end");
    check(err == TG_OK || framing != TG_FRAMING_JSON_SEQ);
    tg_json_framer_finish(&framer);
    tg_json_framer_deinit(&framer);
    return out;
}

static void check_same(struct tg_buffer *one, struct tg_buffer *other)
{
    check(one->length == other->length && memcmp(one->data, other->data, one->length) == 0);
    tg_buffer_deinit(other);
}

static void check_cuts(enum tg_config_framing framing, struct tg_str text, size_t max_bytes)
{
    struct tg_buffer whole = read_in_steps(framing, text, 0, text.length, max_bytes);

    for (size_t step = 1; step < 4; step++) {
        struct tg_buffer cut = read_in_steps(framing, text, 0, step, max_bytes);
        check_same(&whole, &cut);
    }
    for (size_t at = 1; at < text.length && text.length < 300; at++) {
        struct tg_buffer cut = read_in_steps(framing, text, at, text.length, max_bytes);
        check_same(&whole, &cut);
    }
    tg_buffer_deinit(&whole);
}

/* ---- JSON comes out as it went in --------------------------------------------------------------- */

static void check_texts(enum tg_config_framing framing, const char *before, struct tg_str first,
                        const char *between, struct tg_str second, const char *after)
{
    struct tg_buffer text = { 0 }, expected = { 0 };

    tg_buffer_append_str(&text, before);
    tg_buffer_append(&text, first.data, first.length);
    tg_buffer_append_str(&text, between);
    tg_buffer_append(&text, second.data, second.length);
    tg_buffer_append_str(&text, after);
    on_text(&expected, first, false);
    on_text(&expected, second, false);
    tg_buffer_append_str(&expected, "end");
    struct tg_str whole = { text.data, text.length };
    struct tg_buffer out = read_in_steps(framing, whole, 0, text.length, text.length);
    check_same(&expected, &out);
    tg_buffer_deinit(&expected);
    tg_buffer_deinit(&text);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static struct tg_str without_space(struct tg_str text)
{
    while (text.length > 0 && is_space(*text.data))
        text = (struct tg_str){ text.data + 1, text.length - 1 };
    while (text.length > 0 && is_space(text.data[text.length - 1]))
        text.length--;
    return text;
}

static bool is_json(struct tg_str text)
{
    json_t *root = json_loadb(text.data, text.length, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    bool is_one = root != NULL;

    json_decref(root);
    return is_one;
}

static bool is_structure(struct tg_str json)
{
    return *json.data == '{' || *json.data == '[' || *json.data == '"';
}

static void check_json(struct tg_str first, struct tg_str second)
{
    first = without_space(first);
    second = without_space(second);
    if (!is_json(first) || !is_json(second))
        return;
    bool is_parted = is_structure(first) || is_structure(second);
    check_texts(TG_FRAMING_JSON, " ", first, is_parted ? "" : "\n", second, "\n");
    check_texts(TG_FRAMING_JSON, "", first, "\r\n", second, ",");
    check_texts(TG_FRAMING_JSON_SEQ, "\x1e", first, "\n\x1e", second, "\n");
    check_texts(TG_FRAMING_ARRAY, "[", first, ",", second, "]");
    check_texts(TG_FRAMING_ARRAY, "\n[ ", first, " ] [ ", second, " ");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3 || size > 2000)
        return 0;
    struct tg_str rest = { (const char *)data + 2, size - 2 };
    size_t half = data[1] < rest.length ? data[1] : rest.length;
    enum tg_config_framing framing = TG_FRAMING_JSON + data[0] % 3;
    check_cuts(framing, rest, CAP);
    check_cuts(framing, rest, data[1]);
    check_json((struct tg_str){ rest.data, half }, (struct tg_str){ rest.data + half, rest.length - half });
    return 0;
}
