/* Taking the parts of an opening out of a request. */
#include "opening.h"
#include "fields.h"
#include "query.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

struct tg_str tg_opening_last_id(const struct tg_request_head *head, char *const *names,
                                 struct tg_buffer *storage)
{
    if (head->last_event_id.length > 0)
        return head->last_event_id;
    for (; names && *names; names++) {
        if (tg_query_get(head->target.query, *names, storage))
            return (struct tg_str){ storage->data, storage->length };
    }
    return (struct tg_str){ NULL, 0 };
}

/* ---- identity ----------------------------------------------------------------------------------------- */

static enum tg_err digest_of(struct tg_str value, struct tg_identity *ret_identity)
{
    struct tg_identity identity = { .is_set = true };
    if (value.length == 0)
        return TG_ERR_NOT_FOUND;
    if (EVP_Digest(value.data, value.length, identity.digest, NULL, EVP_sha256(), NULL) != 1)
        return TG_ERR_MEMORY;
    *ret_identity = identity;
    return TG_OK;
}

enum tg_err tg_opening_identify(const struct tg_config_session *config, const struct tg_request_head *head,
                                struct tg_identity *ret_identity)
{
    if (config->identity_cookie) {
        struct tg_str cookie;
        if (!tg_fields_cookie(head->fields, config->identity_cookie, &cookie))
            return TG_ERR_NOT_FOUND;
        return digest_of(cookie, ret_identity);
    }
    if (config->identity_header) {
        struct tg_str value;
        enum tg_err err = tg_fields_only(head->fields, config->identity_header, &value);
        return err ? err : digest_of(value, ret_identity);
    }
    ret_identity->is_set = false;
    return TG_OK;
}

/* ---- what goes along ---------------------------------------------------------------------------------- */

static bool is_of_content(struct tg_str name)
{
    struct tg_str accept = { name.data, strlen("Accept") }, content = { name.data, strlen("Content-") };
    return (name.length >= accept.length && tg_str_equals_nocase(accept, TG_STR("Accept"))) ||
           (name.length >= content.length && tg_str_equals_nocase(content, TG_STR("Content-")));
}

static enum tg_err add_headers(struct tg_opening_parts *parts, char *const *names, struct tg_str fields,
                               bool is_message)
{
    size_t count = 0;
    while (names && names[count])
        count++;
    parts->headers = count ? tg_alloc(count * sizeof(*parts->headers)) : NULL;
    struct tg_buffer *bytes = &parts->header_bytes;
    struct tg_opening *opening = &parts->opening;
    for (; names && *names; names++) {
        size_t start = bytes->length;
        if (is_message && is_of_content(tg_str_from(*names)))
            continue;
        enum tg_err err = tg_fields_join(fields, *names, bytes);
        if (err == TG_ERR_NOT_FOUND)
            continue;
        if (err)
            return err;
        parts->headers[opening->header_count++] =
            (struct tg_pair){ .name = tg_str_from(*names), .value.length = bytes->length - start };
    }
    /* The bytes move while they grow: only now they lie where they stay. */
    size_t start = 0;
    for (size_t i = 0; i < opening->header_count; i++) {
        parts->headers[i].value.data = bytes->data ? bytes->data + start : "";
        start += parts->headers[i].value.length;
    }
    opening->headers = parts->headers;
    return TG_OK;
}

enum tg_err tg_opening_init(struct tg_opening_parts *parts, const struct tg_config_stream *config,
                            const struct tg_request_head *head, const struct tg_str *values,
                            char *const *last_id_names)
{
    *parts = (struct tg_opening_parts){ .opening.parameters = parts->parameters,
                                        .opening.parameter_count = config->parameter_count };
    for (size_t i = 0; i < config->parameter_count; i++)
        parts->parameters[i] = (struct tg_pair){ tg_str_from(config->parameters[i].name), values[i] };
    if (config->scope != TG_SCOPE_CLIENT)
        return TG_OK;
    enum tg_err err = add_headers(parts, config->session.forward_headers, head->fields, false);
    if (!err)
        err =
            tg_query_filter(head->target.query, config->session.forward_query, last_id_names, &parts->query);
    parts->opening.query = (struct tg_str){ parts->query.data, parts->query.length };
    return err;
}

enum tg_err tg_opening_init_renewal(struct tg_opening_parts *parts, const struct tg_config_stream *config,
                                    const struct tg_request_head *head, bool is_message,
                                    char *const *last_id_names)
{
    *parts = (struct tg_opening_parts){ 0 };
    enum tg_err err = add_headers(parts, config->session.forward_headers, head->fields, is_message);
    if (!err && !is_message)
        err =
            tg_query_filter(head->target.query, config->session.forward_query, last_id_names, &parts->query);
    parts->opening.query = (struct tg_str){ parts->query.data, parts->query.length };
    return err;
}

void tg_opening_deinit(struct tg_opening_parts *parts)
{
    free(parts->headers);
    tg_buffer_deinit(&parts->header_bytes);
    tg_buffer_deinit(&parts->query);
}
