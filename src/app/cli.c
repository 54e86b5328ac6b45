/* The commands: their tables, and those that are a few lines. */
#include "cli.h"

#include "cli_config.h"
#include "commands.h"
#include "tidegate/app.h"
#include "tidegate/translate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct tg_cli_command commands[];
static int unknown_command(const char *word);

/* ---- help for the commands --------------------------------------------------------------------- */

static int usage_error(const struct tg_cli_command *command, const char *message)
{
    fprintf(stderr, "tidegate %s: %s\nTry \"tidegate %s --help\".\n", command->name, message, command->name);
    return TG_EXIT_CONFIG;
}

static int print_and_free(struct tg_buffer *text)
{
    bool is_written = fwrite(text->data, 1, text->length, stdout) == text->length && fflush(stdout) == 0;
    tg_buffer_deinit(text);
    return is_written ? TG_EXIT_OK : TG_EXIT_FAILURE;
}

/* Loads the configuration that is meant; NULL after a message, with the exit code in *ret_code. */
static struct tg_config *load_config(const struct tg_cli_input *input, int *ret_code)
{
    const char *name;
    struct tg_config *config = NULL;
    struct tg_buffer errors = { 0 };
    if (tg_cli_find_config(input, &name, &errors)) {
        *ret_code = usage_error(input->command, errors.data);
    } else if (tg_cli_load_config(name, &config, &errors)) {
        fwrite(tg_text_or_empty(errors.data), 1, errors.length, stderr);
        if (errors.length > 0 && errors.data[errors.length - 1] != '\n')
            fputc('\n', stderr);
        *ret_code = TG_EXIT_CONFIG;
    }
    tg_buffer_deinit(&errors);
    return config;
}

/* ---- the commands ------------------------------------------------------------------------------ */

static int run_serve(const struct tg_cli_input *input)
{
    int code = TG_EXIT_FAILURE;
    struct tg_config *config = load_config(input, &code);
    if (!config)
        return code;
    struct tg_app *app = NULL;
    if (tg_app_new(config, NULL, 0, &app))
        return TG_EXIT_FAILURE;
    code = tg_app_run(app);
    tg_app_free(app);
    return code;
}

static int run_check(const struct tg_cli_input *input)
{
    int code = TG_EXIT_FAILURE;
    struct tg_config *config = load_config(input, &code);
    if (!config)
        return code;
    size_t count = 0;
    for (; config->warnings && config->warnings[count]; count++)
        fprintf(stderr, "%s\n", config->warnings[count]);
    bool is_good = count == 0 || !tg_cli_has(input, "strict");
    if (is_good && count == 0)
        printf("%s: ok\n", config->source);
    else if (is_good)
        printf("%s: ok, with %zu warning%s\n", config->source, count, count == 1 ? "" : "s");
    tg_config_free(config);
    return is_good ? TG_EXIT_OK : TG_EXIT_CONFIG;
}

static int run_schema(const struct tg_cli_input *input)
{
    (void)input;
    struct tg_buffer text = { 0 };
    if (tg_config_schema(&text)) {
        tg_buffer_deinit(&text);
        return TG_EXIT_FAILURE;
    }
    return print_and_free(&text);
}

static int run_reference(const struct tg_cli_input *input)
{
    struct tg_buffer text = { 0 }, errors = { 0 };
    enum tg_err err = tg_cli_has(input, "json") ? tg_config_full(&text, &errors) : tg_config_reference(&text);
    fputs(tg_text_or_empty(errors.data), stderr);
    tg_buffer_deinit(&errors);
    if (err) {
        tg_buffer_deinit(&text);
        return TG_EXIT_FAILURE;
    }
    return print_and_free(&text);
}

