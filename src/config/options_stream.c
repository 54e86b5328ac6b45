/* The option table: a stream, but for its `upstream` and `translate`. */
#include "option_rows.h"

/* clang-format off */

static const struct tg_option_word scopes[] = {
    { "shared", TG_SCOPE_SHARED }, { "keyed", TG_SCOPE_KEYED }, { "client", TG_SCOPE_CLIENT }, { 0 }
};
static const struct tg_option_word opens[] = {
    { "get", TG_OPEN_GET }, { "post", TG_OPEN_POST }, { "both", TG_OPEN_BOTH }, { 0 }
};
static const struct tg_option_word on_ends[] = {
    { "reconnect", TG_ON_END_RECONNECT }, { "end", TG_ON_END_END }, { 0 }
};
static const struct tg_option_word after_gaps[] = {
    { "oldest", TG_AFTER_GAP_OLDEST }, { "live", TG_AFTER_GAP_LIVE }, { 0 }
};

/* ---- what a stream consists of ------------------------------------------------------------------------ */

static const struct tg_option parameter_options[] = {
    { .key = "pattern", .type = TG_OPTION_STRING, AT(tg_config_parameter, pattern),
      .grammar = &tg_grammar_regex_of_all, .example = "\"pattern\": \"[A-Z]{1,5}(\\\\.[A-Z])?\"",
      .help = "A regular expression (PCRE2) that the whole value must match. Without it, values have 1 to 64 "
              "letters, digits, `.`, `_`, `~` and `-`." },
    { .key = "one_of", .type = TG_OPTION_STRINGS, AT(tg_config_parameter, one_of), .min = 1, .max = 1000,
      .grammar = &tg_grammar_parameter_value, .example = "\"one_of\": [ \"eu\", \"us\" ]",
      .help = "The only values there are. Only with it may a parameter be in the scheme, the host or the port "
              "of a URL." },
};
OBJECT(parameter, .size = sizeof(struct tg_config_parameter),
       .help = "What a segment of the path may be, percent-decoded; paths with other values are not found (404). "
               "No value is empty, has control characters, or is `.` or `..`.",
       .example = "{ \"pattern\": \"[0-9]{1,12}\" }");

static const struct tg_option identity_options[] = {
    { .key = "cookie", .type = TG_OPTION_STRING, AT(tg_config_session, identity_cookie),
      .grammar = &tg_grammar_token, .example = "\"cookie\": \"sid\"",
      .help = "The value of the cookie of this name. Either this or `header`." },
    { .key = "header", .type = TG_OPTION_STRING, AT(tg_config_session, identity_header),
      .grammar = &tg_grammar_token, .example = "\"header\": \"Authorization\"",
      .help = "The value of the header of this name. Either this or `cookie`." },
};
OBJECT(identity,
       .help = "What of a request says who the client is. Who shows something else cannot resume a session, and who "
               "shows nothing is answered with 401.",
       .example = "{ \"cookie\": \"sid\" }");

