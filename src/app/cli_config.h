/* The configuration that a command line names, for the commands that need one. */
#ifndef TIDEGATE_APP_CLI_CONFIG_H
#define TIDEGATE_APP_CLI_CONFIG_H

#include "cli.h"
#include "tidegate/config.h"

/* For tables: the option, and the operand of commands that take the file without it, too. */
#define TG_CLI_CONFIG_OPTION                                                                                 \
    {                                                                                                        \
        "config", 'c', "FILE", "the configuration, a JSON file; \"-\" is standard input"                     \
    }
#define TG_CLI_CONFIG_OPERAND "FILE"
#define TG_CLI_CONFIG_DEFAULT                                                                                \
    "Without FILE, the configuration is ./tidegate.json, or if there is none,\n"                             \
    "/etc/tidegate/tidegate.json.\n"

/* The file's name, "-" for standard input. TG_ERR_INVALID: *ret_error has a line. */
enum tg_err tg_cli_find_config(const struct tg_cli_input *input, const char **ret_name,
                               struct tg_buffer *ret_error);
/* Loads it. On failure *ret_errors has lines, also of what is not there. */
enum tg_err tg_cli_load_config(const char *name, struct tg_config **ret_config, struct tg_buffer *ret_errors);

#endif
