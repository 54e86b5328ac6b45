/* The route table: a plain array, since there are few routes and finding one is far cheaper than the accept.
 */
#include "router.h"

#include <stdlib.h>
#include <string.h>

void tg_router_deinit(struct tg_router *router)
{
    for (size_t i = 0; i < router->count; i++)
        free((char *)router->routes[i].path);
    free(router->routes);
    *router = (struct tg_router){ 0 };
}

enum tg_err tg_router_add(struct tg_router *router, const struct tg_route *route)
{
    if (!route->path || route->path[0] != '/')
        return TG_ERR_INVALID;
    for (size_t i = 0; i < router->count; i++) {
        if (strcmp(router->routes[i].path, route->path) == 0)
            return TG_ERR_IN_USE;
    }
    router->routes = tg_realloc_array(router->routes, router->count + 1, sizeof(*router->routes));
    router->routes[router->count] = *route;
    router->routes[router->count].path = tg_strdup(route->path);
    router->count++;
    return TG_OK;
}

const struct tg_route *tg_router_find(const struct tg_router *router, struct tg_str path)
{
    const struct tg_route *best = NULL;
    size_t best_length = 0;
    for (size_t i = 0; i < router->count; i++) {
        const struct tg_route *route = &router->routes[i];
        size_t length = strlen(route->path);
        if (route->path[length - 1] != '*') {
            if (length == path.length && memcmp(route->path, path.data, length) == 0)
                return route;
            continue;
        }
        length--;
        if (length <= path.length && memcmp(route->path, path.data, length) == 0 && length > best_length) {
            best = route;
            best_length = length;
        }
    }
    return best;
}
