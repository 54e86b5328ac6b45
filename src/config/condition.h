/* Conditions: questions about messages, a tree made of JSON.
 *
 *     { "pointer": "/p", "gt": 1, "lt": 5 }     is   all ─┬─ /p > 1
 *     [ …, { "not": … } ]                       is   all  └─ /p < 5      and so on */
#ifndef TIDEGATE_CONFIG_CONDITION_H
#define TIDEGATE_CONFIG_CONDITION_H

#include "tidegate/config.h"

/* What the keys of one JSON object load to before it becomes a tree: the struct of tg_options_condition. */
struct tg_condition_keys {
    char *pointer;
    bool exists;
    char **equals, **one_of;
    double gt, ge, lt, le;
    char *matches;
    char *text;
    struct tg_config_condition *negated;
    struct tg_config_condition *any, *all;
    size_t any_count, all_count;
};

enum { TG_CONDITION_DEPTH_MAX = 16 }; /* of conditions in one another, as the file has them */

#endif
