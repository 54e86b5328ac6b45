/* From the JSON of a document to the C structs, by the option table. */
#ifndef TIDEGATE_CONFIG_LOAD_H
#define TIDEGATE_CONFIG_LOAD_H

#include "document.h"
#include "options.h"

/* Loads what stands at the path into `base`, whose defaults are set. What is wrong becomes an error of the
 * document and leaves the default. */
void tg_options_load(struct tg_document *document, const struct tg_path *path,
                     const struct tg_option_object *object, json_t *value, void *base);

/* Loads one value into its field: what the table's type is to the loader. */
typedef void tg_option_loader(struct tg_document *document, const struct tg_path *path,
                              const struct tg_option *option, json_t *value, void *base);
tg_option_loader tg_load_message, tg_load_text_message, tg_load_messages, tg_load_initial, tg_load_words,
    tg_load_codes, tg_load_number, tg_load_json, tg_load_jsons, tg_load_pairs; /* load_values.c */
tg_option_loader tg_load_url, tg_load_headers;                                 /* load_request.c */
tg_option_loader tg_load_condition, tg_load_conditions;                        /* condition.c */

/* The upstream kind that is given beside the value, wherever in the object; TG_URL_ANY_KIND (url.h) when
 * what is given is no kind. */
int64_t tg_load_kind_beside(const struct tg_document *document, const struct tg_path *path);

/* Appends what the option accepts there; `is_shape`: no more than the type of JSON. */
void tg_load_append_expected(const struct tg_document *document, const struct tg_path *path,
                             const struct tg_option *option, bool is_shape, struct tg_buffer *out);

/* Reports that the value is not what the option accepts. */
void tg_load_report(struct tg_document *document, const struct tg_path *path, const struct tg_option *option,
                    bool is_shape);

/* The text of a string value that fits the grammar (NULL: any); NULL after an error. */
const char *tg_load_text(struct tg_document *document, const struct tg_path *path,
                         const struct tg_option *option, const struct tg_option_grammar *grammar,
                         json_t *value);

/* Whether a list may have so many items; an error otherwise. */
bool tg_load_check_count(struct tg_document *document, const struct tg_path *path,
                         const struct tg_option *option, size_t count);

#endif
