/* A running Tidegate, for the files that make it up: app.c (life), app_routes.c (routes), app_run.c (serving
 * and ending), demo_*.c (looking). */
#ifndef TIDEGATE_APP_PRIVATE_H
#define TIDEGATE_APP_PRIVATE_H

#include "tidegate/admin.h"
#include "tidegate/app.h"
#include "tidegate/runtime.h"
#include "tidegate/stream.h"
#include "tidegate/upstream.h"

#include <signal.h>

struct tg_app {
    struct tg_config *config;
    struct tg_worker_pool *pool;
    struct tg_registry *registry;
    struct tg_stream **streams; /* by index in the configuration */
    struct tg_upstream_set *upstreams;
    struct tg_server *server;

    struct tg_config_listener admin_listener;
    struct tg_server *admin_server; /* NULL: there is none */
    struct tg_admin *admin;
    struct tg_server *shown_servers[2]; /* what the admin counts */
    const char *shown_names[2];

    struct tg_buffer *files; /* of routes that serve a file; one for each route */
    sigset_t signals;        /* that end it: blocked, and taken by tg_app_run */
    sigset_t signals_before;
};

/* Adds the configured routes to the public server. Errors are logged. */
enum tg_err tg_app_add_routes(struct tg_app *app);

/* By the ending of a file's name; "application/octet-stream" when it is not known. */
const char *tg_app_content_type(const char *file_name);

#endif
