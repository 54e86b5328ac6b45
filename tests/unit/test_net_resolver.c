/* Names: who asks, who is asked, and who waits for whom. DNS and the C library are the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/resolver.h"

#include <ares.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

/* ---- DNS ---------------------------------------------------------------------------------------- */

enum { QUESTIONS_MAX = 16 };

static struct {
    char name[64];
    ares_addrinfo_callback callback;
    void *arg;
} questions[QUESTIONS_MAX];
static size_t question_count;
static bool answers_at_once;

/* These stand in for the library's: the program's own symbols come first. */
void ares_getaddrinfo(ares_channel channel, const char *name, const char *service,
                      const struct ares_addrinfo_hints *hints, ares_addrinfo_callback callback, void *arg)
{
    (void)channel, (void)service, (void)hints;
    if (answers_at_once) {
        callback(arg, ARES_ESERVFAIL, 0, NULL);
        return;
    }
    assert_true(question_count < QUESTIONS_MAX);
    snprintf(questions[question_count].name, sizeof(questions[0].name), "%s", name);
    questions[question_count].callback = callback;
    questions[question_count++].arg = arg;
}

void ares_freeaddrinfo(struct ares_addrinfo *result)
{
    (void)result;
}

static void answer(size_t index, int status, const char *address)
{
    struct sockaddr_in place = { .sin_family = AF_INET };
    struct ares_addrinfo_node node = { .ai_family = AF_INET, .ai_addr = (struct sockaddr *)&place };
    struct ares_addrinfo result = { .nodes = &node };

    if (address)
        assert_int_equal(inet_pton(AF_INET, address, &place.sin_addr), 1);
    questions[index].callback(questions[index].arg, status, 0, address ? &result : NULL);
}

/* ---- the C library ------------------------------------------------------------------------------- */

static sem_t system_gate;
static atomic_size_t system_asked;
static const struct sockaddr_in system_place = { .sin_family = AF_INET, .sin_addr.s_addr = 0x0700007f };

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **result)
{
    struct addrinfo *found = calloc(1, sizeof(*found));

    (void)service, (void)hints;
    if (strstr(name, "hung")) {
        atomic_fetch_add(&system_asked, 1);
        while (sem_wait(&system_gate) != 0)
            continue;
    }
    found->ai_family = AF_INET;
    found->ai_addr = (struct sockaddr *)(uintptr_t)&system_place;
    found->ai_addrlen = sizeof(system_place);
    *result = found;
    return 0;
}

void freeaddrinfo(struct addrinfo *list)
{
    free(list);
}

/* ---- the scene ----------------------------------------------------------------------------------- */

struct client {
    struct tg_lookup *lookup;
    unsigned told;
    size_t count;
    char address[TG_HOST_ADDRESS_BYTES];
    const char *error;
};

struct fixture {
    struct tg_worker_pool *pool;
    struct tg_worker *worker;
    struct tg_resolver *resolver;
    struct client clients[4];
};

static void on_done(void *arg, const struct tg_host_addresses *addresses, const char *error)
{
    struct client *client = arg;

    client->lookup = NULL;
    client->told++;
    client->count = addresses->count;
    client->error = error;
    strcpy(client->address, addresses->text[0]);
}

static void look_up(struct fixture *f, size_t index, const char *name)
{
    struct client *client = &f->clients[index];

    client->lookup = tg_resolver_look_up(f->resolver, name, on_done, client);
    assert_int_equal(client->told, 0); /* never from within */
}

static void turn(struct fixture *f)
{
    uv_run(tg_worker_loop(f->worker), UV_RUN_NOWAIT);
}

static bool run_until_told(struct fixture *f, size_t index)
{
    for (int i = 0; i < 20000 && f->clients[index].told == 0; i++) {
        turn(f);
        usleep(200);
    }
    return f->clients[index].told > 0;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    question_count = 0;
    answers_at_once = false;
    sem_init(&system_gate, 0, 0);
    atomic_store(&system_asked, 0);
    assert_int_equal(tg_worker_pool_new(1, &f->pool), TG_OK);
    f->worker = tg_worker_pool_get(f->pool, 0);
    f->resolver = tg_resolver_new(f->worker);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    tg_worker_pool_stop(f->pool);
    tg_resolver_free(f->resolver);
    tg_worker_pool_free(f->pool);
    free(f);
    return 0;
}

/* ---- names that nobody is asked for ---------------------------------------------------------------- */

static void an_address_is_its_own_answer(void **state)
{
    struct fixture *f = *state;

    look_up(f, 0, "192.0.2.7");
    look_up(f, 1, "2001:db8::7");
    assert_true(run_until_told(f, 0) && run_until_told(f, 1));
    assert_string_equal(f->clients[0].address, "192.0.2.7");
    assert_string_equal(f->clients[1].address, "2001:db8::7");
    assert_int_equal(question_count, 0);
}

static void names_below_localhost_are_this_host(void **state)
{
    struct fixture *f = *state;

    look_up(f, 0, "app.LocalHost");
    assert_true(run_until_told(f, 0));
    assert_string_equal(f->clients[0].address, "127.0.0.1");
    assert_int_equal(f->clients[0].count, 2);
    assert_int_equal(question_count, 0);
}

