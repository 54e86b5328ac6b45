/* Fuzz target of what clients put into requests: a value stays one value in its place, and nothing around it changes.
 *
 * The first byte chooses the place; the rest is the value, or up to the first zero byte a template of the fuzzer's own. */
#include "upstream/expand.h"

#include "tidegate/translate.h"

#include <curl/curl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define P(text) ((char *)(text))
#define LOAD_FLAGS (JSON_ALLOW_NUL | JSON_DECODE_ANY)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool is_true)
{
    if (!is_true)
        abort();
}

/* The parts of the stream are borrowed. */
static bool expand(const struct tg_config_upstream *upstream, struct tg_str value, struct tg_str query,
                   struct tg_config_upstream *ret_upstream)
{
    const struct tg_config_stream stream = { .scope = TG_SCOPE_CLIENT, .upstream = *upstream };
    struct tg_pair parameter = { TG_STR("a"), value };
    const struct tg_opening opening = { .parameters = &parameter, .parameter_count = 1, .query = query };
    struct tg_buffer error = { 0 };
    enum tg_err err = tg_expand(&stream, &opening, ret_upstream, &error);

    check((err == TG_OK) == (error.length == 0));
    check(err == TG_OK || err == TG_ERR_INVALID || err == TG_ERR_TOO_LARGE);
    tg_buffer_deinit(&error);
    return err == TG_OK;
}

static const struct tg_config_upstream plain = {
    .kind = TG_UPSTREAM_WEBSOCKET,
    .url = { .text = P("ws://h/"), .host = P("h"), .port = 80, .path = P("/") },
};

/* NULL: the value cannot stand there. */
static char *send_message(const char *template, struct tg_str value, size_t *ret_length)
{
    struct tg_config_upstream upstream = plain, made;
    struct tg_config_message message = { true, false, P(template), strlen(template) };

    upstream.on_open = &message;
    upstream.on_open_count = 1;
    if (!expand(&upstream, value, (struct tg_str){ 0 }, &made))
        return NULL;
    check(made.on_open_count == 1);
    char *text = made.on_open[0].bytes;
    *ret_length = made.on_open[0].length;
    check(tg_utf8_is_valid(text, *ret_length));
    made.on_open_count = 0;
    tg_expand_deinit(&made);
    return text;
}

/* ---- JSON ---------------------------------------------------------------------------------------- */

static bool is_value(const json_t *json, struct tg_str value)
{
    return json_is_string(json) &&
           tg_str_equals((struct tg_str){ json_string_value(json), json_string_length(json) }, value);
}

static json_t *load(const char *text, size_t length)
{
    json_t *json = json_loadb(text, length, LOAD_FLAGS, NULL);

    check(json != NULL);
    return json;
}

/* The value in a string, in one that holds JSON, behind something, in one that does not. */
static void check_strings(struct tg_str value)
{
    static const char template[] = "17[\"x\",{\"v\":\"{a}\",\"in\":\"[{\\\"w\\\":\\\"-{a}-\\\"},2]\","
                                   "\"text\":\"say \\\"{a}\\\" [\"},3]\x1e";
    size_t length;
    char *text = send_message(template, value, &length);

    check((text != NULL) == tg_utf8_is_valid(value.data, value.length));
    if (!text)
        return;
    check(length > 3 && memcmp(text, "17[", 3) == 0);
    json_t *all = load(text + 2, length - 3), *object = json_array_get(all, 1);
    check(json_array_size(all) == 3 && json_object_size(object) == 3);
    check(is_value(json_object_get(object, "v"), value));
    const json_t *in = json_object_get(object, "in"), *said = json_object_get(object, "text");
    json_t *inner = load(json_string_value(in), json_string_length(in));
    const json_t *w = json_object_get(json_array_get(inner, 0), "w");
    check(json_array_size(inner) == 2 && json_object_size(json_array_get(inner, 0)) == 1);
    check(json_string_length(w) == value.length + 2);
    check(value.length == 0 || memcmp(json_string_value(w) + 1, value.data, value.length) == 0);
    check(json_string_length(said) == value.length + strlen("say \"\" ["));
    json_decref(inner);
    json_decref(all);
    free(text);
}

