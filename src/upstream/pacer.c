/* Slots, lines and turns.
 *
 *     slot_us ── the next slot, in the past when slots have been kept:
 *
 *     now - (burst - 1) intervals          now
 *     ├────┬────┬────┬────┬────┬────┬────┬─┤
 *          ▲ slot_us: seven more may begin at once
 *
 * Places where somebody waits are in a heap, by when the next slot opens; those without any ticket are in a list, the
 * one that was used longest ago first. */
#include "pacer.h"

#include <stdio.h>
#include <stdlib.h>
#include <uthash.h>
#include <utlist.h>

enum {
    US_PER_SECOND = 1000 * 1000,
    LATE_US = 5000,       /* timers come this late, and it costs no slot */
    PLACES_MAX = 16384,   /* without tickets; those with tickets are as many as there are attempts */
    FORGOTTEN_AT_ONCE = 2 /* for each new place, so that the list gets shorter */
};

#define RATE_MAX UINT64_C(1000000)

struct ticket {
    uint64_t id;
    struct place *place;
    struct line *line; /* NULL: granted */
    size_t worker;
    struct ticket *prev, *next;
    UT_hash_handle hh;
};

struct line { /* of a stream, at one place; never empty */
    uint64_t stream;
    struct ticket *tickets;
    struct line *prev, *next; /* in the order of their turns */
    UT_hash_handle hh;
};

struct place {
    char *name;
    uint64_t slot_us;
    uint64_t opens_us; /* while somebody waits: slot_us and the jitter */
    struct line *lines, *lines_by_stream;
    size_t heap_index;         /* while somebody waits */
    size_t ticket_count;       /* those granted, too */
    struct place *prev, *next; /* of those without tickets */
    UT_hash_handle hh;
};

struct tg_pacer {
    uint64_t interval_us, burst;
    uint64_t (*random_below)(uint64_t bound);
    uint64_t last_id;
    struct ticket *tickets;
    struct place *places;
    struct place *idle;
    size_t idle_count;
    struct place **heap;
    size_t heap_count, heap_room;
};

struct tg_pacer *tg_pacer_new(const struct tg_pace *pace, uint64_t (*random_below)(uint64_t bound))
{
    struct tg_pacer *pacer = tg_alloc(sizeof(*pacer));
    uint64_t per_second = pace->per_second < RATE_MAX ? pace->per_second : RATE_MAX;

    pacer->interval_us = US_PER_SECOND / (per_second > 0 ? per_second : 1);
    pacer->burst = pace->burst == 0 ? 1 : pace->burst < RATE_MAX ? pace->burst : RATE_MAX;
    pacer->random_below = random_below;
    return pacer;
}

/* ---- the heap ---------------------------------------------------------------------------------- */

static void put(struct tg_pacer *pacer, size_t index, struct place *place)
{
    pacer->heap[index] = place;
    place->heap_index = index;
}

static void sift_up(struct tg_pacer *pacer, struct place *place)
{
    size_t index = place->heap_index;

    for (; index > 0; index = (index - 1) / 2) {
        struct place *parent = pacer->heap[(index - 1) / 2];
        if (parent->opens_us <= place->opens_us)
            break;
        put(pacer, index, parent);
    }
    put(pacer, index, place);
}

static void sift_down(struct tg_pacer *pacer, struct place *place)
{
    size_t index = place->heap_index;

    for (size_t child; (child = 2 * index + 1) < pacer->heap_count; index = child) {
        if (child + 1 < pacer->heap_count && pacer->heap[child + 1]->opens_us < pacer->heap[child]->opens_us)
            child++;
        if (place->opens_us <= pacer->heap[child]->opens_us)
            break;
        put(pacer, index, pacer->heap[child]);
    }
    put(pacer, index, place);
}

static void heap_add(struct tg_pacer *pacer, struct place *place)
{
    if (pacer->heap_count == pacer->heap_room) {
        pacer->heap_room = pacer->heap_room ? 2 * pacer->heap_room : 16;
        pacer->heap = tg_realloc_array(pacer->heap, pacer->heap_room, sizeof(struct place *));
    }
    put(pacer, pacer->heap_count++, place);
    sift_up(pacer, place);
}

