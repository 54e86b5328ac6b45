/* The metrics page. What is counted of servers, streams and upstreams is three tables of figures: where each
 * stands in its stats, and how it is called. One loop writes them all, family by family as the format wants
 * it. */
#include "metrics.h"

#include "exposition.h"
#include "process.h"
#include "tidegate/translate.h"

#include <stdlib.h>
#include <string.h>

/* One number of a stats struct, or an array of numbers told apart by a label. */
struct figure {
    const char *name; /* NULL ends a table */
    const char *type;
    const char *help;
    size_t offset;                       /* of a uint64_t in the stats */
    const char *label;                   /* of an array's entries; NULL: a single number */
    const char *(*label_text)(size_t i); /* of entry i */
    size_t first, end;                   /* the array's entries that are shown */
};

/* Several stats of one kind, told apart by a label. */
struct subjects {
    const char *label;
    size_t count;
    const char **names;
    const char *stats; /* an array of structs */
    size_t stats_size;
};

static uint64_t read_figure(const struct subjects *subjects, size_t subject, size_t offset, size_t entry)
{
    uint64_t value;
    memcpy(&value, subjects->stats + subject * subjects->stats_size + offset + entry * sizeof(value),
           sizeof(value));
    return value;
}

static void write_figure(const struct figure *figure, const struct subjects *subjects, struct tg_buffer *out)
{
    tg_exposition_head(out, figure->name, figure->type, figure->help);
    for (size_t s = 0; s < subjects->count; s++) {
        struct tg_label labels[] = { { subjects->label, subjects->names[s] },
                                     { figure->label, NULL },
                                     { 0 } };
        if (!figure->label) {
            tg_exposition_count(out, figure->name, labels, read_figure(subjects, s, figure->offset, 0));
            continue;
        }
        for (size_t i = figure->first; i < figure->end; i++) {
            labels[1].value = figure->label_text(i);
            tg_exposition_count(out, figure->name, labels, read_figure(subjects, s, figure->offset, i));
        }
    }
}

static void write_figures(const struct figure *figures, const struct subjects *subjects,
                          struct tg_buffer *out)
{
    for (; subjects->count > 0 && figures->name; figures++)
        write_figure(figures, subjects, out);
}

/* ---- servers ----------------------------------------------------------------------------------- */

static const char *close_reason_text(size_t i)
{
    return tg_close_reason_text((enum tg_close_reason)i);
}

static const char *gap_reason_text(size_t i)
{
    return tg_gap_reason_text((enum tg_gap_reason)i);
}

static const char *send_result_text(size_t i)
{
    return tg_send_result_text((enum tg_send_result)i);
}

static const char *status_class_text(size_t i)
{
    static const char *const texts[] = { "0xx", "1xx", "2xx", "3xx", "4xx", "5xx" };
    return texts[i];
}

#define AT(member) offsetof(struct tg_server_stats, member)
static const struct figure server_figures[] = {
    { "tidegate_connections", "gauge", "Connections now.", AT(connections), NULL, NULL, 0, 0 },
    { "tidegate_connections_accepted_total", "counter", "Connections accepted.", AT(accepted), NULL, NULL, 0,
      0 },
    { "tidegate_connections_closed_total", "counter", "Connections ended, by reason.", AT(closed), "reason",
      close_reason_text, 0, TG_CLOSE_COUNT },
    { "tidegate_connections_refused_total", "counter", "Clients sent away for a limit.", AT(refused), NULL,
      NULL, 0, 0 },
    { "tidegate_tls_handshakes_total", "counter", "TLS handshakes begun.", AT(handshakes), NULL, NULL, 0, 0 },
    { "tidegate_tls_handshakes_delayed_total", "counter",
      "TLS handshakes that had to wait for limits.tls_handshakes.", AT(handshakes_delayed), NULL, NULL, 0,
      0 },
    { "tidegate_tls_handshakes_refused_total", "counter",
      "TLS handshakes refused for limits.tls_handshakes_per_address.", AT(handshakes_refused), NULL, NULL, 0,
      0 },
    { "tidegate_subscribers", "gauge", "Clients that follow an event stream now.", AT(subscribers), NULL,
      NULL, 0, 0 },
    { "tidegate_subscribed_total", "counter", "Event streams begun.", AT(subscribed), NULL, NULL, 0, 0 },
    { "tidegate_requests_total", "counter", "Requests answered, by class of status.", AT(requests), "status",
      status_class_text, 2, 6 },
    { "tidegate_send_requests_total", "counter", "Messages of clients for backends, by what became of them.",
      AT(sends), "result", send_result_text, 0, TG_SEND_RESULT_COUNT },
    { "tidegate_sent_bytes_total", "counter", "Bytes of event streams sent.", AT(bytes_out), NULL, NULL, 0,
      0 },
    { "tidegate_writes_total", "counter", "Writes of event streams.", AT(writes), NULL, NULL, 0, 0 },
    { "tidegate_gaps_total", "counter", "Gap events sent, by reason.", AT(gaps), "reason", gap_reason_text,
      TG_GAP_NONE + 1, TG_GAP_EPOCH + 1 },
    { "tidegate_heartbeats_total", "counter", "Heartbeat comments sent.", AT(heartbeats), NULL, NULL, 0, 0 },
    { 0 },
};
#undef AT

