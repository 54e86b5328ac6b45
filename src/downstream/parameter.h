/* What the parameter of a route's path may be. */
#ifndef TIDEGATE_DOWNSTREAM_PARAMETER_H
#define TIDEGATE_DOWNSTREAM_PARAMETER_H

#include "tidegate/config.h"

#include <stdatomic.h>

/* A regular expression is for one thread at a time: who needs it takes it out, and makes another if somebody else has it
 * just now. */
struct tg_parameter { /* embedded */
    char *const *one_of;
    char *pattern; /* for the whole value; both NULL: the default */
    _Atomic(struct tg_regex *) spare;
};

/* `config` may be NULL; must outlive the parameter. TG_ERR_INVALID: its pattern is no regular expression. */
enum tg_err tg_parameter_init(struct tg_parameter *parameter, const struct tg_config_parameter *config);
void tg_parameter_deinit(struct tg_parameter *parameter);
/* Any thread. Whatever the pattern says, a value is not empty and has no control characters: it may become part of a URL
 * or of a header. */
bool tg_parameter_allows(struct tg_parameter *parameter, struct tg_str value);

#endif
