/* Checks of the parameters in an upstream's url and headers: that what stands in braces is one, and that the url is
 * one whatever they are.
 *
 *     {scheme}://{host}.internal:{port} /quotes/{symbol}?x={y}
 *     └ only parameters with one_of ──┘ └ any parameter ─────┘ */
#include "check.h"
#include "parameter_names.h"

#include "load.h"
#include "url.h"

#include <stdlib.h>
#include <string.h>

/* ---- braces ------------------------------------------------------------------------------------------- */

/* Also none that is open, or closes nothing. */
static bool are_all_braces_parameters(const struct tg_config_stream *stream, const char *text)
{
    struct tg_str name;
    size_t open = 0, close = 0, pairs = 0;
    for (const char *at = text; *at; at++) {
        open += *at == '{';
        close += *at == '}';
    }
    while (tg_config_next_braces(&text, &name)) {
        if (!tg_config_find_parameter(stream, name))
            return false;
        pairs++;
    }
    return pairs == open && pairs == close;
}

static bool is_like_name(struct tg_str name)
{
    for (size_t i = 0; i < name.length; i++) {
        char c = name.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              (c != '\0' && strchr("_.-", c))))
            return false;
    }
    return name.length > 0;
}

/* Other braces mean themselves, since a header may well be JSON. */
static bool are_all_names_parameters(const struct tg_config_stream *stream, const char *text)
{
    struct tg_str name;
    while (tg_config_next_braces(&text, &name)) {
        if (is_like_name(name) && !tg_config_find_parameter(stream, name))
            return false;
    }
    return true;
}

/* What is given is not told: it may hold secrets. */
static void report_braces(struct tg_document *document, const struct tg_path *path,
                          const struct tg_config_stream *stream)
{
    struct tg_buffer known = { 0 };
    tg_config_append_parameters(stream, &known);
    if (known.length > 0)
        tg_document_error(document, path, "expected only parameters of the stream in braces: %s", known.data);
    else
        tg_document_error(document, path, "expected no name in braces, as the stream has no \"parameters\"%s",
                          stream->scope == TG_SCOPE_CLIENT
                              ? "; headers of the client's request are for \"forward_headers\" of \"session\""
                              : "");
    tg_buffer_deinit(&known);
}

/* ---- the url ------------------------------------------------------------------------------------------ */

/* One parameter has this value of its one_of, all others have their first. */
struct choice {
    const struct tg_config_parameter *parameter; /* NULL: all */
    size_t value;
};

/* What may be in a host, with its port too; what may not becomes something that no host has. */
static void append_site(struct tg_buffer *out, const char *value)
{
    for (; *value; value++) {
        unsigned char c = (unsigned char)*value;
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                        strchr("-._:[]", *value);
        if (is_plain)
            tg_buffer_append(out, value, 1);
        else
            tg_buffer_appendf(out, "%%%02X", c);
    }
}

/* From `rest` on, where any value will do, "x" stands for it. */
static void append_url(const struct tg_config_stream *stream, const char *rest, const struct choice *choice,
                       struct tg_buffer *out)
{
    const char *at = stream->upstream.url.text, *next = at;
    struct tg_str name;
    while (tg_config_next_braces(&next, &name)) {
        const struct tg_config_parameter *parameter = tg_config_find_parameter(stream, name);
        tg_buffer_append(out, at, (size_t)(name.data - 1 - at));
        if (name.data < rest)
            append_site(out, parameter->one_of[parameter == choice->parameter ? choice->value : 0]);
        else
            tg_buffer_append_str(out, "x");
        at = next;
    }
    tg_buffer_append_str(out, at);
}

static bool parse_choice(const struct tg_config_stream *stream, int64_t kind, const char *rest,
                         const struct choice *choice, struct tg_config_url *ret_url,
                         const char **ret_expected)
{
    struct tg_buffer text = { 0 };
    append_url(stream, rest, choice, &text);
    enum tg_err err = tg_url_parse(tg_text_or_empty(text.data), kind, ret_url, ret_expected);
    tg_buffer_deinit(&text);
    return !err;
}