static int run_demo(const struct tg_cli_input *input)
{
    struct tg_demo_options options = {
        .address = tg_cli_get(input, "address", "127.0.0.1"),
        .legacy_address = tg_cli_get(input, "legacy-address", "127.0.0.1"),
        .backend_only = tg_cli_has(input, "backend-only"),
    };
    struct tg_buffer error = { 0 };
    if (tg_cli_get_port(input, "port", 8080, &options.port, &error) ||
        tg_cli_get_port(input, "legacy-port", 9000, &options.legacy_port, &error) ||
        tg_cli_get_port(input, "admin-port", -1, &options.admin_port, &error)) {
        int code = usage_error(input->command, error.data);
        tg_buffer_deinit(&error);
        return code;
    }
    return tg_demo_run(&options);
}

static int run_listen(const struct tg_cli_input *input)
{
    const char *headers[TG_CLI_VALUES_MAX];
    struct tg_listen_options options = {
        .url = input->operand,
        .last_event_id = tg_cli_get(input, "last-event-id", NULL),
        .headers = headers,
        .writes_json = tg_cli_has(input, "json"),
        .is_insecure = tg_cli_has(input, "insecure"),
    };
    for (size_t i = 0; i < input->value_count; i++) {
        const struct tg_cli_value *value = &input->values[i];
        if (strcmp(value->option->name, "header") != 0)
            continue;
        if (!strchr(value->text, ':') || value->text[0] == ':' || strpbrk(value->text, "\r\n"))
            return usage_error(input->command, "--header: expected \"Name: value\"");
        headers[options.header_count++] = value->text;
    }
    if (options.last_event_id && strpbrk(options.last_event_id, "\r\n"))
        return usage_error(input->command, "--last-event-id: an id has no line ends");
    return tg_listen_run(&options);
}

static int run_healthcheck(const struct tg_cli_input *input)
{
    const char *name;
    struct tg_buffer none = { 0 };
    if (input->operand && tg_cli_has(input, "config"))
        return usage_error(input->command, "give either -c FILE or a URL");
    if (input->operand)
        return tg_healthcheck_url(input->operand);
    bool has_config = tg_cli_find_config(input, &name, &none) == TG_OK;
    tg_buffer_deinit(&none);
    if (!has_config)
        return tg_healthcheck_url("http://127.0.0.1:9090/healthz");

    int code = TG_EXIT_FAILURE;
    struct tg_config *config = load_config(input, &code);
    if (!config)
        return TG_EXIT_FAILURE; /* the only code for "unhealthy" that container engines define */
    code = tg_healthcheck_config(config);
    tg_config_free(config);
    return code;
}

/* Why there is no such stream, with those that there are: the nearest first, when it is a near one. */
static int unknown_stream(const struct tg_cli_input *input, const struct tg_config *config, const char *name)
{
    struct tg_buffer text = { 0 };
    if (name)
        tg_buffer_appendf(&text, "there is no stream \"%s\"; there ", name);
    else
        tg_buffer_append_str(&text, "no stream: name one with -s STREAM; there ");
    tg_buffer_append_str(&text, config->stream_count == 1 ? "is " : "are ");
    tg_translate_list_streams(config, name, &text);
    int code = usage_error(input->command, tg_text_or_empty(text.data));
    tg_buffer_deinit(&text);
    return code;
}

static int run_translate(const struct tg_cli_input *input)
{
    struct tg_translate_options options = { .takes = TG_TRANSLATE_LINES };
    if (tg_cli_has(input, "whole") && tg_cli_has(input, "binary"))
        return usage_error(input->command, "give either --whole or --binary");
    if (strcmp(tg_cli_get(input, "config", ""), "-") == 0)
        return usage_error(input->command,
                           "messages come from standard input: give the configuration as a file");
    if (tg_cli_has(input, "whole"))
        options.takes = TG_TRANSLATE_WHOLE;
    if (tg_cli_has(input, "binary"))
        options.takes = TG_TRANSLATE_BINARY;

    int code = TG_EXIT_FAILURE;
    struct tg_config *config = load_config(input, &code);
    if (!config)
        return code;
    options.names = &config->sse;
    const char *name = tg_cli_get(input, "stream", NULL);
    for (size_t i = 0; i < config->stream_count; i++) {
        if (name ? strcmp(config->streams[i].name, name) == 0 : config->stream_count == 1)
            options.stream = &config->streams[i];
    }
    code = options.stream ? (int)tg_translate_run(&options) : unknown_stream(input, config, name);
    tg_config_free(config);
    return code;
}

