/* The option table: a stream's `upstream`. */
#include "option_rows.h"

/* clang-format off */

const struct tg_option_word tg_upstream_kind_words[] = {
    { "websocket", TG_UPSTREAM_WEBSOCKET }, { "sse", TG_UPSTREAM_SSE },
    { "ndjson", TG_UPSTREAM_NDJSON },       { "poll", TG_UPSTREAM_POLL },
    { 0 },
};
static const struct tg_option_word methods[] = {
    { "GET", TG_CONFIG_GET }, { "POST", TG_CONFIG_POST }, { 0 }
};
static const struct tg_option_word connects[] = {
    { "always", TG_CONNECT_ALWAYS }, { "on_demand", TG_CONNECT_ON_DEMAND }, { 0 }
};

static const struct tg_option_word framings[] = {
    { "auto", TG_FRAMING_AUTO },         { "lines", TG_FRAMING_LINES }, { "json", TG_FRAMING_JSON },
    { "json-seq", TG_FRAMING_JSON_SEQ }, { "array", TG_FRAMING_ARRAY }, { 0 },
};

#define WEBSOCKET TG_KIND_BIT(TG_UPSTREAM_WEBSOCKET)
#define NDJSON TG_KIND_BIT(TG_UPSTREAM_NDJSON)
#define POLL TG_KIND_BIT(TG_UPSTREAM_POLL)
#define OVER_HTTP (TG_KIND_BIT(TG_UPSTREAM_SSE) | TG_KIND_BIT(TG_UPSTREAM_NDJSON) | POLL)

/* ---- what an upstream consists of --------------------------------------------------------------------- */

static const struct tg_option basic_options[] = {
    { .key = "user", .type = TG_OPTION_STRING, AT(tg_config_upstream, basic_user), .is_required = true,
      .grammar = &tg_grammar_basic_user, .help = "The user name." },
    { .key = "password", .type = TG_OPTION_STRING, AT(tg_config_upstream, basic_password),
      .is_required = true,
      .grammar = &tg_grammar_basic_password,
      .help = "The password. Better `${NAME}` or `{ \"$file\": … }` than the password itself." },
};
OBJECT(basic, .help = "HTTP basic authentication.");

static const struct tg_option auth_options[] = {
    { .key = "basic", .type = TG_OPTION_OBJECT, .object = &basic, .has_no_default_keys = true,
      .help = "Logs in with a user name and a password. Either this or `bearer`." },
    { .key = "bearer", .type = TG_OPTION_STRING, AT(tg_config_upstream, bearer),
      .grammar = &tg_grammar_header_content,
      .help = "Logs in with this token, as `Authorization: Bearer …`. Either this or `basic`." },
};
OBJECT(auth, .help = "How Tidegate logs in at the backend.");

static const struct tg_option keepalive_options[] = {
    { .key = "message", .type = TG_OPTION_MESSAGE, AT(tg_config_upstream, keepalive_message),
      .is_required = true,
      .help = "The message." },
    { .key = "every", .type = TG_OPTION_DURATION, AT(tg_config_upstream, keepalive_every_ms),
      .min = MILLISECONDS(100), .max = DAYS(1), .default_text = "20s", .help = "How often it is sent." },
};
OBJECT(keepalive, .help = "A message of the backend's own protocol that keeps the connection alive.");

