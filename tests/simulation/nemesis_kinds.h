/*
 * What nemesis.c strikes with, beyond processes and clocks.
 */
#ifndef AVIARY_TESTS_SIMULATION_NEMESIS_KINDS_H
#define AVIARY_TESTS_SIMULATION_NEMESIS_KINDS_H

#include <stddef.h>
#include <stdint.h>

struct broker;
struct simulation;

/* nemesis.c */
uint64_t nemesis_below(struct simulation *simulation, uint64_t bound);
struct broker *nemesis_any_broker(struct simulation *simulation);
/* For faults of one broker: now and then one that leads some group. */
struct broker *nemesis_victim(struct simulation *simulation);

/* nemesis_network.c */
void nemesis_cut(struct simulation *simulation);
/* About the broker at that position. */
void nemesis_cut_somehow(struct simulation *simulation, size_t first);
/* Into two parts. */
void nemesis_part(struct simulation *simulation, size_t first);
void nemesis_storm(struct simulation *simulation);
void nemesis_slow_link(struct simulation *simulation);
void nemesis_close_streams(struct simulation *simulation);
/* It looks dead to all others, and is not. */
void nemesis_close_all_of(struct simulation *simulation, size_t from);

/* nemesis_disk.c */
void nemesis_slow_disk(struct simulation *simulation);
void nemesis_full_disk(struct simulation *simulation);
void nemesis_fail_write(struct simulation *simulation);
void nemesis_lose_disk(struct simulation *simulation);
void nemesis_damage(struct simulation *simulation);

#endif
