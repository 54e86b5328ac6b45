/* The façade: file → text → document → structs → checks, and the list of errors. */
#include "check.h"
#include "comments.h"
#include "files.h"
#include "full.h"
#include "jq_filters.h"
#include "load.h"
#include "refresh.h"
#include "resolve.h"
#include "warn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { CONFIG_MAX_BYTES = 16 << 20 };

static void learn_filters(const struct tg_document *document)
{
    json_t *streams = json_object_get(document->root, "streams"), *stream;
    const char **texts = tg_alloc((json_object_size(streams) + 1) * sizeof(*texts)), *name;
    size_t count = 0;
    json_object_foreach(streams, name, stream)
    {
        const char *text = json_string_value(json_object_get(json_object_get(stream, "translate"), "jq"));
        if (text)
            texts[count++] = text;
    }
    tg_jq_filters_learn(texts, count);
    free(texts);
}

/* Without a folder, files that values name are not looked at. */
static enum tg_err load_text(const char *name, const char *folder, const char *text, size_t length,
                             struct tg_config **ret_config, struct tg_buffer *ret_errors)
{
    enum tg_err err = TG_OK;
    struct tg_document document;
    struct tg_config *config = tg_alloc(sizeof(*config));
    config->source = tg_strdup(name);
    tg_options_set_defaults(&tg_options_root, config);

    tg_document_init(&document, name, folder ? folder : "", text, length);
    document.ignores_files = !folder;
    if (document.root) {
        tg_document_empty_comments(&document);
        tg_document_resolve(&document);
        learn_filters(&document);
        tg_options_load(&document, NULL, &tg_options_root, document.root, config);
        tg_jq_filters_forget();
        if (json_is_object(document.root))
            tg_config_check(&document, config);
    }
    if (document.error_count > 0) {
        err = tg_document_render_errors(&document, ret_errors);
        err = err ? err : TG_ERR_INVALID;
        tg_config_free(config);
    } else {
        tg_config_keep_files(config, &document);
        for (size_t i = 0; i < config->stream_count; i++)
            config->streams[i].secrets = tg_document_take_secrets(&document, config->streams[i].name);
        tg_config_warn(&document, config);
        config->warnings = tg_document_render_warnings(&document);
        *ret_config = config;
    }
    tg_document_forget_secrets(&document);
    tg_document_deinit(&document);
    return err;
}

enum tg_err tg_config_parse(const char *name, const char *text, size_t length, struct tg_config **ret_config,
                            struct tg_buffer *ret_errors)
{
    if (length > CONFIG_MAX_BYTES) {
        tg_buffer_appendf(ret_errors, "%s: larger than 16MiB\n", name);
        return TG_ERR_INVALID;
    }
    return load_text(name, "", text, length, ret_config, ret_errors);
}

enum tg_err tg_config_parse_alone(const char *text, size_t length, struct tg_buffer *ret_errors)
{
    struct tg_config *config = NULL;
    enum tg_err err = load_text("text", NULL, text, length, &config, ret_errors);
    if (!err)
        tg_config_free(config);
    return err;
}

enum tg_err tg_config_load(const char *file_name, struct tg_config **ret_config, struct tg_buffer *ret_errors)
{
    struct tg_buffer text = { 0 };
    char *folder = tg_file_folder(file_name);
    enum tg_err err = tg_file_read(file_name, CONFIG_MAX_BYTES, &text);
    if (err == TG_ERR_IO) {
        tg_buffer_appendf(ret_errors, "%s: cannot read the file: %s\n", file_name, strerror(errno));
    } else if (err == TG_ERR_TOO_LARGE) {
        tg_buffer_appendf(ret_errors, "%s: larger than 16MiB\n", file_name);
        err = TG_ERR_INVALID;
    } else if (!err) {
        err = load_text(file_name, folder, text.data, text.length, ret_config, ret_errors);
    }
    free(folder);
    tg_buffer_deinit(&text);
    return err;
}

void tg_config_free(struct tg_config *config)
{
    if (!config)
        return;
    free(config->source);
    tg_strings_free(config->warnings);
    free(config->text);
    free(config->folder);
    for (size_t i = 0; i < config->stream_count; i++) {
        tg_strings_free(config->streams[i].secrets);
        tg_config_files_free(config->streams[i].files);
    }
    tg_options_free(&tg_options_root, config);
    free(config);
}
