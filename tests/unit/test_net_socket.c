/* Sockets that libwebsockets runs: what is told of them, and when; real sockets, one thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tidegate/net.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

struct fixture {
    struct tg_worker_pool *pool;
    struct tg_net *net;
    uv_loop_t *loop;
    struct tg_socket socket;
    int peer; /* the other side */

    /* what on_events saw, and what it is to do */
    unsigned readable, writable, broken;
    char got[4096];
    size_t got_length;
    enum tg_err last; /* of reading */
    int error;        /* of a broken one */
    bool closes;
    bool is_deaf;     /* reads nothing */
    unsigned watches; /* asks for WRITABLE so many times more, from within */
};
enum { SPARES = 8 }; /* at the usual limit on open files */

static struct fixture *the;

static void read_all(struct tg_socket *socket)
{
    size_t length = 0;

    while ((the->last = socket->ops->read(socket, the->got + the->got_length,
                                          sizeof(the->got) - the->got_length, &length)) == TG_OK)
        the->got_length += length;
}

static void on_events(struct tg_socket *socket, unsigned events)
{
    if (events & TG_SOCKET_READABLE)
        the->readable++;
    if (events & TG_SOCKET_WRITABLE)
        the->writable++;
    if (events & TG_SOCKET_BROKEN)
        the->broken++, the->error = tg_socket_error(socket);
    if ((events & (TG_SOCKET_READABLE | TG_SOCKET_BROKEN)) && !the->is_deaf)
        read_all(socket);
    if (the->watches > 0) {
        the->watches--;
        tg_socket_watch(socket, TG_SOCKET_WRITABLE);
    }
    if (the->closes)
        tg_socket_close(socket);
}

static void turn(struct fixture *f, int count)
{
    for (int i = 0; i < count; i++)
        uv_run(f->loop, UV_RUN_NOWAIT);
}

static bool run_until(struct fixture *f, const unsigned *counter, unsigned wanted)
{
    for (int i = 0; i < 5000 && *counter < wanted; i++) {
        uv_run(f->loop, UV_RUN_NOWAIT);
        usleep(200);
    }
    return *counter >= wanted;
}

static size_t count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    size_t count = 0;

    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    int pair[2];

    the = f;
    assert_int_equal(tg_worker_pool_new(1, &f->pool), TG_OK);
    f->loop = tg_worker_loop(tg_worker_pool_get(f->pool, 0));
    f->net = tg_net_new(tg_worker_pool_get(f->pool, 0));
    assert_non_null(f->net);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    f->peer = pair[1];
    assert_int_equal(tg_socket_adopt(&f->socket, f->net, pair[0], on_events), TG_OK);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    tg_socket_close(&f->socket);
    close(f->peer);
    tg_net_free(f->net);
    tg_worker_pool_free(f->pool);
    free(f);
    return 0;
}

/* ---- reading ----------------------------------------------------------------------------------- */

static void what_arrives_is_told_and_can_be_read(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(write(f->peer, "hello", 5), 5);
    assert_true(run_until(f, &f->readable, 1));
    assert_memory_equal(f->got, "hello", 5);
    assert_int_equal(f->last, TG_ERR_AGAIN);
    turn(f, 20);
    assert_int_equal(f->readable, 1);
}

static void a_side_that_ends_can_still_be_answered(void **state)
{
    struct fixture *f = *state;
    size_t taken = 0;
    char answer[8];

    assert_int_equal(write(f->peer, "last words", 10), 10);
    shutdown(f->peer, SHUT_WR);
    assert_true(run_until(f, &f->readable, 1));
    while (f->last != TG_ERR_CLOSED)
        assert_true(run_until(f, &f->readable, f->readable + 1));
    assert_int_equal(f->got_length, 10);
    tg_socket_watch(&f->socket, 0);
    turn(f, 20);
    assert_int_equal(f->broken, 0);
    assert_int_equal(f->socket.ops->write(&f->socket, "bye", 3, &taken), TG_OK);
    assert_int_equal(read(f->peer, answer, sizeof(answer)), 3);
}

