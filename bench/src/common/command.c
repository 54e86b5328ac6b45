#include "common/command.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char blanks[] = " \t\r";

static bool split_pair(struct bench_command *command, char *word)
{
    char *equals = strchr(word, '=');
    if (!equals || equals == word) {
        bench_answer_error("not key=value: %s", word);
        return false;
    }
    if (command->count == BENCH_COMMAND_PAIRS) {
        bench_answer_error("more than %d arguments", BENCH_COMMAND_PAIRS);
        return false;
    }
    *equals = '\0';
    int i = command->count++;
    command->pairs[i].key = word;
    command->pairs[i].value = equals + 1;
    command->pairs[i].is_used = false;
    return true;
}

/* Cuts command->text in place. */
static bool split(struct bench_command *command)
{
    char *rest = NULL;
    command->name = strtok_r(command->text, blanks, &rest);
    command->count = 0;
    if (!command->name) {
        bench_answer_error("no command");
        return false;
    }
    for (char *word = strtok_r(NULL, blanks, &rest); word; word = strtok_r(NULL, blanks, &rest)) {
        if (!split_pair(command, word))
            return false;
    }
    return true;
}

/* Takes the first line out of the buffer. False: there is none, or it was answered with an error. */
static bool take_line(struct bench_command_reader *reader, struct bench_command *ret_command,
                      bool *ret_has_line)
{
    char *end = memchr(reader->buffer, '\n', reader->length);
    *ret_has_line = end;
    if (!end)
        return false;
    size_t length = (size_t)(end - reader->buffer);
    memcpy(ret_command->text, reader->buffer, length);
    ret_command->text[length] = '\0';
    reader->length -= length + 1;
    memmove(reader->buffer, end + 1, reader->length);
    if (reader->is_too_long) { /* this was the end of it */
        reader->is_too_long = false;
        bench_answer_error("the line is too long");
        return false;
    }
    if (strlen(ret_command->text) != length) {
        bench_answer_error("a NUL in the line");
        return false;
    }
    return split(ret_command);
}

/* As bench_command_next(), of more bytes: 1 stands for some. */
static int fill(struct bench_command_reader *reader)
{
    if (reader->length == sizeof(reader->buffer)) {
        reader->is_too_long = true;
        reader->length = 0;
    }
    /* Asking first costs little, and a descriptor that blocks does no harm then. */
    struct pollfd readable = { .fd = reader->fd, .events = POLLIN };
    int ready;
    do
        ready = poll(&readable, 1, 0);
    while (ready < 0 && errno == EINTR);
    if (ready == 0)
        return 0;
    ssize_t count;
    do
        count = read(reader->fd, reader->buffer + reader->length, sizeof(reader->buffer) - reader->length);
    while (count < 0 && errno == EINTR);
    if (count < 0 && errno == EAGAIN)
        return 0;
    if (count <= 0)
        return -1;
    reader->length += (size_t)count;
    return 1;
}

int bench_command_next(struct bench_command_reader *reader, struct bench_command *ret_command)
{
    for (;;) {
        bool has_line;
        if (take_line(reader, ret_command, &has_line))
            return 1;
        if (has_line)
            continue;
        int filled = fill(reader);
        if (filled <= 0)
            return filled;
    }
}

const char *bench_command_text(struct bench_command *command, const char *key, const char *by_default)
{
    for (int i = 0; i < command->count; i++) {
        if (strcmp(command->pairs[i].key, key) == 0) {
            command->pairs[i].is_used = true;
            return command->pairs[i].value;
        }
    }
    return by_default;
}

double bench_command_number(struct bench_command *command, const char *key, double by_default, bool *is_bad)
{
    const char *text = bench_command_text(command, key, NULL);
    if (!text)
        return by_default;
    char *end = NULL;
    double number = strtod(text, &end);
    bool is_number = *text && !*end && !text[strspn(text, "0123456789.eE+-")] && isfinite(number);
    if (is_number)
        return number;
    if (!*is_bad) /* one answer for each command */
        bench_answer_error("%s is no number: %s", key, text);
    *is_bad = true;
    return by_default;
}

bool bench_command_has_unknown(const struct bench_command *command)
{
    for (int i = 0; i < command->count; i++) {
        if (command->pairs[i].is_used)
            continue;
        bench_answer_error("%s knows no %s, or not twice", command->name, command->pairs[i].key);
        return true;
    }
    return false;
}

void bench_answer(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stdout, format, arguments);
    va_end(arguments);
    fputc('\n', stdout);
    fflush(stdout);
}

static void print_escaped(const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
        if (*at == '"' || *at == '\\')
            printf("\\%c", *at);
        else if (*at < ' ' || *at >= 0x7f) /* bytes that may be no UTF-8 come out as something readable */
            printf("\\u%04x", *at);
        else
            putchar(*at);
    }
}

void bench_answer_error(const char *format, ...)
{
    char text[BENCH_COMMAND_LINE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    fputs("{\"error\":\"", stdout);
    print_escaped(text);
    bench_answer("\"}");
}
