/* jq filters: the life of their processes. */
#include "translate/jq.h"
#include "translate/jq_frame.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SHADOW_MEMORY
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SHADOW_MEMORY
#endif

enum { LONG_MS = 60 * 1000, SHORT_MS = 500, MUCH_BYTES = 1 << 20 };

/* 1 runs away, anything else comes back as it is. */
#define FILTER "if . == 1 then (def f: f; f) else . end"

/* ---- what is there ----------------------------------------------------------------------------- */

static size_t count_entries(const char *path)
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
static bool read_stat(pid_t pid, char *ret_state, pid_t *ret_parent, unsigned long *ret_ticks)
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
static pid_t find_child(void)
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

static int begin(void **state)
{
    (void)state;
    descriptors_before = count_entries("/proc/self/fd");
    return 0;
}

/* Whatever a test did: no process and no descriptor stays. */
static int end(void **state)
{
    (void)state;
    tg_jq_set_clock(NULL);
    assert_int_equal(count_entries("/proc/self/fd"), descriptors_before);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    return 0;
}

static struct tg_jq *new_jq(const char *filter, uint64_t timeout_ms)
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

static enum tg_err run(struct tg_jq *jq, const char *json)
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
static void run_well(struct tg_jq *jq, const char *json)
{
    enum tg_err err;
    while ((err = run(jq, json)) == TG_ERR_TIMEOUT)
        ;
    assert_int_equal(err, TG_OK);
}

/* ---- running away ------------------------------------------------------------------------------ */

static uint64_t fake_now_ms;

static uint64_t fake_clock(void)
{
    return fake_now_ms;
}

/* Until it is the filter that has been ended, and rests. */
static void run_away(struct tg_jq *jq)
{
    do
        assert_int_equal(run(jq, "1"), TG_ERR_TIMEOUT);
    while (run(jq, "2") != TG_ERR_LIMIT);
}

static void expect_rest(struct tg_jq *jq, uint64_t rest_ms)
{
    uint64_t begun_ms = fake_now_ms;
    run_away(jq);
    fake_now_ms = begun_ms + rest_ms - 1;
    assert_int_equal(run(jq, "2"), TG_ERR_LIMIT);
    fake_now_ms++;
    run_well(jq, "2");
}

static void a_filter_that_runs_away_is_ended_and_rests_longer_each_time(void **state)
{
    (void)state;
    tg_jq_set_clock(fake_clock);
    struct tg_jq *jq = new_jq(FILTER, SHORT_MS);
    pid_t first = find_child();
    expect_rest(jq, 1000);
    assert_int_not_equal(find_child(), first);
    expect_rest(jq, 2000);
    expect_rest(jq, 4000);
    expect_rest(jq, 8000);
    expect_rest(jq, 16000);
    expect_rest(jq, 30000);
    expect_rest(jq, 30000);
    fake_now_ms += 60 * 1000; /* it went well for a minute */
    expect_rest(jq, 1000);
    tg_jq_free(jq);
}

static void filters_that_run_away_in_other_ways_are_ended(void **state)
{
    (void)state;
    static const char *const filters[] = {
        "[range(infinite)]",
        "last(range(infinite))",
        "def f: 1 + f; f",
        "[repeat(\"x\")]",
        "reduce repeat(\"xyz\") as $x (\"\"; . + $x)",
        "until(false; .)",
    };
    tg_jq_set_clock(fake_clock);
    for (size_t i = 0; i < TG_COUNT_OF(filters); i++) {
        struct tg_jq *jq = new_jq(filters[i], SHORT_MS);
        enum tg_err err = run(jq, "0");
        assert_true(err == TG_ERR_TIMEOUT || err == TG_ERR_TOO_LARGE);
        assert_int_equal(run(jq, "0"), TG_ERR_LIMIT);
        tg_jq_free(jq);
    }
}

static void a_filter_that_wants_all_memory_is_ended_and_rests(void **state)
{
    (void)state;
#ifdef HAS_SHADOW_MEMORY
    skip(); /* there is no limit then */
#endif
    tg_jq_set_clock(fake_clock);
    struct tg_jq *jq = new_jq("if . == 1 then \"x\" | until(false; . + .) else . end", LONG_MS);
    assert_int_equal(run(jq, "1"), TG_ERR_TOO_LARGE);
    assert_int_equal(run(jq, "2"), TG_ERR_LIMIT);
    fake_now_ms += 1000;
    assert_int_equal(run(jq, "2"), TG_OK);
    tg_jq_free(jq);
}

