/* What tests of the translator share: rules by hand, messages in, events out. */
#ifndef TEST_TRANSLATE_SUPPORT_H
#define TEST_TRANSLATE_SUPPORT_H

#include "tidegate/translate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define P(text) ((char *)(text))
#define RULES(...) ((struct tg_config_translate){ __VA_ARGS__ })

struct recorded {
    char *type, *id, *data;
    size_t data_length;
};

struct fixture {
    struct tg_config_translate rules;
    struct tg_translator *translator;
    struct tg_translation last; /* of the last message */
    struct recorded *events;    /* of all messages since the last forget */
    size_t count;
    size_t take_most;  /* further events are refused; 0: none is */
    bool has_refused;  /* the last message then ends */
    size_t let_go;     /* that many of the next events are let go */
    size_t lost_count; /* of all messages */
    enum tg_gap_reason lost;
};

static inline char *copy_of(struct tg_str text)
{
    char *copy = tg_alloc(text.length + 1);

    if (text.length > 0)
        memcpy(copy, text.data, text.length);
    return copy;
}

static inline bool record(void *arg, const struct tg_event *event)
{
    struct fixture *fixture = arg;

    assert_false(event->is_control);
    assert_false(fixture->has_refused);
    fixture->has_refused = fixture->take_most > 0 && fixture->count == fixture->take_most;
    if (fixture->has_refused)
        return false;
    if (fixture->let_go > 0) {
        fixture->let_go--;
        tg_translator_let_go(fixture->translator);
        return true;
    }
    /* Room for the next power of two. */
    if ((fixture->count & (fixture->count - 1)) == 0)
        fixture->events = tg_realloc_array(fixture->events, fixture->count ? fixture->count * 2 : 1,
                                           sizeof(*fixture->events));
    fixture->events[fixture->count++] = (struct recorded){
        .type = copy_of(event->type),
        .id = copy_of(event->id),
        .data = copy_of(event->data),
        .data_length = event->data.length,
    };
    return true;
}

static inline void record_lost(void *arg, enum tg_gap_reason reason)
{
    struct fixture *fixture = arg;

    fixture->lost_count++;
    fixture->lost = reason;
}

/* With the defaults that tg_config would have set. */
static inline void fixture_init(struct fixture *fixture, struct tg_config_translate rules)
{
    struct tg_buffer error = { 0 };

    if (!rules.binary_event)
        rules.binary_event = P("binary");
    if (!rules.error_event)
        rules.error_event = P("tidegate.error");
    if (!rules.max_decoded_bytes)
        rules.max_decoded_bytes = 1 << 20;
    if (!rules.seen_remember)
        rules.seen_remember = 100;
    *fixture = (struct fixture){ .rules = rules };
    assert_int_equal(tg_translator_new(&fixture->rules, &fixture->translator, &error), TG_OK);
    assert_int_equal(error.length, 0);
    tg_translator_on_lost(fixture->translator, record_lost);
}

static inline void forget(struct fixture *fixture)
{
    for (size_t i = 0; i < fixture->count; i++) {
        free(fixture->events[i].type);
        free(fixture->events[i].id);
        free(fixture->events[i].data);
    }
    free(fixture->events);
    fixture->events = NULL;
    fixture->count = 0;
}

static inline void fixture_deinit(struct fixture *fixture)
{
    forget(fixture);
    tg_translator_free(fixture->translator);
}

static inline struct tg_message text(const char *bytes)
{
    return (struct tg_message){ .bytes = bytes, .length = strlen(bytes) };
}

static inline struct tg_message binary(const char *bytes)
{
    struct tg_message message = text(bytes);

    message.is_binary = true;
    return message;
}

static inline void feed_message(struct fixture *fixture, struct tg_message message)
{
    size_t before = fixture->count;

    fixture->has_refused = false;
    tg_translator_run(fixture->translator, &message, record, fixture, &fixture->last);
    assert_int_equal(fixture->last.events, fixture->count - before);
}

static inline void feed(struct fixture *fixture, const char *bytes)
{
    feed_message(fixture, text(bytes));
}

static inline uint64_t misfit_count(const struct tg_translation *translation)
{
    uint64_t count = 0;

    for (size_t i = 0; i < TG_MISFIT_COUNT; i++)
        count += translation->misfits[i];
    return count;
}

static inline void assert_recorded(const struct fixture *fixture, size_t number, const char *type,
                                   const char *id, const char *data)
{
    assert_true(number < fixture->count);
    assert_string_equal(fixture->events[number].type, type);
    assert_string_equal(fixture->events[number].id, id);
    assert_string_equal(fixture->events[number].data, data);
    assert_int_equal(fixture->events[number].data_length, strlen(data));
}

/* One message by one set of rules makes exactly this event. */
static inline void assert_makes(struct tg_config_translate rules, struct tg_message message, const char *type,
                                const char *id, const char *data)
{
    struct fixture fixture;

    fixture_init(&fixture, rules);
    feed_message(&fixture, message);
    assert_int_equal(fixture.last.first_misfit, TG_MISFIT_NONE);
    assert_int_equal(misfit_count(&fixture.last), 0);
    assert_int_equal(fixture.count, 1);
    assert_recorded(&fixture, 0, type, id, data);
    fixture_deinit(&fixture);
}

/* … makes no event, but one misfit. */
static inline void assert_misfit(struct tg_config_translate rules, struct tg_message message,
                                 enum tg_misfit misfit)
{
    struct fixture fixture;

    fixture_init(&fixture, rules);
    feed_message(&fixture, message);
    assert_int_equal(fixture.last.first_misfit, misfit);
    assert_int_equal(fixture.last.misfits[misfit], 1);
    assert_int_equal(misfit_count(&fixture.last), 1);
    assert_int_equal(fixture.count, 0);
    fixture_deinit(&fixture);
}

#endif