static void heap_remove(struct tg_pacer *pacer, const struct place *place)
{
    struct place *last = pacer->heap[--pacer->heap_count];

    if (last == place)
        return;
    put(pacer, place->heap_index, last);
    sift_up(pacer, last);
    sift_down(pacer, last);
}

/* ---- places ------------------------------------------------------------------------------------ */

static void free_place(struct tg_pacer *pacer, struct place *place)
{
    HASH_DEL(pacer->places, place);
    free(place->name);
    free(place);
}

static uint64_t kept_us(const struct tg_pacer *pacer)
{
    return (pacer->burst - 1) * pacer->interval_us;
}

/* It would be the same as a new one. */
static bool has_all_slots(const struct tg_pacer *pacer, const struct place *place, uint64_t now_us)
{
    return place->slot_us + kept_us(pacer) <= now_us;
}

static void forget_places(struct tg_pacer *pacer, uint64_t now_us)
{
    for (int i = 0; i < FORGOTTEN_AT_ONCE && pacer->idle; i++) {
        struct place *oldest = pacer->idle;
        if (!has_all_slots(pacer, oldest, now_us) && pacer->idle_count < PLACES_MAX)
            return;
        DL_DELETE(pacer->idle, oldest);
        pacer->idle_count--;
        free_place(pacer, oldest);
    }
}

static struct place *find_place(struct tg_pacer *pacer, const struct tg_pacer_attempt *attempt,
                                uint64_t now_us)
{
    char name[300];
    struct place *place;

    snprintf(name, sizeof(name), "%s:%u", attempt->host, attempt->port);
    HASH_FIND_STR(pacer->places, name, place);
    if (place)
        return place;
    forget_places(pacer, now_us);
    place = tg_alloc(sizeof(*place));
    place->name = tg_strdup(name);
    HASH_ADD_KEYPTR(hh, pacer->places, place->name, strlen(place->name), place);
    DL_APPEND(pacer->idle, place);
    pacer->idle_count++;
    return place;
}

static void count_tickets(struct tg_pacer *pacer, struct place *place, int change)
{
    if (place->ticket_count == 0) {
        DL_DELETE(pacer->idle, place);
        pacer->idle_count--;
    }
    place->ticket_count += (size_t)change;
    if (place->ticket_count == 0) {
        DL_APPEND(pacer->idle, place);
        pacer->idle_count++;
    }
}

/* Slots longer ago than `kept_us` are lost. */
static void use_slot(const struct tg_pacer *pacer, struct place *place, uint64_t now_us, uint64_t kept_us)
{
    uint64_t oldest_us = now_us > kept_us ? now_us - kept_us : 0;

    if (place->slot_us < oldest_us)
        place->slot_us = oldest_us;
    place->slot_us += pacer->interval_us;
}

static void set_opening(const struct tg_pacer *pacer, struct place *place)
{
    place->opens_us = place->slot_us + pacer->random_below(pacer->interval_us);
}

/* ---- lines ------------------------------------------------------------------------------------- */

static void stand_in_line(struct tg_pacer *pacer, struct ticket *ticket, uint64_t stream)
{
    struct place *place = ticket->place;
    struct line *line;

    HASH_FIND(hh, place->lines_by_stream, &stream, sizeof(stream), line);
    if (!line) {
        line = tg_alloc(sizeof(*line));
        line->stream = stream;
        HASH_ADD(hh, place->lines_by_stream, stream, sizeof(line->stream), line);
        bool is_first = !place->lines;
        DL_APPEND(place->lines, line);
        if (is_first) {
            set_opening(pacer, place);
            heap_add(pacer, place);
        }
    }
    DL_APPEND(line->tickets, ticket);
    ticket->line = line;
}

static void leave_line(struct tg_pacer *pacer, struct ticket *ticket)
{
    struct place *place = ticket->place;
    struct line *line = ticket->line;

    DL_DELETE(line->tickets, ticket);
    ticket->line = NULL;
    if (line->tickets)
        return;
    DL_DELETE(place->lines, line);
    HASH_DEL(place->lines_by_stream, line);
    free(line);
    if (!place->lines)
        heap_remove(pacer, place);
}

