/* Layer 1, config: one JSON file becomes one struct tg_config, or a list of errors.
 *
 * Options are data: one table (src/config/options*.c) names each option, its type, range, default and
 * help text. Loading, checking, error messages, the JSON Schema and the reference are made from it.
 *
 * A loaded configuration is read-only and may be read by any thread. Durations are milliseconds, sizes
 * bytes. Strings are NUL-terminated UTF-8, owned by the configuration; an absent string is NULL.
 *
 * In every string value `${NAME}` becomes the environment variable NAME (unset: an error; `$${` stands
 * for a literal `${`), and an object { "$file": "path" } stands for the content of that file without its
 * last newline. Every relative file name starts at the configuration file's folder, and is stored joined to it. */
#ifndef TIDEGATE_CONFIG_H
#define TIDEGATE_CONFIG_H

#include "tidegate/base.h"

struct tg_config_tls_server {
    bool is_set;
    char *certificate;   /* PEM file: the certificate, then its chain */
    char *key;           /* PEM file */
    int64_t min_version; /* 12 or 13, for TLS 1.2 and 1.3 */
};

struct tg_config_listener {
    char *address;     /* "0.0.0.0" unless set; IPv6 without brackets */
    int64_t port;      /* 0: the system chooses, and the log says which */
    char *unix_path;   /* key "unix"; then address and port do not count */
    int64_t unix_mode; /* file mode of the socket, from an octal string; 0660 unless set */
    struct tg_config_tls_server tls;
};

struct tg_config_admin {
    bool is_set;   /* the file names it: its port is then a must */
    bool enabled;  /* true unless set */
    char *address; /* 127.0.0.1 */
    int64_t port;  /* 9090 */
};

struct tg_config_log {
    int64_t level;  /* enum tg_log_level */
    int64_t format; /* enum tg_log_format */
};

/* How often something may be done. */
struct tg_config_rate {
    int64_t per_second; /* 0: no limit */
    int64_t burst;      /* at once, after a pause */
};

struct tg_config_limits {
    int64_t connections;             /* in all; 0: what the file descriptor limit allows */
    int64_t connections_per_address; /* 0: no limit */
    int64_t pending_requests;        /* connections that have not sent a complete request */
    int64_t request_timeout_ms;   /* from accept, or from the first byte of a further request, to its end */
    int64_t idle_timeout_ms;      /* keep-alive connections between requests */
    int64_t request_header_bytes; /* over it: 431 */
    int64_t url_bytes;            /* over it: 414 */
    struct tg_config_rate tls_handshakes, tls_handshakes_per_address; /* burst 0: as per_second */
    struct tg_config_rate upstream_connects; /* to each host and port; burst 0: half of per_second */
};

struct tg_config_sse {
    int64_t heartbeat_ms;     /* a comment where nothing else was sent for so long */
    int64_t retry_ms;         /* what `retry:` tells clients; jittered up to half more when Tidegate closes */
    int64_t stall_timeout_ms; /* a client that takes nothing for so long is closed */
    char **last_event_id_query; /* query names that stand in for the Last-Event-ID header; NULL-terminated */
    char *gap_event;            /* "tidegate.gap" */
    char *upstream_event;       /* "tidegate.upstream" */
    char *end_event;            /* "tidegate.end" */
};

/* A message to send to a backend. In the file: a string is text, { "$base64": "…" } is binary, anything
 * else is sent as compact JSON text. */
struct tg_config_message {
    bool is_set;
    bool is_binary;
    char *bytes;
    size_t length;
};

struct tg_config_header {
    char *name;
    char *value;
};

struct tg_config_tls_client {
    char *ca;          /* PEM file; NULL: the system's */
    char *certificate; /* PEM file, with `key`: a client certificate */
    char *key;
    char *server_name; /* for SNI and the host-name check; NULL: the URL's host */
    bool verify;       /* false logs a warning at each start */
};

enum tg_config_connect { TG_CONNECT_ALWAYS, TG_CONNECT_ON_DEMAND };
enum tg_config_upstream_kind {
    TG_UPSTREAM_WEBSOCKET,
    TG_UPSTREAM_SSE,    /* text/event-stream, WHATWG HTML section 9.2 */
    TG_UPSTREAM_NDJSON, /* one message on each line */
    TG_UPSTREAM_POLL,   /* asked again and again; each answer is a message */
};
enum tg_config_framing {
    TG_FRAMING_AUTO, /* json-seq when the answer's type is that, else lines */
    TG_FRAMING_LINES,
    TG_FRAMING_JSON,     /* texts one after the other, whatever is between them */
    TG_FRAMING_JSON_SEQ, /* RFC 7464 */
    TG_FRAMING_ARRAY,    /* the elements of an array */
};
enum tg_config_method { TG_CONFIG_GET, TG_CONFIG_POST };

