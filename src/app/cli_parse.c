/* Parses one command's arguments by its table, with getopt_long underneath, and writes the help. */
#include "cli.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum { OPTIONS_MAX = 16, LONG_BASE = 0x100, HELP_CODE = LONG_BASE + OPTIONS_MAX };

static const struct tg_cli_option help_option = { "help", 'h', NULL, "show this text" };

static size_t count_options(const struct tg_cli_option *options)
{
    size_t count = 0;
    while (options && options[count].name)
        count++;
    return count;
}

/* A typing error is at most a third of the word, and at least two slips are forgiven. */
static bool is_near(const char *word, const char *known, size_t *best)
{
    size_t distance = tg_edit_distance(word, known);
    size_t allowed = strlen(known) / 3 > 2 ? strlen(known) / 3 : 2;
    if (distance > allowed || distance >= strlen(known) || distance >= *best)
        return false;
    *best = distance;
    return true;
}

const struct tg_cli_command *tg_cli_nearest_command(const struct tg_cli_command *commands, const char *word)
{
    const struct tg_cli_command *nearest = NULL;
    size_t best = SIZE_MAX;
    for (; commands->name; commands++) {
        if (commands->summary && is_near(word, commands->name, &best))
            nearest = commands;
    }
    return nearest;
}

const struct tg_cli_option *tg_cli_nearest_option(const struct tg_cli_option *options, const char *word)
{
    const struct tg_cli_option *nearest = NULL;
    size_t best = SIZE_MAX;
    for (; options && options->name; options++) {
        if (is_near(word, options->name, &best))
            nearest = options;
    }
    return is_near(word, help_option.name, &best) ? &help_option : nearest;
}

/* ---- getopt's tables from ours ----------------------------------------------------------------- */

struct getopt_tables {
    struct option longs[OPTIONS_MAX + 2];
    char shorts[2 * OPTIONS_MAX + 4];
};

static void make_tables(const struct tg_cli_option *options, struct getopt_tables *ret_tables)
{
    memset(ret_tables, 0, sizeof(*ret_tables));
    size_t count = count_options(options), at = 0;
    ret_tables->shorts[at++] = ':'; /* missing values are told apart from unknown options */
    ret_tables->shorts[at++] = help_option.letter;
    for (size_t i = 0; i < count && i < OPTIONS_MAX; i++) {
        int has_argument = options[i].argument ? required_argument : no_argument;
        ret_tables->longs[i] = (struct option){ options[i].name, has_argument, NULL, LONG_BASE + (int)i };
        if (options[i].letter) {
            ret_tables->shorts[at++] = options[i].letter;
            if (options[i].argument)
                ret_tables->shorts[at++] = ':';
        }
    }
    ret_tables->longs[count] = (struct option){ help_option.name, no_argument, NULL, HELP_CODE };
}

static const struct tg_cli_option *option_of_code(const struct tg_cli_option *options, int code)
{
    if (code == HELP_CODE || code == help_option.letter)
        return &help_option;
    if (code >= LONG_BASE)
        return &options[code - LONG_BASE];
    for (size_t i = 0; code && i < count_options(options); i++) {
        if (options[i].letter == code)
            return &options[i];
    }
    return NULL;
}

static void describe_unknown(const struct tg_cli_command *command, const char *word, struct tg_buffer *out)
{
    const struct tg_cli_option *known = option_of_code(command->options, optopt);
    if (known && optopt >= LONG_BASE) {
        tg_buffer_appendf(out, "option --%s takes no value", known->name);
        return;
    }
    if (optopt) {
        tg_buffer_appendf(out, "unknown option \"-%c\"", optopt);
        return;
    }
    const char *name = word + strspn(word, "-");
    char *bare = tg_strndup(name, strcspn(name, "="));
    const struct tg_cli_option *nearest = tg_cli_nearest_option(command->options, bare);
    tg_buffer_appendf(out, "unknown option \"--%s\"", bare);
    if (nearest)
        tg_buffer_appendf(out, "; did you mean \"--%s\"?", nearest->name);
    free(bare);
}

static enum tg_err take_operands(const struct tg_cli_command *command, int argc, char **argv,
                                 struct tg_cli_input *input, struct tg_buffer *ret_error)
{
    int left = argc - optind;
    if (left > (command->operand ? 1 : 0)) {
        tg_buffer_appendf(ret_error, "one argument too many: \"%s\"",
                          argv[optind + (command->operand ? 1 : 0)]);
        return TG_ERR_INVALID;
    }
    input->operand = left > 0 ? argv[optind] : NULL;
    if (command->operand_is_needed && !input->operand && !input->wants_help) {
        tg_buffer_appendf(ret_error, "%s is missing", command->operand);
        return TG_ERR_INVALID;
    }
    return TG_OK;
}

enum tg_err tg_cli_parse(const struct tg_cli_command *command, int argc, char **argv,
                         struct tg_cli_input *ret_input, struct tg_buffer *ret_error)
{
    struct getopt_tables tables;
    make_tables(command->options, &tables);
    struct tg_cli_input input = { .command = command };