static void nothing_is_told_of_a_socket_that_is_not_watched(void **state)
{
    struct fixture *f = *state;

    tg_socket_watch(&f->socket, 0);
    assert_int_equal(write(f->peer, "x", 1), 1);
    turn(f, 50);
    assert_int_equal(f->readable, 0);
    tg_socket_watch(&f->socket, TG_SOCKET_READABLE);
    assert_true(run_until(f, &f->readable, 1));
    assert_int_equal(f->got_length, 1);
}

/* ---- writing ----------------------------------------------------------------------------------- */

static void fill_descriptor(int fd)
{
    static const char block[65536];
    size_t taken;

    do {
        assert_int_equal(tg_descriptor_write(fd, block, sizeof(block), &taken), TG_OK);
    } while (taken > 0);
}

static void fill(struct fixture *f)
{
    static const char block[65536];
    size_t taken;

    do {
        assert_int_equal(f->socket.ops->write(&f->socket, block, sizeof(block), &taken), TG_OK);
    } while (taken > 0);
}

static void drain_peer(struct fixture *f)
{
    static char block[65536];

    while (read(f->peer, block, sizeof(block)) > 0)
        continue;
}

static void room_is_told_once(void **state)
{
    struct fixture *f = *state;

    fill(f);
    tg_socket_watch(&f->socket, TG_SOCKET_READABLE | TG_SOCKET_WRITABLE);
    turn(f, 20);
    assert_int_equal(f->writable, 0);
    drain_peer(f);
    assert_true(run_until(f, &f->writable, 1));
    turn(f, 20);
    assert_int_equal(f->writable, 1);
}

static void room_that_is_asked_for_while_it_is_told_is_told_again(void **state)
{
    struct fixture *f = *state;

    f->watches = 3;
    tg_socket_watch(&f->socket, TG_SOCKET_READABLE | TG_SOCKET_WRITABLE);
    assert_true(run_until(f, &f->writable, 4));
    turn(f, 20);
    assert_int_equal(f->writable, 4);
}

static void room_that_is_no_longer_asked_for_is_not_told(void **state)
{
    struct fixture *f = *state;

    tg_socket_watch(&f->socket, TG_SOCKET_READABLE | TG_SOCKET_WRITABLE);
    tg_socket_watch(&f->socket, TG_SOCKET_READABLE);
    turn(f, 20);
    assert_int_equal(f->writable, 0);
}

/* ---- the end ----------------------------------------------------------------------------------- */

static int listen_here(struct sockaddr_in *ret_address)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t length = sizeof(*ret_address);

    *ret_address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    assert_int_equal(bind(fd, (struct sockaddr *)ret_address, length), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)ret_address, &length), 0);
    return fd;
}

static struct tg_tls_server *make_tls_server(void)
{
    char folder[] = "/tmp/tidegate-net-XXXXXX", certificate[64], key[64], command[512];
    struct tg_tls_server *server = NULL;
    struct tg_buffer error = { 0 };

    assert_non_null(mkdtemp(folder));
    snprintf(certificate, sizeof(certificate), "%s/c.pem", folder);
    snprintf(key, sizeof(key), "%s/k.pem", folder);
    snprintf(command, sizeof(command),
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=a "
             "-keyout %s -out %s 2>/dev/null",
             key, certificate);
    assert_int_equal(system(command), 0);
    const struct tg_config_tls_server config = { .certificate = certificate, .key = key };
    assert_int_equal(tg_tls_server_new(&config, &server, &error), TG_OK);
    unlink(certificate);
    unlink(key);
    rmdir(folder);
    return server;
}

