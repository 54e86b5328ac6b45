/* The blocking client. Sockets time out by SO_RCVTIMEO and SO_SNDTIMEO (connect too) until the head is there;
 * then a body may take as long as it likes, and TCP keepalive finds out about peers that are gone. */
#include "http_client.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

struct tg_http_client {
    int fd;
    SSL_CTX *tls_context;
    SSL *tls;
    struct tg_http_body body;
    struct tg_buffer input; /* raw bytes that were read and not taken in yet */
};

enum { READ_BYTES = 64 * 1024 };

void tg_http_client_close(struct tg_http_client *client)
{
    if (!client)
        return;
    SSL_free(client->tls);
    SSL_CTX_free(client->tls_context);
    if (client->fd >= 0)
        close(client->fd);
    tg_buffer_deinit(&client->input);
    free(client);
}

/* ---- TCP --------------------------------------------------------------------------------------- */

static void set_timeouts(int fd, unsigned seconds)
{
    struct timeval limit = { .tv_sec = seconds };
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

static void set_keepalive(int fd)
{
    int yes = 1, idle_s = 30, every_s = 10, probes = 3;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof(yes));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every_s, sizeof(every_s));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
}

static enum tg_err connect_tcp(struct tg_http_client *client, const struct tg_http_get *get,
                               struct tg_buffer *ret_error)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
    int code = getaddrinfo(get->url->host, get->url->port, &hints, &found);
    if (code) {
        tg_buffer_appendf(ret_error, "%s: %s", get->url->host, gai_strerror(code));
        return TG_ERR_IO;
    }
    for (const struct addrinfo *entry = found; entry && client->fd < 0; entry = entry->ai_next) {
        int fd = socket(entry->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
            continue;
        set_timeouts(fd, get->timeout_s);
        if (connect(fd, entry->ai_addr, entry->ai_addrlen) == 0) {
            client->fd = fd;
            continue;
        }
        int saved_errno = errno == EINPROGRESS ? ETIMEDOUT : errno;
        close(fd);
        errno = saved_errno;
    }
    freeaddrinfo(found);
    if (client->fd >= 0) {
        set_keepalive(client->fd);
        return TG_OK;
    }
    tg_buffer_appendf(ret_error, "cannot connect to %s: %s", get->url->authority, strerror(errno));
    return TG_ERR_IO;
}

