/* `tidegate translate`: the rules of a stream, tried on messages from standard input.
 *
 *     stdin ─► one message for each line, or one in all ─► translator ─► events on stdout, misfits on stderr
 *                                                      └─► until: the end
 *
 * Of a stream with `route`, each event has its key in a comment before it.
 *
 * What a message makes is written before the next one is waited for, so that a live input can be followed. With a jq
 * filter all messages that have been read are put to it together. */
#include "commands.h"
#include "signals.h"
#include "tidegate/translate.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READ_BYTES = 64 * 1024, NAMES_MAX = 20 };

struct trial {
    const struct tg_translate_options *options;
    struct tg_translator *translator;
    struct tg_until *until;         /* NULL: the stream has no end of its own */
    struct tg_worker_pool *workers; /* with the next two: NULL: no jq filter has to be waited for */
    struct tg_jq_pool *filters;
    struct tg_line *line_of_filter;
    struct tg_buffer input, output;
    uint64_t line;  /* of the message just read, from 1 */
    uint64_t place; /* and of the one just written */
    uint64_t messages, events, filtered, repeated, misfits;
    bool is_oversize; /* the rest of this line is passed over */
    bool has_last;    /* the message that `until` waits for has been read */
    bool has_ended;   /* and written */
    bool is_over;     /* nobody reads us any more, or it failed */
    bool has_failed;
};

/* ---- writing ----------------------------------------------------------------------------------- */

static void append_field(struct tg_buffer *out, const char *name, struct tg_str value)
{
    tg_buffer_appendf(out, "%s: ", name);
    tg_buffer_append(out, value.data, value.length);
    tg_buffer_append(out, "\n", 1);
}

/* As it goes to clients: a line ends with CR, LF or CRLF, and the id comes last. */
static void append_event(struct tg_buffer *out, const struct tg_event *event)
{
    if (event->type.length > 0)
        append_field(out, "event", event->type);
    struct tg_str data = event->data;
    for (size_t start = 0; start <= data.length;) {
        size_t end = start;
        while (end < data.length && data.data[end] != '\r' && data.data[end] != '\n')
            end++;
        append_field(out, "data", (struct tg_str){ end > start ? data.data + start : "", end - start });
        bool is_crlf = end + 1 < data.length && data.data[end] == '\r' && data.data[end + 1] == '\n';
        start = end + (is_crlf ? 2 : 1);
    }
    if (event->id.length > 0)
        append_field(out, "id", event->id);
    tg_buffer_append(out, "\n", 1);
}

static void write_output(struct trial *trial)
{
    const struct tg_buffer *output = &trial->output;
    for (size_t at = 0; at < output->length && !trial->is_over;) {
        ssize_t written = write(STDOUT_FILENO, output->data + at, output->length - at);
        if (written < 0 && errno != EINTR) {
            trial->is_over = true; /* with EPIPE, who reads us has seen enough */
            trial->has_failed = errno != EPIPE;
            if (trial->has_failed)
                fprintf(stderr, "tidegate translate: cannot write: %s\n", strerror(errno));
        }
        at += written > 0 ? (size_t)written : 0;
    }
    tg_buffer_clear(&trial->output);
}

static bool on_event(void *arg, const struct tg_event *event)
{
    struct trial *trial = arg;
    struct tg_str key = tg_translator_key(trial->translator);
    if (key.length > 0)
        append_field(&trial->output, ": key", key);
    append_event(&trial->output, event);
    return true;
}

/* ---- one message ------------------------------------------------------------------------------- */

static void write_place(const struct trial *trial)
{
    if (trial->options->takes == TG_TRANSLATE_LINES)
        fprintf(stderr, "line %" PRIu64 ": ", trial->place);
}

/* Whatever the rules say, nothing can be made of some: text that is not UTF-8, what has no key. */
static const char *action_text(const struct trial *trial, const struct tg_translation *translation)
{
    enum tg_config_misfit_action action = trial->options->stream->translate.on_misfit;
    if (translation->events == 0 || action == TG_MISFIT_DROP)
        return "dropped";
    if (action == TG_MISFIT_RAW)
        return translation->first_misfit == TG_MISFIT_UTF8 ? "dropped" : "raw";
    return "error event";
}