static int run_jq_filter(const struct tg_cli_input *input)
{
    (void)input;
    return tg_jq_filter_main();
}

static int run_version(const struct tg_cli_input *input)
{
    (void)input;
    puts("tidegate " TIDEGATE_VERSION);
    return TG_EXIT_OK;
}

static int run_help(const struct tg_cli_input *input)
{
    struct tg_buffer text = { 0 };
    const struct tg_cli_command *about = NULL;
    for (size_t i = 0; input->operand && commands[i].name; i++) {
        if (strcmp(commands[i].name, input->operand) == 0)
            about = &commands[i];
    }
    if (input->operand && !about)
        return unknown_command(input->operand);
    if (about)
        tg_cli_write_help(about, &text);
    else
        tg_cli_write_overview(commands, &text);
    return print_and_free(&text);
}

/* ---- the tables -------------------------------------------------------------------------------- */

static const struct tg_cli_option config_options[] = {
    TG_CLI_CONFIG_OPTION,
    { 0 },
};

static const struct tg_cli_option check_options[] = {
    TG_CLI_CONFIG_OPTION,
    { "strict", 's', NULL, "warnings are errors" },
    { 0 },
};

static const struct tg_cli_option demo_options[] = {
    { "port", 'p', "PORT", "of the page and the events (8080)" },
    { "address", 0, "ADDRESS", "where the page is served (127.0.0.1)" },
    { "legacy-port", 0, "PORT", "of the legacy backend (9000)" },
    { "legacy-address", 0, "ADDRESS", "where the legacy backend listens (127.0.0.1)" },
    { "admin-port", 0, "PORT", "of health and metrics (9090, if it is free)" },
    { "backend-only", 0, NULL, "start the legacy backend alone" },
    { 0 },
};

static const struct tg_cli_option translate_options[] = {
    { "config", 'c', "FILE", "the configuration, a JSON file" },
    { "stream", 's', "STREAM", "whose rules to use; not needed when there is only one" },
    { "whole", 'w', NULL, "the input is one message, not one on each line" },
    { "binary", 'b', NULL, "the input is one binary message" },
    { 0 },
};

static const struct tg_cli_option listen_options[] = {
    { "last-event-id", 'i', "ID", "begin after the event with this id" },
    { "header", 'H', "'NAME: VALUE'", "a header to send; may be given several times" },
    { "json", 'j', NULL, "write each event as one line of JSON" },
    { "insecure", 'k', NULL, "do not check the server's certificate" },
    { 0 },
};

static const struct tg_cli_option healthcheck_options[] = {
    { "config", 'c', "FILE", "ask the Tidegate of this configuration" },
    { 0 },
};

static const struct tg_cli_option reference_options[] = {
    { "json", 'j', NULL, "print a configuration that has every option, with its default or an example" },
    { 0 },
};

static const struct tg_cli_option no_options[] = { { 0 } };

