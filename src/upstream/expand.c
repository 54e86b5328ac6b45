/* A member's configuration, piece by piece. */
#include "expand.h"

#include "content.h"
#include "forward_query.h"
#include "placeholder.h"
#include "target.h"

#include <stdlib.h>
#include <string.h>

static const char in_url[] = "url", in_headers[] = "headers", in_messages[] = "messages",
                  posted_body[] = "body";
static const char *const forms[] = { "application/x-www-form-urlencoded", NULL };

struct expansion {
    const struct tg_config_stream *stream;
    const struct tg_config_upstream *from;
    const struct tg_opening *opening;
    struct tg_places places;
    struct tg_config_upstream *to;
    const char *what; /* is being made */
};

/* The text of a buffer, to be freed; the buffer is empty then. */
static char *take_text(struct tg_buffer *buffer)
{
    char *text = buffer->data ? buffer->data : tg_strdup("");

    *buffer = (struct tg_buffer){ 0 };
    return text;
}

static enum tg_err fill_text(const struct expansion *x, const char *text, tg_place_fn *place, char **ret_text)
{
    struct tg_buffer out = { 0 };
    enum tg_err err = tg_placeholder_fill(&out, tg_str_from(text), &x->places, place);

    if (err == TG_OK)
        *ret_text = take_text(&out);
    tg_buffer_deinit(&out);
    return err;
}

/* ---- url ----------------------------------------------------------------------------------------- */

/* Scheme and authority of the URL, as in the configuration. */
static struct tg_str peek_site(const struct tg_config_url *url)
{
    const char *text = tg_text_or_empty(url->text), *after = strstr(text, "://");

    if (!after)
        return TG_STR("");
    after += strlen("://");
    return (struct tg_str){ text, (size_t)(after - text) + strcspn(after, "/?#") };
}

static enum tg_err expand_site(struct expansion *x)
{
    const struct tg_config_url *from = &x->from->url;
    struct tg_config_url *to = &x->to->url;
    struct tg_str site = peek_site(from);
    struct tg_target base = { .host = (char *)"", .path = (char *)"/" }, target;
    struct tg_buffer text = { 0 };

    if (!tg_placeholder_is_in(site, &x->places)) {
        to->host = tg_strdup(from->host);
        return TG_OK;
    }
    enum tg_err err = tg_placeholder_fill(&text, site, &x->places, tg_place_in_site);
    if (err == TG_OK)
        err = tg_target_follow(&base, tg_text_or_empty(text.data), &target);
    tg_buffer_deinit(&text);
    if (err < 0)
        return err == TG_ERR_TLS ? TG_ERR_INVALID : err;
    to->is_secure = target.is_secure;
    to->port = target.port;
    to->host = target.host;
    target.host = NULL;
    tg_target_deinit(&target);
    return TG_OK;
}

static enum tg_err expand_path(struct expansion *x)
{
    const char *from = x->from->url.path;
    struct tg_buffer out = { 0 };
    enum tg_err err = tg_placeholder_fill(&out, tg_str_from(from), &x->places, tg_place_encoded);

    /* A backend would take them for the way up, encoded or not. */
    if (err == TG_OK && tg_target_count_dots(tg_text_or_empty(out.data)) > tg_target_count_dots(from))
        err = TG_ERR_INVALID;
    if (err == TG_OK)
        err = tg_forward_query(&out, x->opening->query, x->from->cursor.query);
    if (err == TG_OK && out.length > TG_TARGET_PATH_MAX)
        err = TG_ERR_TOO_LARGE;
    if (err == TG_OK)
        x->to->url.path = take_text(&out);
    tg_buffer_deinit(&out);
    return err;
}

/* ---- headers ------------------------------------------------------------------------------------- */

static bool has_header(const struct tg_config_upstream *upstream, struct tg_str name)
{
    bool has_credentials = upstream->bearer || upstream->basic_user;

    if (has_credentials && tg_str_equals_nocase(name, TG_STR("Authorization")))
        return true;
    for (const struct tg_config_header *h = upstream->headers; h && h->name; h++)
        if (tg_str_equals_nocase(tg_str_from(h->name), name))
            return true;
    return false;
}

static enum tg_err forward_header(struct tg_config_header *header, const struct tg_pair *pair)
{
    struct tg_buffer value = { 0 };
    enum tg_err err = tg_place_in_header(&value, pair->value);

    if (err == TG_OK) {
        header->name = tg_strndup(pair->name.data, pair->name.length);
        header->value = take_text(&value);
    }
    tg_buffer_deinit(&value);
    return err;
}

static enum tg_err check_size(const struct tg_config_header *headers)
{
    size_t length = 0;