static void write_servers(const struct tg_admin_sources *sources, struct tg_buffer *out)
{
    struct tg_server_stats *stats = tg_alloc((sources->server_count + 1) * sizeof(*stats));
    const char **names = tg_alloc((sources->server_count + 1) * sizeof(*names));
    for (size_t i = 0; i < sources->server_count; i++) {
        names[i] = sources->server_names[i];
        tg_server_get_stats(sources->servers[i], &stats[i]);
    }
    struct subjects subjects = { "server", sources->server_count, names, (const char *)stats,
                                 sizeof(*stats) };
    write_figures(server_figures, &subjects, out);
    free(names);
    free(stats);
}

/* ---- streams ----------------------------------------------------------------------------------- */

#define AT(member) offsetof(struct tg_stream_stats, member)
static const struct figure stream_figures[] = {
    { "tidegate_stream_events_total", "counter", "Events appended, without control events.", AT(events), NULL,
      NULL, 0, 0 },
    { "tidegate_stream_bytes_total", "counter", "Bytes appended, as framed for the wire.", AT(bytes), NULL,
      NULL, 0, 0 },
    { "tidegate_stream_retained_events", "gauge", "Events that can be replayed.", AT(retained_events), NULL,
      NULL, 0, 0 },
    { "tidegate_stream_retained_bytes", "gauge", "Bytes of events that can be replayed.", AT(retained_bytes), NULL,
      NULL, 0, 0 },
    { "tidegate_stream_memory_bytes", "gauge", "Memory of the segments held.", AT(memory_bytes), NULL, NULL,
      0, 0 },
    { "tidegate_stream_subscribers", "gauge", "Clients that follow the stream now.", AT(subscribers), NULL,
      NULL, 0, 0 },
    { 0 },
};
static const struct figure single_figures[] = {
    { "tidegate_stream_last_seq", "gauge", "Sequence number of the last event.", AT(last_seq), NULL, NULL, 0,
      0 },
    { 0 },
};
#undef AT

#define AT(member) offsetof(struct tg_family_stats, member)
static const struct figure family_figures[] = {
    { "tidegate_stream_members", "gauge", "Keys or sessions that there are now.", AT(members), NULL, NULL, 0,
      0 },
    { "tidegate_stream_members_limit", "gauge", "How many there may be: max_keys or max_sessions.",
      AT(max_members), NULL, NULL, 0, 0 },
    { "tidegate_stream_members_opened_total", "counter", "Keys or sessions opened.", AT(opened), NULL, NULL,
      0, 0 },
    { "tidegate_stream_members_closed_total", "counter", "Keys or sessions closed.", AT(closed), NULL, NULL,
      0, 0 },
    { "tidegate_stream_members_refused_total", "counter",
      "Keys or sessions refused, and events for keys, for that limit.", AT(refused), NULL, NULL, 0, 0 },
    { 0 },
};
#undef AT

struct stream_list {
    struct tg_stream_stats *stats;
    const char **names;
    size_t count;
};

