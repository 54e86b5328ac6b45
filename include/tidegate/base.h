/* Layer 0, base: errors, logger, buffers, clock, randomness, text checks.
 *
 * Everything here is free of I/O loops and global state but for the logger, which is process-wide.
 * Lists and hash tables come from uthash (utlist.h, uthash.h); include those where they are used. */
#ifndef TIDEGATE_BASE_H
#define TIDEGATE_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- sanitizers --------------------------------------------------------------------------------
 * Those of gcc and clang; 0 or 1. They reserve terabytes of addresses, which no limit may forbid, and the one for
 * threads makes everything slow. */
#if defined(__has_feature)
#define TG_HAS_THREAD_SANITIZER __has_feature(thread_sanitizer)
#define TG_HAS_SHADOW_MEMORY (TG_HAS_THREAD_SANITIZER || __has_feature(address_sanitizer))
#else
#if defined(__SANITIZE_THREAD__)
#define TG_HAS_THREAD_SANITIZER 1
#else
#define TG_HAS_THREAD_SANITIZER 0
#endif
#if defined(__SANITIZE_ADDRESS__)
#define TG_HAS_SHADOW_MEMORY 1
#else
#define TG_HAS_SHADOW_MEMORY TG_HAS_THREAD_SANITIZER
#endif
#endif

/* ---- errors ------------------------------------------------------------------------------------
 * Functions that can fail return TG_OK (0) or a negative tg_err. Outputs come last, are called
 * ret_x, and are untouched on failure. An error is logged once, where it is handled. */
enum tg_err {
    TG_OK = 0,
    TG_ERR_MEMORY = -1,
    TG_ERR_INVALID = -2,   /* the input breaks its grammar or a rule */
    TG_ERR_TOO_LARGE = -3, /* over a configured limit */
    TG_ERR_NOT_FOUND = -4,
    TG_ERR_IO = -5,     /* the operating system refused; errno says why */
    TG_ERR_AGAIN = -6,  /* would block: call again when ready */
    TG_ERR_CLOSED = -7, /* the other side is gone, or this side has shut down */
    TG_ERR_LIMIT = -8,  /* no more of these are allowed now */
    TG_ERR_TIMEOUT = -9,
    TG_ERR_PROTOCOL = -10, /* the peer broke its protocol */
    TG_ERR_TLS = -11,
    TG_ERR_IN_USE = -12,
    TG_ERR_LAST = TG_ERR_IN_USE
};

/* One short English text for each error; never NULL. Any thread. */
const char *tg_err_text(enum tg_err err);

/* ---- memory ------------------------------------------------------------------------------------
 * For small control structures: these end the process with a log line when memory is out, so callers
 * need no branch. Blocks whose size comes from outside (segments, messages) use malloc and return
 * TG_ERR_MEMORY. Release all of them with free(). Hash tables (uthash.h) get theirs by tg_alloc, too. */
void *tg_alloc(size_t size); /* zeroed */
void *tg_realloc_array(void *block, size_t count, size_t item_size);
char *tg_strdup(const char *text);
char *tg_strndup(const char *text, size_t length);

#define TG_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define TG_CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* ---- text views: borrowed bytes, not NUL-terminated ------------------------------------------- */
struct tg_str {
    const char *data;
    size_t length;
};
#define TG_STR(literal) ((struct tg_str){ (literal), sizeof(literal) - 1 })
struct tg_str tg_str_from(const char *text); /* NULL gives an empty view */
bool tg_str_equals(struct tg_str a, struct tg_str b);
bool tg_str_equals_nocase(struct tg_str a, struct tg_str b); /* ASCII case only */
bool tg_str_has_control(struct tg_str text);                 /* one of U+0000 to U+001F, or U+007F */
/* One of its parts between slashes is "." or ".." (RFC 3986 section 3.3). */
bool tg_str_has_dot_segment(struct tg_str path);
int tg_hex_value(char digit); /* -1 when it is no hexadecimal digit */

/* ---- growable byte buffer ----------------------------------------------------------------------
 * Embedded: a zeroed tg_buffer is empty and valid. The bytes are always followed by a NUL that
 * `length` does not count, once anything has been appended. Not thread-safe. */
