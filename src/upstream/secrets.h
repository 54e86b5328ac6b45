/* What must not be in the log of what is known of a connection: a backend may well repeat what it was sent, and a path may
 * have been made of it. Pure. */
#ifndef TIDEGATE_UPSTREAM_SECRETS_H
#define TIDEGATE_UPSTREAM_SECRETS_H

#include "tidegate/config.h"

/* Adds what an upstream sends: credentials, headers but for those that say nothing of who asks (Accept and the like), each
 * cookie, the values of the URL's query as they are and decoded. */
void tg_secrets_add_upstream(struct tg_secrets *secrets, const struct tg_config_upstream *config);
/* Adds what stood in for "${…}" and "$file" in a configuration; NULL-terminated, or NULL. What is a place rather than a
 * secret is not added: a URL or a path, or a part of `host`. */
void tg_secrets_add_known(struct tg_secrets *secrets, char *const *values, const char *host);
/* Adds the values in the query of a path. */
void tg_secrets_add_query(struct tg_secrets *secrets, const char *path);

#endif