/* A URL in its parts, checked by the loader: ws and wss for websocket, http and https for the other kinds.
 * With parameters in it (struct tg_config_parameter), `text` and `path` are as in the file, and the rest is what the
 * first value of each one makes of it. */
struct tg_config_url {
    char *text;
    bool is_secure;
    char *host; /* IPv6 without brackets */
    int64_t port;
    char *path; /* with the query; at least "/" */
};

/* Close codes of WebSockets. */
struct tg_config_codes {
    int64_t *list;
    size_t count;
};

/* What the answer to one poll says about where the next one goes on. */
struct tg_config_cursor {
    char *from;    /* JSON pointer into the answer; NULL: there is no cursor */
    int64_t add;   /* to the integer that is there; 0: it may be a string or any number */
    char *query;   /* the name in the next request's query; or */
    char *body;    /* JSON pointer into the next request's JSON body */
    char *initial; /* of the first request; NULL: none */
};

struct tg_config_upstream {
    int64_t kind; /* enum tg_config_upstream_kind */
    struct tg_config_url url;
    char **subprotocols;              /* NULL-terminated, or NULL */
    struct tg_config_header *headers; /* ends with a NULL name; or NULL */
    char *origin;
    char *basic_user, *basic_password; /* key "auth": { "basic": { "user", "password" } } */
    char *bearer;                      /* key "auth": { "bearer": "…" }; at most one of the two */
    struct tg_config_message *on_open; /* on_open_count of them */
    size_t on_open_count;
    struct tg_config_message keepalive_message;
    int64_t keepalive_every_ms; /* 0: none */
    int64_t ping_every_ms;      /* protocol pings; 0: none, as for all kinds but websocket */
    int64_t pong_timeout_ms;    /* nothing at all heard for so long after a ping: dead */
    int64_t idle_timeout_ms;    /* no message for so long: reconnect; 0: no limit */
    int64_t connect_timeout_ms; /* name lookup, TCP, TLS and handshake together */
    int64_t max_message_bytes;
    int64_t max_redirects;
    int64_t reconnect_first_ms, reconnect_max_ms;
    int64_t reconnect_stable_ms; /* a connection that lasts so long proves itself; 0: each one does */
    /* websocket: what its close codes mean; all others, that it may come back as usual */
    struct tg_config_codes close_end;    /* scope client: the session is over */
    struct tg_config_codes close_later;  /* not again soon */
    struct tg_config_codes close_spread; /* again, but all its clients not at once */
    int64_t connect;                     /* enum tg_config_connect */
    int64_t linger_ms; /* on_demand, keyed and client: stays for so long after the last subscriber */
    bool required;     /* /readyz waits for it; false unless set for keyed and client */
    struct tg_config_tls_client tls;

    /* sse, ndjson, poll: the request */
    int64_t method; /* enum tg_config_method */
    struct tg_config_message body;
    char *content_type; /* of the body; by what the body is in the file unless set, never NULL with a body */
    char **
        accept_types; /* key "accept_type": media types of an answer to take besides; NULL-terminated, or NULL */
    int64_t framing; /* ndjson: enum tg_config_framing */
    /* poll */
    int64_t every_ms;       /* from the end of one answer to the next request */
    int64_t jitter_percent; /* of every_ms, at random, more or less */
    bool is_long;           /* long polling: the next request at once */
    struct tg_config_cursor cursor;
};

/* ---- translate ---- */

/* Bytes of a binary (or text) message, one step after the other. */
enum tg_config_decode {
    TG_DECODE_BASE64,
    TG_DECODE_HEX,
    TG_DECODE_GUNZIP,
    TG_DECODE_INFLATE,
    TG_DECODE_UTF8
};

