/* A compiled jq filter: see jq_program.h. jv functions consume what they are given, but for jv_get_kind,
 * jv_string_value and jv_is_valid. */
#include "jq_program.h"

#include <jq.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct tg_jq_program {
    jq_state *jq;
    char *filter;
    struct tg_buffer errors; /* of compiling, one line each */
};

/* ---- what jq asks or tells --------------------------------------------------------------------- */

static void (*no_memory)(void); /* jq 1.6 forgets the argument for its own */

static void end_without_memory(void *arg)
{
    (void)arg;
    no_memory();
}

static void on_error(void *arg, jv message)
{
    struct tg_jq_program *program = arg;
    jv text = jq_format_error(message);
    tg_buffer_append_str(&program->errors, jv_string_value(text));
    tg_buffer_append_str(&program->errors, "\n");
    jv_free(text);
}

/* `input` and `inputs`: there is no other message. */
static jv on_input(jq_state *jq, void *arg)
{
    (void)jq;
    (void)arg;
    return jv_invalid();
}

static void on_debug(void *arg, jv message)
{
    (void)arg;
    jv_free(message);
}

/* ---- compiling --------------------------------------------------------------------------------- */

/* "jq: error: x/0 is not defined at <top-level>, line 1:\nx" becomes what is of use in one line. */
static void append_first_error(struct tg_buffer *out, const struct tg_buffer *errors)
{
    static const char *const heads[] = { "jq: ", "error: " };
    const char *text = tg_text_or_empty(errors->data);
    for (size_t i = 0; i < TG_COUNT_OF(heads); i++) {
        if (strncmp(text, heads[i], strlen(heads[i])) == 0)
            text += strlen(heads[i]);
    }
    size_t length = strcspn(text, "\n");
    while (length > 0 && (text[length - 1] == ':' || text[length - 1] == ' '))
        length--;
    if (length > 0)
        tg_buffer_append(out, text, length);
    else
        tg_buffer_append_str(out, "it does not compile");
}

/* jq wants to know where libraries are; asserts that it has been told an origin. There are none. */
static void set_no_libraries(jq_state *jq)
{
    jq_set_attr(jq, jv_string("JQ_LIBRARY_PATH"), jv_array());
    jq_set_attr(jq, jv_string("JQ_ORIGIN"), jv_string("/nowhere"));
    jq_set_attr(jq, jv_string("PROGRAM_ORIGIN"), jv_string("/nowhere"));
}

static enum tg_err compile(struct tg_jq_program *program)
{
    tg_buffer_clear(&program->errors);
    program->jq = jq_init();
    if (!program->jq)
        return TG_ERR_MEMORY;
    jq_set_nomem_handler(program->jq, end_without_memory, NULL);
    jq_set_error_cb(program->jq, on_error, program);
    jq_set_input_cb(program->jq, on_input, program);
    jq_set_debug_cb(program->jq, on_debug, program);
    set_no_libraries(program->jq);
    return jq_compile(program->jq, program->filter) ? TG_OK : TG_ERR_INVALID;
}

enum tg_err tg_jq_program_new(const char *filter, void (*on_no_memory)(void),
                              struct tg_jq_program **ret_program, struct tg_buffer *ret_error)
{
    struct tg_jq_program *program = tg_alloc(sizeof(*program));
    program->filter = tg_strdup(filter);
    no_memory = on_no_memory;
    enum tg_err err = compile(program);
    if (err == TG_ERR_INVALID)
        append_first_error(ret_error, &program->errors);
    if (err) {
        tg_jq_program_free(program);
        return err;
    }
    *ret_program = program;
    return TG_OK;
}

void tg_jq_program_free(struct tg_jq_program *program)
{
    if (!program)
        return;
    if (program->jq)
        jq_teardown(&program->jq);
    tg_buffer_deinit(&program->errors);
    free(program->filter);
    free(program);
}

/* ---- running ----------------------------------------------------------------------------------- */

/* What is too deep for jq to print has a note in its place, which is no JSON, and is not the same in all versions; but
 * each begins with "<". */
static bool is_cut(const char *text, size_t length)
{
    bool is_in_string = false;
    if (!memchr(text, '<', length))
        return false;
    for (size_t i = 0; i < length; i++) {
        if (is_in_string && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            is_in_string = !is_in_string;
        else if (!is_in_string && text[i] == '<')
            return true;
    }
    return false;
}

static enum tg_err append_output(struct tg_buffer *out, jv value, size_t max_bytes)
{
    jv text = jv_dump_string(value, 0);
    const char *bytes = jv_string_value(text);
    size_t length = (size_t)jv_string_length_bytes(jv_copy(text));
    enum tg_err err = TG_OK;
    if (length + 1 > max_bytes - out->length)
        err = TG_ERR_TOO_LARGE;
    else if (is_cut(bytes, length))
        err = TG_ERR_INVALID;
    if (!err)
        err = tg_buffer_append(out, bytes, length);
    if (!err)
        err = tg_buffer_append(out, "\n", 1);
    jv_free(text);
    return err;
}

/* `halt` is an end like any other, `halt_error` an error. A halted jq must not be started again: 1.6 would free what
 * it was halted with twice. */
static enum tg_err take_halt(struct tg_jq_program *program)
{
    jv code = jq_get_exit_code(program->jq);
    enum tg_err err = jv_is_valid(code) ? TG_ERR_INVALID : TG_OK;
    jv_free(code);
    jq_teardown(&program->jq);
    return compile(program) ? TG_ERR_MEMORY : err; /* it did compile before */
}

enum tg_err tg_jq_program_run(struct tg_jq_program *program, struct tg_str json, size_t max_bytes,
                              struct tg_buffer *out)
{
    if (json.length > INT_MAX)
        return TG_ERR_TOO_LARGE;
    jv input = jv_parse_sized(json.data, (int)json.length);
    if (!jv_is_valid(input)) {
        jv_free(input);
        return TG_ERR_INVALID;
    }
    jq_start(program->jq, input, 0);
    enum tg_err err = TG_OK;
    jv value;
    for (;;) {
        value = jq_next(program->jq);
        if (!jv_is_valid(value))
            break;
        err = append_output(out, value, max_bytes);
        if (err)
            return err;
    }
    if (jv_invalid_has_msg(value)) /* consumes it */
        err = TG_ERR_INVALID;
    if (jq_halted(program->jq))
        err = take_halt(program);
    return err;
}