struct tg_buffer {
    char *data;
    size_t length;
    size_t capacity;
};
void tg_buffer_deinit(struct tg_buffer *buffer);              /* frees, leaves it empty */
void tg_buffer_clear(struct tg_buffer *buffer);               /* keeps the memory */
struct tg_str tg_buffer_view(const struct tg_buffer *buffer); /* of what is in it now; never NULL */
/* All of these return TG_ERR_MEMORY and leave the buffer as it was when memory is out. */
enum tg_err tg_buffer_reserve(struct tg_buffer *buffer, size_t extra);
enum tg_err tg_buffer_append(struct tg_buffer *buffer, const void *bytes, size_t length);
enum tg_err tg_buffer_append_str(struct tg_buffer *buffer, const char *text);
enum tg_err tg_buffer_appendf(struct tg_buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Removes the first `length` bytes (length <= buffer->length). */
void tg_buffer_consume(struct tg_buffer *buffer, size_t length);
/* Appends text as the inside of a JSON string (no quotes around it), RFC 8259 section 7. Bytes that
 * are not UTF-8 become U+FFFD. */
enum tg_err tg_buffer_append_json(struct tg_buffer *buffer, const char *text, size_t length);

/* ---- text checks and codecs ------------------------------------------------------------------- */
bool tg_utf8_is_valid(const char *bytes, size_t length); /* RFC 3629: no surrogates, no overlongs */
enum tg_err tg_base64_encode(struct tg_buffer *out, const void *bytes,
                             size_t length); /* RFC 4648 section 4 */
/* Strict: padding required, no white space. TG_ERR_INVALID otherwise; `out` is then as it was. */
enum tg_err tg_base64_decode(struct tg_buffer *out, const char *text, size_t length);
uint32_t tg_hash32(const void *bytes, size_t length); /* FNV-1a; not for untrusted hash tables */
/* Edit distance of two short words (insert, delete, replace, swap of neighbours), for "did you mean". */
size_t tg_edit_distance(const char *a, const char *b);

/* ---- clock and randomness; any thread --------------------------------------------------------- */
uint64_t tg_clock_now_ms(void);  /* monotonic */
uint64_t tg_clock_wall_ms(void); /* since the Unix epoch */
/* Cryptographic (getrandom). Ends the process if the kernel cannot deliver. */
void tg_random_bytes(void *ret_bytes, size_t length);
/* Uniform in [0, bound); 0 when bound is 0. */
uint64_t tg_random_below(uint64_t bound);

/* ---- logger ------------------------------------------------------------------------------------
 * One line to stderr for each call; lines of several threads never mix. When whoever reads stderr has stopped
 * to, lines are dropped and counted: no thread is held up. Any thread. Never log payloads, tokens or query
 * strings.
 *
 *     tg_log(TG_LOG_INFO, "upstream", "connected", TG_F_STR("stream", name), TG_F_INT("attempt", n));
 *
 * Human:  2026-11-20T10:00:00.123Z INFO  upstream connected stream=quotes attempt=1
 * JSON:   {"time":"2026-11-20T10:00:00.123Z","level":"info","category":"upstream","event":"connected","stream":"quotes","attempt":1}
 * Values with spaces, quotes or control characters are quoted and escaped in the human form. */
enum tg_log_level { TG_LOG_DEBUG, TG_LOG_INFO, TG_LOG_WARNING, TG_LOG_ERROR };
enum tg_log_format {
    TG_LOG_AUTO,
    TG_LOG_HUMAN,
    TG_LOG_JSON
}; /* auto: human on a terminal, else JSON lines */

struct tg_log_field {
    const char *key;  /* NULL ends the list */
    const char *text; /* NULL: the value is the number */
    int64_t number;
    bool is_optional; /* left out when it is empty, or 0 */
};
/* A function, because `array ? array : ""` is a warning. */
static inline const char *tg_text_or_empty(const char *text)
{
    return text ? text : "";
}
#define TG_F_STR(k, v) ((struct tg_log_field){ .key = (k), .text = tg_text_or_empty(v) })
#define TG_F_INT(k, v) ((struct tg_log_field){ .key = (k), .number = (int64_t)(v) })
/* For fields that matter only when they are not empty: a detail, a status, how many lines were suppressed. Use TG_F_INT
 * for a count whose zero is news. */
#define TG_F_STR_IF(k, v)                                                                                    \
    ((struct tg_log_field){ .key = (k), .text = tg_text_or_empty(v), .is_optional = true })
#define TG_F_INT_IF(k, v) ((struct tg_log_field){ .key = (k), .number = (int64_t)(v), .is_optional = true })
#define TG_F_ERR(v) ((struct tg_log_field){ .key = "error", .text = tg_err_text(v) })

void tg_log_configure(enum tg_log_level least, enum tg_log_format format); /* before threads start */
bool tg_log_is_enabled(enum tg_log_level level);
void tg_log_write(enum tg_log_level level, const char *category, const char *event,
                  const struct tg_log_field *fields);
#define tg_log(level, category, event, ...)                                                                  \
    do {                                                                                                     \
        if (tg_log_is_enabled(level))                                                                        \
            tg_log_write((level), (category), (event),                                                       \
                         (const struct tg_log_field[]){ __VA_ARGS__ __VA_OPT__(, ){ 0 } });                  \
    } while (0)

/* Lets `burst` lines through each second and counts the rest; for what bad input could repeat without
 * end. One thread at a time. Returns true when the line may be written; *ret_suppressed then says how
 * many were not since the last one that was. */
struct tg_log_limit {
    uint64_t window_start_ms;
    uint32_t written;
    uint32_t suppressed;
};
bool tg_log_limit_allows(struct tg_log_limit *limit, uint32_t burst, uint64_t now_ms,
                         uint32_t *ret_suppressed);

/* ---- foreign text in the log ------------------------------------------------------------------ */

/* What the log must not show. Zeroed: nothing. */
struct tg_secrets {
    struct tg_str *list;
    size_t count, bytes;
};
/* Copies it. Ignores a secret of fewer than 4 bytes, since too many words contain it, and everything over 256 KiB in all. */
void tg_secrets_add(struct tg_secrets *secrets, struct tg_str secret);
void tg_secrets_deinit(struct tg_secrets *secrets); /* wipes them; leaves it empty */

/* Appends the text with "***" for each secret in it, or piece of 8 bytes of one. Bytes that are not UTF-8, and controls
 * that change the direction of text, become U+FFFD; the logger escapes other controls. A text over `max_bytes` is cut and
 * ends with "…". `secrets` may be NULL. */
enum tg_err tg_mask(struct tg_buffer *out, struct tg_str text, const struct tg_secrets *secrets,
                    size_t max_bytes);

/* ---- regular expressions: PCRE2, in UTF-8 ------------------------------------------------------ */

struct tg_regex; /* one thread at a time */
/* TG_ERR_INVALID with what is wrong, and at which character, in *ret_error. */
enum tg_err tg_regex_new(const char *pattern, struct tg_regex **ret_regex, struct tg_buffer *ret_error);
void tg_regex_free(struct tg_regex *regex); /* NULL is fine */
/* Whether it matches anywhere in `text`. The effort is limited: a match that would take too long is none. */
bool tg_regex_matches(struct tg_regex *regex, struct tg_str text);

#endif
