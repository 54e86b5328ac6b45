/* What follows from the end of a link: how soon the next one may come, what clients are told, and whether a session is
 * over with it. Pure. */
#ifndef TIDEGATE_UPSTREAM_AFTERMATH_H
#define TIDEGATE_UPSTREAM_AFTERMATH_H

#include "link.h"
#include "supervisor.h"

/* The backend does not want what it was asked with: 401, 403, 407, or a close code of `close_codes.later`. */
bool tg_aftermath_is_refusal(const struct tg_config_upstream *config, const struct tg_link_end *end);
enum tg_wait tg_aftermath_wait(const struct tg_config_upstream *config, const struct tg_link_end *end);
struct tg_stream_condition tg_aftermath_outage(const struct tg_link_end *end);
/* Scope client: the backend has said all it had to say. `is_once`: a client's post is not to be repeated; unless it
 * `is_resumable`, as the backend numbers its events. */
bool tg_aftermath_is_over(const struct tg_config_stream *config, const struct tg_link_end *end, bool is_once,
                          bool is_resumable);

#endif
