/* The option table itself, from the smallest objects up to the whole file: listening, clients, routes. Streams and
 * their `upstream` and `translate` have files of their own. Nothing but data: what is done with it stands in
 * option_values.c, option_fields.c, load.c, schema.c and reference.c. */
#include "option_rows.h"

/* A row in the tool's form would have a line for each field. */
/* clang-format off */

static const struct tg_option_word log_levels[] = {
    { "debug", TG_LOG_DEBUG },     { "info", TG_LOG_INFO },
    { "warning", TG_LOG_WARNING }, { "error", TG_LOG_ERROR },
    { 0 },
};
static const struct tg_option_word log_formats[] = {
    { "auto", TG_LOG_AUTO }, { "human", TG_LOG_HUMAN }, { "json", TG_LOG_JSON }, { 0 }
};
static const struct tg_option_word tls_versions[] = { { "1.2", 12 }, { "1.3", 13 }, { 0 } };

/* ---- listening ---------------------------------------------------------------------------------------- */

static const struct tg_option tls_server_options[] = {
    { .key = "certificate", .type = TG_OPTION_FILE, AT(tg_config_tls_server, certificate),
      .is_required = true,
      .grammar = &tg_grammar_file_name,
      .help = "PEM file with the server's certificate, followed by the chain that leads to its root." },
    { .key = "key", .type = TG_OPTION_FILE, AT(tg_config_tls_server, key), .is_required = true,
      .grammar = &tg_grammar_file_name, .help = "PEM file with the certificate's private key." },
    { .key = "min_version", .type = TG_OPTION_ENUM, AT(tg_config_tls_server, min_version),
      .words = tls_versions,
      .default_text = "1.2", .help = "The oldest version of TLS that clients may use." },
};
OBJECT(tls_server, .help = "Serves HTTPS instead of HTTP.");

static const struct tg_option listener_options[] = {
    { .key = "address", .type = TG_OPTION_STRING, AT(tg_config_listener, address), .default_text = "0.0.0.0",
      .grammar = &tg_grammar_ip_address,
      .help = "The IP address to listen on. `0.0.0.0` is every IPv4 address of the machine, `::` every "
              "address." },
    { .key = "port", .type = TG_OPTION_INTEGER, AT(tg_config_listener, port), .min = 0, .max = 65535,
      .default_text = "8080",
      .help = "The TCP port to listen on. With 0 the system chooses one, and the log says which." },
    { .key = "unix", .type = TG_OPTION_PATH, AT(tg_config_listener, unix_path),
      .grammar = &tg_grammar_socket_path,
      .help = "Listens on a Unix socket of this name instead of an address and a port." },
    { .key = "unix_mode", .type = TG_OPTION_MODE, AT(tg_config_listener, unix_mode), .min = 0, .max = 0777,
      .default_text = "0660", .help = "The file mode of the Unix socket, an octal number: who may connect." },
    { .key = "tls", .type = TG_OPTION_OBJECT, AT(tg_config_listener, tls), .object = &tls_server,
      .set_offset = offsetof(struct tg_config_listener, tls.is_set), .has_no_default_keys = true,
      .help = "Serves HTTPS here, with this certificate; without it, plain HTTP." },
};
OBJECT(listener, .size = sizeof(struct tg_config_listener),
       .help = "One place where clients connect: an address and a port, or a Unix socket.",
       .example = "{ \"address\": \"127.0.0.1\", \"port\": 8080 }");

static const struct tg_option admin_options[] = {
    { .key = "enabled", .type = TG_OPTION_BOOL, AT(tg_config_admin, enabled), .default_text = "true",
      .help = "Whether there is an admin port at all." },
    { .key = "address", .type = TG_OPTION_STRING, AT(tg_config_admin, address), .default_text = "127.0.0.1",
      .grammar = &tg_grammar_ip_address,
      .help = "The IP address of the admin port. Keep it where only operators can reach it: it has no "
              "login." },
    { .key = "port", .type = TG_OPTION_INTEGER, AT(tg_config_admin, port), .min = 0, .max = 65535,
      .default_text = "9090", .help = "The TCP port for metrics and health checks." },
};
OBJECT(admin,
.help = "Metrics and health checks, on a port of their own. When the file names this "
                      "object, Tidegate does not start without the port; else it only warns when the "
                      "port is taken.");