static void write_cause(const struct tg_misfit_cause *cause)
{
    if (!cause->finds)
        return;
    bool is_all = cause->rule.length == 0; /* the whole message */
    fprintf(stderr, ": %.*s finds %s", is_all ? 2 : (int)cause->rule.length,
            is_all ? "\"\"" : cause->rule.data, cause->finds);
}

static void report(struct trial *trial, const struct tg_translation *translation)
{
    uint64_t misfits = 0;
    for (int i = 0; i < TG_MISFIT_COUNT; i++)
        misfits += translation->misfits[i];
    trial->messages++;
    trial->events += translation->events;
    trial->filtered += translation->filtered;
    trial->repeated += translation->repeated;
    trial->misfits += misfits;
    if (misfits == 0)
        return;
    write_place(trial);
    fprintf(stderr, "%s: %s", action_text(trial, translation), tg_misfit_text(translation->first_misfit));
    write_cause(&translation->first_cause);
    if (misfits > 1) /* of its parts */
        fprintf(stderr, ", and %" PRIu64 " more", misfits - 1);
    fputc('\n', stderr);
}

static void report_oversize(struct trial *trial)
{
    trial->messages++;
    trial->misfits++;
    write_place(trial);
    fprintf(stderr, "dropped: longer than max_message, %" PRId64 " bytes\n",
            trial->options->stream->upstream.max_message_bytes);
}

/* What clients get then. */
static void end(struct trial *trial)
{
    const struct tg_event farewell = { .type = tg_str_from(trial->options->names->end_event),
                                       .data = TG_STR("{\"reason\":\"until\"}") };
    trial->has_ended = true;
    append_event(&trial->output, &farewell);
    write_output(trial);
    if (trial->is_over)
        return;
    write_place(trial);
    fputs("the last message: until\n", stderr);
}

/* ---- messages that a jq filter has to be waited for ----------------------------------------------- */

enum { OUTPUT_BYTES = 64 * 1024 };

/* Before each message, and where there was none. */
struct mark {
    uint64_t line;
    enum { MARK_MESSAGE, MARK_OVERSIZE, MARK_END } kind;
};

static void put_mark(struct trial *trial, int kind)
{
    struct mark *mark = tg_alloc(sizeof(*mark));
    mark->line = trial->line;
    mark->kind = kind;
    tg_line_put_mark(trial->line_of_filter, mark);
}

static void on_mark(void *arg, void *data)
{
    struct trial *trial = arg;
    const struct mark *mark = data;
    trial->place = mark->line;
    if (trial->is_over || mark->kind == MARK_MESSAGE)
        return;
    write_output(trial);
    if (mark->kind == MARK_END)
        end(trial);
    else if (!trial->is_over)
        report_oversize(trial);
}

/* Misfits are told where they are. */
static void on_translated(void *arg, const struct tg_message *message,
                          const struct tg_translation *translation)
{
    struct trial *trial = arg;
    (void)message;
    if (translation->first_misfit != TG_MISFIT_NONE || trial->output.length > OUTPUT_BYTES)
        write_output(trial);
    if (!trial->is_over)
        report(trial, translation);
}

static void settle(struct trial *trial)
{
    if (!trial->line_of_filter)
        return;
    tg_line_finish(trial->line_of_filter);
    write_output(trial);
}

static enum tg_err open_line(struct trial *trial, struct tg_buffer *ret_error)
{
    static const struct tg_line_handler handler = {
        .emit = on_event,
        .on_translated = on_translated,
        .on_mark = on_mark,
    };
    enum tg_err err = tg_worker_pool_new(1, &trial->workers);
    if (err) {
        tg_buffer_append_str(ret_error, "no event loop can be made");
        return err;
    }
    trial->filters = tg_jq_pool_new(tg_worker_pool_get(trial->workers, 0));
    trial->line_of_filter = tg_line_new(trial->translator, NULL, trial->filters, &handler, trial);
    return trial->line_of_filter ? TG_OK : TG_ERR_MEMORY;
}