/* The stream that has had its turn is the last to have another. */
static struct ticket *take_next(struct tg_pacer *pacer, struct place *place)
{
    struct line *line = place->lines;
    struct ticket *ticket = line->tickets;

    DL_DELETE(place->lines, line);
    DL_APPEND(place->lines, line);
    leave_line(pacer, ticket);
    return ticket;
}

static void free_ticket(struct tg_pacer *pacer, struct ticket *ticket)
{
    HASH_DEL(pacer->tickets, ticket);
    count_tickets(pacer, ticket->place, -1);
    free(ticket);
}

static struct ticket *find_ticket(const struct tg_pacer *pacer, uint64_t id)
{
    struct ticket *ticket;

    HASH_FIND(hh, pacer->tickets, &id, sizeof(id), ticket);
    return ticket;
}

/* ---- what others call -------------------------------------------------------------------------- */

uint64_t tg_pacer_ask(struct tg_pacer *pacer, const struct tg_pacer_attempt *attempt, uint64_t now_ms)
{
    uint64_t now_us = now_ms * 1000;
    struct place *place = find_place(pacer, attempt, now_us);

    if (!place->lines && place->slot_us <= now_us) {
        use_slot(pacer, place, now_us, kept_us(pacer));
        if (place->ticket_count == 0) { /* the last one used */
            DL_DELETE(pacer->idle, place);
            DL_APPEND(pacer->idle, place);
        }
        return 0;
    }
    struct ticket *ticket = tg_alloc(sizeof(*ticket));
    ticket->id = ++pacer->last_id;
    ticket->place = place;
    ticket->worker = attempt->worker;
    HASH_ADD(hh, pacer->tickets, id, sizeof(ticket->id), ticket);
    count_tickets(pacer, place, 1);
    stand_in_line(pacer, ticket, attempt->stream);
    return ticket->id;
}

size_t tg_pacer_take_due(struct tg_pacer *pacer, uint64_t now_ms, struct tg_pacer_grant *ret_grants,
                         size_t max)
{
    uint64_t now_us = now_ms * 1000;
    size_t count = 0;

    while (count < max && pacer->heap_count > 0 && pacer->heap[0]->opens_us <= now_us) {
        struct place *place = pacer->heap[0];
        const struct ticket *ticket = take_next(pacer, place);
        ret_grants[count++] = (struct tg_pacer_grant){ .ticket = ticket->id, .worker = ticket->worker };
        use_slot(pacer, place, now_us, 2 * pacer->interval_us + LATE_US);
        if (place->lines) {
            set_opening(pacer, place);
            sift_down(pacer, place);
        }
    }
    return count;
}

uint64_t tg_pacer_next_ms(const struct tg_pacer *pacer)
{
    return pacer->heap_count == 0 ? UINT64_MAX : (pacer->heap[0]->opens_us + 999) / 1000;
}

void tg_pacer_collect(struct tg_pacer *pacer, uint64_t ticket)
{
    struct ticket *found = find_ticket(pacer, ticket);

    if (found && !found->line)
        free_ticket(pacer, found);
}

void tg_pacer_give_up(struct tg_pacer *pacer, uint64_t ticket)
{
    struct ticket *found = find_ticket(pacer, ticket);

    if (!found)
        return;
    if (found->line)
        leave_line(pacer, found);
    else
        found->place->slot_us -= pacer->interval_us;
    free_ticket(pacer, found);
}

size_t tg_pacer_count_places(const struct tg_pacer *pacer)
{
    return HASH_COUNT(pacer->places);
}

void tg_pacer_free(struct tg_pacer *pacer)
{
    struct ticket *ticket, *next_ticket;
    struct place *place, *next_place;

    if (!pacer)
        return;
    HASH_ITER(hh, pacer->tickets, ticket, next_ticket)
    {
        if (ticket->line)
            leave_line(pacer, ticket);
        free_ticket(pacer, ticket);
    }
    HASH_ITER(hh, pacer->places, place, next_place)
    free_place(pacer, place);
    free(pacer->heap);
    free(pacer);
}
