/* Retry-After. The dates are read by hand: strptime depends on the locale. */
#include "retry_after.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

static bool find_month(const char *name, int *ret_month)
{
    for (int i = 0; i < 12; i++)
        if (memcmp(months + 3 * i, name, 3) == 0) {
            *ret_month = i;
            return true;
        }
    return false;
}

/* Two digits of a year mean the one that is nearest, not more than 50 years ahead. */
static int full_year(int year, uint64_t wall_ms)
{
    time_t now = (time_t)(wall_ms / 1000);
    struct tm tm;

    gmtime_r(&now, &tm);
    int this_year = tm.tm_year + 1900;
    int full = this_year / 100 * 100 + year;
    return full > this_year + 50 ? full - 100 : full;
}

static enum tg_err parse_date(const char *text, uint64_t wall_ms, time_t *ret_time)
{
    struct tm tm = { 0 };
    char month[4] = "", zone[4] = "";
    int year = 0, end = 0;

    if (sscanf(text, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d %3[A-Z]%n", &tm.tm_mday, month, &year,
               &tm.tm_hour, &tm.tm_min, &tm.tm_sec, zone, &end) == 7 &&
        text[end] == '\0' && strcmp(zone, "GMT") == 0) {
        /* Sun, 06 Nov 1994 08:49:37 GMT */
    } else if (sscanf(text, "%*[A-Za-z], %2d-%3[A-Za-z]-%2d %2d:%2d:%2d %3[A-Z]%n", &tm.tm_mday, month, &year,
                      &tm.tm_hour, &tm.tm_min, &tm.tm_sec, zone, &end) == 7 &&
               text[end] == '\0' && strcmp(zone, "GMT") == 0) {
        /* Sunday, 06-Nov-94 08:49:37 GMT */
        year = full_year(year, wall_ms);
    } else if (sscanf(text, "%*3[A-Za-z] %3[A-Za-z] %2d %2d:%2d:%2d %4d%n", month, &tm.tm_mday, &tm.tm_hour,
                      &tm.tm_min, &tm.tm_sec, &year, &end) == 6 &&
               text[end] == '\0') {
        /* Sun Nov  6 08:49:37 1994 */
    } else {
        return TG_ERR_INVALID;
    }
    if (strlen(month) != 3 || !find_month(month, &tm.tm_mon) || year < 1970 || tm.tm_mday < 1 ||
        tm.tm_mday > 31 || tm.tm_hour < 0 || tm.tm_hour > 23 || tm.tm_min < 0 || tm.tm_min > 59 ||
        tm.tm_sec < 0 || tm.tm_sec > 60)
        return TG_ERR_INVALID;
    tm.tm_year = year - 1900;
    *ret_time = timegm(&tm);
    return TG_OK;
}

static bool is_digits(const char *text)
{
    return *text != '\0' && strspn(text, "0123456789") == strlen(text);
}

enum tg_err tg_retry_after_parse(const char *text, uint64_t wall_ms, uint64_t *ret_delay_ms)
{
    uint64_t delay_ms = 0;

    if (is_digits(text)) {
        uint64_t seconds = 0;
        for (const char *p = text; *p && seconds <= TG_RETRY_AFTER_MAX_MS; p++)
            seconds = seconds * 10 + (uint64_t)(*p - '0');
        delay_ms = seconds * 1000;
    } else {
        time_t date;
        if (parse_date(text, wall_ms, &date) < 0)
            return TG_ERR_INVALID;
        uint64_t date_ms = (uint64_t)date * 1000;
        delay_ms = date_ms > wall_ms ? date_ms - wall_ms : 0;
    }
    *ret_delay_ms = delay_ms < TG_RETRY_AFTER_MAX_MS ? delay_ms : TG_RETRY_AFTER_MAX_MS;
    return TG_OK;
}
