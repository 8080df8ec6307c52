#include "places.h"

void places_init(struct places *places, unsigned count) {
    mutex_init(&places->mutex);
    condition_init(&places->left);
    places->free = count;
}

void places_finish(struct places *places) {
    condition_finish(&places->left);
    mutex_finish(&places->mutex);
}

bool places_take(struct places *places, uint64_t deadline_ms) {
    mutex_lock(&places->mutex);
    while (places->free == 0 && condition_wait_until(&places->left, &places->mutex, deadline_ms)) {
    }
    bool taken = places->free > 0;
    places->free -= taken;
    mutex_unlock(&places->mutex);
    return taken;
}

void places_give(struct places *places) {
    mutex_lock(&places->mutex);
    places->free++;
    mutex_unlock(&places->mutex);
    condition_signal(&places->left);
}