    optind = 0; /* GNU: start afresh */
    opterr = 0;
    for (int code; (code = getopt_long(argc, argv, tables.shorts, tables.longs, NULL)) != -1;) {
        if (code == ':') {
            const struct tg_cli_option *option = option_of_code(command->options, optopt);
            tg_buffer_appendf(ret_error, "option --%s needs a value: %s", option->name, option->argument);
            return TG_ERR_INVALID;
        }
        if (code == '?') {
            describe_unknown(command, argv[optind - 1], ret_error);
            return TG_ERR_INVALID;
        }
        const struct tg_cli_option *option = option_of_code(command->options, code);
        if (option == &help_option) {
            input.wants_help = true;
        } else if (input.value_count == TG_CLI_VALUES_MAX) {
            tg_buffer_append_str(ret_error, "too many options");
            return TG_ERR_INVALID;
        } else {
            input.values[input.value_count++] = (struct tg_cli_value){ option, optarg };
        }
    }
    enum tg_err err = take_operands(command, argc, argv, &input, ret_error);
    if (!err)
        *ret_input = input;
    return err;
}

/* ---- values ------------------------------------------------------------------------------------ */

static const struct tg_cli_value *find_value(const struct tg_cli_input *input, const char *name)
{
    for (size_t i = input->value_count; i > 0; i--) {
        if (strcmp(input->values[i - 1].option->name, name) == 0)
            return &input->values[i - 1];
    }
    return NULL;
}

const char *tg_cli_get(const struct tg_cli_input *input, const char *name, const char *fallback)
{
    const struct tg_cli_value *value = find_value(input, name);
    return value ? value->text : fallback;
}

bool tg_cli_has(const struct tg_cli_input *input, const char *name)
{
    return find_value(input, name) != NULL;
}

enum tg_err tg_cli_get_port(const struct tg_cli_input *input, const char *name, int fallback, int *ret_port,
                            struct tg_buffer *ret_error)
{
    const char *text = tg_cli_get(input, name, NULL);
    if (!text) {
        *ret_port = fallback;
        return TG_OK;
    }
    size_t length = strlen(text);
    int port = 0;
    for (size_t i = 0; i < length && i < 6; i++)
        port = text[i] >= '0' && text[i] <= '9' ? port * 10 + (text[i] - '0') : 1000000;
    if (length == 0 || length > 5 || port > 65535) {
        tg_buffer_appendf(ret_error, "--%s: expected a port from 0 to 65535, not \"%s\"", name, text);
        return TG_ERR_INVALID;
    }
    *ret_port = port;
    return TG_OK;
}

/* ---- help -------------------------------------------------------------------------------------- */

enum { HELP_COLUMNS = 80, OPTION_COLUMN = 29, COMMAND_COLUMN = 15 };

/* Breaks the text into lines, of which the first begins at `column` already. */
static void write_wrapped(const char *text, size_t column, struct tg_buffer *out)
{
    size_t at = column;
    while (*text) {
        size_t length = strcspn(text, " ");
        if (at > column && at + 1 + length > HELP_COLUMNS) {
            tg_buffer_appendf(out, "\n%*s", (int)column, "");
            at = column;
        } else if (at > column) {
            tg_buffer_append_str(out, " ");
            at++;
        }
        tg_buffer_append(out, text, length);
        at += length;
        text += length + strspn(text + length, " ");
    }
    tg_buffer_append_str(out, "\n");
}

static void write_option(const struct tg_cli_option *option, struct tg_buffer *out)
{
    struct tg_buffer left = { 0 };
    if (option->letter)
        tg_buffer_appendf(&left, "-%c, ", option->letter);
    tg_buffer_appendf(&left, "--%s%s%s", option->name, option->argument ? " " : "",
                      tg_text_or_empty(option->argument));
    tg_buffer_appendf(out, "  %-26s ", left.data);
    if (left.length > OPTION_COLUMN - 3)
        tg_buffer_appendf(out, "\n%*s", OPTION_COLUMN, "");
    write_wrapped(option->help, OPTION_COLUMN, out);
    tg_buffer_deinit(&left);
}

void tg_cli_write_help(const struct tg_cli_command *command, struct tg_buffer *out)
{
    tg_buffer_appendf(out, "Usage: tidegate %s%s", command->name,
                      count_options(command->options) ? " [OPTION]..." : "");
    if (command->operand)
        tg_buffer_appendf(out, command->operand_is_needed ? " %s" : " [%s]", command->operand);
    const char *summary = command->summary ? command->summary : "Tidegate starts this by itself";
    tg_buffer_appendf(out, "\n\n%s.\n\nOptions:\n", summary);
    for (const struct tg_cli_option *option = command->options; option && option->name; option++)
        write_option(option, out);
    write_option(&help_option, out);
    if (command->details)
        tg_buffer_appendf(out, "\n%s", command->details);
}

void tg_cli_write_overview(const struct tg_cli_command *commands, struct tg_buffer *out)
{
    tg_buffer_append_str(out,
                         "Tidegate serves what legacy backends say to browsers as Server-Sent Events.\n"
                         "A backend may be a WebSocket server, an event stream over HTTP, one long HTTP\n"
                         "answer with JSON on each line, or an HTTP URL that Tidegate polls.\n\n"
                         "Usage: tidegate COMMAND [OPTION]...\n"
                         "       tidegate -c FILE             the same as tidegate run -c FILE\n\n"
                         "Commands:\n");
    for (; commands->name; commands++) {
        if (!commands->summary)
            continue;
        tg_buffer_appendf(out, "  %-13s", commands->name);
        write_wrapped(commands->summary, COMMAND_COLUMN, out);
    }
    tg_buffer_append_str(out, "\n\"tidegate COMMAND --help\" tells more about each.\n"
                              "Exit codes: 0 success, 1 failure, 2 wrong usage or configuration.\n");
}