static void what_came_before_a_reset_can_be_read(void **state)
{
    struct fixture *f = *state;
    struct tg_socket socket = { 0 };
    struct sockaddr_in address;
    const struct linger reset = { .l_onoff = 1 };
    int listener = listen_here(&address);

    assert_int_equal(
        tg_socket_connect(&socket, f->net, (struct sockaddr *)&address, sizeof(address), on_events), TG_OK);
    assert_true(run_until(f, &f->writable, 1));
    int peer = accept(listener, NULL, NULL);
    tg_socket_watch(&socket, 0);
    assert_int_equal(write(peer, "before", 6), 6);
    assert_int_equal(setsockopt(peer, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
    close(peer);
    f->closes = true;
    tg_socket_watch(&socket, TG_SOCKET_READABLE);
    for (int i = 0; i < 5000 && tg_socket_is_open(&socket); i++)
        turn(f, 1);
    assert_false(tg_socket_is_open(&socket));
    assert_int_equal(f->got_length, 6);
    assert_memory_equal(f->got, "before", 6);
    close(listener);
}

static void a_socket_may_be_closed_while_it_is_told_of(void **state)
{
    struct fixture *f = *state;
    char byte;

    f->closes = true;
    assert_int_equal(write(f->peer, "x", 1), 1);
    assert_true(run_until(f, &f->readable, 1));
    assert_false(tg_socket_is_open(&f->socket));
    memset(&f->socket, 0x5a, sizeof(f->socket)); /* the memory is ours again */
    turn(f, 20);
    assert_int_equal(read(f->peer, &byte, 1), 0);
    assert_int_equal(f->broken, 0);
    f->socket = (struct tg_socket){ 0 };
}

/* Libwebsockets closes the descriptor a moment after it broke; its number is somebody else's by the time that a socket
 * which is still to be closed is written to. */
static void a_broken_socket_lets_go_of_its_descriptor(void **state)
{
    struct fixture *f = *state;
    struct tg_socket broken = { 0 };
    struct tg_tls_server *server = make_tls_server();
    int pair[2], others[2];
    char byte = 0;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    int fd = pair[0];
    assert_int_equal(tg_socket_adopt(&broken, f->net, fd, on_events), TG_OK);
    assert_int_equal(tg_socket_accept_tls(&broken, server), TG_OK);
    f->is_deaf = true;
    tg_socket_watch(&broken, TG_SOCKET_WRITABLE);
    fill_descriptor(fd);
    close(pair[1]); /* with unread bytes: a reset */
    assert_true(run_until(f, &f->broken, 1));
    for (int i = 0; i < 1000 && fcntl(fd, F_GETFD) >= 0; i++)
        turn(f, 1);
    assert_int_equal(fcntl(fd, F_GETFD), -1);

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, others), 0);
    assert_int_equal(dup2(others[0], fd), fd);
    assert_int_equal(write(others[1], "x", 1), 1);
    assert_int_equal(broken.ops->handshake(&broken), TG_ERR_CLOSED);
    assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), 1);
    assert_int_equal(byte, 'x');
    tg_socket_close(&broken);
    if (others[0] != fd)
        close(others[0]);
    close(fd);
    close(others[1]);
    tg_tls_server_free(server);
}

static void descriptors_come_back(void **state)
{
    struct fixture *f = *state;
    size_t before = count_descriptors();

    for (int i = 0; i < 2000; i++) {
        struct tg_socket socket;
        int pair[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
        assert_int_equal(tg_socket_adopt(&socket, f->net, pair[0], on_events), TG_OK);
        close(pair[1]);
        if (i % 3 == 0)
            turn(f, 1);
        if (i % 5 == 0)
            tg_socket_watch(&socket, TG_SOCKET_WRITABLE);
        tg_socket_close(&socket);
    }
    /* Some connections are kept for the sockets that come next. */
    for (int i = 0; i < 1000 && count_descriptors() > before + SPARES; i++)
        turn(f, 1);
    assert_true(count_descriptors() <= before + SPARES);
}

/* A connection of libwebsockets serves one socket after the other. */
static void the_next_socket_hears_of_itself_alone(void **state)
{
    struct fixture *f = *state;
    struct tg_socket socket;
    char byte;
    int pair[2];

    for (unsigned i = 1; i <= 50; i++) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
        assert_int_equal(tg_socket_adopt(&socket, f->net, pair[0], on_events), TG_OK);
        if (i % 3 == 0)
            tg_socket_watch(&socket, 0);
        if (i % 4 == 0)
            tg_socket_watch(&socket, TG_SOCKET_READABLE | TG_SOCKET_WRITABLE);
        turn(f, 3);
        tg_socket_watch(&socket, TG_SOCKET_READABLE);
        f->got_length = 0;
        unsigned told = f->readable;
        assert_int_equal(write(pair[1], "x", 1), 1);
        assert_true(run_until(f, &f->readable, told + 1));
        assert_int_equal(f->got_length, 1);
        turn(f, 5);
        assert_int_equal(f->readable, told + 1);
        if (i % 2 == 0) /* what is left unread goes with it */
            assert_int_equal(write(pair[1], "y", 1), 1);
        f->closes = i % 5 == 0;
        if (f->closes && i % 2 == 0)
            assert_true(run_until(f, &f->readable, told + 2));
        f->closes = false;
        tg_socket_close(&socket);
        turn(f, 5);
        assert_true(read(pair[1], &byte, 1) <= 0);
        assert_true(errno != EAGAIN || read(pair[1], &byte, 1) == 0);
        close(pair[1]);
    }
    assert_int_equal(f->broken, 0);
}

