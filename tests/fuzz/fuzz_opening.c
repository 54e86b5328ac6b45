/* Fuzz target: what is taken out of a request that opens or resumes a session: last id, identity, headers and query that go
 * along. The input is a query, LF, and field lines. Nothing that goes along may end a header or the query, and only what
 * is configured does. */
#include "downstream/fields.h"
#include "downstream/opening.h"
#include "downstream/query.h"

#include <stdlib.h>
#include <string.h>

static char *id_names[] = { (char *)"lastEventId", (char *)"i", NULL };
static char *header_names[] = { (char *)"Cookie", (char *)"Authorization", (char *)"A", NULL };
static char *some[] = { (char *)"lang", (char *)"a", NULL };
static char *all[] = { (char *)"*", NULL };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool is_true)
{
    if (!is_true)
        abort();
}

static bool has_control(struct tg_str text)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if ((byte < ' ' && byte != '\t') || byte == 0x7f)
            return true;
    }
    return false;
}

static void check_last_id(const struct tg_request_head *head)
{
    struct tg_buffer storage = { 0 };
    struct tg_str id = tg_opening_last_id(head, id_names, &storage);

    check(id.length <= head->length);
    if (head->last_event_id.length > 0)
        check(tg_str_equals(id, head->last_event_id) && storage.length == 0);
    tg_buffer_deinit(&storage);
}

static void check_identity(const struct tg_request_head *head)
{
    const struct tg_config_session by_cookie = { .identity_cookie = (char *)"sid" };
    const struct tg_config_session by_header = { .identity_header = (char *)"Authorization" };
    struct tg_identity one = { 0 }, other = { 0 };
    struct tg_str cookie;
    struct tg_buffer value = { 0 };
    bool is_there = tg_fields_cookie(head->fields, "sid", &cookie) && cookie.length > 0;

    check((tg_opening_identify(&by_cookie, head, &one) == TG_OK) == is_there && one.is_set == is_there);
    is_there = !tg_fields_join(head->fields, "Authorization", &value) && value.length > 0;
    check((tg_opening_identify(&by_header, head, &other) == TG_OK) == is_there && other.is_set == is_there);
    tg_buffer_deinit(&value);
}

static bool is_among(struct tg_str name, char *const *names)
{
    for (; *names; names++)
        if (tg_str_equals(name, tg_str_from(*names)))
            return true;
    return false;
}

static void check_query(const struct tg_opening *opening, const struct tg_request_head *head, bool has_all)
{
    struct tg_buffer found = { 0 }, sent = { 0 };

    check(opening->query.length <= head->target.query.length && !has_control(opening->query));
    check(opening->query.length == 0 || !memchr(opening->query.data, ' ', opening->query.length));
    check(opening->query.length == 0 || opening->query.data[opening->query.length - 1] != '&');
    for (char **name = id_names; has_all && *name; name++)
        check(!tg_query_get(opening->query, *name, &found));
    for (char **name = some; *name; name++) {
        tg_buffer_clear(&found);
        tg_buffer_clear(&sent);
        check(tg_query_get(opening->query, *name, &found) == tg_query_get(head->target.query, *name, &sent));
        check(found.length == sent.length &&
              (found.length == 0 || memcmp(found.data, sent.data, found.length) == 0));
    }
    tg_buffer_deinit(&found);
    tg_buffer_deinit(&sent);
}

static void check_opening(const struct tg_request_head *head, bool has_all)
{
    const struct tg_config_stream config = { .scope = TG_SCOPE_CLIENT,
                                             .session = { .forward_headers = header_names,
                                                          .forward_query = has_all ? all : some } };
    struct tg_opening_parts parts;

    check(tg_opening_init(&parts, &config, head, NULL, id_names) == TG_OK);
    check(parts.opening.header_count < TG_COUNT_OF(header_names));
    for (size_t i = 0; i < parts.opening.header_count; i++) {
        check(is_among(parts.opening.headers[i].name, header_names));
        check(!has_control(parts.opening.headers[i].value));
        check(parts.opening.headers[i].value.length < head->length * 2);
    }
    check_query(&parts.opening, head, has_all);
    tg_opening_deinit(&parts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct tg_head_limits limits = { .url_bytes = 4096, .header_bytes = 8192 };
    const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
    struct tg_buffer request = { 0 };
    struct tg_request_head head;

    if (!end || size > 4000)
        return 0;
    tg_buffer_appendf(&request, "GET /s?%.*s HTTP/1.1\r\nHost: h\r\n", (int)(end - data), (const char *)data);
    tg_buffer_append(&request, end + 1, (size_t)(data + size - end - 1));
    tg_buffer_append_str(&request, "\r\n\r\n");
    /* A copy of its own, so that reading past the end is seen. */
    char *copy = malloc(request.length);
    memcpy(copy, request.data, request.length);
    if (tg_request_head_parse(copy, request.length, &limits, &head) == TG_HEAD_DONE) {
        check_last_id(&head);
        check_identity(&head);
        check_opening(&head, false);
        check_opening(&head, true);
        (void)tg_fields_has_coding(head.fields);
    }
    free(copy);
    tg_buffer_deinit(&request);
    return 0;
}