static void close_line(struct trial *trial)
{
    tg_line_free(trial->line_of_filter);
    tg_jq_pool_free(trial->filters);
    tg_worker_pool_free(trial->workers);
}

/* ---- any message ------------------------------------------------------------------------------- */

static void translate(struct trial *trial, const struct tg_message *message)
{
    struct tg_translation translation = { 0 };
    tg_translator_run(trial->translator, message, on_event, trial, &translation);
    write_output(trial);
    trial->place = trial->line;
    if (!trial->is_over)
        report(trial, &translation);
    if (message->is_last && !trial->is_over)
        end(trial);
}

static void put(struct trial *trial, const struct tg_message *message)
{
    put_mark(trial, MARK_MESSAGE);
    tg_line_put(trial->line_of_filter, message);
    if (message->is_last)
        put_mark(trial, MARK_END);
    if (tg_line_is_full(trial->line_of_filter))
        settle(trial);
}

static void drop_message(struct trial *trial)
{
    if (trial->line_of_filter) {
        put_mark(trial, MARK_OVERSIZE);
        return;
    }
    trial->place = trial->line;
    report_oversize(trial);
}

static void take_message(struct trial *trial, struct tg_str bytes)
{
    struct tg_message message = { .bytes = bytes.data,
                                  .length = bytes.length,
                                  .is_binary = trial->options->takes == TG_TRANSLATE_BINARY };
    if (bytes.length > (size_t)trial->options->stream->upstream.max_message_bytes) {
        drop_message(trial);
        return;
    }
    message.is_last = trial->until && tg_until_matches(trial->until, &message);
    trial->has_last = message.is_last;
    if (trial->line_of_filter)
        put(trial, &message);
    else
        translate(trial, &message);
}

/* ---- reading ----------------------------------------------------------------------------------- */

static volatile sig_atomic_t is_interrupted;

static void on_interrupt(int number)
{
    (void)number;
    is_interrupted = 1;
}

static bool is_done(const struct trial *trial)
{
    return trial->is_over || trial->has_last;
}

/* False: the input has ended, or cannot be read. */
static bool read_more(struct trial *trial)
{
    if (is_done(trial) || is_interrupted)
        return false;
    enum tg_err err = tg_buffer_reserve(&trial->input, READ_BYTES);
    ssize_t count = err ? -1 : read(STDIN_FILENO, trial->input.data + trial->input.length, READ_BYTES);
    if (count < 0 && !err && errno == EINTR)
        return true;
    if (count < 0) {
        fprintf(stderr, "tidegate translate: cannot read: %s\n", err ? tg_err_text(err) : strerror(errno));
        trial->is_over = true;
        trial->has_failed = true;
        return false;
    }
    trial->input.length += (size_t)count;
    return count > 0;
}

static void take_line(struct trial *trial, struct tg_str line)
{
    bool is_rest = trial->is_oversize;
    trial->line += is_rest ? 0 : 1;
    trial->is_oversize = false;
    if (line.length > 0 && line.data[line.length - 1] == '\r')
        line.length--;
    if (!is_rest && line.length > 0)
        take_message(trial, line);
}

/* What has been read of a line that is too long already is let go. */
static void drop_oversize(struct trial *trial)
{
    if (trial->input.length <= (size_t)trial->options->stream->upstream.max_message_bytes + 1)
        return;
    if (!trial->is_oversize) {
        trial->line++;
        drop_message(trial);
    }
    trial->is_oversize = true;
    tg_buffer_clear(&trial->input);
}

static void take_lines(struct trial *trial)
{
    size_t searched = 0; /* no line ends before it */
    while (read_more(trial)) {
        size_t start = 0;
        const char *end;
        while (!is_done(trial) &&
               (end = memchr(trial->input.data + searched, '\n', trial->input.length - searched))) {
            size_t length = (size_t)(end - trial->input.data) - start;
            take_line(trial, (struct tg_str){ trial->input.data + start, length });
            start += length + 1;
            searched = start;
        }
        tg_buffer_consume(&trial->input, start);
        drop_oversize(trial);
        searched = trial->input.length;
        settle(trial);
    }
    if (!is_done(trial) && !is_interrupted && trial->input.length > 0)
        take_line(trial, (struct tg_str){ trial->input.data, trial->input.length });
    settle(trial);
}