static void a_running_filter_can_be_freed_with_its_process(void **state)
{
    (void)state;
    struct tg_jq *jq = new_jq(FILTER, 1);
    (void)run(jq, "1"); /* a new process is starting then */
    tg_jq_free(jq);
    tg_jq_free(NULL);
}

/* ---- ended by others --------------------------------------------------------------------------- */

static void a_process_killed_between_messages_costs_none(void **state)
{
    (void)state;
    struct tg_jq *jq = new_jq(FILTER, LONG_MS);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(run(jq, "2"), TG_OK);
        pid_t pid = find_child();
        kill(pid, SIGKILL);
        siginfo_t info;
        assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
        assert_int_equal(run(jq, "3"), TG_OK);
        assert_int_not_equal(find_child(), pid);
    }
    tg_jq_free(jq);
}

/* Kills the process once it is busy: it has used time since. */
static void *kill_when_busy(void *arg)
{
    pid_t pid = *(pid_t *)arg, parent;
    unsigned long ticks, ticks_before;
    char state;
    if (!read_stat(pid, &state, &parent, &ticks_before))
        return NULL;
    while (read_stat(pid, &state, &parent, &ticks) && ticks < ticks_before + 3)
        usleep(1000);
    kill(pid, SIGKILL);
    return NULL;
}

static void kill_while_running(struct tg_jq *jq)
{
    pid_t pid = find_child();
    pthread_t killer;
    assert_int_equal(pthread_create(&killer, NULL, kill_when_busy, &pid), 0);
    assert_int_equal(run(jq, "1"), TG_ERR_IO);
    pthread_join(killer, NULL);
}

static void a_process_killed_over_a_message_is_started_again(void **state)
{
    (void)state;
    tg_jq_set_clock(fake_clock);
    struct tg_jq *jq = new_jq(FILTER, LONG_MS);
    kill_while_running(jq);
    assert_int_equal(run(jq, "2"), TG_OK); /* once is not often */
    kill_while_running(jq);
    assert_int_equal(run(jq, "2"), TG_ERR_LIMIT);
    fake_now_ms += 1000;
    assert_int_equal(run(jq, "2"), TG_OK);
    tg_jq_free(jq);
}

/* ---- what the process is given ----------------------------------------------------------------- */

static unsigned long long status_field(pid_t pid, const char *name)
{
    char path[64], line[256];
    unsigned long long value = ~0ULL;
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file)) {
        if (strncmp(line, name, strlen(name)) == 0)
            value = strtoull(line + strlen(name) + 1, NULL, 16);
    }
    fclose(file);
    return value;
}

static rlim_t limit_of(pid_t pid, int resource)
{
    struct rlimit limit;
    assert_int_equal(prlimit(pid, (__rlimit_resource_t)resource, NULL, &limit), 0);
    assert_int_equal(limit.rlim_cur, limit.rlim_max);
    return limit.rlim_max;
}

static void the_process_gets_what_it_needs_and_no_more(void **state)
{
    (void)state;
    int leak = open("/dev/null", O_RDONLY); /* not closed on exec */
    sigset_t blocked, before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGALRM, SIG_IGN);

    struct tg_jq *jq = new_jq(".", LONG_MS);
    assert_int_equal(run(jq, "2"), TG_OK);
    pid_t pid = find_child();
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    assert_int_equal(count_entries(path), TG_JQ_DESCRIPTOR + 1);
    assert_int_equal(status_field(pid, "SigBlk:"), 0);
    unsigned long long ignored =
        status_field(pid, "SigIgn:") & 0x7fffffff; /* 32 and 33 are the C library's */
    assert_int_equal(ignored, 1 << (SIGHUP - 1) | 1 << (SIGINT - 1) | 1 << (SIGTERM - 1));
    assert_int_equal(status_field(pid, "NoNewPrivs:"), 1);
    assert_int_equal(limit_of(pid, RLIMIT_CORE), 0);
    assert_int_equal(limit_of(pid, RLIMIT_FSIZE), 0);
    assert_int_equal(limit_of(pid, RLIMIT_NOFILE), TG_JQ_DESCRIPTOR + 1);
#ifndef HAS_SHADOW_MEMORY
    assert_int_equal(limit_of(pid, RLIMIT_AS), 512 << 20);
#endif
    tg_jq_free(jq);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGALRM, SIG_DFL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(leak);
}

