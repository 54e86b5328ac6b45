/* Checks of "{name}" in messages, where braces may mean themselves, and where nothing is filled in at all: what can
 * only be a mistake is one. What is given is not told: it may hold secrets. */
#include "check.h"
#include "parameter_names.h"

#include <stdlib.h>
#include <string.h>

/* What stands for the posted body: only in the message of the session, else it is a parameter like others. */
static const struct tg_str body_name = TG_STR("body");

struct text {
    const char *text;
    bool has_body; /* "{body}" is filled in */
};

static bool is_filled_in(const struct tg_config_stream *stream, const struct text *text, struct tg_str name)
{
    return tg_config_find_parameter(stream, name) || (text->has_body && tg_str_equals(name, body_name));
}

/* ---- names -------------------------------------------------------------------------------------------- */

static bool is_near(struct tg_str name, const char *known)
{
    char *copy = tg_strndup(name.data, name.length);
    size_t distance = tg_edit_distance(copy, known);

    free(copy);
    return strlen(known) >= 3 && distance <= (strlen(known) > 4 ? 2 : 1);
}

/* The parameter that was meant; NULL: none. */
static const char *guess(const struct tg_config_stream *stream, const struct text *text, struct tg_str name)
{
    for (size_t i = 0; i < stream->parameter_count; i++) {
        if (is_near(name, stream->parameters[i].name))
            return stream->parameters[i].name;
    }
    return text->has_body && is_near(name, body_name.data) ? body_name.data : NULL;
}

static void check_names(struct tg_document *document, const struct tg_path *path,
                        const struct tg_config_stream *stream, const struct text *text)
{
    const char *rest = text->text, *meant;
    struct tg_str name;
    while (tg_config_next_braces(&rest, &name)) {
        if (is_filled_in(stream, text, name))
            continue;
        if (stream->session.is_opened_by_post && tg_str_equals(name, body_name))
            tg_document_error(document, path, "expected \"{body}\" only in \"message\" of \"session\"");
        else if ((meant = guess(stream, text, name)))
            tg_document_error(document, path, "unknown name in braces; did you mean \"{%s}\"?", meant);
    }
}

/* ---- JSON --------------------------------------------------------------------------------------------- */

/* Appends the text with something in each place; false when each of them is in quotes. */
static bool append_filled(const struct tg_config_stream *stream, const struct text *text,
                          struct tg_buffer *out)
{
    bool is_quoted = false, is_outside = false;
    struct tg_str name;
    for (const char *at = text->text; *at;) {
        const char *next = at;
        if (*at == '{' && tg_config_next_braces(&next, &name) && name.data == at + 1 &&
            is_filled_in(stream, text, name)) {
            tg_buffer_append_str(out, is_quoted ? "x" : "null");
            is_outside = is_outside || !is_quoted;
            at = next;
            continue;
        }
        size_t length = is_quoted && *at == '\\' && at[1] ? 2 : 1;
        is_quoted ^= *at == '"';
        tg_buffer_append(out, at, length);
        at += length;
    }
    return is_outside;
}

