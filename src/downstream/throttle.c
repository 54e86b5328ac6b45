/* Who is counted as one, and the answer of the rate limit. */
#include "throttle.h"
#include "rate_limit.h"

#include <sys/socket.h>

/* Clients that cannot be told apart (on a unix socket) count as one. */
static enum tg_err append_address(struct tg_buffer *key, int fd)
{
    struct sockaddr_storage peer = { 0 };
    socklen_t length = sizeof(peer);
    unsigned char address[TG_ADDRESS_KEY_BYTES];
    if (getpeername(fd, (struct sockaddr *)&peer, &length) != 0)
        peer.ss_family = AF_UNSPEC;
    (void)tg_address_make_key((const struct sockaddr *)&peer, address);
    return tg_buffer_append(key, address, sizeof(address));
}

static enum tg_err make_key(const struct tg_reply *reply, const struct tg_stream *session,
                            struct tg_buffer *key)
{
    enum tg_err err = tg_buffer_append(key, &reply->route, sizeof(reply->route));
    if (err)
        return err;
    return session ? tg_buffer_append_str(key, tg_stream_epoch(session))
                   : append_address(key, reply->connection->socket.fd);
}

bool tg_throttle_allows(struct tg_reply *reply, const struct tg_stream *session)
{
    struct tg_shard *shard = reply->connection->shard;
    const struct tg_config_rate *config = reply->route->rate;
    if (!config)
        return true;
    struct tg_rate rate = { .per_second = (uint64_t)config->per_second, .burst = (uint64_t)config->burst };
    struct tg_buffer key = { 0 };
    uint64_t wait_ms = 0;
    bool is_allowed = !make_key(reply, session, &key) &&
                      tg_rate_limit_take(shard->server->rate_limit, (struct tg_str){ key.data, key.length },
                                         &rate, tg_worker_now_ms(shard->worker), &wait_ms);
    tg_buffer_deinit(&key);
    if (!is_allowed)
        reply->response.retry_after_s = wait_ms > 1000 ? (wait_ms + 999) / 1000 : 1;
    return is_allowed;
}
