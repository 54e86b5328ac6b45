/* Layer 7, app: the command line and the wiring of all layers.
 *
 *     tidegate run [FILE]       serve; FILE is tidegate.json or /etc/tidegate/tidegate.json unless given
 *     tidegate check [FILE]     all errors of a configuration; exit code 2 if there are any
 *     tidegate schema           its JSON Schema
 *     tidegate translate -c FILE -s STREAM < MESSAGES
 *                               the events that a stream's rules make of messages, without connecting anywhere
 *     tidegate demo             a legacy backend, Tidegate in front of it, and a page to look at
 *     tidegate listen URL       follow an event stream on the terminal
 *     tidegate healthcheck      ask a running Tidegate's /healthz, for containers
 *     tidegate version
 *
 * and, started by Tidegate itself, `tidegate jq-filter`: see src/translate/jq.h. */
#ifndef TIDEGATE_APP_H
#define TIDEGATE_APP_H

#include "tidegate/config.h"
#include "tidegate/downstream.h"

/* Exit codes of the process. */
enum tg_exit { TG_EXIT_OK = 0, TG_EXIT_FAILURE = 1, TG_EXIT_CONFIG = 2 };

int tg_cli_main(int argc, char **argv);

/* A running Tidegate: everything between a loaded configuration and its last closed connection. Main thread. */
struct tg_app;
/* Takes `config`, also on failure. Errors are logged. Extra routes (the demo's page) go before the configured ones;
 * what they point to must outlive the app. */
enum tg_err tg_app_new(struct tg_config *config, const struct tg_route *extra_routes,
                       size_t extra_route_count, struct tg_app **ret_app);
/* Serves until SIGTERM or SIGINT, then drains; a second signal ends at once. */
enum tg_exit tg_app_run(struct tg_app *app);
void tg_app_free(struct tg_app *app);
/* The public server, for its ports. */
struct tg_server *tg_app_peek_server(const struct tg_app *app);

/* A file of web/, compiled in; an empty view when there is none of this name. */
struct tg_str tg_web_file(const char *name);

#endif
