/* Whether texts are jq filters. jq takes some 20 ms to compile one, whatever it is, since it compiles all that comes with
 * it first; so many are tried together. */
#ifndef TIDEGATE_CONFIG_JQ_FILTERS_H
#define TIDEGATE_CONFIG_JQ_FILTERS_H

#include "tidegate/base.h"

/* False: it is none; what jq says is appended. */
bool tg_jq_filter_compiles(const char *text, struct tg_buffer *ret_error);

/* Filters that will be asked about, of this thread. Those that compile together are known to; the others are tried one by
 * one, when they are asked about. */
void tg_jq_filters_learn(const char *const *texts, size_t count);
void tg_jq_filters_forget(void);

#endif
