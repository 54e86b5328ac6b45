/* Conditions: each JSON object is loaded by the option table like any other, then becomes a tree. */
#include "condition.h"
#include "load.h"

#include <stdlib.h>
#include <string.h>

/* The keys that say of what sort a condition is; the other ones are tests beside "pointer". */
static const char *const sorts[] = { "pointer", "text", "not", "any", "all" };

/* ---- tests beside "pointer" --------------------------------------------------------------------------- */

static bool is_sort(const char *key)
{
    for (size_t i = 0; i < TG_COUNT_OF(sorts); i++) {
        if (strcmp(sorts[i], key) == 0)
            return true;
    }
    return false;
}

/* The first test that the object has, by the table; NULL: none. */
static const char *find_test(json_t *value)
{
    for (size_t i = 0; i < tg_options_condition.option_count; i++) {
        const char *key = tg_options_condition.options[i].key;
        if (!is_sort(key) && json_object_get(value, key))
            return key;
    }
    return NULL;
}

static void take(char **to, char **from)
{
    *to = *from;
    *from = NULL;
}

static void take_values(struct tg_config_condition *condition, char ***from)
{
    condition->values = *from;
    *from = NULL;
}

/* Takes what the test's key was loaded to. */
static void set_test(struct tg_config_condition *test, int64_t kind, struct tg_condition_keys *keys)
{
    test->kind = kind;
    test->pointer = tg_strdup(keys->pointer);
    switch (kind) {
    case TG_CONDITION_EXISTS:
        test->is_expected = keys->exists;
        break;
    case TG_CONDITION_EQUALS:
        take_values(test, &keys->equals);
        break;
    case TG_CONDITION_ONE_OF:
        take_values(test, &keys->one_of);
        break;
    case TG_CONDITION_GT:
        test->number = keys->gt;
        break;
    case TG_CONDITION_GE:
        test->number = keys->ge;
        break;
    case TG_CONDITION_LT:
        test->number = keys->lt;
        break;
    case TG_CONDITION_LE:
        test->number = keys->le;
        break;
    default:
        take(&test->pattern, &keys->matches);
    }
}

/* One test is the condition itself, several are all of them. */
static void set_tests(struct tg_config_condition *condition, json_t *value, struct tg_condition_keys *keys)
{
    static const struct {
        const char *key;
        int64_t kind;
    } kinds[] = {
        { "exists", TG_CONDITION_EXISTS }, { "equals", TG_CONDITION_EQUALS },
        { "one_of", TG_CONDITION_ONE_OF }, { "gt", TG_CONDITION_GT },
        { "ge", TG_CONDITION_GE },         { "lt", TG_CONDITION_LT },
        { "le", TG_CONDITION_LE },         { "matches", TG_CONDITION_MATCHES },
    };
    struct tg_config_condition *tests = tg_alloc(TG_COUNT_OF(kinds) * sizeof(tests[0]));
    size_t count = 0;
    for (size_t i = 0; i < TG_COUNT_OF(kinds); i++) {
        json_t *known = json_object_get(value, kinds[i].key);
        if (!known)
            continue;
        tests[count].is_integer = json_is_integer(known);
        tests[count].integer = json_integer_value(known);
        set_test(&tests[count++], kinds[i].kind, keys);
    }
    if (count == 1) {
        *condition = tests[0];
        free(tests);
        return;
    }
    *condition = (struct tg_config_condition){ .kind = TG_CONDITION_ALL,
                                               .conditions = tests,
                                               .condition_count = count };
}

/* ---- objects ------------------------------------------------------------------------------------------ */

static void take_conditions(struct tg_config_condition *condition, int64_t kind,
                            struct tg_config_condition **conditions, size_t count)
{
    *condition =
        (struct tg_config_condition){ .kind = kind, .conditions = *conditions, .condition_count = count };
    *conditions = NULL;
}

/* Only for keys that loaded without an error. */
static void set_condition(struct tg_config_condition *condition, json_t *value,
                          struct tg_condition_keys *keys)
{
    if (keys->pointer) {
        set_tests(condition, value, keys);
    } else if (keys->text) {
        condition->kind = TG_CONDITION_TEXT;
        take(&condition->pattern, &keys->text);
    } else if (keys->negated) {
        take_conditions(condition, TG_CONDITION_NOT, &keys->negated, 1);
    } else if (keys->any) {
        take_conditions(condition, TG_CONDITION_ANY, &keys->any, keys->any_count);
    } else {
        take_conditions(condition, TG_CONDITION_ALL, &keys->all, keys->all_count);
    }
}