/* ---- DNS ---------------------------------------------------------------------------------------- */

static void a_name_is_asked_once_for_all_who_wait(void **state)
{
    struct fixture *f = *state;

    look_up(f, 0, "legacy.example");
    look_up(f, 1, "other.example");
    look_up(f, 2, "legacy.example");
    assert_int_equal(question_count, 2);
    answer(0, ARES_SUCCESS, "192.0.2.1");
    assert_true(run_until_told(f, 0) && run_until_told(f, 2));
    assert_string_equal(f->clients[2].address, "192.0.2.1");
    assert_null(f->clients[0].error);
    assert_int_equal(f->clients[1].told, 0);
    look_up(f, 3, "legacy.example");
    assert_int_equal(question_count, 3); /* nothing is kept */
    answer(1, ARES_ESERVFAIL, NULL);
    answer(2, ARES_SUCCESS, "192.0.2.2");
    assert_true(run_until_told(f, 1) && run_until_told(f, 3));
    assert_non_null(f->clients[1].error);
    assert_string_equal(f->clients[3].address, "192.0.2.2");
}

static void a_lookup_that_is_cancelled_hears_nothing(void **state)
{
    struct fixture *f = *state;

    look_up(f, 0, "legacy.example");
    look_up(f, 1, "legacy.example");
    tg_lookup_cancel(f->clients[0].lookup);
    answer(0, ARES_SUCCESS, "192.0.2.1");
    tg_lookup_cancel(f->clients[1].lookup); /* answered, but not yet told */
    for (int i = 0; i < 10; i++)
        turn(f);
    assert_int_equal(f->clients[0].told + f->clients[1].told, 0);
}

static void an_answer_that_comes_while_asking_is_told_later(void **state)
{
    struct fixture *f = *state;

    answers_at_once = true;
    look_up(f, 0, "legacy.example");
    assert_true(run_until_told(f, 0));
    assert_int_equal(f->clients[0].told, 1);
    assert_non_null(f->clients[0].error);
}

/* ---- the system ----------------------------------------------------------------------------------- */

static void local_names_are_the_systems(void **state)
{
    struct fixture *f = *state;

    look_up(f, 0, "printer.local");
    assert_true(run_until_told(f, 0));
    assert_string_equal(f->clients[0].address, "127.0.0.7");
    assert_int_equal(question_count, 0);
}

static void the_system_is_asked_for_short_names_that_dns_does_not_know(void **state)
{
    struct fixture *f = *state;

    look_up(f, 0, "thishost");
    look_up(f, 1, "no.such.example");
    answer(0, ARES_ENOTFOUND, NULL);
    answer(1, ARES_ENOTFOUND, NULL);
    assert_true(run_until_told(f, 0) && run_until_told(f, 1));
    assert_string_equal(f->clients[0].address, "127.0.0.7");
    assert_non_null(f->clients[1].error);
}

static void names_that_hang_in_the_system_keep_no_other_kind_waiting(void **state)
{
    struct fixture *f = *state;

    look_up(f, 0, "hung1.local");
    look_up(f, 1, "hung2.local");
    while (atomic_load(&system_asked) < 2)
        usleep(200);
    look_up(f, 2, "legacy.example");
    answer(0, ARES_SUCCESS, "192.0.2.1");
    assert_true(run_until_told(f, 2));
    assert_int_equal(f->clients[0].told + f->clients[1].told, 0);
    tg_lookup_cancel(f->clients[0].lookup);
    sem_post(&system_gate);
    sem_post(&system_gate);
    assert_true(run_until_told(f, 1));
    assert_int_equal(f->clients[0].told, 0);
}

static void what_is_open_when_the_worker_goes_is_dropped(void **state)
{
    struct fixture *f = *state;

    look_up(f, 0, "legacy.example");
    look_up(f, 1, "hung1.local");
    look_up(f, 2, "192.0.2.7");
    while (atomic_load(&system_asked) < 1)
        usleep(200);
    tg_worker_pool_stop(f->pool);
    questions[0].callback(questions[0].arg, ARES_EDESTRUCTION, 0, NULL);
    tg_resolver_free(f->resolver);
    f->resolver = NULL;
    sem_post(&system_gate); /* its thread comes back to nobody */
    assert_int_equal(f->clients[0].told + f->clients[1].told + f->clients[2].told, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_address_is_its_own_answer),
        TEST(names_below_localhost_are_this_host),
        TEST(a_name_is_asked_once_for_all_who_wait),
        TEST(a_lookup_that_is_cancelled_hears_nothing),
        TEST(an_answer_that_comes_while_asking_is_told_later),
        TEST(local_names_are_the_systems),
        TEST(the_system_is_asked_for_short_names_that_dns_does_not_know),
        TEST(names_that_hang_in_the_system_keep_no_other_kind_waiting),
        TEST(what_is_open_when_the_worker_goes_is_dropped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
