/* A server for tests, and the client's side of a connection to it. */
#ifndef TIDEGATE_TESTS_SERVER_FIXTURE_H
#define TIDEGATE_TESTS_SERVER_FIXTURE_H

#include "config_fixture.h"
#include "tidegate/downstream.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

/* A listener at a free port, and the least that a configuration needs. */
static const char one_stream[] = "{\"listen\": [{\"address\": \"127.0.0.1\", \"port\": 0}], "
                                 "\"streams\": {\"s\": {\"upstream\": {\"url\": \"ws://127.0.0.1:1/\"}}}, "
                                 "\"routes\": [{\"path\": \"/s\", \"stream\": \"s\"}]}";

/* Has no routes yet, and is not started; it listens where the first listener of `config` says. */
static inline struct tg_server *make_server(struct tg_worker_pool *pool, struct tg_nets *nets,
                                            const struct tg_config *config)
{
    struct tg_server_options options = { .name = "public",
                                         .pool = pool,
                                         .nets = nets,
                                         .listeners = config->listeners,
                                         .listener_count = 1,
                                         .limits = &config->limits,
                                         .sse = &config->sse };
    struct tg_server *server = NULL;
    struct tg_buffer error = { 0 };
    assert_int_equal(tg_server_new(&options, &server, &error), TG_OK);
    return server;
}

/* Close it with close(). */
static inline int connect_to(const struct tg_server *server)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr = { htonl(INADDR_LOOPBACK) },
                                   .sin_port = htons((uint16_t)tg_server_port(server, 0)) };
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static inline void send_text(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

#endif
