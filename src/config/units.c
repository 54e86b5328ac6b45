/* Durations and sizes with their units, both ways. */
#include "options.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct unit {
    const char *name;
    int64_t factor;
};

/* The larger units come last: formatting takes the last that divides. */
static const struct unit duration_units[] = {
    { "ms", 1 }, { "s", 1000 }, { "m", 60 * 1000 }, { "h", 3600 * 1000 }, { "d", 24 * 3600 * 1000 },
};
static const struct unit size_units[] = {
    { "", 1 },
    { "B", 1 },
    { "KB", 1000 },
    { "MB", 1000 * 1000 },
    { "GB", 1000 * 1000 * 1000 },
    { "KiB", INT64_C(1) << 10 },
    { "MiB", INT64_C(1) << 20 },
    { "GiB", INT64_C(1) << 30 },
};

static enum tg_err parse_units(const char *text, const struct unit *units, size_t unit_count,
                               int64_t *ret_number)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0)
        return TG_ERR_INVALID;
    int64_t number = 0;
    for (size_t i = 0; i < digits; i++) {
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, text[i] - '0', &number))
            return TG_ERR_INVALID;
    }
    for (size_t i = 0; i < unit_count; i++) {
        if (strcmp(text + digits, units[i].name) != 0)
            continue;
        if (__builtin_mul_overflow(number, units[i].factor, &number))
            return TG_ERR_INVALID;
        *ret_number = number;
        return TG_OK;
    }
    return TG_ERR_INVALID;
}

enum tg_err tg_parse_duration(const char *text, int64_t *ret_ms)
{
    if (strcmp(text, "0") == 0) {
        *ret_ms = 0;
        return TG_OK;
    }
    return parse_units(text, duration_units, TG_COUNT_OF(duration_units), ret_ms);
}

enum tg_err tg_parse_size(const char *text, int64_t *ret_bytes)
{
    return parse_units(text, size_units, TG_COUNT_OF(size_units), ret_bytes);
}

void tg_format_duration(int64_t duration_ms, char ret_text[TG_UNIT_TEXT_MAX])
{
    size_t unit = TG_COUNT_OF(duration_units) - 1;
    if (duration_ms == 0) {
        strcpy(ret_text, "0");
        return;
    }
    while (duration_ms % duration_units[unit].factor != 0)
        unit--;
    snprintf(ret_text, TG_UNIT_TEXT_MAX, "%" PRId64 "%s", duration_ms / duration_units[unit].factor,
             duration_units[unit].name);
}

void tg_format_size(int64_t size_bytes, char ret_text[TG_UNIT_TEXT_MAX])
{
    size_t unit = TG_COUNT_OF(size_units) - 1;
    /* Powers of 1024 only, or plain bytes. */
    while (size_units[unit].factor % 1024 == 0 && size_bytes % size_units[unit].factor != 0)
        unit--;
    if (size_bytes == 0 || size_units[unit].factor % 1024 != 0)
        unit = 1;
    snprintf(ret_text, TG_UNIT_TEXT_MAX, "%" PRId64 "%s", size_bytes / size_units[unit].factor,
             size_units[unit].name);
}