enum tg_config_condition_kind {
    TG_CONDITION_EXISTS, /* `is_expected`: it does, or it does not */
    TG_CONDITION_EQUALS, /* `values[0]` */
    TG_CONDITION_ONE_OF, /* any of `values` */
    TG_CONDITION_GT,     /* numbers against `number`; anything else does not match */
    TG_CONDITION_GE,
    TG_CONDITION_LT,
    TG_CONDITION_LE,
    TG_CONDITION_MATCHES, /* strings against the regular expression `pattern`, anywhere in it */
    TG_CONDITION_TEXT,    /* the whole message, as text, is `pattern`; needs no JSON */
    TG_CONDITION_NOT,     /* `conditions[0]` */
    TG_CONDITION_ANY,     /* one of `conditions` */
    TG_CONDITION_ALL,     /* each of `conditions`; a list in the file */
};

/* A question about a message; a tree. */
struct tg_config_condition {
    int64_t kind;  /* enum tg_config_condition_kind */
    char *pointer; /* into the message; NULL for those that need none */
    bool is_expected;
    double number;
    bool is_integer; /* then this is the number: doubles have no place for all of them */
    int64_t integer;
    char *pattern;
    char **values; /* JSON texts, compact; NULL-terminated */
    struct tg_config_condition *conditions;
    size_t condition_count;
};

enum tg_config_misfit_action { TG_MISFIT_DROP, TG_MISFIT_RAW, TG_MISFIT_ERROR_EVENT };

/* By what a message counts as one that has been seen before. */
enum tg_config_seen { TG_SEEN_OFF, TG_SEEN_ID, TG_SEEN_CONTENT };

/* What becomes of a message. `event`, `id` and `data` are a JSON pointer (RFC 6901) when they begin with "/" ("" for
 * `data`: all of it, compact), a template when they hold a brace: "{/type}.{/symbol|none}" has a pointer in each
 * pair of braces, with what stands in for it behind the bar; "{{" and "}}" are braces. `event` may be a constant. All
 * NULL: the message is the data. */
struct tg_config_translate {
    int64_t *decode; /* decode_count of enum tg_config_decode */
    size_t decode_count;
    int64_t max_decoded_bytes; /* of a message after each step */
    char *jq;                  /* a jq filter; each output is a message of its own */
    int64_t jq_timeout_ms;     /* for one message */
    int64_t jq_max_output_bytes;
    char *
        split; /* JSON pointer to an array whose items are messages of their own; "" for the message itself */
    struct tg_config_condition *when; /* or NULL; messages that do not match make no event */
    char *event;
    char *id;
    char *data;
    int64_t seen;          /* enum tg_config_seen */
    int64_t seen_remember; /* how many of them */
    char *binary_event;    /* the type of events made of binary messages; "binary" */
    int64_t on_misfit;     /* enum tg_config_misfit_action */
    char *error_event;     /* "tidegate.error" */
};

struct tg_config_retain {
    int64_t events;
    int64_t bytes;
    int64_t age_ms; /* 0: no limit */
};

/* Who shares a stream. */
enum tg_config_scope { TG_SCOPE_SHARED, TG_SCOPE_KEYED, TG_SCOPE_CLIENT };

/* A parameter of a route's path, "{name}", and what it may be. In scopes keyed and client, "{name}" in the upstream's
 * url, headers and messages stands for its value, written as its place demands. In url and headers each name is known; in
 * messages other braces mean themselves, unless they can only be a mistake. */
struct tg_config_parameter {
    char *name;    /* [a-z][a-z0-9_]{0,31} */
    char *pattern; /* regular expression that the whole value must match; NULL: [A-Za-z0-9._~-]{1,64} */
    char **one_of; /* or these alone; only then it may be part of scheme, host or port */
};

/* By which requests sessions are opened. */
enum tg_config_open { TG_OPEN_GET, TG_OPEN_POST, TG_OPEN_BOTH };

/* What happens to a session when its backend ends an answer in order; 204 and `until` always end it. */
enum tg_config_on_end {
    TG_ON_END_DEFAULT,   /* sse opened by GET: RECONNECT, else END */
    TG_ON_END_RECONNECT, /* it is asked again, with the last event id of sse */
    TG_ON_END_END,
};