    for (; headers->name; headers++)
        length += strlen(headers->name) + strlen(headers->value) + strlen(": \r\n");
    return length > TG_UPSTREAM_HEADERS_MAX_BYTES ? TG_ERR_TOO_LARGE : TG_OK;
}

static enum tg_err expand_headers(struct expansion *x)
{
    const struct tg_config_header *from = x->from->headers;
    size_t count = 0;
    enum tg_err err = TG_OK;

    while (from && from[count].name)
        count++;
    struct tg_config_header *to = tg_alloc((count + x->opening->header_count + 1) * sizeof(*to));
    x->to->headers = to;
    for (size_t i = 0; i < count && err == TG_OK; i++) {
        err = fill_text(x, from[i].value, tg_place_in_header, &to[i].value);
        if (err == TG_OK)
            to[i].name = tg_strdup(from[i].name);
    }
    for (size_t i = 0; i < x->opening->header_count && err == TG_OK; i++) {
        if (has_header(x->from, x->opening->headers[i].name))
            continue;
        err = forward_header(&to[count], &x->opening->headers[i]);
        count += err == TG_OK;
    }
    return err == TG_OK ? check_size(to) : err;
}

/* ---- messages ------------------------------------------------------------------------------------ */

/* `place` NULL: as the text itself demands. */
static enum tg_err fill_message(const struct tg_config_message *from, const struct tg_places *places,
                                tg_place_fn *place, struct tg_config_message *ret_message)
{
    struct tg_str text = { from->bytes ? from->bytes : "", from->length };
    struct tg_buffer out = { 0 };
    enum tg_err err;

    if (!from->is_set)
        return TG_OK;
    if (from->is_binary)
        err = tg_buffer_append(&out, text.data, text.length);
    else if (place)
        err = tg_placeholder_fill(&out, text, places, place);
    else
        err = tg_placeholder_fill_message(&out, text, places);
    if (err < 0) {
        tg_buffer_deinit(&out);
        return err;
    }
    *ret_message =
        (struct tg_config_message){ .is_set = true, .is_binary = from->is_binary, .length = out.length };
    ret_message->bytes = take_text(&out);
    return TG_OK;
}

static bool has_client_message(const struct expansion *x)
{
    return x->opening->has_body && (x->stream->session.message || x->opening->body.length > 0);
}

/* The client's body, as it is or in what the configuration puts around it, each value written as by `place`. */
static enum tg_err make_client_message(const struct expansion *x, bool is_text, tg_place_fn *place,
                                       struct tg_config_message *ret_message)
{
    const char *around = x->stream->session.message;
    struct tg_str body = x->opening->body;
    struct tg_buffer copy = { 0 };

    if (around) {
        const struct tg_config_message text = { true, false, (char *)around, strlen(around) };
        struct tg_pair *values = tg_alloc((x->places.count + 1) * sizeof(*values));
        if (x->places.count > 0)
            memcpy(values, x->places.values, x->places.count * sizeof(*values));
        values[x->places.count] = (struct tg_pair){ TG_STR("body"), body };
        const struct tg_places places = { values, x->places.count + 1 };
        enum tg_err err = fill_message(&text, &places, place, ret_message);
        free(values);
        return err;
    }
    if (is_text && !tg_utf8_is_valid(body.data, body.length))
        return TG_ERR_INVALID;
    if (tg_buffer_append(&copy, body.data, body.length) < 0)
        return TG_ERR_MEMORY;
    *ret_message = (struct tg_config_message){ .is_set = true, .length = body.length };
    ret_message->bytes = take_text(&copy);
    return TG_OK;
}

static enum tg_err expand_on_open(struct expansion *x)
{
    size_t count = x->from->on_open_count;
    bool is_websocket = x->from->kind == TG_UPSTREAM_WEBSOCKET;
    enum tg_err err = TG_OK;

    x->to->on_open = tg_alloc((count + 1) * sizeof(*x->to->on_open));
    x->to->on_open_count = 0;
    for (size_t i = 0; i < count && err == TG_OK; i++) {
        err = fill_message(&x->from->on_open[i], &x->places, NULL, &x->to->on_open[i]);
        x->to->on_open_count += err == TG_OK;
    }
    if (err == TG_OK && is_websocket && has_client_message(x)) {
        x->what = posted_body;
        err = make_client_message(x, true, NULL, &x->to->on_open[count]);
        x->to->on_open_count += err == TG_OK;
    }
    return err;
}

static const char *type_of(const struct tg_config_message *body)
{
    struct tg_str text = { body->bytes, body->length };

    if (!tg_utf8_is_valid(text.data, text.length))
        return "application/octet-stream";
    return tg_json_check(text) ? "application/json" : "text/plain; charset=utf-8";
}