static const struct tg_option log_object_options[] = {
    { .key = "level", .type = TG_OPTION_ENUM, AT(tg_config_log, level), .words = log_levels,
      .default_text = "info",
      .help = "The least important lines that are written." },
    { .key = "format", .type = TG_OPTION_ENUM, AT(tg_config_log, format), .words = log_formats,
      .default_text = "auto",
      .help = "`human` writes lines for people, `json` one JSON object a line, `auto` is `human` on a "
              "terminal "
              "and `json` elsewhere." },
};
OBJECT(log_object, .help = "The log, which goes to standard error.");

static const struct tg_option tls_handshakes_options[] = {
    { .key = "per_second", .type = TG_OPTION_INTEGER, AT(tg_config_rate, per_second), .max = 1000000,
      .default_text = "1000",
      .help = "TLS handshakes that begin in a second, from all clients together. Further ones wait their turn. "
              "Resumed sessions count too. 0: no limit." },
    { .key = "burst", .type = TG_OPTION_INTEGER, AT(tg_config_rate, burst), .max = 1000000, .default_text = "0",
      .help = "How many may begin at once after a pause. 0: as many as `per_second`." },
};
OBJECT(tls_handshakes, .help = "How many TLS handshakes may begin in a second. One costs 0.3 ms of a core with an ECDSA key, "
                               "0.6 ms with an RSA key of 2,048 bits and 5 ms with one of 4,096: with such a key, set "
                               "a lower rate.");

static const struct tg_option tls_handshakes_per_address_options[] = {
    { .key = "per_second", .type = TG_OPTION_INTEGER, AT(tg_config_rate, per_second), .max = 1000000,
      .default_text = "200",
      .help = "TLS handshakes that begin in a second from one IP address, or from one /64 of IPv6. Tidegate "
              "closes connections beyond that; browsers come back by themselves. 0: no limit." },
    { .key = "burst", .type = TG_OPTION_INTEGER, AT(tg_config_rate, burst), .max = 1000000, .default_text = "1000",
      .help = "How many may begin at once after a pause. 0: as many as `per_second`." },
};
OBJECT(tls_handshakes_per_address,
       .help = "How many TLS handshakes each client's address may begin. Behind a load balancer that passes TLS "
               "through, all clients share its address: set `per_second` to 0, and let the balancer limit them.");

static const struct tg_option upstream_connects_options[] = {
    { .key = "per_second", .type = TG_OPTION_INTEGER, AT(tg_config_rate, per_second), .max = 1000000,
      .default_text = "200",
      .help = "Connections that begin in a second to one host and port, over all streams. Further ones wait their turn: "
              "streams alternate, and within a stream the first to wait goes first. The default lets a backend spend "
              "5 ms of a core on each login, and reconnects 10,000 keys in 50 s. 0: no limit." },
    { .key = "burst", .type = TG_OPTION_INTEGER, AT(tg_config_rate, burst), .max = 1000000, .default_text = "0",
      .help = "How many may begin at once after a pause, so that a few streams need not wait at start. 0: half of "
              "`per_second`." },
};
OBJECT(upstream_connects, .help = "How fast Tidegate connects to a backend. The limit protects a backend that has just "
                                  "come back, or that gets requests for many keys. It also applies to redirects to "
                                  "another host, and to polls of a backend that keeps no connection.");

