/* The opening handshake, RFC 6455 section 4, as a client: the request, and the answer to it. Pure: bytes out,
 * bytes in, whatever the cuts.
 *
 * The answer is read strictly: what is not HTTP/1.1 by the letter (RFC 9112) is refused, and so is an upgrade
 * that was not asked for in this way. */
#ifndef TIDEGATE_UPSTREAM_HANDSHAKE_H
#define TIDEGATE_UPSTREAM_HANDSHAKE_H

#include "target.h"

enum {
    TG_HANDSHAKE_NONCE_BYTES = 16,
    TG_HANDSHAKE_HEAD_MAX = 16 * 1024, /* of the answer, with whatever informational ones come before it */
};

/* ---- the request ------------------------------------------------------------------------------ */

struct tg_handshake_request {
    const struct tg_target *target;
    const struct tg_config_upstream *config; /* checked by the loader */
    bool is_foreign; /* the target is none that the configuration names: nothing secret goes there */
    const unsigned char *nonce; /* TG_HANDSHAKE_NONCE_BYTES, which must not be foreseeable */
};

enum tg_err tg_handshake_write(struct tg_buffer *out, const struct tg_handshake_request *request);

/* ---- the answer ------------------------------------------------------------------------------- */

struct tg_handshake {
    char *const *subprotocols; /* those offered, NULL-terminated; or NULL */
    char accept[32];           /* what Sec-WebSocket-Accept must be */
    struct tg_buffer line;     /* the one that is being read */
    size_t total_length;
    bool has_status_line;
    bool is_old; /* HTTP/1.0 */
    bool has_upgrade, has_connection, has_accept, has_subprotocol;

    /* the outcome */
    unsigned status;
    char *location, *retry_after; /* header values; or NULL */
    bool is_location_doubtful;    /* there are several */
    const char *error;
};

enum tg_handshake_state {
    TG_HANDSHAKE_MORE,   /* the head is not complete yet; the block is used up */
    TG_HANDSHAKE_OPEN,   /* upgraded: what is left of the block are frames */
    TG_HANDSHAKE_OTHER,  /* an answer of another `status` */
    TG_HANDSHAKE_BROKEN, /* `error` says why */
};

/* `subprotocols` must outlive it. */
void tg_handshake_init(struct tg_handshake *handshake, const unsigned char nonce[TG_HANDSHAKE_NONCE_BYTES],
                       char *const *subprotocols);
void tg_handshake_deinit(struct tg_handshake *handshake); /* leaves it zeroed; a zeroed one is fine */
/* Reads on in `block`, which moves on past what was used. Not to be called again after anything but MORE. */
enum tg_handshake_state tg_handshake_read(struct tg_handshake *handshake, struct tg_str *block);

#endif
