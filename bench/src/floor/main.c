/* tg-floor: what the kernel costs. One thread; exactly one send() or SSL_write() for each client that is up to date
 * and each event, and next to nothing else. */
#include "common/command.h"
#include "feed.h"
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { EXIT_USAGE = 2, EVENTS_MAX = 1024 };

struct options {
    long port;
    const char *upstream;
    const char *certificate, *key; /* both or none */
    uint64_t retain_bytes;
};

struct floor {
    int epoll_fd;
    struct floor_log log;
    struct floor_feed feed;
    struct floor_server server;
    struct bench_command_reader commands;
};

static int complain(const char *what, const char *why)
{
    fprintf(stderr, "tg-floor: %s%s%s\n", what, why ? ": " : "", why ? why : "");
    return EXIT_FAILURE;
}

/* ---- the command line --------------------------------------------------------------------------------- */

static bool parse_number(const char *text, uint64_t most, uint64_t *ret_number)
{
    char *end;
    errno = 0;
    *ret_number = strtoull(text, &end, 10);
    return errno == 0 && text[0] >= '0' && text[0] <= '9' && *end == '\0' && *ret_number <= most;
}

static bool parse_options(int argc, char **argv, struct options *options)
{
    static const struct option longs[] = { { "listen", required_argument, NULL, 'l' },
                                           { "upstream", required_argument, NULL, 'u' },
                                           { "tls", required_argument, NULL, 't' },
                                           { "retain", required_argument, NULL, 'r' },
                                           { 0 } };
    uint64_t port;
    int letter;
    *options = (struct options){ .port = -1, .retain_bytes = 64 << 20 };
    while ((letter = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        if (letter == 'l' && parse_number(optarg, UINT16_MAX, &port)) {
            options->port = (long)port;
        } else if (letter == 'u') {
            options->upstream = optarg;
        } else if (letter == 't' && optind < argc) {
            options->certificate = optarg;
            options->key = argv[optind++];
        } else if (letter != 'r' || !parse_number(optarg, 1ull << 40, &options->retain_bytes)) {
            return false;
        }
    }
    return optind == argc && options->port >= 0 && options->upstream;
}

/* ---- running ------------------------------------------------------------------------------------------ */

static void on_message(void *arg, const char *data, size_t length)
{
    struct floor *floor = arg;
    size_t wire_length = floor_log_append(&floor->log, data, length);
    if (wire_length > 0)
        floor_server_broadcast(&floor->server, wire_length);
}

/* False: end of input. There are no commands but that. */
static bool read_commands(struct floor *floor)
{
    struct bench_command command;
    int result;
    while ((result = bench_command_next(&floor->commands, &command)) == 1)
        bench_answer_error("unknown command: %s", command.name);
    return result == 0;
}

static int run(struct floor *floor)
{
    static struct epoll_event events[EVENTS_MAX];
    for (;;) {
        bool has_new = false;
        int count = epoll_wait(floor->epoll_fd, events, EVENTS_MAX, -1);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == floor->server.listen_fd)
                has_new = true;
            else if (fd == floor->feed.fd && !floor_feed_read(&floor->feed, on_message, floor))
                return complain("the feed has ended", floor->feed.error);
            else if (fd == STDIN_FILENO && !read_commands(floor))
                return EXIT_SUCCESS;
            else if (fd != floor->feed.fd && fd != STDIN_FILENO)
                floor_server_on_ready(&floor->server, fd, events[i].events);
        }
        if (has_new)
            floor_server_accept(&floor->server);
    }
}

static bool watch(const struct floor *floor, int fd)
{
    struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
    return epoll_ctl(floor->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

int main(int argc, char **argv)
{
    static struct floor floor;
    struct options options;
    if (!parse_options(argc, argv, &options)) {
        fprintf(stderr, "Usage: tg-floor --listen PORT --upstream ws://HOST:PORT/PATH [--tls CERT KEY] "
                        "[--retain BYTES]\n");
        return EXIT_USAGE;
    }
    signal(SIGPIPE, SIG_IGN);
    SSL_CTX *tls = options.certificate ? floor_tls_new(options.certificate, options.key) : NULL;
    if (options.certificate && !tls)
        return complain("cannot use the certificate and key", options.certificate);

    floor.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (floor.epoll_fd < 0 || !floor_log_init(&floor.log, options.retain_bytes))
        return complain("cannot make the log", strerror(errno));
    if (!floor_feed_connect(&floor.feed, options.upstream))
        return complain(options.upstream, floor.feed.error);
    if (!floor_server_init(&floor.server, floor.epoll_fd, (int)options.port, tls, &floor.log))
        return complain("cannot listen", strerror(errno));
    /* A standard input that cannot be watched, such as a file, is read to its end at once. */
    floor.commands.fd = STDIN_FILENO;
    fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);
    bench_answer("{\"ready\":true,\"port\":%d}", floor.server.port);
    if (!watch(&floor, STDIN_FILENO) && !read_commands(&floor))
        return EXIT_SUCCESS;
    /* The first messages may have come with the handshake. */
    if (!watch(&floor, floor.feed.fd) || !floor_feed_read(&floor.feed, on_message, &floor))
        return complain("the feed has ended", floor.feed.error);
    return run(&floor);
}