static const struct tg_option limits_options[] = {
    { .key = "connections", .type = TG_OPTION_INTEGER, AT(tg_config_limits, connections), .max = 10000000,
      .default_text = "0",
      .help = "Client connections in all. 0: as many as the limit on open files allows, at most about 65,000. "
              "A larger number raises that limit as far as the system lets it." },
    { .key = "connections_per_address", .type = TG_OPTION_INTEGER,
      AT(tg_config_limits, connections_per_address),
      .max = 10000000, .default_text = "0",
      .help = "Connections from one IP address. 0: no limit; behind a load balancer leave it so, since all "
              "clients then share one address." },
    { .key = "pending_requests", .type = TG_OPTION_INTEGER, AT(tg_config_limits, pending_requests), .min = 1,
      .max = 1000000, .default_text = "1024",
      .help = "Connections that have not sent a complete request yet. It keeps slow senders from using "
              "up all "
              "connections." },
    { .key = "request_timeout", .type = TG_OPTION_DURATION, AT(tg_config_limits, request_timeout_ms),
      .min = MILLISECONDS(100), .max = HOURS(1), .default_text = "10s",
      .help = "How long a client may take to send a request." },
    { .key = "idle_timeout", .type = TG_OPTION_DURATION, AT(tg_config_limits, idle_timeout_ms),
      .min = MILLISECONDS(100), .max = DAYS(1), .default_text = "75s",
      .help = "How long a keep-alive connection may wait between two requests. It does not end event "
              "streams." },
    { .key = "request_header", .type = TG_OPTION_SIZE, AT(tg_config_limits, request_header_bytes), .min = 256,
      .max = MIB(1), .default_text = "16KiB",
      .help = "The size of a request's line and headers together. Larger requests are answered with 431." },
    { .key = "url", .type = TG_OPTION_SIZE, AT(tg_config_limits, url_bytes), .min = 64, .max = KIB(64),
      .default_text = "8KiB", .help = "The size of a request's URL. Longer ones are answered with 414." },
    { .key = "tls_handshakes", .type = TG_OPTION_OBJECT, AT(tg_config_limits, tls_handshakes),
      .object = &tls_handshakes, .help = "How many TLS handshakes begin in a second, in all." },
    { .key = "tls_handshakes_per_address", .type = TG_OPTION_OBJECT,
      AT(tg_config_limits, tls_handshakes_per_address), .object = &tls_handshakes_per_address,
      .help = "How many TLS handshakes begin in a second from each address." },
    { .key = "upstream_connects", .type = TG_OPTION_OBJECT, AT(tg_config_limits, upstream_connects),
      .object = &upstream_connects, .help = "How fast Tidegate connects to each host and port of a backend." },
};
OBJECT(limits, .help = "What clients may use up.");

/* ---- clients ------------------------------------------------------------------------------------------ */

static const struct tg_option sse_options[] = {
    { .key = "heartbeat", .type = TG_OPTION_DURATION, AT(tg_config_sse, heartbeat_ms), .min = SECONDS(1),
      .max = HOURS(1), .default_text = "15s",
      .help = "After so long without an event, a client is sent a comment, so that no proxy between "
              "takes the "
              "connection for dead." },
    { .key = "retry", .type = TG_OPTION_DURATION, AT(tg_config_sse, retry_ms), .min = MILLISECONDS(100),
      .max = HOURS(1), .default_text = "2s",
      .help = "How long clients wait before they connect again. When Tidegate closes connections itself, it "
              "asks for up to half more, at random, so that not all come back at once." },
    { .key = "stall_timeout", .type = TG_OPTION_DURATION, AT(tg_config_sse, stall_timeout_ms),
      .min = SECONDS(1),
      .max = DAYS(1), .default_text = "60s",
      .help = "A client that takes none of what waits for it for so long is disconnected." },
    { .key = "last_event_id_query", .type = TG_OPTION_STRINGS, AT(tg_config_sse, last_event_id_query),
      .max = 16,
      .grammar = &tg_grammar_query_name,
      .default_text = "lastEventId last_event_id lastEventID evs_last_event_id",
      .help = "Query parameters that stand in for the `Last-Event-ID` header, for clients that cannot "
              "set it. "
              "The header wins." },
    { .key = "gap_event", .type = TG_OPTION_STRING, AT(tg_config_sse, gap_event),
      .grammar = &tg_grammar_event_name,
      .default_text = "tidegate.gap",
      .help = "The type of the event that tells a client that it has missed events, or that Tidegate could not take a "
              "message of the backend." },
    { .key = "upstream_event", .type = TG_OPTION_STRING, AT(tg_config_sse, upstream_event),
      .grammar = &tg_grammar_event_name, .default_text = "tidegate.upstream",
      .help = "The type of the event that tells clients that the backend was lost or is back." },
    { .key = "end_event", .type = TG_OPTION_STRING, AT(tg_config_sse, end_event),
      .grammar = &tg_grammar_event_name, .default_text = "tidegate.end",
      .help = "The type of the event that tells clients that the stream has ended." },
};
OBJECT(sse, .help = "How clients are served.");