/* ---- connecting -------------------------------------------------------------------------------- */

static void a_connection_that_comes_up_is_writable(void **state)
{
    struct fixture *f = *state;
    struct tg_socket socket = { 0 };
    struct sockaddr_in address;
    int listener = listen_here(&address);
    size_t taken = 0;
    char text[8];

    assert_int_equal(
        tg_socket_connect(&socket, f->net, (struct sockaddr *)&address, sizeof(address), on_events), TG_OK);
    assert_int_equal(f->writable, 0);
    assert_true(run_until(f, &f->writable, 1));
    assert_int_equal(tg_socket_error(&socket), 0);
    int peer = accept(listener, NULL, NULL);
    assert_int_equal(socket.ops->write(&socket, "up", 2, &taken), TG_OK);
    assert_int_equal(read(peer, text, sizeof(text)), 2);
    tg_socket_close(&socket);
    turn(f, 20);
    assert_int_equal(read(peer, text, sizeof(text)), 0);
    close(peer);
    close(listener);
}

static void a_connection_that_is_refused_is_broken_and_says_why(void **state)
{
    struct fixture *f = *state;
    struct tg_socket socket = { 0 };
    struct sockaddr_in address;

    close(listen_here(&address)); /* nobody listens there now */
    assert_int_equal(
        tg_socket_connect(&socket, f->net, (struct sockaddr *)&address, sizeof(address), on_events), TG_OK);
    assert_true(run_until(f, &f->broken, 1));
    assert_int_equal(f->error, ECONNREFUSED);
    assert_false(tg_socket_is_open(&socket));
}

static void what_cannot_be_connected_fails_at_once(void **state)
{
    struct fixture *f = *state;
    struct tg_socket socket = { 0 };
    const struct sockaddr unknown = { .sa_family = AF_UNSPEC };

    assert_int_equal(tg_socket_connect(&socket, f->net, &unknown, sizeof(unknown), on_events), TG_ERR_IO);
    assert_false(tg_socket_is_open(&socket));
    tg_socket_close(&socket);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_arrives_is_told_and_can_be_read),
        TEST(a_side_that_ends_can_still_be_answered),
        TEST(nothing_is_told_of_a_socket_that_is_not_watched),
        TEST(room_is_told_once),
        TEST(room_that_is_asked_for_while_it_is_told_is_told_again),
        TEST(room_that_is_no_longer_asked_for_is_not_told),
        TEST(what_came_before_a_reset_can_be_read),
        TEST(a_socket_may_be_closed_while_it_is_told_of),
        TEST(a_broken_socket_lets_go_of_its_descriptor),
        TEST(descriptors_come_back),
        TEST(the_next_socket_hears_of_itself_alone),
        TEST(a_connection_that_comes_up_is_writable),
        TEST(a_connection_that_is_refused_is_broken_and_says_why),
        TEST(what_cannot_be_connected_fails_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
