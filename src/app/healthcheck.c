/* `tidegate healthcheck`: one GET, 3 s at most in all. */
#include "commands.h"
#include "http_client.h"
#include "signals.h"

#include <signal.h>
#include <stdio.h>
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

enum tg_exit tg_healthcheck_run(const char *text)
{
    /* The alarm covers name lookup too, which knows no timeout. */
    tg_signals_ignore();
    signal(SIGALRM, on_alarm);
    alarm(LIMIT_S);

    struct tg_http_url url = { 0 };
    struct tg_buffer error = { 0 };
    struct tg_http_client *client = NULL;
    struct tg_http_head head = { 0 };
    enum tg_err err = tg_http_url_parse(text, &url, &error);
    if (!err) {
        struct tg_http_get get = { .url = &url,
                                   .header_lines = "Connection: close\r\n",
                                   .timeout_s = LIMIT_S };
        err = tg_http_client_get(&get, &client, &head, &error);
    }
    if (!err && (head.status < 200 || head.status > 299)) {
        tg_buffer_appendf(&error, "the answer's status is %d", head.status);
        err = TG_ERR_PROTOCOL;
    }
    if (err)
        fprintf(stderr, "tidegate healthcheck: %s\n", tg_text_or_empty(error.data));
    tg_http_client_close(client);
    tg_http_url_deinit(&url);
    tg_buffer_deinit(&error);
    return err ? TG_EXIT_FAILURE : TG_EXIT_OK;
}
