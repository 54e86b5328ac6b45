/* Taking apart what is sent to a backend, down to the words that it may repeat. */
#include "secrets.h"

#include <string.h>
#include <strings.h>

/* ---- queries ------------------------------------------------------------------------------------- */

static void add_decoded(struct tg_secrets *secrets, struct tg_str value)
{
    struct tg_buffer decoded = { 0 };

    for (size_t at = 0; at < value.length; at++) {
        char c = value.data[at] == '+' ? ' ' : value.data[at];
        if (c == '%' && at + 2 < value.length && tg_hex_value(value.data[at + 1]) >= 0 &&
            tg_hex_value(value.data[at + 2]) >= 0) {
            c = (char)(tg_hex_value(value.data[at + 1]) * 16 + tg_hex_value(value.data[at + 2]));
            at += 2;
        }
        tg_buffer_append(&decoded, &c, 1);
    }
    if (!tg_str_equals(tg_buffer_view(&decoded), value))
        tg_secrets_add(secrets, tg_buffer_view(&decoded));
    if (decoded.data)
        explicit_bzero(decoded.data, decoded.length);
    tg_buffer_deinit(&decoded);
}

void tg_secrets_add_query(struct tg_secrets *secrets, const char *path)
{
    const char *at = path ? strchr(path, '?') : NULL;

    while (at) {
        const char *pair = at + 1;
        size_t length = strcspn(pair, "&;");
        const char *equals = memchr(pair, '=', length);
        const char *value = equals ? equals + 1 : pair; /* one without a name may be all there is */
        const struct tg_str found = { value, length - (size_t)(value - pair) };
        tg_secrets_add(secrets, found);
        add_decoded(secrets, found);
        at = pair[length] ? pair + length : NULL;
    }
}

/* ---- headers ------------------------------------------------------------------------------------- */

/* Those of which backends speak, and that are the same for all. A name that ends with "-" is a prefix. */
static bool is_harmless(const char *name)
{
    static const char *const names[] = { "Accept",  "Accept-", "Content-", "User-Agent",   "Origin",
                                         "Referer", "Host",    "Pragma",   "Cache-Control" };

    for (size_t i = 0; i < TG_COUNT_OF(names); i++) {
        size_t length = strlen(names[i]);
        bool is_prefix = names[i][length - 1] == '-';
        if (is_prefix ? strncasecmp(name, names[i], length) == 0 : strcasecmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

static void add_cookies(struct tg_secrets *secrets, const char *value)
{
    while (*value) {
        size_t length = strcspn(value, ";");
        const char *equals = memchr(value, '=', length);
        if (equals)
            tg_secrets_add(secrets, (struct tg_str){ equals + 1, length - (size_t)(equals + 1 - value) });
        value += length + (value[length] == ';');
    }
}

/* "Basic dXNlcjpwYXNz": the password. */
static void add_password(struct tg_secrets *secrets, const char *encoded)
{
    struct tg_buffer plain = { 0 };

    if (tg_base64_decode(&plain, encoded, strlen(encoded)) == TG_OK && plain.length > 0) {
        const char *colon = memchr(plain.data, ':', plain.length);
        if (colon)
            tg_secrets_add(secrets,
                           (struct tg_str){ colon + 1, plain.length - (size_t)(colon + 1 - plain.data) });
        explicit_bzero(plain.data, plain.length);
    }
    tg_buffer_deinit(&plain);
}

static void add_header(struct tg_secrets *secrets, const struct tg_config_header *header)
{
    const char *value = header->value, *space = strchr(value, ' ');

    if (is_harmless(header->name))
        return;
    tg_secrets_add(secrets, tg_str_from(value));
    if (strcasecmp(header->name, "Cookie") == 0) {
        add_cookies(secrets, value);
    } else if (space) { /* the scheme is none */
        tg_secrets_add(secrets, tg_str_from(space + 1));
        if (strncasecmp(value, "Basic ", strlen("Basic ")) == 0)
            add_password(secrets, space + 1);
    }
}

/* ---- all of it ----------------------------------------------------------------------------------- */

static void add_basic(struct tg_secrets *secrets, const char *user, const char *password)
{
    struct tg_buffer plain = { 0 }, encoded = { 0 };

    tg_secrets_add(secrets, tg_str_from(user));
    tg_secrets_add(secrets, tg_str_from(password));
    if (tg_buffer_appendf(&plain, "%s:%s", user, tg_text_or_empty(password)) == TG_OK &&
        tg_base64_encode(&encoded, plain.data, plain.length) == TG_OK)
        tg_secrets_add(secrets, tg_buffer_view(&encoded));
    if (plain.data)
        explicit_bzero(plain.data, plain.length);
    tg_buffer_deinit(&plain);
    tg_buffer_deinit(&encoded);
}

void tg_secrets_add_upstream(struct tg_secrets *secrets, const struct tg_config_upstream *config)
{
    for (const struct tg_config_header *h = config->headers; h && h->name; h++)
        add_header(secrets, h);
    tg_secrets_add(secrets, tg_str_from(config->bearer));
    if (config->basic_user)
        add_basic(secrets, config->basic_user, config->basic_password);
    tg_secrets_add_query(secrets, config->url.path);
}

static bool is_place(const char *value, const char *host)
{
    return *value == '/' || strstr(value, "://") || strstr(host, value);
}

void tg_secrets_add_known(struct tg_secrets *secrets, char *const *values, const char *host)
{
    for (; values && *values; values++) {
        const char *path = strstr(*values, "://");
        if (!is_place(*values, host))
            tg_secrets_add(secrets, tg_str_from(*values));
        else if (path)
            tg_secrets_add_query(secrets, path);
    }
}
