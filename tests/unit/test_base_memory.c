/* What becomes of the process when there is no memory for its control structures. */
#include "tidegate/base.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uthash.h>

#include <cmocka.h>

/* Else the sanitizers would end the process themselves. */
#define MAY_RETURN_NULL "allocator_may_return_null=1"

const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return MAY_RETURN_NULL;
}

const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return MAY_RETURN_NULL;
}

/* Appends what the child, which never comes back from `act`, says to `text`; returns how it ended. */
static int run_child(void (*act)(void), char *text, size_t size)
{
    int ends[2], status;
    size_t length = 0;
    ssize_t got;

    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        dup2(ends[1], STDERR_FILENO);
        act();
        _exit(0);
    }
    close(ends[1]);
    while (length < size - 1 && (got = read(ends[0], text + length, size - 1 - length)) > 0)
        length += (size_t)got;
    text[length] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void ask_for_too_much(void)
{
    free(tg_alloc(SIZE_MAX / 4));
}

static void without_memory_the_process_says_so_and_aborts(void **state)
{
    char text[4096];
    (void)state;

    int status = run_child(ask_for_too_much, text, sizeof(text));
    assert_non_null(strstr(text, "out_of_memory"));
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

#define TEXT_OF(name) #name
#define TEXT_OF_VALUE(macro) TEXT_OF(macro)

/* By itself uthash calls exit(3), without a word, on whatever thread it is. */
static void hash_tables_get_their_memory_in_the_same_way(void **state)
{
    (void)state;

    assert_string_equal(TEXT_OF_VALUE(uthash_malloc), "tg_alloc");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_memory_the_process_says_so_and_aborts),
        cmocka_unit_test(hash_tables_get_their_memory_in_the_same_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
