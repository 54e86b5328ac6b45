/* The values of `event`, `id` and `data`: pointers, templates, or plain text.
 *
 *     "{/type}.{/symbol|none}"      a part of the message, text, a part or what stands in for it
 *     "{{{/type}}}"                 a brace, a part, a brace */
#include "grammar.h"

#include <string.h>

/* What a character of a template's own text may not be: says what is expected in its place, or NULL. */
typedef const char *literal_fault_fn(char c);

struct fault {
    const char *at;   /* the character that is wrong */
    const char *what; /* is expected there */
};

static bool is_template(const char *text)
{
    return *text != '/' && strpbrk(text, "{}");
}

static bool set_fault(struct fault *fault, const char *at, const char *what)
{
    *fault = (struct fault){ .at = at, .what = what };
    return false;
}

static bool check_literal(const char *from, const char *to, literal_fault_fn *literal_fault,
                          struct fault *fault)
{
    for (const char *at = from; literal_fault && at < to; at++) {
        const char *what = literal_fault(*at);
        if (what)
            return set_fault(fault, at, what);
    }
    return true;
}

static bool check_pointer(const char *from, const char *to, struct fault *fault)
{
    if (from == to || *from != '/')
        return set_fault(fault, from, "a JSON pointer such as \"/type\"");
    for (const char *at = from; at < to; at++) {
        if (*at == '~' && at[1] != '0' && at[1] != '1')
            return set_fault(fault, at, "\"~0\" (for \"~\") or \"~1\" (for \"/\")");
    }
    return true;
}

/* From one brace to the other. */
static bool check_part(const char *open, const char *close, literal_fault_fn *literal_fault,
                       struct fault *fault)
{
    const char *bar = memchr(open, '|', (size_t)(close - open));
    return check_pointer(open + 1, bar ? bar : close, fault) &&
           (!bar || check_literal(bar + 1, close, literal_fault, fault));
}

static bool check_template(const char *text, literal_fault_fn *literal_fault, struct fault *fault)
{
    for (const char *at = text; *at; at++) {
        bool is_brace = *at == '{' || *at == '}';
        if (!is_brace || at[1] == *at) {
            if (!check_literal(at, at + 1, literal_fault, fault))
                return false;
            at += is_brace ? 1 : 0;
            continue;
        }
        if (*at == '}')
            return set_fault(fault, at, "\"}}\" for a literal \"}\"");
        const char *end = at + 1 + strcspn(at + 1, "{}");
        if (*end != '}')
            return set_fault(fault, at, "a \"}\" for the \"{\"");
        if (!check_part(at, end, literal_fault, fault))
            return false;
        at = end;
    }
    return true;
}

static void explain(const char *text, literal_fault_fn *literal_fault, const char *expected,
                    struct tg_buffer *out)
{
    struct fault fault;
    if (!is_template(text) || check_template(text, literal_fault, &fault)) {
        tg_grammar_explain_pointer(text, expected, out);
        return;
    }
    size_t number = 1;
    for (const char *at = text; at < fault.at; at++)
        number += ((unsigned char)at[0] & 0xc0) != 0x80;
    tg_buffer_appendf(out, "a template with %s at character %zu", fault.what, number);
}

/* ---- event -------------------------------------------------------------------------------------------- */

static const char *event_fault(char c)
{
    return c == '\r' || c == '\n' ? "no line break" : NULL;
}

static bool is_event_value(const char *text)
{
    struct fault fault;
    if (*text == '/')
        return tg_grammar_pointer.is_valid(text);
    if (is_template(text))
        return check_template(text, event_fault, &fault);
    return tg_grammar_event_name.is_valid(text);
}

static void explain_event(const char *text, struct tg_buffer *out)
{
    explain(text, event_fault, tg_grammar_event_value.expected, out);
}

/* A constant that is no type of events, but where messages have theirs. */
static void suspect_event(const char *text, struct tg_buffer *out)
{
    static const char *const members[] = { "type", "event",    "event_type", "eventType",    "kind",
                                           "op",   "msg_type", "msgType",    "message_type", "messageType" };
    bool is_path = strncmp(text, "$.", 2) == 0 || *text == '.';
    if (*text == '/') {
        tg_grammar_suspect_pointer(text, out);
        return;
    }
    for (size_t i = 0; i < TG_COUNT_OF(members) && !is_path; i++)
        is_path = strcmp(text, members[i]) == 0;
    if (is_path && !is_template(text)) {
        tg_buffer_appendf(out, "every event has the type \"%.100s\"", text);
        tg_grammar_explain_pointer(text, "", out);
    }
}

const struct tg_option_grammar tg_grammar_event_value = {
    .expected = "a JSON pointer such as \"/type\", a template such as \"{/type}.{/symbol}\", or an event "
                "type: one line, not empty",
    .pattern = "^(/([^~]|~[01])*|[^/\\r\\n][^\\r\\n]*)$",
    .is_valid = is_event_value,
    .explain = explain_event,
    .suspect = suspect_event,
};

/* ---- id ----------------------------------------------------------------------------------------------- */

#define PART "\\{/([^~{}|]|~[01])*(\\|[^{}]*)?\\}"

/* What else would never become an id. */
static const char *id_fault(char c)
{
    bool is_fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                   (c != '\0' && strchr("-_.:", c));
    return is_fine ? NULL : "a letter, a digit, \"-\", \"_\", \".\" or \":\"";
}

static bool is_id_value(const char *text)
{
    struct fault fault;
    return is_template(text) ? check_template(text, id_fault, &fault) : tg_grammar_pointer.is_valid(text);
}

static void explain_id(const char *text, struct tg_buffer *out)
{
    explain(text, id_fault, tg_grammar_id_value.expected, out);
}

const struct tg_option_grammar tg_grammar_id_value = {
    .expected = "a JSON pointer such as \"/seq\", in which \"~\" is written \"~0\" and \"/\" \"~1\", or a "
                "template such as \"{/day}:{/seq}\"",
    .pattern = "^(/([^~]|~[01])*|[A-Za-z0-9_.:-]*(" PART "[A-Za-z0-9_.:-]*)+)$",
    .is_valid = is_id_value,
    .explain = explain_id,
    .suspect = tg_grammar_suspect_pointer,
};

/* ---- data --------------------------------------------------------------------------------------------- */

static bool is_data_value(const char *text)
{
    struct fault fault;
    return is_template(text) ? check_template(text, NULL, &fault) : tg_grammar_pointer_or_all.is_valid(text);
}

static void explain_data(const char *text, struct tg_buffer *out)
{
    explain(text, NULL, tg_grammar_data_value.expected, out);
}

const struct tg_option_grammar tg_grammar_data_value = {
    .expected =
        "\"\", a JSON pointer such as \"/payload\", in which \"~\" is written \"~0\" and \"/\" \"~1\", or a "
        "template such as \"{/symbol} at {/price}\"",
    .pattern =
        "^(/([^~]|~[01])*|(?=[^{}]*[{}])([^/{}]|\\{\\{|\\}\\}|" PART ")([^{}]|\\{\\{|\\}\\}|" PART ")*)?$",
    .is_valid = is_data_value,
    .explain = explain_data,
    .suspect = tg_grammar_suspect_pointer,
};