/* Streams live as long as the registry, and so do their names. */
static void collect_stream(void *arg, struct tg_stream *stream)
{
    struct stream_list *list = arg;
    list->stats = tg_realloc_array(list->stats, list->count + 1, sizeof(*list->stats));
    list->names = tg_realloc_array(list->names, list->count + 1, sizeof(*list->names));
    list->names[list->count] = tg_stream_name(stream);
    tg_stream_get_stats(stream, &list->stats[list->count]);
    list->count++;
}

static void collect_family(struct stream_list *list, const char *name, const struct tg_family_stats *stats)
{
    list->stats = tg_realloc_array(list->stats, list->count + 1, sizeof(*list->stats));
    list->names = tg_realloc_array(list->names, list->count + 1, sizeof(*list->names));
    list->names[list->count] = name;
    list->stats[list->count++] = (struct tg_stream_stats){
        .events = stats->events,
        .bytes = stats->bytes,
        .retained_events = stats->retained_events,
        .retained_bytes = stats->retained_bytes,
        .memory_bytes = stats->memory_bytes,
        .subscribers = stats->subscribers,
    };
}

/* A family is one subject, however many members it has: the page does not grow with them. */
static void write_streams(const struct tg_admin_sources *sources, struct tg_buffer *out)
{
    struct stream_list list = { 0 };
    size_t family_count = sources->family_count;
    struct tg_family_stats *families = tg_alloc((family_count + 1) * sizeof(*families));
    tg_registry_each(sources->registry, collect_stream, &list);
    size_t single_count = list.count;
    for (size_t i = 0; i < family_count; i++) {
        sources->get_family_stats(sources->families_arg, i, &families[i]);
        collect_family(&list, sources->family_names[i], &families[i]);
    }
    struct subjects all = { "stream", list.count, list.names, (const char *)list.stats, sizeof(*list.stats) };
    struct subjects single = all;
    struct subjects grouped = { "stream", family_count, list.names + single_count, (const char *)families,
                                sizeof(*families) };
    single.count = single_count;
    write_figures(stream_figures, &all, out);
    write_figures(single_figures, &single, out);
    write_figures(family_figures, &grouped, out);
    free(families);
    free(list.names);
    free(list.stats);
}

/* ---- upstreams --------------------------------------------------------------------------------- */

static const char *state_text(size_t i)
{
    return tg_upstream_state_text((enum tg_upstream_state)i);
}

static const char *reason_text(size_t i)
{
    return tg_upstream_reason_text((enum tg_upstream_reason)i);
}

static const char *ending_text(size_t i)
{
    return tg_ending_text((enum tg_ending)i);
}

static const char *cause_text(size_t i)
{
    return tg_misfit_text((enum tg_misfit)i);
}

