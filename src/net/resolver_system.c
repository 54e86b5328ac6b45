/* getaddrinfo(3), which may block for as long as it likes: on two threads of the process, started when first needed, that
 * nobody waits for. So names that hang keep other such names waiting, and nothing else. */
#include "resolver.h"

#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <utlist.h>

enum { THREADS = 2 };

/* Outlives the worker: a thread may come back late. */
struct tg_system_names {
    atomic_size_t references;
    pthread_mutex_t lock;
    struct tg_worker *worker; /* NULL: it has gone */
    struct tg_resolver *resolver;
    tg_answer_fn *on_answer;
    struct job *done; /* to be delivered on the worker's thread */
};

struct job {
    struct job *next, *prev;
    struct tg_system_names *names;
    uint64_t id;
    char *name;
    struct tg_host_addresses addresses;
    const char *error;
};

static pthread_mutex_t queue_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t queue_filled = PTHREAD_COND_INITIALIZER;
static struct job *queue;
static int thread_count;

static void release(struct tg_system_names *names)
{
    if (atomic_fetch_sub(&names->references, 1) != 1)
        return;
    pthread_mutex_destroy(&names->lock);
    free(names);
}

static void free_job(struct job *job)
{
    release(job->names);
    free(job->name);
    free(job);
}

/* ---- the worker's thread ------------------------------------------------------------------------ */

static void deliver(void *context, uint64_t id, uint64_t value)
{
    struct tg_system_names *names = context;

    (void)id, (void)value;
    for (;;) {
        pthread_mutex_lock(&names->lock);
        struct job *job = names->done;
        if (job)
            DL_DELETE(names->done, job);
        pthread_mutex_unlock(&names->lock);
        if (!job)
            return;
        names->on_answer(names->resolver, job->id, &job->addresses, job->error, false);
        free_job(job);
    }
}

/* ---- the threads -------------------------------------------------------------------------------- */

static void resolve(struct job *job)
{
    const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    struct addrinfo *list = NULL;
    int status = getaddrinfo(job->name, NULL, &hints, &list);

    for (const struct addrinfo *item = list; item && job->addresses.count < TG_HOST_ADDRESSES_MAX;
         item = item->ai_next)
        if (getnameinfo(item->ai_addr, item->ai_addrlen, job->addresses.text[job->addresses.count],
                        TG_HOST_ADDRESS_BYTES, NULL, 0, NI_NUMERICHOST) == 0)
            job->addresses.count++;
    if (list)
        freeaddrinfo(list);
    job->error = status == 0 ? NULL : gai_strerror(status);
}

static void hand_back(struct job *job)
{
    struct tg_system_names *names = job->names;

    pthread_mutex_lock(&names->lock);
    bool is_wanted = names->worker != NULL;
    if (is_wanted) {
        DL_APPEND(names->done, job);
        tg_worker_post(names->worker, deliver, names, 0, 0);
    }
    pthread_mutex_unlock(&names->lock);
    if (!is_wanted)
        free_job(job);
}

static void *work(void *arg)
{
    (void)arg;
    for (;;) {
        pthread_mutex_lock(&queue_lock);
        while (!queue)
            pthread_cond_wait(&queue_filled, &queue_lock);
        struct job *job = queue;
        DL_DELETE(queue, job);
        pthread_mutex_unlock(&queue_lock);
        resolve(job);
        hand_back(job);
    }
    return NULL;
}

/* With all signals blocked, as in workers, whose thread this is. Without a thread the name waits for the next try. */
static void start_threads(void)
{
    pthread_t thread;

    while (thread_count < THREADS && pthread_create(&thread, NULL, work, NULL) == 0) {
        pthread_detach(thread);
        thread_count++;
    }
}

void tg_system_names_ask(struct tg_system_names *names, uint64_t id, const char *name)
{
    struct job *job = tg_alloc(sizeof(*job));

    atomic_fetch_add(&names->references, 1);
    job->names = names;
    job->id = id;
    job->name = tg_strdup(name);
    pthread_mutex_lock(&queue_lock);
    start_threads();
    DL_APPEND(queue, job);
    pthread_cond_signal(&queue_filled);
    pthread_mutex_unlock(&queue_lock);
}

struct tg_system_names *tg_system_names_new(struct tg_worker *worker, struct tg_resolver *resolver,
                                            tg_answer_fn *on_answer)
{
    struct tg_system_names *names = tg_alloc(sizeof(*names));

    atomic_init(&names->references, 1);
    pthread_mutex_init(&names->lock, NULL);
    names->worker = worker;
    names->resolver = resolver;
    names->on_answer = on_answer;
    return names;
}

void tg_system_names_free(struct tg_system_names *names)
{
    pthread_mutex_lock(&names->lock);
    names->worker = NULL;
    struct job *done = names->done;
    names->done = NULL;
    pthread_mutex_unlock(&names->lock);
    while (done) {
        struct job *job = done;
        DL_DELETE(done, job);
        free_job(job);
    }
    release(names);
}