static void a_program_that_cannot_do_it_is_an_error(void **state)
{
    (void)state;
    static const char *const programs[] = { "/nonexistent/tidegate", "/bin/true", "/bin/cat", "/" };
    struct tg_jq_options options = { .filter = ".", .timeout_ms = LONG_MS, .max_output_bytes = 99 };
    for (size_t i = 0; i < TG_COUNT_OF(programs); i++) {
        struct tg_jq *jq = NULL;
        struct tg_buffer error = { 0 };
        tg_jq_set_program(programs[i]);
        assert_int_equal(tg_jq_new(&options, &jq, &error), TG_ERR_IO);
        assert_null(jq);
        assert_non_null(strstr(error.data, "cannot be started"));
        tg_buffer_deinit(&error);
    }
    tg_jq_set_program(TIDEGATE_PROGRAM);
}

static void a_process_of_a_filter_starts_none(void **state)
{
    (void)state;
    struct tg_jq_options options = { .filter = ".", .timeout_ms = LONG_MS, .max_output_bytes = 99 };
    struct tg_jq *jq = NULL;
    struct tg_buffer error = { 0 };
    setenv(TG_JQ_VARIABLE, "1", 1);
    assert_int_equal(tg_jq_new(&options, &jq, &error), TG_ERR_IO);
    unsetenv(TG_JQ_VARIABLE);
    tg_buffer_deinit(&error);
}

static void a_program_that_has_gone_is_not_tried_with_each_message(void **state)
{
    (void)state;
    tg_jq_set_clock(fake_clock);
    struct tg_jq *jq = new_jq(FILTER, LONG_MS);
    tg_jq_set_program("/nonexistent/tidegate");
    kill_while_running(jq);
    assert_int_equal(run(jq, "2"), TG_ERR_IO);
    assert_int_equal(run(jq, "2"), TG_ERR_LIMIT);
    tg_jq_set_program(TIDEGATE_PROGRAM);
    fake_now_ms += 1000;
    assert_int_equal(run(jq, "2"), TG_OK);
    tg_jq_free(jq);
}

/* ---- many -------------------------------------------------------------------------------------- */

static void *run_many(void *arg)
{
    (void)arg;
    struct tg_jq_options options = { .filter = "[.]", .timeout_ms = LONG_MS, .max_output_bytes = 99 };
    struct tg_jq *jq = NULL;
    struct tg_buffer out = { 0 }, expected = { 0 };
    size_t good = 0;
    if (tg_jq_new(&options, &jq, &out))
        return NULL;
    for (unsigned i = 0; i < 100; i++) {
        char json[16];
        snprintf(json, sizeof(json), "%u", i);
        tg_buffer_clear(&out);
        tg_buffer_clear(&expected);
        tg_buffer_appendf(&expected, "[%u]\n", i);
        if (!tg_jq_run(jq, tg_str_from(json), &out) && strcmp(out.data, expected.data) == 0)
            good++;
    }
    tg_jq_free(jq);
    tg_buffer_deinit(&out);
    tg_buffer_deinit(&expected);
    return good == 100 ? &descriptors_before : NULL;
}

static void each_thread_can_have_its_own(void **state)
{
    (void)state;
    pthread_t threads[4];
    for (size_t i = 0; i < TG_COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_many, NULL), 0);
    for (size_t i = 0; i < TG_COUNT_OF(threads); i++) {
        void *result = NULL;
        pthread_join(threads[i], &result);
        assert_non_null(result);
    }
}

int main(void)
{
    tg_jq_set_program(TIDEGATE_PROGRAM);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_filter_that_runs_away_is_ended_and_rests_longer_each_time, begin,
                                        end),
        cmocka_unit_test_setup_teardown(filters_that_run_away_in_other_ways_are_ended, begin, end),
        cmocka_unit_test_setup_teardown(a_filter_that_wants_all_memory_is_ended_and_rests, begin, end),
        cmocka_unit_test_setup_teardown(a_running_filter_can_be_freed_with_its_process, begin, end),
        cmocka_unit_test_setup_teardown(a_process_killed_between_messages_costs_none, begin, end),
        cmocka_unit_test_setup_teardown(a_process_killed_over_a_message_is_started_again, begin, end),
        cmocka_unit_test_setup_teardown(the_process_gets_what_it_needs_and_no_more, begin, end),
        cmocka_unit_test_setup_teardown(a_program_that_cannot_do_it_is_an_error, begin, end),
        cmocka_unit_test_setup_teardown(a_process_of_a_filter_starts_none, begin, end),
        cmocka_unit_test_setup_teardown(a_program_that_has_gone_is_not_tried_with_each_message, begin, end),
        cmocka_unit_test_setup_teardown(each_thread_can_have_its_own, begin, end),
    };
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    tg_jq_set_program(NULL);
    return failures;
}
