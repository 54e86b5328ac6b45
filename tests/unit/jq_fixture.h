/* What tests of jq's processes share: what there is in /proc, filters, and a look for what was left behind. */
#ifndef TIDEGATE_TESTS_JQ_FIXTURE_H
#define TIDEGATE_TESTS_JQ_FIXTURE_H

#include "translate/jq.h"
#include "translate/jq_frame.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

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
        if (pid > 0 && read_stat(pid, &state, &parent, &ticks) && parent == getpid())
            child = pid;
    }
    closedir(folder);
    assert_int_not_equal(child, 0);
    return child;
}

static size_t descriptors_before;

static inline int begin(void **state)
{
    (void)state;
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

static inline struct tg_jq *new_jq(const char *filter, uint64_t timeout_ms)
{
    struct tg_jq_options options = { .filter = filter,
                                     .timeout_ms = timeout_ms,
                                     .max_output_bytes = MUCH_BYTES };
    struct tg_jq *jq = NULL;
    struct tg_buffer error = { 0 };
    if (tg_jq_new(&options, &jq, &error))
        fail_msg("%s: %s", filter, tg_text_or_empty(error.data));
    tg_buffer_deinit(&error);
    return jq;
}

static inline enum tg_err run(struct tg_jq *jq, const char *json)
{
    struct tg_buffer out = { 0 };
    enum tg_err err = tg_jq_run(jq, tg_str_from(json), &out);
    if (err)
        assert_int_equal(out.length, 0);
    else
        assert_memory_equal(out.data, json, strlen(json));
    tg_buffer_deinit(&out);
    return err;
}

/* With a short limit, a process that has just been started may not be ready in time; that is no failure of it. */
static inline void run_well(struct tg_jq *jq, const char *json)
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
