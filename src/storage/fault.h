/*
 * The first failure of a write, which sticks: after it nothing more is written, and the process must end.
 */
#ifndef AVIARY_STORAGE_FAULT_H
#define AVIARY_STORAGE_FAULT_H

#include "aviary/base.h"

#include <stdatomic.h>

/* Threads: any. */
struct fault {
    atomic_uint status; /* enum status */
};

static inline void fault_init(struct fault *fault) {
    atomic_init(&fault->status, STATUS_OK);
}

static inline enum status fault_status(const struct fault *fault) {
    return (enum status)atomic_load_explicit(&fault->status, memory_order_acquire);
}

/* Keeps the first; returns what is kept. */
static inline enum status fault_set(struct fault *fault, enum status status) {
    unsigned expected = STATUS_OK;
    atomic_compare_exchange_strong(&fault->status, &expected, status);
    return fault_status(fault);
}

#endif
