/* A link that polls, with what it remembers from one to the next, and backends that the test plays. */
#ifndef TIDEGATE_TESTS_POLL_FIXTURE_H
#define TIDEGATE_TESTS_POLL_FIXTURE_H

#include "fake_http.h"

static struct tg_progress progress;

static struct tg_config_upstream config;

static inline int set_up(void **state)
{
    (void)state;
    config = (struct tg_config_upstream){
        .kind = TG_UPSTREAM_POLL,
        .max_message_bytes = 20,
        .connect_timeout_ms = 7000,
        .every_ms = 5000,
        .content_type = (char *)"application/json",
    };
    return 0;
}

static inline int forget_progress(void **state)
{
    tear_down(state);
    tg_progress_deinit(&progress);
    return 0;
}

static inline void start(void)
{
    start_link(tg_link_new_poll, &config, &progress);
}

#define TEXT HEAD(.status = 200, .content_type = TG_STR("text/plain"))

/* The same answer again and again, each after its request. */
static inline void expect_next(const char *request)
{
    assert_int_equal(pass_time(), 5000);
    expect_request(request);
}

#endif
