/* What a request says about the stream that it wants: its last id, who the client is, and what goes along with the
 * request that opens a member of a family. Nothing in here is ever logged. Pure. */
#ifndef TIDEGATE_DOWNSTREAM_OPENING_H
#define TIDEGATE_DOWNSTREAM_OPENING_H

#include "request_head.h"
#include "tidegate/downstream.h"

/* The header wins over the query, since a native reconnect keeps the old URL. `storage` is for an id that must be
 * decoded; `names` are those that the query may have it under. Empty: there is none. */
struct tg_str tg_opening_last_id(const struct tg_request_head *head, char *const *names,
                                 struct tg_buffer *storage);

/* What a session is bound to: a digest of the configured cookie or header. */
struct tg_identity {
    bool is_set; /* false: none is configured */
    unsigned char digest[32];
};
/* TG_ERR_NOT_FOUND: one is configured, and the request does not have it, or it is empty. TG_ERR_INVALID: the header
 * comes twice. */
enum tg_err tg_opening_identify(const struct tg_config_session *config, const struct tg_request_head *head,
                                struct tg_identity *ret_identity);

struct tg_opening_parts { /* embedded */
    struct tg_opening opening;
    struct tg_pair parameters[TG_ROUTE_PARAMETERS_MAX];
    struct tg_pair *headers;
    struct tg_buffer header_bytes, query;
};
/* Everything but the body and the worker. `values` are those of the configured parameters; headers and query go along for
 * scope client alone, and only what is configured. Borrows from head and values. */
enum tg_err tg_opening_init(struct tg_opening_parts *parts, const struct tg_config_stream *config,
                            const struct tg_request_head *head, const struct tg_str *values,
                            char *const *last_id_names);
/* What a request to a session that there is already brings along that may be newer: as tg_opening_init. Of one that sends
 * a message headers alone, and none of those that speak of its content: they are for another path and another method. */
enum tg_err tg_opening_init_renewal(struct tg_opening_parts *parts, const struct tg_config_stream *config,
                                    const struct tg_request_head *head, bool is_message,
                                    char *const *last_id_names);
void tg_opening_deinit(struct tg_opening_parts *parts);

#endif
