#include "fanout.h"

struct fanout {
    struct api *api;
    const char *path;
    const char *query;
    struct fanout_target *targets;
    size_t count;
    size_t answer_bytes_max;
    uint64_t deadline_ms;
    atomic_size_t next; /* target that nobody asks yet */
};

/* Each thread takes the next target until none is left. */
static void run(void *argument) {
    struct fanout *fanout = argument;
    size_t i;
    while ((i = atomic_fetch_add(&fanout->next, 1)) < fanout->count) {
        struct fanout_target *target = &fanout->targets[i];
        struct hop hop = {
            .method = HTTP_METHOD_GET,
            .peer_address = target->peer_address,
            .path = slice_of_string(fanout->path),
            .query = slice_of_string(fanout->query),
            .deadline_ms = fanout->deadline_ms,
            .resend_allowed = true,
            .answer_bytes_max = fanout->answer_bytes_max,
        };
        target->status = hop_perform(fanout->api, &hop, &target->answer, NULL);
    }
}

void fanout_get(struct api *api, const char *path, const char *query, struct fanout_target *targets,
                size_t count, size_t answer_bytes_max, uint64_t deadline_ms) {
    struct fanout fanout = {
        .api = api,
        .path = path,
        .query = query,
        .targets = targets,
        .count = count,
        .answer_bytes_max = answer_bytes_max,
        .deadline_ms = deadline_ms,
    };
    struct thread threads[FANOUT_THREADS_MAX] = {0};
    /* This thread asks too; one that does not start leaves its part to the others. */
    for (size_t i = 0; i < FANOUT_THREADS_MAX && i + 1 < count; i++) {
        if (thread_start(&threads[i], "fanout", run, &fanout, NULL) != STATUS_OK) {
            break;
        }
    }
    run(&fanout);
    for (size_t i = 0; i < FANOUT_THREADS_MAX; i++) {
        thread_join(&threads[i]);
    }
}

void fanout_finish(struct fanout_target *targets, size_t count) {
    for (size_t i = 0; i < count; i++) {
        http_client_response_finish(&targets[i].answer);
    }
}