/* Each value of this parameter but the first, which has been tried. */
static void check_values(struct tg_document *document, const struct tg_path *path,
                         const struct tg_config_stream *stream, const char *rest,
                         const struct tg_config_parameter *parameter)
{
    int64_t kind = tg_load_kind_beside(document, path);
    for (size_t i = 1; parameter->one_of[i]; i++) {
        struct choice choice = { parameter, i };
        struct tg_config_url url;
        const char *expected;
        if (!parse_choice(stream, kind, rest, &choice, &url, &expected)) {
            tg_document_error(document, path, "expected %s, also where \"{%s}\" is \"%s\"", expected,
                              parameter->name, parameter->one_of[i]);
            return;
        }
        tg_url_deinit(&url);
    }
}

/* Fills in the parts of the url, from the first value of each parameter; false after an error. */
static bool set_parts(struct tg_document *document, const struct tg_path *path,
                      struct tg_config_stream *stream, const char *rest)
{
    struct tg_config_url *url = &stream->upstream.url, first;
    const struct choice choice = { 0 };
    const char *expected;
    struct tg_buffer whole_path = { 0 };
    if (!parse_choice(stream, tg_load_kind_beside(document, path), rest, &choice, &first, &expected)) {
        tg_document_error(document, path, "expected %s", expected);
        return false;
    }
    tg_buffer_appendf(&whole_path, "%s%s", *rest == '/' ? "" : "/", rest);
    url->is_secure = first.is_secure;
    url->port = first.port;
    url->host = first.host;
    url->path = whole_path.data;
    first.host = NULL;
    tg_url_deinit(&first);
    return true;
}

static bool has_values_before(const struct tg_config_stream *stream, const char *rest)
{
    const char *text = stream->upstream.url.text;
    struct tg_str name;
    while (tg_config_next_braces(&text, &name) && name.data < rest) {
        const struct tg_config_parameter *parameter = tg_config_find_parameter(stream, name);
        if (!parameter->one_of || !parameter->one_of[0])
            return false;
    }
    return true;
}

static void check_url(struct tg_document *document, const struct tg_path *path,
                      struct tg_config_stream *stream)
{
    const char *text = stream->upstream.url.text, *authority = strstr(text, "://");
    struct tg_path parameters = TG_PATH_KEY(path->up->up, "parameters");
    struct tg_str name;
    if (!are_all_braces_parameters(stream, text)) {
        report_braces(document, path, stream);
        return;
    }
    if (!authority) {
        tg_document_error(document, path, "expected %s",
                          tg_url_expected(tg_load_kind_beside(document, path)));
        return;
    }
    const char *rest = authority + 3 + strcspn(authority + 3, "/?");
    if (tg_document_has_error(document, &parameters))
        return;
    if (!has_values_before(stream, rest)) {
        tg_document_error(document, path,
                          "expected only parameters with \"one_of\" in the scheme, the host and the port");
        return;
    }
    if (!set_parts(document, path, stream, rest))
        return;
    while (tg_config_next_braces(&text, &name) && name.data < rest)
        check_values(document, path, stream, rest, tg_config_find_parameter(stream, name));
}

/* ---- the upstream ------------------------------------------------------------------------------------- */

void tg_config_check_placeholders(struct tg_document *document, const struct tg_path *path,
                                  struct tg_config_stream *stream)
{
    struct tg_path url = TG_PATH_KEY(path, "url"), headers = TG_PATH_KEY(path, "headers");
    struct tg_path parameters = TG_PATH_KEY(path->up, "parameters");
    bool are_unknown = stream->parameter_count == 0 && tg_document_has_error(document, &parameters);
    if (stream->scope == TG_SCOPE_SHARED || are_unknown)
        return;
    /* The loader has left those to be parsed here that have braces. */
    if (stream->upstream.url.text && !stream->upstream.url.path)
        check_url(document, &url, stream);
    for (const struct tg_config_header *header = stream->upstream.headers; header && header->name; header++) {
        struct tg_path value = TG_PATH_KEY(&headers, header->name);
        if (!are_all_names_parameters(stream, header->value))
            report_braces(document, &value, stream);
    }
}
