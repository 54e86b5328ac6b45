/* Lookups, and the questions that they share.
 *
 *     look up ─► literal, *.localhost ───────────────────────────────┐
 *         │                                                          ▼
 *         └─► a question for this name, if there is none yet ─► DNS ─► answered ─► at the end of the turn, all its lookups
 *                                                            └► the system ─┘
 *
 * A question cannot be taken back. It goes on after its last lookup was cancelled, and new lookups join it, unless it is
 * old. */
#include "resolver.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <uthash.h>
#include <utlist.h>

enum { OLD_MS = 10000 };

struct question {
    uint64_t id;
    char *name;
    uint64_t since_ms;
    bool is_open; /* for others to join */
    bool was_put_to_system;
    struct tg_lookup *lookups;
    UT_hash_handle by_id, by_name;
};

struct tg_lookup {
    struct tg_lookup *prev, *next;
    struct tg_resolver *resolver;
    struct question *question; /* NULL: answered, and waiting for the end of the turn */
    tg_looked_up_fn *on_done;
    void *arg;
    struct tg_host_addresses addresses;
    const char *error;
};

struct tg_resolver {
    struct tg_worker *worker;
    struct tg_dns *dns;
    struct tg_system_names *system;
    struct question *by_id, *by_name;
    uint64_t last_id;
    struct tg_lookup *answered;
    struct tg_turn_hook hook;
};

/* ---- answers ------------------------------------------------------------------------------------ */

static void settle(struct tg_lookup *lookup, const struct tg_host_addresses *addresses, const char *error)
{
    struct tg_resolver *resolver = lookup->resolver;

    lookup->question = NULL;
    lookup->addresses = *addresses;
    lookup->error = addresses->count > 0 ? NULL : error ? error : "no addresses";
    DL_APPEND(resolver->answered, lookup);
    tg_worker_run_at_turn_end(resolver->worker, TG_TURN_PUBLISH, &resolver->hook);
}

static void on_turn_end(struct tg_turn_hook *hook, struct tg_worker *worker)
{
    struct tg_resolver *resolver = TG_CONTAINER_OF(hook, struct tg_resolver, hook);

    (void)worker;
    while (resolver->answered) {
        struct tg_lookup *lookup = resolver->answered;
        DL_DELETE(resolver->answered, lookup);
        lookup->on_done(lookup->arg, &lookup->addresses, lookup->error);
        free(lookup);
    }
}

static void close_question(struct tg_resolver *resolver, struct question *question)
{
    if (question->is_open)
        HASH_DELETE(by_name, resolver->by_name, question);
    question->is_open = false;
}

static void free_question(struct tg_resolver *resolver, struct question *question)
{
    close_question(resolver, question);
    HASH_DELETE(by_id, resolver->by_id, question);
    free(question->name);
    free(question);
}

/* NSS may know what DNS does not: this host, or names of the local network. A name with a dot is DNS's business. */
static bool may_system_know(const struct question *question)
{
    return !question->was_put_to_system && !strchr(question->name, '.');
}

static void on_answer(struct tg_resolver *resolver, uint64_t id, const struct tg_host_addresses *addresses,
                      const char *error, bool is_unknown)
{
    struct question *question;

    HASH_FIND(by_id, resolver->by_id, &id, sizeof(id), question);
    if (!question)
        return;
    if (is_unknown && may_system_know(question)) {
        question->was_put_to_system = true;
        tg_system_names_ask(resolver->system, id, question->name);
        return;
    }
    while (question->lookups) {
        struct tg_lookup *lookup = question->lookups;
        DL_DELETE(question->lookups, lookup);
        settle(lookup, addresses, error);
    }
    free_question(resolver, question);
}

/* ---- names that nobody need be asked for ---------------------------------------------------------- */

static bool has_suffix(const char *name, const char *suffix)
{
    size_t length = strlen(name), suffix_length = strlen(suffix);

    if (length > 0 && name[length - 1] == '.')
        length--;
    return length > suffix_length && strncasecmp(name + length - suffix_length, suffix, suffix_length) == 0;
}

