/* A running Tidegate, for the files that make it up: app.c (life), app_routes.c (routes), app_run.c (serving
 * and ending), demo_*.c (looking). */
#ifndef TIDEGATE_APP_PRIVATE_H
#define TIDEGATE_APP_PRIVATE_H

#include "tidegate/admin.h"
#include "tidegate/app.h"
#include "tidegate/net.h"
#include "tidegate/runtime.h"
#include "tidegate/stream.h"
#include "tidegate/upstream.h"

#include <signal.h>
#include <stdatomic.h>

/* A configured stream that has members. */
struct tg_app_family {
    struct tg_app *app;
    size_t index; /* in the configuration, and in the upstream set */
    struct tg_family *family;
    _Atomic uint64_t ended_events, ended_bytes; /* of members that have gone */
    _Atomic uint64_t shown_events, shown_bytes; /* the largest sums that anyone was told */
};

struct tg_app {
    struct tg_config *config;
    struct tg_worker_pool *pool;
    struct tg_nets *nets;
    struct tg_registry *registry;
    struct tg_stream **streams;      /* by index in the configuration; NULL: it is a family */
    struct tg_app_family **families; /* the same; NULL: it is one stream */
    const char **family_names;       /* family_count of them, in order */
    size_t *family_indexes;          /* the same: where they stand in the configuration */
    size_t family_count;
    _Atomic uint64_t member_moves; /* members that have come, and that have gone */
    struct tg_tick sweep;
    struct tg_upstream_set *upstreams;
    struct tg_server *server;

    struct tg_config_listener admin_listener;
    struct tg_server *admin_server; /* NULL: there is none */
    struct tg_admin *admin;
    struct tg_server *shown_servers[2]; /* what the admin counts */
    const char *shown_names[2];

    struct tg_buffer *files; /* of routes that serve a file; one for each route */
    sigset_t signals_before;
};

/* app_families.c: whether it has members; adding it, the sweep, the end, after the servers and before the upstreams. */
bool tg_app_is_family(const struct tg_config_stream *config);
enum tg_err tg_app_add_family(struct tg_app *app, size_t index, struct tg_buffer *ret_error);
void tg_app_start_families(struct tg_app *app);
void tg_app_free_families(struct tg_app *app);
/* The figures of the family with this number, from 0; the argument is the app. Any thread. */
void tg_app_get_family_stats(void *app, size_t index, struct tg_family_stats *ret_stats);

/* Adds the configured routes to the public server. Errors are logged. */
enum tg_err tg_app_add_routes(struct tg_app *app);

/* By the ending of a file's name; "application/octet-stream" when it is not known. */
const char *tg_app_content_type(const char *file_name);

#endif
