/* tg-feed: the legacy backend that feeds the servers which the benchmark compares. */
#include "commands.h"
#include "common/clock.h"
#include "options.h"
#include "publisher.h"
#include "server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { EXIT_USAGE = 2, EVENTS_MAX = 256 };
#define WAIT_CHECK_NS (BENCH_NS_PER_S / 5)

struct feed {
    struct feed_source source; /* of standard input; first */
    int epoll_fd;
    struct feed_commands commands;
};

static void fail(const char *what)
{
    fprintf(stderr, "tg-feed: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

static void on_commands(struct feed_source *source, uint32_t events)
{
    (void)events;
    feed_commands_read(&((struct feed *)source)->commands);
}

/* Standard input says that it has ended for as long as nobody reads it, so while waiting it is not
 * listened to. */
static void listen_to_commands(struct feed *feed, bool is_listening)
{
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = &feed->source };
    if (epoll_ctl(feed->epoll_fd, is_listening ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, STDIN_FILENO, &event) != 0)
        fail("standard input");
}

/* Until `until_ns` at the latest. */
static void handle_events(struct feed *feed, uint64_t until_ns)
{
    struct timespec wait = { 0 };
    uint64_t now_ns = until_ns > 0 ? bench_now_ns() : 0;
    if (until_ns > now_ns && until_ns != UINT64_MAX) {
        wait.tv_sec = (time_t)((until_ns - now_ns) / BENCH_NS_PER_S);
        wait.tv_nsec = (long)((until_ns - now_ns) % BENCH_NS_PER_S);
    }
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_pwait2(feed->epoll_fd, events, EVENTS_MAX, until_ns == UINT64_MAX ? NULL : &wait, NULL);
    if (count < 0 && errno != EINTR)
        fail("epoll_pwait2");
    for (int i = 0; i < count; i++) {
        struct feed_source *source = events[i].data.ptr;
        source->on_ready(source, events[i].events);
    }
}

/* Listens to commands while none is waited for. True: it does so again, and some may have been carried
 * out. */
static bool follow_wait(struct feed *feed, bool *is_listening)
{
    struct feed_commands *commands = &feed->commands;
    feed_commands_check_wait(commands);
    if (*is_listening != commands->is_waiting)
        return false;
    *is_listening = !commands->is_waiting;
    listen_to_commands(feed, *is_listening);
    if (*is_listening)
        feed_commands_read(commands);
    return *is_listening;
}

static void serve(struct feed *feed)
{
    struct feed_commands *commands = &feed->commands;
    bool is_listening = true;
    while (!commands->is_ended) {
        uint64_t run_ns = feed_run_step(&commands->run);
        uint64_t until_ns = commands->output->ops->tick(commands->output, run_ns ? bench_now_ns() : 0);
        if (run_ns < until_ns)
            until_ns = run_ns;
        if (follow_wait(feed, &is_listening))
            continue;
        if (commands->is_waiting && until_ns > bench_now_ns() + WAIT_CHECK_NS)
            until_ns = bench_now_ns() + WAIT_CHECK_NS;
        handle_events(feed, until_ns);
    }
}

static struct feed_output *open_output(int epoll_fd, const struct feed_options *options, uint16_t *ret_port)
{
    struct feed_output *output;
    if (options->post == FEED_POST_NONE) {
        output = feed_server_new(epoll_fd, options->stream_count, options->port, ret_port);
        if (!output)
            fail("listening");
        return output;
    }
    output = feed_publisher_new(epoll_fd, options->stream_count, options->post, &options->url);
    if (!output) {
        fprintf(stderr, "tg-feed: nobody knows the host %s\n", options->url.host);
        exit(EXIT_USAGE);
    }
    return output;
}

static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int main(int argc, char **argv)
{
    struct feed_options options;
    if (!feed_options_parse(argc, argv, &options))
        return EXIT_USAGE;
    raise_file_limit();
    prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0); /* else each sleep takes 50 µs more */
    static struct feed feed = { .source.on_ready = on_commands, .commands.reader.fd = STDIN_FILENO };
    feed.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (feed.epoll_fd < 0)
        fail("epoll_create1");
    uint16_t port = 0;
    feed.commands.output = feed.commands.run.output = open_output(feed.epoll_fd, &options, &port);
    listen_to_commands(&feed, true);
    if (options.post == FEED_POST_NONE)
        bench_answer("{\"ready\":true,\"port\":%u}", port);
    else
        bench_answer("{\"ready\":true}");
    serve(&feed);
    return EXIT_SUCCESS;
}
