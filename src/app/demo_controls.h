/* What the demo's page can ask for, besides the events: trouble, and how things stand. */
#ifndef TIDEGATE_APP_DEMO_CONTROLS_H
#define TIDEGATE_APP_DEMO_CONTROLS_H

#include "demo_backend.h"
#include "tidegate/app.h"

struct tg_demo {
    struct tg_demo_backend *backend;
    struct tg_app *app; /* set before it runs */
    struct tg_buffer config_text;
};

enum { TG_DEMO_ROUTES_MAX = 16 };
/* Fills in the page's routes; returns their number. The demo must outlive them. */
size_t tg_demo_make_routes(struct tg_demo *demo, struct tg_route ret_routes[TG_DEMO_ROUTES_MAX]);

/* The value of `name` in a query, from 1 to `most`; `fallback` when it is not there or not such a number. */
uint64_t tg_demo_query_number(struct tg_str query, const char *name, uint64_t fallback, uint64_t most);

#endif
