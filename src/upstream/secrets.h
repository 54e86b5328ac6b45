/* A connection's secrets, which the log must not show: a backend may repeat what it was sent, and a path may contain a
 * secret. Pure. */
#ifndef TIDEGATE_UPSTREAM_SECRETS_H
#define TIDEGATE_UPSTREAM_SECRETS_H

#include "tidegate/config.h"

/* Adds what an upstream sends: credentials, headers except those that identify nobody (Accept and the like), each
 * cookie, the values of the URL's query as they are and decoded. */
void tg_secrets_add_upstream(struct tg_secrets *secrets, const struct tg_config_upstream *config);
/* Adds the values of "${…}" and "$file" in a configuration; NULL-terminated, or NULL. Leaves out places, which are no
 * secrets: a URL, a path, or a part of `host`. */
void tg_secrets_add_known(struct tg_secrets *secrets, char *const *values, const char *host);
/* Adds the values in the query of a path. */
void tg_secrets_add_query(struct tg_secrets *secrets, const char *path);

#endif