#define AT(member) offsetof(struct tg_upstream_stats, member)
static const struct figure upstream_figures[] = {
    { "tidegate_upstream_up", "gauge", "Connections to the backend that are up.", AT(states[TG_UPSTREAM_UP]),
      NULL, NULL, 0, 0 },
    { "tidegate_upstream_state", "gauge", "How many upstreams are in this state.", AT(states), "state",
      state_text, 0, TG_UPSTREAM_STATE_COUNT },
    { "tidegate_upstream_attempts_total", "counter", "Attempts to connect.", AT(attempts), NULL, NULL, 0, 0 },
    { "tidegate_upstream_delayed_attempts_total", "counter",
      "Attempts to connect that had to wait for limits.upstream_connects.", AT(delayed), NULL, NULL, 0, 0 },
    { "tidegate_upstream_waiting_attempts", "gauge",
      "Attempts to connect that wait for limits.upstream_connects now.", AT(waiting), NULL, NULL, 0, 0 },
    { "tidegate_upstream_connects_total", "counter", "Attempts that came up.", AT(connects), NULL, NULL, 0,
      0 },
    { "tidegate_upstream_failures_total", "counter", "Failed attempts and ended connections, by reason.",
      AT(failures), "reason", reason_text, TG_REASON_NONE + 1, TG_REASON_COUNT },
    { "tidegate_upstream_ended_total", "counter",
      "Upstreams that ended for good, and their streams with them.", AT(endings), "result", ending_text, 0,
      TG_ENDING_COUNT },
    { "tidegate_upstream_messages_total", "counter", "Messages received.", AT(messages), NULL, NULL, 0, 0 },
    { "tidegate_upstream_message_bytes_total", "counter", "Bytes of messages received.", AT(message_bytes),
      NULL, NULL, 0, 0 },
    { "tidegate_upstream_dropped_messages_total", "counter",
      "Messages that were too large or did not fit the rules, by cause.", AT(misfits), "cause", cause_text,
      TG_MISFIT_NONE + 1, TG_MISFIT_COUNT },
    { "tidegate_upstream_untyped_events_total", "counter",
      "Events for whose type the rule `event` found nothing.", AT(untyped), NULL, NULL, 0, 0 },
    { "tidegate_upstream_filtered_messages_total", "counter", "Messages that the filter did not let through.",
      AT(filtered), NULL, NULL, 0, 0 },
    { "tidegate_upstream_repeated_messages_total", "counter", "Messages that had been seen before.",
      AT(repeated), NULL, NULL, 0, 0 },
    { "tidegate_upstream_refused_events_total", "counter",
      "Events dropped, since their key would have been one too many.", AT(refused), NULL, NULL, 0, 0 },
    { "tidegate_upstream_cursor_missing_total", "counter",
      "Answers to polls without a cursor where cursor.from points to.", AT(cursor_missing), NULL, NULL, 0,
      0 },
    { 0 },
};
#undef AT

static void write_upstreams(const struct tg_admin_sources *sources, struct tg_buffer *out)
{
    size_t count = tg_upstream_set_count(sources->upstreams);
    struct tg_upstream_stats *stats = tg_alloc((count + 1) * sizeof(*stats));
    const char **names = tg_alloc((count + 1) * sizeof(*names));
    for (size_t i = 0; i < count; i++) {
        tg_upstream_set_get_stats(sources->upstreams, i, &stats[i]);
        names[i] = stats[i].stream_name;
    }
    struct subjects subjects = { "stream", count, names, (const char *)stats, sizeof(*stats) };
    write_figures(upstream_figures, &subjects, out);
    free(names);
    free(stats);
}

/* ---- the process ------------------------------------------------------------------------------- */

static void write_number(struct tg_buffer *out, const char *name, const char *type, const char *help,
                         uint64_t value)
{
    tg_exposition_head(out, name, type, help);
    tg_exposition_count(out, name, NULL, value);
}

static void write_time(struct tg_buffer *out, const char *name, const char *type, const char *help,
                       double value)
{
    tg_exposition_head(out, name, type, help);
    tg_exposition_seconds(out, name, NULL, value);
}

static void write_process(const struct tg_admin_sources *sources, struct tg_buffer *out)
{
    const struct tg_label version[] = { { "version", TIDEGATE_VERSION }, { 0 } };
    tg_exposition_head(out, "tidegate_build_info", "gauge", "Always 1; the labels say what is running.");
    tg_exposition_count(out, "tidegate_build_info", version, 1);

    struct tg_process_figures now;
    tg_process_look(&now);
    write_time(out, "process_start_time_seconds", "gauge", "When the process began, in seconds of Unix time.",
               (double)sources->started_ms / 1e3);
    write_time(out, "process_cpu_seconds_total", "counter", "CPU time used, user and system.",
               now.cpu_seconds);
    write_number(out, "process_resident_memory_bytes", "gauge", "Memory in use.", now.resident_bytes);
    write_number(out, "process_virtual_memory_bytes", "gauge", "Address space in use.", now.virtual_bytes);
    write_number(out, "process_open_fds", "gauge", "Open file descriptors.", now.open_fds);
    write_number(out, "process_max_fds", "gauge", "Limit of open file descriptors.", now.max_fds);
}

void tg_metrics_write(const struct tg_admin_sources *sources, struct tg_buffer *out)
{
    write_process(sources, out);
    write_servers(sources, out);
    write_streams(sources, out);
    write_upstreams(sources, out);
}