static const struct tg_option cors_options[] = {
    { .key = "origins", .type = TG_OPTION_STRINGS, AT(tg_config_cors, origins), .is_required = true, .min = 1,
      .max = 1000, .grammar = &tg_grammar_cors_origin,
      .help = "The origins whose pages may use this, such as `https://app.example.com`; `*` is every origin. What "
              "pages of others POST, and sessions that they open, are refused (403)." },
    { .key = "credentials", .type = TG_OPTION_BOOL, AT(tg_config_cors, credentials), .default_text = "false",
      .help = "Whether pages may send cookies along; without it, what they do with cookies is refused (403). Not "
              "together with the origin `*`." },
    { .key = "max_age", .type = TG_OPTION_DURATION, AT(tg_config_cors, max_age_ms), .max = DAYS(1),
      .default_text = "10m", .help = "How long browsers may remember the answer to a preflight request." },
};
OBJECT(cors, .help = "Lets pages of other origins read, and send.",
       .example = "{ \"origins\": [ \"https://app.example.com\" ] }");

static const struct tg_option rate_options[] = {
    { .key = "per_second", .type = TG_OPTION_INTEGER, AT(tg_config_rate, per_second), .min = 1,
      .max = 1000000, .is_required = true, .example = "\"per_second\": 5",
      .help = "How many messages a client may send, or sessions it may open, in a second." },
    { .key = "burst", .type = TG_OPTION_INTEGER, AT(tg_config_rate, burst), .max = 1000000,
      .default_text = "0", .example = "\"per_second\": 1, \"burst\": 10",
      .help = "How many at once after there were none for a while. 0: as many as `per_second`." },
};
OBJECT(rate, .help = "How often a client may do what the route is for. Messages are counted for each session, those to "
                     "other streams and sessions that are opened for each IP address.");

static const struct tg_option route_options[] = {
    { .key = "path", .type = TG_OPTION_STRING, AT(tg_config_route, path), .is_required = true,
      .grammar = &tg_grammar_route_path, .example = "\"path\": \"/quotes/{symbol}\", \"stream\": \"quotes\"",
      .help = "The path of the URL, percent-decoded: this one exactly, or every path with this beginning when it ends "
              "with `*`. "
              "`{name}` stands for any segment that the parameter of the stream allows; all of the stream's "
              "parameters must be in it, but for `send` to a session, which its id names." },
    { .key = "stream", .type = TG_OPTION_STRING, AT(tg_config_route, stream),
      .example = "\"path\": \"/orders\", \"stream\": \"orders\"",
      .help = "The stream to serve: a key of `streams`. Either this, `send` or `file`." },
    { .key = "send", .type = TG_OPTION_STRING, AT(tg_config_route, send),
      .example = "\"path\": \"/orders\", \"send\": \"orders\"",
      .help = "The stream whose backend, a WebSocket, gets what clients POST here as messages: a key of "
              "`streams`. The answer is 202 once a message is written, 409 when the backend is not connected; "
              "while it is being connected, as for a key that nobody has asked for before, the message waits for "
              "that, `request_timeout` at most (504: it may still be written). A session is named by an id of its events, "
              "as a client that comes back names it. Either this, `stream` or `file`." },
    { .key = "max_body", .type = TG_OPTION_SIZE, AT(tg_config_route, send_options.max_body_bytes), .min = 1,
      .max = MIB(16), .default_text = "64KiB",
      .example = "\"path\": \"/orders\", \"send\": \"orders\", \"max_body\": \"4KiB\"",
      .help = "With `send`: how large a message may be. Larger ones are answered with 413." },
    { .key = "rate", .type = TG_OPTION_OBJECT, AT(tg_config_route, rate), .object = &rate,
      .has_no_default_keys = true,
      .example = "\"path\": \"/orders\", \"send\": \"orders\", \"rate\": { \"per_second\": 5, \"burst\": 20 }",
      .help = "With `send`: how many messages a client may send. With a `stream` of scope `client`: how many sessions "
              "an IP address may open; to come back to one counts as none. Beyond that the answer is 429 with "
              "`Retry-After`, or, for an EventSource, 200 with `retry:`. Without it, any number." },
    { .key = "binary", .type = TG_OPTION_BOOL, AT(tg_config_route, send_options.is_binary),
      .default_text = "false",
      .example = "\"path\": \"/orders\", \"send\": \"orders\", \"binary\": true",
      .help = "With `send`: the backend gets binary messages instead of text." },
    { .key = "file", .type = TG_OPTION_FILE, AT(tg_config_route, file), .grammar = &tg_grammar_file_name,
      .help = "A file to serve, such as a page that reads the stream. Either this, `stream` or `send`." },
    { .key = "content_type", .type = TG_OPTION_STRING, AT(tg_config_route, content_type),
      .grammar = &tg_grammar_header_content,
      .help = "The `Content-Type` of `file`. Without it, the ending of the file's name decides." },
    { .key = "cors", .type = TG_OPTION_OBJECT, AT(tg_config_route, cors), .object = &cors,
      .has_no_default_keys = true,
      .help = "Which pages of other origins may use this; without it, none: browsers keep the answer from them, and "
              "what they POST, and sessions that they open, are refused (403). It does not bind clients that are no "
              "browsers: those send no `Origin`." },
};
OBJECT(route, .size = sizeof(struct tg_config_route), .help = "What a path of the URL leads to.",
       .example = "{ \"path\": \"/events\", \"stream\": \"quotes\" }");

