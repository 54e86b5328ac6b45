/* Where an event goes: the key of its stream. One thread at a time. */
#ifndef TIDEGATE_TRANSLATE_ADDRESS_H
#define TIDEGATE_TRANSLATE_ADDRESS_H

#include "json.h"
#include "tidegate/translate.h"

struct tg_address { /* embedded; zeroed: there is one stream alone */
    const struct tg_config_route_by *rules;
    struct tg_pointer *by;
    struct tg_parameter **parameters; /* what the key is made of */
    size_t parameter_count;
    struct tg_buffer text;
    struct tg_str key;            /* of the part at hand; empty: it has none */
    struct tg_misfit_cause cause; /* of the misfit that tg_address_pick returned last */
};

/* As tg_translator_route; to be deinitialized in any case. */
enum tg_err tg_address_init(struct tg_address *address, const struct tg_config_route_by *rules,
                            const struct tg_config_parameter *parameters, size_t parameter_count,
                            struct tg_buffer *ret_error);
void tg_address_deinit(struct tg_address *address);
/* Sets the key, valid until the next call. TG_MISFIT_KEY: there is none, or none that a path could have. */
enum tg_misfit tg_address_pick(struct tg_address *address, struct tg_json *json);

#endif
