/* The route table: a hash for exact paths, one for prefixes, a tree for paths with parameters. */
#include "router.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { NOWHERE = TG_ROUTE_PARAMETERS_MAX };

struct tg_route_entry {
    struct tg_route route; /* its path is a copy */
    struct tg_route_entry *next;
    struct tg_parameter **parameters; /* of the path, left to right */
    size_t parameter_count;
    uint8_t places[TG_ROUTE_PARAMETERS_MAX]; /* of each one's value in the match, or NOWHERE */
    UT_hash_handle hh;
};

/* ---- entries ------------------------------------------------------------------------------------------ */

static void free_entry(struct tg_route_entry *entry)
{
    for (size_t i = 0; i < entry->parameter_count; i++)
        tg_parameter_free(entry->parameters[i]);
    free(entry->parameters);
    free((char *)entry->route.path);
    free(entry);
}

static size_t place_of(const struct tg_config_stream *config, struct tg_str name)
{
    for (size_t i = 0; config && i < config->parameter_count; i++) {
        if (tg_str_equals(tg_str_from(config->parameters[i].name), name))
            return i;
    }
    return NOWHERE;
}

static bool is_repeated(struct tg_str name, struct tg_str rest)
{
    struct tg_str segment, other;
    while (tg_segment_next(&rest, &segment)) {
        if (tg_segment_is_parameter(segment, &other) && tg_str_equals(name, other))
            return true;
    }
    return false;
}

static enum tg_err add_parameter(struct tg_route_entry *entry, struct tg_str name)
{
    const struct tg_config_stream *config = entry->route.stream_config;
    size_t place = place_of(config, name);
    if (entry->parameter_count == TG_ROUTE_PARAMETERS_MAX)
        return TG_ERR_INVALID;
    entry->parameters =
        tg_realloc_array(entry->parameters, entry->parameter_count + 1, sizeof(*entry->parameters));
    enum tg_err err = tg_parameter_new(place == NOWHERE ? NULL : &config->parameters[place],
                                       &entry->parameters[entry->parameter_count]);
    if (!err)
        entry->places[entry->parameter_count++] = (uint8_t)place;
    return err;
}

static enum tg_err add_parameters(struct tg_route_entry *entry)
{
    struct tg_str rest = tg_str_from(entry->route.path), segment, name;
    while (tg_segment_next(&rest, &segment)) {
        if (!tg_segment_is_parameter(segment, &name))
            continue;
        enum tg_err err = is_repeated(name, rest) ? TG_ERR_INVALID : add_parameter(entry, name);
        if (err)
            return err;
    }
    return TG_OK;
}

/* A session that exists is named by an id; all else that is not shared needs its parameters. */
static bool needs_all_parameters(const struct tg_route *route)
{
    return route->family && !(route->kind == TG_ROUTE_SEND && route->stream_config->scope == TG_SCOPE_CLIENT);
}

static bool has_parameter(const struct tg_route_entry *entry, size_t place)
{
    for (size_t i = 0; i < entry->parameter_count; i++) {
        if (entry->places[i] == place)
            return true;
    }
    return false;
}

static enum tg_err check_entry(const struct tg_route_entry *entry)
{
    const struct tg_config_stream *config = entry->route.stream_config;
    size_t length = strlen(entry->route.path);
    if (entry->parameter_count > 0 && entry->route.path[length - 1] == '*')
        return TG_ERR_INVALID;
    if (!needs_all_parameters(&entry->route))
        return TG_OK;
    for (size_t i = 0; i < config->parameter_count; i++) {
        if (!has_parameter(entry, i))
            return TG_ERR_INVALID;
    }
    return TG_OK;
}

/* ---- adding ------------------------------------------------------------------------------------------- */

void tg_router_deinit(struct tg_router *router)
{
    struct tg_route_entry *entry, *next;
    HASH_ITER(hh, router->exact, entry, next)
    {
        HASH_DEL(router->exact, entry);
        free_entry(entry);
    }
    HASH_ITER(hh, router->prefixes, entry, next)
    {
        HASH_DEL(router->prefixes, entry);
        free_entry(entry);
    }
    LL_FOREACH_SAFE(router->in_tree, entry, next)
    {
        free_entry(entry);
    }
    tg_route_tree_deinit(&router->tree);
    free(router->prefix_lengths);
    *router = (struct tg_router){ 0 };
}

