/* The process of a jq filter and its socket: see jq_channel.h. What libuv still holds after the close is given back when
 * it says so. */
#include "jq_channel.h"

#include "jq_process.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

enum {
    BLOCK_BYTES = 64 * 1024,
    PARTS_MAX = 64,
    REAP_EVERY_MS = 20,
};

/* ---- processes that take their time to go -------------------------------------------------------- */

struct tg_jq_reaper {
    struct tg_timer *timer;
    pid_t *pids;
    size_t count;
};

static void on_reap_time(void *arg)
{
    struct tg_jq_reaper *reaper = arg;
    size_t left = 0;

    for (size_t i = 0; i < reaper->count; i++)
        if (!tg_jq_process_reap(reaper->pids[i], false))
            reaper->pids[left++] = reaper->pids[i];
    reaper->count = left;
    if (left > 0)
        tg_timer_start(reaper->timer, REAP_EVERY_MS);
}

static void reap_later(struct tg_jq_reaper *reaper, pid_t pid)
{
    reaper->pids = tg_realloc_array(reaper->pids, reaper->count + 1, sizeof(*reaper->pids));
    reaper->pids[reaper->count++] = pid;
    if (!tg_timer_is_running(reaper->timer))
        tg_timer_start(reaper->timer, REAP_EVERY_MS);
}

struct tg_jq_reaper *tg_jq_reaper_new(struct tg_worker *worker)
{
    struct tg_jq_reaper *reaper = tg_alloc(sizeof(*reaper));

    reaper->timer = tg_timer_new(worker, on_reap_time, reaper);
    return reaper;
}

void tg_jq_reaper_free(struct tg_jq_reaper *reaper)
{
    for (size_t i = 0; i < reaper->count; i++)
        tg_jq_process_reap(reaper->pids[i], true);
    tg_timer_free(reaper->timer);
    free(reaper->pids);
    free(reaper);
}

/* ---- receiving ----------------------------------------------------------------------------------- */

struct tg_jq_channel {
    uv_pipe_t pipe;
    struct tg_jq_reaper *reaper;
    pid_t pid;
    struct tg_jq_answers answers;
    struct tg_jq_channel_handler handler;
    void *arg;
    bool is_closed;
    char *block;
};

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_block)
{
    struct tg_jq_channel *channel = handle->data;

    (void)suggested;
    if (!channel->block)
        channel->block = malloc(BLOCK_BYTES);
    *ret_block = uv_buf_init(channel->block, channel->block ? BLOCK_BYTES : 0);
}

static void tell_lost(struct tg_jq_channel *channel)
{
    if (!channel->is_closed)
        channel->handler.on_lost(channel->arg);
}

static void take_block(struct tg_jq_channel *channel, struct tg_str block)
{
    struct tg_jq_answer answer;
    enum tg_err err = TG_OK;

    while (!channel->is_closed && (err = tg_jq_answers_read(&channel->answers, &block, &answer)) == TG_OK)
        channel->handler.on_answer(channel->arg, &answer);
    if (!channel->is_closed)
        channel->handler.on_read(channel->arg);
    if (err != TG_ERR_AGAIN)
        tell_lost(channel);
}

static void free_channel(struct tg_jq_channel *channel)
{
    tg_jq_answers_deinit(&channel->answers);
    free(channel->block);
    free(channel);
}

static void on_bytes(uv_stream_t *stream, ssize_t count, const uv_buf_t *block)
{
    struct tg_jq_channel *channel = stream->data;

    if (count > 0)
        take_block(channel, (struct tg_str){ block->base, (size_t)count });
    else if (count < 0)
        tell_lost(channel);
}

/* ---- sending ------------------------------------------------------------------------------------- */

static void on_sent(uv_write_t *request, int status)
{
    struct tg_jq_channel *channel = request->handle->data;

    free(request);
    if (status < 0 && status != UV_ECANCELED)
        tell_lost(channel);
}

static void send_some(struct tg_jq_channel *channel, const struct tg_str *parts, size_t count)
{
    uv_buf_t buffers[PARTS_MAX];
    uv_write_t *request = tg_alloc(sizeof(*request));

    for (size_t i = 0; i < count; i++)
        buffers[i] = uv_buf_init((char *)(uintptr_t)parts[i].data, (unsigned)parts[i].length);
    /* When it cannot even begin, reading tells. */
    if (uv_write(request, (uv_stream_t *)&channel->pipe, buffers, (unsigned)count, on_sent) < 0)
        free(request);
}

void tg_jq_channel_send(struct tg_jq_channel *channel, const struct tg_str *parts, size_t count)
{
    for (size_t at = 0; at < count; at += PARTS_MAX)
        send_some(channel, parts + at, count - at < PARTS_MAX ? count - at : PARTS_MAX);
}

/* ---- life ---------------------------------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
    free_channel(handle->data);
}

void tg_jq_channel_close(struct tg_jq_channel *channel)
{
    struct tg_jq_process process = { .pid = channel->pid, .socket = -1 };

    channel->is_closed = true;
    if (!tg_jq_process_end(&process))
        reap_later(channel->reaper, channel->pid);
    uv_close((uv_handle_t *)&channel->pipe, on_closed);
}

struct tg_jq_channel *tg_jq_channel_new(struct tg_worker *worker, struct tg_jq_reaper *reaper,
                                        const char *program, size_t max_answer_bytes,
                                        const struct tg_jq_channel_handler *handler, void *arg)
{
    struct tg_jq_process process;

    if (tg_jq_process_start(program, &process) < 0)
        return NULL;
    struct tg_jq_channel *channel = tg_alloc(sizeof(*channel));
    channel->reaper = reaper;
    channel->pid = process.pid;
    channel->answers.max_bytes = max_answer_bytes;
    channel->handler = *handler;
    channel->arg = arg;
    channel->pipe.data = channel;
    uv_pipe_init(tg_worker_loop(worker), &channel->pipe, 0);
    int status = uv_pipe_open(&channel->pipe, process.socket);
    if (status == 0)
        status = uv_read_start((uv_stream_t *)&channel->pipe, on_alloc, on_bytes);
    else
        close(process.socket);
    if (status < 0) {
        tg_jq_channel_close(channel);
        errno = -status;
        return NULL;
    }
    return channel;
}