static void take_whole(struct trial *trial)
{
    size_t max_bytes = (size_t)trial->options->stream->upstream.max_message_bytes;
    while (trial->input.length <= max_bytes && read_more(trial))
        ;
    if (!trial->is_over)
        take_message(trial, (struct tg_str){ tg_text_or_empty(trial->input.data), trial->input.length });
    settle(trial);
}

/* ---- the command ------------------------------------------------------------------------------- */

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

static void write_summary(const struct trial *trial)
{
    fprintf(stderr,
            "%" PRIu64 " message%s: %" PRIu64 " event%s, %" PRIu64 " filtered, %" PRIu64 " repeated, %" PRIu64
            " misfit%s\n",
            trial->messages, plural(trial->messages), trial->events, plural(trial->events), trial->filtered,
            trial->repeated, trial->misfits, plural(trial->misfits));
}

static enum tg_err compile(struct trial *trial, struct tg_buffer *ret_error)
{
    const struct tg_config_stream *stream = trial->options->stream;
    enum tg_err err = tg_translator_new(&stream->translate, &trial->translator, ret_error);
    if (!err)
        tg_translator_reserve(trial->translator, trial->options->names);
    if (!err && stream->route.by)
        err = tg_translator_route(trial->translator, &stream->route, stream->parameters,
                                  stream->parameter_count, ret_error);
    if (!err && stream->until)
        err = tg_until_new(stream->until, &trial->until, ret_error);
    if (!err && tg_translator_has_filter(trial->translator))
        err = open_line(trial, ret_error);
    return err;
}

enum tg_exit tg_translate_run(const struct tg_translate_options *options)
{
    struct trial trial = { .options = options };
    struct tg_buffer error = { 0 };
    tg_jq_set_patient(true);
    tg_signals_ignore();
    sigaction(SIGINT, &(struct sigaction){ .sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND }, NULL);

    enum tg_err err = compile(&trial, &error);
    if (err) {
        fprintf(stderr, "tidegate translate: stream \"%s\": %s\n", options->stream->name,
                error.length > 0 ? error.data : tg_err_text(err));
        tg_buffer_deinit(&error);
        close_line(&trial);
        tg_translator_free(trial.translator);
        return err == TG_ERR_INVALID ? TG_EXIT_CONFIG : TG_EXIT_FAILURE;
    }
    if (options->takes == TG_TRANSLATE_LINES)
        take_lines(&trial);
    else
        take_whole(&trial);
    if (!trial.is_over)
        write_summary(&trial);
    close_line(&trial);
    tg_translator_free(trial.translator);
    tg_until_free(trial.until);
    tg_buffer_deinit(&trial.input);
    tg_buffer_deinit(&trial.output);
    tg_buffer_deinit(&error);
    return trial.has_failed || trial.misfits > 0 ? TG_EXIT_FAILURE : TG_EXIT_OK;
}

/* ---- names ------------------------------------------------------------------------------------- */

struct named {
    const char *name;
    size_t distance, index;
};

static int compare_named(const void *a, const void *b)
{
    const struct named *left = a, *right = b;
    if (left->distance != right->distance)
        return left->distance < right->distance ? -1 : 1;
    return left->index < right->index ? -1 : 1;
}

void tg_translate_list_streams(const struct tg_config *config, const char *word, struct tg_buffer *out)
{
    struct named *all = tg_alloc((config->stream_count + 1) * sizeof(*all));
    for (size_t i = 0; i < config->stream_count; i++) {
        const char *name = config->streams[i].name;
        all[i] = (struct named){ name, word ? tg_edit_distance(word, name) : 0, i };
    }
    qsort(all, config->stream_count, sizeof(*all), compare_named);
    size_t shown = config->stream_count < NAMES_MAX ? config->stream_count : NAMES_MAX;
    for (size_t i = 0; i < shown; i++)
        tg_buffer_appendf(out, "%s\"%s\"", i > 0 ? ", " : "", all[i].name);
    if (shown < config->stream_count)
        tg_buffer_appendf(out, " and %zu more", config->stream_count - shown);
    free(all);
}
