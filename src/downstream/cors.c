/* CORS. An answer that depends on the Origin says so with Vary, whether the origin is allowed or not. */
#include "cors.h"

#include <inttypes.h>
#include <string.h>

enum { NAMES_MAX_BYTES = 1024 }; /* of header names that a preflight may ask for beside the usual ones */

bool tg_cors_is_preflight(const struct tg_request_head *head)
{
    return head->method == TG_METHOD_OPTIONS && head->origin.length > 0 && head->preflight_method.length > 0;
}

static bool allows_all(const struct tg_config_cors *cors)
{
    for (char **origin = cors->origins; origin && *origin; origin++) {
        if (strcmp(*origin, "*") == 0)
            return true;
    }
    return false;
}

/* A byte-wise comparison, as browsers serialise origins in one way. */
static bool allows(const struct tg_config_cors *cors, struct tg_str origin)
{
    for (char **allowed = cors->origins; allowed && *allowed; allowed++) {
        if (tg_str_equals(tg_str_from(*allowed), origin))
            return true;
    }
    return false;
}

/* What every client of event streams and back-channels may send. */
static const char *const usual_names[] = { "Last-Event-ID", "Cache-Control", "Content-Type",
                                           "Authorization" };

static bool is_usual(struct tg_str name)
{
    for (size_t i = 0; i < TG_COUNT_OF(usual_names); i++) {
        if (tg_str_equals_nocase(name, tg_str_from(usual_names[i])))
            return true;
    }
    return false;
}

static enum tg_err append_names(struct tg_buffer *out, struct tg_str names)
{
    struct tg_str name;
    for (size_t i = 0; i < TG_COUNT_OF(usual_names); i++) {
        enum tg_err err = tg_buffer_appendf(out, "%s%s", i == 0 ? "" : ", ", usual_names[i]);
        if (err)
            return err;
    }
    if (names.length > NAMES_MAX_BYTES)
        return TG_OK;
    while (tg_list_next(&names, &name)) {
        if (!tg_is_token(name.data, name.length) || is_usual(name))
            continue;
        enum tg_err err = tg_buffer_append_str(out, ", ");
        if (!err)
            err = tg_buffer_append(out, name.data, name.length);
        if (err)
            return err;
    }
    return TG_OK;
}

static enum tg_err append_preflight(struct tg_buffer *out, const struct tg_config_cors *cors,
                                    const struct tg_request_head *head, const char *allow)
{
    enum tg_err err = tg_buffer_appendf(out,
                                        "Access-Control-Allow-Methods: %s\r\n"
                                        "Access-Control-Max-Age: %" PRId64 "\r\n"
                                        "Access-Control-Allow-Headers: ",
                                        allow, cors->max_age_ms / 1000);
    if (!err)
        err = append_names(out, head->preflight_headers);
    return err ? err : tg_buffer_append_str(out, "\r\n");
}

enum tg_err tg_cors_append(struct tg_buffer *out, const struct tg_config_cors *cors,
                           const struct tg_request_head *head, const char *allow)
{
    if (!cors || !cors->origins)
        return TG_OK;
    bool is_preflight = tg_cors_is_preflight(head);
    bool is_any = allows_all(cors) && !cors->credentials;
    enum tg_err err = TG_OK;
    if (!is_any)
        err = tg_buffer_append_str(out, is_preflight ? "Vary: Origin, Access-Control-Request-Headers\r\n"
                                                     : "Vary: Origin\r\n");
    if (err || head->origin.length == 0 || (!is_any && !allows(cors, head->origin)))
        return err;
    if (is_any)
        err = tg_buffer_append_str(out, "Access-Control-Allow-Origin: *\r\n");
    else
        err = tg_buffer_appendf(out, "Access-Control-Allow-Origin: %.*s\r\n", (int)head->origin.length,
                                head->origin.data);
    if (!err && cors->credentials)
        err = tg_buffer_append_str(out, "Access-Control-Allow-Credentials: true\r\n");
    if (!err && is_preflight)
        err = append_preflight(out, cors, head, allow);
    else if (!err && head->method == TG_METHOD_POST)
        err = tg_buffer_append_str(out, "Access-Control-Expose-Headers: Retry-After\r\n");
    return err;
}

/* Behind a TLS terminator nobody knows the own scheme: host and port must do. */
static bool is_of_own_host(const struct tg_request_head *head)
{
    const char *slashes = memmem(head->origin.data, head->origin.length, "://", 3);
    if (!slashes || head->host.length == 0)
        return false;
    size_t used = (size_t)(slashes + 3 - head->origin.data);
    return tg_str_equals_nocase((struct tg_str){ slashes + 3, head->origin.length - used }, head->host);
}

/* What the browser says wins over the comparison: a proxy in front may have put its own name into Host. */
static bool is_own(const struct tg_request_head *head)
{
    struct tg_str site = head->fetch_site;
    if (site.length > 0)
        return tg_str_equals(site, TG_STR("same-origin")) || tg_str_equals(site, TG_STR("none"));
    return head->origin.length == 0 || is_of_own_host(head);
}

bool tg_cors_allows_action(const struct tg_config_cors *cors, const struct tg_request_head *head)
{
    if (is_own(head))
        return true;
    if (!cors || !cors->origins || head->origin.length == 0)
        return false;
    return (allows_all(cors) || allows(cors, head->origin)) && (cors->credentials || !head->has_cookies);
}
