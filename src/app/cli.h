/* The command line's grammar: commands and their options are tables, from which parsing, messages and
 * help are made. Used by cli.c, which holds the tables. */
#ifndef TIDEGATE_APP_CLI_H
#define TIDEGATE_APP_CLI_H

#include "tidegate/base.h"

struct tg_cli_option {
    const char *name;     /* without "--"; NULL ends a table */
    char letter;          /* 0: none */
    const char *argument; /* what its value is called in help; NULL: it takes none */
    const char *help;
};

struct tg_cli_input;

struct tg_cli_command {
    const char *name;       /* NULL ends a table */
    const char *summary;    /* NULL: not for people; no list names it */
    const char *operand;    /* what the operand is called in help; NULL: it takes none */
    bool operand_is_needed; /* at most one is taken */
    const struct tg_cli_option *options;
    const char *details; /* further lines of help; or NULL */
    int (*run)(const struct tg_cli_input *input);
};

enum { TG_CLI_VALUES_MAX = 64 };

/* A parsed command line; the texts are argv's. */
struct tg_cli_input {
    const struct tg_cli_command *command;
    struct tg_cli_value {
        const struct tg_cli_option *option;
        const char *text; /* NULL: the option takes no value */
    } values[TG_CLI_VALUES_MAX];
    size_t value_count;
    const char *operand; /* or NULL */
    bool wants_help;
};

/* argv[0] is skipped. TG_ERR_INVALID: *ret_error has one line that says what is wrong. Main thread (getopt).
 */
enum tg_err tg_cli_parse(const struct tg_cli_command *command, int argc, char **argv,
                         struct tg_cli_input *ret_input, struct tg_buffer *ret_error);

/* The last value given for an option, or `fallback`. */
const char *tg_cli_get(const struct tg_cli_input *input, const char *name, const char *fallback);
bool tg_cli_has(const struct tg_cli_input *input, const char *name);
/* A TCP port. TG_ERR_INVALID: *ret_error has a line. */
enum tg_err tg_cli_get_port(const struct tg_cli_input *input, const char *name, int fallback, int *ret_port,
                            struct tg_buffer *ret_error);

/* The entry that is nearest to a word with a typing error in it, or NULL. */
const struct tg_cli_command *tg_cli_nearest_command(const struct tg_cli_command *commands, const char *word);
const struct tg_cli_option *tg_cli_nearest_option(const struct tg_cli_option *options, const char *word);

/* What --help prints. */
void tg_cli_write_help(const struct tg_cli_command *command, struct tg_buffer *out);
void tg_cli_write_overview(const struct tg_cli_command *commands, struct tg_buffer *out);

#endif
