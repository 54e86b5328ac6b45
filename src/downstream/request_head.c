/* The request head, line by line: the request line, then one field after the other into the struct. */
#include "request_head.h"

#include <string.h>

enum {
    LEADING_EMPTY_LINES = 4, /* RFC 9112 section 2.2: at least one should be ignored */
    LINE_EXTRA = 64,         /* what a request line may have beside its target */
};

/* Bad input in this layer's own numbers: 0 goes on, all else is the status. */
struct parser {
    struct tg_request_head head;
    unsigned seen; /* a bit for each of `fields` */
    bool has_host, says_close, says_keep_alive;
};

static bool is_token_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

bool tg_is_token(const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (!is_token_char(bytes[i]))
            return false;
    }
    return length > 0;
}

struct tg_str tg_str_trim(struct tg_str text)
{
    while (text.length > 0 && (*text.data == ' ' || *text.data == '\t')) {
        text.data++;
        text.length--;
    }
    while (text.length > 0 && (text.data[text.length - 1] == ' ' || text.data[text.length - 1] == '\t'))
        text.length--;
    return text;
}

bool tg_list_next(struct tg_str *list, struct tg_str *ret_member)
{
    while (list->length > 0) {
        const char *comma = memchr(list->data, ',', list->length);
        size_t length = comma ? (size_t)(comma - list->data) : list->length;
        struct tg_str member = tg_str_trim((struct tg_str){ list->data, length });
        size_t used = comma ? length + 1 : length;
        list->data += used;
        list->length -= used;
        if (member.length > 0) {
            *ret_member = member;
            return true;
        }
    }
    return false;
}

static enum tg_method method_of(struct tg_str name)
{
    static const char *const names[] = { "GET", "HEAD", "OPTIONS", "POST" };
    for (size_t i = 0; i < TG_COUNT_OF(names); i++) {
        if (tg_str_equals(name, tg_str_from(names[i])))
            return (enum tg_method)i;
    }
    return TG_METHOD_OTHER;
}

/* HTTP-version, RFC 9112 section 2.3. A higher minor version of 1 is read as 1.1 (RFC 9110 section 2.5). */
static int parse_version(struct tg_str text, int *ret_minor)
{
    if (text.length != 8 || memcmp(text.data, "HTTP/", 5) != 0 || text.data[6] != '.')
        return 400;
    char major = text.data[5], minor = text.data[7];
    if (major < '0' || major > '9' || minor < '0' || minor > '9')
        return 400;
    if (major != '1')
        return 505;
    *ret_minor = minor == '0' ? 0 : 1;
    return 0;
}

/* Exactly: method SP target SP version. */
static int parse_request_line(struct parser *parser, struct tg_str line, const struct tg_head_limits *limits)
{
    const char *end = line.data + line.length;
    const char *first = memchr(line.data, ' ', line.length);
    if (!first)
        return 400;
    const char *target = first + 1;
    const char *second = memchr(target, ' ', (size_t)(end - target));
    if (!second)
        return 400;
    struct tg_str method = { line.data, (size_t)(first - line.data) };
    struct tg_str target_text = { target, (size_t)(second - target) };
    struct tg_str version = { second + 1, (size_t)(end - second - 1) };
    if (!tg_is_token(method.data, method.length))
        return 400;
    if (target_text.length > limits->url_bytes)
        return 414;
    int status = parse_version(version, &parser->head.minor_version);
    if (status)
        return status;
    if (tg_str_equals(method, TG_STR("CONNECT")))
        return 405;
    parser->head.method_name = method;
    parser->head.method = method_of(method);
    bool is_options = parser->head.method == TG_METHOD_OPTIONS;
    return tg_target_parse(target_text, is_options, &parser->head.target) ? 400 : 0;
}

static int on_host(struct parser *parser, struct tg_str value)
{
    parser->has_host = true;
    parser->head.host = value;
    return tg_host_is_valid(value) ? 0 : 400;
}

