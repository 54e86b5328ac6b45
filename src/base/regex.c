/* Regular expressions by PCRE2, and how long one may take.
 *
 * PCRE2 counts its steps anew at each place where a match might begin, so that its own limits bound no search in a long
 * text: `(?:a|b)*c` tries each place of "aaaa…" and goes to the end of it. So the effort of the whole search is counted
 * here, in a callout that PCRE2 makes before each item of the pattern: one for the call, and one for each 8 bytes that
 * were passed over or gone back since the last. It is a count, no clock: what matches today matches tomorrow. */
#include "tidegate/base.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

enum {
    EFFORT_LEAST = 30000, /* about a millisecond */
    EFFORT_PER_BYTE = 4,  /* of the text: a long one may take longer, in proportion */
    BYTES_PER_EFFORT = 8,
    MATCH_LIMIT = 1000000, /* these stand behind the count */
    DEPTH_LIMIT = 50000,
    HEAP_LIMIT_KIB = 4096,
    JIT_STACK_FIRST_BYTES = 32 * 1024,
    JIT_STACK_MAX_BYTES = 512 * 1024,
    MESSAGE_BYTES = 256,
};

struct tg_regex {
    pcre2_code *code;
    pcre2_match_data *match_data;
    pcre2_match_context *context;
    pcre2_jit_stack *jit_stack;
    uint64_t effort; /* what is left of it */
    size_t position;
};

static int on_item(pcre2_callout_block *block, void *arg)
{
    struct tg_regex *regex = arg;
    size_t from = regex->position, to = block->current_position;
    uint64_t effort = 1 + (to > from ? to - from : from - to) / BYTES_PER_EFFORT;

    regex->position = to;
    if (regex->effort < effort)
        return PCRE2_ERROR_CALLOUT;
    regex->effort -= effort;
    return 0;
}

/* How many characters of the pattern lie before the offset. */
static size_t count_characters(const char *pattern, size_t offset)
{
    size_t count = 0;

    for (size_t i = 0; i < offset && pattern[i]; i++)
        count += ((unsigned char)pattern[i] & 0xc0) != 0x80;
    return count;
}

static enum tg_err tell_error(const char *pattern, int code, size_t offset, struct tg_buffer *ret_error)
{
    PCRE2_UCHAR message[MESSAGE_BYTES];
    size_t character = count_characters(pattern, offset);

    if (pcre2_get_error_message(code, message, sizeof(message)) < 0)
        return TG_ERR_INVALID;
    tg_buffer_appendf(ret_error, "%s at character %zu", (const char *)message, character ? character : 1);
    return TG_ERR_INVALID;
}

static bool prepare(struct tg_regex *regex)
{
    regex->match_data = pcre2_match_data_create(1, NULL);
    regex->context = pcre2_match_context_create(NULL);
    if (!regex->match_data || !regex->context)
        return false;
    pcre2_set_callout(regex->context, on_item, regex);
    pcre2_set_match_limit(regex->context, MATCH_LIMIT);
    pcre2_set_depth_limit(regex->context, DEPTH_LIMIT);
    pcre2_set_heap_limit(regex->context, HEAP_LIMIT_KIB);
    /* Where there is no JIT, or the system forbids it, the interpreter does the same. */
    if (pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE) == 0) {
        regex->jit_stack = pcre2_jit_stack_create(JIT_STACK_FIRST_BYTES, JIT_STACK_MAX_BYTES, NULL);
        if (regex->jit_stack)
            pcre2_jit_stack_assign(regex->context, NULL, regex->jit_stack);
    }
    return true;
}

enum tg_err tg_regex_new(const char *pattern, struct tg_regex **ret_regex, struct tg_buffer *ret_error)
{
    int code;
    PCRE2_SIZE offset;
    pcre2_code *compiled =
        pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                      PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_AUTO_CALLOUT, &code, &offset, NULL);

    if (!compiled)
        return tell_error(pattern, code, offset, ret_error);
    struct tg_regex *regex = tg_alloc(sizeof(*regex));
    regex->code = compiled;
    if (!prepare(regex)) {
        tg_regex_free(regex);
        return TG_ERR_MEMORY;
    }
    *ret_regex = regex;
    return TG_OK;
}

void tg_regex_free(struct tg_regex *regex)
{
    if (!regex)
        return;
    pcre2_match_context_free(regex->context);
    pcre2_jit_stack_free(regex->jit_stack);
    pcre2_match_data_free(regex->match_data);
    pcre2_code_free(regex->code);
    free(regex);
}

bool tg_regex_matches(struct tg_regex *regex, struct tg_str text)
{
    PCRE2_SPTR subject = (PCRE2_SPTR)tg_text_or_empty(text.data);

    regex->effort = EFFORT_LEAST + (uint64_t)text.length * EFFORT_PER_BYTE;
    regex->position = 0;
    /* Errors are below zero, and no match: text that is not UTF-8, and what took too long. */
    return pcre2_match(regex->code, subject, text.length, 0, 0, regex->match_data, regex->context) >= 0;
}