static const struct tg_option session_options[] = {
    { .key = "forward_headers", .type = TG_OPTION_STRINGS, AT(tg_config_session, forward_headers), .max = 100,
      .grammar = &tg_grammar_token, .example = "\"forward_headers\": [ \"Authorization\", \"Cookie\" ]",
      .help = "Headers of the client's request that the backend gets too. Those that belong to a connection "
              "cannot be forwarded." },
    { .key = "forward_query", .type = TG_OPTION_STRINGS, AT(tg_config_session, forward_query), .max = 100,
      .grammar = &tg_grammar_query_name_or_all, .example = "\"forward_query\": [ \"lang\", \"token\" ]",
      .help = "Query parameters of the client's request that are added to the URL of the backend; `*` is all but "
              "those of `last_event_id_query`. Names that the URL has in its own query, or that `cursor` sets, are "
              "never forwarded." },
    { .key = "identity", .type = TG_OPTION_OBJECT, .object = &identity, .has_no_default_keys = true,
      .example = "\"identity\": { \"cookie\": \"sid\" }",
      .help = "What a session is bound to. Without it, who knows the id of one of its events can resume it." },
    { .key = "renew", .type = TG_OPTION_BOOL, AT(tg_config_session, is_renewed), .default_text = "true",
      .example = "\"forward_headers\": [ \"Authorization\" ], \"renew\": true",
      .help = "Whether a client that comes back to its session can renew the values that `forward_headers` and "
              "`forward_query` name, such as a token. A client that sends renews the headers alone. Tidegate uses the "
              "new values from the next attempt to connect or the next poll. Values that the request lacks stay as they "
              "were. Tidegate keeps the old values until the backend accepts the new ones: after 401, 403 or a close code "
              "such as 4401, old and new take turns. Without `identity` the default is `false`, since anyone with an id of "
              "the session could replace its credentials." },
    { .key = "open", .type = TG_OPTION_ENUM, AT(tg_config_session, open), .words = opens,
      .default_text = "get", .example = "\"open\": \"post\"",
      .help = "Which requests open a session: `get`; `post`, whose body is the first message to a WebSocket, or "
              "the body of the request to the backend (kinds `sse` and `ndjson`, with the method `POST`); or "
              "`both`. What was posted is sent once: when the connection is lost after that, the session ends." },
    { .key = "on_end", .type = TG_OPTION_ENUM, AT(tg_config_session, on_end), .words = on_ends,
      .example = "\"on_end\": \"end\"",
      .help = "What to do when the backend ends its answer in order: `reconnect` sends the request again with the last id, as "
              "an EventSource does; `end` ends the session. The default is `reconnect` for kind `sse` if GET opened the "
              "session, else `end`. Tidegate repeats a POST only if the events have ids. 204 and `until` always end a "
              "session; for a WebSocket, `close_codes` of the upstream decides." },
    { .key = "plain", .type = TG_OPTION_BOOL, AT(tg_config_session, is_plain), .default_text = "false",
      .example = "\"open\": \"post\", \"plain\": true",
      .help = "With `open` `post`: whether the answer is the backend's events and nothing else, for clients that take "
              "every event for data, such as OpenAI's SDKs. Without ids and Tidegate's own events nobody can come back "
              "(`linger` is then \"0\" unless given), so the connection tells what they would: the answer is not "
              "completed where that of the backend breaks off, or the client reads too slowly to get all of it." },
    { .key = "max_body", .type = TG_OPTION_SIZE, AT(tg_config_session, max_body_bytes), .min = 1,
      .max = MIB(16), .default_text = "64KiB", .example = "\"open\": \"post\", \"max_body\": \"1MiB\"",
      .help = "How large the body may be that opens a session. Larger ones are answered with 413." },
    { .key = "message", .type = TG_OPTION_TEXT, AT(tg_config_session, message),
      .example = "\"open\": \"post\", \"message\": { \"op\": \"ask\", \"prompt\": \"{body}\" }",
      .help = "What is made of the posted body: `{body}` stands for it, as parameters do for their values. In a "
              "string of JSON it is escaped; elsewhere, as in `\"{\\\"query\\\":{body}}\"`, it must be JSON itself "
              "(else 400). Without it, the body goes as it is." },
};
OBJECT(session,
       .help = "How sessions are opened, what of the client's request the backend gets, and who may resume them.",
       .example = "{\n"
                  "  \"forward_headers\": [ \"Authorization\" ], \"identity\": { \"header\": \"Authorization\" },\n"
                  "  \"open\": \"both\"\n"
                  "}");

static const struct tg_option route_by_options[] = {
    { .key = "by", .type = TG_OPTION_STRING, AT(tg_config_route_by, by), .is_required = true,
      .grammar = &tg_grammar_pointer, .example = "\"by\": \"/symbol\"",
      .help = "Where a message has the key, a string or an integer, as a JSON pointer: the value of the parameter, or "
              "of several, in the order of `parameters`, with `/` between them (and `%2F` and `%25` for `/` and `%` in them). "
              "A message without one, or with one that no path can have, is a misfit." },
    { .key = "to", .type = TG_OPTION_PAIRS, AT(tg_config_route_by, to), .max = 100000,
      .grammar = &tg_grammar_parameter_value,
      .example = "\"by\": \"/id\", \"to\": { \"4711\": \"AAPL\", \"4712\": \"MSFT\" }",
      .help = "Other names for keys: from the key in messages to the one in paths. Keys that are not in it stay "
              "as they are." },
};
OBJECT(route_by,
       .help = "Sends each message to the stream of its key, so that one connection to the backend feeds many "
               "streams.",
       .example = "{ \"by\": \"/symbol\" }");

static const struct tg_option retain_options[] = {
    { .key = "events", .type = TG_OPTION_INTEGER, AT(tg_config_retain, events), .max = INT64_C(1000000000),
      .default_text = "10000", .help = "How many events are kept for clients that come back." },
    { .key = "bytes", .type = TG_OPTION_SIZE, AT(tg_config_retain, bytes), .min = KIB(4), .max = GIB(1024),
      .default_text = "16MiB", .help = "How much memory they may take." },
    { .key = "age", .type = TG_OPTION_DURATION, AT(tg_config_retain, age_ms), .max = DAYS(3650),
      .default_text = "10m", .help = "How long an event is kept. \"0\": no limit." },
};
OBJECT(retain,
.help = "What a stream keeps, so that a client that was away gets what it missed. Whichever limit is "
                       "reached first lets the oldest events go. It counts for each key and each session.");

/* ---- the stream --------------------------------------------------------------------------------------- */

#define KEYED "\"scope\": \"keyed\", \"parameters\": { \"symbol\": {} }"