static void check_bare(struct tg_str value)
{
    json_t *expected = json_loadb(value.data, value.length, LOAD_FLAGS, NULL);
    size_t length;
    char *text = send_message("[{\"v\":{a}},1]", value, &length);

    /* Not each JSON text is one to Jansson: large numbers, lone surrogates. */
    json_t *all = text ? json_loadb(text, length, LOAD_FLAGS, NULL) : NULL;
    check(!expected || !text || all);
    if (expected && all) {
        check(json_array_size(all) == 2 && json_object_size(json_array_get(all, 0)) == 1);
        check(json_equal(json_object_get(json_array_get(all, 0), "v"), expected));
    }
    check(!text || tg_json_check(value));
    json_decref(expected);
    json_decref(all);
    free(text);
}

static bool has_place(const char *text, size_t length)
{
    return memmem(text, length, "{a}", 3) != NULL;
}

/* All but the strings that have a place in them, and names that do. */
static void check_same_shape(const json_t *before, const json_t *after)
{
    const char *key;
    json_t *value;

    check(json_typeof(before) == json_typeof(after));
    if (json_is_string(before)) {
        size_t length = json_string_length(before);
        check(has_place(json_string_value(before), length) ||
              is_value(after, (struct tg_str){ json_string_value(before), length }));
    }
    for (size_t i = 0; i < json_array_size(before); i++)
        check_same_shape(json_array_get(before, i), json_array_get(after, i));
    check(json_array_size(before) == json_array_size(after));
    bool is_kept = true;
    json_object_foreach((json_t *)(uintptr_t)before, key, value)
    {
        bool is_filled = has_place(key, strlen(key));
        is_kept = is_kept && !is_filled;
    }
    if (!is_kept) /* two names may have become one */
        return;
    check(json_object_size(before) == json_object_size(after));
    json_object_foreach((json_t *)(uintptr_t)before, key, value)
        check_same_shape(value, json_object_get(after, key));
}

static void check_template(const char *template, struct tg_str value)
{
    json_t *before = json_loads(template, 0, NULL);
    size_t length;
    char *text = send_message(template, value, &length);

    if (before && text) {
        json_t *after = load(text, length);
        check_same_shape(before, after);
        json_decref(after);
    }
    json_decref(before);
    free(text);
}

/* ---- other text ---------------------------------------------------------------------------------- */

static size_t count(const char *text, size_t length, const char *characters)
{
    size_t found = 0;

    for (size_t i = 0; i < length; i++)
        found += text[i] && strchr(characters, text[i]);
    return found;
}

static void check_lines(struct tg_str value)
{
    static const char line[] = "SUB {a} x\r\n", xml[] = "<a b=\"{a}\">{a}</a>\n";
    size_t length;
    char *text = send_message(line, value, &length);

    check(!text || (count(text, length, "\r\n\v\f\t\x1c\x1e\x7f") == 2 && strlen(text) == length));
    free(text);
    text = send_message(xml, value, &length);
    check(!text || (count(text, length, "<>\"'\n\r\t") == strlen("<\"\"><>\n") && strlen(text) == length));
    free(text);
}

static void check_header(struct tg_str value)
{
    struct tg_config_header headers[] = { { P("X-A"), P("-{a}-") }, { 0 } };
    struct tg_config_upstream upstream = plain, made;

    upstream.headers = headers;
    if (!expand(&upstream, value, (struct tg_str){ 0 }, &made))
        return;
    check(strlen(made.headers[0].value) == value.length + 2);
    check(strcspn(made.headers[0].value, "\r\n\v\f\x7f") == value.length + 2);
    check(!made.headers[1].name);
    tg_expand_deinit(&made);
}

static void check_form(struct tg_str value)
{
    struct tg_config_upstream upstream = plain, made;

    upstream.kind = TG_UPSTREAM_NDJSON;
    upstream.content_type = P("application/x-www-form-urlencoded");
    upstream.body = (struct tg_config_message){ true, false, P("x={a}&y=1"), strlen("x={a}&y=1") };
    check(expand(&upstream, value, (struct tg_str){ 0 }, &made));
    check(count(made.body.bytes, made.body.length, "&=") == 3);
    int length = 0; /* of what is to be decoded, 0 would be all */
    char *end = memchr(made.body.bytes, '&', made.body.length);
    char *decoded = curl_easy_unescape(NULL, made.body.bytes + 2, (int)(end - made.body.bytes) - 2, &length);
    check(value.length == 0 || tg_str_equals((struct tg_str){ decoded, (size_t)length }, value));
    curl_free(decoded);
    tg_expand_deinit(&made);
}

