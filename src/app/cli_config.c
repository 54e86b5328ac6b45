/* Which configuration is meant: -c FILE, or the operand, or the first of two usual places where there is one. */
#include "cli_config.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { READ_BYTES = 64 * 1024, STDIN_MAX_BYTES = 17 << 20 /* more than a configuration may have */ };

static const char *const usual_files[] = { "tidegate.json", "/etc/tidegate/tidegate.json" };

/* Also one that cannot be looked at, so that this is told. */
static bool is_there(const char *name)
{
    return access(name, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

enum tg_err tg_cli_find_config(const struct tg_cli_input *input, const char **ret_name,
                               struct tg_buffer *ret_error)
{
    const char *given = tg_cli_get(input, "config", NULL);
    const char *operand =
        input->command->operand && strcmp(input->command->operand, TG_CLI_CONFIG_OPERAND) == 0
            ? input->operand
            : NULL;
    if (given && operand) {
        tg_buffer_append_str(ret_error, "the configuration is given twice, by -c and as FILE");
        return TG_ERR_INVALID;
    }
    if (given || operand) {
        *ret_name = given ? given : operand;
        return TG_OK;
    }
    for (size_t i = 0; i < TG_COUNT_OF(usual_files); i++) {
        if (is_there(usual_files[i])) {
            *ret_name = usual_files[i];
            return TG_OK;
        }
    }
    tg_buffer_appendf(ret_error, "no configuration: name one with -c FILE; there is neither ./%s nor %s",
                      usual_files[0], usual_files[1]);
    return TG_ERR_INVALID;
}

static enum tg_err read_stdin(struct tg_buffer *out)
{
    for (;;) {
        enum tg_err err = tg_buffer_reserve(out, READ_BYTES);
        if (err)
            return err;
        ssize_t got = read(STDIN_FILENO, out->data + out->length, READ_BYTES);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return TG_ERR_IO;
        if (got == 0 || out->length > STDIN_MAX_BYTES)
            return TG_OK;
        out->length += (size_t)got;
    }
}

enum tg_err tg_cli_load_config(const char *name, struct tg_config **ret_config, struct tg_buffer *ret_errors)
{
    if (strcmp(name, "-") != 0)
        return tg_config_load(name, ret_config, ret_errors);
    struct tg_buffer text = { 0 };
    enum tg_err err = read_stdin(&text);
    if (err)
        tg_buffer_appendf(ret_errors, "cannot read standard input: %s\n",
                          err == TG_ERR_IO ? strerror(errno) : tg_err_text(err));
    else
        err = tg_config_parse("stdin", tg_text_or_empty(text.data), text.length, ret_config, ret_errors);
    tg_buffer_deinit(&text);
    return err;
}
