/* Credentials of clients: copying, merging, choosing. */
#include "credentials.h"

#include <stdlib.h>
#include <string.h>

/* ---- copies --------------------------------------------------------------------------------------- */

static struct tg_str copy(struct tg_str text)
{
    char *bytes = tg_alloc(text.length + 1);

    if (text.length > 0)
        memcpy(bytes, text.data, text.length);
    return (struct tg_str){ bytes, text.length };
}

static void wipe(struct tg_str text)
{
    char *bytes = (char *)text.data;

    if (bytes)
        explicit_bzero(bytes, text.length);
    free(bytes);
}

static void add_header(struct tg_credentials *credentials, const struct tg_pair *header)
{
    credentials->headers =
        tg_realloc_array(credentials->headers, credentials->header_count + 1, sizeof(*credentials->headers));
    credentials->headers[credentials->header_count++] =
        (struct tg_pair){ copy(header->name), copy(header->value) };
}

struct tg_credentials *tg_credentials_new(const struct tg_opening *opening)
{
    struct tg_credentials *credentials = tg_alloc(sizeof(*credentials));

    for (size_t i = 0; i < opening->header_count; i++)
        add_header(credentials, &opening->headers[i]);
    credentials->query = copy(opening->query);
    return credentials;
}

void tg_credentials_free(struct tg_credentials *credentials)
{
    if (!credentials)
        return;
    for (size_t i = 0; i < credentials->header_count; i++) {
        wipe(credentials->headers[i].name);
        wipe(credentials->headers[i].value);
    }
    wipe(credentials->query);
    free(credentials->headers);
    free(credentials);
}

/* ---- merging -------------------------------------------------------------------------------------- */

static const struct tg_pair *find_header(const struct tg_credentials *credentials, struct tg_str name)
{
    for (size_t i = 0; i < credentials->header_count; i++)
        if (tg_str_equals_nocase(credentials->headers[i].name, name))
            return &credentials->headers[i];
    return NULL;
}

static struct tg_str take_parameter(struct tg_str *query)
{
    const char *end = query->length > 0 ? memchr(query->data, '&', query->length) : NULL;
    struct tg_str pair = { query->data, end ? (size_t)(end - query->data) : query->length };
    size_t used = end ? pair.length + 1 : pair.length;

    *query = (struct tg_str){ query->data + used, query->length - used };
    return pair;
}

static struct tg_str name_of(struct tg_str pair)
{
    const char *equals = pair.length > 0 ? memchr(pair.data, '=', pair.length) : NULL;

    return equals ? (struct tg_str){ pair.data, (size_t)(equals - pair.data) } : pair;
}

static bool has_parameter(struct tg_str query, struct tg_str pair, bool is_by_name)
{
    while (query.length > 0) {
        struct tg_str other = take_parameter(&query);
        if (is_by_name ? tg_str_equals(name_of(other), name_of(pair)) : tg_str_equals(other, pair))
            return true;
    }
    return false;
}

static bool is_anything_new(const struct tg_credentials *known, const struct tg_credentials *newer)
{
    struct tg_str query = newer->query;

    for (size_t i = 0; i < newer->header_count; i++) {
        const struct tg_pair *header = find_header(known, newer->headers[i].name);
        if (!header || !tg_str_equals(header->value, newer->headers[i].value))
            return true;
    }
    while (query.length > 0) {
        struct tg_str pair = take_parameter(&query);
        if (pair.length > 0 && !has_parameter(known->query, pair, false))
            return true;
    }
    return false;
}

static enum tg_err append_parameter(struct tg_buffer *out, struct tg_str pair)
{
    enum tg_err err = out->length > 0 ? tg_buffer_append_str(out, "&") : TG_OK;

    return err == TG_OK ? tg_buffer_append(out, pair.data, pair.length) : err;
}

static enum tg_err merge_queries(struct tg_buffer *out, struct tg_str known, struct tg_str newer)
{
    enum tg_err err =
        tg_buffer_reserve(out, known.length + newer.length + 2); /* it does not move, so no copy stays */

    while (known.length > 0 && err == TG_OK) {
        struct tg_str pair = take_parameter(&known);
        if (pair.length > 0 && !has_parameter(newer, pair, true))
            err = append_parameter(out, pair);
    }
    while (newer.length > 0 && err == TG_OK) {
        struct tg_str pair = take_parameter(&newer);
        if (pair.length > 0)
            err = append_parameter(out, pair);
    }
    return err;
}

struct tg_credentials *tg_credentials_merge(const struct tg_credentials *known,
                                            const struct tg_credentials *newer)
{
    struct tg_buffer query = { 0 };

    if (!is_anything_new(known, newer) || merge_queries(&query, known->query, newer->query) < 0) {
        tg_buffer_deinit(&query);
        return NULL;
    }
    struct tg_credentials *merged = tg_alloc(sizeof(*merged));
    for (size_t i = 0; i < known->header_count; i++) {
        const struct tg_pair *header = find_header(newer, known->headers[i].name);
        add_header(merged, header ? header : &known->headers[i]);
    }
    for (size_t i = 0; i < newer->header_count; i++)
        if (!find_header(known, newer->headers[i].name))
            add_header(merged, &newer->headers[i]);
    merged->query = (struct tg_str){ query.data, query.length };
    return merged;
}

/* ---- choosing ------------------------------------------------------------------------------------- */

void tg_renewal_init(struct tg_renewal *renewal, struct tg_credentials *kept)
{
    *renewal = (struct tg_renewal){ .kept = kept };
}

void tg_renewal_deinit(struct tg_renewal *renewal)
{
    tg_credentials_free(renewal->kept);
    tg_credentials_free(renewal->newest);
    *renewal = (struct tg_renewal){ 0 };
}

bool tg_renewal_offer(struct tg_renewal *renewal, struct tg_credentials *newer)
{
    const struct tg_credentials *known = renewal->newest ? renewal->newest : renewal->kept;
    struct tg_credentials *merged = tg_credentials_merge(known, newer);

    tg_credentials_free(newer);
    if (!merged)
        return false;
    tg_credentials_free(renewal->newest);
    renewal->newest = merged;
    renewal->uses_newest = true;
    return true;
}

const struct tg_credentials *tg_renewal_peek(const struct tg_renewal *renewal)
{
    return renewal->uses_newest ? renewal->newest : renewal->kept;
}

void tg_renewal_on_accepted(struct tg_renewal *renewal)
{
    if (!renewal->uses_newest)
        return;
    tg_credentials_free(renewal->kept);
    renewal->kept = renewal->newest;
    renewal->newest = NULL;
    renewal->uses_newest = false;
}

bool tg_renewal_on_refused(struct tg_renewal *renewal)
{
    if (!renewal->newest)
        return false;
    renewal->uses_newest = !renewal->uses_newest;
    return true;
}

void tg_renewal_drop_newest(struct tg_renewal *renewal)
{
    tg_credentials_free(renewal->newest);
    renewal->newest = NULL;
    renewal->uses_newest = false;
}
