/* The way back on several threads: nothing that was accepted is lost, told twice, or put in another order. Worth most
 * under the thread sanitizer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "tidegate/stream.h"

enum { SENDERS = 4, MESSAGES = 5000, UNTOLD_MAX = 20 };

struct post {
    struct tg_stream *stream;
    pthread_mutex_t lock; /* for the next four */
    pthread_cond_t cond;
    bool is_woken;
    struct sender {
        int untold; /* sent, and not told of yet */
        bool is_waiting, is_done;
    } senders[SENDERS];
    atomic_int started;
    atomic_int accepted;
    atomic_int told[SENDERS * MESSAGES]; /* how often */
    uint64_t last[SENDERS];              /* each sender's own messages stay in order */
    bool is_disordered;
};

static void on_post_wake(void *arg)
{
    struct post *post = arg;

    pthread_mutex_lock(&post->lock);
    post->is_woken = true;
    pthread_cond_broadcast(&post->cond);
    pthread_mutex_unlock(&post->lock);
}

static void count_untold(struct post *post, uint64_t id, int change)
{
    pthread_mutex_lock(&post->lock);
    post->senders[id / MESSAGES].untold += change;
    pthread_cond_broadcast(&post->cond);
    pthread_mutex_unlock(&post->lock);
}

static void on_post_sent(void *context, uint64_t id, enum tg_err result)
{
    struct post *post = context;

    (void)result;
    atomic_fetch_add(&post->told[id], 1);
    count_untold(post, id, -1);
}

/* Until all of its messages are told of, or it is done. */
static void rest(struct post *post, struct sender *sender, bool is_done)
{
    pthread_mutex_lock(&post->lock);
    sender->is_waiting = true;
    sender->is_done = is_done;
    pthread_cond_broadcast(&post->cond);
    while (!is_done && sender->untold > 0)
        pthread_cond_wait(&post->cond, &post->lock);
    sender->is_waiting = false;
    pthread_mutex_unlock(&post->lock);
}

static void *send_many(void *arg)
{
    struct post *post = arg;
    int index = atomic_fetch_add(&post->started, 1);

    for (int i = 0; i < MESSAGES; i++) {
        uint64_t id = (uint64_t)(index * MESSAGES + i);
        count_untold(post, id, 1);
        if (tg_stream_send(post->stream, TG_STR("hello"), false, on_post_sent, post, id) == TG_OK) {
            atomic_fetch_add(&post->accepted, 1);
        } else {
            atomic_fetch_sub(&post->told[id], 1); /* must stay so */
            count_untold(post, id, -1);
        }
        if (i % UNTOLD_MAX == UNTOLD_MAX - 1)
            rest(post, &post->senders[index], false);
    }
    rest(post, &post->senders[index], true);
    return NULL;
}

static int take_all(struct post *post)
{
    int count = 0;

    for (struct tg_outgoing *at = tg_stream_take_outgoing(post->stream), *next; at; at = next, count++) {
        uint64_t sender = at->id / MESSAGES, number = at->id % MESSAGES + 1;
        next = at->next;
        if (number <= post->last[sender])
            post->is_disordered = true;
        post->last[sender] = number;
        tg_outgoing_finish(at, TG_OK);
    }
    return count;
}

/* Whether each message was either refused and not told of, or accepted and told of once. */
static bool is_told_once(struct post *post)
{
    for (int i = 0; i < SENDERS * MESSAGES; i++)
        if (atomic_load(&post->told[i]) != 1 && atomic_load(&post->told[i]) != -1)
            return false;
    return true;
}

static bool are_senders_done(const struct post *post)
{
    for (int i = 0; i < SENDERS; i++)
        if (!post->senders[i].is_done)
            return false;
    return true;
}

/* Under the lock: no sender does anything before the writer does. */
static bool are_senders_stuck(const struct post *post)
{
    for (int i = 0; i < SENDERS; i++) {
        const struct sender *sender = &post->senders[i];
        if (!sender->is_done && !(sender->is_waiting && sender->untold > 0))
            return false;
    }
    return true;
}

/* Waits for a wake; false when none came and none will: all is done, or a wake was lost. */
static bool await_wake(struct post *post)
{
    bool is_woken;

    pthread_mutex_lock(&post->lock);
    while (!post->is_woken && !are_senders_stuck(post))
        pthread_cond_wait(&post->cond, &post->lock);
    is_woken = post->is_woken;
    post->is_woken = false;
    pthread_mutex_unlock(&post->lock);
    return is_woken;
}

static bool is_over(struct post *post)
{
    bool are_done;

    pthread_mutex_lock(&post->lock);
    are_done = are_senders_done(post);
    pthread_mutex_unlock(&post->lock);
    return are_done;
}

/* Returns how many messages the writer took. */
static int run_senders(struct post *post, bool goes_off)
{
    pthread_t threads[SENDERS];
    int taken = 0;

    post->stream = tg_stream_new(
        &(struct tg_stream_options){ .name = "s", .retain_events = 10, .retain_bytes = 1 << 20 });
    pthread_mutex_init(&post->lock, NULL);
    pthread_cond_init(&post->cond, NULL);
    tg_stream_on_outgoing(post->stream, on_post_wake, post);
    for (int i = 0; i < SENDERS; i++)
        pthread_create(&threads[i], NULL, send_many, post);
    while (!goes_off && await_wake(post))
        taken += take_all(post);
    int taken_by_wakes = taken;
    for (int turn = 0; !is_over(post); turn++) {
        taken += take_all(post);
        if (goes_off && turn % 3 == 0)
            tg_stream_on_outgoing(post->stream, turn % 2 ? on_post_wake : NULL, post);
    }
    for (int i = 0; i < SENDERS; i++)
        pthread_join(threads[i], NULL);
    tg_stream_on_outgoing(post->stream, NULL, NULL);
    tg_stream_unref(post->stream);
    pthread_cond_destroy(&post->cond);
    pthread_mutex_destroy(&post->lock);
    return goes_off ? taken : taken_by_wakes;
}

static void messages_of_many_threads_all_arrive(void **state)
{
    static struct post post;
    (void)state;

    assert_int_equal(run_senders(&post, false), SENDERS * MESSAGES);
    assert_int_equal(atomic_load(&post.accepted), SENDERS * MESSAGES);
    assert_true(is_told_once(&post));
    assert_false(post.is_disordered);
}

static void each_message_is_told_once_while_the_writer_comes_and_goes(void **state)
{
    static struct post post;
    (void)state;

    (void)run_senders(&post, true);
    assert_true(is_told_once(&post));
    assert_false(post.is_disordered);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_of_many_threads_all_arrive),
        cmocka_unit_test(each_message_is_told_once_while_the_writer_comes_and_goes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