/* An object, not with something in braces; an array that begins with a string: other brackets may be only that. */
static bool begins_json(const char *text)
{
    static const char name[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    return (*text == '{' && text[1 + strspn(text + 1, name)] != '}') || strncmp(text, "[\"", 2) == 0;
}

/* A value that stands outside of quotes is checked to be JSON where the text is, and not where it only looks like it. */
static void check_json(struct tg_document *document, const struct tg_path *path,
                       const struct tg_config_stream *stream, const struct text *text)
{
    struct tg_buffer filled = { 0 };
    bool is_outside = append_filled(stream, text, &filled);
    if (is_outside && begins_json(text->text)) {
        while (filled.length > 0 && (unsigned char)filled.data[filled.length - 1] <= ' ')
            filled.length--;
        json_t *json = json_loadb(filled.data, filled.length, 0, NULL);
        if (!json)
            tg_document_error(document, path,
                              "expected JSON, as it begins with \"%c\" and has parameters outside of quotes",
                              *text->text);
        json_decref(json);
    }
    tg_buffer_deinit(&filled);
}

/* ---- where nothing is filled in ----------------------------------------------------------------------- */

static void expect_no_parameters(struct tg_document *document, const struct tg_path *path,
                                 const struct tg_config_stream *stream, const char *text, const char *why)
{
    struct tg_str name;
    while (text && tg_config_next_braces(&text, &name)) {
        const struct tg_config_parameter *parameter = tg_config_find_parameter(stream, name);
        if (parameter)
            tg_document_error(document, path, "expected no \"{%s}\" in it: %s", parameter->name, why);
    }
}

static void check_others(struct tg_document *document, const struct tg_path *path,
                         const struct tg_config_stream *stream)
{
    static const char why[] = "parameters are filled in only in \"url\", \"headers\" and messages";
    const struct tg_config_upstream *upstream = &stream->upstream;
    struct tg_path auth = TG_PATH_KEY(path, "auth"), basic = TG_PATH_KEY(&auth, "basic"),
                   cursor = TG_PATH_KEY(path, "cursor");
    const struct {
        struct tg_path path;
        const char *text;
    } others[] = {
        { TG_PATH_KEY(path, "origin"), upstream->origin },
        { TG_PATH_KEY(path, "content_type"), upstream->content_type },
        { TG_PATH_KEY(&auth, "bearer"), upstream->bearer },
        { TG_PATH_KEY(&basic, "user"), upstream->basic_user },
        { TG_PATH_KEY(&basic, "password"), upstream->basic_password },
        { TG_PATH_KEY(&cursor, "initial"), upstream->cursor.initial },
    };
    for (size_t i = 0; i < TG_COUNT_OF(others); i++)
        expect_no_parameters(document, &others[i].path, stream, others[i].text, why);
}

/* ---- all of it ---------------------------------------------------------------------------------------- */

static const char one_connection[] = "one connection to the backend feeds all keys";

static void check_message(struct tg_document *document, const struct tg_path *path,
                          const struct tg_config_stream *stream, const struct tg_config_message *message)
{
    const struct text text = { message->bytes, false };
    if (!message->is_set || message->is_binary)
        return;
    if (stream->scope == TG_SCOPE_SHARED) {
        expect_no_parameters(document, path, stream, text.text, one_connection);
        return;
    }
    check_names(document, path, stream, &text);
    check_json(document, path, stream, &text);
}

static void check_shared(struct tg_document *document, const struct tg_path *path,
                         const struct tg_config_stream *stream)
{
    struct tg_path url = TG_PATH_KEY(path, "url"), headers = TG_PATH_KEY(path, "headers");
    expect_no_parameters(document, &url, stream, stream->upstream.url.text, one_connection);
    for (const struct tg_config_header *header = stream->upstream.headers; header && header->name; header++) {
        struct tg_path value = TG_PATH_KEY(&headers, header->name);
        expect_no_parameters(document, &value, stream, header->value, one_connection);
    }
}

void tg_config_check_messages(struct tg_document *document, const struct tg_path *path,
                              const struct tg_config_stream *stream)
{
    const struct tg_config_upstream *upstream = &stream->upstream;
    struct tg_path upstream_path = TG_PATH_KEY(path, "upstream"), session = TG_PATH_KEY(path, "session");
    struct tg_path on_open = TG_PATH_KEY(&upstream_path, "on_open"),
                   body = TG_PATH_KEY(&upstream_path, "body");
    struct tg_path keepalive = TG_PATH_KEY(&upstream_path, "keepalive"),
                   ping = TG_PATH_KEY(&keepalive, "message"), template = TG_PATH_KEY(&session, "message");
    const struct text around = { stream->session.message, true };
    /* Where there can be no parameters, another error has told it. */
    if (stream->scope == TG_SCOPE_SHARED && !tg_document_has(document, path, "route"))
        return;
    for (size_t i = 0; i < upstream->on_open_count; i++) {
        struct tg_path item = TG_PATH_INDEX(&on_open, i);
        check_message(document, &item, stream, &upstream->on_open[i]);
    }
    check_message(document, &ping, stream, &upstream->keepalive_message);
    check_message(document, &body, stream, &upstream->body);
    check_others(document, &upstream_path, stream);
    if (stream->scope == TG_SCOPE_SHARED)
        check_shared(document, &upstream_path, stream);
    if (stream->session.is_opened_by_post && around.text) {
        check_names(document, &template, stream, &around);
        check_json(document, &template, stream, &around);
    }
}
