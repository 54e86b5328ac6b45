/* Token buckets for TLS handshakes, and those that wait for one. */
#include "hello.h"
#include "connection.h"
#include "rate_limit.h"

#include <sys/socket.h>

enum { ADDRESS_BUCKETS = 32 * 1024, LOGS_PER_SECOND = 1 };

static struct tg_rate_limit *new_limit(const struct tg_config_rate *rate, size_t bucket_count)
{
    return rate->per_second > 0 ? tg_rate_limit_new(bucket_count) : NULL;
}

void tg_hellos_init(struct tg_hellos *hellos, const struct tg_config_limits *limits)
{
    hellos->all = new_limit(&limits->tls_handshakes, 1);
    hellos->by_address = new_limit(&limits->tls_handshakes_per_address, ADDRESS_BUCKETS);
}

void tg_hellos_deinit(struct tg_hellos *hellos)
{
    tg_rate_limit_free(hellos->all);
    tg_rate_limit_free(hellos->by_address);
}

static bool take(struct tg_rate_limit *limit, struct tg_str key, const struct tg_config_rate *config,
                 uint64_t *ret_wait_ms)
{
    const struct tg_rate rate = {
        .per_second = (uint64_t)config->per_second,
        .burst = (uint64_t)(config->burst > 0 ? config->burst : config->per_second),
    };
    return !limit || tg_rate_limit_take(limit, key, &rate, tg_clock_now_ms(), ret_wait_ms);
}

/* Clients on a Unix socket have no address, and share no bucket: the proxy before them sees to it. */
static bool take_of_address(const struct tg_connection *connection)
{
    const struct tg_server *server = connection->shard->server;
    struct sockaddr_storage peer = { 0 };
    socklen_t length = sizeof(peer);
    unsigned char key[TG_ADDRESS_KEY_BYTES];
    uint64_t wait_ms;
    if (!server->hellos.by_address ||
        getpeername(connection->socket.fd, (struct sockaddr *)&peer, &length) != 0 ||
        !tg_address_make_key((const struct sockaddr *)&peer, key))
        return true;
    return take(server->hellos.by_address, (struct tg_str){ (const char *)key, sizeof(key) },
                &server->options.limits->tls_handshakes_per_address, &wait_ms);
}

static bool take_of_all(const struct tg_shard *shard, uint64_t *ret_wait_ms)
{
    const struct tg_server *server = shard->server;
    return take(server->hellos.all, TG_STR("all"), &server->options.limits->tls_handshakes, ret_wait_ms);
}

static void warn(struct tg_shard *shard, const char *event)
{
    uint32_t suppressed;
    if (tg_log_limit_allows(&shard->log_limit, LOGS_PER_SECOND, tg_worker_now_ms(shard->worker), &suppressed))
        tg_log(TG_LOG_WARNING, "downstream", event, TG_F_STR("server", shard->server->options.name),
               TG_F_INT("suppressed", suppressed));
}

static void on_time(void *arg)
{
    struct tg_shard *shard = arg;
    struct tg_connection *first;
    uint64_t wait_ms;
    while ((first = shard->chores.lists[TG_CHORE_HELD])) {
        if (!take_of_all(shard, &wait_ms)) {
            tg_timer_start(shard->hello_timer, wait_ms);
            return;
        }
        first->hello = TG_HELLO_ALLOWED;
        (void)tg_chores_add(first, TG_CHORE_INPUT);
    }
}

static void hold(struct tg_connection *connection, uint64_t wait_ms)
{
    struct tg_shard *shard = connection->shard;
    bool is_first = !shard->chores.lists[TG_CHORE_HELD];
    tg_connection_watch(connection, TG_WATCH_NOTHING);
    (void)tg_chores_add(connection, TG_CHORE_HELD);
    tg_counter_add(&shard->counters.handshakes_delayed, 1);
    warn(shard, "tls_handshakes_delayed");
    if (!shard->hello_timer)
        shard->hello_timer = tg_timer_new(shard->worker, on_time, shard);
    if (is_first)
        tg_timer_start(shard->hello_timer, wait_ms);
}

static bool allows(struct tg_connection *connection)
{
    struct tg_shard *shard = connection->shard;
    uint64_t wait_ms = 0;
    if (connection->hello == TG_HELLO_ALLOWED)
        return true;
    if (connection->hello == TG_HELLO_NEW && !take_of_address(connection)) {
        tg_counter_add(&shard->counters.handshakes_refused, 1);
        warn(shard, "tls_handshakes_refused");
        tg_connection_close(connection, TG_CLOSE_LIMIT);
        return false;
    }
    connection->hello = TG_HELLO_COUNTED;
    if (!shard->chores.lists[TG_CHORE_HELD] && take_of_all(shard, &wait_ms))
        return true;
    hold(connection, wait_ms);
    return false;
}

bool tg_hello_allows(struct tg_connection *connection)
{
    bool is_allowed = allows(connection);
    if (is_allowed)
        tg_counter_add(&connection->shard->counters.handshakes, 1);
    return is_allowed;
}
