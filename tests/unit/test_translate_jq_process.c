/* jq filters: the life of their processes. */
#include "jq_fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

/* ---- ended by others --------------------------------------------------------------------------- */

static void a_process_killed_between_messages_costs_none(void **state)
{
    (void)state;
    struct waited *jq = new_jq(FILTER, LONG_MS);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(run(jq, "2"), TG_OK);
        pid_t pid = find_child();
        kill(pid, SIGKILL);
        siginfo_t info;
        assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
        assert_int_equal(run(jq, "3"), TG_OK);
        assert_int_not_equal(find_child(), pid);
    }
    waited_free(jq);
}

/* Twice, since the message gets a second chance. */
static void kill_while_running(struct waited *jq)
{
    struct tg_jq *filter = jq->user->jq;
    struct tg_buffer out = { 0 };
    jq->out = &out;
    jq->is_done = false;
    assert_int_equal(tg_jq_put(jq->user, TG_STR("1")), TG_OK);
    for (int time = 0; time < 2; time++) {
        while (filter->queue.sent_count == 0)
            turn(jq);
        kill(find_child(), SIGKILL);
        while (filter->queue.sent_count > 0)
            turn(jq);
        assert_int_equal(jq->is_done, time == 1);
    }
    assert_int_equal(jq->err, TG_ERR_IO);
    tg_buffer_deinit(&out);
}

static void a_process_killed_over_a_message_is_started_again(void **state)
{
    (void)state;
    tg_jq_set_clock(fake_clock);
    struct waited *jq = new_jq(FILTER, LONG_MS);
    kill_while_running(jq);
    assert_int_equal(run(jq, "2"), TG_OK); /* once is not often */
    kill_while_running(jq);
    assert_int_equal(run(jq, "2"), TG_ERR_LIMIT);
    fake_now_ms += 1000;
    assert_int_equal(run(jq, "2"), TG_OK);
    waited_free(jq);
}

static void a_process_killed_while_it_starts_is_started_again(void **state)
{
    (void)state;
    tg_jq_set_clock(fake_clock);
    struct waited *jq = new_jq(FILTER, LONG_MS);
    kill(find_child(), SIGKILL);
    while (jq->user->jq->state == JQ_READY)
        turn(jq);
    struct tg_buffer out = { 0 };
    jq->out = &out;
    jq->is_done = false;
    assert_int_equal(tg_jq_put(jq->user, TG_STR("2")), TG_OK);
    while (jq->user->jq->state != JQ_STARTING)
        turn(jq);
    kill(find_child(), SIGKILL);
    while (!jq->is_done)
        turn(jq);
    assert_int_equal(jq->err, TG_OK);
    tg_buffer_deinit(&out);
    waited_free(jq);
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

    struct waited *jq = new_jq(".", LONG_MS);
    assert_int_equal(run(jq, "2"), TG_OK);
    pid_t pid = find_child();
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    assert_int_equal(count_entries(path), TG_JQ_DESCRIPTOR + 1);
    assert_int_equal(status_field(pid, "SigBlk:"), 0);
    unsigned long long ignored =
        status_field(pid, "SigIgn:") & 0x7fffffff; /* 32 and 33 are the C library's */
    assert_int_equal(ignored, 1 << (SIGHUP - 1) | 1 << (SIGINT - 1) | 1 << (SIGTERM - 1) |
                                  1 << (SIGUSR1 - 1) | 1 << (SIGUSR2 - 1));
    assert_int_equal(status_field(pid, "NoNewPrivs:"), 1);
    assert_int_equal(limit_of(pid, RLIMIT_CORE), 0);
    assert_int_equal(limit_of(pid, RLIMIT_FSIZE), 0);
    assert_int_equal(limit_of(pid, RLIMIT_NOFILE), TG_JQ_DESCRIPTOR + 1);
#if !TG_HAS_SHADOW_MEMORY
    assert_int_equal(limit_of(pid, RLIMIT_AS), 512 << 20);
#endif
    waited_free(jq);
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
        struct waited *jq = NULL;
        struct tg_buffer error = { 0 };
        tg_jq_set_program(programs[i]);
        assert_int_equal(waited_new(&options, &jq, &error), TG_ERR_IO);
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
    struct waited *jq = NULL;
    struct tg_buffer error = { 0 };
    setenv(TG_JQ_VARIABLE, "1", 1);
    assert_int_equal(waited_new(&options, &jq, &error), TG_ERR_IO);
    unsetenv(TG_JQ_VARIABLE);
    tg_buffer_deinit(&error);
}

static void a_program_that_has_gone_is_not_tried_with_each_message(void **state)
{
    (void)state;
    tg_jq_set_clock(fake_clock);
    struct waited *jq = new_jq(FILTER, LONG_MS);
    tg_jq_set_program("/nonexistent/tidegate");
    pid_t pid = find_child();
    kill(pid, SIGKILL);
    assert_int_equal(run(jq, "2"), TG_ERR_IO);
    assert_int_equal(run(jq, "2"), TG_ERR_IO);
    tg_jq_set_program(TIDEGATE_PROGRAM);
    fake_now_ms += 1000;
    assert_int_equal(run(jq, "2"), TG_OK);
    waited_free(jq);
}

/* ---- many -------------------------------------------------------------------------------------- */

static void *run_many(void *arg)
{
    (void)arg;
    struct tg_jq_options options = { .filter = "[.]", .timeout_ms = LONG_MS, .max_output_bytes = 99 };
    struct waited *jq = NULL;
    struct tg_buffer out = { 0 }, expected = { 0 };
    size_t good = 0;
    if (waited_new(&options, &jq, &out))
        return NULL;
    for (unsigned i = 0; i < 100; i++) {
        char json[16];
        snprintf(json, sizeof(json), "%u", i);
        tg_buffer_clear(&out);
        tg_buffer_clear(&expected);
        tg_buffer_appendf(&expected, "[%u]\n", i);
        if (!waited_run(jq, tg_str_from(json), &out) && strcmp(out.data, expected.data) == 0)
            good++;
    }
    waited_free(jq);
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
        cmocka_unit_test_setup_teardown(a_process_killed_between_messages_costs_none, begin, end),
        cmocka_unit_test_setup_teardown(a_process_killed_over_a_message_is_started_again, begin, end),
        cmocka_unit_test_setup_teardown(a_process_killed_while_it_starts_is_started_again, begin, end),
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
