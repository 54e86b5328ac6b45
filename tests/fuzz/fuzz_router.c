/* Fuzz target: from a path, as a client may send it, to a route and the values of its parameters. Compared with a search
 * that tries every route. */
#include "downstream/router.h"
#include "downstream/target.h"

#include <stdlib.h>
#include <string.h>

enum { SEGMENTS_MAX = 16, PARAMETERS = 2 };

static const char *const paths[] = {
    "/",    "/a",      "/a/b",       "/a/{x}", "/a/{x}/b", "/a/{x}/{y}", "/a/a/{y}",
    "/{x}", "/{x}/b/", "/b/{y}/{x}", "/b*",    "/b/a*",    "/c/*",
};

struct segments {
    struct tg_str items[SEGMENTS_MAX];
    size_t count;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool is_true)
{
    if (!is_true)
        abort();
}

/* `raw` begins with "/"; the segments lie in `decoded`. */
static bool split(struct tg_str raw, char *decoded, struct segments *ret_segments)
{
    ret_segments->count = 0;
    for (size_t at = 1; at <= raw.length; at++) {
        const char *slash = at < raw.length ? memchr(raw.data + at, '/', raw.length - at) : NULL;
        size_t length = slash ? (size_t)(slash - raw.data) - at : raw.length - at, decoded_length;
        if (ret_segments->count == SEGMENTS_MAX ||
            tg_path_decode((struct tg_str){ raw.data + at, length }, decoded, &decoded_length))
            return false;
        ret_segments->items[ret_segments->count++] = (struct tg_str){ decoded, decoded_length };
        decoded += decoded_length;
        at += length;
    }
    return true;
}

static bool fits(const char *path, const struct segments *segments, struct tg_str *ret_values,
                 unsigned *ret_rank)
{
    struct tg_str rest = tg_str_from(path), segment, name;
    size_t count = 0;

    *ret_rank = 0;
    for (; tg_segment_next(&rest, &segment); count++) {
        if (count == segments->count)
            return false;
        bool is_parameter = tg_segment_is_parameter(segment, &name);
        *ret_rank = *ret_rank * 2 + !is_parameter;
        if (is_parameter ? segments->items[count].length == 0
                         : !tg_str_equals(segment, segments->items[count]))
            return false;
        if (is_parameter)
            ret_values[name.data[0] - 'x'] = segments->items[count];
    }
    return count == segments->count;
}

static bool is_allowed(struct tg_str value, size_t place)
{
    if (place == 1)
        return tg_str_equals(value, TG_STR("en")) || tg_str_equals(value, TG_STR("a/b"));
    for (size_t i = 0; i < value.length; i++)
        if (value.data[i] < 'a' || value.data[i] > 'z')
            return false;
    return true;
}

static const char *find_exact(struct tg_str path)
{
    for (size_t i = 0; i < TG_COUNT_OF(paths); i++)
        if (!strpbrk(paths[i], "{*") && tg_str_equals(path, tg_str_from(paths[i])))
            return paths[i];
    return NULL;
}

/* Of those that fit, the one with the first literal segment. */
static const char *find_with_parameters(const struct segments *segments, struct tg_str *ret_values)
{
    const char *found = NULL;
    unsigned best = 0, rank;

    for (size_t i = 0; i < TG_COUNT_OF(paths); i++) {
        struct tg_str values[PARAMETERS] = { { 0 } };
        if (!strchr(paths[i], '{') || !fits(paths[i], segments, values, &rank) || (found && rank < best))
            continue;
        found = paths[i];
        best = rank;
        memcpy(ret_values, values, sizeof(values));
    }
    return found;
}

static const char *find_prefix(struct tg_str path)
{
    const char *found = NULL;

    for (size_t i = 0; i < TG_COUNT_OF(paths); i++) {
        size_t length = strlen(paths[i]) - 1;
        if (paths[i][length] == '*' && length <= path.length && memcmp(paths[i], path.data, length) == 0 &&
            (!found || length >= strlen(found)))
            found = paths[i];
    }
    return found;
}

static const char *find(struct tg_str path, const struct segments *segments, struct tg_str *ret_values)
{
    const char *found = find_exact(path);

    if (found)
        return found;
    found = find_with_parameters(segments, ret_values);
    if (!found)
        return find_prefix(path);
    for (size_t place = 0; place < PARAMETERS; place++)
        if (ret_values[place].data && !is_allowed(ret_values[place], place))
            return NULL;
    return found;
}

static void fill(struct tg_router *router)
{
    static char *values[] = { (char *)"en", (char *)"a/b", NULL };
    static struct tg_config_parameter parameters[PARAMETERS] = {
        { .name = (char *)"x", .pattern = (char *)"[a-z]+" }, { .name = (char *)"y", .one_of = values }
    };
    static const struct tg_config_stream config = { .parameters = parameters, .parameter_count = PARAMETERS };

    for (size_t i = 0; i < TG_COUNT_OF(paths); i++) {
        const struct tg_route route = { .path = paths[i],
                                        .kind = TG_ROUTE_CONTENT,
                                        .stream_config = &config };
        check(tg_router_add(router, &route) == TG_OK);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct tg_router router;
    struct tg_str raw = { (const char *)data, size }, path, values[PARAMETERS] = { { 0 } };
    struct segments segments;
    struct tg_match match;

    if (size == 0 || size > 256 || data[0] != '/')
        return 0;
    if (!router.exact)
        fill(&router);
    char *decoded = malloc(size), *parts = malloc(size);
    path.data = decoded;
    if (!tg_path_decode(raw, decoded, &path.length) && split(raw, parts, &segments)) {
        const char *expected = find(path, &segments, values);
        bool is_found = tg_router_find(&router, raw, path, &match);
        check(is_found == (expected != NULL));
        check(!is_found || strcmp(match.route->path, expected) == 0);
        for (size_t i = 0; is_found && i < PARAMETERS; i++)
            check(tg_str_equals(match.values[i], values[i]));
    }
    free(decoded);
    free(parts);
    return 0;
}
