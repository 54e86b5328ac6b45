/* A client on an HTTP/1.1 connection of its own. */
#include "connection.h"
#include "load.h"

#include <stdio.h>
#include <stdlib.h>

enum { REQUEST_BYTES = 4096 };

struct carrier {
    struct load_connection connection; /* first */
    struct load_http1 reader;
    struct load_client *client;
};

static struct carrier *carrier_of(struct load_connection *connection)
{
    return (struct carrier *)connection;
}

static bool on_open(struct load_connection *connection)
{
    const struct load_client *client = carrier_of(connection)->client;
    const struct load_sse_id *id = &client->sse.id;
    char path[REQUEST_BYTES / 2], request[REQUEST_BYTES];
    load_client_path(client, path, sizeof(path));
    int length =
        snprintf(request, sizeof(request),
                 "GET %s HTTP/1.1\r\nHost: %s\r\nAccept: text/event-stream\r\nCache-Control: no-cache\r\n"
                 "%s%.*s%s\r\n",
                 path, connection->load->options.authority, id->length ? "Last-Event-ID: " : "",
                 (int)id->length, id->text, id->length ? "\r\n" : "");
    return load_connection_send(connection, request, (size_t)length);
}

static bool take(struct carrier *carrier, struct load_bytes input)
{
    struct load_bytes body;
    for (;;) {
        switch (load_http1_next(&carrier->reader, &input, &body)) {
        case LOAD_HTTP1_BODY:
            load_client_on_body(carrier->client, body);
            break;
        case LOAD_HTTP1_HEAD:
            if (!load_client_on_head(carrier->client, carrier->reader.status))
                return false;
            break;
        case LOAD_HTTP1_MORE:
            return true;
        case LOAD_HTTP1_DONE:
        case LOAD_HTTP1_BROKEN:
            return false;
        }
    }
}

static bool on_input(struct load_connection *connection, struct load_bytes input)
{
    struct carrier *carrier = carrier_of(connection);
    connection->load->stats.bytes += input.length;
    bool goes_on = take(carrier, input);
    load_client_settle(carrier->client);
    return goes_on;
}

static void dispose(struct carrier *carrier, bool is_reset)
{
    load_connection_close(&carrier->connection, is_reset);
    load_http1_reset(&carrier->reader);
    free(carrier);
}

static void on_end(struct load_connection *connection)
{
    struct load_client *client = carrier_of(connection)->client;
    dispose(carrier_of(connection), false);
    load_client_on_end(client);
}

static const struct load_connection_kind kind = { on_open, on_input, on_end };

static bool ask(struct load_client *client)
{
    struct carrier *carrier = load_alloc(sizeof(*carrier));
    carrier->client = client;
    if (!load_connection_open(&carrier->connection, client->load, &kind, NULL)) {
        free(carrier);
        return false;
    }
    carrier->connection.client_count = 1;
    client->connection = &carrier->connection;
    return true;
}

static void drop(struct load_client *client, bool is_reset)
{
    dispose(carrier_of(client->connection), is_reset);
}

const struct load_protocol load_protocol_http1 = { ask, drop };