/* ---- the file ----------------------------------------------------------------------------------------- */

static const struct tg_option root_options[] = {
    { .key = "$schema", .type = TG_OPTION_IGNORED,
      .help = "The JSON Schema of this file, for editors. Tidegate does not read it." },
    { .key = "listen", .type = TG_OPTION_LIST, AT(tg_config, listeners), COUNT_AT(tg_config, listener_count),
      .object = &listener, .min = 1, .max = 64,
      .help = "Where clients connect. Without it, port 8080 of every IPv4 address." },
    { .key = "admin", .type = TG_OPTION_OBJECT, AT(tg_config, admin), .object = &admin,
      .set_offset = offsetof(struct tg_config, admin.is_set),
      .help = "Metrics and health checks, on a port of their own." },
    { .key = "log", .type = TG_OPTION_OBJECT, AT(tg_config, log), .object = &log_object, .help = "The log." },
    { .key = "workers", .type = TG_OPTION_INTEGER, AT(tg_config, workers), .max = 256, .default_text = "0",
      .help = "Threads that serve clients. 0: one for each processor core." },
    { .key = "drain", .type = TG_OPTION_DURATION, AT(tg_config, drain_ms), .max = HOURS(1),
      .default_text = "5s",
      .help = "When told to stop, Tidegate spreads the farewell to its clients over this time." },
    { .key = "limits", .type = TG_OPTION_OBJECT, AT(tg_config, limits), .object = &limits,
      .help = "What clients may use up." },
    { .key = "sse", .type = TG_OPTION_OBJECT, AT(tg_config, sse), .object = &sse,
      .help = "How clients are served." },
    { .key = "streams", .type = TG_OPTION_MAP, AT(tg_config, streams), COUNT_AT(tg_config, stream_count),
      .object = &tg_options_stream, .is_required = true, .max = 100000, .grammar = &tg_grammar_stream_name,
      .help = "The streams, by name. A name has 1 to 64 letters, digits, `_`, `.` and `-`." },
    { .key = "routes", .type = TG_OPTION_LIST, AT(tg_config, routes), COUNT_AT(tg_config, route_count),
      .object = &route, .is_required = true, .max = 100000, .help = "What the paths of URLs lead to." },
};

const struct tg_option_object tg_options_root = {
    .options = root_options,
    .option_count = TG_COUNT_OF(root_options),
    .size = sizeof(struct tg_config),
    .help = "The whole file: one JSON object. Only `streams` and `routes` are required.",
};
