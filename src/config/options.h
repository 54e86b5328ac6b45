/* The option table: what each option is called, means, accepts and defaults to.
 *
 * One `struct tg_option` is one key of the configuration file, one `struct tg_option_object` the keys of one
 * JSON object. The loader, its messages, the JSON Schema and the reference all walk these tables; nothing
 * else knows the keys. */
#ifndef TIDEGATE_CONFIG_OPTIONS_H
#define TIDEGATE_CONFIG_OPTIONS_H

#include "tidegate/config.h"

enum tg_option_type {
    TG_OPTION_IGNORED,    /* accepted and not read */
    TG_OPTION_BOOL,       /* bool */
    TG_OPTION_INTEGER,    /* int64_t */
    TG_OPTION_DURATION,   /* int64_t, milliseconds */
    TG_OPTION_SIZE,       /* int64_t, bytes */
    TG_OPTION_MODE,       /* int64_t, file mode from an octal string */
    TG_OPTION_ENUM,       /* int64_t, one of `words` */
    TG_OPTION_STRING,     /* char * */
    TG_OPTION_PATH,       /* char *, a file name; a relative one is joined to the configuration's folder */
    TG_OPTION_FILE,       /* the same, and the file must be readable */
    TG_OPTION_STRINGS,    /* char **, NULL-terminated */
    TG_OPTION_OBJECT,     /* embedded: the offsets of `object` count from `offset` */
    TG_OPTION_LIST,       /* array of `object`, and its length at `count_offset` */
    TG_OPTION_MAP,        /* the same from a JSON object; an item begins with its name, a char * */
    TG_OPTION_URL,        /* struct tg_config_url */
    TG_OPTION_HEADERS,    /* struct tg_config_header *, ends with a NULL name */
    TG_OPTION_PAIRS,      /* the same, with any names */
    TG_OPTION_MESSAGE,    /* struct tg_config_message */
    TG_OPTION_TEXT,       /* char *, a message as text: a string, or compact JSON */
    TG_OPTION_MESSAGES,   /* struct tg_config_message *, and their number at `count_offset` */
    TG_OPTION_INITIAL,    /* int64_t enum tg_config_initial, and N of { "last": N } at `count_offset` */
    TG_OPTION_WORDS,      /* int64_t *, each one of `words`, and their number at `count_offset` */
    TG_OPTION_CODES,      /* the same of close codes of WebSockets */
    TG_OPTION_NUMBER,     /* double */
    TG_OPTION_JSON,       /* char **, NULL-terminated: one compact JSON text */
    TG_OPTION_JSONS,      /* the same of a list */
    TG_OPTION_CONDITION,  /* struct tg_config_condition *; NULL: absent */
    TG_OPTION_CONDITIONS, /* the same of a list, and their number at `count_offset` */
    TG_OPTION_TYPE_COUNT
};

/* One value of an enumeration. */
struct tg_option_word {
    const char *word; /* NULL ends the list */
    int64_t value;
};

/* What a string must look like. */
struct tg_option_grammar {
    const char *expected; /* follows "expected " */
    const char *pattern;  /* the same, as far as a regular expression can say it, for the schema; or NULL */
    bool (*is_valid)(const char *text);
    /* Says of a text that is not valid what was expected in its place; NULL: `expected` says it all. */
    void (*explain)(const char *text, struct tg_buffer *out);
    /* Appends why a valid text is most likely a mistake, for a warning; or nothing. NULL: it never does. */
    void (*suspect)(const char *text, struct tg_buffer *out);
};

/* In `kinds`. */
#define TG_KIND_BIT(kind) (1u << (kind))

/* RFC 6455 section 7.4: what a close frame may say. */
enum { TG_CLOSE_CODE_MIN = 1000, TG_CLOSE_CODE_MAX = 4999 };

struct tg_option {
    const char *key;
    enum tg_option_type type;
    bool is_required;
    bool is_zero_allowed;     /* durations: "0" is fine although it is below `min` */
    bool has_no_default_keys; /* objects: while absent, its keys get no defaults */
    size_t offset;
    size_t count_offset;
    size_t set_offset;        /* objects: a bool that becomes true when the file names it; 0: none */
    int64_t min, max;         /* numbers in their unit; lists and strings' lists: how many; max 0: no range */
    const char *default_text; /* as in the file but without quotes; lists: words; NULL: absent */
    const struct tg_option_word *words;
    const struct tg_option_grammar *grammar; /* strings, items of STRINGS, values of PAIRS, names of a MAP */
    const struct tg_option_object *object;
    unsigned kinds;      /* TG_KIND_BIT of each upstream kind that has this option; 0: all of them */
    const char *example; /* members of a JSON object with this key among them; or NULL */
    const char *help;
};

struct tg_option_object {
    const char *help;
    const char *example; /* JSON, laid out to be read; or NULL */
    const struct tg_option *options;
    size_t option_count;
    size_t size; /* of the C struct of a list's or map's item */
};

/* The whole file. Its C struct is tg_config. */
extern const struct tg_option_object tg_options_root;
/* Parts of it: struct tg_config_stream, tg_config_upstream and tg_config_translate. */
extern const struct tg_option_object tg_options_stream, tg_options_upstream, tg_options_translate;
/* A condition: struct tg_condition_keys. It may stand in itself, so no other object of the table holds it. */
extern const struct tg_option_object tg_options_condition;

extern const struct tg_option_word tg_upstream_kind_words[];

/* What the option accepts, to follow "expected ". `is_shape` asks for the form ("a duration such as
 * "20s""), else the range is named. */
void tg_option_append_expected(const struct tg_option *option, bool is_shape, struct tg_buffer *out);

/* `kind "sse", "ndjson" or "poll"`: which upstreams have the option, when not all do. */
void tg_option_append_kinds(const struct tg_option *option, struct tg_buffer *out);

/* Numbers, durations, sizes, modes, enumerations and booleans from their text. TG_ERR_INVALID: not of this
 * form; TG_ERR_LIMIT: out of range. */
enum tg_err tg_option_parse_scalar(const struct tg_option *option, const char *text, int64_t *ret_number);
bool tg_option_is_in_range(const struct tg_option *option, int64_t number);

/* Fills the fields of a zeroed struct with the defaults; frees what the fields own. */
void tg_options_set_defaults(const struct tg_option_object *object, void *base);
void tg_options_free(const struct tg_option_object *object, void *base);
void tg_message_deinit(struct tg_config_message *message);
void tg_headers_free(struct tg_config_header *headers);
void tg_strings_free(char **strings);
void tg_conditions_free(struct tg_config_condition *conditions, size_t count); /* an array; NULL is fine */

/* The shortest exact form: 90000 is "90s", 65536 "64KiB". */
enum { TG_UNIT_TEXT_MAX = 32 };
void tg_format_duration(int64_t duration_ms, char ret_text[TG_UNIT_TEXT_MAX]);
void tg_format_size(int64_t size_bytes, char ret_text[TG_UNIT_TEXT_MAX]);

#endif
