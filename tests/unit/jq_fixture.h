/* What tests of jq's processes share: what there is in /proc, filters, and a look for what was left behind. */
#ifndef TIDEGATE_TESTS_JQ_FIXTURE_H
#define TIDEGATE_TESTS_JQ_FIXTURE_H

#include "translate/jq_pool.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>

enum { LONG_MS = 60 * 1000, SHORT_MS = 500, MUCH_BYTES = 1 << 20 };

/* 1 runs away, anything else comes back as it is. */
#define FILTER "if . == 1 then (def f: f; f) else . end"

/* ---- what is there ----------------------------------------------------------------------------- */

static inline size_t count_entries(const char *path)
{
    DIR *folder = opendir(path);
    size_t count = 0;
    assert_non_null(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count - 2;
}

/* The fields of /proc/PID/stat from the third on; false: there is no such process. */
static inline bool read_stat(pid_t pid, char *ret_state, pid_t *ret_parent, unsigned long *ret_ticks)
{
    char path[64], text[1024];
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    size_t length = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
    if (file)
        fclose(file);
    text[length] = '\0';
    const char *rest = strrchr(text, ')');
    int parent = 0;
    bool is_there = rest && sscanf(rest, ") %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu", ret_state,
                                   &parent, ret_ticks) == 3;
    *ret_parent = parent;
    return is_there;
}

/* The process of the only filter. */
static inline pid_t find_child(void)
{
    DIR *folder = opendir("/proc");
    pid_t child = 0;
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder));) {
        char state;
        pid_t parent, pid = (pid_t)strtol(entry->d_name, NULL, 10);
        unsigned long ticks;
        if (pid > 0 && read_stat(pid, &state, &parent, &ticks) && parent == getpid() && state != 'Z')
            child = pid;
    }
    closedir(folder);
    return child;
}

static size_t descriptors_before;

static inline int begin(void **state)
{
    struct tg_worker_pool *workers;
    (void)state;
    assert_int_equal(tg_worker_pool_new(1, &workers),
                     TG_OK); /* libuv keeps some descriptors from the first loop on */
    tg_worker_pool_free(workers);
    descriptors_before = count_entries("/proc/self/fd");
    return 0;
}

/* Whatever a test did: no process and no descriptor stays. */
static inline int end(void **state)
{
    (void)state;
    tg_jq_set_clock(NULL);
    assert_int_equal(count_entries("/proc/self/fd"), descriptors_before);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    return 0;
}

/* ---- one filter, which is waited for ----------------------------------------------------------- */

struct waited {
    struct tg_worker_pool *workers;
    struct tg_jq_pool *filters;
    struct tg_jq_user *user;
    bool is_done;
    enum tg_err err;
    struct tg_buffer *out;
};

static inline void on_waited(void *arg, struct tg_str json, enum tg_err err, struct tg_str outputs)
{
    struct waited *jq = arg;
    assert_int_equal(json.data[json.length], 0);
    jq->is_done = true;
    jq->err = err;
    if (err)
        assert_int_equal(outputs.length, 0);
    tg_buffer_append(jq->out, outputs.data, outputs.length);
}

static inline void turn(struct waited *jq)
{
    uv_run(tg_worker_loop(tg_worker_pool_get(jq->workers, 0)), UV_RUN_ONCE);
}

static inline void waited_free(struct waited *jq)
{
    if (!jq)
        return;
    tg_jq_user_free(jq->user);
    tg_jq_pool_free(jq->filters);
    tg_worker_pool_free(jq->workers);
    free(jq);
}

/* Once the process has compiled the filter, or not. */
static inline enum tg_err waited_new(const struct tg_jq_options *options, struct waited **ret_jq,
                                     struct tg_buffer *ret_error)
{
    struct waited *jq = tg_alloc(sizeof(*jq));
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(tg_worker_pool_new(1, &jq->workers), TG_OK);
    jq->filters = tg_jq_pool_new(tg_worker_pool_get(jq->workers, 0));
    jq->user = tg_jq_user_new(jq->filters, options, on_waited, jq);
    while (jq->user->jq->state == JQ_STARTING)
        turn(jq);
    if (jq->user->jq->state == JQ_READY) {
        *ret_jq = jq;
        return TG_OK;
    }
    tg_buffer_append_str(ret_error, tg_jq_error(jq->user));
    waited_free(jq);
    return strstr(ret_error->data, "cannot be started") ? TG_ERR_IO : TG_ERR_INVALID;
}

static inline enum tg_err waited_run(struct waited *jq, struct tg_str json, struct tg_buffer *out)
{
    enum tg_err err = tg_jq_put(jq->user, json);
    jq->out = out;
    jq->is_done = false;
    while (!err && !jq->is_done)
        turn(jq);
    return err ? err : jq->err;
}

static inline struct waited *new_jq(const char *filter, uint64_t timeout_ms)
{
    struct tg_jq_options options = { .filter = filter,
                                     .timeout_ms = timeout_ms,
                                     .max_output_bytes = MUCH_BYTES };
    struct waited *jq = NULL;
    struct tg_buffer error = { 0 };
    if (waited_new(&options, &jq, &error))
        fail_msg("%s: %s", filter, tg_text_or_empty(error.data));
    tg_buffer_deinit(&error);
    return jq;
}

static inline enum tg_err run(struct waited *jq, const char *json)
{
    struct tg_buffer out = { 0 };
    enum tg_err err = waited_run(jq, tg_str_from(json), &out);
    if (err)
        assert_int_equal(out.length, 0);
    else
        assert_memory_equal(out.data, json, strlen(json));
    tg_buffer_deinit(&out);
    return err;
}

/* With a short limit, a process that has just been started may not be ready in time; that is no failure of it. */
static inline void run_well(struct waited *jq, const char *json)
{
    enum tg_err err;
    while ((err = run(jq, json)) == TG_ERR_TIMEOUT)
        ;
    assert_int_equal(err, TG_OK);
}

/* Rests are measured by it, where a test sets it. */
static uint64_t fake_now_ms;

static inline uint64_t fake_clock(void)
{
    return fake_now_ms;
}

#endif