static const struct tg_option reconnect_options[] = {
    { .key = "first", .type = TG_OPTION_DURATION, AT(tg_config_upstream, reconnect_first_ms),
      .min = MILLISECONDS(10), .max = HOURS(1), .default_text = "200ms",
      .help = "The wait before the first new attempt; it doubles with each one that fails." },
    { .key = "max", .type = TG_OPTION_DURATION, AT(tg_config_upstream, reconnect_max_ms),
      .min = MILLISECONDS(10),
      .max = DAYS(1), .default_text = "30s",
      .help = "The longest wait between two attempts, unless the backend asks for a longer one (by `Retry-After`, "
              "or by `retry:` in its events), of an hour at most." },
    { .key = "stable", .type = TG_OPTION_DURATION, AT(tg_config_upstream, reconnect_stable_ms),
      .min = MILLISECONDS(10), .max = HOURS(1), .is_zero_allowed = true, .default_text = "10s",
      .help = "How long a connection must last until the next wait is `first` again. Messages alone "
              "prove nothing. After a connection that broke sooner, clients get the next `up` once the new connection has lasted "
              "a tenth of this time; its `flaps` counts the connections that broke before. \"0\": each connection is stable at "
              "once." },
};
OBJECT(reconnect, .help = "When to connect again after losing the backend. An answer of kind `sse` or `ndjson` that "
                          "brought events and ended in order is not a loss: Tidegate waits for the backend's "
                          "`retry:`, else 3 s (or `max`, if that is shorter), and sends the next request. After a 401 or "
                          "403 the first wait is already between half of `max` and `max`.");

static const struct tg_option close_codes_options[] = {
    { .key = "end", .type = TG_OPTION_CODES, AT(tg_config_upstream, close_end.list),
      COUNT_AT(tg_config_upstream, close_end.count), .max = 100, .default_text = "1000",
      .example = "\"end\": [ 1000, 4000 ]",
      .help = "The session is over: `tidegate.end`, then 204. Only with scope `client`; other streams do not end." },
    { .key = "later", .type = TG_OPTION_CODES, AT(tg_config_upstream, close_later.list),
      COUNT_AT(tg_config_upstream, close_later.count), .max = 100, .default_text = "1008 4401 4403",
      .example = "\"later\": [ 1008, 4003 ]",
      .help = "An early retry would fail the same way, as after a refused login: the first wait is already between half of "
              "`reconnect.max` and all of it." },
    { .key = "spread", .type = TG_OPTION_CODES, AT(tg_config_upstream, close_spread.list),
      COUNT_AT(tg_config_upstream, close_spread.count), .max = 100, .default_text = "1012 1013",
      .example = "\"spread\": [ 1001, 1012, 1013 ]",
      .help = "The backend restarts, or is full, and all its clients lose it together: each wait is random between "
              "`reconnect.first` and `reconnect.max`." },
};
OBJECT(close_codes,
       .help = "What Tidegate does when a WebSocket backend closes with one of these codes. After any other code, or when "
               "the connection breaks, it connects again as `reconnect` says.",
       .example = "{ \"end\": [ 1000, 4000 ], \"later\": [ 1008, 4003 ] }");

static const struct tg_option tls_client_options[] = {
    { .key = "ca", .type = TG_OPTION_FILE, AT(tg_config_tls_client, ca), .grammar = &tg_grammar_file_name,
      .help = "PEM file with the certificates that the backend's must lead to. Without it, the system's." },
    { .key = "certificate", .type = TG_OPTION_FILE, AT(tg_config_tls_client, certificate),
      .grammar = &tg_grammar_file_name,
      .help = "PEM file with a client certificate to show to the backend; needs `key`." },
    { .key = "key", .type = TG_OPTION_FILE, AT(tg_config_tls_client, key), .grammar = &tg_grammar_file_name,
      .help = "PEM file with the client certificate's private key; needs `certificate`." },
    { .key = "server_name", .type = TG_OPTION_STRING, AT(tg_config_tls_client, server_name),
      .grammar = &tg_grammar_host_name,
      .help = "The name to ask for and to find in the backend's certificate. Without it, the URL's host." },
    { .key = "verify", .type = TG_OPTION_BOOL, AT(tg_config_tls_client, verify), .default_text = "true",
      .help = "Whether the backend's certificate is checked. With false, anyone on the way can pose as the "
              "backend; each start logs a warning." },
};
OBJECT(tls_client, .help = "TLS towards the backend, for `wss:` and `https:` URLs.");

