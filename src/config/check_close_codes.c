/* Checks across the lists of `close_codes`: each code has one meaning. */
#include "check.h"

enum { LISTS = 3 };

struct code_list {
    const char *key;
    struct tg_config_codes *codes;
    bool is_given;
};

static bool has_code(const struct tg_config_codes *codes, size_t end, int64_t code)
{
    for (size_t i = 0; i < end; i++) {
        if (codes->list[i] == code)
            return true;
    }
    return false;
}

static void drop_code(struct tg_config_codes *codes, int64_t code)
{
    size_t kept = 0;
    for (size_t i = 0; i < codes->count; i++) {
        if (codes->list[i] != code)
            codes->list[kept++] = codes->list[i];
    }
    codes->count = kept;
}

/* Among the lists of the file the first one has it; a list by default gives way. */
static void check_code(struct tg_document *document, const struct tg_path *item, struct code_list *lists,
                       size_t index, size_t position)
{
    int64_t code = lists[index].codes->list[position];
    if (has_code(lists[index].codes, position, code))
        tg_document_error(document, item, "the same close code twice");
    for (size_t i = 0; i < LISTS; i++) {
        if (!lists[i].is_given)
            drop_code(lists[i].codes, code);
        else if (i < index && has_code(lists[i].codes, lists[i].codes->count, code))
            tg_document_error(document, item, "\"%s\" has this close code already", lists[i].key);
    }
}

void tg_config_check_close_codes(struct tg_document *document, const struct tg_path *upstream,
                                 struct tg_config_upstream *config)
{
    struct tg_path close_codes = TG_PATH_KEY(upstream, "close_codes");
    struct code_list lists[LISTS] = { { .key = "end", .codes = &config->close_end },
                                      { .key = "later", .codes = &config->close_later },
                                      { .key = "spread", .codes = &config->close_spread } };
    if (tg_document_has_error(document, &close_codes))
        return;
    for (size_t i = 0; i < LISTS; i++)
        lists[i].is_given = tg_document_has(document, &close_codes, lists[i].key);
    for (size_t i = 0; i < LISTS; i++) {
        struct tg_path list = TG_PATH_KEY(&close_codes, lists[i].key);
        for (size_t j = 0; lists[i].is_given && j < lists[i].codes->count; j++) {
            struct tg_path item = TG_PATH_INDEX(&list, j);
            check_code(document, &item, lists, i, j);
        }
    }
}
