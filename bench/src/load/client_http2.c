/* Clients that share HTTP/2 connections: each is a stream. The windows are large, so that it is the server's own
 * pace, and not waiting for us, that is measured. */
#include "connection.h"
#include "load.h"

#include <nghttp2/nghttp2.h>
#include <stdlib.h>
#include <string.h>

enum {
    STREAM_WINDOW_BYTES = 1024 * 1024,
    CONNECTION_WINDOW_BYTES = 16 * 1024 * 1024,
    FLUSH_BYTES = 32 * 1024,
    PATH_BYTES = 2048,
};

struct carrier {
    struct load_connection connection; /* first */
    nghttp2_session *session;          /* from on_open on */
    uint32_t asked_count;              /* clients that were ever put on it */
    struct load_client *clients[];     /* NULL: gone */
};

/* The one that the next client is put on, if it has room. */
static struct carrier *filling;

static struct carrier *carrier_of(struct load_connection *connection)
{
    return (struct carrier *)connection;
}

/* ---- what nghttp2 tells ------------------------------------------------------------------------------- */

static void forget(struct carrier *carrier, const struct load_client *client)
{
    for (uint32_t i = 0; i < carrier->asked_count; i++) {
        if (carrier->clients[i] == client) {
            carrier->clients[i] = NULL;
            carrier->connection.client_count--;
            return;
        }
    }
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_length, const uint8_t *value, size_t value_length, uint8_t flags, void *arg)
{
    (void)flags;
    (void)arg;
    struct load_client *client = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (!client || frame->hd.type != NGHTTP2_HEADERS || name_length != 7 || memcmp(name, ":status", 7) != 0)
        return 0;
    if (value_length == 3 && value[0] == '1') /* another head follows */
        return 0;
    unsigned status = value_length == 3 && memcmp(value, "200", 3) == 0 ? 200 : 0;
    if (!load_client_on_head(client, status))
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* resets the stream */
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *data,
                   size_t length, void *arg)
{
    (void)flags;
    (void)arg;
    struct load_client *client = nghttp2_session_get_stream_user_data(session, stream);
    if (client) {
        load_client_on_body(client, (struct load_bytes){ (const char *)data, length });
        load_client_settle(client);
    }
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream, uint32_t code, void *arg)
{
    (void)code;
    struct load_client *client = nghttp2_session_get_stream_user_data(session, stream);
    if (client) {
        forget(arg, client);
        load_client_on_end(client);
    }
    return 0;
}

static nghttp2_session *make_session(struct carrier *carrier)
{
    nghttp2_session *session;
    nghttp2_session_callbacks *callbacks;
    const nghttp2_settings_entry settings[] = {
        { NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
        { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW_BYTES },
    };
    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        abort();
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    if (nghttp2_session_client_new(&session, callbacks, carrier) != 0 ||
        nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, 2) != 0 ||
        nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, CONNECTION_WINDOW_BYTES) != 0)
        abort();
    nghttp2_session_callbacks_del(callbacks);
    return session;
}

/* ---- requests ----------------------------------------------------------------------------------------- */

static nghttp2_nv make_header(const char *name, const char *value, size_t value_length)
{
    return (nghttp2_nv){ (uint8_t *)name, (uint8_t *)value, strlen(name), value_length,
                         NGHTTP2_NV_FLAG_NONE };
}

static void submit(struct carrier *carrier, struct load_client *client)
{
    const struct load_options *options = &client->load->options;
    const struct load_sse_id *id = &client->sse.id;
    char path[PATH_BYTES];
    load_client_path(client, path, sizeof(path));
    const char *scheme = options->is_tls ? "https" : "http";
    const nghttp2_nv headers[] = {
        make_header(":method", "GET", 3),
        make_header(":scheme", scheme, strlen(scheme)),
        make_header(":authority", options->authority, strlen(options->authority)),
        make_header(":path", path, strlen(path)),
        make_header("accept", "text/event-stream", 17),
        make_header("cache-control", "no-cache", 8),
        make_header("last-event-id", id->text, id->length),
    };
    size_t count = sizeof(headers) / sizeof(headers[0]) - (id->length == 0);
    int32_t stream = nghttp2_submit_request(carrier->session, NULL, headers, count, NULL, client);
    if (stream < 0)
        abort(); /* no memory, or a billion streams */
    client->h2_stream = stream;
}

