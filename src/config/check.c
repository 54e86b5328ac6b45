/* Checks across options: listeners; streams and routes have files of their own. Presence is asked of the JSON, not of
 * the structs: a value that did not load was still given, and its own error is enough. */
#include "check.h"

#include "options.h"

#include <arpa/inet.h>
#include <string.h>

/* ---- listeners ---------------------------------------------------------------------------------------- */

/* One server's listeners. */
struct listeners {
    const struct tg_config_listener *list;
    size_t count;
};

struct address {
    bool is_ipv4, is_any, takes_both; /* any: each address of its family; both: each of either family */
    unsigned char bytes[sizeof(struct in6_addr)];
};

static struct address address_of(const struct tg_config_listener *listener)
{
    static const unsigned char any[sizeof(struct in6_addr)];
    struct address address = { 0 };
    const char *text = listener->address ? listener->address : "0.0.0.0";
    address.is_ipv4 = inet_pton(AF_INET, text, address.bytes) == 1;
    if (!address.is_ipv4)
        (void)inet_pton(AF_INET6, text, address.bytes);
    address.is_any = memcmp(address.bytes, any, sizeof(any)) == 0;
    return address;
}

bool tg_config_listener_is_dual_stack(const struct tg_config_listener *listener,
                                      const struct tg_config_listener *listeners, size_t count)
{
    struct address address = address_of(listener);
    for (size_t i = 0; i < count; i++) {
        if (!listeners[i].unix_path && listeners[i].port == listener->port &&
            address_of(&listeners[i]).is_ipv4)
            return false;
    }
    return !listener->unix_path && !address.is_ipv4 && address.is_any;
}

/* What is wrong when the system refuses to give both of them their place; NULL: it will not. */
static const char *find_collision(const struct tg_config_listener *a, const struct listeners *of_a,
                                  const struct tg_config_listener *b, const struct listeners *of_b)
{
    static const char same[] = "another listener has the same address and port";
    static const char overlaps[] = "another listener has the same port and an address that overlaps this one";
    if (a->unix_path || b->unix_path)
        return a->unix_path && b->unix_path && strcmp(a->unix_path, b->unix_path) == 0 ? same : NULL;
    if (a->port != b->port || a->port == 0)
        return NULL;
    struct address left = address_of(a), right = address_of(b);
    left.takes_both = tg_config_listener_is_dual_stack(a, of_a->list, of_a->count);
    right.takes_both = tg_config_listener_is_dual_stack(b, of_b->list, of_b->count);
    if (left.is_ipv4 != right.is_ipv4)
        return left.takes_both || right.takes_both ? overlaps : NULL;
    if (memcmp(left.bytes, right.bytes, sizeof(left.bytes)) == 0)
        return same;
    return left.is_any || right.is_any ? overlaps : NULL;
}

static void report_collision(struct tg_document *document, const struct tg_path *listener, const char *text)
{
    static const char *const keys[] = { "unix", "port", "address" };
    for (size_t i = 0; i < TG_COUNT_OF(keys); i++) {
        struct tg_path path = TG_PATH_KEY(listener, keys[i]);
        if (tg_document_find(document, &path)) {
            tg_document_error(document, &path, "%s", text);
            return;
        }
    }
    tg_document_error(document, listener, "%s", text);
}

static void check_listener(struct tg_document *document, const struct tg_config *config, size_t index,
                           const struct tg_path *path)
{
    struct tg_path unix_path = TG_PATH_KEY(path, "unix"), mode_path = TG_PATH_KEY(path, "unix_mode");
    struct tg_path tls_path = TG_PATH_KEY(path, "tls");
    const struct tg_config_tls_server *tls = &config->listeners[index].tls;
    bool is_unix = tg_document_find(document, &unix_path);
    if (is_unix && (tg_document_has(document, path, "address") || tg_document_has(document, path, "port")))
        tg_document_error(document, &unix_path, "expected either \"unix\", or \"address\" and \"port\"");
    if (!is_unix && tg_document_find(document, &mode_path))
        tg_document_error(document, &mode_path, "expected \"unix\" beside it");
    tg_config_check_tls_files(document, &tls_path, tls->certificate, tls->key, NULL);
    if (tg_document_has_error(document, path))
        return;
    const struct listeners all = { config->listeners, config->listener_count };
    for (size_t i = 0; i < index; i++) {
        const char *collision = find_collision(&all.list[i], &all, &all.list[index], &all);
        if (collision) {
            report_collision(document, path, collision);
            return;
        }
    }
}