static const struct tg_option cursor_options[] = {
    { .key = "from", .type = TG_OPTION_STRING, AT(tg_config_cursor, from), .is_required = true,
      .grammar = &tg_grammar_pointer, .example = "\"from\": \"/next\", \"query\": \"since\"",
      .help = "Where an answer says how to go on, as a JSON pointer: a string or a number. In an array `-` is the last "
              "element. If an answer has nothing, `\"\"` or `null` there, the cursor stays as it was. "
              "`tidegate_upstream_cursor_missing_total` counts the answers without a cursor, and the log warns if no answer "
              "has one." },
    { .key = "add", .type = TG_OPTION_INTEGER, AT(tg_config_cursor, add), .max = 1000000000, .default_text = "0",
      .example = "\"from\": \"/result/-/update_id\", \"query\": \"offset\", \"add\": 1",
      .help = "Added to the cursor, for backends that expect the number after the last one that they sent. The cursor must then be "
              "an integer; it may have any length." },
    { .key = "query", .type = TG_OPTION_STRING, AT(tg_config_cursor, query),
      .grammar = &tg_grammar_query_name, .example = "\"from\": \"/next\", \"query\": \"since\"",
      .help = "The query parameter of the next request that it becomes. Either this or `body`." },
    { .key = "body", .type = TG_OPTION_STRING, AT(tg_config_cursor, body), .grammar = &tg_grammar_pointer,
      .example = "\"from\": \"/next\", \"body\": \"/since\"",
      .help = "The place in the body of the next request where it is put, as a JSON pointer; the `body` of "
              "the upstream must be a JSON object then. Either this or `query`." },
    { .key = "initial", .type = TG_OPTION_STRING, AT(tg_config_cursor, initial),
      .example = "\"from\": \"/next\", \"query\": \"since\", \"initial\": \"0\"",
      .help = "What the first request sends; without it, the first request sends none." },
};
OBJECT(cursor, .help = "How the answer to one request says where the next one goes on.");

/* ---- the upstream ------------------------------------------------------------------------------------- */