/* Sends what nghttp2 has to say, many frames at a time. False: the connection is broken. */
static bool send_frames(struct carrier *carrier)
{
    char batch[FLUSH_BYTES];
    size_t used = 0;
    const uint8_t *data;
    for (ssize_t length; (length = nghttp2_session_mem_send(carrier->session, &data)) > 0;) {
        if (used + (size_t)length > sizeof(batch)) {
            if (!load_connection_send(&carrier->connection, batch, used))
                return false;
            used = 0;
        }
        if ((size_t)length > sizeof(batch))
            return false; /* no frame of ours is so large */
        memcpy(batch + used, data, (size_t)length);
        used += (size_t)length;
    }
    return used == 0 || load_connection_send(&carrier->connection, batch, used);
}

static bool on_open(struct load_connection *connection)
{
    struct carrier *carrier = carrier_of(connection);
    carrier->session = make_session(carrier);
    for (uint32_t i = 0; i < carrier->asked_count; i++) {
        if (carrier->clients[i])
            submit(carrier, carrier->clients[i]);
    }
    return send_frames(carrier);
}

static bool on_input(struct load_connection *connection, struct load_bytes input)
{
    struct carrier *carrier = carrier_of(connection);
    connection->load->stats.bytes += input.length;
    ssize_t taken = nghttp2_session_mem_recv(carrier->session, (const uint8_t *)input.data, input.length);
    return taken >= 0 && send_frames(carrier) && carrier->connection.client_count > 0;
}

/* ---- life --------------------------------------------------------------------------------------------- */

static void dispose(struct carrier *carrier, bool is_reset)
{
    if (filling == carrier)
        filling = NULL;
    load_connection_close(&carrier->connection, is_reset);
    nghttp2_session_del(carrier->session);
    free(carrier);
}

static void on_end(struct load_connection *connection)
{
    struct carrier *carrier = carrier_of(connection);
    for (uint32_t i = 0; i < carrier->asked_count; i++) {
        struct load_client *client = carrier->clients[i];
        carrier->clients[i] = NULL;
        if (client)
            load_client_on_end(client);
    }
    dispose(carrier, false);
}

static const struct load_connection_kind kind = { on_open, on_input, on_end };

static struct carrier *open_carrier(struct load *load)
{
    const struct load_options *options = &load->options;
    struct carrier *carrier =
        load_alloc(sizeof(*carrier) + options->streams_per_connection * sizeof(struct load_client *));
    if (load_connection_open(&carrier->connection, load, &kind, NULL))
        return carrier;
    free(carrier);
    return NULL;
}

static bool has_room(const struct carrier *carrier)
{
    return carrier->asked_count < carrier->connection.load->options.streams_per_connection &&
           (!carrier->session || nghttp2_session_check_request_allowed(carrier->session));
}

static bool ask(struct load_client *client)
{
    if (!filling || !has_room(filling))
        filling = open_carrier(client->load);
    struct carrier *carrier = filling;
    if (!carrier)
        return false;
    carrier->clients[carrier->asked_count++] = client;
    carrier->connection.client_count++;
    client->connection = &carrier->connection;
    if (carrier->session) {
        submit(carrier, client);
        (void)send_frames(carrier); /* a failure is reported by epoll */
    }
    return true;
}

static void drop(struct load_client *client, bool is_reset)
{
    struct carrier *carrier = carrier_of(client->connection);
    forget(carrier, client);
    if (carrier->connection.client_count == 0) {
        dispose(carrier, is_reset);
        return;
    }
    if (carrier->session) {
        nghttp2_session_set_stream_user_data(carrier->session, client->h2_stream, NULL);
        nghttp2_submit_rst_stream(carrier->session, NGHTTP2_FLAG_NONE, client->h2_stream, NGHTTP2_CANCEL);
    }
}

const struct load_protocol load_protocol_http2 = { ask, drop };
