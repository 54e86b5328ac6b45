/* The way of a message in two steps, before the jq filter and after it. */
#ifndef TIDEGATE_TRANSLATE_TRANSLATOR_H
#define TIDEGATE_TRANSLATE_TRANSLATOR_H

#include "draft.h"
#include "tidegate/translate.h"

/* A message as far as it comes without the filter. Its text is borrowed from the message, or from the translator until
 * the next message is prepared. */
struct tg_prepared {
    struct tg_part whole;
    bool is_binary;
    bool needs_filter;     /* its text is JSON */
    enum tg_misfit misfit; /* it goes no further; when finishing, also: the filter failed */
};

void tg_translator_prepare(struct tg_translator *translator, const struct tg_message *message,
                           struct tg_prepared *ret_prepared);
/* As tg_translator_run_for. `outputs`: of the filter, if it was needed. Of the message, type, id and is_last count. */
void tg_translator_finish(struct tg_translator *translator, struct tg_seen *seen,
                          const struct tg_message *message, struct tg_prepared *prepared,
                          struct tg_str outputs, tg_emit_fn *emit, void *arg,
                          struct tg_translation *ret_translation);
/* What an error makes of a message: too large, no memory, or `other`. */
enum tg_misfit tg_misfit_of(enum tg_err err, enum tg_misfit other);
const struct tg_config_translate *tg_translator_rules(const struct tg_translator *translator);
struct tg_seen *tg_translator_own_seen(const struct tg_translator *translator);

#endif