static enum tg_err expand_body(struct expansion *x)
{
    struct tg_config_upstream *to = x->to;
    const char *type = x->from->content_type;
    tg_place_fn *place = type && tg_content_is_any(tg_str_from(type), forms) ? tg_place_encoded : NULL;
    enum tg_err err;

    if (x->from->kind != TG_UPSTREAM_WEBSOCKET && has_client_message(x)) {
        x->what = posted_body;
        err = make_client_message(x, false, place, &to->body);
        to->method = TG_CONFIG_POST;
    } else {
        err = fill_message(&x->from->body, &x->places, place, &to->body);
    }
    if (err == TG_OK && !type && to->body.is_set)
        type = type_of(&to->body);
    if (err == TG_OK && type)
        to->content_type = tg_strdup(type);
    return err;
}

/* ---- all of it ----------------------------------------------------------------------------------- */

/* What is owned is empty, so that it can be released at any time. */
static void begin(struct tg_config_upstream *to, const struct tg_config_upstream *from)
{
    *to = *from;
    to->url.host = to->url.path = NULL;
    to->headers = NULL;
    to->on_open = NULL;
    to->on_open_count = 0;
    to->keepalive_message = to->body = (struct tg_config_message){ 0 };
    to->content_type = NULL;
    to->connect = TG_CONNECT_ALWAYS;
    to->required = false;
}

static enum tg_err expand_keepalive(struct expansion *x)
{
    return fill_message(&x->from->keepalive_message, &x->places, NULL, &x->to->keepalive_message);
}

static const struct {
    enum tg_err (*expand)(struct expansion *x);
    const char *what;
} steps[] = {
    { expand_keepalive, in_messages }, { expand_site, in_url },         { expand_path, in_url },
    { expand_headers, in_headers },    { expand_on_open, in_messages }, { expand_body, in_messages },
};

static const struct {
    const char *what;
    enum tg_err err;
    const char *expected;
} complaints[] = {
    { in_url, TG_ERR_INVALID, "expected values that are no way up, as \"..\" is" },
    { in_url, TG_ERR_TOO_LARGE, "expected path and query of at most 8000 bytes together" },
    { in_headers, TG_ERR_INVALID, "expected values without control characters" },
    { in_headers, TG_ERR_TOO_LARGE, "expected at most 24 KiB of them together" },
    { in_messages, TG_ERR_INVALID,
      "expected UTF-8, and JSON outside of the strings of JSON, one line in other text" },
    { posted_body, TG_ERR_INVALID,
      "expected UTF-8, and JSON where it is put into JSON, one line where into text" },
};

static void complain(struct tg_buffer *out, const char *what, enum tg_err err)
{
    const char *expected = tg_err_text(err);

    for (size_t i = 0; i < TG_COUNT_OF(complaints); i++)
        if (complaints[i].what == what && complaints[i].err == err)
            expected = complaints[i].expected;
    tg_buffer_appendf(out, "%s: %s\n", what, expected);
}

enum tg_err tg_expand(const struct tg_config_stream *config, const struct tg_opening *opening,
                      struct tg_config_upstream *ret_upstream, struct tg_buffer *ret_error)
{
    struct tg_config_upstream to;
    struct expansion x = {
        .stream = config,
        .from = &config->upstream,
        .opening = opening,
        .places = { opening->parameters, opening->parameter_count },
        .to = &to,
    };
    enum tg_err err = TG_OK;

    begin(&to, &config->upstream);
    for (size_t i = 0; i < TG_COUNT_OF(steps) && err == TG_OK; i++) {
        x.what = steps[i].what;
        err = steps[i].expand(&x);
    }
    if (err < 0) {
        complain(ret_error, x.what, err);
        tg_expand_deinit(&to);
        return err;
    }
    *ret_upstream = to;
    return TG_OK;
}

void tg_expand_drop_messages(struct tg_config_upstream *upstream)
{
    for (size_t i = 0; i < upstream->on_open_count; i++)
        free(upstream->on_open[i].bytes);
    free(upstream->on_open);
    free(upstream->keepalive_message.bytes);
    free(upstream->body.bytes);
    upstream->on_open = NULL;
    upstream->on_open_count = 0;
    upstream->keepalive_message = upstream->body = (struct tg_config_message){ 0 };
}

void tg_expand_deinit(struct tg_config_upstream *upstream)
{
    tg_expand_drop_messages(upstream);
    free(upstream->url.host);
    free(upstream->url.path);
    for (struct tg_config_header *h = upstream->headers; h && (h->name || h->value); h++) {
        free(h->name);
        free(h->value);
    }
    free(upstream->headers);
    free(upstream->content_type);
}
