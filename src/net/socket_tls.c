/* Bytes sealed by TLS: OpenSSL above, the socket below, and between them a BIO of our own.
 *
 *      write() ─► SSL_write ─► on_bio_write ─► send()
 *                                   └─ what the socket does not take ─► leftover, on the heap
 *
 * The BIO reports every write as done. So SSL_write never has to be repeated with the same bytes, and a
 * cursor may move as soon as write() has taken them. While there is leftover, write() takes nothing: it stays
 * within one record, but for the handshake and alerts, which are OpenSSL's own. */
#include "tls_server.h"

#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    RECORD_BYTES = 16 * 1024,        /* RFC 8446 section 5.1 */
    LEFTOVER_BYTES_MAX = 128 * 1024, /* a peer that makes OpenSSL answer without reading gets no more */
};

struct session {
    SSL *ssl;
    struct tg_socket *socket; /* not its descriptor, which it loses before it is closed */
    bool is_broken;           /* no close_notify after a fatal error (SSL_shutdown(3)) */
    struct tg_buffer leftover;
};

/* ---- the BIO ------------------------------------------------------------------------------------------ */

static int on_bio_write(BIO *bio, const char *bytes, int length)
{
    struct session *session = BIO_get_data(bio);
    size_t taken = 0;
    BIO_clear_retry_flags(bio);
    if (session->leftover.length == 0 &&
        tg_descriptor_write(session->socket->fd, bytes, (size_t)length, &taken))
        return -1;
    size_t left = (size_t)length - taken;
    if (session->leftover.length + left > LEFTOVER_BYTES_MAX)
        return -1;
    if (left > 0 && tg_buffer_append(&session->leftover, bytes + taken, left))
        return -1;
    return length;
}

static int on_bio_read(BIO *bio, char *bytes, int capacity)
{
    struct session *session = BIO_get_data(bio);
    size_t length;
    BIO_clear_retry_flags(bio);
    enum tg_err err = tg_descriptor_read(session->socket->fd, bytes, (size_t)capacity, &length);
    if (!err)
        return (int)length;
    if (err == TG_ERR_CLOSED)
        return 0;
    if (err == TG_ERR_AGAIN)
        BIO_set_retry_read(bio);
    return -1;
}

static long on_bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static BIO_METHOD *bio_method;
static pthread_once_t bio_method_once = PTHREAD_ONCE_INIT;

static void make_bio_method(void)
{
    bio_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "tidegate socket");
    if (!bio_method)
        return;
    BIO_meth_set_write(bio_method, on_bio_write);
    BIO_meth_set_read(bio_method, on_bio_read);
    BIO_meth_set_ctrl(bio_method, on_bio_ctrl);
}

/* ---- the table ------------------------------------------------------------------------------------ */

/* What SSL_get_error says, in our words. */
static enum tg_err result_of(struct session *session, int result)
{
    int code = SSL_get_error(session->ssl, result);
    if (code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE)
        return TG_ERR_AGAIN;
    if (code == SSL_ERROR_ZERO_RETURN)
        return TG_ERR_CLOSED;
    session->is_broken = true;
    unsigned long reason = ERR_peek_error();
    ERR_clear_error();
    if (ERR_GET_LIB(reason) == ERR_LIB_SSL && ERR_GET_REASON(reason) == SSL_R_HTTP_REQUEST)
        return TG_ERR_PROTOCOL;
    return code == SSL_ERROR_SYSCALL ? TG_ERR_CLOSED : TG_ERR_TLS;
}

static enum tg_err tls_flush(struct tg_socket *socket)
{
    struct session *session = socket->session;
    size_t taken = 0;
    if (session->leftover.length == 0)
        return TG_OK;
    enum tg_err err =
        tg_descriptor_write(socket->fd, session->leftover.data, session->leftover.length, &taken);
    if (err)
        return err;
    if (taken < session->leftover.length) {
        tg_buffer_consume(&session->leftover, taken);
        return TG_ERR_AGAIN;
    }
    tg_buffer_deinit(&session->leftover);
    return TG_OK;
}

static enum tg_err tls_handshake(struct tg_socket *socket)
{
    struct session *session = socket->session;
    enum tg_err err = tls_flush(socket);
    if (err && err != TG_ERR_AGAIN)
        return err;
    ERR_clear_error();
    int result = SSL_do_handshake(session->ssl);
    return result == 1 ? TG_OK : result_of(session, result);
}

static enum tg_err tls_read(struct tg_socket *socket, char *bytes, size_t capacity, size_t *ret_length)
{
    struct session *session = socket->session;
    ERR_clear_error();
    int result = SSL_read(session->ssl, bytes, (int)capacity);
    if (result <= 0)
        return result_of(session, result);
    *ret_length = (size_t)result;
    return TG_OK;
}

static enum tg_err tls_write(struct tg_socket *socket, const char *bytes, size_t length, size_t *ret_length)
{
    struct session *session = socket->session;
    size_t taken = 0;
    while (taken < length && session->leftover.length == 0) {
        size_t step = length - taken < RECORD_BYTES ? length - taken : RECORD_BYTES;
        ERR_clear_error();
        int result = SSL_write(session->ssl, bytes + taken, (int)step);
        if (result <= 0) {
            if (result_of(session, result) == TG_ERR_AGAIN)
                break;
            return TG_ERR_IO;
        }
        taken += (size_t)result;
    }
    *ret_length = taken;
    return TG_OK;
}

static bool tls_has_leftover(const struct tg_socket *socket)
{
    const struct session *session = socket->session;
    return session->leftover.length > 0;
}

static bool tls_has_input(const struct tg_socket *socket)
{
    const struct session *session = socket->session;
    return SSL_pending(session->ssl) > 0;
}

static void tls_end(struct tg_socket *socket)
{
    struct session *session = socket->session;
    if (session->is_broken)
        return;
    ERR_clear_error();
    (void)SSL_shutdown(session->ssl);
    ERR_clear_error();
    (void)tls_flush(socket);
}

static void tls_deinit(struct tg_socket *socket)
{
    struct session *session = socket->session;
    SSL_free(session->ssl); /* and its BIO */
    tg_buffer_deinit(&session->leftover);
    free(session);
    socket->session = NULL;
}

static const struct tg_socket_ops tls_ops = {
    .handshake = tls_handshake,
    .read = tls_read,
    .write = tls_write,
    .flush = tls_flush,
    .has_leftover = tls_has_leftover,
    .has_input = tls_has_input,
    .end = tls_end,
    .deinit = tls_deinit,
};

enum tg_err tg_socket_accept_tls(struct tg_socket *socket, struct tg_tls_server *server)
{
    pthread_once(&bio_method_once, make_bio_method);
    SSL *ssl = SSL_new(server->ctx);
    BIO *bio = ssl && bio_method ? BIO_new(bio_method) : NULL;
    if (!bio) {
        SSL_free(ssl);
        ERR_clear_error();
        return TG_ERR_MEMORY;
    }
    struct session *session = tg_alloc(sizeof(*session));
    session->ssl = ssl;
    session->socket = socket;
    BIO_set_data(bio, session);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_accept_state(ssl);
    socket->ops = &tls_ops;
    socket->session = session;
    return TG_OK;
}

void tg_socket_drop_tls(struct tg_socket *socket)
{
    socket->ops->deinit(socket);
    socket->ops = &tg_socket_plain_ops;
}
