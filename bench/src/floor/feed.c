/* The feed; see feed.h. */
#include "feed.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_BYTES = 256 * 1024, CONTROL_BYTES_MAX = 125, NONCE_BYTES = 16 };
enum { OP_TEXT = 1, OP_BINARY = 2, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10 };

static bool fail(struct floor_feed *feed, const char *error)
{
    feed->error = error;
    return false;
}

/* ---- connecting --------------------------------------------------------------------------------------- */

struct target {
    char host[256], port[8], path[1024];
};

static bool parse_url(const char *url, struct target *target)
{
    strcpy(target->path, "/");
    return sscanf(url, "ws://%255[^:/]:%7[0-9]%1023[^\n]", target->host, target->port, target->path) >= 2 &&
           target->path[0] == '/';
}

static int open_socket(const struct target *target)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
    int fd = -1;
    if (getaddrinfo(target->host, target->port, &hints, &found) != 0)
        return -1;
    for (struct addrinfo *at = found; at && fd < 0; at = at->ai_next) {
        fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, at->ai_addr, at->ai_addrlen) != 0) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(found);
    return fd;
}

static bool send_request(const struct floor_feed *feed, const struct target *target)
{
    unsigned char nonce[NONCE_BYTES], key[4 * (NONCE_BYTES / 3 + 1) + 1];
    char request[2048];
    if (getrandom(nonce, sizeof(nonce), 0) != (ssize_t)sizeof(nonce))
        return false;
    EVP_EncodeBlock(key, nonce, sizeof(nonce));
    int length = snprintf(request, sizeof(request),
                          "GET %s HTTP/1.1\r\nHost: %s:%s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n",
                          target->path, target->host, target->port, (char *)key);
    return send(feed->fd, request, (size_t)length, MSG_NOSIGNAL) == length;
}

/* What follows the answer stays in the buffer. */
static bool read_answer(struct floor_feed *feed)
{
    static const char expected[] = "HTTP/1.1 101";
    const char *end;
    while (!(end = memmem(feed->buffer, feed->length, "\r\n\r\n", 4))) {
        ssize_t length = recv(feed->fd, feed->buffer + feed->length, READ_BYTES, 0);
        if (length <= 0 || feed->length > READ_BYTES)
            return false;
        feed->length += (size_t)length;
    }
    size_t head_length = (size_t)(end - feed->buffer) + 4;
    if (memcmp(feed->buffer, expected, strlen(expected)) != 0)
        return false;
    feed->length -= head_length;
    memmove(feed->buffer, feed->buffer + head_length, feed->length);
    return true;
}

bool floor_feed_connect(struct floor_feed *feed, const char *url)
{
    struct target target;
    *feed = (struct floor_feed){ .fd = -1, .buffer = malloc(FLOOR_FEED_BUFFER_BYTES) };
    if (!feed->buffer)
        return fail(feed, "no memory");
    if (!parse_url(url, &target))
        return fail(feed, "the URL is not ws://host:port/path");
    feed->fd = open_socket(&target);
    if (feed->fd < 0)
        return fail(feed, "cannot connect");
    if (!send_request(feed, &target) || !read_answer(feed))
        return fail(feed, "no WebSocket there");
    int on = 1;
    setsockopt(feed->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    fcntl(feed->fd, F_SETFL, fcntl(feed->fd, F_GETFL) | O_NONBLOCK);
    return true;
}

/* ---- reading ------------------------------------------------------------------------------------------ */

struct frame {
    unsigned char first_byte;
    const char *data;
    size_t length, total_length;
};

/* 1: a whole frame; 0: not all of it is there; -1: one that we do not take. */
static int parse_frame(const char *bytes, size_t length, struct frame *ret_frame)
{
    const unsigned char *at = (const unsigned char *)bytes;
    size_t head_length = 2;
    if (length < 2)
        return 0;
    if (at[1] & 0x80) /* servers do not mask */
        return -1;
    uint64_t data_length = at[1];
    if (data_length >= 126) {
        size_t count = data_length == 126 ? 2 : 8;
        head_length += count;
        if (length < head_length)
            return 0;
        data_length = 0;
        for (size_t i = 0; i < count; i++)
            data_length = data_length << 8 | at[2 + i];
    }
    if (data_length > FLOOR_FEED_BUFFER_BYTES - READ_BYTES - head_length)
        return -1;
    *ret_frame =
        (struct frame){ at[0], bytes + head_length, (size_t)data_length, head_length + (size_t)data_length };
    return length < ret_frame->total_length ? 0 : 1;
}

static bool send_pong(struct floor_feed *feed, const struct frame *ping)
{
    /* A client must mask, but the mask may be all zeros. */
    char pong[2 + 4 + CONTROL_BYTES_MAX] = { (char)(0x80 | OP_PONG), (char)(0x80 | ping->length) };
    if (ping->length > CONTROL_BYTES_MAX)
        return fail(feed, "a ping was too long");
    memcpy(pong + 6, ping->data, ping->length);
    if (send(feed->fd, pong, 6 + ping->length, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        return fail(feed, "it takes no pong");
    return true;
}

static bool take_frame(struct floor_feed *feed, const struct frame *frame, floor_message_fn *on_message,
                       void *arg)
{
    switch (frame->first_byte) {
    case 0x80 | OP_TEXT:
    case 0x80 | OP_BINARY:
        on_message(arg, frame->data, frame->length);
        return true;
    case 0x80 | OP_PING:
        return send_pong(feed, frame);
    case 0x80 | OP_PONG:
        return true;
    case 0x80 | OP_CLOSE:
        return fail(feed, "it said goodbye");
    default:
        return fail(feed, "it sent a message in pieces, or compressed");
    }
}

bool floor_feed_read(struct floor_feed *feed, floor_message_fn *on_message, void *arg)
{
    ssize_t length = recv(feed->fd, feed->buffer + feed->length, READ_BYTES, 0);
    if (length == 0)
        return fail(feed, "it closed the connection");
    if (length < 0 && errno != EAGAIN && errno != EINTR)
        return fail(feed, "the connection broke");
    if (length > 0)
        feed->length += (size_t)length;

    size_t used = 0;
    struct frame frame;
    int result;
    while ((result = parse_frame(feed->buffer + used, feed->length - used, &frame)) == 1) {
        if (!take_frame(feed, &frame, on_message, arg))
            return false;
        used += frame.total_length;
    }
    if (result < 0)
        return fail(feed, "it sent a frame that is masked or too long");
    feed->length -= used;
    memmove(feed->buffer, feed->buffer + used, feed->length);
    return true;
}
