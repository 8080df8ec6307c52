/*
 * Intrusive doubly linked list; the list head is a node of its own. No allocation, no thread of its own.
 */
#ifndef AVIARY_BASE_LIST_H
#define AVIARY_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next;
    struct list *previous;
};

static inline void list_init(struct list *head) {
    head->next = head;
    head->previous = head;
}

static inline bool list_empty(const struct list *head) {
    return head->next == head;
}

static inline void list_append(struct list *head, struct list *node) {
    node->previous = head->previous;
    node->next = head;
    head->previous->next = node;
    head->previous = node;
}

/* Leaves `node` an empty list of its own, so that removing it twice is harmless. */
static inline void list_remove(struct list *node) {
    node->previous->next = node->next;
    node->next->previous = node->previous;
    list_init(node);
}

/* Moves all of `from` behind what `to` has. */
static inline void list_move_all(struct list *to, struct list *from) {
    while (!list_empty(from)) {
        struct list *node = from->next;
        list_remove(node);
        list_append(to, node);
    }
}

#define LIST_ENTRY(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

#endif