static void add_prefix_length(struct tg_router *router, size_t length)
{
    size_t at = 0, count = router->prefix_length_count;
    while (at < count && router->prefix_lengths[at] > length)
        at++;
    if (at < count && router->prefix_lengths[at] == length)
        return;
    router->prefix_lengths = tg_realloc_array(router->prefix_lengths, count + 1, sizeof(size_t));
    memmove(&router->prefix_lengths[at + 1], &router->prefix_lengths[at], (count - at) * sizeof(size_t));
    router->prefix_lengths[at] = length;
    router->prefix_length_count = count + 1;
}

static enum tg_err add_to_hash(struct tg_route_entry **table, struct tg_route_entry *entry, size_t length)
{
    struct tg_route_entry *taken;
    HASH_FIND(hh, *table, entry->route.path, length, taken);
    if (taken)
        return TG_ERR_IN_USE;
    HASH_ADD_KEYPTR(hh, *table, entry->route.path, length, entry);
    return TG_OK;
}

static enum tg_err add_entry(struct tg_router *router, struct tg_route_entry *entry)
{
    size_t length = strlen(entry->route.path);
    if (entry->parameter_count > 0) {
        if (!tg_route_tree_add(&router->tree, entry->route.path, entry))
            return TG_ERR_IN_USE;
        LL_PREPEND(router->in_tree, entry);
        return TG_OK;
    }
    if (entry->route.path[length - 1] != '*')
        return add_to_hash(&router->exact, entry, length);
    enum tg_err err = add_to_hash(&router->prefixes, entry, length - 1);
    if (!err)
        add_prefix_length(router, length - 1);
    return err;
}

enum tg_err tg_router_add(struct tg_router *router, const struct tg_route *route)
{
    const struct tg_config_stream *config = route->stream_config;
    if (!route->path || route->path[0] != '/' ||
        (config && config->parameter_count > TG_ROUTE_PARAMETERS_MAX))
        return TG_ERR_INVALID;
    struct tg_route_entry *entry = tg_alloc(sizeof(*entry));
    entry->route = *route;
    entry->route.path = tg_strdup(route->path);
    enum tg_err err = add_parameters(entry);
    if (!err)
        err = check_entry(entry);
    if (!err)
        err = add_entry(router, entry);
    if (err)
        free_entry(entry);
    return err;
}

/* ---- finding ------------------------------------------------------------------------------------------ */

static const struct tg_route_entry *find_prefix(const struct tg_router *router, struct tg_str path)
{
    struct tg_route_entry *entry = NULL;
    for (size_t i = 0; !entry && i < router->prefix_length_count; i++) {
        size_t length = router->prefix_lengths[i];
        if (length <= path.length)
            HASH_FIND(hh, router->prefixes, path.data, length, entry);
    }
    return entry;
}

static const struct tg_route_entry *find_entry(const struct tg_router *router, struct tg_str raw,
                                               struct tg_str path, struct tg_str *ret_values)
{
    struct tg_route_entry *entry;
    HASH_FIND(hh, router->exact, path.data, path.length, entry);
    if (!entry && raw.length > 0 && raw.data[0] == '/')
        entry = tg_route_tree_find(&router->tree, raw, path, ret_values);
    return entry ? entry : find_prefix(router, path);
}

bool tg_router_find(const struct tg_router *router, struct tg_str raw, struct tg_str path,
                    struct tg_match *ret_match)
{
    struct tg_str values[TG_ROUTE_PARAMETERS_MAX];
    const struct tg_route_entry *entry = find_entry(router, raw, path, values);
    if (!entry)
        return false;
    struct tg_match match = { .route = &entry->route };
    for (size_t i = 0; i < entry->parameter_count; i++) {
        if (!tg_parameter_allows(entry->parameters[i], values[i]))
            return false;
        if (entry->places[i] != NOWHERE)
            match.values[entry->places[i]] = values[i];
    }
    *ret_match = match;
    return true;
}
