/* Fuzz target of the translator: no message may crash it, whatever the rules, and what it emits obeys the rules for
 * events.
 *
 * The first byte chooses the rules, the second one how the message comes and what becomes of misfits. */
#include "tidegate/translate.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define P(text) ((char *)(text))
#define VALUES(...) ((char *[]){ __VA_ARGS__, NULL })
#define STEPS(...)                                                                                           \
    .decode = (int64_t[]){ __VA_ARGS__ }, .decode_count = sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t)

enum { BINARY = 1, HAS_TYPE = 2, HAS_ID = 4, RAW = 8, ERROR_EVENT = 16, REFUSES = 32, MAX_DECODED = 4096 };

static struct tg_config_condition comparisons[] = {
    { .kind = TG_CONDITION_EXISTS, .pointer = P("/a/0"), .is_expected = true },
    { .kind = TG_CONDITION_EQUALS,
      .pointer = P("/a"),
      .values = VALUES(P("{\"x\":[1,\"\\u00e4\",null],\"y\":{\"z\":0.1}}")) },
    { .kind = TG_CONDITION_ONE_OF, .pointer = P("/b"), .values = VALUES(P("1"), P("\"x\""), P("[1,2]")) },
    { .kind = TG_CONDITION_GT, .pointer = P("/c"), .number = 5 },
    { .kind = TG_CONDITION_LE, .pointer = P("/c"), .number = -1e10 },
    { .kind = TG_CONDITION_MATCHES, .pointer = P("/d"), .pattern = P("^(a|aa)+$") },
    { .kind = TG_CONDITION_TEXT, .pattern = P("pong") },
};
static struct tg_config_condition any = { .kind = TG_CONDITION_ANY,
                                          .conditions = comparisons,
                                          .condition_count = TG_COUNT_OF(comparisons) };
static struct tg_config_condition none = { .kind = TG_CONDITION_NOT,
                                           .conditions = &any,
                                           .condition_count = 1 };

static const struct tg_config_translate rule_sets[] = {
    { 0 },
    { .event = P("tick"), .data = P("/a") },
    { .event = P("/e"), .id = P("/i"), .data = P("/d/0") },
    { .event = P("{/e}.{/f|none}"), .id = P("{/i}:{/j|0}"), .data = P("{{{/a}}} {/b|}") },
    { .data = P("") },
    { .split = P(""), .seen = TG_SEEN_CONTENT, .seen_remember = 3 },
    { .split = P("/a"),
      .event = P("/e"),
      .id = P("/i"),
      .data = P("/d"),
      .seen = TG_SEEN_ID,
      .seen_remember = 3 },
    { .when = &any },
    { .when = &none, .data = P("/a") },
    { .split = P("/a~1b"), .when = &none },
    { STEPS(TG_DECODE_BASE64, TG_DECODE_UTF8), .data = P("/a") },
    { STEPS(TG_DECODE_HEX) },
    { STEPS(TG_DECODE_GUNZIP, TG_DECODE_UTF8), .split = P("") },
    { STEPS(TG_DECODE_INFLATE, TG_DECODE_UTF8) },
    { STEPS(TG_DECODE_BASE64, TG_DECODE_INFLATE, TG_DECODE_BASE64) },
    { STEPS(TG_DECODE_UTF8), .event = P("/e") },
};

static void check(bool is_true)
{
    if (!is_true)
        abort();
}

/* Short ones, to be found. */
static const struct tg_config_sse names = { .gap_event = P("g"),
                                            .upstream_event = P("up"),
                                            .end_event = P("a") };

struct receiver {
    uint64_t taken;
    bool refuses; /* the third one and what follows */
    bool has_refused;
};

static bool on_event(void *arg, const struct tg_event *event)
{
    struct receiver *receiver = arg;

    check(!receiver->has_refused);
    check(!event->is_control);
    check(tg_utf8_is_valid(event->data.data, event->data.length));
    check(tg_utf8_is_valid(event->type.data, event->type.length));
    check(event->id.length == 0 || tg_id_is_valid(event->id.data, event->id.length));
    check(event->type.length == 0 || (!memchr(event->type.data, '\n', event->type.length) &&
                                      !memchr(event->type.data, '\r', event->type.length) &&
                                      !memchr(event->type.data, '\0', event->type.length)));
    check(!tg_config_is_own_type(&names, event->type) ||
          tg_str_equals(event->type, TG_STR("tidegate.error")));
    if (receiver->refuses && receiver->taken == 2) {
        receiver->has_refused = true;
        return false;
    }
    receiver->taken++;
    return true;
}

static void check_counts(const struct tg_translation *translation, const struct receiver *receiver)
{
    uint64_t misfits = 0;

    for (size_t i = 0; i < TG_MISFIT_COUNT; i++)
        misfits += translation->misfits[i];
    check(translation->events == receiver->taken);
    check((translation->first_misfit == TG_MISFIT_NONE) == (misfits == 0));
    check(translation->misfits[TG_MISFIT_NONE] == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size < 2)
        return 0;

    struct tg_config_translate rules = rule_sets[bytes[0] % TG_COUNT_OF(rule_sets)];
    uint8_t how = bytes[1];
    rules.binary_event = P("binary");
    rules.error_event = P("tidegate.error");
    rules.max_decoded_bytes = MAX_DECODED;
    rules.on_misfit = how & RAW ? TG_MISFIT_RAW : how & ERROR_EVENT ? TG_MISFIT_ERROR_EVENT : TG_MISFIT_DROP;

    struct tg_message message = { .bytes = (const char *)bytes + 2,
                                  .length = size - 2,
                                  .is_binary = how & BINARY };
    struct tg_str head = { message.bytes, message.length < 8 ? message.length : 8 };
    if (how & HAS_TYPE)
        message.type = head;
    if (how & HAS_ID)
        message.id = head;

    struct tg_translator *translator = NULL;
    struct tg_buffer error = { 0 };
    check(tg_translator_new(&rules, &translator, &error) == TG_OK);
    tg_translator_reserve(translator, &names);
    /* Twice: the second time some of it has been seen. */
    for (int i = 0; i < 2; i++) {
        struct receiver receiver = { .refuses = how & REFUSES };
        struct tg_translation translation;
        tg_translator_run(translator, &message, on_event, &receiver, &translation);
        check_counts(&translation, &receiver);
    }
    tg_translator_free(translator);
    return 0;
}