static enum tg_err connect_unix(struct tg_http_client *client, const struct tg_http_get *get,
                                struct tg_buffer *ret_error)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (strlen(get->unix_path) >= sizeof(address.sun_path))
        return TG_ERR_TOO_LARGE;
    strcpy(address.sun_path, get->unix_path);
    client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->fd < 0)
        return TG_ERR_IO;
    set_timeouts(client->fd, get->timeout_s);
    if (connect(client->fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
        return TG_OK;
    tg_buffer_appendf(ret_error, "cannot connect to %s: %s", get->unix_path, strerror(errno));
    return TG_ERR_IO;
}

/* ---- TLS --------------------------------------------------------------------------------------- */

/* A literal address is checked as such, and is no server name. */
static bool set_peer_name(SSL *tls, const char *host)
{
    X509_VERIFY_PARAM *check = SSL_get0_param(tls);
    if (X509_VERIFY_PARAM_set1_ip_asc(check, host))
        return true;
    ERR_clear_error();
    return SSL_set_tlsext_host_name(tls, host) && SSL_set1_host(tls, host);
}

static enum tg_err connect_tls(struct tg_http_client *client, const struct tg_http_get *get,
                               struct tg_buffer *ret_error)
{
    client->tls_context = SSL_CTX_new(TLS_client_method());
    if (!client->tls_context)
        return TG_ERR_TLS;
    SSL_CTX_set_min_proto_version(client->tls_context, TLS1_2_VERSION);
    SSL_CTX_set_default_verify_paths(client->tls_context);
    SSL_CTX_set_verify(client->tls_context, get->is_insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    client->tls = SSL_new(client->tls_context);
    if (!client->tls || !set_peer_name(client->tls, get->url->host) || !SSL_set_fd(client->tls, client->fd))
        return TG_ERR_TLS;
    if (SSL_connect(client->tls) == 1)
        return TG_OK;

    long verdict = SSL_get_verify_result(client->tls);
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    if (!get->is_insecure && verdict != X509_V_OK)
        reason = X509_verify_cert_error_string(verdict);
    tg_buffer_appendf(ret_error, "no TLS with %s: %s", get->url->authority,
                      reason ? reason : "the connection ended");
    return TG_ERR_TLS;
}

/* ---- bytes ------------------------------------------------------------------------------------- */

static enum tg_err send_all(struct tg_http_client *client, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = client->tls ? SSL_write(client->tls, bytes, length > 16384 ? 16384 : (int)length)
                                   : send(client->fd, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0)
            return TG_ERR_IO;
        bytes += sent;
        length -= (size_t)sent;
    }
    return TG_OK;
}

/* TG_ERR_CLOSED: the peer has ended the connection. */
static enum tg_err receive(struct tg_http_client *client)
{
    enum tg_err err = tg_buffer_reserve(&client->input, READ_BYTES + 1);
    if (err)
        return err;
    char *space = client->input.data + client->input.length;
    ssize_t got =
        client->tls ? SSL_read(client->tls, space, READ_BYTES) : recv(client->fd, space, READ_BYTES, 0);
    if (got > 0) {
        client->input.length += (size_t)got;
        return TG_OK;
    }
    if (client->tls)
        return SSL_get_error(client->tls, (int)got) == SSL_ERROR_ZERO_RETURN ? TG_ERR_CLOSED : TG_ERR_IO;
    return got == 0 ? TG_ERR_CLOSED : TG_ERR_IO;
}

static enum tg_err ask(struct tg_http_client *client, const struct tg_http_get *get)
{
    struct tg_buffer request = { 0 };
    tg_buffer_appendf(&request,
                      "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: tidegate/" TIDEGATE_VERSION "\r\n%s\r\n",
                      get->method ? get->method : "GET", get->url->target, get->url->authority,
                      tg_text_or_empty(get->header_lines));
    enum tg_err err = send_all(client, request.data, request.length);
    tg_buffer_deinit(&request);
    return err;
}

static enum tg_err read_head(struct tg_http_client *client, struct tg_http_head *ret_head,
                             struct tg_buffer *ret_error)
{
    size_t head_length = 0;
    for (;;) {
        enum tg_err err = tg_http_head_parse(tg_text_or_empty(client->input.data), client->input.length,
                                             ret_head, &head_length);
        if (err == TG_OK) {
            tg_buffer_consume(&client->input, head_length);
            if (ret_head->status >= 200)
                return TG_OK;
            continue; /* 1xx: the answer follows */
        }
        if (err == TG_ERR_AGAIN)
            err = receive(client);
        if (err) {
            tg_buffer_appendf(ret_error, "no answer: %s",
                              err == TG_ERR_IO && errno == EAGAIN ? "it took too long" : tg_err_text(err));
            return err;
        }
    }
}

/* ---- the façade -------------------------------------------------------------------------------- */

enum tg_err tg_http_client_get(const struct tg_http_get *get, struct tg_http_client **ret_client,
                               struct tg_http_head *ret_head, struct tg_buffer *ret_error)
{
    struct tg_http_client *client = tg_alloc(sizeof(*client));
    struct tg_http_head head = { 0 };
    client->fd = -1;
    enum tg_err err =
        get->unix_path ? connect_unix(client, get, ret_error) : connect_tcp(client, get, ret_error);
    if (!err && get->url->is_secure)
        err = connect_tls(client, get, ret_error);
    if (err)
        goto fail;
    err = ask(client, get);
    if (err) {
        tg_buffer_append_str(ret_error, "the request could not be sent");
        goto fail;
    }
    err = read_head(client, &head, ret_error);
    if (err)
        goto fail;
    set_timeouts(client->fd, 0);
    tg_http_body_begin(&client->body, &head);
    *ret_head = head;
    *ret_client = client;
    return TG_OK;
fail:
    tg_http_client_close(client);
    return err;
}

enum tg_err tg_http_client_read(struct tg_http_client *client, struct tg_buffer *out)
{
    if (client->body.is_complete)
        return TG_ERR_CLOSED;
    if (client->input.length == 0) {
        enum tg_err err = receive(client);
        if (err == TG_ERR_CLOSED && !tg_http_body_may_end(&client->body))
            return TG_ERR_IO;
        if (err)
            return err;
    }
    enum tg_err err = tg_http_body_feed(&client->body, client->input.data, client->input.length, out);
    tg_buffer_clear(&client->input);
    return err;
}
