/* A budget: bytes that all requests of a server may hold together. */
#ifndef AVIARY_HTTP_BUDGET_H
#define AVIARY_HTTP_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct budget {
    atomic_size_t taken;
    size_t bytes_max;
};

/* False: that would be more than there is; nothing is taken then. */
static inline bool budget_take(struct budget *budget, size_t bytes) {
    size_t before = atomic_fetch_add(&budget->taken, bytes);
    if (bytes <= budget->bytes_max && before <= budget->bytes_max - bytes) {
        return true;
    }
    atomic_fetch_sub(&budget->taken, bytes);
    return false;
}

/* For what is there already, and cannot be helped. */
static inline void budget_overdraw(struct budget *budget, size_t bytes) {
    atomic_fetch_add(&budget->taken, bytes);
}

static inline void budget_give(struct budget *budget, size_t bytes) {
    atomic_fetch_sub(&budget->taken, bytes);
}

#endif
