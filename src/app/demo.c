/* `tidegate demo`: the legacy backend, a configuration for it as a user would write it, and a Tidegate that
 * runs it. */
#include "commands.h"
#include "demo_controls.h"
#include "signals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The backend's silence of a few seconds counts as an outage, and 200 events are half a minute: so that a
 * person gets to see both. */
static const char config_form[] =
    "{\n"
    "  \"listen\": [ { \"address\": \"%s\", \"port\": %d } ],\n"
    "%s"
    "  \"workers\": 2,\n"
    "  \"drain\": \"1s\",\n"
    "  \"sse\": { \"retry\": \"1s\" },\n"
    "  \"streams\": {\n"
    "    \"quotes\": {\n"
    "      \"upstream\": {\n"
    "        \"kind\": \"websocket\",\n"
    "        \"url\": \"ws://%s:%d/feed\",\n"
    "        \"on_open\": [ { \"op\": \"login\", \"token\": \"" TG_DEMO_TOKEN "\" } ],\n"
    "        \"keepalive\": { \"message\": { \"op\": \"ping\" }, \"every\": \"10s\" },\n"
    "        \"idle_timeout\": \"4s\",\n"
    "        \"reconnect\": { \"first\": \"500ms\", \"max\": \"3s\" }\n"
    "      },\n"
    "      \"translate\": { \"event\": \"/type\", \"data\": \"/payload\" },\n"
    "      \"retain\": { \"events\": 200, \"bytes\": \"1MiB\" },\n"
    "      \"initial\": { \"last\": 20 }\n"
    "    }\n"
    "  },\n"
    "  \"routes\": [ { \"path\": \"/events/quotes\", \"stream\": \"quotes\" } ]\n"
    "}\n";

static void write_config(const struct tg_demo_options *options, int legacy_port, struct tg_buffer *out)
{
    bool is_any = strcmp(options->legacy_address, "0.0.0.0") == 0;
    char admin[64] = "";
    if (options->admin_port >= 0)
        snprintf(admin, sizeof(admin), "  \"admin\": { \"port\": %d },\n", options->admin_port);
    tg_buffer_appendf(out, config_form, options->address, options->port, admin,
                      is_any ? "127.0.0.1" : options->legacy_address, legacy_port);
}

static void print_guide(const struct tg_demo_options *options, const struct tg_demo *demo)
{
    bool is_any = strcmp(options->address, "0.0.0.0") == 0 || strcmp(options->address, "::") == 0;
    bool is_v6 = strchr(options->address, ':') && !is_any;
    const char *address = is_any ? "127.0.0.1" : options->address;
    char base[128];
    snprintf(base, sizeof(base), "http://%s%s%s:%d", is_v6 ? "[" : "", address, is_v6 ? "]" : "",
             tg_server_port(tg_app_peek_server(demo->app), 0));
    printf("\n"
           "  Tidegate demo\n"
           "    the page             %s/\n"
           "    the event stream     %s/events/quotes\n"
           "    its configuration    %s/demo/config.json\n"
           "    the legacy backend   ws://%s:%d/feed  (wants a login, and pings)\n"
           "\n"
           "  Follow it here, too:   tidegate listen %s/events/quotes\n"
           "  Ctrl-C ends it.\n\n",
           base, base, base, options->legacy_address, tg_demo_backend_port(demo->backend), base);
    fflush(stdout);
}

static enum tg_exit run_tidegate(const struct tg_demo_options *options, struct tg_demo *demo)
{
    struct tg_config *config = NULL;
    struct tg_buffer errors = { 0 };
    write_config(options, tg_demo_backend_port(demo->backend), &demo->config_text);
    if (tg_config_parse("demo", demo->config_text.data, demo->config_text.length, &config, &errors)) {
        fputs(tg_text_or_empty(errors.data), stderr);
        tg_buffer_deinit(&errors);
        return TG_EXIT_CONFIG;
    }
    struct tg_route routes[TG_DEMO_ROUTES_MAX];
    size_t route_count = tg_demo_make_routes(demo, routes);
    if (tg_app_new(config, routes, route_count, &demo->app)) {
        fputs(
            "tidegate demo: it could not start; --port, --legacy-port and --admin-port choose other ports.\n",
            stderr);
        return TG_EXIT_FAILURE;
    }
    print_guide(options, demo);
    enum tg_exit code = tg_app_run(demo->app);
    tg_app_free(demo->app);
    return code;
}

static enum tg_exit wait_for_signal(const struct tg_demo_options *options, const struct tg_demo *demo)
{
    printf("The legacy backend runs at ws://%s:%d/feed; Ctrl-C ends it.\n", options->legacy_address,
           tg_demo_backend_port(demo->backend));
    fflush(stdout);
    tg_signals_take(UINT64_MAX);
    return TG_EXIT_OK;
}

enum tg_exit tg_demo_run(const struct tg_demo_options *options)
{
    /* Before the backend's thread exists: signals are for the main thread. */
    sigset_t before;
    tg_signals_block(&before);

    struct tg_demo demo = { 0 };
    if (tg_demo_backend_new(options->legacy_address, options->legacy_port, &demo.backend)) {
        fprintf(
            stderr,
            "tidegate demo: the legacy backend cannot listen at %s:%d; --legacy-port chooses another port.\n",
            options->legacy_address, options->legacy_port);
        return TG_EXIT_FAILURE;
    }
    enum tg_exit code =
        options->backend_only ? wait_for_signal(options, &demo) : run_tidegate(options, &demo);
    tg_demo_backend_free(demo.backend);
    tg_buffer_deinit(&demo.config_text);
    return code;
}
