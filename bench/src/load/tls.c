#include "tls.h"

#include "connection.h"
#include "load.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

enum { RECORD_BYTES = 17 * 1024 }; /* of which OpenSSL may hold a part from the read before */

struct load_tls {
    SSL *ssl;
    struct load_connection *connection;
    struct load_bytes input;
};

static char plain_buffer[LOAD_READ_BYTES + RECORD_BYTES];

/* ---- the BIO ------------------------------------------------------------------------------------------ */

static int on_bio_write(BIO *bio, const char *data, int length)
{
    struct load_tls *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    return load_connection_send_raw(tls->connection, data, (size_t)length) ? length : -1;
}

static int on_bio_read(BIO *bio, char *data, int capacity)
{
    struct load_tls *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    size_t length = tls->input.length < (size_t)capacity ? tls->input.length : (size_t)capacity;
    if (length == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(data, tls->input.data, length);
    tls->input.data += length;
    tls->input.length -= length;
    return (int)length;
}

static long on_bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static BIO *make_bio(struct load_tls *tls)
{
    static BIO_METHOD *method;
    if (!method) {
        method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "load");
        if (!method)
            abort();
        BIO_meth_set_write(method, on_bio_write);
        BIO_meth_set_read(method, on_bio_read);
        BIO_meth_set_ctrl(method, on_bio_ctrl);
    }
    BIO *bio = BIO_new(method);
    if (!bio)
        abort();
    BIO_set_data(bio, tls);
    BIO_set_init(bio, 1);
    return bio;
}

/* ---- sessions ----------------------------------------------------------------------------------------- */

SSL_CTX *load_tls_context(bool is_h2)
{
    static const unsigned char h2[] = "\x02h2", http1[] = "\x08http/1.1";
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (!context || !SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION))
        abort();
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    const unsigned char *protocols = is_h2 ? h2 : http1;
    if (SSL_CTX_set_alpn_protos(context, protocols, (unsigned)strlen((const char *)protocols)) != 0)
        abort();
    return context;
}

struct load_tls *load_tls_new(SSL_CTX *context, struct load_connection *connection)
{
    struct load_tls *tls = load_alloc(sizeof(*tls));
    tls->connection = connection;
    tls->ssl = SSL_new(context);
    if (!tls->ssl)
        abort();
    BIO *bio = make_bio(tls);
    SSL_set_bio(tls->ssl, bio, bio);
    SSL_set_connect_state(tls->ssl);
    return tls;
}

void load_tls_free(struct load_tls *tls)
{
    if (!tls)
        return;
    SSL_free(tls->ssl);
    free(tls);
}

void load_tls_put(struct load_tls *tls, struct load_bytes input)
{
    tls->input = input;
}

static enum load_tls_result result_of(const struct load_tls *tls, int result)
{
    return SSL_get_error(tls->ssl, result) == SSL_ERROR_WANT_READ ? LOAD_TLS_MORE : LOAD_TLS_END;
}

static bool has_protocol(const struct load_tls *tls)
{
    const unsigned char *name;
    unsigned length;
    if (!tls->connection->load->options.is_h2)
        return true;
    SSL_get0_alpn_selected(tls->ssl, &name, &length);
    return length == 2 && memcmp(name, "h2", 2) == 0;
}

enum load_tls_result load_tls_shake(struct load_tls *tls)
{
    ERR_clear_error();
    int result = SSL_do_handshake(tls->ssl);
    if (result != 1)
        return result_of(tls, result);
    return has_protocol(tls) ? LOAD_TLS_OK : LOAD_TLS_END;
}

enum load_tls_result load_tls_read(struct load_tls *tls, struct load_bytes *ret_plain)
{
    size_t total = 0;
    int length;
    ERR_clear_error();
    while ((length = SSL_read(tls->ssl, plain_buffer + total, (int)(sizeof(plain_buffer) - total))) > 0)
        total += (size_t)length;
    *ret_plain = (struct load_bytes){ plain_buffer, total };
    return result_of(tls, length);
}

bool load_tls_write(struct load_tls *tls, const char *data, size_t length)
{
    ERR_clear_error();
    return SSL_write(tls->ssl, data, (int)length) > 0; /* our BIO takes all */
}