/* One number: equal repetitions are refused too, which RFC 9112 section 6.3 allows. */
static int on_content_length(struct parser *parser, struct tg_str value)
{
    if (value.length == 0)
        return 400;
    uint64_t length = 0;
    for (size_t i = 0; i < value.length; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return 400;
        if (__builtin_mul_overflow(length, 10u, &length) ||
            __builtin_add_overflow(length, (uint64_t)(value.data[i] - '0'), &length))
            return 400;
    }
    parser->head.has_length = true;
    parser->head.content_length = length;
    return 0;
}

static int on_transfer_encoding(struct parser *parser, struct tg_str value)
{
    if (parser->head.minor_version == 0)
        return 400;
    if (!tg_str_equals_nocase(value, TG_STR("chunked")))
        return 501;
    parser->head.is_chunked = true;
    return 0;
}

static int on_connection(struct parser *parser, struct tg_str value)
{
    struct tg_str member;
    while (tg_list_next(&value, &member)) {
        if (tg_str_equals_nocase(member, TG_STR("close")))
            parser->says_close = true;
        else if (tg_str_equals_nocase(member, TG_STR("keep-alive")))
            parser->says_keep_alive = true;
    }
    return 0;
}

static int on_accept(struct parser *parser, struct tg_str value)
{
    struct tg_str member;
    while (tg_list_next(&value, &member)) {
        const char *semicolon = memchr(member.data, ';', member.length);
        if (semicolon)
            member = tg_str_trim((struct tg_str){ member.data, (size_t)(semicolon - member.data) });
        if (tg_str_equals_nocase(member, TG_STR("text/event-stream")))
            parser->head.wants_event_stream = true;
    }
    return 0;
}

static int on_expect(struct parser *parser, struct tg_str value)
{
    if (tg_str_equals_nocase(value, TG_STR("100-continue")))
        parser->head.expects_continue = parser->head.minor_version > 0; /* RFC 9110 section 10.1.1 */
    else
        parser->head.has_unknown_expectation = true;
    return 0;
}

/* A page that sets the header itself, with a library that sets it too, sends both in one line or in two (RFC
 * 9110 section 5.3). The last one is the library's, and no id holds a comma. */
static int on_last_event_id(struct parser *parser, struct tg_str value)
{
    const char *comma = value.length ? memrchr(value.data, ',', value.length) : NULL;
    if (comma) {
        value.length -= (size_t)(comma + 1 - value.data);
        value.data = comma + 1;
        for (; value.length > 0 && *value.data == ' '; value.length--)
            value.data++;
    }
    if (value.length > 0)
        parser->head.last_event_id = value;
    return 0;
}

static int on_origin(struct parser *parser, struct tg_str value)
{
    parser->head.origin = value;
    return 0;
}

static int on_fetch_site(struct parser *parser, struct tg_str value)
{
    parser->head.fetch_site = value;
    return 0;
}

static int on_cookie(struct parser *parser, struct tg_str value)
{
    parser->head.has_cookies |= value.length > 0;
    return 0;
}

static int on_preflight_method(struct parser *parser, struct tg_str value)
{
    parser->head.preflight_method = value;
    return 0;
}

static int on_preflight_headers(struct parser *parser, struct tg_str value)
{
    if (parser->head.preflight_headers.length == 0) /* a list: browsers send it in one line */
        parser->head.preflight_headers = value;
    return 0;
}

static int on_nothing(struct parser *parser, struct tg_str value)
{
    (void)parser, (void)value;
    return 0;
}

/* Of what decides something, two lines are refused, equal ones too: each party on the path could take another one. The
 * others are lists, or say how they are read. */
static const struct field {
    const char *name;
    int (*on_value)(struct parser *parser, struct tg_str value);
    bool is_single;
} fields[] = {
    { "host", on_host, true },
    { "content-length", on_content_length, true },
    { "transfer-encoding", on_transfer_encoding, true },
    { "connection", on_connection, false },
    { "accept", on_accept, false },
    { "expect", on_expect, false },
    { "last-event-id", on_last_event_id, false },
    { "origin", on_origin, true },
    { "sec-fetch-site", on_fetch_site, true },
    { "cookie", on_cookie, false },
    { "access-control-request-method", on_preflight_method, true },
    { "access-control-request-headers", on_preflight_headers, false },
    { "authorization", on_nothing, true },
};