static bool is_address(const char *host, struct tg_host_addresses *ret_addresses)
{
    const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_flags = AI_NUMERICHOST };
    unsigned char bytes[16];
    struct addrinfo *list = NULL;
    bool is_valid = inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;

    /* With a scope ("fe80::1%eth0") the C library must say, without asking anybody, whether there is such an interface. */
    if (!is_valid && strchr(host, ':') && strchr(host, '%'))
        is_valid = getaddrinfo(host, NULL, &hints, &list) == 0;
    if (list)
        freeaddrinfo(list);
    if (!is_valid)
        return false;
    ret_addresses->count = 1;
    snprintf(ret_addresses->text[0], TG_HOST_ADDRESS_BYTES, "%s", host);
    return true;
}

static bool is_this_host(const char *host, struct tg_host_addresses *ret_addresses)
{
    if (!has_suffix(host, ".localhost"))
        return false;
    *ret_addresses = (struct tg_host_addresses){ .count = 2, .text = { "127.0.0.1", "::1" } };
    return true;
}

/* ---- asking ------------------------------------------------------------------------------------- */

static struct question *find_open(struct tg_resolver *resolver, const char *name)
{
    struct question *question;

    HASH_FIND(by_name, resolver->by_name, name, strlen(name), question);
    if (question && tg_worker_now_ms(resolver->worker) - question->since_ms >= OLD_MS) {
        close_question(resolver, question);
        return NULL;
    }
    return question;
}

static struct question *ask(struct tg_resolver *resolver, const char *name)
{
    struct question *question = tg_alloc(sizeof(*question));

    question->id = ++resolver->last_id;
    question->name = tg_strdup(name);
    question->since_ms = tg_worker_now_ms(resolver->worker);
    question->is_open = true;
    HASH_ADD(by_id, resolver->by_id, id, sizeof(question->id), question);
    HASH_ADD_KEYPTR(by_name, resolver->by_name, question->name, strlen(question->name), question);
    return question;
}

static void put(struct tg_resolver *resolver, struct question *question)
{
    question->was_put_to_system = has_suffix(question->name, ".local");
    if (question->was_put_to_system)
        tg_system_names_ask(resolver->system, question->id, question->name);
    else
        tg_dns_ask(resolver->dns, question->id, question->name);
}

struct tg_lookup *tg_resolver_look_up(struct tg_resolver *resolver, const char *host,
                                      tg_looked_up_fn *on_done, void *arg)
{
    struct tg_lookup *lookup = tg_alloc(sizeof(*lookup));
    struct tg_host_addresses known = { 0 };

    lookup->resolver = resolver;
    lookup->on_done = on_done;
    lookup->arg = arg;
    if (is_address(host, &known) || is_this_host(host, &known)) {
        settle(lookup, &known, NULL);
        return lookup;
    }
    struct question *question = find_open(resolver, host);
    bool is_new = question == NULL;
    if (is_new)
        question = ask(resolver, host);
    lookup->question = question;
    DL_APPEND(question->lookups, lookup);
    if (is_new)
        put(resolver, question); /* may have answered already */
    return lookup;
}

void tg_lookup_cancel(struct tg_lookup *lookup)
{
    if (!lookup)
        return;
    if (lookup->question)
        DL_DELETE(lookup->question->lookups, lookup);
    else
        DL_DELETE(lookup->resolver->answered, lookup);
    free(lookup);
}

/* ---- life --------------------------------------------------------------------------------------- */

struct tg_resolver *tg_resolver_new(struct tg_worker *worker)
{
    struct tg_resolver *resolver = tg_alloc(sizeof(*resolver));

    resolver->worker = worker;
    resolver->hook.run = on_turn_end;
    resolver->dns = tg_dns_new(worker, resolver, on_answer);
    resolver->system = tg_system_names_new(worker, resolver, on_answer);
    return resolver;
}

void tg_resolver_free(struct tg_resolver *resolver)
{
    struct question *question, *next;
    struct tg_lookup *lookup, *next_lookup;

    if (!resolver)
        return;
    tg_dns_free(resolver->dns);
    tg_system_names_free(resolver->system);
    HASH_ITER(by_id, resolver->by_id, question, next)
    {
        DL_FOREACH_SAFE(question->lookups, lookup, next_lookup)
        free(lookup);
        free_question(resolver, question);
    }
    DL_FOREACH_SAFE(resolver->answered, lookup, next_lookup)
    free(lookup);
    tg_worker_cancel_turn_hook(resolver->worker, TG_TURN_PUBLISH, &resolver->hook);
    free(resolver);
}