/* ---- url ----------------------------------------------------------------------------------------- */

/* What curl makes of it, which takes dot segments for what they mean. */
static char *get_part(const char *path, CURLUPart part)
{
    struct tg_buffer text = { 0 };
    char *found = NULL;
    CURLU *url = curl_url();

    check(tg_buffer_appendf(&text, "http://h%s", path) == TG_OK);
    check(curl_url_set(url, CURLUPART_URL, text.data, 0) == CURLUE_OK);
    check(curl_url_get(url, part, &found, 0) == CURLUE_OK);
    curl_url_cleanup(url);
    tg_buffer_deinit(&text);
    return found;
}

static void check_path(struct tg_str value)
{
    struct tg_config_upstream upstream = plain, made;

    upstream.url.path = P("/rooms/{a}/x?y={a}&z=1");
    if (value.length == 0 || !expand(&upstream, value, (struct tg_str){ 0 }, &made))
        return;
    char *path = get_part(made.url.path, CURLUPART_PATH), *query = get_part(made.url.path, CURLUPART_QUERY);
    check(strncmp(path, "/rooms/", 7) == 0 && count(path, strlen(path), "/") == 3);
    check(count(query, strlen(query), "&;#?") == 1 && count(query, strlen(query), "=") == 2);
    int length = 0;
    char *decoded = curl_easy_unescape(NULL, path + 7, (int)(strlen(path) - 7 - 2), &length);
    check(decoded && tg_str_equals((struct tg_str){ decoded, (size_t)length }, value));
    check(strcmp(made.url.host, "h") == 0 && made.url.port == 80);
    curl_free(decoded);
    curl_free(path);
    curl_free(query);
    tg_expand_deinit(&made);
}

static void check_query(struct tg_str query)
{
    static const char base[] = "/x?role=user";
    struct tg_config_upstream upstream = plain, made;

    upstream.url.path = P(base);
    if (!expand(&upstream, TG_STR("x"), query, &made))
        return;
    const char *added = made.url.path + strlen(base);
    check(strncmp(made.url.path, base, strlen(base)) == 0 && (*added == '\0' || *added == '&'));
    for (const char *at = added; *at; at++) {
        check((unsigned char)*at > 0x20 && (unsigned char)*at < 0x7f && !strchr("#;\"<>\\", *at));
        check(*at != '&' || strncasecmp(at + 1, "role", 4) != 0 || !strchr("=&[", at[5]));
    }
    tg_expand_deinit(&made);
}

static void check_site(struct tg_str value)
{
    struct tg_config_upstream upstream = plain, made;

    upstream.url.text = P("ws://{a}.h:81/x");
    if (!expand(&upstream, value, (struct tg_str){ 0 }, &made))
        return;
    size_t length = strlen(made.url.host);
    check(strspn(made.url.host, "abcdefghijklmnopqrstuvwxyz0123456789.-_") == length);
    check(length >= 2 && strcmp(made.url.host + length - 2, ".h") == 0 && made.url.port == 81);
    tg_expand_deinit(&made);
}

/* ---- the input ----------------------------------------------------------------------------------- */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const checks[])(struct tg_str value) = { check_strings, check_bare, check_lines,
                                                           check_header,  check_form, check_path,
                                                           check_query,   check_site };

    if (size < 1 || size > 4096)
        return 0;
    size_t place = data[0] % (TG_COUNT_OF(checks) + 1), length = size - 1;
    char *text = malloc(length + 1);
    memcpy(text, data + 1, length);
    text[length] = '\0';
    if (place < TG_COUNT_OF(checks)) {
        checks[place]((struct tg_str){ text, length });
    } else {
        size_t start = strnlen(text, length);
        size_t rest = start < length ? start + 1 : length;
        struct tg_str value = { text + rest, strlen(text + rest) }; /* Jansson takes no U+0000 in names */
        if (tg_utf8_is_valid(text, start))                          /* as all of a configuration is */
            check_template(text, value);
    }
    free(text);
    return 0;
}