static const struct tg_option stream_options[] = {
    { .key = "scope", .type = TG_OPTION_ENUM, AT(tg_config_stream, scope), .words = scopes,
      .default_text = "shared", .example = KEYED,
      .help = "Who shares the stream and its connection to the backend: `shared` is one for all clients; `keyed` "
              "one for all with the same parameters in the path; `client` one for each client, a session, which "
              "only this client can resume." },
    { .key = "parameters", .type = TG_OPTION_MAP, AT(tg_config_stream, parameters),
      COUNT_AT(tg_config_stream, parameter_count), .object = &parameter, .min = 1, .max = 16,
      .grammar = &tg_grammar_parameter_name,
      .example = "\"scope\": \"keyed\", \"parameters\": { \"symbol\": { \"pattern\": \"[A-Z]{1,5}\" } }",
      .help = "What the segments `{name}` in the paths of the stream's routes may be. With scopes `keyed` and "
              "`client`, `{name}` in the `url`, the `headers` and the messages of the upstream stands for the "
              "value, written as its place demands (see the top of this page). In messages, other names in braces "
              "stay as they are." },
    { .key = "max_keys", .type = TG_OPTION_INTEGER, AT(tg_config_stream, max_members), .min = 1,
      .max = 10000000, .default_text = "10000", .example = KEYED ", \"max_keys\": 500",
      .help = "How many keys there may be at a time, with scope `keyed` or with `route`. Clients who ask for one "
              "more are told to come back later." },
    { .key = "max_sessions", .type = TG_OPTION_INTEGER, AT(tg_config_stream, max_members), .min = 1,
      .max = 10000000, .default_text = "10000", .example = "\"scope\": \"client\", \"max_sessions\": 2000",
      .help = "How many sessions there may be at a time, with scope `client`. Further clients are told to come "
              "back later. A session that has ended still counts until its client has been away for `linger`." },
    { .key = "session", .type = TG_OPTION_OBJECT, AT(tg_config_stream, session), .object = &session,
      .example = "\"scope\": \"client\", \"session\": { \"forward_headers\": [ \"Authorization\" ] }",
      .help = "How sessions are opened and resumed. Only with scope `client`." },
    { .key = "route", .type = TG_OPTION_OBJECT, AT(tg_config_stream, route), .object = &route_by,
      .has_no_default_keys = true,
      .example = "\"parameters\": { \"symbol\": {} }, \"route\": { \"by\": \"/symbol\" }",
      .help = "One connection to the backend feeds a stream for each key; without it, all messages go to the one "
              "stream. Only with scope `shared`. As the connection is one for all keys, no `{name}` is filled in." },
    { .key = "until", .type = TG_OPTION_CONDITION, AT(tg_config_stream, until), .min = 1, .max = 1000,
      .example = "\"until\": { \"text\": \"[DONE]\" }",
      .help = "Which message is the last one, asked of it as it came, before `translate`. It makes an event as others "
              "do, if it is as the rules want it, and the stream ends. Clients that have all of it are told not to come back. Without it, streams go on." },
    { .key = "upstream", .type = TG_OPTION_OBJECT, AT(tg_config_stream, upstream),
      .object = &tg_options_upstream, .is_required = true, .help = "The connection to the backend." },
    { .key = "translate", .type = TG_OPTION_OBJECT, AT(tg_config_stream, translate),
      .object = &tg_options_translate,
      .help = "What becomes of a message. Without it, the message is the data." },
    { .key = "retain", .type = TG_OPTION_OBJECT, AT(tg_config_stream, retain), .object = &retain,
      .help = "What is kept for clients that come back." },
    { .key = "initial", .type = TG_OPTION_INITIAL, AT(tg_config_stream, initial),
      COUNT_AT(tg_config_stream, initial_last), .min = 1, .max = INT64_C(1000000000), .default_text = "live",
      .help = "What a client that comes for the first time gets: `\"live\"` only what is new, `\"all\"` "
              "also all that is kept, `{ \"last\": N }` also the last N events. Who opens a session gets all of "
              "it." },
    { .key = "after_gap", .type = TG_OPTION_ENUM, AT(tg_config_stream, after_gap), .words = after_gaps,
      .default_text = "oldest",
      .help = "Where a client that has missed events goes on: with the `oldest` event that is kept, or "
              "`live`." },
};

const struct tg_option_object tg_options_stream = {
    .options = stream_options,
    .option_count = TG_COUNT_OF(stream_options),
    .size = sizeof(struct tg_config_stream),
    .help = "A sequence of events, made of what one backend says.",
    .example = "{\n"
               "  \"scope\": \"keyed\", \"parameters\": { \"symbol\": { \"pattern\": \"[A-Z]{1,5}\" } },\n"
               "  \"upstream\": { \"url\": \"wss://legacy.internal:9000/quotes/{symbol}\" }\n"
               "}",
};
