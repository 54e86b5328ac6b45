/* `tidegate healthcheck`: one request, 3 s at most in all. */
#include "commands.h"
#include "http_client.h"
#include "signals.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LIMIT_S = 3 };

static void on_alarm(int number)
{
    (void)number;
    static const char text[] = "tidegate healthcheck: no answer within 3 s\n";
    ssize_t ignored = write(STDERR_FILENO, text, sizeof(text) - 1);
    (void)ignored;
    _exit(TG_EXIT_FAILURE);
}

struct question {
    const char *url;
    const char *unix_path; /* or NULL */
    bool takes_any;        /* any answer is a sign of life */
};

static enum tg_exit ask(const struct question *question)
{
    /* The alarm covers name lookup too, which knows no timeout. */
    tg_signals_ignore();
    signal(SIGALRM, on_alarm);
    alarm(LIMIT_S);

    struct tg_http_url url = { 0 };
    struct tg_buffer error = { 0 };
    struct tg_http_client *client = NULL;
    struct tg_http_head head = { 0 };
    enum tg_err err = tg_http_url_parse(question->url, &url, &error);
    if (!err) {
        /* OPTIONS, since a GET of an unknown path might open a stream. Our own certificate is for another name. */
        struct tg_http_get get = { .url = &url,
                                   .method = question->takes_any ? "OPTIONS" : NULL,
                                   .unix_path = question->unix_path,
                                   .is_insecure = question->takes_any,
                                   .header_lines = "Connection: close\r\n",
                                   .timeout_s = LIMIT_S };
        err = tg_http_client_get(&get, &client, &head, &error);
    }
    if (!err && !question->takes_any && (head.status < 200 || head.status > 299)) {
        tg_buffer_appendf(&error, "the answer's status is %d", head.status);
        err = TG_ERR_PROTOCOL;
    }
    if (err)
        fprintf(stderr, "tidegate healthcheck: %s\n", error.length > 0 ? error.data : tg_err_text(err));
    tg_http_client_close(client);
    tg_http_url_deinit(&url);
    tg_buffer_deinit(&error);
    return err ? TG_EXIT_FAILURE : TG_EXIT_OK;
}

enum tg_exit tg_healthcheck_url(const char *url)
{
    return ask(&(struct question){ .url = url });
}

/* An address that means "all" is reached by loopback. */
static void append_site(const char *scheme, const char *address, int64_t port, struct tg_buffer *out)
{
    if (strcmp(address, "0.0.0.0") == 0)
        address = "127.0.0.1";
    else if (strcmp(address, "::") == 0)
        address = "::1";
    bool is_v6 = strchr(address, ':') != NULL;
    tg_buffer_appendf(out, "%s://%s%s%s:%d", scheme, is_v6 ? "[" : "", address, is_v6 ? "]" : "", (int)port);
}

static enum tg_exit ask_listener(const struct tg_config *config)
{
    for (size_t i = 0; i < config->listener_count; i++) {
        const struct tg_config_listener *listener = &config->listeners[i];
        const char *scheme = listener->tls.is_set ? "https" : "http";
        if (!listener->unix_path && listener->port == 0)
            continue;
        struct tg_buffer url = { 0 };
        if (listener->unix_path)
            tg_buffer_appendf(&url, "%s://localhost", scheme);
        else
            append_site(scheme, listener->address, listener->port, &url);
        tg_buffer_append_str(&url, "/");
        enum tg_exit code =
            ask(&(struct question){ .url = url.data, .unix_path = listener->unix_path, .takes_any = true });
        tg_buffer_deinit(&url);
        return code;
    }
    fputs("tidegate healthcheck: the configuration has no fixed port to ask\n", stderr);
    return TG_EXIT_FAILURE;
}

enum tg_exit tg_healthcheck_config(const struct tg_config *config)
{
    if (!config->admin.enabled || config->admin.port == 0)
        return ask_listener(config);
    struct tg_buffer url = { 0 };
    append_site("http", config->admin.address, config->admin.port, &url);
    tg_buffer_append_str(&url, "/healthz");
    enum tg_exit code = tg_healthcheck_url(url.data);
    tg_buffer_deinit(&url);
    return code;
}
