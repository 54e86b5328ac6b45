/* What the larger commands do, one file each; cli.c calls them with checked arguments. */
#ifndef TIDEGATE_APP_COMMANDS_H
#define TIDEGATE_APP_COMMANDS_H

#include "tidegate/app.h"

/* demo.c: a legacy backend, Tidegate in front of it, and a page to look at. */
struct tg_demo_options {
    const char *address; /* of the public listener */
    int port;
    const char *legacy_address;
    int legacy_port;
    int admin_port; /* -1: the default one, if it is free */
    bool backend_only;
};
enum tg_exit tg_demo_run(const struct tg_demo_options *options);

/* listen.c: follows an event stream on the terminal until it ends or a signal comes. */
struct tg_listen_options {
    const char *url;
    const char *last_event_id;  /* or NULL */
    const char *const *headers; /* "Name: value" */
    size_t header_count;
    bool writes_json;
    bool is_insecure; /* the server's certificate is not checked */
};
enum tg_exit tg_listen_run(const struct tg_listen_options *options);

/* translate_command.c: reads messages, writes the events that a stream's rules make of them. */
struct tg_translate_options {
    const struct tg_config_stream *stream;
    const struct tg_config_sse *names;
    enum tg_translate_takes {
        TG_TRANSLATE_LINES,  /* a text message on each line */
        TG_TRANSLATE_WHOLE,  /* all of it is one text message */
        TG_TRANSLATE_BINARY, /* all of it is one binary message */
    } takes;
};
enum tg_exit tg_translate_run(const struct tg_translate_options *options);
/* Appends the names of all streams, in quotes; those nearest to `word` (NULL: none) first. */
void tg_translate_list_streams(const struct tg_config *config, const char *word, struct tg_buffer *out);

/* healthcheck.c: asks once, 3 s at most; says on stderr what is wrong. A URL must answer with 2xx. Of a configuration, the
 * admin port's /healthz is asked, or, where that has no fixed port, a listener, which may answer anything. */
enum tg_exit tg_healthcheck_url(const char *url);
enum tg_exit tg_healthcheck_config(const struct tg_config *config);

#endif