/* Scope client. */
struct tg_config_session {
    char **forward_headers; /* NULL-terminated; of the client's request, to the backend */
    char **forward_query;   /* names; "*" is all but those of Last-Event-ID */
    char *identity_cookie;  /* a session is bound to the value of this cookie; or */
    char *identity_header;  /* of this header; both NULL: to the token in its ids alone */
    bool is_renewed; /* a client that comes back renews its credentials; true by default with `identity` */
    int64_t open;    /* enum tg_config_open, which the next two say too */
    bool is_opened_by_get;  /* true unless the session needs a body */
    bool is_opened_by_post; /* the body is the first message, or the body of the request to the backend */
    int64_t on_end;         /* enum tg_config_on_end; sse and ndjson */
    bool is_plain;          /* nothing but the backend's events: no ids, no events of Tidegate */
    int64_t max_body_bytes;
    char *message; /* template around the body: "{body}" in a string or JSON; NULL: as it is */
};

/* A route of kind send. */
struct tg_config_send {
    bool is_set;
    int64_t max_body_bytes;
    bool is_binary; /* whether the backend gets binary messages */
};

/* One upstream feeds many streams; scope shared. */
struct tg_config_route_by {
    char *by;                    /* JSON pointer to the key; NULL: all messages go to the one stream */
    struct tg_config_header *to; /* key in the message to key in paths; NULL, or not in it: the same */
};

/* Of a URL's path with its query; what servers take at least, RFC 9110 section 4.1. */
enum { TG_URL_PATH_MAX_BYTES = 8000 };

/* All headers of a handshake or request, names and values; few servers accept more. */
enum { TG_UPSTREAM_HEADERS_MAX_BYTES = 24 << 10 };

/* A route's file, which stays in memory. */
enum { TG_ROUTE_FILE_MAX_BYTES = 64 << 20 };

enum tg_config_initial { TG_INITIAL_LIVE, TG_INITIAL_LAST, TG_INITIAL_ALL };
enum tg_config_after_gap { TG_AFTER_GAP_OLDEST, TG_AFTER_GAP_LIVE };

struct tg_config_files;

struct tg_config_stream {
    char *name;
    int64_t scope;                          /* enum tg_config_scope */
    struct tg_config_parameter *parameters; /* parameter_count of them */
    size_t parameter_count; /* at most 16; scope keyed and `route`: at least 1; else only for scope client */
    int64_t max_members;    /* keys, or sessions; in the file "max_keys" and "max_sessions" */
    struct tg_config_session session;
    struct tg_config_route_by route;
    struct tg_config_condition *until; /* or NULL; the message that matches is the last */
    struct tg_config_upstream upstream;
    struct tg_config_translate translate;
    struct tg_config_retain retain;
    int64_t initial;               /* enum tg_config_initial: what a client without an id gets */
    int64_t initial_last;          /* with TG_INITIAL_LAST ({ "last": N }) */
    int64_t after_gap;             /* enum tg_config_after_gap: where a client goes on after a gap */
    struct tg_config_files *files; /* for tg_config_refresh_new; NULL: none is read again */
    /* The values of "${NAME}" and "$file" in it; NULL-terminated; NULL: none. Never show them. */
    char **secrets;
};

struct tg_config_cors {
    char **origins; /* NULL-terminated; "*" allows every origin; NULL: no CORS headers */
    bool credentials;
    int64_t max_age_ms;
};

struct tg_config_route {
    char *path;   /* exact, or a prefix that ends with "*", or with parameters: "{name}" is a whole segment */
    char *stream; /* a key of `streams`; or NULL */
    size_t stream_index; /* into config->streams; of `stream` or `send` */
    char *send;          /* a key of `streams` whose backend gets what is posted here; or NULL */
    struct tg_config_send send_options;
    /* Of `send`: messages; of a stream of scope client: sessions that are opened. */
    struct tg_config_rate rate;
    char *file;         /* one file to serve; or NULL */
    char *content_type; /* for `file`; NULL: by its ending */
    struct tg_config_cors cors;
};

struct tg_config {
    char *source;        /* the file's name, for messages */
    char *text, *folder; /* where relative names start; NULL: no file is read again */
    size_t text_length;
    /* Likely mistakes, one line each, as errors are: `tg.json:7:9: warning: streams.q: no route leads to this
     * stream`. NULL-terminated; NULL: none. */
    char **warnings;
    struct tg_config_listener *listeners;
    size_t listener_count;
    struct tg_config_admin admin;
    struct tg_config_log log;
    int64_t workers; /* 0: one for each core */
    int64_t drain_ms;
    struct tg_config_limits limits;
    struct tg_config_sse sse;
    struct tg_config_stream *streams;
    size_t stream_count;
    struct tg_config_route *routes;
    size_t route_count;
};