static void check_keys(struct tg_document *document, const struct tg_path *path,
                       const struct tg_option *option, json_t *value)
{
    const char *test = find_test(value);
    struct tg_path test_path = TG_PATH_KEY(path, test), pointer_path = TG_PATH_KEY(path, "pointer");
    bool has_pointer = json_object_get(value, "pointer");
    size_t given = 0;
    for (size_t i = 0; i < TG_COUNT_OF(sorts); i++)
        given += json_object_get(value, sorts[i]) ? 1 : 0;
    if (given > 1)
        tg_document_error(document, path,
                          "expected only one of \"pointer\", \"text\", \"not\", \"any\" and \"all\"");
    else if (test && given == 0)
        tg_document_error(document, &test_path, "expected \"pointer\" beside it");
    else if (test && !has_pointer)
        tg_document_error_at_key(document, &test_path, "only beside \"pointer\"");
    else if (given == 0)
        tg_load_report(document, path, option, true);
    else if (has_pointer && !test)
        tg_document_error(document, &pointer_path,
                          "expected a test beside it, such as \"equals\" or \"exists\"");
}

static void load_keys(struct tg_document *document, const struct tg_path *path,
                      const struct tg_option *option, json_t *value, struct tg_config_condition *condition)
{
    struct tg_condition_keys keys = { 0 };
    size_t errors_before = document->error_count;
    tg_options_load(document, path, &tg_options_condition, value, &keys);
    /* A key that is wrong or unknown may be just the one that is missing. */
    if (document->error_count == errors_before)
        check_keys(document, path, option, value);
    if (document->error_count == errors_before && !tg_document_has_error(document, path))
        set_condition(condition, value, &keys);
    tg_options_free(&tg_options_condition, &keys);
}

/* ---- conditions in one another ------------------------------------------------------------------------ */

/* Where a condition stands that stands in no other. */
static bool is_root(const char *key)
{
    return key && (strcmp(key, "when") == 0 || strcmp(key, "until") == 0);
}

static size_t depth_of(const struct tg_path *path)
{
    size_t depth = 1;
    for (; path && !is_root(path->key); path = path->up)
        depth += !path->key || strcmp(path->key, "not") == 0;
    return depth;
}

static void load_one(struct tg_document *document, const struct tg_path *path, const struct tg_option *option,
                     json_t *value, struct tg_config_condition *condition);

static void load_list(struct tg_document *document, const struct tg_path *path,
                      const struct tg_option *option, json_t *value,
                      struct tg_config_condition **ret_conditions, size_t *ret_count)
{
    size_t count = json_array_size(value);
    if (!tg_load_check_count(document, path, option, count))
        return;
    struct tg_config_condition *conditions = tg_alloc(count * sizeof(conditions[0]));
    for (size_t i = 0; i < count; i++) {
        struct tg_path item = TG_PATH_INDEX(path, i);
        load_one(document, &item, option, json_array_get(value, i), &conditions[i]);
    }
    *ret_conditions = conditions;
    *ret_count = count;
}

static void load_one(struct tg_document *document, const struct tg_path *path, const struct tg_option *option,
                     json_t *value, struct tg_config_condition *condition)
{
    static const struct tg_option shape = { .type = TG_OPTION_CONDITION };
    if (depth_of(path) > TG_CONDITION_DEPTH_MAX) {
        tg_document_error(document, path, "expected conditions in one another at most %d deep",
                          TG_CONDITION_DEPTH_MAX);
    } else if (json_is_array(value)) {
        condition->kind = TG_CONDITION_ALL;
        load_list(document, path, option, value, &condition->conditions, &condition->condition_count);
    } else if (json_is_object(value)) {
        load_keys(document, path, &shape, value, condition);
    } else {
        tg_load_report(document, path, &shape, true);
    }
}

void tg_load_condition(struct tg_document *document, const struct tg_path *path,
                       const struct tg_option *option, json_t *value, void *base)
{
    struct tg_config_condition *condition = tg_alloc(sizeof(*condition));
    load_one(document, path, option, value, condition);
    *(struct tg_config_condition **)(void *)((char *)base + option->offset) = condition;
}

void tg_load_conditions(struct tg_document *document, const struct tg_path *path,
                        const struct tg_option *option, json_t *value, void *base)
{
    if (!json_is_array(value)) {
        tg_load_report(document, path, option, true);
        return;
    }
    load_list(document, path, option, value,
              (struct tg_config_condition **)(void *)((char *)base + option->offset),
              (size_t *)(void *)((char *)base + option->count_offset));
}