static const struct tg_option upstream_options[] = {
    { .key = "kind", .type = TG_OPTION_ENUM, AT(tg_config_upstream, kind), .words = tg_upstream_kind_words,
      .default_text = "websocket",
      .example = "\"kind\": \"ndjson\", \"url\": \"https://legacy.internal/feed\"",
      .help = "What the backend speaks: `websocket`; `sse`, an event stream over HTTP; `ndjson`, one long "
              "answer over HTTP with a message on each line; `poll`, HTTP requests again and again, each "
              "answer a message, unless it is the same as the one before." },
    { .key = "url", .type = TG_OPTION_URL, AT(tg_config_upstream, url), .is_required = true,
      .help = "Where the backend is: `ws:` or, with TLS, `wss:`; for the kinds over HTTP `http:` or "
              "`https:`. Parameters, such as `{symbol}`, may be in its path and query, those with `one_of` in the "
              "rest too." },
    { .key = "subprotocols", .type = TG_OPTION_STRINGS, AT(tg_config_upstream, subprotocols), .max = 32,
      .kinds = WEBSOCKET,
      .grammar = &tg_grammar_token, .help = "The WebSocket subprotocols to offer, the preferred one first." },
    { .key = "headers", .type = TG_OPTION_HEADERS, AT(tg_config_upstream, headers), .max = 100,
      .grammar = &tg_grammar_header_value,
      .help = "Headers to send with the handshake or the request, name to value. Those that belong to it "
              "cannot be set. Parameters may be in the values." },
    { .key = "origin", .type = TG_OPTION_STRING, AT(tg_config_upstream, origin), .kinds = WEBSOCKET,
      .grammar = &tg_grammar_header_content,
      .help = "The `Origin` header, for backends that accept certain web pages only." },
    { .key = "auth", .type = TG_OPTION_OBJECT, .object = &auth, .has_no_default_keys = true,
      .help = "How Tidegate logs in at the backend." },
    { .key = "on_open", .type = TG_OPTION_MESSAGES, AT(tg_config_upstream, on_open),
      COUNT_AT(tg_config_upstream, on_open_count), .max = 1000, .kinds = WEBSOCKET,
      .help = "Messages to send, in this order, each time the connection opens: to log in, to subscribe." },
    { .key = "keepalive", .type = TG_OPTION_OBJECT, .object = &keepalive, .has_no_default_keys = true,
      .kinds = WEBSOCKET,
      .help = "A message to send again and again, for backends that expect one; without it, none." },
    { .key = "ping_every", .type = TG_OPTION_DURATION, AT(tg_config_upstream, ping_every_ms),
      .min = MILLISECONDS(100), .max = DAYS(1), .is_zero_allowed = true, .default_text = "20s",
      .kinds = WEBSOCKET,
      .help = "How often to send a WebSocket ping, to notice a dead connection. \"0\": never." },
    { .key = "pong_timeout", .type = TG_OPTION_DURATION, AT(tg_config_upstream, pong_timeout_ms),
      .min = MILLISECONDS(100), .max = HOURS(1), .default_text = "10s", .kinds = WEBSOCKET,
      .help = "When nothing at all arrives for so long after a ping, the connection counts as dead." },
    { .key = "idle_timeout", .type = TG_OPTION_DURATION, AT(tg_config_upstream, idle_timeout_ms),
      .min = MILLISECONDS(100), .max = DAYS(365), .is_zero_allowed = true, .default_text = "0",
      .help = "When no message arrives for so long, connect again. \"0\": a backend may be silent. Over "
              "HTTP, comments and empty lines count like messages; with `long`, this is how long the backend may "
              "hold a request, an hour with \"0\"." },
    { .key = "connect_timeout", .type = TG_OPTION_DURATION, AT(tg_config_upstream, connect_timeout_ms),
      .min = MILLISECONDS(100), .max = HOURS(1), .default_text = "10s",
      .help = "How long connecting may take: name lookup, TCP, TLS and handshake together; over HTTP, up to "
              "the head of the answer. The answer to a poll may take as long again to its end." },
    { .key = "max_message", .type = TG_OPTION_SIZE, AT(tg_config_upstream, max_message_bytes), .min = 1,
      .max = MIB(256), .default_text = "1MiB",
      .help = "The largest message to accept. A larger one leaves a gap event; the connection stays up." },
    { .key = "max_redirects", .type = TG_OPTION_INTEGER, AT(tg_config_upstream, max_redirects), .max = 20,
      .default_text = "5",
      .help = "How many redirects in a row are followed while connecting. To another host or port `headers`, `auth` "
              "and the client certificate do not go along; a `body` does (with 307 and 308), and so do messages." },
    { .key = "reconnect", .type = TG_OPTION_OBJECT, .object = &reconnect,
      .help = "When to connect again after the backend was lost." },
    { .key = "close_codes", .type = TG_OPTION_OBJECT, .object = &close_codes, .kinds = WEBSOCKET,
      .help = "What Tidegate does when the backend closes with certain codes." },
    { .key = "connect", .type = TG_OPTION_ENUM, AT(tg_config_upstream, connect), .words = connects,
      .default_text = "always",
      .help = "`always` stays connected, so that nothing is missed while no client reads; `on_demand` "
              "connects with the first client and disconnects after the last. Only with scope `shared`: others "
              "connect on demand anyway." },
    { .key = "linger", .type = TG_OPTION_DURATION, AT(tg_config_upstream, linger_ms), .max = DAYS(1),
      .default_text = "10s",
      .help = "With `on_demand`: how long to stay connected after the last client has gone. With scopes `keyed` "
              "and `client` (sessions: `60s` unless set): how long to keep the stream too." },
    { .key = "required", .type = TG_OPTION_BOOL, AT(tg_config_upstream, required), .default_text = "true",
      .help = "Whether Tidegate counts as ready (`/readyz`) only while this backend is connected. `false` "
              "unless set with scopes `keyed` and `client`; there, while there are keys or sessions, at least one of "
              "them must be connected. What has come to its end (`until`) is not waited for." },
    { .key = "tls", .type = TG_OPTION_OBJECT, AT(tg_config_upstream, tls), .object = &tls_client,
      .help = "Certificates, for `wss:` and `https:` URLs." },
    { .key = "method", .type = TG_OPTION_ENUM, AT(tg_config_upstream, method), .words = methods,
      .default_text = "GET", .kinds = OVER_HTTP, .example = "\"method\": \"POST\"",
      .help = "The method of the request." },
    { .key = "body", .type = TG_OPTION_MESSAGE, AT(tg_config_upstream, body), .kinds = OVER_HTTP,
      .example = "\"method\": \"POST\", \"body\": { \"op\": \"list\", \"limit\": 100 }",
      .help = "The body of the request, with the method `POST` only." },
    { .key = "content_type", .type = TG_OPTION_STRING, AT(tg_config_upstream, content_type),
      .grammar = &tg_grammar_header_content, .kinds = OVER_HTTP,
      .example = "\"method\": \"POST\", \"body\": \"<list/>\", \"content_type\": \"application/xml\"",
      .help = "The `Content-Type` of the body. Without it: `text/plain; charset=utf-8` for a string, "
              "`application/octet-stream` for `$base64`, `application/json` for other JSON; of a body that opens "
              "a session, its content decides." },
    { .key = "accept_type", .type = TG_OPTION_STRINGS, AT(tg_config_upstream, accept_types), .max = 32,
      .grammar = &tg_grammar_media_range, .kinds = OVER_HTTP,
      .example = "\"accept_type\": [ \"application/octet-stream\" ]",
      .help = "Media types of an answer (its `Content-Type`) to accept as well; `*/*` accepts any. Without it, `sse` "
              "accepts `text/event-stream`, `text/plain` and an answer without a type; `ndjson` accepts all types but "
              "HTML; `poll` accepts all answers but web pages." },
    { .key = "framing", .type = TG_OPTION_ENUM, AT(tg_config_upstream, framing), .words = framings,
      .default_text = "auto", .kinds = NDJSON, .example = "\"framing\": \"json\"",
      .help = "Where one message ends and the next begins. `lines`: a message on each line. `json`: JSON texts one after "
              "another, pretty-printed or not, with or without white space between them. `json-seq`: RFC 7464. "
              "`array`: the elements of one array that grows. `auto`: `json-seq` if the answer's type is "
              "`application/json-seq`, else `lines`." },
    { .key = "every", .type = TG_OPTION_DURATION, AT(tg_config_upstream, every_ms), .min = MILLISECONDS(10),
      .max = DAYS(365), .default_text = "5s", .kinds = POLL, .example = "\"every\": \"500ms\"",
      .help = "How long to wait from the end of an answer to the next request." },
    { .key = "jitter", .type = TG_OPTION_INTEGER, AT(tg_config_upstream, jitter_percent), .max = 100,
      .default_text = "10", .kinds = POLL, .example = "\"every\": \"1m\", \"jitter\": 50",
      .help = "By how many percent of `every` that wait is longer or shorter, at random, so that many "
              "pollers do not fall into step." },
    { .key = "long", .type = TG_OPTION_BOOL, AT(tg_config_upstream, is_long), .default_text = "false",
      .kinds = POLL, .example = "\"long\": true",
      .help = "Long polling: the backend holds a request until it has something to say, and the next one "
              "follows at once." },
    { .key = "cursor", .type = TG_OPTION_OBJECT, AT(tg_config_upstream, cursor), .object = &cursor,
      .has_no_default_keys = true, .kinds = POLL,
      .example = "\"cursor\": { \"from\": \"/next\", \"query\": \"since\", \"initial\": \"0\" }",
      .help = "How the answer to one request says where the next one goes on; without it, all requests are "
              "the same." },
};

const struct tg_option_object tg_options_upstream = {
    .options = upstream_options,
    .option_count = TG_COUNT_OF(upstream_options),
    .help = "The connection to the backend.",
    .example = "{\n"
               "  \"kind\": \"poll\", \"url\": \"https://legacy.internal/orders\", \"every\": \"2s\",\n"
               "  \"cursor\": { \"from\": \"/next\", \"query\": \"since\", \"initial\": \"0\" }\n"
               "}",
};