static void check_admin(struct tg_document *document, const struct tg_config *config)
{
    struct tg_path admin = TG_PATH_KEY(NULL, "admin");
    struct tg_path listen = TG_PATH_KEY(NULL, "listen");
    struct tg_config_listener place = { .address = config->admin.address, .port = config->admin.port };
    const struct listeners all = { config->listeners, config->listener_count }, alone = { &place, 1 };
    if (!config->admin.enabled || tg_document_has_error(document, &admin) ||
        tg_document_has_error(document, &listen))
        return;
    for (size_t i = 0; i < config->listener_count; i++) {
        const char *collision = find_collision(&all.list[i], &all, &place, &alone);
        if (!collision)
            continue;
        struct tg_path listener = TG_PATH_INDEX(&listen, i);
        if (config->admin.is_set)
            report_collision(document, &admin, collision);
        else
            tg_document_error(document, &listener,
                              "expected another port than \"admin\" has by default, or \"admin\" on another");
        return;
    }
}

static void check_listeners(struct tg_document *document, struct tg_config *config)
{
    struct tg_path listen = TG_PATH_KEY(NULL, "listen");
    if (!tg_document_find(document, &listen)) {
        const struct tg_option *option = tg_options_root.options;
        while (option->offset != offsetof(struct tg_config, listeners) || option->type != TG_OPTION_LIST)
            option++;
        config->listeners = tg_alloc(sizeof(config->listeners[0]));
        config->listener_count = 1;
        tg_options_set_defaults(option->object, config->listeners);
    }
    for (size_t i = 0; i < config->listener_count; i++) {
        struct tg_path path = TG_PATH_INDEX(&listen, i);
        check_listener(document, config, i, &path);
    }
    check_admin(document, config);
}

/* ---- clients ------------------------------------------------------------------------------------------ */

/* Other events would look like those that tell of gaps, outages and ends. */
static void check_sse(struct tg_document *document, const struct tg_config_sse *sse)
{
    const struct {
        const char *key, *type;
    } names[] = { { "gap_event", sse->gap_event },
                  { "upstream_event", sse->upstream_event },
                  { "end_event", sse->end_event } };
    static const char *const taken[] = { "message", "tidegate.error", "tidegate.hello" };
    struct tg_path path = TG_PATH_KEY(NULL, "sse");

    for (size_t i = 0; i < TG_COUNT_OF(names); i++) {
        struct tg_path name = TG_PATH_KEY(&path, names[i].key);
        for (size_t j = 0; names[i].type && j < TG_COUNT_OF(taken); j++) {
            if (strcmp(names[i].type, taken[j]) == 0)
                tg_document_error(document, &name, "expected another event type: other events have this one");
        }
    }
}

/* ---- the whole file ----------------------------------------------------------------------------------- */

void tg_config_check(struct tg_document *document, struct tg_config *config)
{
    struct tg_path streams = TG_PATH_KEY(NULL, "streams");

    check_listeners(document, config);
    check_sse(document, &config->sse);
    for (size_t i = 0; i < config->stream_count; i++) {
        struct tg_path stream = TG_PATH_KEY(&streams, config->streams[i].name);
        tg_config_check_stream(document, &stream, &config->sse, &config->streams[i]);
    }
    tg_config_check_routes(document, config);
}