/* Loads and checks a file. On failure (TG_ERR_INVALID, or TG_ERR_IO when it cannot be read) *ret_errors
 * gets every error found, one line each, sorted by place:
 *     file:line:column: path: what was expected
 * e.g. `tg.json:7:9: streams.quotes.upstream.urll: unknown key; did you mean "url"?`
 * Lines and columns count from 1; columns count characters. On success *ret_errors is untouched. */
enum tg_err tg_config_load(const char *file_name, struct tg_config **ret_config,
                           struct tg_buffer *ret_errors);

/* The same for a text in memory; `name` stands for the file's name in messages, relative `$file` paths
 * start at the working folder. */
enum tg_err tg_config_parse(const char *name, const char *text, size_t length, struct tg_config **ret_config,
                            struct tg_buffer *ret_errors);

void tg_config_free(struct tg_config *config); /* NULL is fine */

/* Whether a listener at "::" takes IPv4, too: unless another of the listeners has its port for IPv4. */
bool tg_config_listener_is_dual_stack(const struct tg_config_listener *listener,
                                      const struct tg_config_listener *listeners, size_t count);

/* ---- files that are read again ----------------------------------------------------------------
 * Tidegate reads a { "$file": … } that goes to a backend (in an upstream, but for `tls`, and in a session's `message`) again
 * after the start, since a token may live for minutes only. It loads the same configuration text with the files' new
 * contents; if that fails, the last good state stays. */

struct tg_config_refresh;
/* NULL: the stream has no such file. `stream` must outlive it. */
struct tg_config_refresh *tg_config_refresh_new(const struct tg_config_stream *stream);
void tg_config_refresh_free(struct tg_config_refresh *refresh); /* NULL is fine */
/* Reads the files; may block, so call it on a thread for that, one call at a time. Returns the new stream, for
 * tg_config_stream_free; or NULL: there is no usable change. Calls `tell` for each file that has changed, with a name fit
 * to be shown: `why` is NULL if its content is in use, else what is wrong with it, once until that changes. */
struct tg_config_stream *tg_config_refresh_read(struct tg_config_refresh *refresh,
                                                void (*tell)(void *arg, const char *file, const char *why),
                                                void *arg);
/* One that tg_config_refresh_read made; its `translate` is empty. NULL is fine. */
void tg_config_stream_free(struct tg_config_stream *stream);

/* What a parameter may be, compiled. `config` must outlive it; NULL: what it may be without a pattern.
 * TG_ERR_INVALID: its pattern is no regular expression. */
struct tg_parameter;
enum tg_err tg_parameter_new(const struct tg_config_parameter *config, struct tg_parameter **ret_parameter);
void tg_parameter_free(struct tg_parameter *parameter); /* NULL is fine */
/* Any thread. Whatever the pattern says, a value is not empty, has no control characters, and is not "." or "..", nor
 * has one of these between slashes: it may become part of a URL or of a header, and comes from a path. */
bool tg_parameter_allows(struct tg_parameter *parameter, struct tg_str value);
/* The same of a stream's key: one value as it is, or several with "/" between them, and "%2F" and "%25" for "/" and "%" in
 * them. */
bool tg_parameters_allow(struct tg_parameter *const *parameters, size_t count, struct tg_str key);

/* Only Tidegate itself sends events of this type: "tidegate.…", and those that `sse` names. White space around it does not
 * count, since some clients drop it. */
bool tg_config_is_own_type(const struct tg_config_sse *sse, struct tg_str type);

/* Appends the JSON Schema (draft 2020-12) of the configuration, made from the option table. */
enum tg_err tg_config_schema(struct tg_buffer *out);
/* Appends the option reference as Markdown, made from the same table. */
enum tg_err tg_config_reference(struct tg_buffer *out);
/* Appends a configuration with every option of the table: its default, or an example where it has none. TG_ERR_INVALID:
 * *ret_errors names the options without a place in it. */
enum tg_err tg_config_full(struct tg_buffer *out, struct tg_buffer *ret_errors);

/* "200ms", "20s", "10m", "1h", "1d"; "0" alone is fine. TG_ERR_INVALID otherwise. */
enum tg_err tg_parse_duration(const char *text, int64_t *ret_ms);
/* "512", "512B", "64KiB", "16MiB", "1GiB", also KB/MB/GB (powers of 1000). */
enum tg_err tg_parse_size(const char *text, int64_t *ret_bytes);

#endif
