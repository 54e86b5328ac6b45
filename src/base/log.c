/* The logger: one line a call, built on the stack and written at once, or dropped when standard error does not
 * take it (log_output.c).
 *
 * It allocates nothing, so that it also works when memory is out. A line has room for LINE_BYTES; of a
 * value, the first VALUE_BYTES are shown; a field that finds no room any more is left out whole, so that
 * a JSON line stays JSON. */
#include "log_output.h"
#include "text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_BYTES = 8192, TAIL_BYTES = 2, VALUE_BYTES = 1024 };

struct line {
    char bytes[LINE_BYTES + TAIL_BYTES]; /* the tail is for "}\n" */
    size_t length;
    bool is_over;
};

static enum tg_log_level least_level = TG_LOG_INFO;
static enum tg_log_format line_format = TG_LOG_AUTO;

static const char *const level_words[] = { "debug", "info", "warning", "error" };
static const char *const level_columns[] = { "DEBUG", "INFO ", "WARN ", "ERROR" };

void tg_log_configure(enum tg_log_level least, enum tg_log_format format)
{
    least_level = least;
    line_format = format;
    if (line_format == TG_LOG_AUTO)
        line_format = isatty(STDERR_FILENO) ? TG_LOG_HUMAN : TG_LOG_JSON;
}

bool tg_log_is_enabled(enum tg_log_level level)
{
    return level >= least_level;
}

static void put(struct line *line, const char *bytes, size_t length)
{
    if (length > LINE_BYTES - line->length) {
        line->is_over = true;
        return;
    }
    memcpy(line->bytes + line->length, bytes, length);
    line->length += length;
}

static void put_text(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

static void put_escaped(struct line *line, const char *text)
{
    size_t length = strlen(text), shown = length;
    if (length > VALUE_BYTES) {
        shown = VALUE_BYTES;
        /* Not within a character. */
        while (shown > 0 && ((unsigned char)text[shown] & 0xc0) == 0x80)
            shown--;
    }
    for (size_t at = 0; at < shown;) {
        char out[TG_JSON_ESCAPE_MAX];
        size_t out_length;
        at += tg_json_escape(text + at, shown - at, out, &out_length);
        put(line, out, out_length);
    }
    if (shown < length)
        put_text(line, "…");
}

static void put_quoted(struct line *line, const char *text)
{
    put_text(line, "\"");
    put_escaped(line, text);
    put_text(line, "\"");
}

/* Bytes over 0x7f count as not plain here, but letters of other scripts need no quotes. */
static bool needs_quotes(const char *text)
{
    if (!*text)
        return true;
    for (const char *at = text; *at; at++) {
        unsigned char byte = (unsigned char)*at;
        if (byte == ' ' || byte == '=' || (byte < 0x80 && !tg_json_is_plain(*at)))
            return true;
        if (byte == 0xc2 && (unsigned char)at[1] < 0xa0) /* C1 controls */
            return true;
    }
    return false;
}

static void put_field(struct line *line, const struct tg_log_field *field, bool is_json)
{
    size_t length_before = line->length;
    put_text(line, is_json ? "," : " ");
    if (is_json)
        put_quoted(line, field->key);
    else
        put_text(line, field->key);
    put_text(line, is_json ? ":" : "=");
    if (!field->text) {
        char number[24];
        snprintf(number, sizeof(number), "%" PRId64, field->number);
        put_text(line, number);
    } else if (is_json || needs_quotes(field->text)) {
        put_quoted(line, field->text);
    } else {
        put_escaped(line, field->text);
    }
    if (line->is_over) {
        line->length = length_before;
        line->is_over = false;
    }
}

static bool is_left_out(const struct tg_log_field *field)
{
    return field->is_optional && (field->text ? !*field->text : field->number == 0);
}

static void put_head(struct line *line, enum tg_log_level level, const char *category, const char *event,
                     bool is_json)
{
    uint64_t now_ms = tg_clock_wall_ms();
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm utc;
    char date[32], moment[48];
    gmtime_r(&seconds, &utc);
    strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(moment, sizeof(moment), "%s.%03uZ", date, (unsigned)(now_ms % 1000));

    if (!is_json) {
        const char *const parts[] = { moment, " ", level_columns[level], " ", category, " ", event };
        for (size_t i = 0; i < TG_COUNT_OF(parts); i++)
            put_text(line, parts[i]);
        return;
    }
    put_text(line, "{\"time\":");
    put_quoted(line, moment);
    put_text(line, ",\"level\":");
    put_quoted(line, level_words[level]);
    put_text(line, ",\"category\":");
    put_quoted(line, category);
    put_text(line, ",\"event\":");
    put_quoted(line, event);
}

void tg_log_write(enum tg_log_level level, const char *category, const char *event,
                  const struct tg_log_field *fields)
{
    int saved_errno = errno;
    enum tg_log_format format = line_format;
    if (format == TG_LOG_AUTO) /* nobody has configured it yet */
        format = isatty(STDERR_FILENO) ? TG_LOG_HUMAN : TG_LOG_JSON;
    bool is_json = format == TG_LOG_JSON;

    struct line line;
    line.length = 0;
    line.is_over = false;
    put_head(&line, level, category, event, is_json);
    for (const struct tg_log_field *field = fields; field && field->key; field++)
        if (!is_left_out(field))
            put_field(&line, field, is_json);
    if (is_json)
        line.bytes[line.length++] = '}';
    line.bytes[line.length++] = '\n';

    uint32_t dropped = log_output_write(line.bytes, line.length);
    if (dropped > 0)
        tg_log(TG_LOG_WARNING, "log", "lines_dropped", TG_F_INT("count", dropped));
    errno = saved_errno;
}

bool tg_log_limit_allows(struct tg_log_limit *limit, uint32_t burst, uint64_t now_ms,
                         uint32_t *ret_suppressed)
{
    if (now_ms - limit->window_start_ms >= 1000) {
        limit->window_start_ms = now_ms;
        limit->written = 0;
    }
    if (limit->written >= burst) {
        if (limit->suppressed < UINT32_MAX)
            limit->suppressed++;
        return false;
    }
    limit->written++;
    *ret_suppressed = limit->suppressed;
    limit->suppressed = 0;
    return true;
}