/* field-line, RFC 9112 section 5. A line that begins with white space (obs-fold) has no token for a name. */
static int parse_field(struct parser *parser, struct tg_str line)
{
    const char *colon = memchr(line.data, ':', line.length);
    if (!colon || !tg_is_token(line.data, (size_t)(colon - line.data)))
        return 400;
    struct tg_str name = { line.data, (size_t)(colon - line.data) };
    struct tg_str value = tg_str_trim((struct tg_str){ colon + 1, line.length - name.length - 1 });
    for (size_t i = 0; i < value.length; i++) {
        unsigned char byte = (unsigned char)value.data[i];
        if ((byte < ' ' && byte != '\t') || byte == 0x7f)
            return 400;
    }
    for (size_t i = 0; i < TG_COUNT_OF(fields); i++) {
        if (!tg_str_equals_nocase(name, tg_str_from(fields[i].name)))
            continue;
        if (fields[i].is_single && parser->seen & 1u << i)
            return 400;
        parser->seen |= 1u << i;
        return fields[i].on_value(parser, value);
    }
    return 0;
}

/* What only the whole of the fields can tell. */
static int check_head(struct parser *parser)
{
    struct tg_request_head *head = &parser->head;
    if (!parser->has_host && head->minor_version > 0)
        return 400;
    if (head->has_length && head->is_chunked)
        return 400;
    head->keeps_alive = !parser->says_close && (head->minor_version > 0 || parser->says_keep_alive);
    return 0;
}

/* Looks for the line at `start`, which must end before `limit` (an offset). TG_HEAD_MORE when its end is not
 * there, `over` when it is too long, 400 when CR or LF stands alone. The limit comes first, so that a line
 * gets the same verdict whether it is seen growing or whole. */
static int next_line(const char *bytes, size_t length, size_t start, size_t limit, int over,
                     struct tg_str *ret_line)
{
    const char *feed = start < length ? memchr(bytes + start, '\n', length - start) : NULL;
    size_t end = feed ? (size_t)(feed - bytes) + 1 : length + 1;
    if (end > limit)
        return over;
    if (!feed)
        return TG_HEAD_MORE;
    size_t line_length = end - 1 - start;
    const char *line = bytes + start;
    if (line_length == 0 || line[line_length - 1] != '\r')
        return 400;
    if (memchr(line, '\r', line_length - 1))
        return 400;
    *ret_line = (struct tg_str){ line, line_length - 1 };
    return TG_HEAD_DONE;
}

/* The offset after the empty lines before the request line; TG_HEAD_DONE, TG_HEAD_MORE or 400. */
static int skip_empty_lines(const char *bytes, size_t length, size_t *ret_start)
{
    size_t at = 0;
    for (int count = 0; at < length && bytes[at] == '\r'; count++, at += 2) {
        if (length - at < 2)
            return TG_HEAD_MORE;
        if (bytes[at + 1] != '\n' || count == LEADING_EMPTY_LINES)
            return 400;
    }
    *ret_start = at;
    return TG_HEAD_DONE;
}

int tg_request_head_parse(const char *bytes, size_t length, const struct tg_head_limits *limits,
                          struct tg_request_head *ret_head)
{
    struct parser parser = { 0 };
    struct tg_str line;
    size_t start;
    int status = skip_empty_lines(bytes, length, &start);
    if (status != TG_HEAD_DONE)
        return status;
    status = next_line(bytes, length, start, start + limits->url_bytes + LINE_EXTRA, 414, &line);
    if (status != TG_HEAD_DONE)
        return status;
    status = parse_request_line(&parser, line, limits);
    if (status)
        return status;

    size_t at = start + line.length + 2, fields_start = at;
    for (;;) {
        status = next_line(bytes, length, at, start + limits->header_bytes, 431, &line);
        if (status != TG_HEAD_DONE)
            return status;
        at += line.length + 2;
        if (line.length == 0)
            break;
        status = parse_field(&parser, line);
        if (status)
            return status;
    }
    status = check_head(&parser);
    if (status)
        return status;
    parser.head.length = at;
    parser.head.fields = (struct tg_str){ bytes + fields_start, at - 2 - fields_start };
    *ret_head = parser.head;
    return TG_HEAD_DONE;
}
