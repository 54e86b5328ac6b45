/* Fuzz target of the translator: no message may crash it, and whatever it emits obeys the rules for events.
 */
#include "tidegate/translate.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(bool is_true)
{
    if (!is_true)
        abort();
}

static void on_event(void *arg, const struct tg_event *event)
{
    ++*(int *)arg;
    check(tg_utf8_is_valid(event->data.data, event->data.length));
    check(event->id.length == 0 || tg_id_is_valid(event->id.data, event->id.length));
    check(event->type.length == 0 || (!memchr(event->type.data, '\n', event->type.length) &&
                                      !memchr(event->type.data, '\r', event->type.length) &&
                                      !memchr(event->type.data, '\0', event->type.length)));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const struct tg_config_translate rules[] = {
        { .binary_event = (char *)"binary" },
        { .event = (char *)"tick", .data = (char *)"/a", .binary_event = (char *)"binary" },
        { .event = (char *)"/e",
          .id = (char *)"/i",
          .data = (char *)"/d/0",
          .binary_event = (char *)"binary" },
    };

    if (size < 1)
        return 0;
    struct tg_message message = { .bytes = (const char *)bytes + 1,
                                  .length = size - 1,
                                  .is_binary = (bytes[0] & 0x80) != 0 };
    struct tg_translator *translator = tg_translator_new(&rules[(bytes[0] & 0x7f) % TG_COUNT_OF(rules)]);
    int events = 0;
    enum tg_misfit misfit = tg_translator_run(translator, &message, on_event, &events);
    check((misfit == TG_MISFIT_NONE) == (events == 1));
    tg_translator_free(translator);
    return 0;
}
