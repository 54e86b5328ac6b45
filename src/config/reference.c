/* The option reference as Markdown: one section for each object, one row for each key. */
#include "options.h"

#include <string.h>

/* A section's title is where its object stands in the file; "" is the whole file. */
struct section {
    const struct section *up;
    const char *key;
    const char *suffix; /* "[]" for lists, ".<name>" for maps */
};

static void append_title(struct tg_buffer *out, const struct section *section)
{
    if (!section)
        return;
    append_title(out, section->up);
    tg_buffer_appendf(out, "%s%s%s", section->up ? "." : "", section->key, section->suffix);
}

/* The bar would end the cell, even in code. */
static void append_cell(struct tg_buffer *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '|')
            tg_buffer_append_str(out, "\\|");
        else
            tg_buffer_append(out, text, 1);
    }
}

static const char *const type_names[TG_OPTION_TYPE_COUNT] = {
    [TG_OPTION_IGNORED] = "string",
    [TG_OPTION_BOOL] = "true or false",
    [TG_OPTION_STRING] = "string",
    [TG_OPTION_PATH] = "file name",
    [TG_OPTION_FILE] = "file name",
    [TG_OPTION_STRINGS] = "array of strings",
    [TG_OPTION_OBJECT] = "object, below",
    [TG_OPTION_LIST] = "array of objects, below",
    [TG_OPTION_MAP] = "objects by name, below",
    [TG_OPTION_URL] = "URL",
    [TG_OPTION_HEADERS] = "object of strings",
    [TG_OPTION_PAIRS] = "object of strings",
    [TG_OPTION_MESSAGE] = "message",
    [TG_OPTION_TEXT] = "message",
    [TG_OPTION_MESSAGES] = "array of messages",
    [TG_OPTION_INITIAL] = "`\"live\"`, `\"all\"` or `{ \"last\": N }`",
    [TG_OPTION_CODES] = "array of close codes",
    [TG_OPTION_NUMBER] = "number",
    [TG_OPTION_JSON] = "JSON",
    [TG_OPTION_JSONS] = "array of JSON",
    [TG_OPTION_CONDITION] = "condition, below",
    [TG_OPTION_CONDITIONS] = "array of conditions, below",
};

static void append_type(struct tg_buffer *out, const struct tg_option *option)
{
    struct tg_buffer range = { 0 };
    if (type_names[option->type]) {
        append_cell(out, type_names[option->type]);
        return;
    }
    tg_option_append_expected(option, option->words != NULL, &range);
    append_cell(out, range.data);
    tg_buffer_deinit(&range);
}

static void append_default(struct tg_buffer *out, const struct tg_option *option)
{
    bool is_bare = option->type == TG_OPTION_BOOL || option->type == TG_OPTION_INTEGER;
    if (option->is_required) {
        tg_buffer_append_str(out, "**required**");
    } else if (option->default_text &&
               (option->type == TG_OPTION_STRINGS || option->type == TG_OPTION_CODES)) {
        const char *text = option->default_text, *quote = option->type == TG_OPTION_CODES ? "" : "\"";
        while (*text) {
            size_t length = strcspn(text, " ");
            tg_buffer_appendf(out, "%s`%s%.*s%s`", text == option->default_text ? "" : ", ", quote,
                              (int)length, text, quote);
            text += length + strspn(text + length, " ");
        }
    } else if (option->default_text) {
        tg_buffer_appendf(out, is_bare ? "`%s`" : "`\"%s\"`", option->default_text);
    }
}

static void append_meaning(struct tg_buffer *out, const struct tg_option *option)
{
    append_cell(out, option->help);
    if (option->kinds) {
        tg_buffer_append_str(out, " Only for ");
        tg_option_append_kinds(option, out);
        tg_buffer_append_str(out, ".");
    }
    if (option->example) {
        tg_buffer_append_str(out, " Example: `{ ");
        append_cell(out, option->example);
        tg_buffer_append_str(out, " }`");
    }
}

/* What stands below a section's title. */
static void append_object(struct tg_buffer *out, const struct tg_option_object *object)
{
    tg_buffer_appendf(out, "%s\n\n", object->help);
    if (object->example)
        tg_buffer_appendf(out, "```json\n%s\n```\n\n", object->example);
    tg_buffer_append_str(out, "| key | value | default | meaning |\n|---|---|---|---|\n");
    for (size_t i = 0; i < object->option_count; i++) {
        const struct tg_option *option = &object->options[i];
        tg_buffer_appendf(out, "| `%s` | ", option->key);
        append_type(out, option);
        tg_buffer_append_str(out, " | ");
        append_default(out, option);
        tg_buffer_append_str(out, " | ");
        append_meaning(out, option);
        tg_buffer_append_str(out, " |\n");
    }
}

