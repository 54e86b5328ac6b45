/* JSON texts. One that lies whole in a block is passed on where it lies.
 *
 *     between ─► inside ─► string ─► escape
 *        │        ▲  └──────┬────◄─────┘        the depth is 0 again: the text is whole
 *        │        └─ after string ─► neither , : ] } : broken
 *        └────► scalar ─► white space, a bracket, a quote, a comma: it ended before that
 *
 * Brackets are counted, not matched: a text with the wrong ones ends somewhere, and is no JSON. What shows that the place is
 * lost is a control character in a string, a string next to something that cannot follow one, and what cannot begin a
 * text. Between records of json-seq it is found again; else only a new answer helps. */
#include "json_framer.h"

#include <string.h>

enum { KEPT_BYTES = 8 * 1024 }; /* memory above this is given back once a large text is done */

static const char record_separator = 0x1e;
static const char mark[] = "\xef\xbb\xbf"; /* byte order */

void tg_json_framer_deinit(struct tg_json_framer *framer)
{
    tg_buffer_deinit(&framer->text);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_control(char c)
{
    return (unsigned char)c < 0x20;
}

/* ---- the bytes of a text ----------------------------------------------------------------------- */

static void drop(struct tg_json_framer *framer, size_t length, bool is_oversize)
{
    tg_buffer_deinit(&framer->text);
    framer->skipped_bytes = length;
    framer->on_dropped(framer->arg, is_oversize);
}

/* Part of a text, with more of it to come. */
static void keep(struct tg_json_framer *framer, struct tg_str part)
{
    size_t length = framer->text.length + part.length;

    if (framer->skipped_bytes > 0)
        framer->skipped_bytes += part.length;
    else if (length > framer->max_bytes)
        drop(framer, length, true);
    else if (tg_buffer_append(&framer->text, part.data, part.length) < 0)
        drop(framer, length, false);
}

static void give(struct tg_json_framer *framer, struct tg_str text, bool is_cut)
{
    if (text.length > framer->max_bytes) {
        drop(framer, text.length, true);
        return;
    }
    while (text.length > 0 && is_space(text.data[text.length - 1]))
        text.length--;
    if (text.length > 0)
        framer->on_text(framer->arg, text, is_cut);
}

/* `part`: its last one. */
static void end_text(struct tg_json_framer *framer, struct tg_str part, bool is_cut)
{
    if (framer->text.length == 0 && framer->skipped_bytes == 0) {
        give(framer, part, is_cut);
    } else {
        keep(framer, part);
        if (framer->skipped_bytes == 0)
            give(framer, (struct tg_str){ framer->text.data, framer->text.length }, is_cut);
    }
    if (framer->text.capacity > KEPT_BYTES)
        tg_buffer_deinit(&framer->text);
    tg_buffer_clear(&framer->text);
    framer->skipped_bytes = 0;
    framer->depth = 0;
    framer->state = TG_JSON_BETWEEN;
}

/* ---- between texts ----------------------------------------------------------------------------- */

/* Whether the byte begins no text: it separates two, or is the bracket of the array. */
static bool is_between(struct tg_json_framer *framer, char c)
{
    if (!framer->is_past_mark && c == mark[framer->mark_bytes]) {
        framer->is_past_mark = ++framer->mark_bytes == strlen(mark);
        return true;
    }
    framer->is_past_mark = true;
    if (is_space(c))
        return true;
    switch (framer->framing) {
    case TG_FRAMING_JSON_SEQ:
        return c == record_separator;
    case TG_FRAMING_ARRAY:
        if (framer->is_in_array ? c == ']' : c == '[') {
            framer->is_in_array = !framer->is_in_array;
            return true;
        }
        return c == ',' && framer->is_in_array;
    default:
        return c == ',' || c == record_separator;
    }
}

/* TG_JSON_LOST: none begins with it. */
static enum tg_json_framer_state state_of_start(const struct tg_json_framer *framer, char c)
{
    bool can_start = framer->framing != TG_FRAMING_ARRAY || framer->is_in_array;

    if (can_start && (c == '{' || c == '[' || c == '"'))
        return TG_JSON_INSIDE;
    if (can_start && !is_control(c) && !strchr("}]:,", c))
        return TG_JSON_SCALAR;
    return framer->framing == TG_FRAMING_JSON_SEQ ? TG_JSON_GARBAGE : TG_JSON_LOST;
}

static const char *skip_between(struct tg_json_framer *framer, const char *at, const char *end)
{
    while (at < end && is_between(framer, *at))
        at++;
    if (at < end)
        framer->state = state_of_start(framer, *at);
    return at;
}

/* ---- within a text ----------------------------------------------------------------------------- */

enum step { STEP_ON, STEP_WHOLE, STEP_BROKEN };

static enum step step_inside(struct tg_json_framer *framer, char c)
{
    if (c == '"') {
        framer->state = TG_JSON_STRING;
    } else if (c == '{' || c == '[') {
        framer->depth++;
    } else if (c == '}' || c == ']') {
        framer->depth--;
        framer->state = TG_JSON_INSIDE;
        return framer->depth == 0 ? STEP_WHOLE : STEP_ON;
    } else {
        framer->state = TG_JSON_INSIDE;
        return is_control(c) && !is_space(c) ? STEP_BROKEN : STEP_ON;
    }
    return STEP_ON;
}

static enum step step_string(struct tg_json_framer *framer, char c)
{
    if (is_control(c))
        return STEP_BROKEN;
    if (framer->state == TG_JSON_ESCAPE) {
        framer->state = TG_JSON_STRING;
    } else if (c == '\\') {
        framer->state = TG_JSON_ESCAPE;
    } else if (c == '"') {
        framer->state = TG_JSON_AFTER_STRING;
        return framer->depth == 0 ? STEP_WHOLE : STEP_ON;
    }
    return STEP_ON;
}

static enum step step(struct tg_json_framer *framer, char c)
{
    switch (framer->state) {
    case TG_JSON_INSIDE:
        return step_inside(framer, c);
    case TG_JSON_AFTER_STRING:
        if (is_space(c))
            return STEP_ON;
        return c == ',' || c == ':' || c == '}' || c == ']' ? step_inside(framer, c) : STEP_BROKEN;
    default:
        return step_string(framer, c);
    }
}

/* Most bytes of most texts are within strings. */
static const char *skip_plain(const char *at, const char *end)
{
    while (at < end && *at != '"' && *at != '\\' && !is_control(*at))
        at++;
    return at;
}

static const char *take_structure(struct tg_json_framer *framer, const char *start, const char *end)
{
    const char *at = start;

    while (at < end) {
        if (framer->state == TG_JSON_STRING && (at = skip_plain(at, end)) == end)
            break;
        enum step what = step(framer, *at);
        if (what == STEP_WHOLE) {
            at++;
            end_text(framer, (struct tg_str){ start, (size_t)(at - start) }, false);
            return at;
        }
        if (what == STEP_BROKEN) {
            framer->state = framer->framing == TG_FRAMING_JSON_SEQ ? TG_JSON_GARBAGE : TG_JSON_LOST;
            break;
        }
        at++;
    }
    keep(framer, (struct tg_str){ start, (size_t)(at - start) });
    return at;
}

/* A number of which nothing shows that it is whole is none (RFC 7464 section 2.4). */
static bool is_cut_by(const struct tg_json_framer *framer, char c)
{
    return framer->framing == TG_FRAMING_JSON_SEQ && !is_space(c);
}

static const char *take_scalar(struct tg_json_framer *framer, const char *start, const char *end)
{
    const char *at = start;

    while (at < end && !is_control(*at) && !strchr(" {[\",]}:", *at))
        at++;
    struct tg_str part = { start, (size_t)(at - start) };
    if (at < end)
        end_text(framer, part, is_cut_by(framer, *at));
    else
        keep(framer, part);
    return at;
}

static const char *take_garbage(struct tg_json_framer *framer, const char *start, const char *end)
{
    const char *at = memchr(start, record_separator, (size_t)(end - start));
    struct tg_str part = { start, (size_t)((at ? at : end) - start) };

    if (at)
        end_text(framer, part, true);
    else
        keep(framer, part);
    return at ? at : end;
}

/* ---- the whole --------------------------------------------------------------------------------- */

static void lose(struct tg_json_framer *framer)
{
    end_text(framer, TG_STR(""), true);
    framer->state = TG_JSON_LOST;
}

enum tg_err tg_json_framer_feed(struct tg_json_framer *framer, const char *bytes, size_t length)
{
    const char *end = bytes + length;

    while (bytes < end && framer->state != TG_JSON_LOST) {
        if (framer->state == TG_JSON_BETWEEN)
            bytes = skip_between(framer, bytes, end);
        else if (framer->state == TG_JSON_SCALAR)
            bytes = take_scalar(framer, bytes, end);
        else if (framer->state == TG_JSON_GARBAGE)
            bytes = take_garbage(framer, bytes, end);
        else
            bytes = take_structure(framer, bytes, end);
        bool is_endless = framer->skipped_bytes > framer->max_bytes &&
                          framer->skipped_bytes - framer->max_bytes > TG_JSON_FRAMER_SKIPPED_MAX;
        if (framer->state == TG_JSON_LOST || (is_endless && framer->framing != TG_FRAMING_JSON_SEQ))
            lose(framer);
    }
    return framer->state == TG_JSON_LOST ? TG_ERR_PROTOCOL : TG_OK;
}

void tg_json_framer_finish(struct tg_json_framer *framer)
{
    bool is_whole = framer->state == TG_JSON_SCALAR && framer->framing == TG_FRAMING_JSON;

    if (framer->state != TG_JSON_BETWEEN && framer->state != TG_JSON_LOST)
        end_text(framer, TG_STR(""), !is_whole);
}