static const struct tg_cli_command commands[] = {
    { "run", "Serve a configuration until SIGTERM or SIGINT", TG_CLI_CONFIG_OPERAND, false, config_options,
      TG_CLI_CONFIG_DEFAULT
      "\nThe first signal drains: clients are told to come back, and all are closed\n"
      "within \"drain\"; then the process ends with exit code 0. A second signal ends it\n"
      "at once, with exit code 1.\n",
      run_serve },
    { "check", "Check a configuration: list its errors and warnings", TG_CLI_CONFIG_OPERAND, false,
      check_options,
      TG_CLI_CONFIG_DEFAULT
      "\nEach error is a line on standard error: FILE:LINE:COLUMN: OPTION: what is wrong.\n"
      "Without errors, warnings follow in the same form: what is valid, but most likely\n"
      "a mistake, such as options without effect and streams that no route leads to.\n"
      "Each start logs them, too.\n"
      "Exit code 0: the configuration can be used. Exit code 2: it cannot, or it has\n"
      "warnings and --strict was given.\n",
      run_check },
    { "schema", "Print the JSON Schema of the configuration", NULL, false, no_options, NULL, run_schema },
    { "reference", "Print the reference of all options as Markdown", NULL, false, reference_options, NULL,
      run_reference },
    { "demo", "Try it: a legacy backend, Tidegate in front of it, and a page", NULL, false, demo_options,
      NULL, run_demo },
    { "listen", "Follow an event stream on the terminal", "URL", true, listen_options,
      "It reconnects by itself with the last event's id. It ends on 204, on an answer\n"
      "that is no event stream, and on SIGINT.\n",
      run_listen },
    { "translate", "Show which events a stream's rules make of messages", NULL, false, translate_options,
      "Messages come from standard input, one on each line, as the backend would send\n"
      "them; empty lines do not count. The events come out as clients get them, but\n"
      "with an \"id:\" only where a rule makes one. Standard error tells what became of\n"
      "messages that did not fit, and ends with a summary. It connects to nothing.\n"
      "Exit code 0: all messages fitted. Exit code 1: some did not.\n\n" TG_CLI_CONFIG_DEFAULT "\n"
      "  tidegate translate -s quotes < messages.ndjson\n"
      "  tail -f backend.log | tidegate translate -c tidegate.json -s quotes\n",
      run_translate },
    { "healthcheck", "Ask a running Tidegate whether it is alive", "URL", false, healthcheck_options,
      "It asks the admin port of the configuration, or a listener if there is no admin\n"
      "port. Without a URL or FILE, the configuration is ./tidegate.json, or if there\n"
      "is none, /etc/tidegate/tidegate.json; without either, it asks the default admin\n"
      "port, http://127.0.0.1:9090/healthz.\n"
      "Exit code 0: it is alive. Exit code 1: it is not.\n",
      run_healthcheck },
    { "jq-filter", NULL, NULL, false, no_options, NULL, run_jq_filter },
    { "version", "Print the version", NULL, false, no_options, NULL, run_version },
    { "help", "Show the commands, or how one is used", "COMMAND", false, no_options, NULL, run_help },
    { 0 },
};

static const struct tg_cli_command *find_command(const char *name)
{
    for (const struct tg_cli_command *command = commands; command->name; command++) {
        if (strcmp(command->name, name) == 0)
            return command;
    }
    return NULL;
}

static bool is_json_file(const char *word)
{
    size_t length = strlen(word);
    return length > 5 && strcmp(word + length - 5, ".json") == 0;
}

static int unknown_command(const char *word)
{
    const struct tg_cli_command *nearest = tg_cli_nearest_command(commands, word);
    fprintf(stderr, "tidegate: unknown command \"%s\"", word);
    if (nearest)
        fprintf(stderr, "; did you mean \"%s\"?", nearest->name);
    else if (is_json_file(word))
        fprintf(stderr, "; to serve this configuration: tidegate run %s", word);
    fputs("\nTry \"tidegate help\".\n", stderr);
    return TG_EXIT_CONFIG;
}

static int run_command(const struct tg_cli_command *command, int argc, char **argv)
{
    struct tg_cli_input input;
    struct tg_buffer text = { 0 };
    if (tg_cli_parse(command, argc, argv, &input, &text)) {
        int code = usage_error(command, text.data);
        tg_buffer_deinit(&text);
        return code;
    }
    if (!input.wants_help)
        return command->run(&input);
    tg_cli_write_help(command, &text);
    return print_and_free(&text);
}

int tg_cli_main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        word = "help";
    else if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0)
        word = "version";
    else if (argc < 2) {
        struct tg_buffer text = { 0 };
        tg_cli_write_overview(commands, &text);
        fwrite(text.data, 1, text.length, stderr);
        tg_buffer_deinit(&text);
        return TG_EXIT_CONFIG;
    } else if (word[0] == '-') {
        return run_command(find_command("run"), argc, argv);
    }
    const struct tg_cli_command *command = find_command(word);
    return command ? run_command(command, argc - 1, argv + 1) : unknown_command(word);
}
