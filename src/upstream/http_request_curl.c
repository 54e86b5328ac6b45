/* The header lines of a request, in the form of CURLOPT_HTTPHEADER: "Name: value", "Name;" for an empty value, "Name:"
 * for one that is not to be sent at all.
 *
 * A header of the configuration stands in for one of the same name that would be sent anyway. */
#include "http_curl.h"

#include <string.h>
#include <strings.h>

static bool append_line(struct curl_slist **lines, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*lines, line);

    if (longer)
        *lines = longer;
    return longer != NULL;
}

/* Nothing that would end the line may get through, wherever it is from: an ETag is the backend's. */
static bool is_value(const char *value)
{
    for (const char *p = value; *p; p++)
        if (((unsigned char)*p < 0x20 && *p != '\t') || *p == 0x7f)
            return false;
    return true;
}

static bool append_header(struct curl_slist **lines, const char *name, const char *value)
{
    bool is_blank = value[strspn(value, " \t")] == '\0';
    struct tg_buffer line = { 0 };

    if (!is_value(value))
        return true;
    bool is_done = is_blank ? tg_buffer_appendf(&line, "%s;", name) == TG_OK
                            : tg_buffer_appendf(&line, "%s: %s", name, value) == TG_OK;
    is_done = is_done && append_line(lines, line.data);
    tg_buffer_deinit(&line);
    return is_done;
}

static bool append_basic(struct curl_slist **lines, const char *user, const char *password)
{
    struct tg_buffer plain = { 0 }, value = { 0 };
    bool is_done = tg_buffer_appendf(&plain, "%s:%s", user, tg_text_or_empty(password)) == TG_OK &&
                   tg_buffer_append_str(&value, "Basic ") == TG_OK &&
                   tg_base64_encode(&value, plain.data, plain.length) == TG_OK &&
                   append_header(lines, "Authorization", value.data);

    tg_buffer_deinit(&plain);
    tg_buffer_deinit(&value);
    return is_done;
}

static bool append_bearer(struct curl_slist **lines, const char *token)
{
    struct tg_buffer value = { 0 };
    bool is_done = tg_buffer_appendf(&value, "Bearer %s", token) == TG_OK &&
                   append_header(lines, "Authorization", value.data);

    tg_buffer_deinit(&value);
    return is_done;
}

/* What only the configured site may get. */
static bool append_secrets(struct curl_slist **lines, const struct tg_config_upstream *config)
{
    bool is_done = true;

    for (const struct tg_config_header *h = config->headers; h && h->name && is_done; h++)
        is_done = append_header(lines, h->name, h->value);
    if (config->basic_user && is_done)
        is_done = append_basic(lines, config->basic_user, config->basic_password);
    if (config->bearer && is_done)
        is_done = append_bearer(lines, config->bearer);
    return is_done;
}

static bool is_configured(const struct tg_http_exchange *exchange, const char *name)
{
    if (exchange->is_foreign)
        return false;
    for (const struct tg_config_header *h = exchange->config->headers; h && h->name; h++)
        if (strcasecmp(h->name, name) == 0)
            return true;
    return false;
}

static bool append_own(struct curl_slist **lines, const struct tg_http_exchange *exchange, const char *name,
                       const char *value)
{
    return is_configured(exchange, name) || append_header(lines, name, value);
}

bool http_request_lines(const struct tg_http_exchange *exchange, struct curl_slist **ret_lines)
{
    const struct tg_config_upstream *config = exchange->config;
    char host[TG_TARGET_HOST_MAX + 10];
    bool is_done = append_line(ret_lines, "Expect:");

    tg_target_write_host(&exchange->target, host, sizeof(host));
    is_done = is_done && append_header(ret_lines, "Host", host);
    if (config->origin && is_done)
        is_done = append_header(ret_lines, "Origin", config->origin);
    if (!exchange->is_foreign && is_done)
        is_done = append_secrets(ret_lines, config);
    for (const struct tg_config_header *h = exchange->headers; h->name && is_done; h++)
        is_done = append_own(ret_lines, exchange, h->name, h->value);
    if (exchange->is_post && exchange->content_type && is_done)
        is_done = append_own(ret_lines, exchange, "Content-Type", exchange->content_type);
    else if (exchange->is_post && !is_configured(exchange, "Content-Type") && is_done)
        is_done = append_line(ret_lines, "Content-Type:"); /* else libcurl says that it is a form */
    return is_done;
}