static void append_section(struct tg_buffer *out, const struct tg_option_object *object,
                           const struct section *section)
{
    if (section) {
        tg_buffer_append_str(out, "\n## `");
        append_title(out, section);
        tg_buffer_append_str(out, "`\n\n");
    } else {
        tg_buffer_append_str(out, "## The file\n\n");
    }
    append_object(out, object);
    for (size_t i = 0; i < object->option_count; i++) {
        const struct tg_option *option = &object->options[i];
        const char *suffix = option->type == TG_OPTION_LIST  ? "[]"
                             : option->type == TG_OPTION_MAP ? ".<name>"
                                                             : "";
        struct section inner = { section, option->key, suffix };
        if (option->object)
            append_section(out, option->object, &inner);
    }
}

static const char introduction[] =
    "# Options\n"
    "\n"
    "The configuration is one JSON file. An unknown key is an error, and so is a key that stands twice.\n"
    "\n"
    "- Every object described below may have the key `$comment`, with any JSON; it is not read. In messages "
    "and other JSON "
    "that is passed on, it is content.\n"
    "- Durations are strings: `\"200ms\"`, `\"20s\"`, `\"10m\"`, `\"1h\"`, `\"1d\"`; `\"0\"` needs no unit.\n"
    "- Sizes are strings: `\"512B\"`, `\"64KiB\"`, `\"16MiB\"`, `\"1GiB\"`, or in powers of 1000 `\"64KB\"`, "
    "`\"16MB\"`, "
    "`\"1GB\"`.\n"
    "- In every string value, `${NAME}` is the environment variable NAME; it must be set. `$${` stands for "
    "`${`.\n"
    "- In place of every value, `{ \"$file\": \"path\" }` is the content of that file without its last "
    "newline. In an `upstream` (but for `tls`) and in `message` of `session`, Tidegate reads the file again "
    "before each attempt to connect and each poll, so you can replace a token at any time. If the file is missing, "
    "empty or invalid, Tidegate logs that once and keeps the last good content.\n"
    "- Relative file names start at the configuration file's folder.\n"
    "- A message is a string (sent as text), `{ \"$base64\": \"…\" }` (sent as binary), or any other JSON "
    "(sent as "
    "compact JSON text).\n"
    "- A JSON pointer (RFC 6901) names a part of a message that is JSON: `\"/items/0/price\"`; in its keys "
    "`~` is "
    "written `~0` and `/` `~1`.\n"
    "- A template is text with JSON pointers in braces: with `\"{/type}.{/symbol|none}\"`, the message "
    "`{ \"type\": \"trade\", \"symbol\": \"AAPL\" }` gives `trade.AAPL`. Behind the bar stands what takes "
    "the "
    "place of a part that is missing or `null`; without it, such a message is a misfit. `{{` and `}}` are "
    "braces.\n"
    "- The value of a parameter, or of a posted body, is written so that it stays one value in its place. In "
    "a URL and in "
    "the text of a form it is percent-encoded. In a header it is as it is, without control characters. In "
    "JSON it is "
    "escaped within a string, also one that holds JSON itself, and must be JSON elsewhere; text before the "
    "JSON, as in "
    "`42[\"join\",\"{room}\"]`, makes no difference. Other text in a string of JSON is not looked into: a "
    "query of "
    "GraphQL takes values as `variables`. In text that begins like XML it has entities. In other text it is "
    "escaped within double quotes, and elsewhere as it is, without line ends and other control characters: "
    "what else "
    "must not stand there, the `pattern` of the parameter keeps out. Text that is nothing but one "
    "placeholder is the value. "
    "What cannot stand in its place is answered with 400.\n"
    "- A misfit is a message that the rules of `translate` do not fit: one that is no JSON where a rule "
    "needs it, for "
    "example.\n"
    "\n";

enum tg_err tg_config_reference(struct tg_buffer *out)
{
    struct tg_buffer text = { 0 };
    tg_buffer_append_str(&text, introduction);
    append_section(&text, &tg_options_root, NULL);
    tg_buffer_append_str(&text, "\n## Conditions\n\n");
    append_object(&text, &tg_options_condition);
    enum tg_err err = tg_buffer_append(out, text.data, text.length);
    tg_buffer_deinit(&text);
    return err;
}
